"""History of each score's components, recorded whenever the score has moved, to explain a change by its causes.

Owned by `engine.pipeline`, which passes in every scan's board. Kept by row for the life of an epoch; nothing is scored
from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Ints
from engine.prism.board import COMPONENT_NAMES, FACE_OF, FACES, Board
from engine.prism.verdict import Mover, points

STEP: Final = 2.0
"""Points a score must have moved before it is recorded again: finer is noise, coarser blurs the moment."""
KEPT: Final = 48
"""Entries kept per row. A straight 10-point move takes at most 5; 48 leave room for a score that wanders."""
FAR: Final = 10.0
"""Distance in points at which an earlier score is a different verdict."""


@dataclass(frozen=True, slots=True)
class Change:
    """Since when, from which score and by which components a score has changed."""

    at_ms: int
    """Event time of the newest recorded score at least `FAR` points away."""
    score: float
    movers: tuple[Mover, ...]
    """Change of each component's points since then, the largest first; they sum to the change of the score."""


class Past:
    """Ring of recorded scores by row."""

    def __init__(self) -> None:
        width = len(COMPONENT_NAMES)
        self._at_ms: Ints = np.zeros((0, KEPT), dtype=np.int64)
        self._score: Floats = np.zeros((0, KEPT))
        self._points: NDArray[np.float32] = np.zeros((0, KEPT, width), dtype=np.float32)
        self._next: Ints = np.zeros(0, dtype=np.int64)
        self._newest: Floats = np.zeros(0)

    def take(self, board: Board) -> None:
        """Record the rows that moved since they were last recorded; called once a scan."""
        self._grow(len(board.prism))
        with np.errstate(invalid="ignore"):
            moved = np.isfinite(board.prism) & ~(np.abs(board.prism - self._newest) < STEP)
        rows = np.flatnonzero(moved)
        if not rows.size:
            return
        place = self._next[rows] % KEPT
        self._at_ms[rows, place] = board.at_ms
        self._score[rows, place] = board.prism[rows]
        self._points[rows, place] = points(board, rows)
        self._next[rows] += 1
        self._newest[rows] = board.prism[rows]

    def change(self, board: Board, row: int) -> Change | None:
        """The change since the newest recorded score at least `FAR` points from the present one, if there is one."""
        if row >= len(self._next) or not np.isfinite(board.prism[row]):
            return None
        held = min(int(self._next[row]), KEPT)
        for back in range(1, held + 1):
            place = int(self._next[row] - back) % KEPT
            score = float(self._score[row, place])
            if abs(score - float(board.prism[row])) >= FAR:
                change = points(board, np.array([row]))[0] - self._points[row, place]
                found = [
                    Mover(FACES[face], name, float(moved))
                    for name, face, moved in zip(COMPONENT_NAMES, FACE_OF, change, strict=True)
                ]
                found.sort(key=lambda mover: (-abs(mover.points), mover.component))
                return Change(int(self._at_ms[row, place]), score, tuple(found))
        return None

    def _grow(self, rows: int) -> None:
        held = len(self._next)
        if rows <= held:
            return
        if rows > len(self._at_ms):
            # Doubled, so that a market filling up row by row does not copy everything each time.
            room = max(rows, 2 * held)
            at_ms, score = np.zeros((room, KEPT), dtype=np.int64), np.zeros((room, KEPT))
            kept = np.zeros((room, KEPT, len(COMPONENT_NAMES)), dtype=np.float32)
            at_ms[:held], score[:held], kept[:held] = self._at_ms[:held], self._score[:held], self._points[:held]
            self._at_ms, self._score, self._points = at_ms, score, kept
        self._next = np.concatenate([self._next, np.zeros(rows - held, dtype=np.int64)])
        self._newest = np.concatenate([self._newest, np.full(rows - held, np.nan)])
