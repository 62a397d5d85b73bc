"""Notes made per combination equal notes made row by row; refusals keep their first reason; ranks ignore order."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.prism.board import Status
from engine.prism.draft import Draft, blend
from engine.prism.notes import Notes
from engine.prism.scales import rank_in_history, rank_in_universe


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 30))
def test_notes_equal_a_loop_over_rows(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    marks = rng.random((4, rows)) < 0.4
    values = rng.uniform(0.0, 5.0, rows)
    notes = Notes(rows)
    notes.add(marks[0], "first")
    notes.add_values(marks[1], values, 0.5, lambda v: f"at {v:.1f}")
    notes.add_absent(~marks[0], {"a": marks[2], "b": marks[3]})
    expected = {}
    for row in range(rows):
        said = ["first"] if marks[0, row] else []
        if marks[1, row]:
            said.append(f"at {np.floor(values[row] / 0.5) * 0.5:.1f}")
        absent = [name for name, mark in (("a", marks[2]), ("b", marks[3])) if mark[row] and not marks[0, row]]
        if absent:
            said.append("without " + ", ".join(absent))
        if said:
            expected[row] = "; ".join(said)
    built = notes.build()
    assert built == expected
    assert pickle.loads(pickle.dumps(built)) == expected


def test_a_row_keeps_the_first_reason_and_no_later_label() -> None:
    draft = Draft(3)
    draft.refuse(np.array([True, False, False]), Status.STALE, "old")
    draft.refuse(np.array([True, True, False]), Status.MISSING, "absent")
    draft.note(np.array([True, True, True]), "label")
    reading = draft.finish(np.zeros(3), "x", np.array([1.0, 2.0, 3.0]))
    assert reading.notes == {0: "old", 1: "absent", 2: "label"}
    assert reading.status.tolist() == [Status.STALE, Status.MISSING, Status.OK]
    assert np.array_equal(reading.score, [np.nan, np.nan, 3.0], equal_nan=True)


def test_blend_renormalises_over_what_is_known() -> None:
    nan = np.nan
    mixed = blend({"a": (0.75, np.array([10.0, nan, nan])), "b": (0.25, np.array([50.0, 50.0, nan]))})
    assert np.array_equal(mixed, [20.0, 50.0, nan], equal_nan=True)


def test_ranks_are_mid_ranks() -> None:
    values = np.array([1.0, 2.0, 2.0, 3.0, np.nan, 2.5])
    universe = np.array([True, True, True, True, True, False])
    ranks = rank_in_universe(values, universe)
    assert np.array_equal(ranks, [0.125, 0.5, 0.5, 0.875, np.nan, 0.75], equal_nan=True)
    assert np.isnan(rank_in_universe(values, np.zeros(6, dtype=bool))).all()
    history = np.array([[np.nan, 1.0, 2.0, 3.0, 3.0]])
    assert rank_in_history(np.array([3.0]), history)[0] == pytest.approx(0.75)


def test_words_are_made_when_asked_for_from_what_was_known_then() -> None:
    values = np.array([7.4, 8.6, 9.0])
    notes = Notes(3)
    notes.add_values(np.array([True, False, True]), values, 1.0, lambda v: f"at {v:.0f}")
    said = notes.build()
    values[:] = 0.0
    assert said.get(0) == "at 7"
    assert said.get(1) is None
    assert dict(said) == {0: "at 7", 2: "at 9"}
    assert [said.get(row) for row in (-1, 3)] == [None, None]


def test_words_travel_as_plain_text() -> None:
    notes = Notes(2)
    notes.add(np.array([False, True]), "late")
    carried = pickle.loads(pickle.dumps(notes.build()))
    assert type(carried) is dict
    assert carried == {1: "late"}
