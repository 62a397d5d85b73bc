"""An engine that is overloaded does with fewer whole books, says so, and has them again when it is well."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.load import BETTER_AFTER_NS, FEW_WAITING, LONGEST_CALM_NS, MANY_WAITING, NS_PER_S, WORSE_AFTER_NS, Load

S = NS_PER_S


class Days:
    """A load that is told once a second how it goes."""

    def __init__(self, places: int = 20) -> None:
        self.load = Load(places)
        self.now_s = 0
        self.told: list[tuple[int, str]] = []

    def go(self, seconds: int, *, is_slowed: bool = False, waiting: int = 0) -> None:
        for _ in range(seconds):
            self.now_s += 1
            if words := self.load.after(self.now_s * S, is_slowed=is_slowed, waiting=waiting):
                self.told.append((self.now_s, words))


def test_it_goes_down_step_by_step_while_the_trouble_lasts_and_up_again_in_calm() -> None:
    days = Days()
    days.go(60, is_slowed=True)
    assert [(at, words.split(";")[0]) for at, words in days.told] == [
        (11, "overloaded: whole books and trades of 10 instead of 20 a venue until the engine keeps up"),
        (21, "overloaded: whole books and trades of 5 instead of 20 a venue until the engine keeps up"),
        (31, "overloaded: whole books and trades of 0 instead of 20 a venue until the engine keeps up"),
    ]
    assert days.load.places == 0
    days.told.clear()
    days.go(200)
    assert [at for at, _ in days.told] == [121, 181, 241]
    assert days.told[-1][1] == "no longer overloaded: whole books and trades of 20 a venue again"
    assert (days.load.places, days.load.words) == (20, "")


def test_a_moment_of_trouble_changes_nothing() -> None:
    days = Days()
    for _ in range(50):
        days.go(WORSE_AFTER_NS // S, is_slowed=True)
        days.go(1)
    assert days.told == []


def test_frames_that_wait_are_trouble_and_some_of_them_are_no_calm() -> None:
    days = Days()
    days.go(11, waiting=MANY_WAITING + 1)
    assert days.load.places == 10
    days.go(600, waiting=FEW_WAITING + 1)
    assert days.load.places == 10
    days.go(BETTER_AFTER_NS // S + 1, waiting=FEW_WAITING)
    assert days.load.places == 20


def test_trouble_that_comes_back_with_the_books_makes_the_next_calm_longer() -> None:
    days = Days()
    days.go(11, is_slowed=True)
    waits = []
    for _ in range(7):
        began = days.now_s
        while days.load.places < 20:
            days.go(1)
        waits.append(days.now_s - began - 1)
        days.go(11, is_slowed=True)
    assert waits == [60, 120, 240, 480, 960, 960, 960]
    # Once the books have been borne for a while, it is as if nothing had been.
    days.go(2 * LONGEST_CALM_NS // S)
    days.go(11, is_slowed=True)
    began = days.now_s
    while days.load.places < 20:
        days.go(1)
    assert days.now_s - began - 1 == 60


def test_one_place_is_given_up_in_one_step_and_none_cannot_be() -> None:
    days = Days(places=1)
    days.go(60, is_slowed=True)
    assert (len(days.told), days.load.places) == (1, 0)
    none = Days(places=0)
    none.go(60, is_slowed=True)
    assert none.told == []


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(1, 90), st.booleans(), st.integers(0, 9_000)), max_size=30))
def test_whatever_comes_places_stay_in_bounds_and_calm_brings_all_of_them_back(
    places: int, weather: list[tuple[int, bool, int]]
) -> None:
    days = Days(places)
    for seconds, is_slowed, waiting in weather:
        days.go(seconds, is_slowed=is_slowed, waiting=waiting)
        assert 0 <= days.load.places <= places
        assert bool(days.load.words) == (days.load.places < places)
    days.go(4 * LONGEST_CALM_NS // S)
    assert days.load.places == places
