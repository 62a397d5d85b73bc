"""Amounts as text: significant digits without an exponent, and dollars with a unit.

Used wherever the engine puts a figure into a sentence: gates, readings, traps. The console has its own, which fit into
the cells of a table.
"""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("B", 1e9), ("M", 1e6), ("k", 1e3))


def usd_text(value: float, digits: int = 3) -> str:
    """Dollars with `digits` significant digits and a unit: `$54.3k`, `$3.2M`, `-$1.25B`."""
    sign, size = "-" if value < 0 else "", abs(value)
    for letter, unit in _UNITS:
        # 999 700 is $1M in three digits: the unit is that of the rounded value.
        if float(f"{size / unit:.{digits}g}") >= 1.0:
            return f"{sign}${significant(size / unit, digits)}{letter}"
    return f"{sign}${significant(size, digits)}"


def significant(value: float, digits: int) -> str:
    """`value` with `digits` significant digits, but all digits before the point, and no exponent."""
    if abs(value) >= 10.0**digits:
        return f"{value:.0f}"
    text = f"{value:.{digits}g}"
    return f"{float(text):.12f}".rstrip("0").rstrip(".") if "e" in text else text
