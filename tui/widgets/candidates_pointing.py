"""Mouse handling of the candidates table: hover, and clicks on headings and rows.

Mixed into `tui.widgets.candidates.CandidatesTable`. Nothing here paints; it only calls the table's own methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import events
from textual.widget import Widget

from tui.presenters.columns import GAP, GUTTER, Column
from tui.presenters.row import Key
from tui.widgets.pane import LEFT

if TYPE_CHECKING:
    from tui.presenters.candidates import CandidatesModel
    from tui.presenters.no_candidates import NoCandidates

HEADER_LINES: Final = 1


class Pointing(Widget):
    """See the module."""

    if TYPE_CHECKING:
        _rows: CandidatesModel | NoCandidates
        _cursor: Key | None
        _hover_y: int

        @property
        def columns(self) -> tuple[Column, ...]:
            """The columns shown."""

        def touch(self) -> None:
            """The user is using the table."""

        def select_cursor(self) -> None:
            """Open the row under the cursor."""

        def sort_by(self, column: str) -> None:
            """Sort by a column."""

        def _index_on(self, y: int) -> int: ...

        def _move_to_index(self, index: int) -> None: ...

        def _repaint(self) -> None: ...

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Highlight the row under the mouse, and hold the order: a click that follows is for the row seen there."""
        self.touch()
        place = event.get_content_offset(self)
        y = -1 if place is None else place.y
        if y != self._hover_y:
            self._hover_y = y
            self._repaint()

    def on_mouse_scroll_down(self) -> None:
        """Hold the order while the user looks through the rows."""
        self.touch()

    def on_mouse_scroll_up(self) -> None:
        """The same."""
        self.touch()

    def on_leave(self) -> None:
        """Clear the highlight."""
        self._hover_y = -1
        self._repaint()

    def on_click(self, event: events.Click) -> None:
        """A click on a heading sorts, on a row moves the cursor; a double click on the cursor's row opens it."""
        place = event.get_content_offset(self)
        if place is None or event.button != LEFT:
            return  # the border, or a button that is not prism's
        if place.y < HEADER_LINES:
            column = self._column_at(place.x)
            if column is not None:
                self.sort_by(column.key)
            return
        index = self._index_on(place.y)
        key = self._rows.key_at(index)
        if key is None:
            return
        if event.chain == 2 and key == self._cursor:
            self.select_cursor()
        else:
            self._move_to_index(index)

    def _column_at(self, x: int) -> Column | None:
        left = GUTTER
        for column in self.columns:
            if left <= x < left + column.width + GAP:
                return column
            left += column.width + GAP
        return None
