"""The candidates table in a tiny app, and the pictures that its tests show it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from themes.loader import load
from tui.presenters.row import Key
from tui.widgets.candidates import CandidatesTable

BASE = make_snapshot(200, preset="relaxed")
SIZES = [(80, 24), (120, 40), (200, 60)]


class Host(App[None]):
    """Nothing but the table."""

    def __init__(self, theme: str = "prism-dark", **options: Any) -> None:
        super().__init__()
        self.options = options
        self.first_theme = theme
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield CandidatesTable(**self.options)

    def on_mount(self) -> None:
        for theme in load().themes.values():
            self.register_theme(theme)
        self.theme = self.first_theme
        self.query_one(CandidatesTable).focus()

    def on_candidates_table_highlighted(self, message: CandidatesTable.Highlighted) -> None:
        self.heard.append(message)

    def on_candidates_table_selected(self, message: CandidatesTable.Selected) -> None:
        self.heard.append(message)

    def on_candidates_table_state_changed(self, message: CandidatesTable.StateChanged) -> None:
        self.heard.append(message)


@asynccontextmanager
async def table_on(
    size: tuple[int, int] = (120, 40), snapshot: Snapshot | None = BASE, **options: Any
) -> AsyncIterator[tuple[CandidatesTable, Pilot[None], Host]]:
    app = Host(**options)
    async with app.run_test(size=size) as pilot:
        table = app.query_one(CandidatesTable)
        table.update_snapshot(snapshot, 0.0)
        await pilot.pause()
        yield table, pilot, app


def lines(table: CandidatesTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


def move_to(table: CandidatesTable, key: Key) -> None:
    """Put the cursor on an instrument as a user does: to the first row, and down from there."""
    index = table.model.index_of(key)
    assert index is not None
    table.cursor_home()
    table.cursor_down(index)
    assert table.cursor_key == key


def line_of(table: CandidatesTable, key: Key) -> int:
    """Screen line of an instrument, by what is drawn there."""
    index = table.model.index_of(key)
    assert index is not None
    y = next(line for line in range(1, table.size.height) if table._index_on(line) == index)
    assert key.symbol.removesuffix("-SWAP")[:13] in lines(table)[y]
    return y


def with_columns(snapshot: Snapshot, **changes: object) -> Snapshot:
    return replace(snapshot, sequence=snapshot.sequence + 1, columns=replace(snapshot.columns, **changes))  # type: ignore[arg-type]


def ranked(snapshot: Snapshot, rows: Iterable[int]) -> Snapshot:
    """`snapshot` with these rows as the candidates of `relaxed`, convictions falling by two points a rank."""
    rows = list(rows)
    old = snapshot.rankings["relaxed"]
    conviction = old.conviction.copy()
    conviction[rows] = 100.0 - 2.0 * np.arange(len(rows))
    others = np.array([row for row in (*old.candidates, *old.vetoed) if row not in rows], dtype=np.int64)
    new = replace(old, candidates=np.array(rows, dtype=np.int64), vetoed=others, conviction=conviction)
    return replace(snapshot, sequence=snapshot.sequence + 1, rankings={**snapshot.rankings, "relaxed": new})


def renamed(snapshot: Snapshot, symbols: dict[int, str]) -> Snapshot:
    instruments = list(snapshot.instruments)
    for row, symbol in symbols.items():
        instruments[row] = replace(instruments[row], symbol=symbol)
    return replace(snapshot, instruments=tuple(instruments))


def key_of(snapshot: Snapshot, row: int) -> Key:
    return Key(snapshot.instruments[row].venue, snapshot.instruments[row].symbol)
