"""The part of the console that opens reports over the screen in front, and hands out pictures and symbols.

Mixed into `tui.app.PrismApp`, whose table of actions calls the methods.
"""

from __future__ import annotations

from textual.command import CommandPalette

from tui.console import ConsoleApp
from tui.export import ExportError, write_new
from tui.screens.help import HelpScreen
from tui.screens.market import MarketScreen
from tui.screens.pane_screen import PaneScreen
from tui.screens.venues import ReportScreen, VenuesScreen


class Reports(ConsoleApp):
    """See the module."""

    def do_help(self) -> None:
        screen = self.screen
        if isinstance(screen, PaneScreen):
            title, text = screen.title_of(screen.front), screen.help_of(screen.front)
            self.push_screen(HelpScreen(title, text, screen.available(), self.keymap))

    def do_venues(self) -> None:
        self._report(VenuesScreen())

    def do_market(self) -> None:
        self._report(MarketScreen())

    def _report(self, report: ReportScreen) -> None:
        if isinstance(self.screen, PaneScreen):
            self.push_screen(report)
            self.call_after_refresh(self.refresh_view)

    def do_palette(self) -> None:
        self.push_screen(CommandPalette(id="--command-palette"))

    def picture(self, title: str = "prism") -> str:
        """The screen as it stands, as SVG."""
        # Viewers built on librsvg drop blanks at the ends of texts, and with them every column, unless told not to.
        return self.export_screenshot(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)

    def do_picture(self) -> None:
        try:
            path = write_new(self.picture().encode("utf-8", "replace"), "screen", "svg", self.export_folder())
        except ExportError as error:
            self.tell(str(error), severity="error")
        else:
            self.tell(f"picture written to {path}")

    def do_copy_symbol(self) -> None:
        if self.key is None:
            self.tell("no symbol under the cursor to copy")
        else:
            self.copy_to_clipboard(self.key.symbol)
            self.tell(f"{self.key.symbol} copied, if this terminal lets programs set its clipboard (OSC 52)")
