"""A cache of formatted rows: made when a row is shown, kept until a value in it changes.

Used by the candidates view model, only for the rows on screen. Formatting numbers is what costs, so a row is formatted
again only if one of the values that its columns read has changed. Its revision rises only if a character or a tone
changed: a painter that caches by revision repaints nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Floats
from engine.instruments import Instrument
from tui.presenters.columns import Cell, Column
from tui.presenters.row import Key
from tui.presenters.sheet import Sheet

RECENT_S: Final = 2.0
"""Digits flash only if the row was on screen this recently: a change off screen is not news."""
KEEP_ROWS: Final = 2048
"""Most formatted rows kept; the table asks for a few dozen."""


@dataclass(frozen=True, slots=True)
class Flash:
    """Characters of a cell that have just changed."""

    column: int
    """Index in the columns shown."""
    start: int
    """First changed character, counted in the text aligned right to its column's width."""
    rising: bool


class Marks(NamedTuple):
    """Properties of a row besides its values."""

    pinned: bool = False
    left: bool = False
    """No longer belongs in this view; stays only because the cursor is on it."""
    watched: bool = False
    gated: bool = False
    """A gate stops it; shown among those that pass because it is pinned or watched."""


@dataclass(frozen=True, slots=True)
class RowView:
    """One row, ready to paint."""

    key: Key
    revision: int
    """Changes whenever anything below changes; never used twice."""
    cells: tuple[Cell, ...]
    marks: Marks
    stale: bool
    """Its venue is silent or down."""
    flashes: tuple[Flash, ...]
    changed_s: float
    """When `flashes` began."""


@dataclass(slots=True)
class _Record:
    view: RowView
    fingerprint: bytes
    instrument: Instrument
    sheet: int
    seen_s: float


class RowViews:
    """The cache, one per table."""

    def __init__(self) -> None:
        self._records: dict[Key, _Record] = {}
        self._columns: tuple[Column, ...] = ()
        self._reads: tuple[str, ...] = ()
        self._preset = ""
        self._revision = 0
        self.formatted = 0
        """Total rows formatted so far."""

    def views(
        self,
        sheet: Sheet,
        serial: int,
        keys: Sequence[tuple[Key, int, Marks]],
        columns: tuple[Column, ...],
        now_s: float,
    ) -> list[RowView]:
        """The rows `keys`, each (key, row number, marks), formatted for `columns`.

        `serial` identifies the sheet; `current` then returns these rows without comparing them again.
        """
        if columns != self._columns or sheet.preset != self._preset:
            self._begin(columns, sheet.preset)
        if len(self._records) > KEEP_ROWS:
            self._records.clear()
        rows = np.array([row for _, row, _ in keys], dtype=np.int64)
        matrix = np.empty((len(rows), len(self._reads)))
        for index, name in enumerate(self._reads):
            matrix[:, index] = sheet.numbers(name)[rows]
        found = []
        for index, (key, row, marks) in enumerate(keys):
            record = self._records.get(key)
            fingerprint = matrix[index].tobytes()
            instrument = sheet.instruments[row]
            if record is None or record.fingerprint != fingerprint or record.instrument is not instrument:
                record = self._write(sheet, key, row, record, matrix[index], now_s)
                record.fingerprint, record.instrument = fingerprint, instrument
            if record.view.marks != marks:
                record.view = self._marked(record.view, marks)
            record.sheet, record.seen_s = serial, now_s
            found.append(record.view)
        return found

    def current(self, key: Key, serial: int, columns: tuple[Column, ...]) -> RowView | None:
        """The row if it was already compared with the sheet `serial` in `columns`."""
        record = self._records.get(key)
        return record.view if record and record.sheet == serial and columns is self._columns else None

    def forget_marks(self) -> None:
        """Compare every row again at its next use, because pins or membership changed."""
        for record in self._records.values():
            record.sheet = -1

    def _begin(self, columns: tuple[Column, ...], preset: str) -> None:
        self._columns, self._preset = columns, preset
        names = [name for column in columns for name in column.reads] + ["stale"]
        self._reads = tuple(dict.fromkeys(names))
        self._records.clear()

    def _cells(self, sheet: Sheet, row: int, old: _Record | None, values: Floats) -> tuple[Cell, ...]:
        """The row's cells; a cell is reused if its values are unchanged."""
        if old is None or old.instrument is not sheet.instruments[row]:
            return tuple(column.paint(sheet, row) for column in self._columns)
        before = np.frombuffer(old.fingerprint)
        same = (before == values) | (np.isnan(before) & np.isnan(values))
        changed = {self._reads[index] for index in np.flatnonzero(~same)}
        return tuple(
            cell if changed.isdisjoint(column.reads) else column.paint(sheet, row)
            for column, cell in zip(self._columns, old.view.cells, strict=True)
        )

    def _write(self, sheet: Sheet, key: Key, row: int, old: _Record | None, values: Floats, now_s: float) -> _Record:
        self.formatted += 1
        cells = self._cells(sheet, row, old, values)
        stale = bool(sheet.number("stale", row))
        if old is not None and old.view.cells == cells and old.view.stale == stale:
            return old
        flashes: tuple[Flash, ...] = ()
        if old is not None and now_s - old.seen_s <= RECENT_S:
            flashes = self._flashes(old, cells, sheet, row)
        changed_s = now_s if flashes or old is None else old.view.changed_s
        if not flashes and old is not None:
            flashes = old.view.flashes
        self._revision += 1
        marks = old.view.marks if old else Marks()
        view = RowView(key, self._revision, cells, marks, stale, flashes, changed_s)
        record = _Record(view, b"", sheet.instruments[row], -1, now_s)
        self._records[key] = record
        return record

    def _flashes(self, old: _Record, cells: tuple[Cell, ...], sheet: Sheet, row: int) -> tuple[Flash, ...]:
        found = []
        before = np.frombuffer(old.fingerprint)
        for index, column in enumerate(self._columns):
            if not column.flash or cells[index].text == old.view.cells[index].text:
                continue
            was, now = before[self._reads.index(column.reads[0])], sheet.number(column.reads[0], row)
            if np.isnan(was) or np.isnan(now):
                continue
            new_text, old_text = cells[index].text.rjust(column.width), old.view.cells[index].text.rjust(column.width)
            pairs = zip(new_text, old_text, strict=False)
            start = next((at for at, (a, b) in enumerate(pairs) if a != b), 0)
            found.append(Flash(index, start, bool(now > was)))
        return tuple(found)

    def _marked(self, view: RowView, marks: Marks) -> RowView:
        self._revision += 1
        return RowView(view.key, self._revision, view.cells, marks, view.stale, view.flashes, view.changed_s)
