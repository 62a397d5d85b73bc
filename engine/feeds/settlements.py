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
"""After a request that failed, and after the first whose answer lacked the rate; doubled after each that lacks it."""
MOST_LATE: Final = 4
"""Requests for a rate that was not published in time: 5, 15, 35 and 75 minutes after the first."""
STAMP_MS: Final = 60_000
"""How far the stamp of a rate may lie before the settlement that the venue had named."""

YIELD_MS: Final = 600_000
"""How long requests wait at most for the candles of a start, which every row of the table needs first."""


class Settlements:
    """The contracts of one venue by the time of their next request, milliseconds of the venue's clock."""

    def __init__(self, settles_ms: Callable[[str], int], settled_ms: Callable[[str], int]) -> None:
        """`settles_ms(symbol)` is the next settlement that the venue has named; -1: it has named none.
        `settled_ms(symbol)` is that of the newest rate known; -1: none is."""
        self._settles_ms = settles_ms
        self._settled_ms = settled_ms
        self._polls: dict[str, Poll] = {}
        self._due: dict[str, int] = {}
        """By request."""
        self._awaited: dict[str, int] = {}
        """By request, the newest named settlement after which it was due, or is."""
        self._late: dict[str, int] = {}
        """By request, how many answers in a row lacked the rate of that settlement."""

    def set(self, polls: Iterable[Poll], now_ms: int) -> None:
        """Request exactly these from now on, the most important first; new ones are due at once, and others are
        forgotten."""
        self._polls = {poll.request: poll for poll in polls}
        self._due = {request: self._due.get(request, now_ms) for request in self._polls}
        self._awaited = {request: at_ms for request, at_ms in self._awaited.items() if request in self._polls}
        self._late = {request: count for request, count in self._late.items() if request in self._polls}

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

    def answered(self, poll: Poll, now_ms: int) -> None:
        """The answer was received and read: if the rate that was due is not in it, ask again later."""
        awaited_ms = self._awaited.get(poll.request, -1)
        late = self._late.get(poll.request, 0)
        is_missing = awaited_ms <= now_ms and self._settled_ms(poll.symbol) < awaited_ms - STAMP_MS
        if not is_missing or late >= MOST_LATE:
            self._late.pop(poll.request, None)
        elif poll.request in self._polls:
            self._late[poll.request] = late + 1
            self._due[poll.request] = now_ms + AGAIN_MS * 2**late

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
            self._awaited[request] = settles_ms
            self._late.pop(request, None)
        return due_ms
