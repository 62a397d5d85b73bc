"""The sliding window of one weight pool: what was granted, and what may still be granted, by rank.

Owned by `engine.transport.budgets`, which decides the order of requests. A rank is the place of a priority, 0 the
first. Part of the capacity is reserved against each rank: it and all ranks after it together never hold more than the
remainder, so that the reserve is always there for the ranks before. Nothing here may wait or read a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

OTHERS: Final = -1
"""The rank of weight that another program on the same address used."""
OTHERS_SHARE: Final = 0.5
"""The weight of others counts against at most this share of what a rank may hold; the remainder is always the rank's.
"""
ROUNDING: Final = 1e-6
"""Tolerance for rounding errors in sums of weights."""


class Window:
    """Grants of one pool, oldest first. `kept[rank]` is the share of `capacity`, in [0, 1) and 0 for the first rank,
    that this rank and those after it never get."""

    __slots__ = ("_by_rank", "_granted", "_kept", "capacity", "others", "turns", "window_ns")

    def __init__(self, capacity: float, window_ns: int, kept: Sequence[float]) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.others = 0.0
        """Weight within the window that was not ours."""
        self.turns = 0
        """Grants so far, to tell when it is the oldest request's turn."""
        self._kept = tuple(kept)
        self._by_rank = [0.0] * len(self._kept)
        self._granted: deque[tuple[int, float, int]] = deque()

    @property
    def used(self) -> float:
        """Weight within the window, including that of others."""
        return sum(self._by_rank) + self.others

    def forget(self, now_ns: int) -> None:
        """Forget grants that have left the window."""
        granted = self._granted
        while granted and granted[0][0] + self.window_ns <= now_ns:
            _, weight, rank = granted.popleft()
            if rank == OTHERS:
                self.others -= weight
            else:
                self._by_rank[rank] -= weight
        if not granted:
            # Sums of fractions do not return to exactly 0 by themselves.
            self.others = 0.0
            self._by_rank = [0.0] * len(self._kept)

    def add(self, now_ns: int, weight: float, rank: int) -> None:
        """Count weight of a rank, or of `OTHERS`."""
        self._granted.append((now_ns, weight, rank))
        if rank == OTHERS:
            self.others += weight
        else:
            self._by_rank[rank] += weight

    def barrier(self, weight: float, rank: int) -> int | None:
        """The first rank that, with those after it, would exceed its share if `weight` were granted to `rank`; None: it
        may be granted. Rank 0 stands for the whole pool."""
        return self._barrier(weight, rank, self._by_rank, self.others)

    def room_ns(self, weight: float, rank: int) -> int:
        """When `weight` may be granted to `rank`, if nothing else is granted before; 0: now."""
        by_rank, others = list(self._by_rank), self.others
        if self._barrier(weight, rank, by_rank, others) is None:
            return 0
        for at_ns, given, whose in self._granted:
            if whose == OTHERS:
                others -= given
            else:
                by_rank[whose] -= given
            if self._barrier(weight, rank, by_rank, others) is None:
                return at_ns + self.window_ns
        return 0

    def _barrier(self, weight: float, rank: int, by_rank: Sequence[float], others: float) -> int | None:
        if sum(by_rank) + others + weight > self.capacity + ROUNDING:
            return 0
        for first in range(1, rank + 1):
            if not self._kept[first]:
                continue
            held = sum(by_rank[first:])
            most = self.capacity * (1.0 - self._kept[first])
            # A request heavier than the whole share goes alone, or it would never go.
            if held > ROUNDING and held + weight + min(others, OTHERS_SHARE * most) > most + ROUNDING:
                return first
        return None
