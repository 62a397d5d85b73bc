"""The CSV of `prism scan`: one line per row, candidates by rank, then the vetoed rows.

Called by the headless commands. Text from a venue must be guarded against spreadsheets that run cells as formulas
(CWE-1236); numbers are our own and stay numbers. An empty cell is an unknown value.
"""

from __future__ import annotations

import csv
import io
import math
from typing import Final

from engine.documents import SIDES, board_in_force
from engine.prism.board import FACES
from engine.ranking.result import LevelStatus
from engine.ranking.words import veto_text
from engine.snapshot import Snapshot

COLUMNS: Final = (
    "rank", "venue", "symbol", "asset", "side", "score", "conviction", "coverage", "price", "spread_bps", *FACES,
    "levels", "entry", "stop", "tp1", "tp2", "tp3", "r", "atr", "atr_timeframe", "reward_risk_tp2_net", "reason",
)  # fmt: skip

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def scan_csv(snapshot: Snapshot, top: int | None = None) -> str:
    """A heading and one line per row, ended by `\\n`; `top` limits the candidates, never the vetoed rows."""
    ranking = snapshot.ranking
    shown = ranking.candidates if top is None else ranking.candidates[: max(0, top)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, row in enumerate(shown.tolist(), 1):
        writer.writerow([rank, *_cells(snapshot, row), ""])
    for row in ranking.vetoed.tolist():
        writer.writerow(["", *_cells(snapshot, row), veto_text(ranking, row) or ""])
    return out.getvalue()


def guarded(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula: with an apostrophe before one of `FORMULA_STARTS`."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def _cells(snapshot: Snapshot, row: int) -> list[str]:
    one, ranking, board = snapshot.instruments[row], snapshot.ranking, board_in_force(snapshot)
    levels = ranking.levels
    return [
        guarded(one.venue),
        guarded(one.symbol),
        guarded(one.asset),
        SIDES[int(ranking.side[row])] or "",
        *map(_figure, (board.prism[row], ranking.conviction[row], board.coverage[row])),
        *map(_figure, (snapshot.columns.last[row], snapshot.columns.spread_bps[row], *board.face_score[row])),
        LevelStatus(int(levels.status[row])).name.lower(),
        *map(_figure, (levels.entry[row], levels.stop[row], *levels.target[row], levels.risk[row], levels.atr[row])),
        levels.atr_timeframe,
        _figure(levels.reward_risk_net[row, 1]),
    ]


def _figure(value: float) -> str:
    plain = float(value)
    return repr(plain + 0.0) if math.isfinite(plain) else ""
