"""Tasks, sleeps and deadlines on the clock."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from engine.transport.tasks import Owned, settle, sleep, spawn, within
from tests.engine.transport.stepped_clock import SteppedClock, settled


async def test_a_sleep_lasts_until_the_clock_says_so() -> None:
    clock = SteppedClock()
    task = asyncio.create_task(sleep(clock, 5))

    await clock.advance(4.999)
    assert not task.done()
    await clock.advance(0.001)
    assert task.done()


async def test_work_within_its_deadline_gives_its_result_and_leaves_no_timer() -> None:
    clock = SteppedClock()

    async def work() -> int:
        await sleep(clock, 1)
        return 7

    task = asyncio.create_task(within(clock, 2, work(), "work"))
    await clock.advance(1)

    assert task.result() == 7
    assert clock.sleepers == 0


async def test_late_work_is_ended_before_the_deadline_is_reported() -> None:
    clock = SteppedClock()
    ended = False

    async def work() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    task = asyncio.create_task(within(clock, 2, work(), "the work"))
    await clock.advance(2)

    with pytest.raises(TimeoutError, match="the work took longer than 2 s"):
        task.result()
    assert ended


async def test_cancelling_who_waits_ends_the_work() -> None:
    clock = SteppedClock()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(within(clock, 2, work(), "work"))
    await settled()
    task.cancel()
    await settled()

    assert task.cancelled()
    assert ended.is_set()
    assert clock.sleepers == 0


async def test_a_fault_of_the_work_is_passed_on() -> None:
    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await within(SteppedClock(), 2, work(), "work")


async def test_settling_waits_for_slow_endings_even_when_cancelled() -> None:
    owner: Owned = {}
    may_end = asyncio.Event()
    ended = False

    async def slow() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()
            ended = True

    spawn(owner, slow(), "slow")
    await settled()
    settling = asyncio.create_task(settle(owner))
    await settled()
    settling.cancel()
    await settled()
    assert not settling.done()

    may_end.set()
    await settled()
    assert ended
    assert settling.cancelled()
    assert not owner


async def test_settling_from_within_leaves_the_caller_alone() -> None:
    owner: Owned = {}
    other_cancelled = asyncio.Event()

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            other_cancelled.set()
            raise

    async def caller() -> str:
        await settle(owner)
        return "still here"

    spawn(owner, other(), "other")
    await settled()
    task = spawn(owner, caller(), "caller")

    assert await task == "still here"
    assert other_cancelled.is_set()


async def test_a_task_that_fails_says_so_with_its_name_and_traceback(caplog: pytest.LogCaptureFixture) -> None:
    owner: Owned = {}

    async def work() -> None:
        raise KeyError("x")

    spawn(owner, work(), "okx book BTC")
    await settled()

    (record,) = caplog.records
    assert (record.name.split(".")[0], record.levelno) == ("prism", logging.ERROR)
    assert record.getMessage() == "okx book BTC failed"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)
    assert not owner


async def test_whoever_counts_the_faults_of_a_task_is_told_and_a_cancelled_one_has_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner: Owned = {}
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("x")

    spawn(owner, work(), "ends badly", failed=lambda name, error: told.append(f"{name} {type(error).__name__}"))
    spawn(owner, asyncio.Event().wait(), "ends well", failed=lambda name, error: told.append(name))
    await settled()
    await settle(owner)
    await settled()

    assert told == ["ends badly KeyError"]
    assert not caplog.records


@pytest.mark.parametrize("turns", range(8))
async def test_what_is_opened_as_its_waiter_is_cancelled_is_either_handed_over_or_released(turns: int) -> None:
    clock, answered = SteppedClock(), asyncio.Event()
    opened: list[object] = []
    released: list[object] = []

    async def work() -> object:
        await answered.wait()
        opened.append(object())
        return opened[0]

    task = asyncio.create_task(within(clock, 2, work(), "work", release=released.append))
    await settled()
    answered.set()
    for _ in range(turns):  # the work ends, its callbacks run, who waits for it goes on, its timer ends: a turn each
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})

    got = [] if task.cancelled() else [task.result()]
    assert released + got == opened


async def test_what_is_opened_too_late_is_released() -> None:
    clock, released = SteppedClock(), list[str]()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "opened all the same"
        raise AssertionError

    task = asyncio.create_task(within(clock, 2, work(), "work", release=released.append))
    await clock.advance(2)
    with pytest.raises(TimeoutError):
        task.result()
    assert released == ["opened all the same"]


@pytest.mark.parametrize("turns", range(6))
async def test_work_that_fails_as_its_waiter_is_cancelled_is_not_reported_as_unseen(turns: int) -> None:
    loop, reported = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _loop, context: reported.append(context["message"]))
    clock, refused = SteppedClock(), asyncio.Event()

    async def work() -> None:
        await refused.wait()
        raise ConnectionRefusedError

    task = asyncio.create_task(within(clock, 2, work(), "work"))
    await settled()
    refused.set()
    for _ in range(turns):  # the work fails, its callbacks run, who waits for it goes on: a turn of the loop each
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled() or isinstance(task.exception(), ConnectionRefusedError)
    del task
    gc.collect()  # a task that nobody asked for its exception complains when it goes

    assert reported == []
