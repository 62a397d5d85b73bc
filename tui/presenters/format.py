"""Formats numbers, durations and text from outside.

Called by every presenter and by the headless tables. Pure functions of their arguments: no clock, no locale, no
Textual. An unknown value is written as `MISSING`, never as 0. A known value never rounds to a text that means something
else (no `0.0000` for a small coin, no `-0.00%`).
"""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, chop_cells

MISSING: Final = "·"
"""Shown for an unknown value."""

ELLIPSIS: Final = "…"

_SUBSCRIPTS: Final = "₀₁₂₃₄₅₆₇₈₉"
_UNITS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


@lru_cache(maxsize=4096)
def tick_decimals(tick: float) -> int:
    """Decimal places that write every multiple of `tick` exactly: 0.5 -> 1, 1e-7 -> 7, 10 -> 0.

    The shortest text that parses back to the float is assumed to be the venue's own text.
    """
    if not (math.isfinite(tick) and tick > 0):
        raise ValueError(f"a tick is a positive number, not {tick}")
    exponent = Decimal(repr(tick)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def share_text(frac: float) -> str:
    """A share of the data in whole percent, rounded down: 99.6 % must not read as all of it."""
    return MISSING if math.isnan(frac) else f"{math.floor(frac * 100 + 1e-9)}%"


def price_text(value: float, tick: float | None, width: int = 11) -> str:
    """`value` with the decimals of its tick; five significant digits if the tick is unknown.

    A text wider than `width` cells writes the zeros after the point as a subscript count, as markets do: 0.0000001234
    becomes 0.0₆1234. Digits are dropped only if even that is too wide.
    """
    if not math.isfinite(value):
        return MISSING
    if tick is not None and tick > 0:
        decimals = tick_decimals(tick)
    elif value == 0:
        decimals = 0
    else:
        decimals = min(18, max(0, 4 - math.floor(math.log10(abs(value)))))
    text = f"{value:.{decimals}f}"
    if len(text) <= width:
        return _unsigned_zero(text)
    return _subscripted(text, width)


def _subscripted(text: str, width: int) -> str:
    whole, point, fraction = text.partition(".")
    zeros = len(fraction) - len(fraction.lstrip("0"))
    if point and whole.lstrip("-") == "0" and zeros >= 3:
        count = "".join(_SUBSCRIPTS[int(digit)] for digit in str(zeros))
        text = f"{whole}.0{count}{fraction[zeros:]}"
    if len(text) > width and "." in text:
        text = text[: max(width, text.index("."))].rstrip(".")
    return text


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.%") else text


def percent_text(frac: float, decimals: int = 2, width: int = 7, signed: bool = True) -> str:
    """A fraction as percent: 0.0123 -> `+1.23%`. Decimals are dropped if the text would be wider than `width`."""
    if not math.isfinite(frac):
        return MISSING
    sign = "+" if signed else ""
    for places in range(decimals, -1, -1):
        text = f"{frac * 100:{sign}.{places}f}%"
        if len(text) <= width:
            break
    bare = text.strip("+-0.%")
    return text if bare else text.lstrip("+-")


def bps_text(bps: float) -> str:
    """Basis points to at most three significant digits: `<0.01bp`, `0.04bp`, `1.2bp`, `140bp`."""
    if not math.isfinite(bps):
        return MISSING
    if 0 < bps < 0.005:
        return "<0.01bp"
    places = 0 if abs(bps) >= 99.95 else 1 if abs(bps) >= 0.995 else 2
    return _unsigned_zero(f"{bps:.{places}f}") + "bp"


def compact_text(value: float) -> str:
    """An amount to three significant digits: `950`, `1.24M`, `12.4M`, `124M`; at most six cells."""
    if not math.isfinite(value):
        return MISSING
    for unit, letter in _UNITS:
        # 999 950 rounds to 1.00M: the unit is chosen by the rounded value.
        if abs(value) >= unit * 0.9995:
            scaled = value / unit
            places = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
            return f"{scaled:.{places}f}{letter}"
    places = 0 if abs(value) >= 99.95 or value == 0 else 1 if abs(value) >= 9.995 else 2
    return _unsigned_zero(f"{value:.{places}f}")


def usd_text(value: float) -> str:
    """`compact_text` with a dollar sign, after any minus: `-$1.24M`."""
    text = compact_text(value)
    if text == MISSING:
        return text
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def mebibytes_text(count: float) -> str:
    """A number of bytes: `12.3 MiB`."""
    return f"{count / 2**20:.1f} MiB"


def age_text(seconds: float) -> str:
    """A duration in its largest unit, at most four cells: `<1s`, `12s`, `3m`, `2h`, `9d`, `>1y`."""
    if not math.isfinite(seconds) or seconds < 0:
        return MISSING
    if seconds < 1:
        return "<1s"
    for limit, unit, letter in ((60, 1, "s"), (3600, 60, "m"), (86_400, 3600, "h"), (31_536_000, 86_400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)}{letter}"
    return ">1y"


def long_age_text(seconds: float) -> str:
    """A duration in its two largest units: `40 s`, `12 m`, `3 h 12 m`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} m"
    return f"{minutes} m" if minutes else f"{whole} s"


def countdown_text(ms: float) -> str:
    """Time left as `4:05`, `1:02:03` or `2d 03h`; `0:00` once it has passed."""
    if not math.isfinite(ms):
        return MISSING
    seconds = max(0, int(ms // 1000))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours >= 48:
        return f"{hours // 24}d {hours % 24:02d}h"
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


def score_text(score: float) -> str:
    """A score 0..100 to one decimal; 100 without decimals."""
    if not math.isfinite(score):
        return MISSING
    return "100" if score >= 99.95 else _unsigned_zero(f"{score:.1f}")


def bar_text(frac: float, width: int) -> str:
    """A bar of `frac` times `width` cells, in half cells; `MISSING` if not known.

    A value above 0 always shows at least half a cell, so that a small value does not look like none.
    """
    if not math.isfinite(frac):
        return MISSING
    halves = round(min(1.0, max(0.0, frac)) * width * 2)
    if frac > 0:
        halves = max(1, halves)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def digit_text(score: float) -> str:
    """A score 0..100 as one digit, its tens; 9 for 100 too; `MISSING` if not known."""
    if not math.isfinite(score):
        return MISSING
    return str(min(9, max(0, int(score // 10))))


@lru_cache(maxsize=8192)
def fit(text: str, width: int) -> str:
    """`text` in at most `width` terminal cells, ending in an ellipsis if it was cut. Never splits a wide character."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    return chop_cells(text, width - 1)[0] + ELLIPSIS


@lru_cache(maxsize=16_384)
def pad(text: str, width: int, align: str = "left") -> str:
    """`text` fitted to exactly `width` cells, `left`, `right` or `center`."""
    fitted = fit(text, width)
    space = width - cell_len(fitted)
    if align == "right":
        return " " * space + fitted
    if align == "center":
        return " " * (space // 2) + fitted + " " * (space - space // 2)
    return fitted + " " * space


@lru_cache(maxsize=8192)
def is_look_alike(symbol: str) -> bool:
    """Whether `symbol` mixes Latin letters with Cyrillic or Greek ones, which can look the same."""
    if symbol.isascii():
        return False
    scripts = {unicodedata.name(char, "?").split(" ", 1)[0] for char in symbol if char.isalpha()}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK"})
