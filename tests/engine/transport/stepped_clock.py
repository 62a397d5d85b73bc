"""A clock that stands until a test moves it, and wakes whoever waits on it in order of time.

Used by tests of everything that runs several tasks with deadlines: unlike `engine.clock.ManualClock`, waiting here does
not move time, so that a deadline passes only when the test says so.

    clock = SteppedClock()
    task = asyncio.create_task(something_that_waits(clock))
    await clock.advance(5)
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from engine.transport.tasks import nanoseconds

START_NS = 1_790_000_000_000_000_000
"""Wall time at which the clock starts: a moment of 2026."""
TURNS = 30
"""Turns of the loop after which everything that was woken has come to its next wait."""


async def settled() -> None:
    """Let every task run until it waits for something that has not happened yet."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class SteppedClock:
    """Time in a test's hands. `wall_skew_ns` may be set to let the wall clock jump against the others, `slept_ns` to
    let all but the monotonic one go on, as while a machine sleeps."""

    def __init__(self) -> None:
        self._monotonic_ns = 1_000_000_000
        self.wall_skew_ns = 0
        self.slept_ns = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ns(self) -> int:
        return START_NS + self._monotonic_ns - 1_000_000_000 + self.wall_skew_ns + self.slept_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def elapsed_ns(self) -> int:
        return self._monotonic_ns + self.slept_ns

    @property
    def seconds(self) -> float:
        """Since the clock was made."""
        return (self._monotonic_ns - 1_000_000_000) / 1e9

    @property
    def sleepers(self) -> int:
        """How many wait on the clock."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns <= self._monotonic_ns:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (monotonic_ns, self._order, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move by `seconds`, stopping at every moment at which somebody wants to be woken."""
        target = self._monotonic_ns + nanoseconds(seconds)
        await settled()
        while self._sleepers and self._sleepers[0][0] <= target:
            self._wake_next()
            await settled()
        self._monotonic_ns = target
        await settled()

    async def advance_until(self, done: Callable[[], bool], limit_s: float) -> None:
        """Move from one sleeper to the next until `done()`; AssertionError where `limit_s` passes before."""
        target = self._monotonic_ns + nanoseconds(limit_s)
        await settled()
        while not done():
            if not self._sleepers or self._sleepers[0][0] > target:
                raise AssertionError(f"it was not done within {limit_s:g} s of the clock")
            self._wake_next()
            await settled()

    def _wake_next(self) -> None:
        due_ns, _, future = heapq.heappop(self._sleepers)
        if not future.done():
            self._monotonic_ns = max(self._monotonic_ns, due_ns)
            future.set_result(None)
