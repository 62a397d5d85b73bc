"""The world's time as the servers read it: the handed-in clock, plus what an exchange's own clock is off by fault."""

from __future__ import annotations

from engine.clock import Clock


class WorldTime:
    """Milliseconds since the epoch on the handed-in clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def now_ms(self) -> int:
        """The present of the world."""
        return self.clock.now_ns() // 1_000_000
