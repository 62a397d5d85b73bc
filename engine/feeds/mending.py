"""Which broken books are mended now: each at its own pace, so that one which breaks again and again waits longer.

Pure bookkeeping for one venue; `engine.feeds.venue` asks it several times a second with the books that are not proven.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FIRST_MS: Final = 3_000
"""After one attempt, so long for the next: an answer may be under way."""
CAP_MS: Final = 15_000
"""A book that the venue cannot prove costs a snapshot four times a minute at most."""
HEALTHY_MS: Final = 30_000
"""A book that stood this long begins again at the shortest wait."""


class Mending:
    """Attempts by symbol."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, int]] = {}
        """By symbol: when the last attempt was, and the wait after it."""

    def due(self, unproven: Iterable[str], now_ms: int) -> list[str]:
        """Those of the unproven books that are to be mended now; each counts as tried."""
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
        """Books that are not followed any more."""
        for symbol in symbols:
            self._tries.pop(symbol, None)
