"""The only place that reads time.

The runtime asks a `Clock` for the present and for waiting; live, demo, replay and tests differ only
in which one they are given. Scores, state and order run on event time, never on these.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final, Protocol


class Clock(Protocol):
    """What the engine may know of time."""

    def now_ns(self) -> int:
        """Wall time, nanoseconds since the epoch, UTC."""

    def monotonic_ns(self) -> int:
        """A time that never jumps, for durations."""

    def elapsed_ns(self) -> int:
        """A time that never jumps and goes on while the machine sleeps."""

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return once `monotonic_ns` has passed; at once, but yielding, where it has."""


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
        # As does what Python takes for monotonic there, mach_absolute_time (clock_gettime(3) of macOS).
        def elapsed_ns(self) -> int:
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    else:

        def elapsed_ns(self) -> int:
            return time.monotonic_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - time.monotonic_ns()) / 1e9)


class ReceiveClock:
    """Wall time that the machine's wall clock is asked for once, at the beginning: from then on it goes by elapsed
    time, so that whoever sets that clock, or a change of time zone rules, has no effect at all. It can be set right by
    those who know better (`engine.feeds.venue_time`) and never runs backwards but for `correct`."""

    LEAN_FRAC: Final = 0.01
    """How much faster or slower it runs at most while it leans."""

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
        """Set it at once; what was stamped before is of another time."""
        self._offset_ns += by_ns
        self._newest_ns = 0

    def lean(self, by_ns: int) -> None:
        """Go on towards `by_ns` later or earlier, by `LEAN_FRAC` of the time since it was called last."""
        now = self._elapsed()
        most = int(self.LEAN_FRAC * (now - self._leaned_ns))
        self._leaned_ns = now
        self._offset_ns += max(-most, min(most, by_ns))


class ManualClock:
    """A clock that stands until it is moved; waiting moves it. For tests and for headless replays."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def elapsed_ns(self) -> int:
        return self._now_ns

    def advance(self, by_ns: int) -> None:
        """Move forward; negative steps are refused, since no clock here runs backwards."""
        if by_ns < 0:
            raise ValueError(f"a clock cannot go back by {-by_ns} ns")
        self._now_ns += by_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        self._now_ns = max(self._now_ns, monotonic_ns)
        await asyncio.sleep(0)
