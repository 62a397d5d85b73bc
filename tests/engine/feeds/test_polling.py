"""When polls are due."""

from __future__ import annotations

import itertools

from engine.feeds.mending import CAP_MS, FIRST_MS, Mending
from engine.feeds.polling import Polling
from engine.venues.live import Poll


def poll(name: str, every_s: float) -> Poll:
    return Poll("open_interest", f"GET /{name}", every_s, name)


def drained(polling: Polling, now_ms: int) -> list[str]:
    found = []
    while (one := polling.take(now_ms)) is not None:
        found.append(one.symbol)
    return found


def test_polls_are_spread_over_their_period_in_their_order() -> None:
    polling = Polling()
    polling.set([poll(f"S{n}", 100.0) for n in range(10)], 0)
    assert drained(polling, 0) == ["S0"]
    assert drained(polling, 49_999) == ["S1", "S2", "S3", "S4"]
    assert drained(polling, 99_999) == ["S5", "S6", "S7", "S8", "S9"]
    assert polling.next_ms() == 100_000


def test_a_late_poll_is_asked_once() -> None:
    polling = Polling()
    polling.set([poll("A", 1.0)], 0)
    assert drained(polling, 60_000) == ["A"]
    assert polling.next_ms() == 61_000


def test_a_new_set_keeps_the_times_of_those_that_stay() -> None:
    polling = Polling()
    polling.set([poll("A", 10.0), poll("B", 10.0)], 0)
    assert drained(polling, 0) == ["A"]
    polling.set([poll("A", 10.0), poll("C", 10.0)], 1_000)
    assert drained(polling, 1_000) == ["C"]
    assert drained(polling, 9_999) == []
    assert drained(polling, 11_000) == ["A", "C"]


def test_a_poll_that_is_refused_for_good_is_dropped() -> None:
    polling = Polling()
    polling.set([poll("A", 10.0), poll("B", 10.0)], 0)
    one = polling.take(0)
    assert one is not None
    polling.drop(one)
    assert drained(polling, 60_000) == ["B"]


def test_no_polls_are_never_due() -> None:
    polling = Polling()
    assert (polling.take(0), polling.next_ms()) == (None, None)


def test_a_book_that_breaks_again_and_again_waits_longer_each_time() -> None:
    mending = Mending()
    tried = [now for now in range(0, 400_000, 250) if mending.due(["X"], now)]
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waits[0] == FIRST_MS
    assert all(later >= earlier for earlier, later in itertools.pairwise(waits))
    assert waits[-1] == CAP_MS


def test_a_book_that_stood_for_a_while_is_mended_at_once() -> None:
    mending = Mending()
    for now in range(0, 100_000, 250):
        mending.due(["X"], now)
    assert mending.due(["X"], 300_000) == ["X"]
    assert mending.due(["X"], 300_000 + FIRST_MS) == ["X"]
    mending.forget(["X"])
    assert mending.due(["X"], 300_001 + FIRST_MS) == ["X"]
