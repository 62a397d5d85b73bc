"""The market screen: breadth, scores, liquidations by minute and a map of the largest, over the screen in front."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.presenters.lines import Line
from tui.presenters.market import market_lines
from tui.presenters.view import View
from tui.screens.venues import ReportScreen
from tui.widgets.pane import Pane


class MarketPane(Pane):
    """The scrollable lines."""

    TITLE = "market"

    def on_mount(self) -> None:
        self.head("market", "escape goes back")

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return market_lines(view, width, height)


class MarketScreen(ReportScreen):
    """Kept up to date while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "dismiss", "back", show=False)]
    PANE: ClassVar[type[Pane]] = MarketPane
