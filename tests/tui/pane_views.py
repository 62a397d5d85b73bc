"""Pictures as the panes are handed them, with what a test wants changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np

from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, Board, Status
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tui.presenters.view import View

ROWS = 16
NAMES = [(face, name) for face in FACES for name in COMPONENTS[face]]


def view_of(snapshot: Snapshot, row: int = 0, **changes: Any) -> View:
    return View(replace(snapshot, **changes), row, snapshot.at_ms, UTC)


def with_focus(snapshot: Snapshot, **changes: Any) -> Snapshot:
    assert snapshot.focus is not None
    return replace(snapshot, focus=replace(snapshot.focus, **changes))


def one_face(scores: list[float], divergences: list[float], weights: list[float]) -> Board:
    """A board whose technical face holds these components."""
    board = make_snapshot(2).board
    index = [COMPONENT_INDEX[name] for name in COMPONENTS["technical"]]
    arrays = {
        name: getattr(board, name).copy()
        for name in ("score", "divergence", "adjusted", "weight", "impact", "status", "face_score", "face_divergence")
    }
    arrays["score"][0, index] = np.array(scores) - np.array(divergences)
    arrays["divergence"][0, index] = divergences
    arrays["adjusted"][0, index] = scores
    arrays["weight"][0, index] = weights
    arrays["impact"][0, index] = np.array(scores) * np.array(weights)
    arrays["status"][0, index] = Status.OK
    arrays["face_score"][0, 0] = float((np.array(scores) * np.array(weights)).sum())
    arrays["face_divergence"][0, 0] = float(sum(divergences))
    return replace(board, **arrays)
