"""The venues report: the state of every venue and of the engine, and the notices.

Pushed by the app over the screen in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType

from tui import presenters
from tui.presenters.lines import Line
from tui.presenters.view import View
from tui.screens.overlay import ReportScreen, bound
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.app import PrismApp


class VenuesPane(Pane):
    """The scrollable lines."""

    TITLE = "venues"
    HELP = (
        "The state of every venue and of the engine, in words and figures, and the last quick notices, each with its "
        "time."
    )

    def on_mount(self) -> None:
        self.head("venues", f"{cast('PrismApp', self.app).keymap.text('back')} goes back")

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return presenters.venues.venue_lines(view, width)


class VenuesScreen(ReportScreen):
    """The state of every venue."""

    BINDINGS: ClassVar[list[BindingType]] = [bound("venues", "dismiss")]
    PANE: ClassVar[type[Pane]] = VenuesPane
