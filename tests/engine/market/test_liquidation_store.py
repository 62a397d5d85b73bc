from __future__ import annotations

import math
import random

import numpy as np
import pytest

from engine.events import Liquidation
from engine.instruments import Instrument
from engine.market.liquidations import LINES, LiquidationStore
from engine.market.universe import Universe
from tests.engine.market.market_events import MINUTE, T0, instrument

A = instrument("AUSDT")
B = instrument("BUSDT", "bybit-linear")
EURO = instrument("BTCEUR", "okx")


def store() -> LiquidationStore:
    universe = Universe()
    liquidations = LiquidationStore(universe)
    for i in (A, B, EURO):
        universe.add(i)
        liquidations.add_row()
    return liquidations


def event(of: Instrument, ts_ms: int, side: str = "long", size: float = 1.0, sampled: bool = False) -> Liquidation:
    return Liquidation(of.venue, of.symbol, ts_ms, ts_ms * 1_000_000, side, 10.0, size, sampled)  # type: ignore[arg-type]


def test_minutes_totals_and_lines_agree_with_plain_sums() -> None:
    rng = random.Random(5)
    liquidations = store()
    events = []
    for _ in range(1500):
        row = rng.randrange(2)
        ts = T0 + rng.randrange(2 * 3_600_000)
        events.append((row, event((A, B)[row], ts, rng.choice(["long", "short"]), rng.random(), row == 0)))
    events.sort(key=lambda pair: pair[1].ts_ms)
    for row, e in events:
        liquidations.apply(row, e)
    at_ms = events[-1][1].ts_ms
    view = liquidations.view(at_ms)
    for side, field in (("long", view.long_usd), ("short", view.short_usd)):
        expected = np.zeros((3, 60))
        for row, e in events:
            column = 59 - (at_ms // MINUTE - e.ts_ms // MINUTE)
            if e.side == side and column >= 0:
                expected[row, column] += e.size * 10.0
        assert field == pytest.approx(expected)
    for totals in liquidations.totals(at_ms):
        first = at_ms // 1000 - totals.window_ms // 1000 + 1
        for side, value in (("long", totals.long_usd), ("short", totals.short_usd)):
            assert value == pytest.approx(
                sum(e.size * 10.0 for _, e in events if e.side == side and e.ts_ms // 1000 >= first)
            )
        assert totals.sampled_venues == ("binance-usdm",)
    lines = liquidations.lines()
    assert [line.ts_ms for line in lines] == [e.ts_ms for _, e in reversed(events)][:LINES]
    assert view.since_ms.tolist()[:2] == [next(e.ts_ms for row, e in events if row == r) for r in range(2)]
    assert view.since_ms[2] == -1
    assert view.sampled.tolist() == [True, False, False]


def test_other_money_stands_among_the_lines_without_dollars() -> None:
    liquidations = store()
    liquidations.apply(2, event(EURO, T0))
    assert math.isnan(liquidations.lines()[0].notional_usd)
    assert liquidations.view(T0).long_usd.sum() == 0.0
    assert liquidations.totals(T0)[2].long_usd == 0.0


def test_a_rows_revision_changes_with_its_minutes_and_not_with_those_of_others() -> None:
    liquidations = store()
    liquidations.apply(0, event(A, T0))
    before = liquidations.view(T0).revision
    liquidations.apply(0, event(A, T0 - 2 * MINUTE))
    after = liquidations.view(T0).revision
    assert before is not None
    assert after is not None
    assert (before != after).tolist() == [True, False, False]
    later = liquidations.view(T0 + MINUTE).revision
    assert later is not None
    assert (later != after).all()


def test_windows_are_of_event_time() -> None:
    liquidations = store()
    liquidations.apply(0, event(A, T0))
    assert [t.long_usd for t in liquidations.totals(T0 + 59_999)] == [10.0, 10.0, 10.0]
    assert [t.long_usd for t in liquidations.totals(T0 + 60_000)] == [0.0, 10.0, 10.0]
    assert [t.long_usd for t in liquidations.totals(T0 + 3_600_000)] == [0.0, 0.0, 0.0]


def test_a_late_one_goes_to_its_minute_and_the_order_is_by_time() -> None:
    liquidations = store()
    liquidations.apply(0, event(A, T0))
    liquidations.apply(1, event(B, T0 - 3 * MINUTE, "short"))
    liquidations.apply(0, event(A, T0 - 500 * MINUTE))
    view = liquidations.view(T0)
    assert view.short_usd[1, -4] == 10.0
    assert view.long_usd.sum() == 10.0
    assert liquidations.late == 1
    assert [line.ts_ms for line in liquidations.lines()] == [T0, T0 - 3 * MINUTE, T0 - 500 * MINUTE]
    assert [line.side for line in liquidations.lines_of("bybit-linear", "BUSDT")] == ["short"]


def test_after_an_interruption_the_venue_begins_anew() -> None:
    liquidations = store()
    liquidations.apply(0, event(A, T0))
    liquidations.apply(1, event(B, T0))
    liquidations.interrupted(["binance-usdm"])
    assert liquidations.view(T0).since_ms.tolist() == [-1, T0, -1]
    liquidations.apply(0, event(A, T0 + 5))
    assert liquidations.view(T0).since_ms.tolist() == [T0 + 5, T0, -1]


def test_the_last_hour_by_minute_sums_the_rows_and_knows_what_it_does_not_know() -> None:
    liquidations = store()
    first = T0 + 30 * MINUTE
    for row, of, ts, side in (
        (0, A, first, "long"),
        (1, B, first + 2 * MINUTE, "short"),
        (1, B, first + 2 * MINUTE + 5, "long"),
    ):
        liquidations.apply(row, event(of, ts, side, sampled=row == 1))
    at_ms = first + 3 * MINUTE
    held = liquidations.by_minute(at_ms)
    assert held.first_minute == at_ms // MINUTE - 59
    assert np.isnan(held.long_usd[:56]).all()
    assert np.isnan(held.short_usd[:56]).all()
    assert held.long_usd[56:].tolist() == [10, 0, 10, 0]
    assert held.short_usd[56:].tolist() == [0, 0, 10, 0]
    assert held.sampled_venues == ("bybit-linear",)
    alone = liquidations.by_minute(at_ms, 0)
    assert alone.long_usd[56:].tolist() == [10, 0, 0, 0]
    assert alone.sampled_venues == ()
    assert np.isnan(liquidations.by_minute(at_ms, 2).long_usd).all(), "not quoted in dollars"
    liquidations.apply(0, event(A, at_ms))
    assert held.long_usd[59] == alone.long_usd[59] == 0, "what was handed out does not change"


def test_no_minute_is_known_before_the_first_liquidation() -> None:
    held = store().by_minute(T0)
    assert np.isnan(held.long_usd).all()
    assert np.isnan(held.short_usd).all()


def test_a_confirmed_feed_of_the_whole_venue_is_silent_and_not_unknown() -> None:
    liquidations = store()
    liquidations.stands("binance-usdm", "", T0)
    assert liquidations.view(T0 + 7 * MINUTE).since_ms.tolist() == [T0, -1, -1]
    assert liquidations.by_minute(T0 + 7 * MINUTE).long_usd[52:].tolist() == [0] * 8
    assert np.isnan(liquidations.by_minute(T0 + 7 * MINUTE).long_usd[:52]).all()
    liquidations.apply(0, event(A, T0 + 5))
    liquidations.stands("binance-usdm", "", T0 + 6)
    assert liquidations.view(T0).since_ms[0] == T0, "a hand-over without a break is none"
    liquidations.fell("binance-usdm", [""])
    assert liquidations.view(T0).since_ms[0] == -1
    liquidations.stands("binance-usdm", "", T0 + 9)
    assert liquidations.view(T0).since_ms[0] == T0 + 9


def test_where_feeds_are_of_one_symbol_each_begins_by_itself() -> None:
    universe = Universe()
    liquidations = LiquidationStore(universe)
    liquidations.stands("bybit-linear", "BUSDT", T0)
    others = [instrument(f"C{number}USDT", "bybit-linear") for number in range(100)]
    for one in (B, *others):
        universe.add(one)
        liquidations.add_row()
    liquidations.apply(5, event(others[4], T0 + 1))
    liquidations.stands("bybit-linear", others[0].symbol, T0 + 2)
    since = liquidations.view(T0).since_ms.tolist()
    assert since == [T0, T0 + 2, -1, -1, -1, T0 + 1] + [-1] * 95
    liquidations.fell("bybit-linear", ["BUSDT", "NEVERUSDT"])
    assert liquidations.view(T0).since_ms.tolist() == [-1, *since[1:]]


def test_without_confirmations_the_first_liquidation_speaks_for_its_venue_until_one_comes() -> None:
    universe = Universe()
    liquidations = LiquidationStore(universe)
    for one in (B, instrument("CUSDT", "bybit-linear")):
        universe.add(one)
        liquidations.add_row()
    liquidations.apply(0, event(B, T0))
    assert liquidations.view(T0).since_ms.tolist() == [T0, T0]
    liquidations.stands("bybit-linear", "BUSDT", T0 + 1)
    assert liquidations.view(T0).since_ms.tolist() == [T0 + 1, -1]


@pytest.mark.parametrize("slept_s", [600, 1_000, 5_000, 100_000])
def test_a_picture_of_before_a_sleep_has_its_sums_whatever_has_come_since(slept_s: int) -> None:
    liquidations = store()
    liquidations.apply(0, event(A, T0))
    late_ms = T0 + slept_s * 1000
    liquidations.apply(0, event(A, late_ms, size=2.0))
    before, after = liquidations.totals(T0)[2].long_usd, liquidations.totals(late_ms)[2].long_usd
    assert after == (30.0 if slept_s < 3_600 else 20.0)
    assert before in ((10.0,) if slept_s <= 900 else (0.0, 10.0)), "what is kept whole ends before what came since"
    by_minute = liquidations.by_minute(T0)
    assert T0 <= (by_minute.first_minute + 60) * MINUTE <= late_ms + MINUTE
    assert np.nansum(by_minute.long_usd) in (0.0, 10.0)
