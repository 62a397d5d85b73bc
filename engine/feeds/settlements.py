"""Schedules the requests for settled funding rates: soon after a start, then after each settlement.

Pure bookkeeping for one venue; `engine.feeds.venue` sends the requests one by one. When a contract settles is read from
the market, because venues change the interval between settlements without notice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from engine.venues.live import Poll

SPACING_S: Final = 1.25
"""Between two requests: 240 in 5 minutes, of the 250 that we take of Binance's smallest budget, and a tenth of the
smallest of the others. 600 contracts that settle together have been asked for within 13 minutes."""
PUBLISHED_MS: Final = 60_000
"""How long after a settlement its rate is requested; no venue documents when it is published."""
AGAIN_MS: Final = 300_000
"""After a request that failed."""


YIELD_MS: Final = 600_000
"""How long requests wait at most for the candles of a start, which every row of the table needs first."""


class Settlements:
    """The contracts of one venue by the time of their next request, milliseconds of the venue's clock."""

    def __init__(self, settles_ms: Callable[[str], int]) -> None:
        """`settles_ms(symbol)` is the next settlement that the venue has named; -1: it has named none."""
        self._settles_ms = settles_ms
        self._polls: dict[str, Poll] = {}
        self._due: dict[str, int] = {}
        """By request."""

    def set(self, polls: Iterable[Poll], now_ms: int) -> None:
        """Request exactly these from now on, the most important first; new ones are due at once, and others are
        forgotten."""
        self._polls = {poll.request: poll for poll in polls}
        self._due = {request: self._due.get(request, now_ms) for request in self._polls}

    def take(self, now_ms: int, first: Collection[str] | None = None) -> Poll | None:
        """Take the most important request that is due, and schedule it again; None: none is due. While candles are
        awaited, only those of the symbols in `first` go at once, the others after `YIELD_MS`; None: none is awaited."""
        for request, poll in self._polls.items():
            wait_ms = 0 if first is None or poll.symbol in first else YIELD_MS
            if self._due_ms(request, poll.symbol, now_ms) + wait_ms <= now_ms:
                # The venue may not have named the next settlement yet: until it does, one interval is assumed.
                self._due[request] = now_ms + int(1000 * poll.every_s) + PUBLISHED_MS
                return poll
        return None

    def failed(self, poll: Poll, now_ms: int) -> None:
        """The request got no answer: send it again soon."""
        if poll.request in self._polls:
            self._due[poll.request] = now_ms + AGAIN_MS

    def drop(self, poll: Poll) -> None:
        """Stop a request that the venue refuses for good, until `set` is called with it again."""
        self._polls.pop(poll.request, None)

    def _due_ms(self, request: str, symbol: str, now_ms: int) -> int:
        due_ms = self._due[request]
        settles_ms = self._settles_ms(symbol)
        if now_ms < settles_ms < due_ms - PUBLISHED_MS:
            due_ms = self._due[request] = settles_ms + PUBLISHED_MS
        return due_ms
