"""The order-book ladder around mid: grouped levels, cumulative size and its shape, own levels, spread, imbalance.

Called by the depth pane. A book is drawn only while it is proven and its stream is live; otherwise the pane says
in words what the book is waiting for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from engine.snapshot import Ladder
from tui.presenters.depth_books import Shown, shown
from tui.presenters.depth_ladder import Step, book_tick, grouped, imbalance
from tui.presenters.format import bar_text, bps_text, compact_text, pad, price_text, tick_decimals
from tui.presenters.gauges import area_text, score_style, signed_gauge
from tui.presenters.levels import Mark, marks
from tui.presenters.lines import BLANK, Line, right, wrapped
from tui.presenters.view import NO_SYMBOL, View, count_text, sentence

GROUPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Ticks to a line of the ladder."""
_FIGURES: Final = 32
"""Cells of a line's marks, price, size and sum."""
_ROOMY: Final = 14
"""Lines from which own levels beyond the ladder, and long words over it, have their place."""
_LEAST_SHAPED: Final = 9
"""Cells beside the figures below which the sizes are drawn alone."""


@dataclass(frozen=True, slots=True)
class _Drawing:
    """How far the two drawings beside the figures reach, in cells, and what fills each of them."""

    bar: int
    """The size of each step."""
    shape: int
    """The sum from the best price on: both sides under each other are the outline of the book. 0: no room."""
    largest: float
    deepest: float


def _drawing(steps: Sequence[Step], width: int) -> _Drawing:
    """The room beside the figures, shared out: to the sizes alone where it is narrow."""
    room = max(0, width - _FIGURES - 1)
    shape = 0 if room < _LEAST_SHAPED else room * 3 // 5
    return _Drawing(
        bar=room - shape - 1 if shape else room,
        shape=shape,
        largest=max(step.notional for step in steps),
        deepest=max(step.cumulative for step in steps),
    )


def _step_line(step: Step, style: str, letters: str, tick: float, drawing: _Drawing) -> Line:
    figures = (
        (f"{letters:>3} ", "strong accent"),
        (right(price_text(step.price, tick, 12), 12), style),
        (right(compact_text(step.notional), 8), ""),
        (right(compact_text(step.cumulative), 8), "muted"),
    )
    if not drawing.bar:
        return figures
    bar = bar_text(step.notional / drawing.largest if drawing.largest else 0.0, drawing.bar)
    if not drawing.shape:
        return (*figures, (" ", ""), (bar, f"{style}-bar"))
    area = area_text(step.cumulative / drawing.deepest if drawing.deepest else 0.0, drawing.shape)
    return (*figures, (" ", ""), (f"{bar:<{drawing.bar}} ", style), (area, f"{style}-bar"))


def _heading(drawing: _Drawing, quote: str, width: int) -> Line:
    """Names over the columns; the currency stands where the drawings leave room for it."""
    head = f"{'':4}{'PRICE':>12}{'SIZE':>8}{'SUM':>8}"
    if not drawing.shape:
        return ((head, "heading"), (f" {quote}" if width >= 44 else "", "muted"))
    room = drawing.bar + 1
    return (
        (head, "heading"),
        (f" {pad(quote, room) if len(quote) < room else ' ' * room}", "muted"),
        ("DEPTH", "heading"),
    )


def _placed(held: Sequence[Mark], steps: Sequence[Step], asks: bool) -> dict[int, str]:
    """Own levels by the step that stands for them: the first at or beyond their price, as an order there would rest."""
    letters: dict[int, str] = {}
    for mark in held:
        reached = (
            i for i, step in enumerate(steps) if (step.price >= mark.price if asks else step.price <= mark.price)
        )
        place = next(reached, None)
        if place is not None:
            letters[place] = (letters.get(place, "") + mark.letter)[:3]
    return letters


def _beyond(held: Sequence[Mark], edge: float, tick: float, above: bool, width: int) -> Line:
    """Own levels outside the ladder, the nearest first, as many as fit whole."""
    outside = [mark for mark in held if (mark.price > edge if above else mark.price < edge)]
    if not outside:
        return BLANK
    outside.sort(key=lambda mark: abs(mark.price - edge))
    told = f" {'▲' if above else '▼'} "
    for mark in outside:
        word = f"{mark.letter} {price_text(mark.price, tick)}  "
        if len(told) + len(word.rstrip()) > width:
            break
        told += word
    return ((told.rstrip(), "muted"),)


def depth_lines(view: View, group: int, width: int, height: int, choice: str = "") -> list[Line]:
    """The ladder in `height` lines; the middle of the pane is the middle of the market.

    `choice`: which book of the asset, as `tui.presenters.depth_books` names them; the symbol's own by default.
    """
    instrument = view.instrument
    if instrument is None:
        return sentence(NO_SYMBOL["depth"], width)
    book = shown(view, choice)
    if book is None:
        return sentence(f"waiting for the book of {instrument.symbol}", width)
    noted = wrapped(book.note, width, "accent strong") if book.note else []
    if len(noted) > 1 and book.short and height < _ROOMY:
        noted = wrapped(book.short, width, "accent strong")
    if book.trouble:
        return [*noted, *sentence(book.trouble, width, "warning" if book.is_alarming else "muted")]
    return [*noted, *_ladder_lines(view, book, group, width, height - len(noted))]


def _ladder_lines(view: View, book: Shown, group: int, width: int, height: int) -> list[Line]:
    ladder, row = book.ladder, view.row
    assert row is not None
    tick = book.tick if book.is_merged and book.tick else book_tick(ladder, book.tick)
    size = tick * GROUPS[min(len(GROUPS) - 1, max(0, group))]
    asks, bids = grouped(ladder.asks, size, asks=True), grouped(ladder.bids, size, asks=False)
    roomy = height >= _ROOMY
    each = max(1, (height - (5 if roomy else 3)) // 2)
    asks, bids = asks[:each], bids[:each]
    drawing = _drawing((*asks, *bids), width)
    held = [replace(mark, price=mark.price * book.unit) for mark in marks(view.snapshot.ranking.levels, row)]
    mid = (float(ladder.bids[0][0]) + float(ladder.asks[0][0])) / 2
    above, below = [mark for mark in held if mark.price > mid], [mark for mark in held if mark.price <= mid]
    ask_letters, bid_letters = _placed(above, asks, asks=True), _placed(below, bids, asks=False)
    lines: list[Line] = [_heading(drawing, book.quote, width)]
    if roomy:
        lines.append(_beyond(above, asks[-1].price, tick, True, width))
    lines += [BLANK] * (each - len(asks))
    lines += [_step_line(asks[i], "ask", ask_letters.get(i, ""), tick, drawing) for i in reversed(range(len(asks)))]
    lines.append(_middle(ladder, tick, size, width))
    lines += [_step_line(step, "bid", bid_letters.get(i, ""), tick, drawing) for i, step in enumerate(bids)]
    lines += [BLANK] * (each - len(bids))
    if roomy:
        lines.append(_beyond(below, bids[-1].price, tick, False, width))
    return [*lines, _balance(ladder, width)]


def _middle(ladder: Ladder, tick: float, size: float, width: int) -> Line:
    bid, ask = float(ladder.bids[0][0]), float(ladder.asks[0][0])
    mid, spread = (bid + ask) / 2, ask - bid
    # Of one venue's book that is not possible; merged ones cross by what the venues differ.
    ticks = count_text(round(spread / tick), "tick") if spread >= 0 else "venues cross"
    decimals = max(0, tick_decimals(tick)) + 1
    told = f" {bps_text(spread / mid * 1e4)} · {ticks}"
    group = f" · step {price_text(size, tick)}"
    if 16 + len(told) + len(group) > width:
        group = ""
    return (("    ", ""), (right(f"{mid:.{decimals}f}", 12), "strong"), (told, ""), (group, "muted"))


def _balance(ladder: Ladder, width: int) -> Line:
    value = imbalance(ladder)
    if not isfinite(value):
        return BLANK
    gauge = max(7, min(41, width - 26))
    score = 50 + 50 * value
    return (
        ("imbalance ", "heading"),
        (f"{value:+.2f} ", score_style(score)),
        ("ask ", "ask"),
        *signed_gauge(score, gauge - 1 + gauge % 2),
        (" bid", "bid"),
    )
