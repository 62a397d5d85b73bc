from __future__ import annotations

import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import NAN, Trade
from engine.market.prints import RECENT, Print
from engine.market.tape import SECONDS, SLACK_S, TapeStore, quantile
from engine.market.universe import Universe
from engine.market.volume_buckets import VolumeBuckets
from tests.engine.market.market_events import T0, instrument, trade
from tests.engine.market.market_oracles import bucket_imbalances, large, per_second, vpins


def store(*symbols: str, volume: float = NAN) -> TapeStore:
    universe = Universe()
    tape = TapeStore(universe, lambda row: volume)
    for symbol in symbols or ("BTCUSDT",):
        universe.add(instrument(symbol))
        tape.add_row()
    return tape


def stream(seed: int, n: int, span_ms: int) -> list[Trade]:
    rng = random.Random(seed)
    times = sorted(T0 + rng.randrange(span_ms) for _ in range(n))
    return [trade(t, rng.expovariate(1.0), rng.random() < 0.6, 50 + rng.random()) for t in times]


@pytest.mark.parametrize(("seed", "span_s"), [(1, 100), (2, 3000), (3, 20_000)])
def test_seconds_hold_what_was_traded_in_them(seed: int, span_s: int) -> None:
    tape = store()
    trades = stream(seed, 4000, span_s * 1000)
    for t in trades:
        tape.apply(0, t)
    at_ms = trades[-1].ts_ms
    view = tape.view(at_ms)
    expected = per_second(trades, at_ms // 1000, SECONDS)
    assert view.buy_usd[0].tolist() == pytest.approx(expected["buy"])
    assert view.sell_usd[0].tolist() == pytest.approx(expected["sell"])
    assert view.trades[0].tolist() == expected["trades"]
    assert view.buys[0].tolist() == expected["buys"]
    assert view.since_ms[0] == trades[0].ts_ms
    assert view.newest_ms[0] == at_ms


def test_large_trades_are_measured_against_the_symbols_own_past() -> None:
    tape = store()
    trades = stream(7, 5000, 600_000)
    for t in trades:
        tape.apply(0, t)
    flags = large(trades)
    assert 20 < sum(flags) < 120
    marked = [t for t, is_large in zip(trades, flags, strict=True) if is_large]
    view = tape.view(trades[-1].ts_ms)
    expected = per_second(marked, trades[-1].ts_ms // 1000, SECONDS)
    assert view.large_buy_usd[0].tolist() == pytest.approx(expected["buy"])
    assert view.large_sell_usd[0].tolist() == pytest.approx(expected["sell"])
    assert view.large_usd[0] > 0


def test_below_two_hundred_trades_nothing_is_large() -> None:
    tape = store()
    for i in range(199):
        tape.apply(0, trade(T0 + i * 1000))
    view = tape.view(T0 + 199_000)
    assert math.isnan(view.large_usd[0])
    assert view.large_buy_usd.sum() == 0.0


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=300), st.floats(0, 1))
def test_quantile_is_numpys(sample: list[float], q: float) -> None:
    values = np.array(sample)
    assert quantile(values, q) == pytest.approx(float(np.quantile(values, q)), rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(20.0, 3000.0))
def test_buckets_and_vpin_agree_with_the_line_of_summed_volume(seed: int, bucket: float) -> None:
    trades = stream(seed, 400, 60_000)
    buckets = VolumeBuckets(lambda row: bucket * 50)
    buckets.add_row(4)
    for t in trades:
        buckets.apply(0, t.price * t.size, t.taker_buy)
    expected = bucket_imbalances(trades, bucket)
    # rounding may put the very last trade on either side of an edge
    assert abs(buckets.full[0] - len(expected)) <= 1
    expected = expected[: buckets.full[0]]
    if buckets.full[0] == len(expected):
        tail = expected[-50:]
        assert buckets.imbalance[0, 50 - len(tail) :].tolist() == pytest.approx(tail, abs=1e-6)
        assert np.isnan(buckets.imbalance[0, : 50 - len(tail)]).all()
        history = vpins(expected)[-200:]
        assert buckets.vpin[0, 200 - len(history) :].tolist() == pytest.approx(history, abs=1e-6)
        assert np.isnan(buckets.vpin[0, : 200 - len(history)]).all()


def test_one_trade_may_fill_many_buckets() -> None:
    buckets = VolumeBuckets(lambda row: 500.0)
    buckets.add_row(1)
    buckets.apply(0, 4.0, False)
    buckets.apply(0, 10_000.0, True)
    assert buckets.full[0] == 1000
    assert buckets.imbalance[0].tolist() == [1.0] * 50
    assert buckets.vpin[0].tolist() == [1.0] * 200
    buckets.apply(0, 6.0, False)
    assert buckets.full[0] == 1001
    assert buckets.imbalance[0, -1] == pytest.approx(-0.2)


def test_without_a_known_volume_there_are_no_buckets() -> None:
    tape = store(volume=NAN)
    for t in stream(1, 500, 60_000):
        tape.apply(0, t)
    view = tape.view(T0 + 60_000)
    assert view.buckets[0] == 0
    assert np.isnan(view.bucket_imbalance).all()


def test_a_late_trade_goes_to_its_own_second_or_is_counted() -> None:
    tape = store()
    tape.apply(0, trade(T0))
    tape.apply(0, trade(T0 - 5000, size=3.0))
    tape.apply(0, trade(T0 - (SECONDS + SLACK_S) * 1000, size=9.0))
    view = tape.view(T0)
    assert view.buy_usd[0, -6] == 300.0
    assert view.buy_usd.sum() == 400.0
    assert tape.late == 1
    assert view.newest_ms[0] == T0


def test_a_view_of_an_earlier_time_does_not_see_later_trades() -> None:
    tape = store()
    trades = stream(5, 2000, 200_000)
    half = trades[len(trades) // 2].ts_ms // 1000 * 1000 - 1
    for t in trades:
        if t.ts_ms <= half:
            tape.apply(0, t)
    then = tape.view(half).buy_usd.copy()
    for t in trades:
        if t.ts_ms > half:
            tape.apply(0, t)
    assert np.array_equal(tape.view(half).buy_usd, then)
    with pytest.raises(ValueError, match="lies too far back"):
        tape.view(trades[-1].ts_ms - 10_000_000)


def test_trades_without_a_size_and_other_money_leave_no_dollars() -> None:
    tape = store("BTCUSDT", "BTCEUR")
    tape.apply(0, trade(T0, size=NAN))
    tape.apply(1, trade(T0, of=instrument("BTCEUR")))
    view = tape.view(T0)
    assert view.since_ms.tolist() == [-1, -1]
    assert view.newest_ms.tolist() == [T0, T0]
    assert view.buy_usd.sum() == 0.0
    assert tape.unsized == 1
    assert len(tape.prints.of(1)) == 1


def test_the_newest_trade_that_changed_the_public_book_is_kept_beside_the_newest() -> None:
    tape = store()
    assert tape.view(T0).in_book_ms[0] == -1
    for after_ms, in_book in ((0, True), (30, False), (10, True), (5, True), (20, False)):
        tape.apply(0, msgspec.structs.replace(trade(T0 + after_ms), in_book=in_book))
    view = tape.view(T0 + 1000)
    assert (view.newest_ms[0], view.in_book_ms[0]) == (T0 + 30, T0 + 10)
    assert view.trades.sum() == 5


def test_a_repeated_trade_counts_once() -> None:
    tape = store()
    for ident in ("1", "1", "2", "", ""):
        tape.apply(0, trade(T0, ident=ident))
    assert tape.view(T0).trades.sum() == 4
    assert tape.duplicates == 1


def test_recent_trades_are_the_last_ones_newest_first() -> None:
    tape = store()
    trades = stream(3, 300, 10_000)
    for t in trades:
        tape.apply(0, t)
    assert tape.prints.of(0) == tuple(Print(t.ts_ms, t.price, t.size, t.taker_buy) for t in trades[: -RECENT - 1 : -1])


def test_after_an_interruption_coverage_starts_anew() -> None:
    tape = store("AUSDT", "BUSDT")
    tape.apply(0, trade(T0))
    tape.apply(1, trade(T0))
    tape.interrupted([0])
    assert tape.view(T0).since_ms.tolist() == [-1, T0]
    tape.apply(0, trade(T0 + 60_000))
    assert tape.view(T0 + 60_000).since_ms.tolist() == [T0 + 60_000, T0]
    assert tape.view(T0 + 60_000).buy_usd[0, -61] == 100.0


def test_new_rows_keep_the_old_ones() -> None:
    tape = store(*(f"S{i}USDT" for i in range(64)), volume=5000.0)
    for row in range(64):
        tape.apply(row, trade(T0, size=row + 1.0))
    before = tape.view(T0)
    universe = tape._universe
    universe.add(instrument("LATEUSDT"))
    tape.add_row()
    tape.apply(64, trade(T0 + 1000, size=7.0))
    after = tape.view(T0)
    assert np.array_equal(after.buy_usd[:64], before.buy_usd)
    assert np.array_equal(after.bucket_imbalance[:64], before.bucket_imbalance, equal_nan=True)
    tape.apply(3, trade(T0, size=1.0))
    assert tape.view(T0).buy_usd[3, -1] == 500.0


@pytest.mark.parametrize("n", [200, 777, 2000, 4321])
def test_the_large_level_is_the_quantile_of_the_last_two_thousand(n: int) -> None:
    tape = store()
    trades = [trade(T0, size=float(i * 7919 % 1009)) for i in range(n)]
    for t in trades:
        tape.apply(0, t)
    tape.apply(0, trade(T0 + 1000))
    expected = np.quantile([t.price * t.size for t in trades[-2000:]], 0.99)
    assert tape.view(T0 + 1000).large_usd[0] == pytest.approx(expected)


def test_trades_that_two_connections_carry_count_once_whatever_lies_between() -> None:
    tape = store()
    for number in [*range(10), *range(5, 15)]:
        tape.apply(0, trade(T0 + number, ident=str(number)))
    assert tape.view(T0 + 20).trades.sum() == 15
    assert tape.duplicates == 5


def numbered(first: int, last: int) -> list[Trade]:
    return [trade(T0 + 1000 * n, ident=str(n)) for n in range(first, last)]


def broken_tape() -> TapeStore:
    """Trades 0 to 9, a break in which 10 to 19 are missed, and 20 to 24 after it."""
    tape = store()
    for one in numbered(0, 10):
        tape.apply(0, one)
    tape.interrupted([0])
    for one in numbered(20, 25):
        tape.apply(0, one)
    return tape


def test_an_answer_that_joins_both_sides_of_a_break_heals_it() -> None:
    tape = broken_tape()
    assert tape.view(T0 + 24_000).since_ms[0] == T0 + 20_000
    assert tape.fill(0, numbered(8, 23))
    whole = store()
    for one in numbered(0, 25):
        whole.apply(0, one)
    healed, expected = tape.view(T0 + 24_000), whole.view(T0 + 24_000)
    assert healed.since_ms[0] == T0
    assert healed.buy_usd.tolist() == expected.buy_usd.tolist()
    assert tape.prints.of(0) == whole.prints.of(0)


@pytest.mark.parametrize(("first", "last"), [(12, 25), (8, 18), (21, 25)], ids=["begins late", "ends early", "after"])
def test_an_answer_that_leaves_something_open_does_not(first: int, last: int) -> None:
    tape = broken_tape()
    assert not tape.fill(0, numbered(first, last))
    assert tape.view(T0 + 24_000).since_ms[0] == T0 + 20_000


def test_pages_that_join_one_another_heal_a_break_together() -> None:
    tape = broken_tape()
    assert not tape.fill(0, numbered(8, 15))
    assert not tape.fill(0, numbered(16, 18))
    assert tape.fill(0, numbered(14, 22))
    assert tape.view(T0 + 24_000).since_ms[0] == T0
    assert tape.view(T0 + 24_000).trades.sum() == 25


def test_a_row_that_is_dropped_begins_anew() -> None:
    tape = broken_tape()
    tape.dropped(0)
    assert tape.view(T0 + 24_000).since_ms[0] == -1
    assert not tape.fill(0, numbered(8, 25))
