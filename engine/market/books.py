"""All order books, by venue and symbol, and their columns for the scores.

The state hands every book event here; the scores read `columns`, the console reads `ladder` through the
runtime, `inspect` reads counts and final books. A channel that carries the whole book and one that pushes only
its top may run side by side for one instrument: the whole one is used while it is proven, else the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.events import BookDelta, BookSnapshot
from engine.instruments import Instrument
from engine.market.book import Book
from engine.market.book_flow import SECONDS
from engine.market.view import Books, Floats

LEVELS: Final = 200
"""Levels a side kept in the columns; a deeper book is cut there and its reach is what those levels span."""
COVERED_MS: Final = SECONDS * 1000
"""Event time a book must have been proven for before its minute of activity means anything."""
_ABSENT = Book()


@dataclass(slots=True)
class BookCounts:
    """What went wrong with the books of one venue."""

    sequence_gaps: int = 0
    resyncs: int = 0
    checksum_failures: int = 0
    synced: int = 0
    resyncing: int = 0


class BookStore:
    """Every book seen since the epoch began."""

    def __init__(self, *, flow: bool = True, texts: bool = True) -> None:
        """`flow`: watch the top of every book for the scores; `columns` needs it. `texts`: see `Book`."""
        self._flow = flow
        self._with_texts = texts
        self._full: dict[tuple[str, str], Book] = {}
        self._top: dict[tuple[str, str], Book] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._columns = _Columns()

    def apply(self, event: BookSnapshot | BookDelta) -> None:
        """Apply a snapshot or delta to the book it names."""
        key = (event.venue, event.symbol)
        if isinstance(event, BookDelta):
            self._book(self._full, key).apply_delta(event)
        elif event.chained:
            self._book(self._full, key).apply_snapshot(event)
        else:
            book = self._book(self._top, key)
            if event.depth >= book.depth:
                book.apply_snapshot(event)
        self._dirty.add(key)

    def traded(self, venue: str, symbol: str, ts_ms: int, taker_buy: bool) -> None:
        """Tell a book that its instrument traded, so that it can tell taken from cancelled."""
        book = self._full.get((venue, symbol))
        if book is not None and book.flow is not None:
            book.flow.traded(ts_ms, taker_buy)

    def get(self, venue: str, symbol: str) -> Book | None:
        """The book to use for an instrument; None where no book message ever came."""
        key = (venue, symbol)
        full = self._full.get(key)
        if full is not None and full.status == "synced":
            return full
        top = self._top.get(key)
        return top if top is not None and (full is None or top.status == "synced") else full

    def counts(self, venue: str) -> BookCounts:
        """Gaps, resyncs and checksum failures of one venue's books, and how many stand."""
        counts = BookCounts()
        for books in (self._full, self._top):
            for (book_venue, _), book in books.items():
                if book_venue == venue:
                    counts.sequence_gaps += book.gaps
                    counts.resyncs += book.resyncs
                    counts.checksum_failures += book.checksum_failures
                    counts.synced += book.status == "synced"
                    counts.resyncing += book.status == "resyncing"
        return counts

    def columns(self, at_ms: int, instruments: Sequence[Instrument], sold_usd: Floats, bought_usd: Floats) -> Books:
        """The columns of all rows as of `at_ms`.

        `sold_usd` and `bought_usd` are the taker notional by second over the last minute, `[rows, 60]`: a
        taker's sale removes bids, so it is taken out of what was cancelled there.
        """
        columns = self._columns
        columns.grow(len(instruments))
        for row, instrument in enumerate(instruments):
            key = (instrument.venue, instrument.symbol)
            if key in self._dirty:
                self._dirty.discard(key)
                columns.fill(row, self.get(*key) or _ABSENT, instrument)
            if columns.has_flow[row]:
                columns.fill_flow(row, self.get(*key) or _ABSENT, instrument, at_ms)
        return columns.view(len(instruments), sold_usd, bought_usd)

    def _book(self, books: dict[tuple[str, str], Book], key: tuple[str, str]) -> Book:
        book = books.get(key)
        if book is None:
            book = books[key] = Book(flow=self._flow, texts=self._with_texts)
        return book


class _Columns:
    """Arrays over rows, refilled where a book changed."""

    def __init__(self) -> None:
        self.capacity = 0
        self.has_flow: list[bool] = []
        self.flow_second: list[int] = []
        self.status: list[str] = []
        self.levels = np.empty((4, 0, LEVELS))
        self.updated_ms = np.empty(0, np.int64)
        self.synced_ms = np.empty(0, np.int64)
        self.flow = np.empty((0, 4, SECONDS))
        self.scalars = np.empty((4, 0))
        """Imbalance EMA, refill of bid and ask, microprice drift."""

    def grow(self, rows: int) -> None:
        if rows <= self.capacity:
            return
        capacity = max(64, 2 * self.capacity, rows)
        grown = _Columns()
        grown.levels = np.full((4, capacity, LEVELS), np.nan)
        grown.updated_ms = np.full(capacity, -1, np.int64)
        grown.synced_ms = np.full(capacity, -1, np.int64)
        grown.flow = np.full((capacity, 4, SECONDS), np.nan)
        grown.scalars = np.full((4, capacity), np.nan)
        held = self.capacity
        grown.levels[:, :held] = self.levels
        grown.updated_ms[:held] = self.updated_ms
        grown.synced_ms[:held] = self.synced_ms
        grown.flow[:held] = self.flow
        grown.scalars[:, :held] = self.scalars
        self.levels, self.updated_ms, self.synced_ms = grown.levels, grown.updated_ms, grown.synced_ms
        self.flow, self.scalars = grown.flow, grown.scalars
        self.has_flow += [False] * (capacity - held)
        self.flow_second += [-1] * (capacity - held)
        self.status += ["absent"] * (capacity - held)
        self.capacity = capacity

    def fill(self, row: int, book: Book, instrument: Instrument) -> None:
        """Write the levels of one row, sizes in base currency."""
        self.status[row] = book.status if book is not _ABSENT else "absent"
        self.levels[:, row] = np.nan
        synced = book.status == "synced" and instrument.contract_size is not None
        self.updated_ms[row] = book.updated_ms if synced else -1
        self.synced_ms[row] = book.synced_ms if synced else -1
        self.has_flow[row] = synced
        if not synced:
            self.flow[row] = np.nan
            self.flow_second[row] = -1
            self.scalars[:, row] = np.nan
            return
        for side, levels in ((0, book.bids.high(LEVELS)), (2, book.asks.low(LEVELS))):
            count = len(levels)
            if count:
                self.levels[side : side + 2, row, :count] = np.array(levels).T
        self._to_base(row, instrument)

    def _to_base(self, row: int, instrument: Instrument) -> None:
        size = instrument.contract_size
        assert size is not None
        if instrument.inverse:
            self.levels[1, row] *= size / self.levels[0, row]
            self.levels[3, row] *= size / self.levels[2, row]
        elif size != 1.0:
            self.levels[1, row] *= size
            self.levels[3, row] *= size

    def fill_flow(self, row: int, book: Book, instrument: Instrument, at_ms: int) -> None:
        """Write the activity of one row, once a second of event time.

        The rings hold price * venue size, which for inverse contracts is not yet money.
        """
        flow = book.flow
        assert flow is not None, "a store without flow has no columns"
        self.scalars[0, row] = flow.imbalance_ema
        if self.flow_second[row] == at_ms // 1000:
            return
        self.flow_second[row] = at_ms // 1000
        self.scalars[1:3, row] = flow.refills(at_ms)
        drift = np.array(flow.minute(flow.drift, at_ms, np.nan))
        known = ~np.isnan(drift)
        covered = at_ms - book.synced_ms >= COVERED_MS
        self.scalars[3, row] = drift[known].mean() if covered and known.any() else np.nan
        if not covered or not instrument.quote_is_usd:
            self.flow[row] = np.nan
            return
        mid = ((book.best_bid or np.nan) + (book.best_ask or np.nan)) / 2
        size = instrument.contract_size or np.nan
        to_usd = size / mid if instrument.inverse else size
        rings = (flow.added_bids, flow.added_asks, flow.removed_bids, flow.removed_asks)
        for index, ring in enumerate(rings):
            self.flow[row, index] = flow.minute(ring, at_ms, 0.0)
        self.flow[row] *= to_usd

    def view(self, rows: int, sold_usd: Floats, bought_usd: Floats) -> Books:
        flow = self.flow[:rows]
        taken = np.stack((sold_usd, bought_usd), axis=1)
        return Books(
            bid=self.levels[0, :rows],
            bid_size=self.levels[1, :rows],
            ask=self.levels[2, :rows],
            ask_size=self.levels[3, :rows],
            updated_ms=self.updated_ms[:rows],
            status=tuple(self.status[:rows]),
            imbalance_ema=self.scalars[0, :rows],
            added_usd=flow[:, :2],
            cancelled_usd=np.maximum(flow[:, 2:] - taken, 0.0),
            refill=self.scalars[1:3, :rows].T,
            microprice_drift_bps=self.scalars[3, :rows],
        )
