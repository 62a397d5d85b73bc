"""When holes in trades are asked for: at once, then each symbol at its own pace, several as one."""

from __future__ import annotations

from engine.feeds.mending import CAP_MS, FIRST_MS
from engine.feeds.trade_holes import SETTLE_MS, SETTLES_MS, TradeHoles, Wanted


def test_a_hole_is_asked_for_at_once_and_only_once() -> None:
    holes = TradeHoles()
    holes.add("A", 100, 200)
    holes.add("B", 300, 400)
    assert holes.due(1_000) == [Wanted("A", 100, 200), Wanted("B", 300, 400)]
    assert holes.due(1_000 + 10 * CAP_MS) == []


def test_holes_that_come_while_one_was_just_asked_for_wait_and_are_asked_for_together() -> None:
    holes = TradeHoles()
    holes.add("A", 100, 200)
    holes.due(1_000)
    holes.add("A", 500, 600)
    holes.add("A", 300, 400)
    assert holes.due(1_000 + FIRST_MS - 1) == []
    assert holes.due(1_000 + FIRST_MS) == [Wanted("A", 300, 600)]


def test_a_symbol_that_is_not_followed_any_more_wants_nothing() -> None:
    holes = TradeHoles()
    holes.add("A", 100, 200)
    holes.forget(["A", "B"])
    assert holes.due(10**9) == []


def test_what_is_only_feared_is_asked_for_a_moment_after_the_last_of_it() -> None:
    holes = TradeHoles()
    holes.fear("A", 100, 200, now_ms=1_000)
    holes.fear("A", 150, 250, now_ms=1_050)
    assert holes.is_feared("A")
    assert not holes.is_feared("B")
    assert holes.due(1_050 + SETTLE_MS - 1) == []
    assert holes.due(1_050 + SETTLE_MS) == [Wanted("A", 100, 250)]
    assert not holes.is_feared("A")


def test_what_is_feared_again_and_again_is_asked_for_all_the_same() -> None:
    holes = TradeHoles()
    for now_ms in range(0, SETTLES_MS, SETTLE_MS // 2):
        holes.fear("A", now_ms, now_ms, now_ms)
        assert holes.due(now_ms) == []
    assert holes.due(SETTLES_MS) == [Wanted("A", 0, SETTLES_MS - SETTLE_MS // 2)]


def test_a_known_hole_beside_a_feared_one_waits_with_it() -> None:
    holes = TradeHoles()
    holes.fear("A", 100, 200, now_ms=1_000)
    holes.add("A", 50, 60)
    assert holes.is_feared("A")
    assert holes.due(1_000) == []
    assert holes.due(1_000 + SETTLE_MS) == [Wanted("A", 50, 200)]
