"""Gates in words: `spread 34 bp > 20 bp`. Used by the documents, the headless tables and the console.

Pure functions of a gate's figures; nothing here decides whether a gate passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from engine.figures import significant, usd_text
from engine.ranking.gates import CEILINGS, GATE_INDEX, GATE_NAMES
from engine.ranking.result import Ranking

MOST_DIGITS: Final = 12
"""More digits than values that differ by over `engine.ranking.gates.ROUNDING` need."""

_SIGNS: Final = {(True, True): "≤", (True, False): ">", (False, True): "≥", (False, False): "<"}
"""By (gate is a ceiling, it passed)."""


def _decimals(value: float, digits: int) -> str:
    """`value` with one decimal at two digits, and one more for each further digit, without zeros at the end."""
    return f"{value:.{digits - 1}f}".rstrip("0").rstrip(".")


def _down(value: float, decimals: int) -> str:
    """`value` rounded down to `decimals`, as the table shows coverage: 99.6 % of the data must not become 100 %."""
    scale = 10.0**decimals
    text = f"{math.floor(value * scale + 1e-9) / scale:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


_FIGURES: Final[dict[str, tuple[str, Callable[[float, int], str]]]] = {
    "age": ("age of prices", lambda value, digits: f"{significant(value, digits)} s"),
    "conviction": ("conviction", _decimals),
    "coverage": ("coverage", lambda value, digits: f"{_down(value * 100, digits - 2)} %"),
    "faces": ("faces agreeing", significant),
    "spread": ("spread", lambda value, digits: f"{significant(value, digits)} bp"),
    "depth": ("depth within 1 %", usd_text),
    "volume_24h": ("24h volume", usd_text),
    "reward_risk": ("reward/risk net, now", significant),
    "persistence": ("scans in a row", significant),
}
"""By gate: its name in words, and a function that formats its figure. Reward/risk is that of an entry now, while the
levels shown beside it may be fixed."""


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
    if value != value:
        return f"{name} unknown, none asked" if passed else f"{name} unknown"
    sign = _SIGNS[gate in CEILINGS, passed]
    for digits in range(2, MOST_DIGITS + 1):
        left, right = write(value, digits), write(limit, digits)
        if left != right or value == limit:
            break
    return f"{name} {left} {sign} {right}"


def veto_gate(ranking: Ranking, row: int) -> str | None:
    """Name of the first gate the row failed; None for one that passed all."""
    return next((name for name in GATE_NAMES if not ranking.gate_passed[row, GATE_INDEX[name]]), None)


def veto_text(ranking: Ranking, row: int) -> str | None:
    """Why the row is no candidate, in words; None if it passed all gates.

    If reward/risk is unknown because there are no levels, the text includes the reason.
    """
    gate = veto_gate(ranking, row)
    if gate is None:
        return None
    place = GATE_INDEX[gate]
    value, limit = float(ranking.gate_value[row, place]), float(ranking.gate_limit[place])
    text = gate_text(gate, False, value, limit)
    reason = ranking.levels.notes.get(row)
    return f"{text}: {reason}" if gate == "reward_risk" and value != value and reason else text
