"""The candidates table on screen: it paints what the view model says and turns keys into the user's wishes.

Mounted by the main screen, which calls `update_snapshot` five to ten times a second and the methods below from
its table of actions. The table binds no keys itself. It repaints only lines whose content, cursor, hover or
flash changed, and asks the model only for rows on screen. Nothing here knows a market or formats a number.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.snapshot import Snapshot
from tui.presenters.candidates import CandidatesModel, ViewStatus
from tui.presenters.columns import GUTTER, Column, layout
from tui.presenters.lines import plain, wrapped
from tui.presenters.row_views import RowView
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key
from tui.widgets.candidates_paint import PHASES, Ground, Palette, paint_header, paint_notice, paint_row, paint_words
from tui.widgets.candidates_pointing import HEADER_LINES, Pointing
from tui.widgets.candidates_wishes import Wishes

FLASH_S: Final = 0.35
"""How long each phase of a flash lasts."""
READING_S: Final = 2.0
"""How long after a key the order is left alone."""
MAX_STRIPS: Final = 2048
"""Painted rows kept."""

_LineKey = tuple[Any, ...]


class TableMessage(Message):
    """Base of what the table says."""

    def __init__(self, table: CandidatesTable) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> CandidatesTable:
        """The table, for `@on` selectors."""
        return self.table


class CandidatesTable(Wishes, Pointing, ScrollView, can_focus=True, inherit_bindings=False):
    """The ranked table. See the module for who calls what."""

    DEFAULT_CSS: ClassVar[str] = """
    CandidatesTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $background;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $secondary 45%;
    }
    """

    class Highlighted(TableMessage):
        """The cursor is on another row; `key` is None where there is no row left."""

        def __init__(self, table: CandidatesTable, key: Key | None) -> None:
            super().__init__(table)
            self.key = key

    class Selected(TableMessage):
        """The user opened a row: enter, or a second click on it."""

        def __init__(self, table: CandidatesTable, key: Key) -> None:
            super().__init__(table)
            self.key = key

    class StateChanged(TableMessage):
        """The user changed sort, filters, pins or the view; `state` is what to remember."""

        def __init__(self, table: CandidatesTable, state: ViewState) -> None:
            super().__init__(table)
            self.state = state

    def __init__(
        self,
        state: ViewState | None = None,
        *,
        flash: bool = True,
        zebra: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.model = CandidatesModel(state)
        self.flash = flash
        self.zebra = zebra
        self._now_s = 0.0
        self._status: ViewStatus = self.model.status()
        self._cursor: Key | None = None
        self._words: list[str] = []
        self._waited: tuple[str, ...] = ()
        self._engaged = False
        self._hover_y = -1
        self._palette: Palette | None = None
        self._strips: dict[_LineKey, Strip] = {}
        self._painted: dict[int, _LineKey] = {}
        self.strips_built = 0
        """Lines drawn so far, ever; the rest came from the cache."""
        self.regions_refreshed = 0
        """Lines asked to be repainted so far by updates."""

    # What the app reads

    @property
    def state(self) -> ViewState:
        """The user's wishes in force."""
        return self.model.state

    @property
    def status(self) -> ViewStatus:
        """The words around the table, as of the last update."""
        return self._status

    @property
    def cursor_key(self) -> Key | None:
        """The instrument under the cursor."""
        return self._cursor

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that fit now, in the order shown."""
        return layout(self.size.width, self.model.state.vetoed)

    # What the app feeds

    def update_snapshot(self, snapshot: Snapshot | None, now_s: float) -> None:
        """Show the newest picture; `now_s` from any monotonic clock. Cheap where nothing changed."""
        self._now_s = now_s
        if snapshot is not None:
            before = self.model.order_revision
            screen_line = self._cursor_line()
            self.model.update(snapshot, now_s)
            if self.model.order_revision != before:
                self._reseat(screen_line)
        self._settle()

    def touch(self) -> None:
        """The user is at it: nothing changes places for a moment."""
        self.model.hold(self._now_s + READING_S)

    def wait(self, words: tuple[str, ...]) -> None:
        """Before the first picture: a line each of what is waited for."""
        if words != self._waited:
            self._waited = words
            self._settle()

    # The cursor

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
        """To the first row."""
        self._move_to_index(0)

    def cursor_end(self) -> None:
        """To the last row."""
        self._move_to_index(self.model.count - 1)

    def move_to(self, key: Key) -> bool:
        """Put the cursor on an instrument; False where it is not shown."""
        index = self.model.index_of(key)
        if index is None:
            return False
        self._move_to_index(index)
        return True

    def select_cursor(self) -> None:
        """Open the row under the cursor."""
        if self._cursor is not None:
            self.post_message(self.Selected(self, self._cursor))

    # The user's wishes

    def change(self, **wishes: Any) -> None:
        """Set fields of `ViewState`; raises FilterError for an expression that cannot be read, changing nothing."""
        screen_line = self._cursor_line()
        self.model.change(self._now_s, **wishes)
        self._reseat(screen_line)
        self._settle()
        self.post_message(self.StateChanged(self, self.model.state))

    # Painting

    def notify_style_update(self) -> None:
        """Resolve the theme again; called by Textual when styles or the theme changed."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()
        self._painted.clear()

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget: headings, a row, or the notice under the rows."""
        key = self._line_key(y)
        self._painted[y] = key
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= MAX_STRIPS:
                self._strips.clear()
            strip = self._strips[key] = self._draw(y, key)
            self.strips_built += 1
        return strip

    def _line_key(self, y: int) -> _LineKey:
        palette, width, state = self._colors(), self.size.width, self.model.state
        if y < HEADER_LINES:
            return ("header", state.heading, state.descending, state.vetoed, width, palette.revision)
        if y == self.size.height - 1 and (notice := self._notice()):
            return ("notice", notice, width, palette.revision)
        view = self._view_on(y)
        if view is None:
            line = y - HEADER_LINES - 1
            words = self._words[line] if 0 <= line < len(self._words) else ""
            return ("words", words, width, palette.revision)
        return ("row", view.key, view.revision, width, self._ground(y, view), palette.revision, self._phase(view))

    def _draw(self, y: int, key: _LineKey) -> Strip:
        palette, width, state = self._colors(), self.size.width, self.model.state
        if key[0] == "header":
            return paint_header(self.columns, state.heading, state.descending, width, palette)
        if key[0] == "notice":
            return paint_notice(key[1], width, palette, loud=state.frozen)
        if key[0] == "words":
            return paint_words(key[1], width, palette)
        view = self._view_on(y)
        assert view is not None
        return paint_row(view, self.columns, width, palette, key[4], key[6])

    def _colors(self) -> Palette:
        if self._palette is None:
            variables = self.app.theme_variables
            background = self.background_colors[1]
            self._palette = Palette(variables, background if background.a else Color.parse("black"))
        return self._palette

    def _view_on(self, y: int) -> RowView | None:
        return self.model.view_at(self._index_on(y), self.columns, self._now_s)

    def _index_on(self, y: int) -> int:
        return y - HEADER_LINES + self.scroll_offset.y

    def _ground(self, y: int, view: RowView) -> Ground:
        if view.key == self._cursor:
            return "cursor" if self.has_focus else "cursor-blurred"
        if y == self._hover_y:
            return "hover"
        return "zebra" if self.zebra and self._index_on(y) % 2 else "plain"

    def _phase(self, view: RowView) -> int:
        if not (self.flash and view.flashes):
            return 0
        return max(0, PHASES - int((self._now_s - view.changed_s) / FLASH_S))

    def _notice(self) -> str:
        status = self._status
        if status.frozen_age_s is not None:
            moves = f"{status.would_move} row{'' if status.would_move == 1 else 's'} would move"
            return f"FROZEN for {status.frozen_age_s:.0f} s · {moves} · z goes on"
        return " · ".join((status.left, *status.notices)) if status.left else " · ".join(status.notices)

    # Keeping up

    @property
    def _page_rows(self) -> int:
        return max(1, self.size.height - HEADER_LINES - (1 if self._notice() else 0))

    def _settle(self) -> None:
        """After any change: words, size, and the lines that look different now."""
        self._status = self.model.status()
        self._words = self._empty_words()
        if self._cursor is None and self.model.count:
            self._set_cursor(self.model.key_at(0))
        if not self.is_mounted or not self.size:
            return
        lines = self.model.count + HEADER_LINES + (1 if self._notice() else 0)
        if self.virtual_size.height != lines:
            self.virtual_size = Size(1, lines)
        self._repaint()

    def _empty_words(self) -> list[str]:
        """What stands where rows would, each line as wide as there is room."""
        said = self._waited if self._waited and self.model.sheet is None else self._status.empty.split("\n")
        room = max(20, self.size.width - 2 * GUTTER)
        return [text for words in said for text in plain(wrapped(words, room)).split("\n")]

    def _repaint(self) -> None:
        """Ask for the lines that look different now, all in one call."""
        width, height = self.size
        top = self._index_on(HEADER_LINES)
        self.model.prepare(top, top + height - HEADER_LINES, self.columns, self._now_s)
        dirty = [y for y in range(height) if self._painted.get(y) != self._line_key(y)]
        if dirty:
            self.regions_refreshed += len(dirty)
            self.refresh(*(Region(0, y, width, 1) for y in dirty))

    def _cursor_line(self) -> int | None:
        index = self.model.index_of(self._cursor)
        return None if index is None else index - self.scroll_offset.y

    def _reseat(self, screen_line: int | None) -> None:
        """After the order changed: the cursor stays on its instrument, and that on its line of the screen.

        Until the user first moves the cursor the view stays at the top instead, where the best rows are.
        """
        index = self.model.index_of(self._cursor)
        if index is None:
            line = screen_line or 0
            landed = min(self.scroll_offset.y + line, self.model.count - 1)
            self._set_cursor(self.model.key_at(landed))
        elif self._engaged and screen_line is not None and 0 <= screen_line < self._page_rows:
            self._scroll_to_row(index - screen_line)

    def _scroll_to_row(self, row: int) -> None:
        lines = self.model.count + HEADER_LINES + (1 if self._notice() else 0)
        if self.virtual_size.height != lines:
            # The range of the scroll must know the new number of rows before it is used.
            self.virtual_size = Size(1, lines)
        last = max(0, self.model.count - self._page_rows)
        self.scroll_to(y=min(max(0, row), last), animate=False, force=True)

    def _move_by(self, count: int) -> None:
        index = self.model.index_of(self._cursor)
        self._move_to_index(0 if index is None else index + count)

    def _move_to_index(self, index: int) -> None:
        if not self.model.count:
            return
        self._engaged = True
        self.touch()
        self.model.anchor = self._cursor
        index = min(max(0, index), self.model.count - 1)
        self._set_cursor(self.model.key_at(index))
        top = self.scroll_offset.y
        if index < top:
            self._scroll_to_row(index)
        elif index >= top + self._page_rows:
            self._scroll_to_row(index - self._page_rows + 1)
        self._repaint()

    def _set_cursor(self, key: Key | None) -> None:
        if key == self._cursor:
            return
        self._cursor = key
        # Only a row that the user went to is held when the market takes it out of the view.
        self.model.anchor = key if self._engaged else None
        self.post_message(self.Highlighted(self, key))

    # Events

    def _on_resize(self, event: events.Resize) -> None:
        self._strips.clear()
        self._painted.clear()
        self._settle()

    def on_focus(self) -> None:
        """The cursor shows where keys go."""
        self._repaint()

    def on_blur(self) -> None:
        """The cursor shows that keys go elsewhere."""
        self._repaint()
