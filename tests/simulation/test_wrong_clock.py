"""A machine whose clock is an hour wrong from the beginning, or is set while prism runs: nothing of it may be seen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from engine.transport.capture_records import Record, Response
from tests.simulation.loop import SimClock, SimLoop
from tests.simulation.plan import Plan
from tests.simulation.run import BOUND_S, SimRig

T = TypeVar("T")

CANDLES = re.compile("(?:klines?|candles)[?].*limit=([0-9]+)")
"""A request for candles, and how many are wanted."""
HOUR_NS = 3_600_000_000_000
PLAN = Plan(11, ("binance", "bybit", "okx"), 3, 60.0, 2, 1_000, False, 0.0, ())


class WrongRig(SimRig):
    """Notes the receive times of everything that is recorded."""

    def __init__(self, clock: SimClock, plan: Plan = PLAN) -> None:
        super().__init__(plan, clock)
        self.strays: list[Record] = []
        take = self.log.take

        def noted(record: Record) -> None:
            if abs(record.t - clock.now_ns()) > 2_000_000_000:
                self.strays.append(record)
            take(record)

        self.log.take = noted  # type: ignore[method-assign]

    def check_times(self) -> None:
        """Nothing is of another time than now, and nothing is older than it is."""
        now_ms, state = self.clock.now_ns() // 1_000_000, self.pipeline.state
        assert abs(state.at_ms - now_ms) < 2_000
        assert state.newest_ms().max() < now_ms + 1_000
        for feed in self.snapshot.feeds:
            assert feed.state == "live", (feed.venue, feed.state, feed.detail)
            assert feed.age_ms is not None
            assert feed.age_ms < 2_000, (feed.venue, feed.age_ms)
            assert feed.off_ms is not None
            assert abs(feed.off_ms) < 100, (feed.venue, feed.off_ms)
        counted = state.counters()
        assert (counted.skewed, counted.late_trades) == (0, 0)

    async def check_whole(self) -> list[str]:
        """Everything equals the market; the scored instruments, for comparing."""
        await self.until(self.has_caught_up, BOUND_S, "caught up")
        deep = {product: set(feed.deep) for product, feed in self.market.feeds.items()}
        await self.hold()
        assert self.check_truth(deep)["trades"] > 30
        shot = self.snapshot
        ranked = (*shot.ranking.candidates, *shot.ranking.vetoed)
        scored = [shot.instruments[row] for row in ranked if np.isfinite(shot.board.prism[row])]
        return sorted(one.symbol + one.venue for one in scored)


def simulated(play: Callable[[WrongRig], Awaitable[T]], *, off_ns: int = 0, plan: Plan = PLAN) -> T:
    """What came of `play` with a rig whose machine's clock is `off_ns` ahead from the beginning."""
    clock = SimClock(plan.seed)

    async def whole() -> T:
        rig = WrongRig(clock, plan)
        rig.machine_clock.off_ns = off_ns
        await rig._serve()
        rig.kept = frozenset(asyncio.all_tasks())
        rig.begin()
        try:
            found = await play(rig)
            await rig.end()
        finally:
            for net in rig.nets:
                await net.leave()
            await rig.sim.close()
            rig.disk.close()
        return found

    with asyncio.Runner(loop_factory=lambda: SimLoop(clock)) as runner:
        return runner.run(whole())


async def _from_the_beginning(rig: WrongRig) -> list[str]:
    await rig.until(rig.is_whole, 60.0, "everything live")
    for _ in range(20):
        await rig.run(1.0)
        rig.check_times()
    assert rig.strays == []
    told = [words for words in rig.pipeline.notices if "this machine's clock" in words]
    if rig.machine_clock.off_ns:
        way = "ahead of" if rig.machine_clock.off_ns > 0 else "behind"
        assert told == [
            f"this machine's clock is 3,600 s {way} the venues': receive times use theirs; synchronise it by NTP"
        ]
        for feed in rig.snapshot.feeds:
            assert feed.skew_ms is not None
            assert abs(feed.skew_ms + rig.machine_clock.off_ns / 1e6) < 200, "the user sees that his clock is wrong"
    else:
        assert told == []
    return await rig.check_whole()


@pytest.mark.parametrize("off_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_is_an_hour_wrong_changes_nothing_of_the_market(off_ns: int) -> None:
    assert simulated(_from_the_beginning, off_ns=off_ns) == simulated(_from_the_beginning)


@pytest.mark.parametrize("by_ns", [HOUR_NS, -HOUR_NS])
def test_a_clock_that_is_set_while_prism_runs_has_no_effect(by_ns: int) -> None:
    async def play(rig: WrongRig) -> list[str]:
        await rig.until(rig.is_whole, 60.0, "everything live")
        await rig.run(5.0)
        rig.machine_clock.off_ns = by_ns
        for _ in range(130):
            await rig.run(1.0)
            rig.check_times()
        rig.check_undisturbed()
        assert rig.strays == []
        assert not [words for words in rig.pipeline.notices if "this machine" in words]
        return await rig.check_whole()

    assert simulated(play)


def test_a_machine_that_slept_and_whose_clock_was_set_goes_on_with_the_right_time() -> None:
    async def play(rig: WrongRig) -> list[str]:
        await rig.until(rig.is_whole, 60.0, "everything live")
        rig.sim_clock.sleep_machine(600.0)
        rig.machine_clock.off_ns = -HOUR_NS
        await rig.run(2.0)
        assert all(one.reconnects for one in rig.snapshot.feeds)
        await rig.until(rig.is_whole, 60.0, "everything live again")
        await rig.run(2.0)
        rig.check_times()
        return await rig.check_whole()

    assert simulated(play)


def test_a_virtual_machine_that_was_frozen_without_knowing_is_right_again_within_seconds() -> None:
    async def play(rig: WrongRig) -> list[str]:
        await rig.until(rig.is_whole, 60.0, "everything live")
        rig.machine_clock.frozen_ns = 600_000_000_000
        rig.sim_clock.sleep_machine(600.0)
        await rig.until(lambda: "machine's clock again" in " ".join(rig.pipeline.notices), 5.0, "the clock is right")
        rig.strays.clear()
        await rig.until(rig.is_whole, 60.0, "everything live again")
        await rig.run(5.0)
        rig.check_times()
        assert rig.strays == []
        return await rig.check_whole()

    assert simulated(play)


@pytest.mark.parametrize("off_ns", [HOUR_NS, -HOUR_NS])
def test_where_nobody_tells_the_time_at_first_everything_begins_anew_once_somebody_does(off_ns: int) -> None:
    async def play(rig: WrongRig) -> list[str]:
        rig.sim.lift()
        for exchange in PLAN.venues:
            rig.inject(kind="500", exchange=exchange)
        await rig.run(10.0)
        assert rig.strays, "with nobody to ask, the machine's clock is what there is"
        rig.sim.lift()
        await rig.until(lambda: "theirs" in " ".join(rig.pipeline.notices), 130.0, "the clock is set right")
        rig.strays.clear()
        await rig.until(rig.is_whole, 60.0, "everything live")
        await rig.run(5.0)
        rig.check_times()
        assert rig.strays == []
        return await rig.check_whole()

    assert simulated(play, off_ns=off_ns)


def test_candles_that_are_kept_are_not_asked_for_again_where_all_begins_anew_with_the_right_time() -> None:
    async def play(rig: WrongRig) -> int:
        asked: list[int] = []
        take = rig.log.take

        def noted(record: Record) -> None:
            if isinstance(record, Response) and "/history-candles" not in record.request:
                asked.extend(int(bars[1]) for bars in CANDLES.finditer(record.request))
            take(record)

        rig.log.take = noted  # type: ignore[method-assign]
        await rig.until(rig.is_whole, 60.0, "everything live")
        await rig.run(5.0)
        assert min(asked) >= 300, "nothing was kept before"
        asked.clear()
        rig.machine_clock.frozen_ns = 600_000_000_000
        rig.sim_clock.sleep_machine(600.0)
        await rig.until(lambda: "machine's clock again" in " ".join(rig.pipeline.notices), 5.0, "the clock is right")
        await rig.until(rig.is_whole, 60.0, "everything live again")
        await rig.run(5.0)
        return max(asked)

    assert simulated(play, plan=replace(PLAN, keeps_candles=True)) == 13, (
        "ten minutes, and what may be open or in doubt at the ends"
    )
    assert simulated(play) >= 300
