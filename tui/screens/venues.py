"""Reports over the screen in front, and the first of them: how each venue does, and the engine's notices."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.presenters.lines import Line
from tui.presenters.venues import venue_lines
from tui.presenters.view import View
from tui.widgets.pane import Pane


class VenuesPane(Pane):
    """The scrollable lines."""

    TITLE = "venues"

    def on_mount(self) -> None:
        self.head("venues", "escape goes back")

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return venue_lines(view, width)


class ReportScreen(ModalScreen[None]):
    """A pane over the screen in front, kept up to date by the app while it is open."""

    DEFAULT_CSS = """
    ReportScreen { align: center middle; background: $background 40%; }
    ReportScreen Pane { width: 94%; max-width: 120; height: 90%; background: $surface; }
    """
    PANE: ClassVar[type[Pane]] = Pane
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "back"),
        Binding("down,j", "move('cursor_down')", "down", show=False),
        Binding("up,k", "move('cursor_up')", "up", show=False),
        Binding("pagedown,space", "move('page_down')", "page down", show=False),
        Binding("pageup", "move('page_up')", "page up", show=False),
        Binding("home,g", "move('first')", "first", show=False),
        Binding("end,G", "move('last')", "last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._pane = self.PANE(id="report")

    def compose(self) -> ComposeResult:
        yield self._pane

    def present(self, view: View) -> None:
        """Show this moment."""
        self._pane.present(view)

    def action_move(self, how: str) -> None:
        getattr(self._pane, how)()


class VenuesScreen(ReportScreen):
    """How each venue does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("V", "dismiss", "back", show=False)]
    PANE: ClassVar[type[Pane]] = VenuesPane
