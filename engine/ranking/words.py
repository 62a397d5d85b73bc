"""Gates in words: `spread 34 bp > 20 bp`. Used by the documents, the headless tables and the console alike.

Pure functions of a gate's figures; nothing here decides whether a gate passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from engine.ranking.gates import CEILINGS, GATE_INDEX, GATE_NAMES
from engine.ranking.result import Ranking

MOST_DIGITS: Final = 12
"""More than `engine.ranking.gates.ROUNDING` leaves to tell apart."""

_SIGNS: Final = {(True, True): "≤", (True, False): ">", (False, True): "≥", (False, False): "<"}
"""By (gate is a ceiling, it passed)."""


def usd_text(value: float, digits: int = 3) -> str:
    """Dollars with `digits` significant digits and a unit: `$54.3k`, `$3.2M`, `$1.25B`."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"${_significant(value / size, digits)}{unit}"
    return f"${_significant(value, digits)}"


def _significant(value: float, digits: int) -> str:
    """`value` with `digits` significant digits, never fewer than stand before the point, and no exponent."""
    if abs(value) >= 10.0**digits:
        return f"{value:.0f}"
    text = f"{value:.{digits}g}"
    return f"{float(text):.12f}".rstrip("0").rstrip(".") if "e" in text else text


def _down(value: float, decimals: int) -> str:
    """`value` with so many decimals, downwards, as the table writes coverage: 99.6 % of the data is not all of it."""
    scale = 10.0**decimals
    text = f"{math.floor(value * scale + 1e-9) / scale:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


_FIGURES: Final[dict[str, tuple[str, Callable[[float, int], str]]]] = {
    "age": ("old prices", lambda value, digits: f"{_significant(value, digits)} s"),
    "conviction": ("conviction", _significant),
    "coverage": ("coverage", lambda value, digits: f"{_down(value * 100, digits - 2)} %"),
    "faces": ("faces agreeing", _significant),
    "spread": ("spread", lambda value, digits: f"{_significant(value, digits)} bp"),
    "depth": ("depth within 1 %", usd_text),
    "volume_24h": ("24h volume", usd_text),
    "reward_risk": ("reward/risk net", _significant),
    "persistence": ("scans in a row", _significant),
}
"""By gate: its name in words, and how a figure of it is written."""


def gate_title(gate: str) -> str:
    """A gate's name in words: `24h volume`."""
    return "score" if gate == "data" else _FIGURES[gate][0]


def gate_text(gate: str, passed: bool, value: float, limit: float) -> str:
    """One gate in words, e.g. `spread 34 bp > 20 bp` or `depth within 1 % unknown`.

    Digits are added until the two figures read differently, so that it never says `20 bp > 20 bp`.
    """
    if gate == "data":
        return "scored" if passed else "no score: no component has data"
    name, write = _FIGURES[gate]
    if value != value and gate == "age":
        return "no trade or quote yet"
    if value != value:
        return f"{name} unknown, none asked" if passed else f"{name} unknown"
    sign = _SIGNS[gate in CEILINGS, passed]
    for digits in range(2, MOST_DIGITS + 1):
        left, right = write(value, digits), write(limit, digits)
        if left != right or value == limit:
            break
    if gate == "age":
        return f"trade or quote {left} ago {sign} {right}" if passed else f"no trade or quote for {left} {sign} {right}"
    return f"{name} {left} {sign} {right}"


def veto_gate(ranking: Ranking, row: int) -> str | None:
    """Name of the first gate the row failed; None for one that passed all."""
    return next((name for name in GATE_NAMES if not ranking.gate_passed[row, GATE_INDEX[name]]), None)


def veto_text(ranking: Ranking, row: int) -> str | None:
    """Why the row is no candidate, in words; None where it is one.

    A reward/risk that is not known for want of levels says what the levels lack.
    """
    gate = veto_gate(ranking, row)
    if gate is None:
        return None
    place = GATE_INDEX[gate]
    value, limit = float(ranking.gate_value[row, place]), float(ranking.gate_limit[place])
    text = gate_text(gate, False, value, limit)
    reason = ranking.levels.notes.get(row)
    return f"{text}: {reason}" if gate == "reward_risk" and value != value and reason else text
