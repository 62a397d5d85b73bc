"""A preset's gates for one symbol, in words: `✗ spread 34 bp > 20 bp`, and the side that a row is shown with.

Called by the prism pane, the symbol's screen and the explanation.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.prism.board import Board
from engine.ranking import words
from engine.ranking.result import GATES, Ranking
from tui.presenters.lines import Line

WIDTH: Final = 35
"""Cells that fit every gate: `✗ depth within 1 % unknown`, `✓ depth within 1 % $147k ≥ $100k`."""

FLAT_CONVICTION: Final = 2.0
"""Below this conviction a score is within 1 point of 50, which is no side to speak of."""
FAINT_CONVICTION: Final = 10.0
"""Below this conviction a row hardly has a side: its score is less than 5 points from neutral."""
LEAST_COVERAGE: Final = 0.25
"""Below this coverage a score rests on too little data to name a side."""
SIDES: Final[dict[float, tuple[str, str]]] = {1.0: ("LONG", "up"), -1.0: ("SHORT", "down"), 0.0: ("FLAT", "muted")}
NO_SIDE: Final = ("NO SIDE", "muted")


def shown_sides(ranking: Ranking, board: Board, rows: slice = slice(None)) -> Floats:
    """The side that each row is shown with: 1 long, -1 short, 0 flat, NaN none, for lack of a score or of data.

    A candidate is always shown with its side. The side of the ranking, which the documents hold, is the sign of the
    score alone.
    """
    side, passes = ranking.side[rows].astype(np.float64), ranking.gate_passed[rows].all(axis=1)
    side = np.where(passes | (ranking.conviction[rows] >= FLAT_CONVICTION), side, 0.0)
    known = ~np.isnan(board.prism[rows]) & (passes | (board.coverage[rows] >= LEAST_COVERAGE))
    return np.where(known, side, np.nan)


def side_text(ranking: Ranking, board: Board, row: int) -> tuple[str, str]:
    """A row's shown side in words and its style, which is grey if the row hardly has that side."""
    text, style = SIDES.get(float(shown_sides(ranking, board, slice(row, row + 1))[0]), NO_SIDE)
    return text, "muted" if ranking.conviction[row] < FAINT_CONVICTION else style


def gate_text(ranking: Ranking, row: int, number: int) -> str:
    """One gate with its value and limit: `spread 34 bp > 20 bp`."""
    value, limit = float(ranking.gate_value[row, number]), float(ranking.gate_limit[number])
    return words.gate_text(GATES[number][0], bool(ranking.gate_passed[row, number]), value, limit)


def failed_gates(ranking: Ranking, row: int) -> list[str]:
    """The gates that stop this row, in the order of `GATES`; the first one is named as the reason."""
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
