"""Holes in the trades of a standing connection, and when each is asked for: of every symbol at its own pace.

Pure bookkeeping for one venue; `engine.feeds.venue` asks it several times a second. Holes of a symbol that come while
one may not be asked for yet are asked for together, so a stream that loses trades all the time costs a request every
15 s, within the budget of its host.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.feeds.mending import Mending


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """Trades to ask for."""

    symbol: str
    since_ms: int
    """Event times between which they are missing."""
    until_ms: int


class TradeHoles:
    """What is missing, by symbol."""

    def __init__(self) -> None:
        self._wanted: dict[str, Wanted] = {}
        self._pace = Mending()

    def add(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades of a symbol are missing between these event times."""
        held = self._wanted.get(symbol)
        if held is not None:
            since_ms, until_ms = min(since_ms, held.since_ms), max(until_ms, held.until_ms)
        self._wanted[symbol] = Wanted(symbol, since_ms, until_ms)

    def due(self, now_ms: int) -> list[Wanted]:
        """What is to be asked for now; each is handed over once."""
        return [self._wanted.pop(symbol) for symbol in self._pace.due(list(self._wanted), now_ms)]

    def forget(self, symbols: Iterable[str]) -> None:
        """Symbols whose trades are not followed any more."""
        gone = list(symbols)
        self._pace.forget(gone)
        for symbol in gone:
            self._wanted.pop(symbol, None)
