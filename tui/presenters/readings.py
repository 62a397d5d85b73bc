"""Formats a component's raw reading: the figure, and in words what it measures.

Called by the breakdown. A score may rest on more than the one figure shown, so the words say what the figure measures,
over which time, and its neutral value if that is not 0. A share that cannot be negative has no sign.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Final

from engine.prism.board import COMPONENT_INDEX, Board
from tui.presenters.format import MISSING, bps_text, compact_text, percent_text, usd_text
from tui.presenters.view import words


def _signed(decimals: int) -> Callable[[float], str]:
    return lambda value: percent_text(value, decimals, width=9)


def _share(decimals: int) -> Callable[[float], str]:
    return lambda value: percent_text(value, decimals, width=9, signed=False)


_QUANTITIES: Final[dict[str, tuple[Callable[[float], str], str]]] = {
    "atr": (_signed(1), ""),
    "volume_delta": (_signed(1), ""),
    "adl": (_signed(1), ""),
    "cmf": (_signed(1), ""),
    "trade_flow": (_share(1), "takers' buying of 5 m, even at 50 %"),
    "market_making": (_signed(1), "bids built less asks, of all changes of 1 m"),
    "toxicity": (lambda value: f"{value:.3f}", "VPIN of 0 to 1, without direction"),
    "imbalance": (_signed(1), "bids minus asks, of their sum"),
    "liquidity": (lambda value: f"{value:.2f}", "bids per asks, even at 1"),
    "impact": (bps_text, "cost to buy minus cost to sell"),
    "value_area": (lambda value: f"{value:+.2f}", "value areas above the 24 h POC"),
    "vwap": (lambda value: f"{value:+.2f}%", "above VWAP"),
    "position_heat": (lambda value: f"{value:+.2f}", "deviations, open interest of 1 h"),
    "long_short_ratio": (lambda value: f"{value:.2f}", "long accounts per short, even at 1"),
    "funding": (_signed(4), "an interval"),
    "funding_volatility": (_share(4), "deviation of the settlements"),
    "liquidations": (usd_text, "shorts minus longs of 1 h"),
    "volume_sentiment": (_signed(1), "net buying of 1 h of volume"),
    "mood": (lambda value: f"{value:+.2f}", "of -1 to +1"),
    "risk": (lambda value: f"{value:.2f}", "open interest per 24 h volume"),
}
"""How a reading is formatted, and what it measures; empty: the unit says it."""
_OF_OTHER_WINDOWS: Final = {
    ("trade_flow", f"frac, {minutes} m"): f"takers' buying of {minutes} m, even at 50 %" for minutes in (1, 15)
}
"""What a reading measures that is not of its usual window, by component and unit."""


def reading_text(board: Board, row: int, name: str) -> tuple[str, str]:
    """The raw reading of component `name` in at most 14 cells, and what it measures; no words if it is unknown."""
    index = COMPONENT_INDEX[name]
    value, unit = float(board.raw[row, index]), board.unit(row, index)
    if isnan(value):
        return MISSING, ""
    write, told = _QUANTITIES.get(name, (None, ""))
    told = _OF_OTHER_WINDOWS.get((name, unit), told)
    if name == "funding":
        told = _interval(board, row) or told
    if write is not None:
        return write(value), told or words(unit)
    return compact_text(value) if abs(value) >= 1000 else f"{value:.3g}", words(unit)


def _interval(board: Board, row: int) -> str:
    """The interval of a funding rate in words; empty if it is unknown."""
    reading = board.readings.get("funding")
    held = reading.inputs.get("interval") if reading else None
    hours = float("nan") if held is None else float(held[0][row])
    return "" if isnan(hours) else f"per {hours:g} h"
