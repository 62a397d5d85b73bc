"""When holes in trades are asked for: at once, then each symbol at its own pace, several as one."""

from __future__ import annotations

from engine.feeds.mending import CAP_MS, FIRST_MS
from engine.feeds.trade_holes import TradeHoles, Wanted


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
