"""One closed bar, and the bars set aside before a gap in time.

Used by `engine.market.bars`, whose columns hold a row's newest bars without a gap, and by `engine.market.candles`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from struct import Struct
from typing import Final, NamedTuple


class Bar(NamedTuple):
    """One closed bar. Prices in quote currency, volumes in dollars (NaN: not known), `trades` -1: not counted."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_usd: float
    buy_usd: float
    trades: int
    derived: bool
    """Summed from finer bars here, rather than sent by the venue."""


RECORD: Final = Struct("=qddddddq?")
SIZE: Final = RECORD.size


class BarsAside:
    """Bars of one row by open time, packed.

    When a connection breaks, hundreds of bars of every symbol of a venue wait here until the gap is filled: up to
    53,000 at a time in fault tests. As objects they took over 400 bytes each, and that many short-lived small objects
    fragment the heap.
    """

    __slots__ = ("_records", "_times")

    def __init__(self) -> None:
        self._times = array("q")
        """Ascending."""
        self._records = bytearray()
        """In the same order."""

    def __len__(self) -> int:
        return len(self._times)

    def get(self, open_ms: int) -> Bar | None:
        """The bar that opened at `open_ms`; None if there is none."""
        place = self._place(open_ms)
        return self._at(place) if self._is_at(place, open_ms) else None

    def put(self, bar: Bar) -> None:
        """Store a bar, replacing one with the same open time."""
        place = self._place(bar.open_ms)
        first = place * SIZE
        if self._is_at(place, bar.open_ms):
            RECORD.pack_into(self._records, first, *bar)
        else:
            self._times.insert(place, bar.open_ms)
            self._records[first:first] = RECORD.pack(*bar)

    def pop(self, open_ms: int) -> Bar | None:
        """Remove and return the bar that opened at `open_ms`; None if there is none."""
        place = self._place(open_ms)
        if not self._is_at(place, open_ms):
            return None
        bar = self._at(place)
        del self._times[place], self._records[place * SIZE : (place + 1) * SIZE]
        return bar

    def trim(self, most: int) -> None:
        """Keep the newest `most` bars."""
        surplus = len(self._times) - most
        if surplus > 0:
            del self._times[:surplus], self._records[: surplus * SIZE]

    def _place(self, open_ms: int) -> int:
        return bisect_left(self._times, open_ms)

    def _is_at(self, place: int, open_ms: int) -> bool:
        return place < len(self._times) and self._times[place] == open_ms

    def _at(self, place: int) -> Bar:
        return Bar(*RECORD.unpack_from(self._records, place * SIZE))
