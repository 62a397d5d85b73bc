"""Notices know when they were told, and only the newest are kept."""

from __future__ import annotations

from engine.notices import MOST, Notices


def test_times_run_beside_the_texts() -> None:
    now = [0]
    notices = Notices(lambda: now[0])
    notices.tell("first")
    now[0] = 1_000
    notices.tell("second")
    assert list(notices) == ["second", "first"]
    assert notices.times_ms == (1_000, 0)


def test_the_oldest_are_forgotten_with_their_times() -> None:
    now = [0]
    notices = Notices(lambda: now[0])
    for number in range(MOST + 10):
        now[0] = number
        notices.tell(str(number))
    assert len(notices) == len(notices.times_ms) == MOST
    assert [int(text) for text in notices] == list(notices.times_ms)
