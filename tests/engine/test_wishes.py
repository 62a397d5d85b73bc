"""Wishes between threads: in order, of each name the newest, counted where each counts, and an end."""

from __future__ import annotations

import threading

from engine.wishes import Wishes


def taken(wishes: Wishes[str]) -> list[str]:
    found = []
    while (wish := wishes.take()) is not None:
        found.append(wish)
    return found


def test_only_the_newest_of_a_name_waits_behind_what_was_asked_before_it() -> None:
    wishes: Wishes[str] = Wishes()
    for i in range(10_000):
        wishes.ask("focus", f"focus {i}")
        if i == 5:
            wishes.ask("preset", "preset")
    assert taken(wishes) == ["preset", "focus 9999"]
    assert taken(wishes) == []


def test_what_counts_each_time_is_taken_as_often_as_it_was_asked_for() -> None:
    wishes: Wishes[str] = Wishes()
    wishes.ask("pause", "pause")
    for _ in range(3):
        wishes.ask("step", "step", adds=True)
    wishes.ask("seek", "seek")
    assert taken(wishes) == ["pause", "step", "step", "step", "seek"]


def test_who_waits_gets_what_is_left_and_then_the_end() -> None:
    wishes: Wishes[str] = Wishes()
    found: list[str | None] = []

    def wait() -> None:
        while (wish := wishes.wait()) is not None:
            found.append(wish)
        found.append(None)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    wishes.ask("a", "one")
    wishes.ask("b", "two")
    wishes.close()
    thread.join(10.0)
    assert found == ["one", "two", None]
    wishes.close()
    assert wishes.wait() is None


def test_steps_of_many_threads_are_all_counted() -> None:
    wishes: Wishes[str] = Wishes()

    def press() -> None:
        for _ in range(500):
            wishes.ask("step", "step", adds=True)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    counted = 0
    while counted < 2_000 and any(thread.is_alive() for thread in threads):
        counted += len(taken(wishes))
    for thread in threads:
        thread.join()
    assert counted + len(taken(wishes)) == 2_000
