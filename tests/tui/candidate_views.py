"""Pictures with given candidates, and models that show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.ranking.gates import GATE_INDEX
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import layout
from tui.presenters.row import Key
from tui.presenters.view_state import ViewState

WIDE = layout(200)
BASE = make_snapshot(60, preset="relaxed")


def with_columns(snapshot: Snapshot, **changes: object) -> Snapshot:
    """`snapshot` with some market readings exchanged."""
    return replace(snapshot, sequence=snapshot.sequence + 1, columns=replace(snapshot.columns, **changes))  # type: ignore[arg-type]


def with_candidates(snapshot: Snapshot, rows: list[int], preset: str = "relaxed") -> Snapshot:
    """`snapshot` with these rows as candidates, in this order; all other rankable rows are gated."""
    old = snapshot.rankings[preset]
    rankable = [row for row in (*old.candidates, *old.vetoed) if row not in rows]
    passed = old.gate_passed.copy()
    passed[rows] = True
    passed[rankable, GATE_INDEX["depth"]] = False
    new = replace(
        old, candidates=np.array(rows, dtype=np.int64), vetoed=np.array(rankable, dtype=np.int64), gate_passed=passed
    )
    return replace(snapshot, sequence=snapshot.sequence + 1, rankings={**snapshot.rankings, preset: new})


def with_conviction(snapshot: Snapshot, values: dict[int, float], preset: str = "relaxed") -> Snapshot:
    """`snapshot` with these convictions, and these rows as the candidates in that order."""
    old = snapshot.rankings[preset]
    conviction = old.conviction.copy()
    for row, value in values.items():
        conviction[row] = value
    ranked = sorted(values, key=lambda row: -values[row])
    held = replace(snapshot, rankings={**snapshot.rankings, preset: replace(old, conviction=conviction)})
    return with_candidates(held, ranked, preset)


def rows_of(model: CandidatesModel, snapshot: Snapshot) -> list[int]:
    numbers = {Key(i.venue, i.symbol): row for row, i in enumerate(snapshot.instruments)}
    return [numbers[key] for key in model.order]


def key_of(snapshot: Snapshot, row: int) -> Key:
    return Key(snapshot.instruments[row].venue, snapshot.instruments[row].symbol)


def shown(snapshot: Snapshot, now_s: float = 0.0, **wishes: object) -> CandidatesModel:
    model = CandidatesModel(ViewState(**wishes))  # type: ignore[arg-type]
    model.update(snapshot, now_s)
    return model
