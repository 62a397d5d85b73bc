"""Load shedding: follow fewer full-depth books while the engine is overloaded, and all of them again afterwards.

Called by `engine.live` after each scan; pure arithmetic over the times it is given. Trades and full-depth books of the
top-ranked symbols are by far the most frames, and the only ones that can be dropped for a while: candles, quotes,
statistics, the leaders and what the user pinned or looks at continue. A step down follows lasting overload; a step up
follows a much longer calm. The calm required doubles each time the overload returns right after a step up, so that
places do not flap with every burst.
"""

from __future__ import annotations

from typing import Final

NS_PER_S: Final = 1_000_000_000
SHARES: Final = (1.0, 0.5, 0.25, 0.0)
"""Share of the configured places, by step."""
MANY_WAITING: Final = 5_000
"""Frames in the sockets' queues from which on the engine is falling behind: a quarter second of a heavy market."""
FEW_WAITING: Final = 500
WORSE_AFTER_NS: Final = 10 * NS_PER_S
"""Overload that lasts this long leads one step down; unsubscribing takes a few seconds to show."""
BETTER_AFTER_NS: Final = 60 * NS_PER_S
"""Calm that lasts this long leads one step up."""
LONGEST_CALM_NS: Final = 960 * NS_PER_S
RELAPSE_NS: Final = 120 * NS_PER_S
"""Overload within this time after a step up counts as its consequence."""


class Load:
    """The load-shedding steps of one engine."""

    def __init__(self, places: int) -> None:
        """`places`: perpetuals of one venue with full depth while there is no overload."""
        self._wanted = places
        self._step = 0
        self._trouble_ns: int | None = None
        self._calm_ns: int | None = None
        self._calm_needed_ns = BETTER_AFTER_NS
        self._rose_ns: int | None = None

    @property
    def places(self) -> int:
        """Perpetuals of one venue with full depth now."""
        return round(self._wanted * SHARES[self._step])

    def after(self, now_ns: int, *, is_slowed: bool, waiting: int) -> str:
        """Account for a scan that ended at `now_ns`, monotonic; return a message for the user if the step changed.

        `is_slowed`: scans run later than scheduled; `waiting`: frames received but not yet read.
        """
        if is_slowed or waiting > MANY_WAITING:
            self._calm_ns = None
            self._trouble_ns = now_ns if self._trouble_ns is None else self._trouble_ns
            return self._fall(now_ns) if now_ns - self._trouble_ns >= WORSE_AFTER_NS else ""
        self._trouble_ns = None
        if waiting > FEW_WAITING:
            self._calm_ns = None
            return ""
        self._calm_ns = now_ns if self._calm_ns is None else self._calm_ns
        return self._rise(now_ns) if now_ns - self._calm_ns >= self._calm_needed_ns else ""

    def _fall(self, now_ns: int) -> str:
        if self.places == 0:
            return ""
        if self._rose_ns is not None:
            relapsed = now_ns - self._rose_ns < RELAPSE_NS
            self._calm_needed_ns = min(2 * self._calm_needed_ns, LONGEST_CALM_NS) if relapsed else BETTER_AFTER_NS
        self._rose_ns = None
        self._trouble_ns = now_ns
        before = self.places
        while self.places == before:
            self._step += 1
        return f"overloaded: {self.words}; candles, quotes, pinned symbols and the leaders continue"

    def _rise(self, now_ns: int) -> str:
        if self._step == 0:
            return ""
        self._rose_ns = self._calm_ns = now_ns
        before = self.places
        while self._step and self.places == before:
            self._step -= 1
        return self.words or f"no longer overloaded: whole books and trades of {self._wanted} a venue again"

    @property
    def words(self) -> str:
        """What is left out now, as text; empty if nothing is."""
        if self._step == 0:
            return ""
        return f"whole books and trades of {self.places} instead of {self._wanted} a venue until the engine keeps up"
