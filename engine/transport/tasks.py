"""The one place of the transport where tasks are made, each with a name and an owner that outlives it.

Called by connections and budgets. Everything waits on the `Clock` that it was given, never on the event loop's own
timers, so that a deadline passes when the clock says so and not when the machine does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from engine.clock import Clock

T = TypeVar("T")

NS_PER_S: Final = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """`seconds` as the clock counts."""
    return round(seconds * NS_PER_S)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait on the clock; at least one turn of the loop passes."""
    await clock.sleep_until(clock.monotonic_ns() + nanoseconds(seconds))


Owned = dict[asyncio.Task[Any], None]
"""Tasks of one owner, in the order they were made: what ends them all does so in that order, run after run."""


def spawn(owner: Owned, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task that `owner` holds until it ends. Whoever holds it ends its tasks with `settle`."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    owner[task] = None
    task.add_done_callback(lambda done: owner.pop(done, None))
    return task


async def settle(owner: Owned) -> None:
    """Cancel what `owner` holds, but for the caller, and wait until all of it has ended, even when cancelled meanwhile;
    then the cancellation is passed on. What the tasks raise while they end is dropped."""
    tasks = [task for task in owner if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        if not task.cancelled():
            task.exception()
    if cancelled is not None:
        raise cancelled


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T], name: str) -> T:
    """The result of `work`, or TimeoutError once `seconds` have passed on the clock; `work` has ended either way."""
    owner: Owned = {}
    task = spawn(owner, work, name)
    timer = spawn(owner, sleep(clock, seconds), f"{name} deadline")
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"{name} took longer than {seconds:g} s")
    finally:
        if task.done() and not task.cancelled():
            # Who waits may be cancelled in the very turn in which the work failed: nobody else would ask for that.
            task.exception()
        await settle(owner)
