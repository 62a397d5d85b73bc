"""A memo computes what changed and nothing else, and what it once answered never changes."""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats
from engine.prism.row_memo import Memory, Part, RowMemo


class Sums:
    """Row sums of `values`, noting how many rows were computed."""

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.computed: list[int] = []

    def __call__(self, part: Part) -> tuple[Floats]:
        chosen = self.values[part]
        self.computed.append(len(chosen))
        return (chosen.sum(axis=1),)


def test_only_changed_rows_are_computed() -> None:
    memo, work = RowMemo(), Sums(np.arange(12.0).reshape(4, 3))
    assert memo.of((work.values,), work)[0].tolist() == [3.0, 12.0, 21.0, 30.0]
    memo.of((work.values,), work)
    work.values = work.values.copy()
    work.values[2, 1] = 0.0
    assert memo.of((work.values,), work)[0].tolist() == [3.0, 12.0, 14.0, 30.0]
    assert work.computed == [4, 1]


def test_a_column_written_in_place_is_noticed() -> None:
    memo, work = RowMemo(), Sums(np.ones((3, 2)))
    memo.of((work.values,), work)
    work.values[1] = 5.0
    assert memo.of((work.values,), work)[0].tolist() == [2.0, 10.0, 2.0]


def test_what_nobody_can_write_to_is_known_by_itself() -> None:
    memo, work = RowMemo(), Sums(np.ones((3, 2)))
    work.values.flags.writeable = False
    memo.of((work.values,), work)
    memo.of((work.values,), work)
    assert work.computed == [3]
    work.values = work.values.copy()
    work.values[1] = 4.0
    work.values.flags.writeable = False
    assert memo.of((work.values,), work)[0].tolist() == [2.0, 8.0, 2.0]
    # And from then on a column that can be written to, which is compared with what the frozen one held.
    work.values = work.values.copy()
    memo.of((work.values,), work)
    work.values[0] = 9.0
    assert memo.of((work.values,), work)[0].tolist() == [18.0, 8.0, 2.0]
    assert work.computed == [3, 1, 1]


def test_a_view_of_what_can_be_written_to_is_compared() -> None:
    memo, held = RowMemo(), np.ones((3, 2))
    work = Sums(held[:])
    work.values.flags.writeable = False
    memo.of((work.values,), work)
    held[2] = 3.0
    assert memo.of((work.values,), work)[0].tolist() == [2.0, 2.0, 6.0]


def test_what_was_answered_stands_when_rows_change() -> None:
    memo, work = RowMemo(), Sums(np.ones((3, 2)))
    (before,) = memo.of((work.values,), work)
    work.values[0] = 7.0
    (after,) = memo.of((work.values,), work)
    assert (before.tolist(), after.tolist()) == ([2.0, 2.0, 2.0], [14.0, 2.0, 2.0])


def test_what_is_not_known_equals_itself() -> None:
    memo, work = RowMemo(), Sums(np.full((3, 2), np.nan))
    memo.of((work.values,), work)
    memo.of((work.values.copy(),), work)
    assert work.computed == [3]


def test_any_key_counts_and_so_does_the_number_of_rows() -> None:
    memo, work = RowMemo(), Sums(np.ones((3, 2)))
    late = np.array([False, False, False])
    memo.of((work.values, late), work)
    memo.of((work.values, np.array([False, True, False])), work)
    work.values = np.ones((4, 2))
    memo.of((work.values, np.zeros(4, dtype=np.bool_)), work)
    assert work.computed == [3, 1, 4]


def test_no_rows_are_no_trouble() -> None:
    memo, work = RowMemo(), Sums(np.ones((0, 2)))
    for _ in range(2):
        assert memo.of((work.values,), work)[0].shape == (0,)


def test_a_new_epoch_forgets() -> None:
    memory, work = Memory(), Sums(np.ones((2, 2)))
    for epoch in (1, 1, 2):
        memory.enter(epoch)
        memory["sums"].of((work.values,), work)
    assert work.computed == [2, 2]
