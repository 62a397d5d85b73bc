"""The simulated market as a whole: the same seed gives the same happenings however time is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.simulator.happenings import OpenInterestChanged, Trade
from engine.simulator.world import World, WorldSpec
from tests.engine.simulator.market.market_worlds import MINUTE, START, found, plain, small


def test_how_time_is_cut_changes_nothing() -> None:
    whole = small(episodes=None, listings=True, rate=120.0)
    cut = small(episodes=None, listings=True, rate=120.0)
    end = START + 4 * MINUTE
    once = [plain(one) for one in whole.advance(end)]
    pieces: list[tuple[object, ...]] = []
    at, step = START, 1
    while at < end:
        # Uneven pieces, some of no length, most of them off every grid of the market.
        at = min(end, at + step)
        step = (step * 7 + 13) % 1_999
        pieces += [plain(one) for one in cut.advance(at)]
        assert cut.now_ms == at
    assert len(once) > 20_000
    assert pieces == once


def test_asking_changes_nothing() -> None:
    silent, asked = small(), small()
    end = START + MINUTE
    expected = [plain(one) for one in silent.advance(end)]
    got: list[tuple[object, ...]] = []
    for at in range(START + 1_000, end + 1, 1_000):
        got += [plain(one) for one in asked.advance(at)]
        one = asked.instruments[at % len(asked.instruments)]
        asked.candles(one, "4h", 50)
        asked.ticker_24h(one)
        asked.book(one)
        if one.kind == "perp":
            asked.ratios(one, "accounts", "5m", 30)
            asked.open_interest_history(one, "1h", 30)
            asked.funding_history(one, 20)
            asked.mark(one)
    got += [plain(one) for one in asked.advance(end)]
    assert got == expected


def test_another_seed_is_another_market() -> None:
    first, second = small(seed=1), small(seed=2)
    end = START + 5_000
    assert [plain(one) for one in first.advance(end)] != [plain(one) for one in second.advance(end)]


def test_happenings_come_in_order_of_time_and_end_where_asked() -> None:
    world = small()
    times = [one.ms for one in world.advance(START + 30_000)]
    assert all(before <= after for before, after in pairwise(times))
    assert times[0] > START
    assert times[-1] <= START + 30_000
    assert all(one.ms > START + 30_000 for one in world.advance(START + 31_000))


def test_time_does_not_go_back() -> None:
    world = small()
    for _ in world.advance(START + 10):
        pass
    with pytest.raises(ValueError, match="cannot go back"):
        world.advance(START + 9)


def test_trades_count_without_gaps_and_sweeps_share_an_order() -> None:
    world = small()
    last: dict[int, Trade] = {}
    sweeps = 0
    for one in world.advance(START + MINUTE):
        if not isinstance(one, Trade):
            continue
        before = last.get(one.instrument.index)
        if before is not None:
            assert one.id == before.id + 1
            assert one.first == before.last + 1
            assert one.order in (before.order, before.order + 1)
            if one.order == before.order:
                sweeps += 1
                assert one.buy is before.buy
                # A buyer pays more and more, a seller gets less and less.
                assert one.ticks > before.ticks if one.buy else one.ticks < before.ticks
        assert one.first <= one.last
        assert 1 <= one.last - one.first + 1 <= one.steps
        last[one.instrument.index] = one
    assert sweeps > 50


def test_the_pace_is_about_what_the_spec_says() -> None:
    world = World(WorldSpec(3, 190, rate_frames_per_s=3_000.0, episodes=(), listings=False), START)
    told = sum(not isinstance(one, OpenInterestChanged) for one in world.advance(START + 4_000))
    assert 3_000 * 4 * 0.6 < told < 3_000 * 4 * 1.6


def test_majors_trade_more_often_than_microcaps() -> None:
    world = World(WorldSpec(3, 190, rate_frames_per_s=3_000.0, episodes=(), listings=False), START)
    for _ in world.advance(START + 5_000):
        pass
    bitcoin = world.totals(found(world, "binance-usdm", "BTCUSDT")).trades
    smallest = [world.totals(one).trades for one in world.instruments if one.asset == world.instruments[-40].asset]
    assert bitcoin > 100
    assert max(smallest) < bitcoin / 10
