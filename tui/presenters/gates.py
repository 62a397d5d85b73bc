"""A preset's gates for one symbol, in words: `✗ spread 34 bp > 20 bp`.

Called by the prism pane, the symbol's screen and the explanation.
"""

from __future__ import annotations

from typing import Final

from engine.ranking import words
from engine.ranking.result import GATES, Ranking
from tui.presenters.lines import Line

WIDTH: Final = 35
"""Cells that hold every gate whole: `✗ depth within 1 % unknown`, `✓ depth within 1 % $147k ≥ $100k`."""


def gate_text(ranking: Ranking, row: int, number: int) -> str:
    """One gate with its value and limit: `spread 34 bp > 20 bp`."""
    value, limit = float(ranking.gate_value[row, number]), float(ranking.gate_limit[number])
    return words.gate_text(GATES[number][0], bool(ranking.gate_passed[row, number]), value, limit)


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
