"""Bars and tickers of the simulated market: sums of trades since it began, and a past that fits together before."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from engine.simulator.happenings import Bar, Trade
from engine.simulator.market.candles import Candles
from engine.simulator.market.live_bars import LiveBars
from engine.simulator.market.past import Rows
from engine.simulator.world import World, WorldSpec
from tests.engine.simulator.market.market_worlds import MINUTE, START, found, small

DAY = 86_400_000
INTERVALS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "1d": 1_440}


def figures(bar: Bar) -> tuple[int, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.steps, bar.buy_steps, bar.quote, bar.buy_quote, bar.trades)


def aggregated(bars: list[Bar]) -> tuple[int, ...]:
    """Minutes as one bar; those in which nothing traded lend their close alone."""
    moved = [bar for bar in bars if bar.steps or bar.high != bar.low] or bars
    sums = [sum(figures(bar)[at] for bar in bars) for at in range(4, 9)]
    high, low = max(bar.high for bar in moved), min(bar.low for bar in moved)
    return (moved[0].open, high, low, bars[-1].close, *sums)


def lived(world: World, minutes: int) -> list[Trade]:
    return [one for one in world.advance(START + minutes * MINUTE) if isinstance(one, Trade)]


def test_minutes_are_the_trades_within_them() -> None:
    world = small(rate=40.0)
    trades: defaultdict[tuple[int, int], list[Trade]] = defaultdict(list)
    for one in lived(world, 12):
        trades[one.instrument.index, one.ms // MINUTE * MINUTE].append(one)
    idle = 0
    for instrument in world.instruments:
        bars = world.candles(instrument, "1m", 12)
        assert [bar.closed for bar in bars] == [True] * 11 + [False]
        for before, bar in pairwise(bars):
            own = trades[instrument.index, bar.open_ms]
            if not own:
                idle += 1
                assert figures(bar) == (before.close,) * 4 + (0,) * 5
                continue
            ticks = [one.ticks for one in own]
            bought = [one for one in own if one.buy]
            assert figures(bar) == (
                ticks[0], max(ticks), min(ticks), ticks[-1],
                sum(one.steps for one in own), sum(one.steps for one in bought),
                sum(one.steps * one.ticks for one in own), sum(one.steps * one.ticks for one in bought),
                sum(one.last - one.first + 1 for one in own),
            )  # fmt: skip
    assert sum(len(own) for own in trades.values()) > 2_000
    assert idle < 50


@pytest.mark.parametrize("minutes", [0, 17])
@pytest.mark.parametrize("start", [START, DAY * 20_717, DAY * 20_717 + 14_400_000 - 1, DAY * 20_717 + 61 * MINUTE])
def test_every_interval_adds_up_from_minutes_across_the_start(start: int, minutes: int) -> None:
    world = World(WorldSpec(5, 2, rate_frames_per_s=100.0, episodes=()), start)
    for _ in world.advance(start + minutes * MINUTE):
        pass
    for instrument in world.instruments[::2]:
        if world.status(instrument) != "trading":
            continue
        fine = world.candles(instrument, "1m", 2_000)
        for interval, parts in INTERVALS.items():
            for bar in world.candles(instrument, interval, 2_000 // parts - 1)[-300:]:
                end = bar.open_ms + parts * MINUTE
                assert bar.interval_ms == parts * MINUTE
                assert bar.open_ms % bar.interval_ms == 0
                at = max(0, (bar.open_ms - fine[0].open_ms) // MINUTE)
                own = fine[at : (end - fine[0].open_ms) // MINUTE]
                assert own
                assert own[0].open_ms == max(bar.open_ms, fine[0].open_ms)
                assert figures(bar) == aggregated(own)
                assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
                assert 0 <= bar.buy_steps <= bar.steps
                assert bar.closed is (end <= world.now_ms)


def test_the_past_is_always_alike_whatever_was_asked_before() -> None:
    first, second = small(), small()
    one, same = first.instruments[0], second.instruments[0]
    second.candles(same, "1d", 900)
    second.candles(same, "1m", 50, START - 40 * 86_400_000)
    lived(second, 2)
    for interval in INTERVALS:
        end = START - 2 * 86_400_000
        assert first.candles(one, interval, 300, end) == second.candles(same, interval, 300, end)


def test_the_past_leads_to_the_present() -> None:
    world = small()
    lived(world, 1)
    for instrument in world.instruments:
        bars = world.candles(instrument, "1m", 4)
        assert abs(bars[0].close / bars[-1].close - 1) < 0.01
        days = world.candles(instrument, "1d", 200)
        assert len(days) == 200
        assert all(after.open == before.close for before, after in pairwise(days[:-1]))
        moves = [abs(bar.close / bar.open - 1) for bar in days]
        assert 0.004 < sum(moves) / len(moves) < 0.08


def test_venues_of_one_asset_share_its_past() -> None:
    world = small()
    perp, spot = found(world, "binance-usdm", "BTCUSDT"), found(world, "binance-spot", "BTCUSDT")
    for one, other in zip(world.candles(perp, "1h", 50), world.candles(spot, "1h", 50), strict=True):
        assert one.open * perp.tick_size == pytest.approx(other.open * spot.tick_size, rel=1e-3)


def test_nothing_is_told_from_before_a_listing_or_after_now() -> None:
    world = small(assets=190, rate=100.0, seed=1)
    young = found(world, "binance-usdm", "牛来USDT")
    bars = world.candles(young, "1d", 500)
    assert 5 <= len(bars) <= 11
    assert bars[0].open_ms + bars[0].interval_ms > young.listed_ms
    assert world.candles(young, "1h", 3, START + 10**9)[-1].open_ms <= START
    assert len(world.candles(young, "1h", 3, young.listed_ms - 1)) == 0


def test_takers_of_the_past_are_those_of_the_candles() -> None:
    world = small()
    lived(world, 7)
    one = world.instruments[0]
    points = world.taker_volumes(one, "5m", 20)
    bars = [bar for bar in world.candles(one, "5m", 21) if bar.closed]
    assert len(points) == 20
    assert [(point.ms, point.buy_steps, point.sell_steps) for point in points] == [
        (bar.open_ms, bar.buy_steps, bar.steps - bar.buy_steps) for bar in bars
    ]


def test_the_ticker_of_a_day_is_the_sum_of_its_quarters() -> None:
    world = small()
    for minutes in (0, 1, 12, 33):
        lived(world, minutes)
        for instrument in world.instruments:
            ticker, bars = world.ticker_24h(instrument), world.candles(instrument, "15m", 96)
            whole = aggregated(bars)
            assert (ticker.open, ticker.high, ticker.low, ticker.last) == whole[:4]
            assert (ticker.steps, ticker.quote, ticker.trades) == (whole[4], whole[6], whole[8])
            assert ticker.last_id - ticker.first_id + 1 == ticker.trades
            assert ticker.open_ms == bars[0].open_ms


def test_an_unknown_interval_is_refused() -> None:
    world = small()
    with pytest.raises(ValueError, match="7m"):
        world.candles(world.instruments[0], "7m", 5)


def test_bars_stay_bounded_and_coarser_ones_reach_back() -> None:
    live = LiveBars(2, START)
    candles = Candles(live, START)
    begin = START // MINUTE
    told: list[list[int]] = []
    for at in range(3_000):
        # Every seventh minute nothing trades.
        ticks, steps = 1_000 + at * 37 % 101, 0 if at % 7 == 3 else 1 + at % 5
        last = told[-1][3] if told else 1_000
        bar = [last] * 4 + [0] * 5
        if steps:
            bar = [ticks, ticks + at % 3, ticks - at % 4, ticks + 1 - at % 2, steps, steps // 2, steps * ticks, 7, 1]
        told.append(bar)
        live.close_minute(np.array([bar, bar], dtype=np.int64))
    end = begin + len(told)
    forming = np.array([told[-1][3:4] * 4 + [0] * 5], dtype=np.int64)

    def rows(length: int, count: int) -> tuple[int, Rows]:
        last = end * MINUTE // length
        return candles.rows(1, None, lambda: forming, length, last - count + 1, count)

    first, minutes = rows(MINUTE, 1_500)
    assert len(minutes) == 1_001
    assert first == end - 1_000
    assert minutes[:-1].tolist() == told[-1_000:]
    for parts in (3, 5, 15, 30, 60, 120, 240):
        length = parts * MINUTE
        first, coarse = rows(length, 500)
        assert len(coarse) >= min(500, 1_000 // parts if parts == 3 else 3_000 // parts)
        for number, row in enumerate(coarse.tolist(), first):
            at = number * parts - begin
            own = [one for one in told[max(0, at) : at + parts] if one[4]]
            if not own or at + parts > len(told):
                continue
            sums = [sum(one[column] for one in own) for column in range(4, 9)]
            close = told[at + parts - 1][3]
            assert row == [own[0][0], max(one[1] for one in own), min(one[2] for one in own), close, *sums]
