"""What a score rests on: the components that move it most, and which of them would flip it.

Called by the documents and the console. Pure functions of a board, so the points add up to the score shown; no data is
read and nothing is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats, Ints
from engine.prism.board import COMPONENT_NAMES, FACE_OF, FACES, Board, Status


@dataclass(frozen=True, slots=True)
class Mover:
    """How far one component moves the score from 50."""

    face: str
    component: str
    points: float
    """face weight * component weight * (adjusted - 50); over all components they sum to prism - 50."""


@dataclass(frozen=True, slots=True)
class Flip:
    """The fewest components that, if neutral, would move the score to 50 or to the other side of it."""

    components: tuple[str, ...]
    """The one that moves it most first."""
    score: float
    """The score it would then have."""


def points(board: Board, rows: Ints) -> Floats:
    """`[rows, C]` points of every component, 0 if it does not count; a row's sum is its score less 50."""
    weight = board.face_weight[rows][:, list(FACE_OF)] * board.weight[rows]
    counts = board.status[rows] == int(Status.OK)
    return np.where(counts, weight * (np.where(counts, board.adjusted[rows], 50.0) - 50.0), 0.0)


def movers(board: Board, row: int) -> list[Mover]:
    """Every component that counts, the one that moves the score most first; ties by name."""
    held = points(board, np.array([row]))[0]
    found = [
        Mover(FACES[face], name, float(moved))
        for name, face, moved, status in zip(COMPONENT_NAMES, FACE_OF, held, board.status[row], strict=True)
        if status == Status.OK
    ]
    return sorted(found, key=lambda mover: (-abs(mover.points), mover.component))


def flip(found: Sequence[Mover], score: float) -> Flip | None:
    """The flip of `score`, from the movers that add up to it; None if it takes no side.

    Weights stay as they are: a neutral component counts at 50. A score is 50 plus its movers, so all of those on its
    side together always suffice.
    """
    side = 1 if score > 50.0 else -1 if score < 50.0 else 0
    if not side:
        return None
    left, chosen = score, []
    for mover in found:
        if mover.points * side > 0.0:
            chosen.append(mover.component)
            left -= mover.points
            if (left - 50.0) * side <= 1e-9:
                return Flip(tuple(chosen), left)
    return None
