"""The market screen: breadth, scores, liquidations by minute and a map of every asset, over the screen in front.

Pushed by the app. The map has a cursor that belongs to a symbol: the line below the pane describes that symbol, and the
keys that are about a symbol act on it. `tui.presenters.heat_map` decides the order of the cells and when it may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.widget import Widget

from tui.actions import ACTIONS, ON_MAP, ON_REPORTS, Action
from tui.presenters.footer import Hint
from tui.presenters.heat_map import HeatMap
from tui.presenters.lines import Line
from tui.presenters.market import across, cursor_line, map_lines, market_lines, place_at
from tui.presenters.view import View
from tui.screens.overlay import ReportScreen, bound
from tui.widgets.pane import LEFT, Bar, Pane

if TYPE_CHECKING:
    from tui.app import PrismApp

READING_S: Final = 2.0
"""How long after a key the order of the cells does not change; as in the table."""
_ACTIONS: Final[dict[str, str]] = {
    "cursor_left": "move('cursor_left')",
    "cursor_right": "move('cursor_right')",
    "open": "open",
    "watch": "watch",
    "copy_symbol": "copy_symbol",
    "market": "dismiss",
}
"""What actions do on this screen beside those of every report."""


class MarketPane(Pane):
    """The scrollable lines, with the map and its cursor at their end."""

    TITLE = "market"
    HELP = (
        "Breadth, scores and liquidations of the whole market, and a map with a cell for every asset, of the current "
        "preset. The cursor belongs to a symbol, which the line below the pane describes: {cursor_left} {cursor_down} "
        "{cursor_up} {cursor_right} move it, {open} opens the symbol, and {back} there returns to its cell. {watch} "
        "puts it on the watch-list or takes it off, and {copy_symbol} copies it."
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.heat = HeatMap()
        self._laid = Size(0, 0)
        """The size of the last layout."""
        self._was_seen = False
        """Whether the cursor was on screen in that layout. A resize changes the lines before they are laid out again,
        so only the old layout can tell."""

    @property
    def console(self) -> PrismApp:
        return cast("PrismApp", self.app)

    def on_mount(self) -> None:
        key = self.console.keymap.text
        self.head("market", f"{key('open')} opens, {key('back')} goes back")

    def head(self, title: str, subtitle: str = "") -> None:
        """Title the frame, which also holds the line about the symbol under the cursor."""
        self._headed = (title, subtitle)
        if isinstance(frame := self.parent, Vertical):
            frame.border_title, frame.border_subtitle = Text(title), Text(subtitle)

    def present(self, view: View) -> None:
        self._look()
        self.heat.update(view.snapshot, self.console.now_s())
        super().present(view)
        if self._was_seen:
            self._show_cursor()
        self._laid = self.size
        self._look()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._look()

    def _look(self) -> None:
        if self.size == self._laid:
            self._was_seen = self._is_cursor_seen

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return market_lines(view, self.heat, width)

    def hold(self) -> None:
        """The user is moving in the map: keep the order for `READING_S`."""
        self.heat.hold(self.console.now_s() + READING_S)

    def on_mouse_move(self) -> None:
        """Keep the order: a click that follows is for the cell seen there."""
        self.hold()

    # The cursor

    def cursor_down(self) -> None:
        self._move_rows(1)

    def cursor_up(self) -> None:
        self._move_rows(-1)

    def page_down(self) -> None:
        self._move_rows(max(1, self.size.height - 1))

    def page_up(self) -> None:
        self._move_rows(-max(1, self.size.height - 1))

    def cursor_left(self) -> None:
        """Move to the previous cell."""
        self.go_to((self.heat.place or 0) - 1)

    def cursor_right(self) -> None:
        """Move to the next cell."""
        self.go_to((self.heat.place or 0) + 1)

    def first(self) -> None:
        self.go_to(0)
        super().first()

    def last(self) -> None:
        self.go_to(len(self.heat.cells) - 1)

    def go_to(self, place: int) -> None:
        """Put the cursor on the cell at this position, or the nearest one."""
        self.heat.move_to(place)
        self._went()

    def place_at(self, event: events.MouseEvent) -> int | None:
        """The position of the cell under the mouse; None if there is none."""
        at = event.get_content_offset(self)
        if at is None:
            return None
        return place_at(self.heat, self._width, at.x, at.y + self.scroll_offset.y - self._map_start)

    def _move_rows(self, count: int) -> None:
        was_first = (self.heat.place or 0) < self._across
        self.heat.move_rows(count, self._across)
        if count < 0 and (self.heat.place or 0) < self._across:
            super().first()  # also show the part above the map
        if not (count < 0 and was_first):
            self._went()

    def _went(self) -> None:
        self.hold()
        self.again()
        self._show_cursor()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _across(self) -> int:
        return across(self._width)

    @property
    def _map_start(self) -> int:
        """The line of the first cell."""
        return len(self._lines) - map_lines(self.heat, self._width)

    @property
    def _cursor_y(self) -> int:
        """The line of the cursor, from the top of the visible part."""
        return self._map_start + (self.heat.place or 0) // self._across - self.scroll_offset.y

    @property
    def _is_cursor_seen(self) -> bool:
        return 0 <= self._cursor_y < self.size.height

    def _show_cursor(self) -> None:
        """Scroll just far enough to show the cursor."""
        y, height = self._cursor_y, self.size.height
        if height and not self._is_cursor_seen:
            self.scroll_relative(y=y if y < 0 else y - height + 1, animate=False)


class MarketScreen(ReportScreen):
    """The market report, updated by the app while it is open."""

    DEFAULT_CSS = """
    MarketScreen #market {
        width: 94%; max-width: 120; height: 1fr; background: $surface; border: round $accent;
        border-title-color: $accent; border-title-style: bold; border-subtitle-color: $foreground 70%;
    }
    MarketScreen #market Pane, MarketScreen #market Pane:focus {
        width: 1fr; max-width: 100%; height: 1fr; border: none;
    }
    MarketScreen #under-cursor { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [bound(name, does) for name, does in _ACTIONS.items()]

    def __init__(self) -> None:
        self._market = MarketPane(id="report")
        super().__init__(self._market)
        self._bar = Bar(id="under-cursor")
        self._view: View | None = None

    def content(self) -> Iterator[Widget]:
        yield Vertical(self._market, self._bar, id="market")

    def available(self) -> list[Action]:
        return [action for action in ACTIONS if action.id in ON_REPORTS | ON_MAP]

    def hints(self) -> Sequence[Hint]:
        key = self.console.keymap.text
        moves = " ".join(key(f"cursor_{way}") for way in ("left", "down", "up", "right"))
        return (
            Hint(key("open"), "open", "screen.open"),
            Hint(key("back"), "back", "screen.dismiss"),
            Hint(moves, "move", rank=2),
            Hint(key("watch"), "watch", "screen.watch", 4),
            Hint(key("copy_symbol"), "copy", "screen.copy_symbol", 5),
            Hint(f"{key('first')} {key('last')}", "ends", rank=11),
            Hint(key("help"), "help", "app.act('help')", 3),
        )

    def present(self, view: View) -> None:
        self._view = view
        super().present(view)
        self._tell()

    def on_screen_resume(self) -> None:
        """On return from a symbol, keep its cell where it was."""
        self._market.hold()

    def action_move(self, how: str) -> None:
        super().action_move(how)
        self._tell()

    def action_open(self) -> None:
        """Open the symbol under the cursor; leaving its screen returns here."""
        key = self._market.heat.cursor
        if key is not None:
            self._market.hold()
            self._market.console.open_symbol(key, over=self)

    def action_watch(self) -> None:
        """Put the symbol under the cursor on the watch-list, or take it off."""
        self._market.hold()
        self.console.main.watch_symbol(self._market.heat.cursor)

    def action_copy_symbol(self) -> None:
        """Copy the symbol under the cursor."""
        self._market.hold()
        self.console.copy_symbol(self._market.heat.cursor)

    def on_click(self, event: events.Click) -> None:
        """A click on a cell moves the cursor; a double click on the cursor's cell opens it."""
        place = self._market.place_at(event)
        if place is None or event.button != LEFT:
            return
        if event.chain == 2 and place == self._market.heat.place:
            self.action_open()
        else:
            self._market.go_to(place)
            self._tell()

    def _tell(self) -> None:
        """Describe the symbol under the cursor in the line below the pane."""
        if self._view is not None and self._bar.size.width:
            self._bar.show_lines([cursor_line(self._view, self._market.heat, self._bar.size.width)])
