"""The only place that reads time.

The runtime asks a `Clock` for the present and for waiting; live, demo, replay and tests differ only
in which one they are given. Scores, state and order run on event time, never on these.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the engine may know of time."""

    def now_ns(self) -> int:
        """Wall time, nanoseconds since the epoch, UTC."""

    def monotonic_ns(self) -> int:
        """A time that never jumps, for durations."""

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return once `monotonic_ns` has passed; at once, but yielding, where it has."""


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - time.monotonic_ns()) / 1e9)


class ManualClock:
    """A clock that stands until it is moved; waiting moves it. For tests and for headless replays."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def advance(self, by_ns: int) -> None:
        """Move forward; negative steps are refused, since no clock here runs backwards."""
        if by_ns < 0:
            raise ValueError(f"a clock cannot go back by {-by_ns} ns")
        self._now_ns += by_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        self._now_ns = max(self._now_ns, monotonic_ns)
        await asyncio.sleep(0)
