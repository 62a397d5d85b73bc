"""Arithmetic of an order-book ladder: its tick, levels grouped into steps, imbalance of the top levels.

Called by the presenters of the depth pane. Pure functions of a book's levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.snapshot import Ladder

IMBALANCE_LEVELS: Final = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One line of one side: its price, its own notional and the sum from the best price to here, quote currency."""

    price: float
    notional: float
    cumulative: float
    place: int
    """The price in whole steps. Compare this one: the price itself is a product and so has a rounding error."""


def book_tick(ladder: Ladder, tick: float | None) -> float:
    """The instrument's tick. If it is unknown or a price is off its grid, the finest decimal step of the price texts.

    A tick inferred from a few messages may be coarser than the real one; a book is never drawn coarser than it is.
    """
    texts = [price for price, _, _ in (*ladder.bids, *ladder.asks)]
    places = max((len(text.partition(".")[2]) for text in texts), default=0)
    step = float(f"1e-{places}")
    if tick is None or tick <= 0:
        return step
    # Texts may be padded with zeros beyond the tick, so only a price off the grid proves the tick too coarse.
    return tick if all(_on_grid(float(price), tick) for price in texts) else min(tick, step)


def _on_grid(price: float, tick: float) -> bool:
    place = price / tick
    return abs(place - round(place)) < 1e-6 * max(1.0, abs(place) * 1e-6)


def place_of(price: float, step: float, asks: bool) -> int:
    """`price` in whole multiples of `step`: bids round down and asks up."""
    place = price / step
    # A price on the grid may be off it by a rounding error; one really off the grid is at least a tick away.
    return round(place) if _on_grid(price, step) else int(place // 1) + (1 if asks else 0)


def grouped(levels: Sequence[tuple[str, str, float]], step: float, asks: bool) -> list[Step]:
    """Levels summed into steps of `step`, best first. Bids round down and asks up, so that no step looks better than
    the orders in it."""
    sums: dict[int, float] = {}
    for price, _, notional in levels:
        key = place_of(float(price), step, asks)
        sums[key] = sums.get(key, 0.0) + notional
    steps, total = [], 0.0
    for key, notional in sums.items():
        total += notional
        steps.append(Step(key * step, notional, total, key))
    return steps


def imbalance(ladder: Ladder) -> float:
    """(bid - ask) / (bid + ask) of the notional in the top 10 levels; NaN for an empty book."""
    bid = sum(notional for _, _, notional in ladder.bids[:IMBALANCE_LEVELS])
    ask = sum(notional for _, _, notional in ladder.asks[:IMBALANCE_LEVELS])
    return (bid - ask) / (bid + ask) if bid + ask > 0 else float("nan")
