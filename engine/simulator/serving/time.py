"""The world's time as the servers read it, from the clock passed in.

Used by `requests`, `streams` and `venues`. A skewed clock of an exchange is a fault and is added in `requests`.
"""

from __future__ import annotations

from engine.clock import Clock


class WorldTime:
    """Milliseconds since the epoch on the clock passed in."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def now_ms(self) -> int:
        """The world's current time."""
        return self.clock.now_ns() // 1_000_000
