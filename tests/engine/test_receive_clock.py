"""The clock that stamps what is received, and who is believed about it."""

from __future__ import annotations

from typing import cast

import pytest

from engine.clock import ReceiveClock, SystemClock
from engine.feeds.venue_time import VenueTime, agreed_ms
from engine.transport.host_status import HostRecord, HostStatus
from engine.transport.rest_client import RestClient
from engine.venues.registry import make_languages
from tests.engine.transport.stepped_clock import SteppedClock

HOUR_NS = 3_600_000_000_000


async def test_setting_the_machines_clock_does_nothing_to_it_and_sleep_counts() -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    began = clock.now_ns()
    machine.wall_skew_ns = -HOUR_NS
    await machine.advance(1)
    assert clock.now_ns() - began == 1_000_000_000
    assert clock.ahead_ns == HOUR_NS
    machine.slept_ns = 5_000_000_000
    assert clock.now_ns() - began == 6_000_000_000
    assert clock.monotonic_ns() == machine.monotonic_ns()


async def test_it_leans_by_a_hundredth_and_never_runs_backwards() -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    began = newest = clock.now_ns()
    for _ in range(1_000):
        await machine.advance(0.1)
        clock.lean(-400_000_000 + began + machine.elapsed_ns() - 1_000_000_000 - clock.now_ns())
        assert clock.now_ns() >= newest
        newest = clock.now_ns()
    assert clock.ahead_ns == pytest.approx(-400_000_000, abs=2_000_000)


@pytest.mark.parametrize("by_ns", [-8_000_000_000, 8_000_000_000])
def test_it_does_not_leap_after_a_sleep_of_hours(by_ns: int) -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    machine.slept_ns = 10 * HOUR_NS
    before = clock.now_ns()
    clock.lean(by_ns)
    assert abs(clock.ahead_ns) <= 600_000_000
    assert clock.now_ns() >= before


class Measured:
    """What the requests have shown: one exchange, whose clock is ahead of the machine's by `ahead_ms`."""

    def __init__(self, clock: ReceiveClock, machine: SteppedClock, host: str) -> None:
        self.ahead_ms = 0.0
        self._clock, self._machine, self._host = clock, machine, host

    def status(self) -> dict[str, HostStatus]:
        record = HostRecord(self._host, self._clock)
        record.measured(round(self.ahead_ms * 1e6) - self._clock.ahead_ns, 20.0)
        return {self._host: record.status()}


class Asked:
    """What the requests to these hosts have shown."""

    def __init__(self, *hosts: HostRecord) -> None:
        self._hosts = hosts

    def status(self) -> dict[str, HostStatus]:
        return {one.host: one.status() for one in self._hosts}


async def test_a_host_that_is_asked_no_more_has_no_say_over_the_one_that_is() -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    (language,) = make_languages(["bybit"])[:1]
    first, second = (HostRecord(host, clock) for host in language.hosts[:2])
    venue_time = VenueTime(clock, cast("RestClient", Asked(first, second)), [language], lambda words: None)
    second.measured(0, 5.0)
    await machine.advance(60)
    first.measured(9_000_000_000, 40.0)
    assert venue_time._measured() == {"bybit": pytest.approx(0.0)}, "both are new, and the quicker one is nearer"
    await machine.advance(86_400)
    first.measured(4_000_000_000, 40.0)
    assert venue_time._measured() == {"bybit": pytest.approx(4_000.0)}


@pytest.mark.parametrize("ahead_ms", [-8_000.0, 8_000.0])
async def test_an_error_that_shows_after_hours_is_leaned_out_and_not_leapt_over(ahead_ms: float) -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    (language,) = make_languages(["okx"])
    rest = Measured(clock, machine, language.hosts[0])
    venue_time = VenueTime(clock, cast("RestClient", rest), [language], lambda words: None)
    for _ in range(1_000):
        await machine.advance(60)
        assert not venue_time.is_far()
    rest.ahead_ms = ahead_ms
    before = clock.now_ns()
    for _ in range(10):
        await machine.advance(0.5)
        assert not venue_time.is_far()
    assert clock.now_ns() - before == pytest.approx(5_000_000_000, abs=55_000_000)
    for _ in range(2_000):
        await machine.advance(0.5)
        venue_time.is_far()
    assert clock.ahead_ns == pytest.approx(ahead_ms * 1e6, abs=510_000_000)


def test_it_is_set_at_once_where_it_is_far_off() -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    clock.correct(-HOUR_NS)
    assert clock.now_ns() == machine.now_ns() - HOUR_NS
    clock.correct(2 * HOUR_NS)
    assert clock.now_ns() == machine.now_ns() + HOUR_NS


def test_elapsed_time_of_the_machine_goes_on() -> None:
    clock = SystemClock()
    before = clock.elapsed_ns()
    assert any(clock.elapsed_ns() > before for _ in range(1_000_000))


@pytest.mark.parametrize(
    ("measured", "machine_ms", "agreed"),
    [
        ({}, 0.0, None),
        ({"okx": 601_000.0}, 0.0, 601_000.0),
        ({"okx": 601_000.0, "bybit": 10.0}, 0.0, 0.0),
        ({"okx": 0.0, "bybit": -601_000.0}, -601_000.0, -601_000.0),
        ({"okx": 601_000.0, "bybit": 9_000.0}, 0.0, None),
        ({"okx": 3_500.0, "bybit": 10.0}, 0.0, 0.0),
        ({"okx": 3_500.0, "bybit": 3_400.0, "binance": 10.0, "bitget": 0.0}, 0.0, 0.0),
        ({"okx": 1_500.0, "bybit": 500.0}, 0.0, 1_000.0),
        ({"okx": 3_600_010.0, "bybit": 3_599_990.0}, 0.0, 3_600_000.0),
        ({"okx": 3_600_010.0, "bybit": 3_599_990.0, "binance": 50.0}, 0.0, 3_600_000.0),
        ({"okx": 601_000.0, "bybit": 10.0, "binance": 30.0}, 0.0, 20.0),
        ({"okx": 9e5, "bybit": 9e5, "binance": 5e5, "bitget": 5e5}, 0.0, None),
    ],
)
def test_who_is_believed(measured: dict[str, float], machine_ms: float, agreed: float | None) -> None:
    assert agreed_ms(measured, machine_ms) == agreed
