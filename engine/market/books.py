"""All order books, by venue and symbol, and their columns for the scores.

Owned by `engine.intake`, which passes every book event in. The scores read `columns`, `engine.picture` reads `get` for
the console, and `inspect` reads counts and final books. One instrument may have a deep channel (snapshot and deltas)
and a channel that pushes only the top: the deep book is used while it is synced, otherwise the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.arrays import Floats
from engine.events import BookDelta, BookSnapshot
from engine.instruments import Instrument
from engine.market.book import Book
from engine.market.book_columns import BookColumns
from engine.market.view import Books


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
        """`flow`: measure activity at the top of every book, which `columns` needs. `texts`: see `Book`."""
        self._flow = flow
        self._with_texts = texts
        self._full: dict[tuple[str, str], Book] = {}
        self._top: dict[tuple[str, str], Book] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._columns = BookColumns()

    def apply(self, event: BookSnapshot | BookDelta) -> int:
        """Apply a snapshot or delta to its book.

        On a gap in the sequence, returns the event time of the last update before it, milliseconds; otherwise -1.
        """
        key = (event.venue, event.symbol)
        broke_ms = -1
        if isinstance(event, BookDelta):
            book = self._book(self._full, key)
            gaps, held_ms = book.gaps, book.updated_ms
            book.apply_delta(event)
            if book.gaps != gaps and not event.restarts:
                broke_ms = held_ms
        elif event.chained:
            self._book(self._full, key).apply_snapshot(event)
        else:
            book = self._book(self._top, key)
            if event.depth >= book.depth:
                book.apply_snapshot(event)
        self._dirty.add(key)
        return broke_ms

    def traded(self, venue: str, symbol: str, ts_ms: int, taker_buy: bool) -> None:
        """Pass a trade to the instrument's book, which uses it to recognise quotes that were taken."""
        book = self._full.get((venue, symbol))
        if book is not None and book.flow is not None:
            book.flow.traded(ts_ms, taker_buy)

    def get(self, venue: str, symbol: str) -> Book | None:
        """The book to use for an instrument; None before its first book message."""
        key = (venue, symbol)
        full = self._full.get(key)
        if full is not None and full.status == "synced":
            return full
        top = self._top.get(key)
        return top if top is not None and (full is None or top.status == "synced") else full

    def interrupted(self, venue: str, symbols: Iterable[str], why: str) -> None:
        """Messages of these symbols' books may have been missed; `why` in words."""
        for symbol in symbols:
            key = (venue, symbol)
            for books in (self._full, self._top):
                if (book := books.get(key)) is not None:
                    book.interrupted(why)
                    self._dirty.add(key)

    def dropped(self, venue: str, symbol: str) -> None:
        """The book's subscription ended: nothing of it may be shown or scored any more."""
        key = (venue, symbol)
        for books in (self._full, self._top):
            if books.pop(key, None) is not None:
                self._dirty.add(key)

    def unproven(self, venue: str) -> list[tuple[str, Book]]:
        """The deep books of one venue that are not synced, by symbol: each waits for a snapshot."""
        return [
            (symbol, book)
            for (of, symbol), book in self._full.items()
            if of == venue and book.status in ("syncing", "resyncing")
        ]

    def whole(self, venue: str, symbol: str) -> Book | None:
        """The book of an instrument's deep channel, synced or not; None if there is none."""
        return self._full.get((venue, symbol))

    def counts(self, venue: str) -> BookCounts:
        """Gaps, resyncs and checksum failures of one venue's books, and how many are synced or resyncing."""
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

        `sold_usd` and `bought_usd` are the taker notional by second over the last minute, `[rows, 60]`. A taker's sale
        removes bids, so it is subtracted from what was removed there to give what was cancelled.
        """
        columns = self._columns
        columns.enter(instruments)
        dirty = sorted(columns.rows[key] for key in self._dirty if key in columns.rows)
        columns.fill((row, self.get(instruments[row].venue, instruments[row].symbol)) for row in dirty)
        self._dirty -= columns.rows.keys()
        columns.fill_flows(at_ms)
        return columns.view(sold_usd, bought_usd)

    def _book(self, books: dict[tuple[str, str], Book], key: tuple[str, str]) -> Book:
        book = books.get(key)
        if book is None:
            book = books[key] = Book(flow=self._flow, texts=self._with_texts)
        return book
