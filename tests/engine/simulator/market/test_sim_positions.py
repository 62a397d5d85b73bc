"""Positions on the simulated market: open interest, funding, ratios, and liquidations that trade and move the price."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from engine.simulator.episodes import Episode
from engine.simulator.happenings import BookChange, FundingSettled, Liquidation, OpenInterestChanged, Trade
from engine.simulator.market.ladders import Ladder
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, START, found, small


def test_open_interest_moves_by_less_than_what_traded() -> None:
    world = small()
    at = {one.index: world.open_interest(one) for one in world.instruments}
    first = dict(at)
    told: Counter[int] = Counter()
    traded: Counter[int] = Counter()
    times: dict[int, int] = {}
    for one in world.advance(START + 5 * MINUTE):
        row = one.instrument.index
        if isinstance(one, Trade):
            traded[row] += one.steps
        elif isinstance(one, OpenInterestChanged):
            assert one.instrument.kind == "perp"
            assert abs(one.steps - at[row]) <= traded[row]
            assert one.ms - times.get(row, 0) >= 1_000
            times[row], at[row] = one.ms, one.steps
            told[row] += 1
            traded[row] = 0
    perps = [one for one in world.instruments if one.kind == "perp"]
    assert all(told[one.index] > 20 for one in perps)
    assert all(0.8 < world.open_interest(one) / first[one.index] < 1.2 for one in perps)
    assert all(world.open_interest(one) == 0 for one in world.instruments if one.kind == "spot")


def test_points_of_open_interest_join_past_and_present() -> None:
    world = small()
    one = world.instruments[0]
    lived: dict[int, int] = {}
    for minute in range(1, 13):
        for _ in world.advance((START // MINUTE + minute) * MINUTE):
            pass
        lived[world.now_ms] = world.open_interest(one)
    points = world.open_interest_history(one, "5m", 30)
    assert len(points) == 30
    assert all(after.ms - before.ms == 5 * MINUTE for before, after in pairwise(points))
    assert points[-1].ms == world.now_ms // (5 * MINUTE) * 5 * MINUTE
    assert all(0.7 < after.steps / before.steps < 1.4 for before, after in pairwise(points))
    since = [point for point in points if point.ms > START]
    assert len(since) >= 2
    for point in since:
        assert point.steps == pytest.approx(lived[point.ms], rel=0.01)
    mid = world.candles(one, "1m", 1)[0].close
    assert points[-1].mark / 100 == pytest.approx(mid, rel=0.02)


@pytest.mark.parametrize("period", ["5m", "15m", "30m", "1h", "4h", "1d"])
@pytest.mark.parametrize("kind", ["accounts", "top_accounts", "top_positions"])
def test_shares_of_longs_and_shorts_sum_to_one(kind: str, period: str) -> None:
    world = small()
    for _ in world.advance(START + 1_000):
        pass
    points = world.ratios(world.instruments[0], kind, period, 40)  # type: ignore[arg-type]
    assert len(points) == 40
    assert all(point.long_e4 + point.short_e4 == 10_000 for point in points)
    assert all(1_500 < point.long_e4 < 8_500 for point in points)
    assert len({point.long_e4 for point in points}) > 5
    assert world.ratios(world.instruments[0], kind, period, 40, START - 10**9)[-1].ms <= START - 10**9  # type: ignore[arg-type]


END = 110 * MINUTE
"""Past the full hour that all intervals share, and one more."""


def test_funding_settles_on_the_hours_of_each_instrument() -> None:
    world = small(assets=65, rate=30.0)
    hours = {one.funding_interval_h for one in world.instruments if one.kind == "perp"}
    assert hours == {1, 2, 4, 8}
    seen: dict[int, list[FundingSettled]] = {}
    states = {one.index: world.funding(one) for one in world.instruments if one.kind == "perp"}
    for one in world.advance(START + END):
        if isinstance(one, FundingSettled):
            seen.setdefault(one.instrument.index, []).append(one)
    for instrument in world.instruments:
        own = seen.get(instrument.index, [])
        if instrument.kind == "spot":
            assert not own
            continue
        period = instrument.funding_interval_h * HOUR
        assert [one.ms for one in own] == list(range((START // period + 1) * period, START + END + 1, period))
        assert all(abs(one.rate_e8) <= 2_000_000 for one in own)
        if own:
            assert states[instrument.index].next_ms == own[0].ms
            assert world.funding(instrument).last_rate_e8 == own[-1].rate_e8
            assert world.funding_history(instrument, len(own)) == own
        history = world.funding_history(instrument, 30)
        assert len(history) == 30 or instrument.listed_ms > START - 31 * period
        assert all(after.ms - before.ms == period for before, after in pairwise(history))
    assert len({one.rate_e8 for own in seen.values() for one in own}) > 10


def test_mark_stays_near_the_book_and_index_near_the_mark() -> None:
    world = small(assets=12, rate=300.0)
    for _ in world.advance(START + 2 * MINUTE):
        pass
    for one in world.instruments:
        if one.kind == "spot":
            continue
        mark, best = world.mark(one), world.best(one)
        assert mark.mark / 100 == pytest.approx((best.bid + best.ask) / 2, rel=0.004)
        assert mark.index == pytest.approx(mark.mark, rel=0.01)


def test_a_cascade_forces_orders_that_trade_and_push_the_price_on() -> None:
    episode = Episode("cascade_reversal", "SOL", START + 5_000, 4 * MINUTE, -1)
    world = small(assets=4, rate=200.0, episodes=[episode])
    perp = found(world, "binance-usdm", "SOLUSDT")
    liquidations: list[Liquidation] = []
    trades: list[Trade] = []
    matched = 0
    before = world.open_interest(perp)
    for one in world.advance(START + 5 * MINUTE):
        if one.instrument is not perp:
            continue
        if isinstance(one, Trade):
            trades.append(one)
        elif isinstance(one, Liquidation):
            liquidations.append(one)
            # Its own fills were told just before, all of one order at the same time.
            own = [trade for trade in trades[-40:] if trade.order == trades[-1].order]
            assert sum(trade.steps for trade in own) == one.steps
            assert sum(trade.steps * trade.ticks for trade in own) == one.filled
            assert all(trade.buy is (one.side == "short") and trade.ms == one.ms for trade in own)
            low, high = min(trade.ticks for trade in own), max(trade.ticks for trade in own)
            assert low <= one.fill_ticks <= high
            matched += 1
    assert matched == len(liquidations) > 20
    longs = [one for one in liquidations if one.side == "long"]
    assert len(longs) > 15
    assert world.open_interest(perp) < before
    # They come in a burst, each at a lower price than the ones long before it.
    gaps = sorted(after.ms - first.ms for first, after in pairwise(longs))
    assert gaps[len(gaps) // 2] < 1_500
    assert longs[-1].fill_ticks < longs[0].fill_ticks * 0.97


def test_liquidations_come_in_calm_too_but_seldom() -> None:
    world = small(assets=12, rate=300.0)
    told = Counter(type(one) for one in world.advance(START + 10 * MINUTE))
    assert told[Liquidation] < told[Trade] / 100
    assert told[BookChange] > told[Trade]


def test_a_ladder_gives_the_nearest_first_and_keeps_its_sum() -> None:
    longs, shorts = Ladder(1), Ladder(-1)
    for ladder in (longs, shorts):
        for ticks, steps in ((900.0, 5), (950.0, 7), (1_000.0, 11)):
            ladder.place(ticks, steps)
        assert ladder.total == 23
    assert longs.nearest() == pytest.approx(1_000, rel=0.002)
    assert shorts.nearest() == pytest.approx(900, rel=0.002)
    assert longs.take() == 11
    assert shorts.take() == 5
    # Owners close the oldest positions first.
    longs.close(6)
    assert longs.total == 6
    assert longs.take() == 6
    assert longs.take() == 0
    assert longs.nearest() == 0
    for at in range(1_000):
        shorts.place(1_000.0 * 1.01 ** (at % 400), 1)
    assert len(shorts) <= 160
