"""Trades that were left out of a numbered stream: what is a hole, what is none, and what an answer makes of one."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import NAN, Trade
from engine.market.tape import TOGETHER_MS, Lost, TapeStore
from engine.market.trade_numbers import ANEW, BEHIND, FALSE_HOLES, GRACE_MS, STRETCHES
from engine.market.universe import Universe
from tests.engine.market.market_events import T0, instrument, trade

LATER = T0 + 10**9


def store() -> TapeStore:
    universe = Universe()
    tape = TapeStore(universe, lambda row: NAN)
    universe.add(instrument())
    tape.add_row()
    return tape


def numbered(number: int, ts_ms: int | None = None, joined: int = 1) -> Trade:
    """A trade that comes a tenth of a second after the one before it."""
    made = trade(T0 + 100 * number if ts_ms is None else ts_ms, size=float(joined), ident=str(number))
    return msgspec.structs.replace(made, number=number, joined=joined)


def take(tape: TapeStore, *numbers: int) -> None:
    for number in numbers:
        tape.apply(0, numbered(number))


def at(number: int) -> int:
    return T0 + 100 * number


def test_what_is_left_out_is_lost_once_the_time_for_late_comers_is_over() -> None:
    tape = store()
    take(tape, 1, 2, 3, 7)
    assert tape.lost(at(7) + GRACE_MS - 1) == []
    assert tape.since_ms[0] == at(1)
    assert tape.lost(at(7) + GRACE_MS) == [Lost(0, 1, at(3), at(7))]
    assert tape.since_ms[0] == at(7)
    assert tape.lost(LATER) == []


def test_what_a_stream_joined_and_brought_too_late_is_not_taken_again_from_an_answer_that_lists_it_one_by_one() -> None:
    tape, whole = store(), store()
    take(tape, 1, 2, 3, 8)
    take(whole, *range(1, 9))
    assert tape.lost(LATER)
    for late in (numbered(5, joined=2), numbered(7, joined=2)):
        tape.apply(0, late)
    assert tape.fill(0, [numbered(n) for n in range(2, 9)])
    assert tape.view(at(8)).buy_usd.sum() == whole.view(at(8)).buy_usd.sum()


def test_the_answer_that_holds_what_was_lost_heals_it() -> None:
    tape, whole = store(), store()
    take(tape, 1, 2, 3, 7, 8)
    take(whole, *range(1, 9))
    (lost,) = tape.lost(LATER)
    assert not tape.fill(0, [numbered(n) for n in range(4, 9)]), "an answer that does not join what was had"
    assert tape.fill(0, [numbered(n) for n in range(2, 9)])
    assert tape.since_ms[0] == at(1)
    assert tape.view(at(8)).buy_usd.tolist() == whole.view(at(8)).buy_usd.tolist()
    assert lost.since_ms == at(3)
    take(tape, 9, 12)
    assert tape.lost(LATER) == [Lost(0, 1, at(9), at(12))]


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 3, 4, 5],
        [1, 2, 3, 2, 3, 4, 4, 5],
        [1, 3, 2, 4, 6, 5],
        [1, 2, 5, 6, 7, 3, 4, 5, 6, 7, 8],
        [1, 6, 3, 5, 4, 2, 7],
        [5, 4, 6],
        [5],
    ],
    ids=["in turn", "sent again", "places changed", "two connections", "all mixed", "older than the first", "alone"],
)
def test_these_are_no_holes(numbers: list[int]) -> None:
    tape = store()
    take(tape, *numbers)
    assert tape.lost(LATER) == []
    assert tape.since_ms[0] == at(numbers[0])


def test_joined_trades_stand_for_all_their_numbers() -> None:
    tape = store()
    for number, joined in ((10, 1), (13, 3), (14, 1), (20, 6)):
        tape.apply(0, numbered(number, joined=joined))
    assert tape.lost(LATER) == []
    tape.apply(0, numbered(25, joined=4))
    assert tape.lost(LATER) == [Lost(0, 1, at(20), at(25))]


def test_an_answer_that_tells_joined_trades_one_by_one_adds_only_what_was_lost() -> None:
    tape = store()
    for number, joined in ((10, 1), (13, 3), (20, 2)):
        tape.apply(0, numbered(number, joined=joined))
    (lost,) = tape.lost(LATER)
    assert tape.view(at(20)).buy_usd.sum() == 600.0
    singles = [numbered(n, at(13 if n in (11, 12) else 20 if n == 19 else n)) for n in range(10, 21)]
    assert tape.fill(0, singles)
    assert tape.view(at(20)).buy_usd.sum() == 100.0 * 11
    assert (lost.since_ms, lost.until_ms) == (at(13), at(20))


@pytest.mark.parametrize("first", [3, 1 + BEHIND])
def test_a_sequence_that_begins_anew_is_no_hole(first: int) -> None:
    tape = store()
    take(tape, 5_000_000, 5_000_001)
    for number in range(first, first + 5):
        tape.apply(0, numbered(number, at(5_000_001) + number))
    assert tape.lost(LATER) == []
    tape.apply(0, numbered(first + 7, at(5_000_001) + first + 7))
    assert [one.holes for one in tape.lost(LATER + at(5_000_001))] == [1]


def test_a_sequence_that_jumps_far_ahead_is_another_one() -> None:
    tape = store()
    take(tape, 1, 2, 3 + ANEW)
    assert tape.lost(LATER + at(ANEW)) == []
    take(tape, 2 * ANEW + 4)
    assert tape.lost(LATER + at(2 * ANEW)) == []


def test_after_a_break_any_number_may_come() -> None:
    tape = store()
    take(tape, 1, 2)
    tape.interrupted([0])
    take(tape, 9, 10)
    assert tape.lost(LATER) == []
    assert tape.fill(0, [numbered(n) for n in range(2, 11)])
    assert tape.since_ms[0] == at(1)
    take(tape, 12)
    assert tape.lost(LATER) == [Lost(0, 1, at(10), at(12))]


def test_a_hole_that_a_break_comes_upon_is_counted_and_hidden_by_it() -> None:
    tape = store()
    take(tape, 1, 2, 5)
    tape.interrupted([0])
    take(tape, 9)
    assert tape.lost(LATER) == [Lost(0, 1, -1, -1)]
    # The answer to the break joins what was had before it, which begins after the hole.
    assert tape.fill(0, [numbered(n) for n in range(5, 10)])
    assert tape.since_ms[0] == at(5)


def test_a_quiet_row_is_not_healed_by_an_answer_from_before_its_break() -> None:
    tape = store()
    take(tape, 1, 2, 5, 6)
    assert tape.lost(LATER) == [Lost(0, 1, at(2), at(5))]
    tape.interrupted([0])
    assert not tape.fill(0, [numbered(n) for n in range(2, 6)])
    assert tape.since_ms[0] == -1


def test_what_is_lost_between_an_answer_and_the_stream_that_speaks_again_is_a_hole() -> None:
    tape = store()
    take(tape, 1, 2)
    tape.interrupted([0])
    assert tape.fill(0, [numbered(n) for n in range(2, 6)]), "the stream is still mute, though it stands"
    take(tape, 5)
    assert tape.duplicates == 2, "what it repeats of the answer was had"
    take(tape, 9, 10)
    assert tape.lost(LATER) == [Lost(0, 1, at(5), at(9))]
    assert tape.fill(0, [numbered(n) for n in range(4, 11)])
    assert tape.since_ms[0] == at(1)
    take(tape, 11)
    assert tape.lost(2 * LATER) == []


def test_holes_that_follow_closely_are_healed_as_one() -> None:
    tape = store()
    take(tape, 1, 2, 4)
    assert tape.lost(at(4) + GRACE_MS) == [Lost(0, 1, at(2), at(4))]
    take(tape, 5, 7)
    assert tape.lost(at(7) + GRACE_MS) == [Lost(0, 1, at(2), at(7))]
    assert tape.fill(0, [numbered(n) for n in range(1, 8)])
    assert tape.since_ms[0] == at(1)


def test_a_hole_far_from_one_that_stayed_open_leaves_it_where_it_is() -> None:
    tape = store()
    take(tape, 1, 2, 4)
    tape.lost(LATER)
    far = 5 + TOGETHER_MS // 100
    take(tape, *range(5, far + 1), far + 2)
    assert tape.lost(LATER + at(far)) == [Lost(0, 1, at(far), at(far + 2))]
    assert tape.fill(0, [numbered(n) for n in range(far, far + 3)])
    assert tape.since_ms[0] == at(4)


def test_numbers_that_the_venue_itself_leaves_out_prove_nothing_any_more() -> None:
    tape = store()
    number = 1
    take(tape, number)
    for _ in range(FALSE_HOLES):
        take(tape, number + 2)
        assert len(tape.lost(LATER)) == 1
        assert tape.fill(0, [numbered(number), numbered(number + 2)])
        assert tape.since_ms[0] == at(1)
        number += 2
    take(tape, number + 2)
    assert tape.lost(LATER) == []


def test_a_row_that_is_dropped_forgets_its_numbers() -> None:
    tape = store()
    take(tape, 1, 2, 5)
    tape.dropped(0)
    take(tape, 900)
    assert tape.lost(LATER) == []


def test_trades_without_numbers_prove_nothing() -> None:
    tape = store()
    for number in (1, 2, 9):
        tape.apply(0, msgspec.structs.replace(numbered(number), number=-1))
    assert tape.lost(LATER) == []


def test_memory_stays_bounded_while_every_other_trade_is_lost() -> None:
    tape = store()
    for number in range(1, 2_000, 2):
        take(tape, number)
        tape.lost(at(number))
    held = tape.numbers._rows[0]
    assert len(held.earlier) <= STRETCHES
    assert len(held.waiting) <= GRACE_MS // 100


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_hole_is_exactly_what_no_connection_brought(seed: int) -> None:
    rng = random.Random(seed)
    gone = {n for n in range(20, 180) if rng.random() < 0.05}
    sent = [n for n in range(1, 200) if n not in gone]
    # Each comes up to five places late, and some twice.
    late = sorted([(n + rng.uniform(0, 5), n) for n in sent] + [(n + rng.uniform(0, 5), n) for n in sent if n % 7 == 0])
    tape = store()
    take(tape, *(n for _, n in late))
    found: set[int] = set()
    for row, holes in tape.numbers.settle(LATER):
        assert row == 0
        for hole in holes:
            found |= set(range(hole.first, hole.last + 1))
    assert found == {n for n in gone if n > late[0][1]}
