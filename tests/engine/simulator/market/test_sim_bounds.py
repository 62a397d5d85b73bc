"""The simulated market keeps its size however long it runs, and asking costs what it gives, not what there is."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from engine.simulator.happenings import Trade
from engine.simulator.market.history import LADDER, AssetHistory
from engine.simulator.market.line import Line
from engine.simulator.market.positioning import Points
from engine.simulator.world import World
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, START, small


def held(world: World) -> Counter[str]:
    """How much the market remembers."""
    lines: list[Line] = world._lines
    driver = world._driver
    return Counter(
        levels=sum(len(line.bid_keys) + len(line.bid_size) + len(line.ask_keys) + len(line.ask_size) for line in lines),
        recent=sum(len(line.recent) for line in lines),
        rungs=sum(len(line.longs) + len(line.shorts) for line in lines),
        waiting=sum(len(line.forced) for line in lines),
        heap=len(driver._heap),
        settled=sum(len(driver.settled(line.index)) for line in lines),
        points=len(world._driver.points._fine) + len(world._driver.points._coarse),
        truths=len(world._stage._truths),
    )


def test_hours_leave_it_as_large_as_minutes_did() -> None:
    world = small(assets=2, rate=12.0, episodes=None)
    told = sum(1 for _ in world.advance(START + 2 * HOUR))
    before = held(world)
    told += sum(1 for _ in world.advance(START + 6 * HOUR))
    after = held(world)
    assert told > 150_000
    for name in ("levels", "recent", "rungs"):
        assert after[name] < before[name] * 1.5 + 100
    assert after["waiting"] <= 8 * len(world.instruments)
    assert after["heap"] <= 3 * len(world.instruments) + 8
    assert after["recent"] <= 100 * 13 + sum(one.recent.maxlen or 0 for one in world._lines)
    assert after["points"] <= 576 + 744
    assert after["settled"] <= 400 * len(world.instruments)


def test_points_are_kept_finely_for_two_days_and_hourly_for_a_month() -> None:
    points = Points()
    numbers = np.arange(3, dtype=np.int64)
    halves, quarters = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 0.5])
    for ms in range(0, 40 * 24 * HOUR, 5 * MINUTE):
        points.add(ms, numbers + ms, numbers, halves, quarters)
    end = 40 * 24 * HOUR
    assert points.at(end - 5 * MINUTE, 2) == (end - 5 * MINUTE + 2, 2, 1.0, 0.5)
    assert points.at(end - 47 * HOUR - 5 * MINUTE, 0) is not None
    assert points.at(end - 49 * HOUR - 5 * MINUTE, 0) is None
    assert points.at(end - 30 * 24 * HOUR, 0) is not None
    assert points.at(end - 33 * 24 * HOUR, 0) is None
    assert len(points._fine) + len(points._coarse) == points.FINE + points.COARSE


def test_truths_that_nobody_reads_are_bounded() -> None:
    assert small()._stage._truths.maxlen == 4_096


def test_a_second_costs_the_same_whether_cut_into_one_piece_or_many() -> None:
    whole, cut = small(), small()
    for _ in whole.advance(START + MINUTE):
        pass
    for at in range(START + 1, START + MINUTE + 1, 5):
        for _ in cut.advance(at):
            pass
    for _ in cut.advance(START + MINUTE):
        pass
    assert whole._driver.events == cut._driver.events


def test_history_makes_only_what_is_asked_and_keeps_the_latest() -> None:
    history = AssetHistory("BTC", 1, 0.03, 0.6, START)
    for length in LADDER[1:]:
        last = START // length
        history.bars(length, last - 499, 500)
        kept = history._held[length]
        assert 500 <= len(kept) < 500 + 2 * (LADDER[LADDER.index(length) - 1] // length)
        again = history.bars(length, last - 99, 100)
        assert history._held[length] is kept
        assert (again.open == kept.open[-len(again) - (kept.first + len(kept) - last - 1) :][: len(again)]).all()
    # Far back costs more for a moment, not for good.
    history.bars(LADDER[0], START // LADDER[0] - 9_000, 500)
    assert history._blocks is not None
    assert len(history._blocks) <= 1_024


def test_a_happening_is_small() -> None:
    world = small()
    trades = [one for one in world.advance(START + 5_000) if isinstance(one, Trade)]
    assert trades
    assert max(sys.getsizeof(one) for one in trades) <= 200
