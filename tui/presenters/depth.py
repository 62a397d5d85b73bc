"""The order-book ladder around mid: grouped levels, cumulative size and its shape, own levels, spread, imbalance.

Called by the depth pane. A book may be drawn only while it is verified and its stream is live; otherwise the pane says
in words what it is waiting for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from engine.snapshot import Ladder
from tui.presenters.depth_books import Shown, shown
from tui.presenters.depth_ladder import IMBALANCE_LEVELS, Step, book_tick, grouped, imbalance, place_of
from tui.presenters.format import age_text, bar_text, bps_text, compact_text, pad, price_text, tick_decimals
from tui.presenters.gauges import area_text, score_style, signed_gauge
from tui.presenters.levels import Mark, marks
from tui.presenters.lines import BLANK, Line, right, width_of, wrapped
from tui.presenters.view import View, count_text, no_symbol, sentence

GROUPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Ticks per line of the ladder."""
_FIGURES: Final = 32
"""Cells of a line's marks, price, size and sum."""
_ROOMY: Final = 14
"""Least height that shows own levels beyond the ladder, and the long form of the note above it."""
_LEAST_SHAPED: Final = 11
"""Least width beside the figures that also shows the cumulative shape, and four letters of currency before it."""
QUIET_MS: Final = 5_000
"""A book that did not change for longer is named with its age: a quiet coin's ladder must not look busy."""
_NAMED: Final = 13
"""Least width of the gauge of imbalance with the names of its sides."""
_BALANCE: Final = f"{IMBALANCE_LEVELS}-level imbalance "


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Widths of the two drawings beside the figures, in cells, and the value that fills each of them."""

    bar: int
    """For the size of each step."""
    shape: int
    """For the cumulative size: the two sides together outline the book. 0: no room."""
    largest: float
    deepest: float


def _drawing(steps: Sequence[Step], width: int) -> _Drawing:
    """Divides the room beside the figures; if it is narrow, the sizes get all of it."""
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
    """The column headings, and the quote currency if there is room."""
    head = f"{'':4}{'PRICE':>12}{'SIZE':>8}{'SUM':>8}"
    if not drawing.shape:
        return ((head, "heading"), (f" {quote}" if len(head) + len(quote) < width else "", "muted"))
    room = drawing.bar + 1
    return (
        (head, "heading"),
        (f" {pad(quote, room) if len(quote) < room else ' ' * room}", "muted"),
        ("DEPTH", "heading"),
    )


def _placed(held: Sequence[Mark], steps: Sequence[Step], size: float, asks: bool) -> dict[int, str]:
    """Letters of own levels by step: the first step at or beyond the level's price, where an order would rest."""
    letters: dict[int, str] = {}
    for mark in held:
        own = place_of(mark.price, size, asks)
        reached = (i for i, step in enumerate(steps) if (step.place >= own if asks else step.place <= own))
        line = next(reached, None)
        if line is not None:
            letters[line] = (letters.get(line, "") + mark.letter)[:3]
    return letters


def _beyond(held: Sequence[Mark], edge: Step, grid: tuple[float, float], above: bool, width: int) -> Line:
    """Own levels outside the ladder, nearest first, as many as fit completely; `grid`: tick and step size."""
    tick, size = grid
    places = [(mark, place_of(mark.price, size, above)) for mark in held]
    outside = [mark for mark, place in places if (place > edge.place if above else place < edge.place)]
    if not outside:
        return BLANK
    outside.sort(key=lambda mark: abs(mark.price - edge.price))
    told = f" {'▲' if above else '▼'} "
    for mark in outside:
        word = f"{mark.letter} {price_text(mark.price, tick)}  "
        if len(told) + len(word.rstrip()) > width:
            break
        told += word
    return ((told.rstrip(), "muted"),)


def depth_lines(view: View, group: int, width: int, height: int, choice: str = "") -> list[Line]:
    """The ladder in `height` lines, with mid in the middle of the pane.

    `choice`: which book of the asset, named as in `tui.presenters.depth_books`; the symbol's own by default.
    """
    instrument = view.instrument
    if instrument is None:
        return sentence(no_symbol(view, "depth"), width)
    book = shown(view, choice)
    if book is None:
        return sentence(f"waiting for the book of {instrument.symbol}", width)
    noted = wrapped(book.note, width, "accent strong") if book.note else []
    if len(noted) > 1 and book.short and height < _ROOMY:
        noted = wrapped(book.short, width, "accent strong")
    if book.trouble:
        return [*noted, *sentence(book.trouble, width, "warning" if book.is_alarming else "muted")]
    return [*noted, *_ladder_lines(view, book, group, width, height - len(noted))]


def quiet_text(view: View, choice: str) -> str:
    """How long the book shown has not changed: `unchanged for 37 s`; empty while it moves, and for merged books."""
    book = shown(view, choice)
    if book is None or book.trouble or book.ladder.updated_ms is None:
        return ""
    quiet_ms = view.snapshot.at_ms - book.ladder.updated_ms
    return f"unchanged for {age_text(quiet_ms / 1000)}" if quiet_ms > QUIET_MS else ""


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
    ask_letters, bid_letters = _placed(above, asks, size, asks=True), _placed(below, bids, size, asks=False)
    lines: list[Line] = [_heading(drawing, book.quote, width)]
    if roomy:
        lines.append(_beyond(above, asks[-1], (tick, size), True, width))
    lines += [BLANK] * (each - len(asks))
    lines += [_step_line(asks[i], "ask", ask_letters.get(i, ""), tick, drawing) for i in reversed(range(len(asks)))]
    lines.append(_middle(ladder, tick, size, width))
    lines += [_step_line(step, "bid", bid_letters.get(i, ""), tick, drawing) for i, step in enumerate(bids)]
    lines += [BLANK] * (each - len(bids))
    if roomy:
        lines.append(_beyond(below, bids[-1], (tick, size), False, width))
    return [*lines, _balance(ladder, width)]


def _middle(ladder: Ladder, tick: float, size: float, width: int) -> Line:
    bid, ask = float(ladder.bids[0][0]), float(ladder.asks[0][0])
    mid, spread = (bid + ask) / 2, ask - bid
    # A single venue's book cannot cross; merged books cross by the price difference between venues.
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
    score = 50 + 50 * value
    figure: Line = ((_BALANCE, "heading"), (f"{value:+.2f} ", score_style(score)))
    room = width - width_of(figure)
    if room < _NAMED:
        return (*figure, *signed_gauge(score, room - 1 + room % 2)) if room >= 3 else figure
    gauge = min(41, room - len("ask  bid"))
    return (*figure, ("ask ", "ask"), *signed_gauge(score, gauge - 1 + gauge % 2), (" bid", "bid"))
