"""Who holds a place with full depth while the ranking churns."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.feeds.tiers import CIRCLE, ENTER_AFTER_MS, LEAVE_AFTER_MS, Key, Tiers

VENUE = "okx"


def keys(*symbols: str) -> list[Key]:
    return [(VENUE, symbol) for symbol in symbols]


def test_places_are_filled_at_once_and_then_defended() -> None:
    tiers = Tiers(2)
    assert tiers.deep(keys("A", "B", "C", "D"), [], 0) == keys("A", "B")
    assert tiers.deep(keys("D", "A", "B", "C"), [], 1_000) == keys("A", "B")
    # B is still inside the wider circle (3 of 2 places), so D waits however long it leads.
    assert tiers.deep(keys("D", "A", "B", "C"), [], 1_000 + 10 * LEAVE_AFTER_MS) == keys("A", "B")


def test_a_symbol_that_left_the_circle_gives_its_place_to_one_that_stayed_in_front() -> None:
    tiers = Tiers(2)
    tiers.deep(keys("A", "B", "C", "D"), [], 0)
    order = keys("D", "A", "C", "B")
    held = [tiers.deep(order, [], ms) for ms in range(1_000, LEAVE_AFTER_MS, 1_000)]
    swapped = next(place for place, now in enumerate(held) if now != keys("A", "B"))
    assert held[swapped] == keys("D", "A")
    assert (swapped + 1) * 1_000 >= max(ENTER_AFTER_MS, LEAVE_AFTER_MS // 4)
    assert tiers.changes == 4


def test_a_moment_in_front_takes_no_place() -> None:
    tiers = Tiers(1)
    tiers.deep(keys("A", "B", "C"), [], 0)
    for ms in range(1_000, 60_000, 1_000):
        order = keys("B", "C", "A") if ms // 1_000 % 3 == 0 else keys("A", "B", "C")
        assert tiers.deep(order, [], ms) == keys("A")


def test_what_the_user_asks_for_enters_at_once_and_takes_no_place() -> None:
    tiers = Tiers(1)
    assert tiers.deep(keys("A", "B"), keys("Z"), 0) == keys("Z", "A")
    assert tiers.deep(keys("A", "B"), [], 1) == keys("A")


def test_fewer_places_go_to_the_best_ranked_at_once_and_more_are_filled_at_once() -> None:
    tiers = Tiers(4)
    tiers.deep(keys("A", "B", "C", "D", "E"), [], 0)
    tiers.limit(2)
    assert tiers.deep(keys("D", "C", "B", "A", "E"), keys("A"), 1_000) == keys("A", "D", "C")
    tiers.limit(0)
    assert tiers.deep(keys("D", "C", "B", "A", "E"), keys("A"), 2_000) == keys("A")
    tiers.limit(3)
    assert tiers.deep(keys("E", "D", "C", "B", "A"), [], 3_000) == keys("E", "D", "C")


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_churn_never_holds_more_places_than_there_are(seed: int, places: int) -> None:
    rng = random.Random(seed)
    symbols = [f"S{n}" for n in range(40)]
    tiers = Tiers(places)
    seconds = 400
    for second in range(seconds):
        # Neighbours swap, as scores that move a little do.
        for _ in range(10):
            at = rng.randrange(len(symbols) - 1)
            symbols[at], symbols[at + 1] = symbols[at + 1], symbols[at]
        deep = tiers.deep(keys(*symbols), [], second * 1_000)
        assert len(deep) == len(set(deep)) == places
    # Each place changes hands at most once in a quarter of its grace.
    assert tiers.changes <= places + 2 * places * (seconds * 1_000 // (LEAVE_AFTER_MS // 4) + 1)
    assert CIRCLE > 1
