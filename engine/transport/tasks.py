"""Makes tasks, each with a name and an owner that outlives it; and waits and deadlines on a `Clock`.

Used by the transport, the feeds, the storage and `engine.live`, which must not make tasks in any other way. All waits
use the `Clock` that was given, never the event loop's own timers, so that a simulated clock controls every deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from engine.clock import Clock

LOG: Final = logging.getLogger("prism.tasks")

T = TypeVar("T")

NS_PER_S: Final = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """`seconds` as the clock's integer unit."""
    return round(seconds * NS_PER_S)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait on the clock; yields to the event loop at least once."""
    await clock.sleep_until(clock.monotonic_ns() + nanoseconds(seconds))


Owned = dict[asyncio.Task[Any], None]
"""Tasks of one owner, in the order in which they were made, so that they are always cancelled in the same order."""


def log_failure(name: str, error: BaseException) -> None:
    """Log the error that ended a task, with its traceback."""
    LOG.error("%s failed", name, exc_info=error)


def passed_on(name: str, error: BaseException) -> None:
    """Do nothing: the error is raised where the task is awaited."""


def spawn(
    owner: Owned,
    work: Coroutine[Any, Any, T],
    name: str,
    *,
    failed: Callable[[str, BaseException], object] = log_failure,
) -> asyncio.Task[T]:
    """Start a task that `owner` holds until it ends. The holder of `owner` ends its tasks with `settle`.

    `failed` is called with its name and any error except a cancellation, so that no task ends unnoticed.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    owner[task] = None

    def ended(done: asyncio.Task[T]) -> None:
        owner.pop(done, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            failed(name, error)

    task.add_done_callback(ended)
    return task


async def settle(owner: Owned) -> None:
    """Cancel the tasks of `owner`, except the current one, and wait until all have ended, even if cancelled meanwhile;
    then the cancellation is re-raised. Errors of the tasks go to the `failed` of their `spawn`."""
    tasks = [task for task in owner if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def within(
    clock: Clock,
    seconds: float,
    work: Coroutine[Any, Any, T],
    name: str,
    *,
    release: Callable[[T], object] | None = None,
) -> T:
    """The result of `work`. Raises TimeoutError once `seconds` have passed on the clock; `work` has ended either way.

    `release` is called with a result that the caller does not get, because the caller was cancelled, or the time was
    up, in the same turn of the loop. It closes what must be closed and must not wait.
    """
    owner: Owned = {}
    task = spawn(owner, work, name, failed=passed_on)
    timer = spawn(owner, sleep(clock, seconds), f"{name} deadline")
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        is_late = not task.done()
        await settle(owner)
        if is_late:
            raise TimeoutError(f"{name} took longer than {seconds:g} s")
        release = None  # from here on it is the caller's
        return task.result()
    finally:
        try:
            await settle(owner)
        finally:
            if release is not None and task.done() and not task.cancelled() and task.exception() is None:
                release(task.result())
