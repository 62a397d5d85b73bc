"""What keeps a feed going: broken books each at their own pace, and loops that start again whatever ended them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import PrismError
from engine.feeds.mending import CAP_MS, FIRST_MS, HEALTHY_MS, Mending
from engine.feeds.supervision import HEALTHY_S, persist
from engine.transport.tasks import sleep
from tests.engine.transport.stepped_clock import SteppedClock


def attempts(mending: Mending, until_ms: int, step_ms: int = 250, start_ms: int = 0) -> list[int]:
    """When a book that stays broken is mended."""
    return [now for now in range(start_ms, until_ms, step_ms) if mending.due(["A"], now)]


def test_a_book_that_stays_broken_waits_longer_each_time_up_to_the_cap() -> None:
    tried = attempts(Mending(), 120_000)
    waits = [later - sooner for sooner, later in pairwise(tried)]
    assert tried[0] == 0
    assert waits[:3] == [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]
    assert set(waits[3:]) == {CAP_MS}


def test_a_book_that_stood_for_a_while_is_mended_at_once_and_soon_again() -> None:
    mending = Mending()
    last = attempts(mending, 60_000)[-1]
    again = last + CAP_MS + HEALTHY_MS + 1
    tried = attempts(mending, again + 10_000, start_ms=again, step_ms=1)
    assert tried[:2] == [again, again + FIRST_MS]


def test_books_do_not_wait_for_each_other_and_who_is_forgotten_begins_anew() -> None:
    mending = Mending()
    assert mending.due(["A"], 0) == ["A"]
    assert mending.due(["A", "B"], 1_000) == ["B"]
    mending.forget(["A", "C"])
    assert mending.due(["A", "B"], 1_001) == ["A"]


@given(st.lists(st.integers(0, 5_000), max_size=60))
def test_a_book_is_never_mended_more_often_than_the_venue_bears(steps: list[int]) -> None:
    mending, now, tried = Mending(), 0, []
    for step in steps:
        now += step
        tried += [now] * len(mending.due(["A"], now))
    assert all(later - sooner >= FIRST_MS for sooner, later in pairwise(tried))


class Supervised:
    """A loop that does as told, under supervision."""

    def __init__(self, loop: Callable[[SteppedClock, int], Awaitable[None]]) -> None:
        self.clock = SteppedClock()
        self.began: list[float] = []
        self.announced: list[str] = []

        async def counted() -> None:
            self.began.append(self.clock.seconds)
            await loop(self.clock, len(self.began))

        self.task = asyncio.create_task(
            persist("okx polls", counted, self.clock, random.Random(1), self.announced.append)
        )


async def test_a_loop_that_fails_is_started_again_later_each_time_and_says_so() -> None:
    async def fails(clock: SteppedClock, number: int) -> None:
        raise PrismError("no\x07 use")

    run = Supervised(fails)
    await run.clock.advance(120)
    waits = [later - sooner for sooner, later in pairwise(run.began)]
    assert len(waits) >= 4
    assert waits[-1] > waits[0] > 0
    assert run.announced[0] == "okx polls: no\x07 use"
    assert len(run.announced) == len(run.began)
    run.task.cancel()


async def test_a_fault_of_ours_is_named_by_its_kind_and_not_by_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def fails_once(clock: SteppedClock, number: int) -> None:
        if number == 1:
            raise KeyError("\x1b[31msecret")

    run = Supervised(fails_once)
    await run.clock.advance(60)
    assert run.task.done(), "a loop that returns is not started again"
    assert run.announced == ["okx polls failed (KeyError, details in the log); starting it again"]
    assert "Traceback" in caplog.text


async def test_a_loop_that_ran_well_begins_again_at_the_shortest_wait() -> None:
    async def long_then_fails(clock: SteppedClock, number: int) -> None:
        if number > 6:
            await sleep(clock, HEALTHY_S + 1)
        raise PrismError("ended")

    run = Supervised(long_then_fails)
    await run.clock.advance(1_000)
    short = run.began[1] - run.began[0]
    long = run.began[6] - run.began[5]
    after = [later - sooner - HEALTHY_S - 1 for sooner, later in pairwise(run.began[6:])]
    assert long > 4 * short
    assert after
    assert all(0 < wait < long / 2 for wait in after)
    run.task.cancel()


async def test_a_cancelled_loop_stays_ended() -> None:
    async def waits(clock: SteppedClock, number: int) -> None:
        await sleep(clock, 1e6)

    run = Supervised(waits)
    await run.clock.advance(1)
    run.task.cancel()
    await run.clock.advance(1)
    assert run.task.cancelled()
    assert run.began == [0]
    assert run.announced == []
