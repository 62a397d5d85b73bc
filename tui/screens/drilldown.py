"""Everything about one symbol: candles with levels, the account, the book, trades, history, and words.

Pushed by the app over the main screen and popped by `escape`, so that the table is found as it was left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from textual.widget import Widget

from engine.prism.board import FACES
from tui.presenters.lines import Line
from tui.presenters.view import View, feed_warning
from tui.screens.pane_screen import PaneScreen, SizeClass
from tui.widgets.panes import (
    ChartPane,
    DepthPane,
    ExplanationPane,
    HistoryPane,
    LevelsPane,
    LiquidationsPane,
    PrismPane,
    TapePane,
)


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

    def __init__(self, face: str, depth_group: int, timeframe: str, depth_book: str = "") -> None:
        super().__init__()
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

    def told(self, view: View | None) -> list[Line]:
        warning = feed_warning(view) if view else ""
        return [((f" {warning}", "warning strong"),)] if warning else []

    def do_back(self) -> None:
        if self.single and self.shape in ("medium", "wide"):
            super().do_back()
        else:
            self.dismiss()

    def do_face(self, face: str) -> None:
        pane = self.query_one(PrismPane)
        pane.face = face
        pane.again()
        self.console.remember(face=face)

    def do_face_next(self) -> None:
        pane = self.query_one(PrismPane)
        self.do_face(FACES[(FACES.index(pane.face) + 1) % len(FACES)])

    def do_depth(self, step: str) -> None:
        self.console.remember(depth_grouping=self.query_one(DepthPane).step_group(int(step)))

    def do_book(self, step: str) -> None:
        self.console.choose_book(self.query_one(DepthPane).step_book(int(step)))

    def do_liquidations(self, step: str) -> None:
        self.console.tell("every liquidation of this symbol is shown here; the minimum size is for the main screen")

    def do_timeframe(self, step: str) -> None:
        self.console.remember(timeframe=self.query_one(ChartPane).step_timeframe(int(step)))

    def do_watch(self) -> None:
        self.console.main.do_watch()
