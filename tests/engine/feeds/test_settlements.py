"""When settled funding rates are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from engine.feeds.settlements import AGAIN_MS, PUBLISHED_MS, SPACING_S, YIELD_MS, Settlements
from engine.instruments import Instrument
from engine.venues.live import Poll
from engine.venues.registry import make_languages

HOUR = 3_600_000
NOW = 1_700_000_000_000 // (8 * HOUR) * 8 * HOUR + 2 * HOUR


def poll(symbol: str, hours: float = 8.0) -> Poll:
    return Poll("funding_history", f"GET /settled?{symbol}", hours * 3600.0, symbol)


class Named:
    """The next settlements that a venue names, by symbol."""

    def __init__(self, **hours: float) -> None:
        self.hours = hours
        self.now_ms = NOW

    def __call__(self, symbol: str) -> int:
        every = self.hours.get(symbol)
        return -1 if every is None else int((self.now_ms // (every * HOUR) + 1) * every * HOUR)


def every_rate(symbol: str) -> int:
    """The newest rate is always known."""
    return 1 << 62


def run(settlements: Settlements, named: Named, hours: float, pace_s: float = SPACING_S) -> list[tuple[str, int]]:
    """Symbol and milliseconds since the start of every request within so many hours."""
    found = []
    began = named.now_ms
    while named.now_ms < began + hours * HOUR:
        one = settlements.take(named.now_ms)
        if one is not None:
            found.append((one.symbol, named.now_ms - began))
        named.now_ms += int(pace_s * 1000)
    return found


def test_the_first_requests_go_out_one_by_one_in_the_order_of_importance() -> None:
    settlements = Settlements(Named(), every_rate)
    settlements.set([poll(f"S{n}") for n in range(100)], NOW)
    asked = run(settlements, Named(), 0.1)
    assert [symbol for symbol, _ in asked] == [f"S{n}" for n in range(100)]
    assert asked[-1][1] == 99 * 1_250


@pytest.mark.parametrize("stated", [8.0, 1.0])
@pytest.mark.parametrize("hours", [8.0, 4.0, 1.0])
def test_each_settlement_is_asked_for_soon_after_it_whatever_interval_is_listed(hours: float, stated: float) -> None:
    named = Named(A=hours)
    settlements = Settlements(named, every_rate)
    settlements.set([poll("A", stated)], NOW)
    asked = [NOW + ms for _, ms in run(settlements, named, 24.0)]
    settled = [NOW // HOUR * HOUR + n * HOUR for n in range(1, 24) if (NOW // HOUR + n) % hours == 0]
    for settled_ms in settled:
        late = [ms - settled_ms for ms in asked if ms >= settled_ms]
        assert PUBLISHED_MS <= late[0] <= PUBLISHED_MS + 2_000


def test_a_shorter_interval_is_noticed() -> None:
    named = Named(A=8.0)
    settlements = Settlements(named, every_rate)
    settlements.set([poll("A", 8.0)], NOW)
    assert settlements.take(NOW) is not None
    named.hours["A"] = 1.0
    assert len(run(settlements, named, 3.1)) == 3


def test_without_a_named_settlement_one_interval_is_assumed() -> None:
    named = Named()
    settlements = Settlements(named, every_rate)
    settlements.set([poll("A", 4.0)], NOW)
    assert [ms for _, ms in run(settlements, named, 9.0)] == pytest.approx(
        [0, 4 * HOUR + PUBLISHED_MS, 8 * HOUR + 2 * PUBLISHED_MS], abs=3_000
    )


@pytest.mark.parametrize("stamped_ms", [-20, 0, 15])
def test_a_rate_that_is_published_late_is_asked_for_again_until_it_is_there(stamped_ms: int) -> None:
    named, known = Named(A=8.0), {"A": -1}
    settlements = Settlements(named, lambda symbol: known[symbol])
    settlements.set([poll("A")], NOW)
    settles_ms, asked = named("A"), []
    while named.now_ms < settles_ms + 3 * HOUR:
        if (one := settlements.take(named.now_ms)) is not None:
            asked.append((named.now_ms - settles_ms) // 60_000)
            if asked[-1] >= 0:
                known["A"] = settles_ms + stamped_ms if named.now_ms >= settles_ms + 600_000 else settles_ms - 8 * HOUR
            settlements.answered(one, named.now_ms)
        named.now_ms += 1_000
    assert asked == [-6 * 60, 1, 6, 16]


def test_a_rate_that_is_never_published_costs_few_requests_and_the_next_is_asked_for_in_time() -> None:
    named = Named(A=8.0, B=1.0)
    settlements = Settlements(named, lambda symbol: -1)
    settlements.set([poll("A"), poll("B")], NOW)
    asked: dict[str, list[int]] = {"A": [], "B": []}
    while named.now_ms < NOW + 14 * HOUR + 300_000:
        if (one := settlements.take(named.now_ms)) is not None:
            asked[one.symbol].append((named.now_ms - NOW) // 60_000)
            settlements.answered(one, named.now_ms)
        named.now_ms += 1_000
    settled = 6 * 60
    assert asked["A"] == [0, *(settled + after for after in (1, 6, 16, 36, 76)), settled + 481]
    assert asked["B"][:6] == [0, 61, 66, 76, 96, 121]


def test_while_candles_are_awaited_only_the_first_go_at_once() -> None:
    settlements = Settlements(Named(), every_rate)
    settlements.set([poll("A"), poll("B"), poll("C")], NOW)
    assert settlements.take(NOW, {"C"}) == poll("C")
    assert settlements.take(NOW + YIELD_MS - 1, {"C"}) is None
    # The candles may never come.
    assert settlements.take(NOW + YIELD_MS, {"C"}) == poll("A")
    assert settlements.take(NOW + YIELD_MS, None) == poll("B")


def test_a_failure_is_asked_again_and_a_refusal_is_not() -> None:
    settlements = Settlements(Named(), every_rate)
    settlements.set([poll("A"), poll("B")], NOW)
    first, second = settlements.take(NOW), settlements.take(NOW)
    assert first is not None
    assert second is not None
    assert settlements.take(NOW) is None
    settlements.failed(first, NOW)
    settlements.drop(second)
    assert settlements.take(NOW + AGAIN_MS - 1) is None
    assert settlements.take(NOW + AGAIN_MS) == first
    assert settlements.take(NOW + 30 * HOUR) == first


def test_a_new_set_keeps_the_times_of_those_that_stay() -> None:
    settlements = Settlements(Named(), every_rate)
    settlements.set([poll("A"), poll("B")], NOW)
    assert settlements.take(NOW) == poll("A")
    settlements.set([poll("C"), poll("A")], NOW)
    assert settlements.take(NOW) == poll("C")
    assert settlements.take(NOW) is None
    settlements.set([], NOW)
    settlements.set([poll("A")], NOW)
    assert settlements.take(NOW) == poll("A")


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "bitget"])
def test_six_hundred_contracts_settle_within_every_venues_budget(venue: str) -> None:
    language = next(one for one in make_languages([venue]) if not one.venue.endswith("spot"))
    contracts = [
        Instrument(language.venue, f"S{n}USDT", "perp", f"S{n}", "USDT", f"S{n}", funding_interval_h=8.0)
        for n in range(600)
    ]
    polls = [one for one in language.polls(contracts) if one.kind == "funding_history"]
    assert {one.every_s for one in polls} == {8 * 3600.0}
    named = Named(**{one.symbol: (1.0 if place % 5 == 0 else 8.0) for place, one in enumerate(contracts)})
    # A start 5 minutes before everything settles: both rounds of requests fall together.
    named.now_ms = NOW + 6 * HOUR - 300_000
    settlements = Settlements(named, every_rate)
    settlements.set(polls, named.now_ms)
    asked = run(settlements, named, 3.0)
    times = np.array([ms for _, ms in asked])
    pools = {pool.name: pool for pool in language.pools}
    for name, weight in language.cost(polls[0].request).pools:
        window_ms = pools[name].window_s * 1000.0
        most = max(int(((times >= since) & (times < since + window_ms)).sum()) for since in times.tolist())
        assert most * weight <= max(1.0, 0.97 * pools[name].capacity * (1.0 - pools[name].reserve))
    first: dict[str, int] = {}
    for symbol, ms in asked:
        first.setdefault(symbol, ms)
    assert len(first) == 600
    # The most important are asked again for what has just settled before the least important for the first time.
    assert max(first.values()) <= 18 * 60_000
