"""The mouse on the candidates table: hovering, clicking a heading or a row, and which column lies where.

Mixed into `tui.widgets.candidates.CandidatesTable`. Nothing here paints; every effect is one of the table's own
methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import events

from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import GAP, GUTTER, Column
from tui.presenters.sheet import Key

HEADER_LINES: Final = 1


class Pointing:
    """See the module."""

    if TYPE_CHECKING:
        model: CandidatesModel
        _cursor: Key | None
        _hover_y: int

        @property
        def columns(self) -> tuple[Column, ...]:
            """The columns shown."""

        def select_cursor(self) -> None:
            """Open the row under the cursor."""

        def sort_by(self, column: str) -> None:
            """Sort by a column."""

        def _index_on(self, y: int) -> int: ...

        def _move_to_index(self, index: int) -> None: ...

        def _repaint(self) -> None: ...

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        if event.y != self._hover_y:
            self._hover_y = event.y
            self._repaint()

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        self._hover_y = -1
        self._repaint()

    def on_click(self, event: events.Click) -> None:
        """A heading sorts, a row takes the cursor, the row under the cursor opens on the second click."""
        if event.y < HEADER_LINES:
            column = self._column_at(event.x)
            if column is not None:
                self.sort_by(column.key)
            return
        key = self.model.key_at(self._index_on(event.y))
        if key is None:
            return
        if event.chain == 2 and key == self._cursor:
            self.select_cursor()
        else:
            self._move_to_index(self._index_on(event.y))

    def _column_at(self, x: int) -> Column | None:
        left = GUTTER
        for column in self.columns:
            if left <= x < left + column.width + GAP:
                return column
            left += column.width + GAP
        return None
