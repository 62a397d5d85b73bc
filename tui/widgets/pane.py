"""Bases for the bordered panes of lines and for the fixed bars; the candidates table has its own.

A subclass of `Pane` returns lines for a size. `Pane` caches the strips, repaints only lines that changed, and scrolls
if there are more lines than fit. Nothing is computed for a pane that is not on screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.presenters.lines import BLANK, Line
from tui.presenters.view import View, sentence
from tui.widgets.paint import Palette

BORDER: Final = 6
"""Cells of an edge that its text leaves free."""
LEFT: Final = 1
"""The mouse button that does something. The others belong to the terminal or the browser: menus, pasting."""


def with_others(text: str, elsewhere: Sequence[str], width: int) -> str:
    """`text` and the panes that are not shown (the key that leads there, then their names), as far as `width` goes."""
    for count in range(len(elsewhere) - 1, 0, -1):
        more = len(elsewhere) - 1 - count
        told = f"{elsewhere[0]}: {', '.join(elsewhere[1 : count + 1])}{f' and {more} more' if more else ''}"
        whole = f"{text} · {told}" if text else told
        if cell_len(whole) <= width:
            return whole
    return text


class Bar(Widget):
    """Fixed lines without a border: the header, the status line, the footer."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._palette: Palette | None = None

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Replace the content; repaints only if it differs."""
        if list(lines) != list(self._lines):
            self._lines = tuple(lines)
            self.refresh()

    def notify_style_update(self) -> None:
        self._palette = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        if self._palette is None:
            self._palette = Palette(self.app.theme_variables, self.background_colors[1])
        return self._palette.strip(self._lines[y] if y < len(self._lines) else BLANK, self.size.width)


class Pane(ScrollView, can_focus=True, inherit_bindings=False):
    """A pane; subclasses define what it shows."""

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 20%;
        border-title-color: $foreground 85%;
        border-subtitle-color: $foreground 70%;
        padding: 0 1;
        scrollbar-size: 1 1;
        overflow-x: hidden;
        overflow-y: auto;
    }
    Pane:focus { border: round $accent; border-title-color: $accent; border-title-style: bold; }
    """
    TITLE: ClassVar[str] = ""
    SHORT: ClassVar[str] = ""
    """A shorter title for lists of panes on one line; empty: the title itself."""
    HELP: ClassVar[str] = ""
    """The help screen's text for this pane, with the names of actions in braces for their keys."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._palette: Palette | None = None
        self._view: View | None = None
        self._title: tuple[str, str] = ("", "")
        self._headed: tuple[str, str] = ("", "")
        """The same before the panes that are not shown were added."""
        self.elsewhere: Sequence[str] = ()
        """The key that leads to the panes that are not shown, and their names."""
        self.head(self.TITLE)

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        """The content for `width` by `height` cells; more lines than `height` scroll."""
        raise NotImplementedError

    def head(self, title: str, subtitle: str = "") -> None:
        """Set the texts in the border, as plain text. The lower one names the panes that are not shown, if they fit."""
        self._headed = (title, subtitle)
        subtitle = with_others(subtitle, self.elsewhere, self.size.width - BORDER)
        if (title, subtitle) != self._title:
            self._title = (title, subtitle)
            self.border_title = Text(title)
            self.border_subtitle = Text(subtitle)

    def present(self, view: View) -> None:
        """Show the newest snapshot, if the pane is visible."""
        self._view = view
        size = self.scrollable_content_region.size
        if not self.display or size.width < 4 or size.height < 1:
            return
        self._replace(self.lines(view, size.width, size.height))

    def wait(self, reason: str) -> None:
        """Say why there is nothing to show yet."""
        width = self.scrollable_content_region.width
        if width >= 4:
            self._replace(sentence(reason, width))

    def again(self) -> None:
        """Draw the same snapshot again, after a choice or a resize."""
        if self._view is not None:
            self.present(self._view)

    def _replace(self, lines: list[Line]) -> None:
        old, self._lines = self._lines, lines
        if len(old) != len(lines):
            self._strips.clear()
            self.virtual_size = Size(0, len(lines))
            self.refresh()
            return
        changed = [y for y, (before, after) in enumerate(zip(old, lines, strict=True)) if before != after]
        if not changed:
            return
        for y in changed:
            self._strips.pop(y, None)
        top, height, width = self.scroll_offset.y, self.size.height, self.size.width
        regions = [Region(0, y - top, width, 1) for y in changed if top <= y < top + height]
        if regions:
            self.refresh(*regions)

    def on_resize(self, event: events.Resize) -> None:
        self._strips.clear()
        self.head(*self._headed)
        self.again()

    def notify_style_update(self) -> None:
        self._palette = None
        self._strips.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        place = y + self.scroll_offset.y
        strip = self._strips.get(place)
        width = self.scrollable_content_region.width
        if strip is None or strip.cell_length != width:
            if self._palette is None:
                self._palette = Palette(self.app.theme_variables, self.background_colors[1])
            strip = self._palette.strip(self._lines[place] if place < len(self._lines) else BLANK, width)
            self._strips[place] = strip
        return strip

    def cursor_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def cursor_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def page_down(self) -> None:
        self.scroll_relative(y=max(1, self.size.height - 1), animate=False)

    def page_up(self) -> None:
        self.scroll_relative(y=-max(1, self.size.height - 1), animate=False)

    def first(self) -> None:
        self.scroll_to(y=0, animate=False)

    def last(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False)
