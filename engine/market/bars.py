"""Closed bars of one timeframe in columns: one consecutive run per row, right-aligned.

Used by `engine.market.candles`, which makes the bars and derives coarser ones. A row's columns hold only the
consecutive bars that end at its newest, so that a window is a slice and nothing is computed on the scan path. Bars
from before a gap are set aside, not lost: once the gap is filled they return to the columns.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.market.bar import Bar, BarsAside
from engine.market.columns import roomier
from engine.market.view import Bars

Counts = NDArray[np.int32]

CORRECTED: Final = 1_000_000
"""How far a row's revision jumps on any change other than an append."""

MOST_TRADES: Final = 2**31 - 1
"""More trades than this in one bar are counted as this many."""

ROUNDING: Final = 1e-9
"""A derived bar counts as equal to the venue's own if their volumes differ by no more than this, relatively."""

OPEN, HIGH, LOW, CLOSE, VOLUME, BUY = range(6)


class Heads(NamedTuple):
    """Every row's run of bars in figures, `[rows]`; see `BarFrame`. Read-only."""

    counts: Ints
    newest: Ints
    revisions: Ints


class Change(IntEnum):
    """What a bar did to the store."""

    NONE = 0
    APPENDED = 1
    OTHER = 2
    """Replaced, inserted, or began a new run after a gap."""


def _same(a: float, b: float, rounding: float = 0.0) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= rounding * abs(b)


def _equal(a: Bar, b: Bar, rounding: float) -> bool:
    prices = all(_same(x, y) for x, y in zip(a[1:5], b[1:5], strict=True))
    volumes = _same(a.volume_usd, b.volume_usd, rounding) and _same(a.buy_usd, b.buy_usd, rounding)
    return prices and volumes and a.trades == b.trades


class BarFrame:
    """All rows' closed bars of one interval; at most `capacity` a row."""

    def __init__(self, interval_ms: int, capacity: int) -> None:
        self.interval_ms = interval_ms
        self.capacity = capacity
        self.values: Floats = np.empty((0, 6, capacity))
        self.opened: Ints = np.empty((0, capacity), dtype=np.int64)
        self.trades: Counts = np.empty((0, capacity), dtype=np.int32)
        self.derived: Bools = np.empty((0, capacity), dtype=np.bool_)
        self.count: list[int] = []
        self.newest: list[int] = []
        """Open time of the newest closed bar by row; -1: none."""
        self.revision: list[int] = []
        self.version = 0
        """Rises with every change of any row."""
        self._aside: dict[int, BarsAside] = {}
        """By row, only for rows that have any."""
        self._heads = (-1, Heads(*np.zeros((3, 0), dtype=np.int64)))
        """Version it was built at, and the arrays."""

    def add_row(self, capacity: int) -> None:
        """One more row; the columns have room for `capacity` rows."""
        row = len(self.count)
        if capacity > len(self.values):
            self.values = roomier(self.values, capacity, row)
            self.opened = roomier(self.opened, capacity, row)
            self.trades = roomier(self.trades, capacity, row)
            self.derived = roomier(self.derived, capacity, row)
        self._blank(row)
        self.count.append(0)
        self.newest.append(-1)
        self.revision.append(0)
        self.version += 1

    def put(self, row: int, bar: Bar) -> Change:
        """Store a closed bar by its open time, in any order. A derived bar never replaces one that the venue sent."""
        count, newest = self.count[row], self.newest[row]
        ahead = bar.open_ms - newest
        if count == 0 or ahead == self.interval_ms:
            self._append(row, bar)
            return Change.APPENDED
        if ahead > 0:
            self._set_run_aside(row)
            self._append(row, bar)
            self.revision[row] += CORRECTED - 1
            return Change.OTHER
        back, rest = divmod(-ahead, self.interval_ms)
        if rest == 0 and back < count:
            return self._replace(row, self.capacity - 1 - back, bar)
        if -ahead >= self.capacity * self.interval_ms:
            return Change.NONE
        if rest == 0 and back == count:
            self._prepend(row, bar)
            self._rejoin(row)
            return self._corrected(row)
        return self._put_aside(row, bar)

    def get(self, row: int, open_ms: int) -> Bar | None:
        """The bar that opened at `open_ms`, in the run or set aside; None if there is none."""
        back, rest = divmod(self.newest[row] - open_ms, self.interval_ms)
        if rest == 0 and 0 <= back < self.count[row]:
            return self._at(row, self.capacity - 1 - back)
        aside = self._aside.get(row)
        return None if aside is None else aside.get(open_ms)

    def has_hole(self, row: int) -> bool:
        """Whether older bars are set aside before a gap."""
        return row in self._aside

    def heads(self) -> Heads:
        """Counts, newest open times and revisions as arrays, rebuilt only after a change."""
        if self._heads[0] != self.version:
            lists = (self.count, self.newest, self.revision)
            self._heads = (self.version, Heads(*(np.array(each, dtype=np.int64) for each in lists)))
        return self._heads[1]

    def window(self, rows: int, width: int) -> Bars:
        """The newest `width` bars of each run as views of the columns; nothing is computed but `[rows]` counts."""
        values = self.values[:rows, :, -width:]
        return Bars(
            interval_ms=self.interval_ms,
            open_ms=self.opened[:rows, -width:],
            open=values[:, OPEN],
            high=values[:, HIGH],
            low=values[:, LOW],
            close=values[:, CLOSE],
            volume_usd=values[:, VOLUME],
            buy_usd=values[:, BUY],
            trades=self.trades[:rows, -width:],
            count=np.minimum(self.heads().counts, width),
            revision=self.heads().revisions,
        )

    def _blank(self, row: int) -> None:
        self.values[row] = np.nan
        self.opened[row] = self.trades[row] = -1
        self.derived[row] = False

    def _append(self, row: int, bar: Bar) -> None:
        keep = min(self.count[row], self.capacity - 1)
        if keep:
            for column in (self.values[row], self.opened[row], self.trades[row], self.derived[row]):
                column[..., -keep - 1 : -1] = column[..., -keep:]
        self._write(row, self.capacity - 1, bar)
        self.count[row] = keep + 1
        self.newest[row] = bar.open_ms
        self.revision[row] += 1
        self.version += 1

    def _write(self, row: int, column: int, bar: Bar) -> None:
        self.values[row, :, column] = bar[1:7]
        self.opened[row, column] = bar.open_ms
        self.trades[row, column] = min(bar.trades, MOST_TRADES)
        self.derived[row, column] = bar.derived

    def _at(self, row: int, column: int) -> Bar:
        first, high, low, close, volume_usd, buy_usd = self.values[row, :, column].tolist()
        opened, trades, derived = (held[row, column].item() for held in (self.opened, self.trades, self.derived))
        return Bar(opened, first, high, low, close, volume_usd, buy_usd, trades, derived)

    def _replace(self, row: int, column: int, bar: Bar) -> Change:
        known = self._at(row, column)
        if bar.derived and not known.derived:
            return Change.NONE
        if _equal(known, bar, ROUNDING if known.derived else 0.0):
            self._write(row, column, bar)
            return Change.NONE
        self._write(row, column, bar)
        return self._corrected(row)

    def _prepend(self, row: int, bar: Bar) -> None:
        self.count[row] += 1
        self._write(row, self.capacity - self.count[row], bar)

    def _rejoin(self, row: int) -> None:
        """Move bars set aside back into the run, as far as they join it without a gap."""
        aside = self._aside.get(row)
        while aside and self.count[row] < self.capacity:
            older = aside.pop(self.newest[row] - self.count[row] * self.interval_ms)
            if older is None:
                return
            self._prepend(row, older)
        if not aside:
            self._aside.pop(row, None)

    def _set_run_aside(self, row: int) -> None:
        count = self.count[row]
        aside = self._aside.setdefault(row, BarsAside())
        for column in range(self.capacity - count, self.capacity):
            aside.put(self._at(row, column))
        aside.trim(self.capacity)
        self._blank(row)
        self.count[row] = 0

    def _put_aside(self, row: int, bar: Bar) -> Change:
        aside = self._aside.setdefault(row, BarsAside())
        known = aside.get(bar.open_ms)
        if known is not None and bar.derived and not known.derived:
            return Change.NONE
        aside.put(bar)
        aside.trim(self.capacity)
        return Change.NONE if known is not None and _equal(known, bar, 0.0) else Change.OTHER

    def _corrected(self, row: int) -> Change:
        self.revision[row] += CORRECTED
        self.version += 1
        return Change.OTHER
