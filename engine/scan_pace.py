"""When the next scan is due. Used by `engine.live`; pure arithmetic over the times it is handed.

Scans keep to a grid of their interval. Where they take longer than it they follow each other as fast as the feeds can
bear: as long as a scan took, frames are read before the next begins, because an engine that only scans reads nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

KEPT: Final = 64
NS_PER_MS: Final = 1_000_000
MOST_REST_NS: Final = 250 * NS_PER_MS
"""After one long scan: the feeds' queues are empty by then, and somebody waits for the next picture."""


class ScanPace:
    """The rhythm of one engine's scans. Times are monotonic, nanoseconds."""

    def __init__(self, interval_ms: int, now_ns: int) -> None:
        self.interval_ns = interval_ms * NS_PER_MS
        self._due_ns = now_ns
        self._began: deque[int] = deque(maxlen=KEPT)

    def after(self, began_ns: int, ended_ns: int) -> int:
        """A scan ran from `began_ns` to `ended_ns`: when the next is due, always later than its end."""
        self._began.append(began_ns)
        rested = ended_ns + min(max(ended_ns - began_ns, NS_PER_MS), MOST_REST_NS)
        due = self._due_ns + self.interval_ns
        if due < rested:
            # A scan that came late is not made up for.
            due = max(rested, began_ns + self.interval_ns)
        self._due_ns = due
        return due

    @property
    def slowed_ms(self) -> float | None:
        """Mean time between the newest scans where that is half as much again as it should be; None: it keeps up."""
        began = self._began
        if len(began) < 8:
            return None
        mean_ns = (began[-1] - began[0]) / (len(began) - 1)
        return mean_ns / NS_PER_MS if mean_ns > 1.5 * self.interval_ns else None
