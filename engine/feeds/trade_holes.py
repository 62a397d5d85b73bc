"""Schedules requests for trades lost on a connection that is up; each symbol has its own backoff.

Pure bookkeeping for one venue; `engine.feeds.venue` calls it several times a second. Gaps of a symbol that appear
during its backoff are requested together, so a stream that loses trades all the time costs a request every 15 s, within
the budget of its host.

A gap proven by trade numbers is followed by a later trade. A suspected gap, from a frame that could not be read, may be
at the very end of the trades, and a REST answer that lags the stream by a moment would not contain it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from engine.feeds.mending import Mending

SETTLE_MS: Final = 1_000
"""Wait before requesting trades that are only suspected missing: a venue's answers may lag behind its streams."""
SETTLES_MS: Final = 5_000
"""Each further suspected gap of the symbol restarts that wait, up to this total."""


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """Trades to request."""

    symbol: str
    since_ms: int
    """Start and end of the gap, event time."""
    until_ms: int


class _Held(msgspec.Struct, frozen=True, gc=False):
    """The gap of one symbol, and from when on it may be requested."""

    wanted: Wanted
    feared_ms: int
    """When the first suspected gap was added; -1: all of it is known to be missing."""
    from_ms: int


class TradeHoles:
    """Gaps by symbol."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._pace = Mending()

    def add(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades of a symbol are missing between these event times."""
        held = self._held.get(symbol)
        self._held[symbol] = _Held(
            _joined(held, symbol, since_ms, until_ms),
            -1 if held is None else held.feared_ms,
            0 if held is None else held.from_ms,
        )

    def fear(self, symbol: str, since_ms: int, until_ms: int, now_ms: int) -> None:
        """Trades of a symbol may be missing between these event times; noticed now."""
        held = self._held.get(symbol)
        feared_ms = now_ms if held is None or held.feared_ms < 0 else held.feared_ms
        from_ms = min(now_ms + SETTLE_MS, feared_ms + SETTLES_MS)
        self._held[symbol] = _Held(_joined(held, symbol, since_ms, until_ms), feared_ms, from_ms)

    def is_feared(self, symbol: str) -> bool:
        """Whether trades of a symbol are suspected missing and have not been requested yet."""
        held = self._held.get(symbol)
        return held is not None and held.feared_ms >= 0

    def due(self, now_ms: int) -> list[Wanted]:
        """The gaps to request now; each is returned once."""
        settled = [symbol for symbol, held in self._held.items() if now_ms >= held.from_ms]
        return [self._held.pop(symbol).wanted for symbol in self._pace.due(settled, now_ms)]

    def forget(self, symbols: Iterable[str]) -> None:
        """Forget symbols whose trades are no longer followed."""
        gone = list(symbols)
        self._pace.forget(gone)
        for symbol in gone:
            self._held.pop(symbol, None)


def _joined(held: _Held | None, symbol: str, since_ms: int, until_ms: int) -> Wanted:
    if held is not None:
        since_ms, until_ms = min(since_ms, held.wanted.since_ms), max(until_ms, held.wanted.until_ms)
    return Wanted(symbol, since_ms, until_ms)
