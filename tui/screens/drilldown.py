"""The screen of one symbol: candles with levels, score breakdown, book, tape, funding and open interest, words.

The app pushes it over the main screen or the market map, and `escape` pops it, so the screen below is as it was left.
It shows the symbol that was opened, whatever the table below it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from textual.widget import Widget

from tui.presenters.lines import Line
from tui.presenters.row import Key
from tui.presenters.view import View, feed_warning, no_symbol
from tui.screens.pane_screen import PaneScreen, SizeClass
from tui.widgets.bars import HeaderBar
from tui.widgets.pane import Pane
from tui.widgets.panes import DepthPane, LiquidationsPane, PrismPane
from tui.widgets.symbol_panes import ChartPane, ExplanationPane, HistoryPane, LevelsPane, TapePane


class DrillScreen(PaneScreen):
    """See the module."""

    KIND: ClassVar[Literal["main", "drill"]] = "drill"
    ORDER: ClassVar[tuple[str, ...]] = (
        "chart", "depth", "tape", "account", "levels", "words", "history", "forced",
    )  # fmt: skip
    SHOWN: ClassVar[dict[SizeClass, frozenset[str]]] = {
        "medium": frozenset({"chart", "depth", "account", "levels"}),
        "wide": frozenset(ORDER),
    }

    def __init__(self, key: Key, face: str, depth_group: int, timeframe: str, depth_book: str = "") -> None:
        super().__init__()
        self._about = key
        self._choices = (face, depth_group, timeframe, depth_book)

    def panes(self) -> Iterator[Widget]:
        face, group, timeframe, book = self._choices
        yield ChartPane(id="chart", timeframe=timeframe)
        yield DepthPane(id="depth", group=group, book=book)
        yield TapePane(id="tape")
        yield PrismPane(id="account", face=face, account_only=True)
        yield LevelsPane(id="levels")
        yield ExplanationPane(id="words")
        yield HistoryPane(id="history")
        yield LiquidationsPane(id="forced", of_symbol=True)

    def on_screen_resume(self) -> None:
        """Show its own symbol again: another one may have been opened from the market map over it."""
        if self.console.key != self._about and self.stands:
            self.console.be_about(self._about)
            self.query_one(DepthPane).book = self.console.book

    def lay_out(self) -> None:
        super().lay_out()
        if not self.stands:
            return
        pane = self.query_one(LevelsPane)
        hidden = [pane for pane in self.query(Pane) if not pane.display]
        pane.tells_more = any(isinstance(pane, ExplanationPane) for pane in hidden)
        names = ", ".join(pane.SHORT or pane.TITLE for pane in hidden)
        key = self.console.keymap.text("pane_next")
        pane.head(pane.TITLE, f"{key}: {names}" if names and not self.alone else "")

    def presenting(self, view: View) -> Iterator[None]:
        if view.row is not None or self.shape == "tiny":
            yield from super().presenting(view)
            return
        self.query_one(HeaderBar).present(view)
        self.bars(view)
        for pane in self.query(Pane):
            pane.wait(f"{no_symbol(view, 'prism')}; {self.console.keymap.text('back')} goes back")

    def told(self, view: View | None) -> list[Line]:
        warning = feed_warning(view) if view else ""
        return [((f" {warning}", "warning strong"),)] if warning else []

    def do_back(self) -> None:
        if self.single and self.shape in ("medium", "wide"):
            super().do_back()
        else:
            self.dismiss()

    def do_liquidations(self, step: str) -> None:
        self.console.tell("every liquidation of this symbol is shown here; the minimum size is for the main screen")

    def do_timeframe(self, step: str) -> None:
        self.console.remember(timeframe=self.query_one(ChartPane).step_timeframe(int(step)))

    def do_watch(self) -> None:
        self.console.main.watch_symbol(self.console.key)
