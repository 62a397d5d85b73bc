"""The account adds up: the published example, then any readings with anything missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.config.presets import FACE_WEIGHTS
from engine.prism.account import FaceAccounts, face_shares, reweigh, settle, settle_faces
from engine.prism.board import COMPONENT_NAMES, COMPONENTS, FACES, Board, Reading, Status

SCORES = (55.78, 59.93, 43.90, 48.52, 38.05, 27.20)
WEIGHTS = (0.20, 0.15, 0.20, 0.15, 0.15, 0.15)
DIVERGENCES = (6.0, 4.0, 0.0, -3.0, 0.0, 0.0)


def one_face(
    score: NDArray[np.float64], divergence: NDArray[np.float64], counts: NDArray[np.bool_], shares: tuple[float, ...]
) -> FaceAccounts:
    return settle_faces(score, divergence, counts, np.array(shares), [slice(0, len(shares))])


def test_published_example_reproduces() -> None:
    raw = np.array([SCORES]) - np.array([DIVERGENCES])  # the published scores already hold their divergence
    face = one_face(raw, np.array([DIVERGENCES]), np.ones((1, 6), dtype=bool), WEIGHTS)
    assert np.allclose(face.adjusted[0], SCORES)
    printed = np.round(face.impact[0], 1)
    assert printed.tolist() == [11.2, 9.0, 8.8, 7.3, 5.7, 4.1]
    assert printed.sum() == pytest.approx(46.10)  # the published face is the sum of the impacts as printed
    assert face.score[0, 0] == pytest.approx(45.991)  # unrounded; six roundings of 0.05 account for the difference
    assert face.divergence[0, 0] == pytest.approx(7.0)
    assert face.coverage[0, 0] == 1.0


def made(rng: np.random.Generator, rows: int, missing: float, edges: float) -> dict[str, Reading]:
    readings = {}
    for name in COMPONENT_NAMES:
        status = np.where(rng.random(rows) < missing, rng.integers(1, 4, rows), 0).astype(np.int8)
        score = np.where(rng.random(rows) < edges, rng.choice([0.0, 50.0, 100.0], rows), rng.uniform(0, 100, rows))
        divergence = rng.uniform(-10, 10, rows)
        readings[name] = Reading(
            raw=score,
            unit="x",
            score=np.where(status == Status.OK, score, np.nan),
            status=status,
            divergence=None if name == "trade_flow" else np.where(status == Status.OK, divergence, np.nan),
        )
    return readings


def assert_adds_up(board: Board) -> None:
    counts = board.status == Status.OK
    start = 0
    for place, face in enumerate(FACES):
        own = slice(start, start + len(COMPONENTS[face]))
        start = own.stop
        any_ok = counts[:, own].any(axis=1)
        score = board.face_score[:, place]
        assert np.array_equal(np.isfinite(score), any_ok)
        assert np.abs(board.impact[:, own].sum(axis=1) - np.nan_to_num(score)).max() < 1e-9
        weight = board.weight[:, own].sum(axis=1)
        assert np.abs(weight - any_ok).max() < 1e-9
        nominal = np.array(list(COMPONENTS[face].values()))
        assert np.abs(board.face_coverage[:, place] - (nominal * counts[:, own]).sum(axis=1)).max() < 1e-9
        assert np.abs(board.face_divergence[:, place] - board.divergence[:, own].sum(axis=1)).max() < 1e-9
    scored = np.isfinite(board.prism)
    assert np.array_equal(scored, counts.any(axis=1))
    assert np.abs(board.face_impact.sum(axis=1) - np.nan_to_num(board.prism)).max() < 1e-9
    assert np.abs(board.face_weight.sum(axis=1) - scored).max() < 1e-9
    for values in (board.score, board.adjusted, board.face_score, board.prism, board.impact):
        known = values[np.isfinite(values)]
        assert known.size == 0 or (known.min() >= 0.0 and known.max() <= 100.0)
    assert board.coverage.min() >= 0.0
    assert board.coverage.max() <= 1.0
    assert np.all(board.weight[~counts] == 0.0)
    assert np.all(board.impact[~counts] == 0.0)
    assert np.all(board.divergence[~counts] == 0.0)
    assert np.array_equal(np.isnan(board.adjusted), ~counts)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 12),
    missing=st.sampled_from([0.0, 0.2, 0.6, 0.95, 1.0]),
    edges=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_everything_adds_up_whatever_is_missing(seed: int, rows: int, missing: float, edges: float) -> None:
    rng = np.random.default_rng(seed)
    board = settle(5, made(rng, rows, missing, edges), FACE_WEIGHTS)
    assert_adds_up(board)
    shares = rng.dirichlet(np.ones(6))
    other = reweigh(board, dict(zip(FACES, shares.tolist(), strict=True)))
    assert_adds_up(other)
    nominal = np.concatenate(
        [share * np.array(list(COMPONENTS[f].values())) for f, share in zip(FACES, shares, strict=True)]
    )
    assert np.abs(other.coverage - (nominal * (board.status == 0)).sum(axis=1)).max() < 1e-9


def test_weights_of_what_is_left_keep_their_proportions() -> None:
    face = one_face(
        np.array([[80.0, 20.0, np.nan]]), np.zeros((1, 3)), np.array([[True, True, False]]), (0.35, 0.35, 0.30)
    )
    assert face.weight[0].tolist() == [0.5, 0.5, 0.0]
    assert face.score[0, 0] == 50.0
    assert face.coverage[0, 0] == pytest.approx(0.7)


def test_divergence_cannot_leave_the_scale() -> None:
    face = one_face(np.array([[97.0, 2.0]]), np.array([[8.0, -9.0]]), np.ones((1, 2), dtype=bool), (0.5, 0.5))
    assert face.adjusted[0].tolist() == [100.0, 0.0]
    assert face.divergence[0, 0] == -1.0


def test_a_face_without_weight_adds_nothing_and_alone_makes_no_score() -> None:
    readings = made(np.random.default_rng(1), 2, 0.0, 0.0)
    for name in COMPONENT_NAMES:
        if name not in COMPONENTS["sentiment"]:
            nothing = np.full(2, np.nan)
            readings[name] = replace(
                readings[name], score=nothing, divergence=None, status=np.full(2, Status.MISSING, dtype=np.int8)
            )
    weights = dict.fromkeys(FACES, 0.2) | {"sentiment": 0.0}
    board = settle(5, readings, weights)
    assert np.isnan(board.prism).all()
    assert np.isfinite(board.face_score[:, 5]).all()
    assert board.coverage.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, -0.001, 100.001, np.inf])
def test_a_false_ok_is_refused_by_name(bad: float) -> None:
    readings = made(np.random.default_rng(2), 3, 0.0, 0.0)
    score = readings["cmf"].score.copy()
    score[1] = bad
    with pytest.raises(ValueError, match="component cmf, row 1: status is OK but the score is"):
        settle(5, readings | {"cmf": replace(readings["cmf"], score=score)}, FACE_WEIGHTS)


def test_a_score_beside_a_refusal_is_refused() -> None:
    readings = made(np.random.default_rng(2), 2, 0.0, 0.0)
    status = np.array([0, Status.STALE], dtype=np.int8)
    with pytest.raises(ValueError, match="component rsi, row 1: status is STALE but there is a score"):
        settle(5, readings | {"rsi": replace(readings["rsi"], status=status)}, FACE_WEIGHTS)


def test_an_unknown_divergence_is_refused() -> None:
    readings = made(np.random.default_rng(2), 2, 0.0, 0.0)
    with pytest.raises(ValueError, match="component ao, row 0: status is OK but the divergence"):
        settle(5, readings | {"ao": replace(readings["ao"], divergence=np.array([np.nan, 1.0]))}, FACE_WEIGHTS)


def test_an_absent_component_is_named() -> None:
    readings = made(np.random.default_rng(2), 2, 0.0, 0.0)
    del readings["vwap"]
    with pytest.raises(ValueError, match="vwap"):
        settle(5, readings, FACE_WEIGHTS)


@pytest.mark.parametrize(
    "weights",
    [
        dict.fromkeys(FACES, 0.2),
        {face: 1 / 6 for face in FACES if face != "volume"},
        dict.fromkeys(FACES, 1 / 6) | {"extra": 0.0},
        dict.fromkeys(FACES, 0.4) | {"volume": -1.0},
        {face: float("nan") for face in FACES},
    ],
)
def test_face_weights_that_are_no_shares_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="face weights"):
        face_shares(weights)


def test_default_weights_sum_to_one() -> None:
    assert sum(FACE_WEIGHTS.values()) == pytest.approx(1.0, abs=1e-12)
    for face in FACES:
        assert sum(COMPONENTS[face].values()) == pytest.approx(1.0, abs=1e-12)
