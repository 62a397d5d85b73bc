"""When the next scan is due. Used by `engine.live`; pure arithmetic over the times it is given.

Scans keep to a grid of their interval. If they take longer than the interval, the next one waits for as long as the
last one took, so that frames are read in between: an engine that only scans reads nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final

KEPT: Final = 64
NS_PER_MS: Final = 1_000_000
MOST_REST_NS: Final = 250 * NS_PER_MS
"""Longest wait after a long scan: the feeds' queues are empty by then, and the user waits for the next snapshot."""


class ScanPace:
    """The schedule of one engine's scans. Times are monotonic, nanoseconds."""

    def __init__(self, interval_ms: int, now_ns: int) -> None:
        self.interval_ns = interval_ms * NS_PER_MS
        self._due_ns = now_ns
        self._began: deque[int] = deque(maxlen=KEPT)

    def after(self, began_ns: int, ended_ns: int) -> int:
        """When the next scan is due after one that ran from `began_ns` to `ended_ns`; always later than its end."""
        self._began.append(began_ns)
        rested = ended_ns + min(max(ended_ns - began_ns, NS_PER_MS), MOST_REST_NS)
        due = self._due_ns + self.interval_ns
        if due < rested:
            # Missed scans are not made up for.
            due = max(rested, began_ns + self.interval_ns)
        self._due_ns = due
        return due

    @property
    def slowed_ms(self) -> float | None:
        """Mean time between the newest scans if it is more than 1.5 intervals; None: scans keep up."""
        began = self._began
        if len(began) < 8:
            return None
        mean_ns = (began[-1] - began[0]) / (len(began) - 1)
        return mean_ns / NS_PER_MS if mean_ns > 1.5 * self.interval_ns else None
