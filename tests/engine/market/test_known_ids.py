"""Trade ids are remembered as a plain list of the newest would remember them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.known_ids import GENERATION, SLOTS, KnownIds

ROWS = 3
IDS = st.one_of(st.integers(0, 40).map(str), st.uuids().map(str), st.text(min_size=1, max_size=5))


def known_ids(rows: int = ROWS) -> KnownIds:
    ids = KnownIds()
    for _ in range(rows):
        ids.add_row(rows)
    return ids


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, ROWS - 1), IDS), max_size=300))
def test_an_id_is_new_once_in_its_row(sent: list[tuple[int, str]]) -> None:
    ids, had = known_ids(), [set[str]() for _ in range(ROWS)]
    for row, one in sent:
        assert ids.knows(row, one) == (one in had[row])
        assert ids.take(row, one) == (one not in had[row])
        had[row].add(one)


def test_at_least_one_and_at_most_two_generations_are_remembered() -> None:
    ids = known_ids()
    for i in range(5 * GENERATION):
        assert ids.take(1, str(i))
        assert ids.knows(1, str(max(0, i - GENERATION))), f"the {GENERATION} before {i} are known"
        assert i < 2 * GENERATION or not ids.knows(1, str(i - 2 * GENERATION))
    assert not any(ids.knows(row, "4999") for row in (0, 2)), "each row has its own"


def test_ids_that_want_the_same_slot_are_told_apart() -> None:
    wanted = [text for text in map(str, range(400_000)) if hash(text) % SLOTS == SLOTS - 1][:100]
    ids = known_ids()
    for at, one in enumerate(wanted):
        assert ids.take(0, one), "the table goes on at its beginning"
        assert all(ids.knows(0, earlier) for earlier in wanted[: at + 1])
        assert not any(ids.knows(0, later) for later in wanted[at + 1 :])
    assert not ids.knows(1, wanted[0])


def test_rows_that_come_later_leave_the_earlier_as_they_are() -> None:
    ids = known_ids(1)
    for i in range(GENERATION + 5):
        ids.take(0, str(i))
    ids.add_row(64)
    assert [ids.knows(0, str(i)) for i in (0, 5, GENERATION + 4, GENERATION + 5)] == [True, True, True, False]
    assert not ids.knows(1, "0")
