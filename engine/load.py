"""How much full depth the engine can bear: fewer whole books while it is overloaded, all of them when it is well again.

Asked by `engine.live` after each scan; pure arithmetic over the times it is handed. Trades and whole books of the best
ranked are by far the most frames and the only ones that can be done without for a while: candles, quotes, statistics,
the leaders and what the user pinned or looks at go on. A step is taken when trouble has lasted, and taken back only
after a much longer calm, which doubles each time that the trouble comes straight back, so that places do not come and
go with every gust.
"""

from __future__ import annotations

from typing import Final

NS_PER_S: Final = 1_000_000_000
SHARES: Final = (1.0, 0.5, 0.25, 0.0)
"""Of the configured places, by step."""
MANY_WAITING: Final = 5_000
"""Frames in the sockets' queues that show that the feeds are not kept up with: a quarter second of a heavy market."""
FEW_WAITING: Final = 500
WORSE_AFTER_NS: Final = 10 * NS_PER_S
"""Trouble that lasts so long leads one step down; unsubscribing takes a few seconds to show."""
BETTER_AFTER_NS: Final = 60 * NS_PER_S
"""Calm that lasts so long leads one step up."""
LONGEST_CALM_NS: Final = 960 * NS_PER_S
RELAPSE_NS: Final = 120 * NS_PER_S
"""Trouble within so long after a step up is its consequence."""


class Load:
    """The steps of one engine."""

    def __init__(self, places: int) -> None:
        """`places`: of one venue with full depth while all is well."""
        self._wanted = places
        self._step = 0
        self._trouble_ns: int | None = None
        self._calm_ns: int | None = None
        self._calm_needed_ns = BETTER_AFTER_NS
        self._rose_ns: int | None = None

    @property
    def places(self) -> int:
        """Of one venue, now."""
        return round(self._wanted * SHARES[self._step])

    def after(self, now_ns: int, *, is_slowed: bool, waiting: int) -> str:
        """A scan has ended at `now_ns`, monotonic: what to tell the user where the step changed; else empty.

        `is_slowed`: scans come later than they should; `waiting`: frames received and not read yet.
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
        return f"overloaded: {self.words}; candles, quotes, what is pinned and the leaders go on"

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
        """What is done without now; empty while nothing is."""
        if self._step == 0:
            return ""
        return f"whole books and trades of {self.places} instead of {self._wanted} a venue until the engine keeps up"
