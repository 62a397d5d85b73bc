"""The panes that only the symbol's screen has, each a presenter behind a border.

Composed by `tui.screens.drilldown`, together with panes of `tui.widgets.panes`.
"""

from __future__ import annotations

from tui.presenters import breakdown, chart, explanation, gates, levels, tape
from tui.presenters.lines import Line, beside
from tui.presenters.view import View, no_symbol, sentence
from tui.widgets.pane import Pane
from tui.widgets.panes import of_symbol


class ChartPane(Pane):
    """Candles with the levels drawn as lines."""

    TITLE = "chart"
    HELP = (
        "Closed candles and the forming one, newest at the right, times in your time zone. Entry and stop are drawn as "
        "lines, and so are targets if they are near enough to leave the candles enough room. The title line names the "
        "levels outside the chart. {timeframe_next} and {timeframe_previous} choose the timeframe."
    )

    def __init__(self, *, id: str, timeframe: str = "15m") -> None:
        super().__init__(id=id)
        self.timeframe = timeframe if timeframe in chart.TIMEFRAMES else "15m"

    def step_timeframe(self, step: int) -> str:
        """Draw the next longer or shorter timeframe."""
        self.timeframe = chart.TIMEFRAMES[(chart.TIMEFRAMES.index(self.timeframe) + step) % len(chart.TIMEFRAMES)]
        self.again()
        return self.timeframe

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        self.head(
            of_symbol(self.TITLE, view),
            "  ".join(f"[{t}]" if t == self.timeframe else t for t in chart.TIMEFRAMES),
        )
        return chart.chart_lines(view, self.timeframe, width, height)


class LevelsPane(Pane):
    """Levels with position size, and the gates."""

    TITLE = "levels and gates"
    SHORT = "levels"
    HELP = (
        "Entry, stop and targets from the ATR, rounded so that risk is never understated. Net reward/risk is after "
        "taker fees on both sides and half the spread: beside a target it is that of the levels shown, which are fixed "
        "for a candidate; among the gates it is that of an entry now. The size is limited by the risk per trade and by "
        "a share of the depth, and names the limit that binds. If the screen has no room for the pane in words, the "
        "traps and the current funding rate are shown here, and the lower edge names the panes that are not shown."
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.tells_more = False
        """Whether traps and funding are shown here too, because their panes are not on screen."""

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if view.row is None:
            return sentence(no_symbol(view, "prism"), width)
        gate = gates.gate_lines(view.snapshot.ranking, view.row)
        beside_width = width - gates.WIDTH - 2
        is_wide = beside_width >= 48
        left_width = beside_width if is_wide else width
        traps = levels.trap_lines(view, left_width) if self.tells_more else []
        funding = [tape.funding_line(view, left_width)] if self.tells_more and view.focus is not None else []
        left = breakdown.spaced(levels.level_lines(view, left_width), funding, traps)
        return beside(left, gate, beside_width) if is_wide else breakdown.stacked(height, left, gate)


class ExplanationPane(Pane):
    """Score, gates and missing data in sentences."""

    TITLE = "in words"
    SHORT = "words"
    HELP = "The score, the gates and the missing data, summed up in sentences. Every figure comes from the breakdown."

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if view.row is None:
            return sentence(no_symbol(view, "prism"), width)
        lines, below = explanation.explanation_lines(view, width, height)
        self.head(self.TITLE, f"{below} more below" if below else "")
        return lines


class TapePane(Pane):
    """The newest trades."""

    TITLE = "tape"
    HELP = "The newest trades of the symbol: B if the taker bought, S if the taker sold; sizes in quote currency."

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return tape.tape_lines(view, width, height)


class HistoryPane(Pane):
    """Funding and open interest over time."""

    TITLE = "funding and open interest"
    SHORT = "funding/OI"
    HELP = (
        "The current funding rate per the venue's own interval and per 8 hours, the time until its settlement, and the "
        "rates settled before; open interest in steps of 15 minutes."
    )

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return tape.history_lines(view, width)
