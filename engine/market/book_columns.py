"""The books as arrays over rows, refilled only for books that changed.

Owned by `engine.market.books`, which passes in the books that changed. The levels of a changed book are copied once a
scan; activity at the top is copied once a second of event time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from struct import Struct
from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.instruments import Instrument
from engine.market.book import Book
from engine.market.book_flow import SECONDS, BookFlow
from engine.market.book_side import Numbers
from engine.market.columns import roomier
from engine.market.universe import FIRST_CAPACITY, ROOMIER
from engine.market.view import Books

LEVELS: Final = 200
"""Levels a side in the columns; a deeper book is cut there, and its reach is what those levels span."""
COVERED_MS: Final = SECONDS * 1000
"""Event time a book must have been synced for before its minute of activity is given."""
RINGS: Final = 5
"""Added and removed notional of bids and asks, and the microprice's drift."""


class BookColumns:
    """Every array of `Books`, and the rings they are computed from. All arrays have room for `capacity` rows."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], int] = {}
        """By venue and symbol."""
        self._instruments: Sequence[Instrument] = ()
        self._size = np.empty(0)
        """Contract size; NaN: not known."""
        self._inverse = self._in_usd = np.empty(0, np.bool_)
        self._capacity = 0
        """Rows that the arrays have room for."""
        self._books: list[Book | None] = []
        """The book of each row while it is synced."""
        self._unread: list[bool] = []
        """The book's activity may have changed since it was read."""
        self._status: list[str] = []
        self._levels = np.empty((4, 0, LEVELS))
        """Bid prices and sizes, ask prices and sizes."""
        self._cells = memoryview(b"")
        """Their memory."""
        self._updated_ms = self._synced_ms = self._revision = np.empty(0, np.int64)
        self._flow_second = self._ring_second = np.empty(0, np.int64)
        """Second at which the row's minute was last read, and the newest second in its rings."""
        self._rings = np.empty((0, RINGS, SECONDS))
        self._flow = np.empty((0, 4, SECONDS))
        self._scalars = np.empty((4, 0))
        """Imbalance EMA, refill of bid and ask, microprice drift."""

    def enter(self, instruments: Sequence[Instrument]) -> None:
        """Take the instruments by row: those of the previous call in the same order, and possibly new ones after them.

        The state builds a new tuple whenever an instrument is added or changed, so the same tuple means no change.
        """
        if instruments is self._instruments:
            return
        self._instruments = instruments
        self.rows = {(one.venue, one.symbol): row for row, one in enumerate(instruments)}
        self._size = np.array([one.contract_size or np.nan for one in instruments], dtype=np.float64)
        self._inverse = np.array([one.inverse for one in instruments], dtype=np.bool_)
        self._in_usd = np.array([one.quote_is_usd for one in instruments], dtype=np.bool_)
        held = len(self._books)
        added = len(instruments) - held
        if added > 0:
            if len(instruments) > self._capacity:
                self._grow(max(FIRST_CAPACITY, ROOMIER * self._capacity, len(instruments)), held)
            self._books += [None] * added
            self._unread += [False] * added
            self._status += ["absent"] * added
            self._blank(slice(held, len(instruments)))

    def _grow(self, capacity: int, held: int) -> None:
        self._capacity = capacity
        self._levels = roomier(self._levels, capacity, held, axis=1)
        self._cells = self._levels.reshape(-1).data.cast("B")
        self._updated_ms, self._synced_ms, self._flow_second, self._ring_second, self._revision = (
            roomier(times, capacity, held)
            for times in (self._updated_ms, self._synced_ms, self._flow_second, self._ring_second, self._revision)
        )
        self._rings = roomier(self._rings, capacity, held)
        self._flow = roomier(self._flow, capacity, held)
        self._scalars = roomier(self._scalars, capacity, held, axis=1)

    def _blank(self, rows: slice) -> None:
        self._levels[:, rows] = self._rings[rows] = self._flow[rows] = self._scalars[:, rows] = np.nan
        self._updated_ms[rows] = self._synced_ms[rows] = self._revision[rows] = -1
        self._flow_second[rows] = self._ring_second[rows] = -1

    def fill(self, books: Iterable[tuple[int, Book | None]]) -> None:
        """Write rows from their books, sizes in base currency; None: the row has no book any more."""
        filled: list[tuple[int, int, int, float]] = []
        status, instruments = self._status, self._instruments
        for row, book in books:
            status[row] = "absent" if book is None else book.status
            if book is None or book.status != "synced" or instruments[row].contract_size is None:
                self._empty(row)
                continue
            flow = book.flow
            assert flow is not None, "a store without flow has no columns"
            self._books[row] = book
            self._unread[row] = True
            filled.append((row, book.updated_ms, book.synced_ms, flow.imbalance_ema))
            bids, asks = book.bids.columns(LEVELS, highest=True), book.asks.columns(LEVELS, highest=False)
            for place, values in enumerate((*bids, *asks)):
                self._write(place, row, values)
        if filled:
            self._settle(*zip(*filled, strict=True))

    def _empty(self, row: int) -> None:
        self._books[row] = None
        self._revision[row] += 1
        self._levels[:, row] = np.nan
        self._updated_ms[row] = self._synced_ms[row] = self._flow_second[row] = -1
        self._flow[row] = np.nan
        self._scalars[:, row] = np.nan

    def _write(self, place: int, row: int, values: Numbers) -> None:
        count = len(values)
        cell = (place * self._capacity + row) * LEVELS
        # `struct` packs floats into memory faster than numpy does.
        packer(count).pack_into(self._cells, cell * 8, *values)
        if count < LEVELS:
            self._levels[place, row, count:] = np.nan

    def _settle(
        self, rows: tuple[int, ...], updated_ms: tuple[int, ...], synced_ms: tuple[int, ...], ema: tuple[float, ...]
    ) -> None:
        """Write the columns that can be written for all filled rows at once."""
        where = np.array(rows)
        self._revision[where] += 1
        self._updated_ms[where], self._synced_ms[where], self._scalars[0, where] = updated_ms, synced_ms, ema
        size = self._size[where]
        scaled = self._inverse[where] | (size != 1.0)
        if np.count_nonzero(scaled):
            where, size = where[scaled], size[scaled][:, None]
            inverse = self._inverse[where][:, None]
            for prices, sizes in ((0, 1), (2, 3)):
                self._levels[sizes, where] *= np.where(inverse, size / self._levels[prices, where], size)

    def fill_flows(self, at_ms: int) -> None:
        """Update the activity at the top of every synced book to `at_ms`, once a second of event time."""
        second, count = at_ms // 1000, len(self._instruments)
        rows = np.flatnonzero((self._updated_ms[:count] >= 0) & (self._flow_second[:count] != second))
        if not rows.size:
            return
        self._flow_second[rows] = second
        refills = []
        for row in rows.tolist():
            book = self._books[row]
            assert book is not None
            assert book.flow is not None
            refills.append(book.flow.refills(at_ms))
            if self._unread[row]:
                self._read_rings(row, book.flow)
        self._scalars[1:3, rows] = np.array(refills).T
        minute = self._minutes(rows, second)
        covered = at_ms - self._synced_ms[rows] >= COVERED_MS
        self._scalars[3, rows] = np.where(covered, _means_of_known(minute[:, RINGS - 1]), np.nan)
        # The rings hold price * venue size, which for inverse contracts is not a notional yet.
        mid = (self._levels[0, rows, 0] + self._levels[2, rows, 0]) / 2
        to_usd = np.where(self._inverse[rows], self._size[rows] / mid, self._size[rows])
        flow = minute[:, : RINGS - 1] * to_usd[:, None, None]
        self._flow[rows] = np.where((covered & self._in_usd[rows])[:, None, None], flow, np.nan)

    def _read_rings(self, row: int, flow: BookFlow) -> None:
        self._unread[row] = False
        rings = flow.added_bids + flow.added_asks + flow.removed_bids + flow.removed_asks + flow.drift
        self._rings[row] = np.fromiter(rings, np.float64, RINGS * SECONDS).reshape(RINGS, SECONDS)
        self._ring_second[row] = flow.second

    def _minutes(self, rows: Ints, second: int) -> Floats:
        """The rings of `rows` in order of time, `[rows, RINGS, SECONDS]`, column -1 the second `second`."""
        newest = self._ring_second[rows]
        behind = np.maximum(second - newest, 0)
        place = np.arange(SECONDS) + behind[:, None]
        ring = (place + newest[:, None] + 1) % SECONDS
        minute: Floats = self._rings[rows[:, None, None], np.arange(RINGS)[:, None], ring[:, None, :]]
        # Seconds without a message: nothing was added or removed, and the drift is not known.
        silent = np.broadcast_to(((place >= SECONDS) | (newest[:, None] < 0))[:, None, :], minute.shape)
        minute[:, : RINGS - 1][silent[:, : RINGS - 1]] = 0.0
        minute[:, RINGS - 1][silent[:, RINGS - 1]] = np.nan
        return minute

    def view(self, sold_usd: Floats, bought_usd: Floats) -> Books:
        """The columns; the arrays are views."""
        rows = len(self._instruments)
        flow = self._flow[:rows]
        taken = np.stack((sold_usd, bought_usd), axis=1)
        return Books(
            bid=self._levels[0, :rows],
            bid_size=self._levels[1, :rows],
            ask=self._levels[2, :rows],
            ask_size=self._levels[3, :rows],
            updated_ms=self._updated_ms[:rows],
            status=tuple(self._status[:rows]),
            imbalance_ema=self._scalars[0, :rows],
            added_usd=flow[:, :2],
            cancelled_usd=np.maximum(flow[:, 2:] - taken, 0.0),
            refill=self._scalars[1:3, :rows].T,
            microprice_drift_bps=self._scalars[3, :rows],
            revision=self._revision[:rows],
        )


@cache
def packer(count: int) -> Struct:
    """Packs `count` doubles."""
    return Struct(f"{count}d")


def _means_of_known(values: Floats) -> Floats:
    """`[rows]` mean of the known of `values [rows, n]`; NaN if none is known.

    Rows with equally many known values are averaged together. Each is summed in the same order as it would be alone,
    so its mean does not depend on the other rows.
    """
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    means = np.full(len(values), np.nan)
    for count in np.unique(counts[counts > 0]).tolist():
        rows = np.flatnonzero(counts == count)
        means[rows] = values[rows][known[rows]].reshape(-1, count).mean(axis=1)
    return means
