"""The widget of the candidates table: it paints the rows of its view model and applies the user's choices to it.

Mounted by the main screen, which calls `update_snapshot` with every new view and the methods below for the actions. The
table binds no keys itself. It repaints only lines whose content, cursor, hover or flash changed, and asks the model
only for rows on screen. Nothing here knows a market or formats a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import presenters
from tui.actions import Keymap
from tui.presenters.columns import GUTTER, Column, layout
from tui.presenters.lines import plain, wrapped
from tui.presenters.no_candidates import NoCandidates
from tui.presenters.row import Key
from tui.presenters.view_state import ViewState, ViewStatus
from tui.widgets.candidates_cursor import CursorMoves
from tui.widgets.candidates_paint import PHASES, Ground, Palette, paint_header, paint_notice, paint_row, paint_words
from tui.widgets.candidates_pointing import HEADER_LINES, Pointing
from tui.widgets.candidates_wishes import Wishes

if TYPE_CHECKING:
    from engine.snapshot import Snapshot
    from tui.presenters.candidates import CandidatesModel
    from tui.presenters.row_views import RowView

FLASH_S: Final = 0.35
"""How long each phase of a flash lasts."""
READING_S: Final = 2.0
"""How long after a key the order does not change."""
MAX_STRIPS: Final = 2048
"""Size of the cache of painted lines."""

_LineKey = tuple[Any, ...]


class TableMessage(Message):
    """Base of the table's messages."""

    def __init__(self, table: CandidatesTable) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> CandidatesTable:
        """The table, for `@on` selectors."""
        return self.table


class CandidatesTable(Wishes, Pointing, CursorMoves, ScrollView, can_focus=True, inherit_bindings=False):
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
        """The cursor moved to another row; `key` is None if no row is left."""

        def __init__(self, table: CandidatesTable, key: Key | None) -> None:
            super().__init__(table)
            self.key = key

    class Selected(TableMessage):
        """The user opened a row: enter, or a second click on it."""

        def __init__(self, table: CandidatesTable, key: Key) -> None:
            super().__init__(table)
            self.key = key

    class StateChanged(TableMessage):
        """The user changed sort, filters, pins or the view; `state` is what to save."""

        def __init__(self, table: CandidatesTable, state: ViewState) -> None:
            super().__init__(table)
            self.state = state

    def __init__(
        self,
        state: ViewState | None = None,
        *,
        keymap: Keymap | None = None,
        flash: bool = True,
        zebra: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._rows: CandidatesModel | NoCandidates = NoCandidates(state or ViewState())
        self._keymap = keymap or Keymap()
        self.flash = flash
        self.zebra = zebra
        self._now_s = 0.0
        if self._rows.state.expression:
            self._rows = self.model  # reports an expression that cannot be parsed before the screen opens
        self._status: ViewStatus = self._rows.status()
        self._cursor: Key | None = None
        self._words: list[str] = []
        self._waited: tuple[str, ...] = ()
        self._engaged = False
        self._hover_y = -1
        self._palette: Palette | None = None
        self._strips: dict[_LineKey, Strip] = {}
        self._painted: dict[int, _LineKey] = {}
        self.strips_built = 0
        """Total lines drawn; all others came from the cache."""
        self.regions_refreshed = 0
        """Total lines that updates asked to be repainted."""

    # What the app reads

    @property
    def model(self) -> CandidatesModel:
        """The view model, made at first use: the first paint does not load the arrays that it needs."""
        if isinstance(self._rows, NoCandidates):
            self._rows = presenters.candidates.CandidatesModel(self._rows.state, self._keymap)
        return self._rows

    @property
    def state(self) -> ViewState:
        """The user's current choices."""
        return self._rows.state

    @property
    def status(self) -> ViewStatus:
        """The texts around the rows, as of the last update."""
        return self._status

    @property
    def cursor_key(self) -> Key | None:
        """The instrument under the cursor."""
        return self._cursor

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that fit the width, in the order shown."""
        return layout(self.size.width, self._rows.state.vetoed)

    # What the app feeds

    def update_snapshot(self, snapshot: Snapshot | None, now_s: float) -> None:
        """Show the newest snapshot; `now_s` from any monotonic clock. Cheap if nothing changed."""
        self._now_s = now_s
        if snapshot is not None:
            before = self._rows.order_revision
            screen_line = self._cursor_line()
            self.model.update(snapshot, now_s)
            if self._rows.order_revision != before:
                self._reseat(screen_line)
        self._settle()

    def touch(self) -> None:
        """The user is using the table: keep the order for `READING_S`."""
        self._rows.hold(self._now_s + READING_S)

    def wait(self, words: tuple[str, ...]) -> None:
        """Before the first snapshot: show one line for each thing the console is waiting for."""
        if words != self._waited:
            self._waited = words
            self._settle()

    # The cursor

    def select_cursor(self) -> None:
        """Open the row under the cursor."""
        if self._cursor is not None:
            self.post_message(self.Selected(self, self._cursor))

    # The user's choices

    def change(self, *, keep_row: bool = False, **wishes: Any) -> None:
        """Set fields of `ViewState`. For an expression that cannot be parsed, raises FilterError and changes nothing.

        With `keep_row` the row under the cursor stays even if the new choices exclude it.
        """
        screen_line = self._cursor_line()
        self.model.change(self._now_s, keep_row=keep_row, **wishes)
        self._reseat(screen_line)
        self._settle()
        self.post_message(self.StateChanged(self, self._rows.state))

    # Painting

    def notify_style_update(self) -> None:
        """Drop everything painted in the old theme; Textual calls this when styles or the theme change."""
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
        palette, width, state = self._colors(), self.size.width, self._rows.state
        if y < HEADER_LINES:
            return ("header", state.heading, state.descending, state.vetoed, width, palette.revision)
        if y == self.size.height - 1 and (notice := self._notice()):
            return ("notice", notice, width, palette.revision)
        view = self._view_on(y)
        if view is None:
            line = self._index_on(y) - self._rows.count - 1
            words = self._words[line] if 0 <= line < len(self._words) else ""
            return ("words", words, width, palette.revision)
        return ("row", view.key, view.revision, width, self._ground(y, view), palette.revision, self._phase(view))

    def _draw(self, y: int, key: _LineKey) -> Strip:
        palette, width, state = self._colors(), self.size.width, self._rows.state
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
        return self._rows.view_at(self._index_on(y), self.columns, self._now_s)

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
            return f"FROZEN for {status.frozen_age_s:.0f} s · {moves} · {self._keymap.text('freeze')} resumes"
        return " · ".join((status.left, *status.notices)) if status.left else " · ".join(status.notices)

    # Keeping up

    def _settle(self) -> None:
        """After any change: update the texts, the size, and the lines that look different now."""
        self._status = self._rows.status()
        self._words = self._empty_words()
        if self._cursor is None and self._rows.count:
            self._set_cursor(self._rows.key_at(0))
        if not self.is_mounted or not self.size:
            return
        lines = self._rows.count + HEADER_LINES + (1 if self._notice() else 0)
        if self.virtual_size.height != lines:
            self.virtual_size = Size(1, lines)
        if self.display:
            self._repaint()

    def _empty_words(self) -> list[str]:
        """The text shown in place of rows, below those that are held, wrapped to the width."""
        said = self._waited if self._waited and self._rows.sheet is None else self._status.empty.split("\n")
        room = max(20, self.size.width - 2 * GUTTER)
        return [text for words in said for text in plain(wrapped(words, room)).split("\n")]

    def _repaint(self) -> None:
        """Refresh the lines that look different now, all in one call."""
        width, height = self.size
        sticky, top = self._sticky, self.scroll_offset.y
        self._rows.prepare(0, sticky, self.columns, self._now_s)
        self._rows.prepare(top + sticky, top + height - HEADER_LINES, self.columns, self._now_s)
        dirty = [y for y in range(height) if self._painted.get(y) != self._line_key(y)]
        if dirty:
            self.regions_refreshed += len(dirty)
            self.refresh(*(Region(0, y, width, 1) for y in dirty))

    def _set_cursor(self, key: Key | None) -> None:
        if key == self._cursor:
            return
        self._cursor = key
        # Only a row that the user moved to is kept when the market would remove it from the view.
        self._rows.anchor = key if self._engaged else None
        self.post_message(self.Highlighted(self, key))

    # Events

    def _on_resize(self, event: events.Resize) -> None:
        self._strips.clear()
        self._painted.clear()
        self._settle()

    def on_focus(self) -> None:
        """Show the cursor as focused."""
        self._repaint()

    def on_blur(self) -> None:
        """Show the cursor as unfocused."""
        self._repaint()
