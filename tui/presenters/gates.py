"""A preset's gates for one symbol, in words: `✗ spread 34bp > 20bp`.

Called by the prism pane, the symbol's screen and the explanation.
"""

from __future__ import annotations

from math import isnan
from typing import Final

from engine.ranking.result import GATES, Ranking
from tui.presenters.format import bps_text, usd_text
from tui.presenters.lines import Line

_AT_MOST: Final = frozenset({"spread"})
_TITLES: Final = {"volume_24h": "24h volume", "reward_risk": "reward/risk", "faces": "faces agreeing"}


def value_text(value: float, unit: str) -> str:
    """A gate's value or limit in its unit."""
    if isnan(value):
        return "not known"
    match unit:
        case "usd":
            return usd_text(value)
        case "bps":
            return bps_text(value)
        case "frac":
            return f"{value * 100:.0f}%"
        case "count" | "scans" | "scored":
            return f"{value:.0f}"
        case _:
            return f"{value:.2f}" if unit == "ratio" else f"{value:.1f}"


def gate_text(ranking: Ranking, row: int, number: int) -> str:
    """One gate with its value and limit: `spread 34bp > 20bp`."""
    name, unit = GATES[number]
    passed = bool(ranking.gate_passed[row, number])
    if name == "data":
        return "data: scored" if passed else "data: no score"
    value, limit = float(ranking.gate_value[row, number]), float(ranking.gate_limit[number])
    title = _TITLES.get(name, name)
    if isnan(value) and not passed:
        return f"{title} not known, {'at most' if name in _AT_MOST else 'at least'} {value_text(limit, unit)}"
    if isnan(value):
        return f"{title}: no limit"
    sign = ("≤" if passed else ">") if name in _AT_MOST else ("≥" if passed else "<")
    return f"{title} {value_text(value, unit)} {sign} {value_text(limit, unit)}"


def failed_gates(ranking: Ranking, row: int) -> list[str]:
    """The gates that stop this row, first the one that names the veto."""
    return [gate_text(ranking, row, g) for g in range(len(GATES)) if not ranking.gate_passed[row, g]]


def gate_lines(ranking: Ranking, row: int) -> list[Line]:
    """Every gate of the preset, passed or failed, with values."""
    passed = int(ranking.gate_passed[row].sum())
    lines: list[Line] = [((f"GATES · {ranking.preset}  {passed}/{len(GATES)} passed", "heading"),)]
    for number in range(len(GATES)):
        good = bool(ranking.gate_passed[row, number])
        mark = ("✓ ", "up") if good else ("✗ ", "down")
        lines.append((mark, (gate_text(ranking, row, number), "" if good else "strong")))
    return lines


def side_text(side: int) -> tuple[str, str]:
    """A side in words and its style."""
    return ("LONG", "up") if side > 0 else ("SHORT", "down") if side < 0 else ("NO SIDE", "muted")
