"""The clock that stamps what is received, and who is believed about it."""

from __future__ import annotations

import pytest

from engine.clock import ReceiveClock, SystemClock
from engine.feeds.venue_time import agreed_ms
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


def test_it_is_set_at_once_where_it_is_far_off() -> None:
    machine = SteppedClock()
    clock = ReceiveClock(machine)
    clock.correct(-HOUR_NS)
    assert clock.now_ns() == machine.now_ns() - HOUR_NS
    clock.correct(2 * HOUR_NS)
    assert clock.now_ns() == machine.now_ns() + HOUR_NS


def test_elapsed_time_of_the_machine_goes_on() -> None:
    clock = SystemClock()
    assert 0 <= clock.elapsed_ns() - clock.elapsed_ns() + 10**9 <= 10**9


@pytest.mark.parametrize(
    ("measured", "machine_ms", "agreed"),
    [
        ({}, 0.0, None),
        ({"okx": 601_000.0}, 0.0, 601_000.0),
        ({"okx": 601_000.0, "bybit": 10.0}, 0.0, 0.0),
        ({"okx": 0.0, "bybit": -601_000.0}, -601_000.0, -601_000.0),
        ({"okx": 601_000.0, "bybit": 9_000.0}, 0.0, None),
        ({"okx": 3_600_010.0, "bybit": 3_599_990.0}, 0.0, 3_600_000.0),
        ({"okx": 3_600_010.0, "bybit": 3_599_990.0, "binance": 50.0}, 0.0, 3_600_000.0),
        ({"okx": 601_000.0, "bybit": 10.0, "binance": 30.0}, 0.0, 20.0),
        ({"okx": 9e5, "bybit": 9e5, "binance": 5e5, "bitget": 5e5}, 0.0, None),
    ],
)
def test_who_is_believed(measured: dict[str, float], machine_ms: float, agreed: float | None) -> None:
    assert agreed_ms(measured, machine_ms) == agreed
