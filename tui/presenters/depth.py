"""The order-book ladder around mid: grouped levels, cumulative size and its shape, own levels, spread, imbalance.

Called by the depth pane. A book is drawn only while it is proven and its stream is live; otherwise the pane says
in words what the book is waiting for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from engine.snapshot import Ladder
from tui.presenters.format import bar_text, bps_text, compact_text, pad, price_text, tick_decimals
from tui.presenters.gauges import area_text, score_style, signed_gauge
from tui.presenters.levels import Mark, marks
from tui.presenters.lines import BLANK, Line, right
from tui.presenters.view import NO_SYMBOL, View, count_text, feed_warning, sentence

GROUPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Ticks to a line of the ladder."""
IMBALANCE_LEVELS: Final = 10
_FIGURES: Final = 32
"""Cells of a line's marks, price, size and sum."""
_LEAST_SHAPED: Final = 9
"""Cells beside the figures below which the sizes are drawn alone."""

_ABSENCE: Final = {
    "absent": "no book: this recording or venue sends none for this symbol",
    "syncing": "book syncing: waiting for its first proven snapshot",
    "resyncing": "book resyncing: a message was missed, so the old book was thrown away",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of one side: its price, its own notional and the sum from the best price to here, quote currency."""

    price: float
    notional: float
    cumulative: float


def book_tick(ladder: Ladder, tick: float | None) -> float:
    """The instrument's tick, or the finest decimal step of the book's own price texts where that is finer.

    A tick inferred from a few messages may be coarser than the market's; a book is never drawn coarser than it is.
    """
    texts = [price for price, _, _ in (*ladder.bids, *ladder.asks)]
    places = max((len(text.partition(".")[2]) for text in texts), default=0)
    step = float(f"1e-{places}")
    if tick is None or tick <= 0:
        return step
    # Texts may be padded with zeros beyond the tick, so only a price off the tick's grid proves it too coarse.
    return tick if all(_on_grid(float(price), tick) for price in texts) else min(tick, step)


def _on_grid(price: float, tick: float) -> bool:
    place = price / tick
    return abs(place - round(place)) < 1e-6 * max(1.0, abs(place) * 1e-6)


def grouped(levels: Sequence[tuple[str, str, float]], step: float, asks: bool) -> list[Step]:
    """Levels summed into steps of `step`, best first. Bids round down and asks up, so that no step looks better
    than its orders are."""
    sums: dict[int, float] = {}
    for price, _, notional in levels:
        place = float(price) / step
        # A price on the grid may land a rounding error beside it; a real one is at least a tick off.
        near = round(place)
        key = near if _on_grid(float(price), step) else int(place // 1) + (1 if asks else 0)
        sums[key] = sums.get(key, 0.0) + notional
    steps, total = [], 0.0
    for key, notional in sums.items():
        total += notional
        steps.append(Step(key * step, notional, total))
    return steps


def imbalance(ladder: Ladder) -> float:
    """(bid - ask) / (bid + ask) of the notional in the top 10 levels; NaN for an empty book."""
    bid = sum(notional for _, _, notional in ladder.bids[:IMBALANCE_LEVELS])
    ask = sum(notional for _, _, notional in ladder.asks[:IMBALANCE_LEVELS])
    return (bid - ask) / (bid + ask) if bid + ask > 0 else float("nan")


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


def depth_lines(view: View, group: int, width: int, height: int) -> list[Line]:
    """The ladder in `height` lines; the middle of the pane is the middle of the market."""
    instrument, focus, row = view.instrument, view.focus, view.row
    if instrument is None or row is None:
        return sentence(NO_SYMBOL["depth"], width)
    if focus is None:
        return sentence(f"waiting for the book of {instrument.symbol}", width)
    warning = feed_warning(view)
    if warning and view.snapshot.mode == "live":
        return sentence(f"no book shown: {warning}", width, "warning")
    ladder = focus.ladder
    if ladder.status != "synced" or not ladder.bids or not ladder.asks:
        told = _ABSENCE.get(ladder.status, "the book has only one side" if ladder.status == "synced" else ladder.status)
        return sentence(told, width, "warning" if ladder.status == "resyncing" else "muted")
    tick = book_tick(ladder, instrument.tick)
    size = tick * GROUPS[min(len(GROUPS) - 1, max(0, group))]
    asks, bids = grouped(ladder.asks, size, asks=True), grouped(ladder.bids, size, asks=False)
    roomy = height >= 14
    each = max(1, (height - (5 if roomy else 3)) // 2)
    asks, bids = asks[:each], bids[:each]
    drawing = _drawing((*asks, *bids), width)
    held = marks(view.snapshot.ranking.levels, row)
    mid = (float(ladder.bids[0][0]) + float(ladder.asks[0][0])) / 2
    above, below = [mark for mark in held if mark.price > mid], [mark for mark in held if mark.price <= mid]
    ask_letters, bid_letters = _placed(above, asks, asks=True), _placed(below, bids, asks=False)
    lines: list[Line] = [_heading(drawing, instrument.quote, width)]
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
    ticks = count_text(max(0, round(spread / tick)), "tick")
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
