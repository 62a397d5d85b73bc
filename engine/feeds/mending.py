"""Schedules book resyncs: each book has its own backoff, so that one that breaks again and again waits longer.

Pure bookkeeping for one venue; `engine.feeds.venue` calls it several times a second with the books that are not proven.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FIRST_MS: Final = 3_000
"""Wait after the first attempt: its answer may be under way."""
CAP_MS: Final = 15_000
"""Longest wait: a book that stays broken costs at most four snapshots a minute."""
HEALTHY_MS: Final = 30_000
"""A book that was synced for this long starts again at the shortest wait."""


class Mending:
    """Resync attempts by symbol."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, int]] = {}
        """By symbol: when the last attempt was, and the wait after it."""

    def due(self, unproven: Iterable[str], now_ms: int) -> list[str]:
        """Those of the unproven books to resync now; each counts as tried."""
        found: list[str] = []
        for symbol in unproven:
            tried, wait = self._tries.get(symbol, (-CAP_MS, 0))
            if wait and now_ms - tried > wait + HEALTHY_MS:
                wait = 0
            if now_ms - tried >= wait:
                self._tries[symbol] = (now_ms, min(CAP_MS, max(FIRST_MS, 2 * wait)))
                found.append(symbol)
        return found

    def forget(self, symbols: Iterable[str]) -> None:
        """Forget books that are no longer followed."""
        for symbol in symbols:
            self._tries.pop(symbol, None)
