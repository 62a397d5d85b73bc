"""The cursor of the candidates table and the part of the rows on screen.

Mixed into `tui.widgets.candidates.CandidatesTable`. The cursor belongs to an instrument, and once the user has moved
it, that instrument keeps its line of the screen through every new order. Nothing here paints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.scroll_view import ScrollView

from tui.presenters.row import Key
from tui.widgets.candidates_pointing import HEADER_LINES

if TYPE_CHECKING:
    from tui.presenters.candidates import CandidatesModel
    from tui.presenters.no_candidates import NoCandidates


class CursorMoves(ScrollView):
    """See the module."""

    if TYPE_CHECKING:
        _rows: CandidatesModel | NoCandidates
        _cursor: Key | None
        _engaged: bool

        def touch(self) -> None:
            """The user is using the table."""

        def _set_cursor(self, key: Key | None) -> None: ...

        def _notice(self) -> str: ...

        def _repaint(self) -> None: ...

    def cursor_up(self, count: int = 1) -> None:
        """Up by `count` rows."""
        self._move_by(-count)

    def cursor_down(self, count: int = 1) -> None:
        """Down by `count` rows."""
        self._move_by(count)

    def page_up(self) -> None:
        """Up by a screenful."""
        self._move_by(-max(1, self._page_rows - 1))

    def page_down(self) -> None:
        """Down by a screenful."""
        self._move_by(max(1, self._page_rows - 1))

    def cursor_home(self) -> None:
        """To the first row. From there on the view stays at the top, as before the cursor was first moved."""
        self._move_to_index(0)
        self._engaged = False
        self._rows.anchor = None

    def cursor_end(self) -> None:
        """To the last row."""
        self._move_to_index(self._rows.count - 1)

    def hold_row(self) -> None:
        """The user is using the row under the cursor: keep it in the view even if the market would remove it."""
        self._engaged = True
        self._rows.anchor = self._cursor

    def _index_on(self, y: int) -> int:
        line = y - HEADER_LINES
        return line if line < self._sticky else line + self.scroll_offset.y

    @property
    def _sticky(self) -> int:
        """Pinned rows do not scroll, unless they would fill more than half of the screen."""
        return min(self._rows.pinned, self._page_rows // 2)

    @property
    def _page_rows(self) -> int:
        return max(1, self.size.height - HEADER_LINES - (1 if self._notice() else 0))

    def _cursor_line(self) -> int | None:
        index = self._rows.index_of(self._cursor)
        return None if index is None else index if index < self._sticky else index - self.scroll_offset.y

    def _reseat(self, screen_line: int | None) -> None:
        """After the order changed: the cursor stays on its instrument, and the instrument on its line of the screen.

        Until the user moves the cursor off the top, the view stays there instead, where the best rows are.
        """
        index = self._rows.index_of(self._cursor)
        if index is None:
            line = screen_line or 0
            landed = min(self._index_on(HEADER_LINES + line), self._rows.count - 1)
            self._set_cursor(self._rows.key_at(landed))
        elif self._engaged and screen_line is not None and self._sticky <= screen_line < self._page_rows:
            self._scroll_to_row(index - screen_line)

    def _scroll_to_row(self, row: int) -> None:
        lines = self._rows.count + HEADER_LINES + (1 if self._notice() else 0)
        if self.virtual_size.height != lines:
            # Scrolling is limited by the size, so set the new number of rows first.
            self.virtual_size = Size(1, lines)
        last = max(0, self._rows.count - self._page_rows)
        self.scroll_to(y=min(max(0, row), last), animate=False, force=True)

    def _move_by(self, count: int) -> None:
        index = self._rows.index_of(self._cursor)
        if index is None or not (self._engaged or self._is_visible(index)):
            # A row that the cursor was only left on may have sunk below the screen, where nobody looks for it.
            index = 0
        self._move_to_index(index + count)

    def _is_visible(self, index: int) -> bool:
        return index < self._sticky or self._sticky <= index - self.scroll_offset.y < self._page_rows

    def _move_to_index(self, index: int) -> None:
        if not self._rows.count:
            return
        self.hold_row()
        self.touch()
        index = min(max(0, index), self._rows.count - 1)
        self._set_cursor(self._rows.key_at(index))
        if not self._is_visible(index):
            line = index - self.scroll_offset.y
            self._scroll_to_row(index - (self._sticky if line < self._sticky else self._page_rows - 1))
        self._repaint()
