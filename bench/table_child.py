"""The two apps that `bench.table` measures; each runs alone on a pty of its own.

Both draw the same synthetic market in the same columns. After each frame they report the cursor's row in that frame by
a private escape sequence, so that the parent can time a key without interpreting the screen.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import DataTable

from bench.table import COLUMNS, ROWS, SHARE, TICKS_PER_S, summary
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from themes.loader import load
from tui.presenters.columns import BY_KEY, Align, Cell, layout
from tui.presenters.sheet import Sheet
from tui.widgets.candidates import CandidatesTable

DISTINCT = 64
"""Number of snapshots built in advance and shown in turn, so that building them costs neither table anything."""


def everyone_ranked(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with all rows as candidates in a fixed order: the benchmark is about painting 600 rows."""
    ranking = snapshot.rankings["relaxed"]
    rows = np.concatenate([ranking.candidates, ranking.vetoed])
    rows = np.concatenate([rows, np.setdiff1d(np.arange(len(snapshot.instruments)), rows)])
    ranked = replace(ranking, candidates=rows, vetoed=rows[:0])
    return replace(snapshot, preset="relaxed", rankings={"relaxed": ranked})


def snapshots() -> tuple[list[Snapshot], list[np.ndarray[Any, np.dtype[np.int64]]]]:
    """The snapshots in turn, and for each the rows that changed."""
    rng = np.random.default_rng(7)
    first = everyone_ranked(make_snapshot(ROWS, preset="relaxed", focus_row=None))
    made, changes = [first], [np.empty(0, dtype=np.int64)]
    for sequence in range(1, DISTINCT):
        rows = np.sort(rng.choice(ROWS, int(ROWS * SHARE), replace=False))
        last = made[-1].columns.last.copy()
        last[rows] *= 1 + rng.normal(0, 5e-4, len(rows))
        made.append(replace(made[-1], sequence=sequence, columns=replace(made[-1].columns, last=last)))
        changes.append(rows)
    return made, changes


class TimedScreen(Screen[None]):
    """Measures the time from the beginning of a repaint until its bytes are passed to the terminal."""

    def _on_timer_update(self) -> None:
        bench = self.app
        assert isinstance(bench, Bench)
        dirty = bool(self._dirty_widgets or self._repaint_required or self._layout_required)
        began = time.perf_counter()
        super()._on_timer_update()
        if dirty:
            bench.framed((time.perf_counter() - began) * 1000)


class Bench(App[None]):
    """The common base of both apps: the market, the ticks, the keys and the frame times."""

    BINDINGS: ClassVar[list[BindingType]] = [("j", "down"), ("k", "up"), ("q", "quit")]
    CSS = "Screen { overflow: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self.pictures, self.changes = snapshots()
        self.tick = 0
        self.frames_ms: list[float] = []
        self.update_ms = 0.0

    def on_mount(self) -> None:
        """Start the ticks."""
        theme = load().themes["prism-dark"]
        self.register_theme(theme)
        self.theme = theme.name
        self.begin()
        self.set_interval(1 / TICKS_PER_S, self._tick)

    def _tick(self) -> None:
        self.tick += 1
        began = time.perf_counter()
        self.show(self.tick % DISTINCT)
        self.update_ms += (time.perf_counter() - began) * 1000

    def get_default_screen(self) -> Screen[Any]:
        """A screen that times its frames."""
        return TimedScreen(id="_default")

    def framed(self, took_ms: float) -> None:
        """Record a frame together with the update that led to it, and mark it in the output."""
        self.frames_ms.append(took_ms + self.update_ms)
        self.update_ms = 0.0
        if self._driver is not None:
            self._driver.write(f"\x1b]777;row={self.cursor_row()};tick={self.tick};\x07")
            self._driver.flush()

    def begin(self) -> None:
        """Show the first snapshot."""
        raise NotImplementedError

    def show(self, number: int) -> None:
        """Show a snapshot."""
        raise NotImplementedError

    def cursor_row(self) -> int:
        """The cursor's row."""
        raise NotImplementedError


class CandidatesBench(Bench):
    """The candidates table."""

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield CandidatesTable()

    def begin(self) -> None:
        """Show the first snapshot."""
        self.table = self.query_one(CandidatesTable)
        self.table.focus()
        self.call_after_refresh(self.show, 0)

    def show(self, number: int) -> None:
        """Show a snapshot as the console does."""
        self.table.update_snapshot(self.pictures[number], time.monotonic())

    def cursor_row(self) -> int:
        """Where the cursor is."""
        return self.table.model.index_of(self.table.cursor_key) or 0

    def action_down(self) -> None:
        """One row down."""
        self.table.cursor_down()

    def action_up(self) -> None:
        """One row up."""
        self.table.cursor_up()


class DataTableBench(Bench):
    """Textual's DataTable with the same texts in the same columns; only changed cells on screen are updated."""

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield DataTable(cursor_type="row", cell_padding=0)

    def begin(self) -> None:
        """Fill the table once."""
        self.table = self.query_one(DataTable)
        self.shown_columns = layout(COLUMNS - 1)
        variables = self.theme_variables
        self.inks = {name: variables.get(name, variables["foreground"]) for name in (*variables, "text")}
        for column in self.shown_columns:
            self.table.add_column(Text(column.title), key=column.key, width=column.width + 1)
        self.order = [int(row) for row in self.pictures[0].rankings["relaxed"].candidates]
        self.place = {row: place for place, row in enumerate(self.order)}
        with self.batch_update():
            for row in self.order:
                self.table.add_row(*self._cells(0, row), key=str(row))
        self.table.focus()

    def _cells(self, number: int, row: int) -> list[Text]:
        sheet = Sheet(self.pictures[number], "relaxed")
        return [self._text(column.paint(sheet, row), column.align) for column in self.shown_columns]

    def _text(self, cell: Cell, align: Align) -> Text:
        return Text(cell.text, style=self.inks.get(cell.tone.partition(".")[0], self.inks["foreground"]), justify=align)

    def show(self, number: int) -> None:
        """Update the last price of the changed rows on screen."""
        sheet = Sheet(self.pictures[number], "relaxed")
        top = self.table.scroll_offset.y
        visible = set(self.order[top : top + self.table.size.height])
        price = BY_KEY["last"]
        with self.batch_update():
            for row in self.changes[number].tolist():
                if row in visible:
                    self.table.update_cell(str(row), "last", self._text(price.paint(sheet, row), price.align))

    def cursor_row(self) -> int:
        """Where the cursor is."""
        return self.table.cursor_row

    def action_down(self) -> None:
        """One row down."""
        self.table.action_cursor_down()

    def action_up(self) -> None:
        """One row up."""
        self.table.action_cursor_up()


def run(name: str, report: Path) -> None:
    """Run one app until it quits, and write its figures to `report`."""
    app: Bench = CandidatesBench() if name == "candidates" else DataTableBench()
    app.run()
    report.write_text(json.dumps(summary(app.frames_ms[10:])))
