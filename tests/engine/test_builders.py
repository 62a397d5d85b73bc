"""The builders themselves: boards add up and snapshots are reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prism.board import FACE_OF
from tests.engine.builders import make_snapshot, make_view


@pytest.mark.parametrize("rows", [1, 3, 12, 40])
def test_a_snapshot_of_any_size_can_be_made(rows: int) -> None:
    snapshot = make_snapshot(rows)
    assert len(snapshot.instruments) == rows
    ranked = np.concatenate([snapshot.ranking.candidates, snapshot.ranking.vetoed])
    assert sorted(ranked.tolist()) == [row for row, i in enumerate(snapshot.instruments) if i.is_rankable]


def test_the_board_adds_up() -> None:
    board = make_snapshot(30).board
    for face in range(6):
        inside = np.array(FACE_OF) == face
        total = board.impact[:, inside].sum(axis=1)
        known = ~np.isnan(board.face_score[:, face])
        np.testing.assert_allclose(total[known], board.face_score[known, face])
    known = ~np.isnan(board.prism)
    assert 0 < known.sum() < 30
    np.testing.assert_allclose(board.face_impact.sum(axis=1)[known], board.prism[known])


def test_the_same_seed_gives_the_same_market() -> None:
    first, second, other = make_view(8, 3), make_view(8, 3), make_view(8, 4)
    np.testing.assert_array_equal(first.bars["5m"].close, second.bars["5m"].close)
    assert not np.array_equal(first.bars["5m"].close, other.bars["5m"].close)
