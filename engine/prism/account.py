"""The arithmetic of the score: from component readings to face scores and the prism score, so that all of it adds up.

Called by `engine.prism.score` once a scan, and by `engine.ranking.ranker` for other face weights (`reweigh`). Pure
arithmetic over rows: no market data, no state, no formula of any component.

    adjusted = clip(score + divergence, 0, 100)    impact = weight in force * adjusted
    face     = sum of its impacts                  prism  = sum of weight in force * face

Only OK components count; weights are renormalised over them, then over the faces that have a score. Sums run component
by component, so that a row's figures do not depend on the other rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.arrays import Bools, Floats
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, COMPONENTS, FACES, Board, Reading, Status


def _row_sum(columns: Floats) -> Floats:
    total = np.zeros(columns.shape[0])
    for column in columns.T:
        total = total + column
    return total


def _in_force(shares: Floats, counts: Bools, spans: Sequence[slice]) -> tuple[Floats, Floats]:
    """Weights `[rows, n]` renormalised within each span of columns, and each span's coverage, `[rows, spans]`."""
    held = np.where(counts, shares, 0.0)
    weight, coverage = np.zeros_like(held), np.empty((len(spans), len(held))).T
    for place, span in enumerate(spans):
        total = _row_sum(held[:, span])
        np.divide(held[:, span], total[:, None], out=weight[:, span], where=total[:, None] > 0)
        whole = 0.0
        for share in shares[span].tolist():
            whole += share
        coverage[:, place] = np.minimum(total / whole, 1.0)
    return weight, coverage


@dataclass(frozen=True, slots=True)
class FaceAccounts:
    """The figures of several faces side by side: by component `[rows, components]`, then by face `[rows, faces]`."""

    offset: Floats
    """Divergence of the components that count; 0 for the others."""
    adjusted: Floats
    """NaN if the component does not count."""
    weight: Floats
    """In force: 0 if the component does not count; the sum over a face is 1 if any of it does."""
    impact: Floats
    score: Floats
    """NaN if no component of the face counts."""
    divergence: Floats
    """Sum over the components of the face that count."""
    coverage: Floats
    """Share of the face's nominal weight that counts."""


def settle_faces(
    score: Floats, divergence: Floats, counts: Bools, shares: Floats, spans: Sequence[slice]
) -> FaceAccounts:
    """Compute faces whose components lie side by side.

    `score`, `divergence` and `counts` (whether the component is OK) are `[rows, n]`; `shares` has the n nominal
    weights, above zero, of any sum within a face; `spans` has the columns of each face. Values of components that do
    not count are not read.
    """
    offset = np.where(counts, divergence, 0.0)
    clipped = np.clip(np.where(counts, score, 0.0) + offset, 0.0, 100.0)
    weight, coverage = _in_force(shares, counts, spans)
    impact = weight * np.where(counts, clipped, 0.0)
    totals, offsets = np.empty((2, len(spans), len(score)))
    for place, span in enumerate(spans):
        total = np.minimum(_row_sum(impact[:, span]), 100.0)  # a sum of rounded weights may exceed 1 by one bit
        totals[place] = np.where(counts[:, span].any(axis=1), total, np.nan)
        offsets[place] = _row_sum(offset[:, span])
    return FaceAccounts(
        offset=offset,
        adjusted=np.where(counts, clipped, np.nan),
        weight=weight,
        impact=impact,
        score=totals.T,
        divergence=offsets.T,
        coverage=coverage,
    )


def check(name: str, reading: Reading, rows: int) -> None:
    """Raise ValueError, naming the component and row, if a reading breaks the contract of `Reading`."""
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
    nominal = np.asarray(shares, dtype=np.float64)
    known = np.isfinite(face_score) & (nominal > 0)
    weight, _ = _in_force(nominal, known, (slice(0, len(nominal)),))
    impact = weight * np.where(known, face_score, 0.0)
    total = np.minimum(_row_sum(impact), 100.0)
    return _Fusion(
        weight=weight,
        impact=impact,
        prism=np.where(known.any(axis=1), total, np.nan),
        coverage=np.minimum(_row_sum(face_coverage * nominal) / _row_sum(nominal[None, :])[0], 1.0),
    )


def _check_all(ordered: Sequence[Reading], rows: int, score: Floats, divergence: Floats, counts: Bools) -> None:
    """`check` every reading, but only if a fast test of all of them at once, `[C, rows]`, finds a fault."""
    sound = (score >= 0.0) & (score <= 100.0)
    broken = np.where(counts, ~sound | ~np.isfinite(divergence), ~np.isnan(score))
    if np.count_nonzero(broken):
        for name, reading in zip(COMPONENT_NAMES, ordered, strict=True):
            check(name, reading, rows)


def settle(at_ms: int, readings: Mapping[str, Reading], face_weights: Mapping[str, float]) -> Board:
    """The board of one scan from the readings of all components.

    Raises ValueError if a component is absent or unknown, a reading breaks its contract (see `check`) or the face
    weights are invalid (see `face_shares`): a board made from them would be false.
    """
    if readings.keys() != COMPONENT_INDEX.keys():
        wrong = sorted(set(readings) ^ set(COMPONENT_NAMES))
        raise ValueError(f"readings: expected every component once; absent or unknown: {', '.join(wrong)}")
    shares = face_shares(face_weights)
    ordered = [readings[name] for name in COMPONENT_NAMES]
    rows = ordered[0].score.shape[0]
    # Component-major in memory, because everything below runs over the rows of one component at a time.
    raw, score, divergence = np.zeros((3, len(ordered), rows))
    status = np.empty((len(ordered), rows), dtype=np.int8)
    timeframes = np.full((len(ordered), rows, 3), np.nan)
    for place, one in enumerate(ordered):
        if not one.raw.shape == one.score.shape == one.status.shape == (rows,):
            check(COMPONENT_NAMES[place], one, rows)
        raw[place], score[place], status[place] = one.raw, one.score, one.status
        if one.divergence is not None:
            divergence[place] = one.divergence
        if one.timeframes is not None:
            timeframes[place] = one.timeframes
    counts = status == int(Status.OK)
    _check_all(ordered, rows, score, divergence, counts)
    faces = settle_faces(score.T, divergence.T, counts.T, _NOMINAL, _SPANS)
    fusion = _fuse(faces.score, faces.coverage, shares)
    return Board(
        at_ms=at_ms,
        raw=raw.T,
        units=tuple(one.unit for one in ordered),
        score=score.T,
        divergence=faces.offset,
        adjusted=faces.adjusted,
        weight=faces.weight,
        impact=faces.impact,
        status=status.T,
        timeframes=timeframes.transpose(1, 0, 2),
        face_score=faces.score,
        face_weight=fusion.weight,
        face_impact=fusion.impact,
        face_divergence=faces.divergence,
        face_coverage=faces.coverage,
        prism=fusion.prism,
        coverage=fusion.coverage,
        readings={name: readings[name] for name in COMPONENT_NAMES},
    )


def _spans() -> tuple[slice, ...]:
    ends = np.cumsum([len(COMPONENTS[face]) for face in FACES]).tolist()
    return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))


_SPANS: Final = _spans()
"""Columns of each face's components."""
_NOMINAL: Final = np.array([weight for face in FACES for weight in COMPONENTS[face].values()])


def reweigh(board: Board, face_weights: Mapping[str, float]) -> Board:
    """The same components and faces under other face weights; no market data is read."""
    fusion = _fuse(board.face_score, board.face_coverage, face_shares(face_weights))
    return replace(
        board,
        face_weight=fusion.weight,
        face_impact=fusion.impact,
        prism=fusion.prism,
        coverage=fusion.coverage,
    )
