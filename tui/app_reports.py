"""Actions that open reports over the screen in front, save pictures of the screen and copy symbols.

Mixed into `tui.app.PrismApp`, which dispatches actions to these methods.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.command import CommandPalette
from textual.geometry import Size
from textual.widget import Widget
from textual.worker import Worker

from tui import screens
from tui.console import ConsoleApp
from tui.export import ExportError, path_text, write_new
from tui.presenters.footer import Hint
from tui.presenters.row import Key
from tui.screens.overlay import Overlay, ReportScreen
from tui.screens.pane_screen import PaneScreen, size_class


class Palette(CommandPalette, Overlay[None]):
    """Textual's command palette, below a header that is current."""

    DEFAULT_CSS = """
    Palette > #header { dock: top; }
    Palette > #edge { dock: bottom; height: 2; visibility: visible; margin: 0; }
    Palette > #--container { margin-top: 1; }
    """

    TYPES: ClassVar[bool] = True

    def compose(self) -> ComposeResult:
        yield from Overlay.compose(self)

    def content(self) -> Iterator[Widget]:
        yield from CommandPalette.compose(self)

    def run_worker(self, *arguments: Any, **options: Any) -> Worker[Any]:
        """Search. A search that begins while the palette closes finds no list any more; that ends the search alone."""
        return super().run_worker(*arguments, **{**options, "exit_on_error": False})

    def hints(self) -> Sequence[Hint]:
        return Hint("enter", "run"), Hint("esc", "back", "screen.dismiss"), Hint("↓ ↑", "choose")


class Reports(ConsoleApp):
    """See the module."""

    def do_help(self) -> None:
        screen = self.screen
        if isinstance(screen, PaneScreen):
            title, text = screen.title_of(screen.front), self.keymap.filled(screen.help_of(screen.front))
            terms = screen.terms_of(screen.front)
            self.push_screen(screens.help.HelpScreen(title, text, screen.available(), self.keymap, terms))
        elif isinstance(screen, ReportScreen):
            pane = screen.pane
            text = self.keymap.filled(pane.HELP)
            self.push_screen(screens.help.HelpScreen(pane.TITLE, text, screen.available(), self.keymap))

    def do_venues(self) -> None:
        self._report(screens.venues.VenuesScreen())

    def do_market(self) -> None:
        self._report(screens.market.MarketScreen())

    def _report(self, report: ReportScreen) -> None:
        """Open a report over the screen in front. If it is open below other reports, return to it."""
        if not isinstance(self.screen, (PaneScreen, ReportScreen)):
            return
        for over, screen in enumerate(reversed(self.screen_stack)):
            if type(screen) is type(report):
                for _ in range(over):
                    self.pop_screen()
                return
            # A symbol's screen is left for the map only, from which it was opened.
            if isinstance(screen, PaneScreen) and not isinstance(report, screens.market.MarketScreen):
                break
        self.push_screen(report)

    def do_palette(self) -> None:
        if self._has_room_for_palette(self.size):
            self.push_screen(Palette(id="--command-palette"))
        else:
            self.tell("this terminal is too small for the palette")

    def fit_palette(self, size: Size) -> None:
        """Close the palette if the terminal became too small for it: in three lines, its list fails at some keys."""
        if isinstance(self.screen, Palette) and not self._has_room_for_palette(size):
            self.screen.dismiss()

    def _has_room_for_palette(self, size: Size) -> bool:
        return size_class(size.width, size.height) != "tiny"

    def picture(self, title: str = "prism") -> str:
        """The current screen as SVG."""
        # Without this attribute, viewers built on librsvg drop blanks at the ends of texts, and the columns collapse.
        return self.export_screenshot(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)

    def do_picture(self) -> None:
        try:
            path = write_new(self.picture().encode("utf-8", "replace"), "screen", "svg", self.export_folder())
        except ExportError as error:
            self.tell(str(error), severity="error")
        else:
            self.tell(f"picture written to {path_text(path)}")

    def do_copy_symbol(self) -> None:
        # On the main screen ask the table itself: its message about the cursor may not have arrived here yet.
        self.copy_symbol(self.main.table.cursor_key if self.screen is self.main else self.key)

    def copy_symbol(self, key: Key | None) -> None:
        """Copy a symbol to the clipboard, and notify the user which."""
        if key is None:
            self.tell("no symbol under the cursor to copy")
        else:
            self.copy_to_clipboard(key.symbol)
            self.tell(f"{key.symbol} copied, if this terminal lets programs set its clipboard (OSC 52)")
