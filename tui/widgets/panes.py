"""The panes beside the candidates table, each a presenter behind a border.

Composed by the screens; every choice a user can make in one (face, grouping, minimum size, timeframe) is an
attribute that an action sets and the state file keeps.
"""

from __future__ import annotations

from engine.documents import board_in_force
from engine.prism.board import FACES
from tui.presenters import breakdown, chart, depth, depth_books, explanation, gates, levels, liquidations, tape
from tui.presenters.format import usd_text
from tui.presenters.lines import BLANK, Line, beside, wrapped
from tui.presenters.view import NO_SYMBOL, View, feed_warning, sentence, venue_title, words
from tui.widgets.pane import Pane


def _of_symbol(title: str, view: View) -> str:
    """A pane's title with the symbol it is about."""
    instrument = view.instrument
    return f"{title} · {instrument.symbol} · {venue_title(instrument.venue)}" if instrument else title


class PrismPane(Pane):
    """Six faces, the components of one, gates, levels and what moves the verdict."""

    TITLE = "prism"
    HELP = (
        "The account of the symbol's score. Six faces sum to the prism score, and the components of a face sum to the "
        "face: IMPACT is WEIGHT times SCORE plus DIV, where DIV pulls toward the high timeframe. 50 says nothing, more "
        "leans long, less leans short. A component without good data is named with its reason and does not count; "
        "COVER is the share of the weight that does. 1-6 or n choose the face."
    )

    def __init__(self, *, id: str, face: str = FACES[0], account_only: bool = False) -> None:
        super().__init__(id=id)
        self._account_only = account_only
        """Where levels and gates have a pane of their own."""
        self.face = face if face in FACES else FACES[0]

    def cycle(self, step: int) -> None:
        """Break down the next or the previous face."""
        self.face = FACES[(FACES.index(self.face) + step) % len(FACES)]
        self.again()

    def cursor_right(self) -> None:
        self.cycle(1)

    def cursor_left(self) -> None:
        self.cycle(-1)

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        row, board, ranking = view.row, board_in_force(view.snapshot), view.snapshot.ranking
        if row is None:
            self.head(self.TITLE)
            return sentence(NO_SYMBOL["prism"], width)
        side, _ = gates.side_text(int(ranking.side[row]))
        self.head(f"{_of_symbol(self.TITLE, view)} · {side}", f"{words(self.face)} face")
        faces = breakdown.face_lines(board, row, width, self.face)
        parts = breakdown.component_lines(board, row, self.face, width)
        compact = height < len(faces) + len(parts) + 1
        warning = [line for line in [feed_warning(view)] if line]
        told = [line for text in warning for line in wrapped(text, width, "warning")]
        lines = [*told, *faces, *([] if compact else [BLANK]), *parts]
        side_by_side = width >= 80
        focus = view.focus
        standing = None if focus is None else focus.standing
        detail = breakdown.detail_lines(board, row, self.face, width, standing)
        moving, verdict = breakdown.driver_lines(board, row), gates.gate_lines(ranking, row)
        entry = levels.level_lines(view, width - gates.WIDTH - 2 if side_by_side else width)
        if self._account_only:
            return breakdown.spaced(lines, detail, moving)
        if side_by_side:
            tail = beside(verdict, breakdown.spaced(entry, moving), gates.WIDTH)
            return breakdown.spaced(lines, tail, detail)
        return breakdown.spaced(lines, entry, verdict, moving, detail)


class LiquidationsPane(Pane):
    """The ticker of forced orders, of all symbols or of one."""

    TITLE = "liquidations"
    HELP = (
        "Positions closed by force, newest first, with the side that was liquidated. Totals are over 1 minute, 5 "
        "minutes and 1 hour of every venue; ≥ marks a lower bound, because a venue reports only a sample of its "
        "liquidations (`sampled` or * beside the line). Where there is room the last hour is drawn by minute, "
        "liquidated longs above the line and shorts below, with the largest minute of each at the right. m and M raise "
        "and lower the smallest size shown."
    )

    def __init__(self, *, id: str, minimum_usd: float = 0.0, of_symbol: bool = False) -> None:
        super().__init__(id=id)
        self.minimum_usd = minimum_usd
        self._of_symbol = of_symbol

    def step_minimum(self, step: int) -> float:
        """Raise or lower the smallest size shown."""
        self.minimum_usd = liquidations.next_minimum(self.minimum_usd, step)
        self.again()
        return self.minimum_usd

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if self._of_symbol:
            self.head(_of_symbol(self.TITLE, view))
            return liquidations.symbol_liquidation_lines(view, width, height)
        self.head(self.TITLE, f"at least {usd_text(self.minimum_usd)}" if self.minimum_usd else "all sizes")
        return liquidations.liquidation_lines(view, self.minimum_usd, width, height)


class DepthPane(Pane):
    """The order-book ladder."""

    TITLE = "depth"
    HELP = (
        "The order book around mid: size at each step, the sum from the best price, and your levels marked E entry, S "
        "stop, 1 2 3 targets. Lines show the sizes and, where there is room, a filled area the sums: the outline of "
        "the book, wide where much stands before a price. + and - group by more or fewer ticks. c and C go through the "
        "books of the same asset: the row's own, each other venue's, and all of them merged, in quote currency and as "
        "far as each of them reaches; merged books may cross, by what the venues differ. Only a book that checks out "
        "against its venue is drawn or merged; otherwise the pane says what it waits for, or without whom it is."
    )

    def __init__(self, *, id: str, group: int = 0, book: str = depth_books.OWN) -> None:
        super().__init__(id=id)
        self.book = book
        """Which book of the asset, as `tui.presenters.depth_books` names them."""
        self.group = min(len(depth.GROUPS) - 1, max(0, group))

    def step_group(self, step: int) -> int:
        """Group by more (+1) or fewer (-1) ticks."""
        self.group = min(len(depth.GROUPS) - 1, max(0, self.group + step))
        self.again()
        return self.group

    def step_book(self, step: int) -> str:
        """Show the next (+1) or the previous book of the asset."""
        if self._view is not None:
            self.book = depth_books.step_choice(self._view, self.book, step)
            self.again()
        return self.book

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        ticks = depth.GROUPS[self.group]
        book = depth_books.shown(view, self.book)
        title = f"{self.TITLE} · {book.title}" if book is not None else _of_symbol(self.TITLE, view)
        self.head(title, f"{ticks:,} tick{'s' if ticks > 1 else ''} a line")
        return depth.depth_lines(view, self.group, width, height, self.book)


class ChartPane(Pane):
    """Candles with the levels drawn across them."""

    TITLE = "chart"
    HELP = (
        "Closed candles and the forming one, newest at the right, times in your zone. Entry, stop and targets are "
        "drawn across; a level outside the picture is named in the title line. i and I choose the timeframe."
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
            _of_symbol(self.TITLE, view), "  ".join(f"[{t}]" if t == self.timeframe else t for t in chart.TIMEFRAMES)
        )
        return chart.chart_lines(view, self.timeframe, width, height)


class LevelsPane(Pane):
    """Levels with position size, and the gates."""

    TITLE = "levels and gates"
    HELP = (
        "Entry, stop and targets from the ATR, rounded so that risk is never understated; net reward/risk is after "
        "taker fees on both sides and half the spread. The size respects both the risk per trade and a share of the "
        "depth, and says which of them holds it."
    )

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if view.row is None:
            return sentence(NO_SYMBOL["prism"], width)
        gate = gates.gate_lines(view.snapshot.ranking, view.row)
        beside_width = width - gates.WIDTH - 2
        if beside_width >= 48:
            return beside(levels.level_lines(view, beside_width), gate, beside_width)
        return breakdown.spaced(levels.level_lines(view, width), gate)


class ExplanationPane(Pane):
    """The verdict in sentences."""

    TITLE = "in words"
    HELP = "What the score, the gates and the missing data come to, in sentences. Every figure is the account's own."

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if view.row is None:
            return sentence(NO_SYMBOL["prism"], width)
        return explanation.explanation_lines(view, width)


class TapePane(Pane):
    """The newest trades."""

    TITLE = "tape"
    HELP = "The newest trades of the symbol: B where the taker bought, S where the taker sold; sizes in quote currency."

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return tape.tape_lines(view, width, height)


class HistoryPane(Pane):
    """Funding and open interest over time."""

    TITLE = "funding and open interest"
    HELP = "The running funding rate with the settled ones before it, and open interest in steps of 15 minutes."

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        return tape.history_lines(view, width)
