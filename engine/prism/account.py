"""The account of the score: from the components' readings to faces and prism, so that everything adds up.

Called by `engine.prism.score` once a scan, and by whoever wants the same components under other face
weights (`reweigh`). Pure arithmetic over rows: no market data, no state, no formula of any component.

    adjusted = clip(score + divergence, 0, 100)    impact = weight in force * adjusted
    face     = sum of its impacts                  prism  = sum of weight in force * face

Only OK components count; weights are renormalised over them, then over the faces that have a score.
Sums run component by component, so that a row's figures do not depend on the other rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.market.view import Bools, Floats
from engine.prism.board import COMPONENT_NAMES, COMPONENTS, FACES, Board, Reading, Status


@dataclass(frozen=True, slots=True)
class FaceAccount:
    """One face, settled: `[rows, components]` and `[rows]`."""

    adjusted: Floats
    """NaN where the component does not count."""
    weight: Floats
    """In force; 0 where the component does not count, sums to 1 where any does."""
    impact: Floats
    score: Floats
    """NaN where no component counts."""
    divergence: Floats
    """Sum over the components that count."""
    coverage: Floats
    """Share of the nominal weight that counts."""


def _row_sum(columns: Floats) -> Floats:
    total = np.zeros(columns.shape[0])
    for i in range(columns.shape[1]):
        total = total + columns[:, i]
    return total


def _in_force(nominal: Sequence[float], counts: Bools) -> tuple[Floats, Floats]:
    """Renormalised weights `[rows, n]` and the share of the nominal weight that counts `[rows]`."""
    shares = np.asarray(nominal, dtype=np.float64)
    held = np.where(counts, shares, 0.0)
    total = _row_sum(held)
    weight = np.divide(held, total[:, None], out=np.zeros(held.shape), where=total[:, None] > 0)
    whole = 0.0
    for share in shares.tolist():
        whole += share
    return weight, np.minimum(total / whole, 1.0)


def settle_face(score: Floats, divergence: Floats, counts: Bools, nominal: Sequence[float]) -> FaceAccount:
    """Settle one face.

    `score`, `divergence` and `counts` (whether the component is OK) are `[rows, n]`, `nominal` the n weights of
    the components, above zero, of any sum. Values of components that do not count are not read.
    """
    offset = np.where(counts, divergence, 0.0)
    adjusted = np.where(counts, np.clip(np.where(counts, score, 0.0) + offset, 0.0, 100.0), np.nan)
    weight, coverage = _in_force(nominal, counts)
    impact = weight * np.where(counts, adjusted, 0.0)
    total = np.minimum(_row_sum(impact), 100.0)  # a sum of rounded weights may exceed 1 by one bit
    return FaceAccount(
        adjusted=adjusted,
        weight=weight,
        impact=impact,
        score=np.where(counts.any(axis=1), total, np.nan),
        divergence=_row_sum(offset),
        coverage=coverage,
    )


def check(name: str, reading: Reading, rows: int) -> None:
    """Raise ValueError, naming the component and row, where a reading breaks the contract of `Reading`."""
    for label, values in (("raw", reading.raw), ("score", reading.score), ("status", reading.status)):
        if values.shape != (rows,):
            raise ValueError(f"component {name}: {label} has shape {values.shape}, expected ({rows},)")
    counts = reading.status == Status.OK
    sound = (reading.score >= 0.0) & (reading.score <= 100.0)
    if (bad := counts & ~sound).any():
        row = int(np.argmax(bad))
        raise ValueError(f"component {name}, row {row}: status is OK but the score is {reading.score[row]}")
    if (bad := ~counts & ~np.isnan(reading.score)).any():
        row = int(np.argmax(bad))
        word = Status(int(reading.status[row])).name
        raise ValueError(f"component {name}, row {row}: status is {word} but there is a score")
    if reading.divergence is not None and (bad := counts & ~np.isfinite(reading.divergence)).any():
        raise ValueError(f"component {name}, row {int(np.argmax(bad))}: status is OK but the divergence is not known")


def face_shares(face_weights: Mapping[str, float]) -> tuple[float, ...]:
    """The weights in the order of `FACES`; ValueError unless all six are named, none negative, and they sum to 1."""
    if set(face_weights) != set(FACES):
        raise ValueError(f"face weights: expected {', '.join(FACES)}, got {', '.join(sorted(face_weights))}")
    shares = tuple(float(face_weights[face]) for face in FACES)
    if not all(share >= 0.0 for share in shares) or abs(sum(shares) - 1.0) > 1e-6:
        raise ValueError(f"face weights: expected shares of 0 or more that sum to 1, got {shares}")
    return shares


@dataclass(frozen=True, slots=True)
class _Fusion:
    weight: Floats
    impact: Floats
    prism: Floats
    coverage: Floats


def _fuse(face_score: Floats, face_coverage: Floats, shares: Sequence[float]) -> _Fusion:
    known = np.isfinite(face_score) & (np.asarray(shares) > 0)
    weight, _ = _in_force(shares, known)
    impact = weight * np.where(known, face_score, 0.0)
    total = np.minimum(_row_sum(impact), 100.0)
    return _Fusion(
        weight=weight,
        impact=impact,
        prism=np.where(known.any(axis=1), total, np.nan),
        coverage=np.minimum(_row_sum(face_coverage * np.asarray(shares)) / _row_sum(np.asarray([shares]))[0], 1.0),
    )


def settle(at_ms: int, readings: Mapping[str, Reading], face_weights: Mapping[str, float]) -> Board:
    """The board of one scan from the readings of all components.

    Raises ValueError where a component is absent or unknown, where a reading breaks its contract (see `check`) or
    where the face weights do (see `face_shares`): such a board would be false, and none is made.
    """
    if set(readings) != set(COMPONENT_NAMES):
        wrong = sorted(set(readings) ^ set(COMPONENT_NAMES))
        raise ValueError(f"readings: expected every component once; absent or unknown: {', '.join(wrong)}")
    shares = face_shares(face_weights)
    ordered = [readings[name] for name in COMPONENT_NAMES]
    rows = ordered[0].score.shape[0]
    for name, reading in zip(COMPONENT_NAMES, ordered, strict=True):
        check(name, reading, rows)
    status: NDArray[np.int8] = np.stack([one.status for one in ordered], axis=1).astype(np.int8, copy=False)
    score = np.stack([one.score for one in ordered], axis=1)
    nothing = np.zeros(rows)
    divergence = np.stack([nothing if one.divergence is None else one.divergence for one in ordered], axis=1)
    counts = status == Status.OK
    faces = _settle_faces(score, divergence, counts)
    face_score = np.stack([face.score for face in faces], axis=1)
    face_coverage = np.stack([face.coverage for face in faces], axis=1)
    fusion = _fuse(face_score, face_coverage, shares)
    untimed = np.full((rows, 3), np.nan)
    return Board(
        at_ms=at_ms,
        raw=np.stack([one.raw for one in ordered], axis=1),
        units=tuple(one.unit for one in ordered),
        score=score,
        divergence=np.where(counts, divergence, 0.0),
        adjusted=np.concatenate([face.adjusted for face in faces], axis=1),
        weight=np.concatenate([face.weight for face in faces], axis=1),
        impact=np.concatenate([face.impact for face in faces], axis=1),
        status=status,
        timeframes=np.stack([untimed if one.timeframes is None else one.timeframes for one in ordered], axis=1),
        face_score=face_score,
        face_weight=fusion.weight,
        face_impact=fusion.impact,
        face_divergence=np.stack([face.divergence for face in faces], axis=1),
        face_coverage=face_coverage,
        prism=fusion.prism,
        coverage=fusion.coverage,
        readings={name: readings[name] for name in COMPONENT_NAMES},
    )


def _settle_faces(score: Floats, divergence: Floats, counts: Bools) -> list[FaceAccount]:
    faces = []
    start = 0
    for face in FACES:
        nominal = tuple(COMPONENTS[face].values())
        own = slice(start, start + len(nominal))
        faces.append(settle_face(score[:, own], divergence[:, own], counts[:, own], nominal))
        start += len(nominal)
    return faces


def reweigh(board: Board, face_weights: Mapping[str, float]) -> Board:
    """The same components and faces under other face weights, without reading any data again."""
    fusion = _fuse(board.face_score, board.face_coverage, face_shares(face_weights))
    return replace(
        board,
        face_weight=fusion.weight,
        face_impact=fusion.impact,
        prism=fusion.prism,
        coverage=fusion.coverage,
    )
