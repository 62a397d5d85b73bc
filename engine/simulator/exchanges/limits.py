"""Counters for the request limits of simulated exchanges, in fixed windows, as the venues count.

Used by the exchanges; time is the world's.
"""

from __future__ import annotations


class Windows:
    """Weight used by (client, pool) in the current window."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], tuple[int, float]] = {}

    def take(self, client: str, pool: str, weight: float, window_ms: int, now_ms: int) -> float:
        """Count `weight`; returns the weight used in the current window, this included."""
        window = now_ms // window_ms
        began, used = self._used.get((client, pool), (window, 0.0))
        used = weight if began != window else used + weight
        self._used[client, pool] = (window, used)
        return used
