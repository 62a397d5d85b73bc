"""The only module in the engine that reads time.

The runtime uses a `Clock` to read the time and to wait; live, demo, replay and tests differ only in which one they are
given. Scores, state and order must run on event time, never on these clocks.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final, Protocol


class Clock(Protocol):
    """The engine's access to time."""

    def now_ns(self) -> int:
        """Wall time, nanoseconds since the epoch, UTC."""

    def monotonic_ns(self) -> int:
        """A time that never jumps, for durations."""

    def elapsed_ns(self) -> int:
        """A time that never jumps and goes on while the machine sleeps."""

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return once `monotonic_ns` has passed. If it already has, yield once to the event loop."""


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    if sys.platform == "linux":
        # CLOCK_MONOTONIC stands still while the machine sleeps (clock_gettime(2)).
        def elapsed_ns(self) -> int:
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    elif sys.platform == "darwin":
        # So does Python's monotonic clock there, mach_absolute_time (clock_gettime(3) of macOS).
        def elapsed_ns(self) -> int:
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    else:

        def elapsed_ns(self) -> int:
            return time.monotonic_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - time.monotonic_ns()) / 1e9)


class ReceiveClock:
    """Wall time for receive stamps. It reads the machine's wall clock once, at the start, and then advances by elapsed
    time, so setting that clock later has no effect. `engine.feeds.venue_time` corrects it from the venues' clocks. It
    never runs backwards, except by `correct`."""

    LEAN_FRAC: Final = 0.01
    """Most that it runs faster or slower while a small error is slewed away."""
    LEAN_MOST_NS: Final = 60_000_000_000
    """Longest time between two calls of `lean` that is counted: as far apart as scans may be. Without this limit it
    would jump after the machine slept."""

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        self._elapsed = machine.elapsed_ns
        self._offset_ns = machine.now_ns() - machine.elapsed_ns()
        self._newest_ns = 0
        self._leaned_ns = machine.elapsed_ns()

    def now_ns(self) -> int:
        now = self._elapsed() + self._offset_ns
        if now < self._newest_ns:
            return self._newest_ns
        self._newest_ns = now
        return now

    def monotonic_ns(self) -> int:
        return self.machine.monotonic_ns()

    def elapsed_ns(self) -> int:
        return self._elapsed()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await self.machine.sleep_until(monotonic_ns)

    @property
    def ahead_ns(self) -> int:
        """How far it is ahead of the machine's wall clock now."""
        return self._elapsed() + self._offset_ns - self.machine.now_ns()

    def correct(self, by_ns: int) -> None:
        """Step it at once; records stamped before keep their old, wrong times."""
        self._offset_ns += by_ns
        self._newest_ns = 0

    def lean(self, by_ns: int) -> None:
        """Slew it by up to `by_ns`, at most `LEAN_FRAC` of the time since the last call. Call it at every scan, with 0
        while the clock is right."""
        now = self._elapsed()
        most = int(self.LEAN_FRAC * min(self.LEAN_MOST_NS, now - self._leaned_ns))
        self._leaned_ns = now
        self._offset_ns += max(-most, min(most, by_ns))


class ManualClock:
    """A clock that stands still until it is moved; waiting moves it. For tests and for headless replays."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def elapsed_ns(self) -> int:
        return self._now_ns

    def advance(self, by_ns: int) -> None:
        """Move forward. Raises ValueError for a negative step, because no clock here runs backwards."""
        if by_ns < 0:
            raise ValueError(f"a clock cannot go back by {-by_ns} ns")
        self._now_ns += by_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        self._now_ns = max(self._now_ns, monotonic_ns)
        await asyncio.sleep(0)
