"""The panes beside the candidates table, each a presenter behind a border.

Composed by the screens. The main screen composes them at start, so presenters are loaded only at the first snapshot.
Every choice a user can make in a pane (face, grouping, minimum size) is an attribute that an action sets and the state
file keeps. Panes that only the symbol's screen has are in `tui.widgets.symbol_panes`.
"""

from __future__ import annotations

from engine.prism.faces import FACES
from tui import presenters
from tui.presenters.format import usd_text
from tui.presenters.lines import BLANK, Line, beside, wrapped
from tui.presenters.view import View, feed_warning, no_symbol, sentence, venue_title, words
from tui.widgets.pane import Pane


def of_symbol(title: str, view: View) -> str:
    """A pane's title with the symbol that it shows."""
    instrument = view.instrument
    return f"{title} · {instrument.symbol} · {venue_title(instrument.venue)}" if instrument else title


class PrismPane(Pane):
    """Six faces, the components of one, gates, levels and what drives the score."""

    TITLE = "prism"
    HELP = (
        "The breakdown of the symbol's score. Six faces sum to the prism score, and the components of a face sum to "
        "the face: IMPACT is WEIGHT times (SCORE plus DIV). DIV pulls toward the high timeframe; in the last line, "
        "SCORE is the face without it. 50 is neutral, more leans long, less leans short. A component without good data "
        "is named with its reason and does not count; COVER is the share of the weight that does. {face_technical} "
        "{face_volume} {face_orderflow} {face_orderbook} {face_structure} {face_sentiment} or {face_next} choose the "
        "face."
    )

    def __init__(self, *, id: str, face: str = FACES[0], account_only: bool = False) -> None:
        super().__init__(id=id)
        self._account_only = account_only
        """True if levels and gates have a pane of their own, so that this one shows only the score."""
        self.face = face if face in FACES else FACES[0]

    def show_face(self, face: str) -> None:
        """Break down this face; one that does not exist changes nothing."""
        if face in FACES and face != self.face:
            self.face = face
            self.again()

    def cycle(self, step: int) -> None:
        """Break down the next or the previous face."""
        self.face = FACES[(FACES.index(self.face) + step) % len(FACES)]
        self.again()

    def cursor_right(self) -> None:
        self.cycle(1)

    def cursor_left(self) -> None:
        self.cycle(-1)

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        breakdown, gates, levels = presenters.breakdown, presenters.gates, presenters.levels
        row, board, ranking = view.row, view.board, view.snapshot.ranking
        if row is None:
            self.head(self.TITLE)
            return sentence(no_symbol(view, "prism"), width)
        side, _ = gates.side_text(ranking, board, row)
        self.head(f"{of_symbol(self.TITLE, view)} · {side}", f"{words(self.face)} face")
        faces = breakdown.face_lines(board, row, width, self.face)
        parts = breakdown.component_lines(board, row, self.face, width)
        warning = [line for line in [feed_warning(view)] if line]
        told = [line for text in warning for line in wrapped(text, width, "warning")]
        side_by_side = width >= 80
        focus = view.focus
        standing = None if focus is None else focus.standing
        detail = breakdown.detail_lines(board, row, self.face, width, standing)
        verdict = gates.gate_lines(ranking, row)
        entry = levels.level_lines(view, width - gates.WIDTH - 2 if side_by_side else width)
        whole = len(told) + len(faces) + 1 + len(parts)
        compact = height < whole
        if self._account_only:
            below = [detail, breakdown.driver_lines(board, row)]
        elif side_by_side:
            gated, moving = beside(verdict, entry, gates.WIDTH), breakdown.driver_columns(board, row, gates.WIDTH)
            below = [gated, moving, detail]
            compact = compact or height == whole + 1 + len(gated) + len(moving)  # a line more, and the last is in view
        else:
            below = [entry, verdict, breakdown.driver_lines(board, row), detail]
        return breakdown.stacked(height, [*told, *faces, *([] if compact else [BLANK]), *parts], *below)


class LiquidationsPane(Pane):
    """The ticker of forced orders, of all symbols or of one."""

    TITLE = "liquidations"
    HELP = (
        "Forced closes of positions, newest first, with the side that was liquidated. Totals cover 1 minute, 5 minutes "
        "and 1 hour on all venues. ≥ marks a lower bound, because a venue reports only a sample of its liquidations "
        "(`sampled` or * beside the line). If there is room, the last hour is drawn by minute, liquidated longs above "
        "the line and shorts below, with the largest minute of each at the right. √: a bar half as high stands for a "
        "quarter of the sum. {liquidations_more} and {liquidations_less} raise and lower the smallest size shown."
    )

    def __init__(self, *, id: str, minimum_usd: float = 0.0, of_symbol: bool = False) -> None:
        super().__init__(id=id)
        self.minimum_usd = minimum_usd
        self._of_symbol = of_symbol

    def step_minimum(self, step: int) -> float:
        """Raise or lower the smallest size shown."""
        self.minimum_usd = presenters.liquidations.next_minimum(self.minimum_usd, step)
        self.again()
        return self.minimum_usd

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        if self._of_symbol:
            self.head(of_symbol(self.TITLE, view))
            return presenters.liquidations.symbol_liquidation_lines(view, width, height)
        self.head(self.TITLE, f"at least {usd_text(self.minimum_usd)}" if self.minimum_usd else "all sizes")
        return presenters.liquidations.liquidation_lines(view, self.minimum_usd, width, height)


class DepthPane(Pane):
    """The order-book ladder."""

    TITLE = "depth"
    HELP = (
        "The order book around mid: the size at each step, the sum from the best price, and your levels, marked E "
        "entry, S stop, 1 2 3 targets. Lines show the sizes. If there is room, a filled area shows the sums: it is "
        "wide where much size rests before a price. The imbalance is bids less asks, of their sum, over the best 10 "
        "levels of each side before grouping. A book that did not change for 5 s says so on the lower edge. "
        "{depth_coarser} and {depth_finer} group by more or fewer ticks. {book_next} and {book_previous} switch "
        "between the books of the same asset while the symbol is shown: its own, each other venue's, and all of them "
        "merged, in quote currency and as far as each book reaches. Merged books may cross by the price difference "
        "between venues. Only a book that is verified against its venue is drawn or merged; otherwise the pane says "
        "what it waits for, or which venue is left out."
    )

    def __init__(self, *, id: str, group: int = 0, book: str = "") -> None:
        super().__init__(id=id)
        self.book = book
        """Which book of the asset, named as in `tui.presenters.depth_books`; empty: the row's own."""
        self._group = group

    @property
    def group(self) -> int:
        """Index of the grouping shown; a saved index may be beyond the end of the ladder."""
        return min(len(presenters.depth.GROUPS) - 1, max(0, self._group))

    def show_group(self, group: int) -> None:
        """Group as chosen on another screen."""
        if group != self._group:
            self._group = group
            self.again()

    def step_group(self, step: int) -> int:
        """Group by more (+1) or fewer (-1) ticks."""
        self._group = self.group + step
        self.again()
        return self.group

    def step_book(self, step: int) -> str:
        """Show the next (+1) or the previous book of the asset."""
        if self._view is not None:
            self.book = presenters.depth_books.step_choice(self._view, self.book, step)
            self.again()
        return self.book

    def lines(self, view: View, width: int, height: int) -> list[Line]:
        depth = presenters.depth
        ticks = depth.GROUPS[self.group]
        book = presenters.depth_books.shown(view, self.book)
        title = f"{self.TITLE} · {book.title}" if book is not None else of_symbol(self.TITLE, view)
        step, quiet = f"{ticks:,} tick{'s' if ticks > 1 else ''} a line", depth.quiet_text(view, self.book)
        self.head(title, f"{quiet} · {step}" if quiet else step)
        return depth.depth_lines(view, self.group, width, height, self.book)
