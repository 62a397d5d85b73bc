"""The reserve of a budget: the lower priorities never eat it, whoever is in need finds it, and nobody starves of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.budgets import RESERVED, TURN_OF_OLDEST, Budgets, Priority
from engine.venues.live import Cost, Pool
from tests.engine.transport.budget_desk import HOST, Desk, Grant, one, uses
from tests.engine.transport.stepped_clock import SteppedClock, settled

WINDOW_S = 10.0
POOL = Pool("a", 20, WINDOW_S, reserve=0.4)
LOW = (Priority.FIRST_BACKFILL, Priority.POLL, Priority.BACKFILL)


def most(pool: Pool, priority: Priority) -> float:
    """What a priority and those after it may hold of a pool in any window."""
    return pool.capacity * (1 - pool.reserve * RESERVED[priority])


def windows_of(pool: Pool, granted: Iterable[Grant]) -> list[list[float]]:
    """The weights taken from a pool within each window that begins with a grant."""
    taken = [(grant.at_s, dict(grant.pools)[pool.name]) for grant in granted if pool.name in dict(grant.pools)]
    return [
        [weight for at_s, weight in taken[first:] if at_s < start_s + pool.window_s - 1e-6]
        for first, (start_s, _) in enumerate(taken)
    ]


def assert_kept(pools: Iterable[Pool], granted: list[Grant]) -> None:
    """No window of any pool ever held more than it may, nor more of any priority and those after it than these may."""
    for pool in pools:
        for priority in Priority:
            own = [grant for grant in granted if grant.priority >= priority]
            for weights in windows_of(pool, own):
                alone = priority is not Priority.MEND and len(weights) == 1
                assert alone or sum(weights) <= most(pool, priority) + 1e-6, (pool, priority, weights)
            assert all(max(weights) <= pool.capacity for weights in windows_of(pool, own))


def test_the_first_priority_may_have_all_and_each_one_after_it_leaves_more() -> None:
    kept = [RESERVED[priority] for priority in Priority]

    assert kept[0] == 0
    assert kept == sorted(set(kept))
    assert kept[-1] == 1


async def test_a_flood_of_the_past_leaves_the_reserve_to_a_book_that_broke() -> None:
    desk = Desk(POOL)
    for number in range(30):
        desk.ask(f"past {number}", one(), Priority.BACKFILL)
    await settled()
    assert len(desk.granted) == 12

    desk.ask("book", one(8), Priority.MEND)
    await settled()
    assert desk.names[-1] == "book"
    assert uses(desk.budgets)[0].used == 20


async def test_the_lower_priorities_together_leave_the_reserve_too() -> None:
    desk = Desk(POOL)
    for priority in LOW:
        for number in range(20):
            desk.ask(f"{priority.name} {number}", one(), priority)
    await settled()

    assert [sum(grant.priority is priority for grant in desk.granted) for priority in LOW] == [14, 0, 0]
    desk.ask("listing", one(4), Priority.LISTING)
    await settled()
    assert desk.names[-1] == "listing"


async def test_what_waits_for_its_share_goes_once_that_has_left_the_window() -> None:
    desk = Desk(POOL)
    for number in range(13):
        desk.ask(str(number), one(), Priority.BACKFILL)
    await desk.clock.advance(WINDOW_S - 0.001)
    assert len(desk.granted) == 12
    await desk.clock.advance(0.001)

    assert (desk.granted[-1].name, desk.granted[-1].at_s) == ("12", WINDOW_S)


async def test_what_waits_for_its_share_holds_back_nobody_who_has_another_even_in_its_turn() -> None:
    desk = Desk(POOL)
    for number in range(12):
        desk.ask(f"past {number}", one(), Priority.BACKFILL)
    await settled()
    desk.ask("oldest", one(), Priority.BACKFILL)
    await settled()
    for number in range(TURN_OF_OLDEST):
        desk.ask(f"book {number}", one(), Priority.MEND)
        await settled()
        assert desk.names[-1] == f"book {number}"

    # Its turn came meanwhile and waits for it: it goes before books that came later.
    for number in range(40):
        desk.ask(f"later {number}", one(), Priority.MEND)
    await desk.clock.advance(WINDOW_S)
    assert desk.names[12 + TURN_OF_OLDEST] == "oldest"


async def test_what_is_heavier_than_its_share_goes_alone() -> None:
    desk = Desk(POOL)
    desk.ask("light", one(), Priority.BACKFILL)
    await settled()
    desk.ask("heavy", one(16), Priority.BACKFILL)
    await desk.clock.advance(WINDOW_S - 1)
    assert desk.names == ["light"]

    desk.ask("behind", one(), Priority.BACKFILL)
    await desk.clock.advance(1)
    assert desk.names == ["light", "heavy"]
    await desk.clock.advance(WINDOW_S)
    assert desk.names == ["light", "heavy", "behind"]


async def test_what_others_used_is_counted_against_the_lower_priorities_first_but_leaves_them_half() -> None:
    desk = Desk(POOL)
    desk.budgets.correct([("a", 4.0)])
    for number in range(20):
        desk.ask(f"past {number}", one(), Priority.BACKFILL)
    await settled()
    assert len(desk.granted) == 8

    full = Desk(POOL)
    full.budgets.correct([("a", 10.0)])
    for number in range(20):
        full.ask(f"past {number}", one(), Priority.BACKFILL)
    await settled()
    assert len(full.granted) == 6


async def test_a_pool_without_a_reserve_gives_all_of_it_to_anybody() -> None:
    desk = Desk(Pool("a", 20, WINDOW_S))
    for number in range(20):
        desk.ask(str(number), one(), Priority.BACKFILL)
    await settled()

    assert len(desk.granted) == 20


@pytest.mark.parametrize("reserve", [-0.1, 1.0, 1.5])
def test_a_reserve_that_is_no_part_is_refused(reserve: float) -> None:
    with pytest.raises(ValueError, match="reserve of the pool a"):
        Budgets(SteppedClock()).add([Pool("a", 1, 1, reserve)])


COSTS = st.sampled_from([(("a", 1.0),), (("a", 3.5),), (("a", 15.0),), (("b", 1.0),), (("a", 2.0), ("b", 2.0))])
ASKING = st.lists(st.tuples(st.floats(0, 8), st.sampled_from(list(Priority)), COSTS), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(ASKING, st.sampled_from([0.1, 0.25, 0.4, 0.75]))
def test_no_window_ever_holds_more_than_anybody_may_and_all_are_served(
    asking: list[tuple[float, Priority, tuple[tuple[str, float], ...]]], reserve: float
) -> None:
    pools = (Pool("a", 20, 5, reserve), Pool("b", 3, 9, reserve))

    async def play() -> Desk:
        desk = Desk(*pools)
        for number, (after_s, priority, cost) in enumerate(asking):
            desk.ask(str(number), Cost(cost), priority)
            await desk.clock.advance(after_s)
        await desk.clock.advance(4 * 9 * len(asking) + 1)
        return desk

    desk = asyncio.run(play())

    assert_kept(pools, desk.granted)
    assert set(desk.names) == set(desk.tasks)
    assert len(desk.names) == len(desk.tasks)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 4), st.sampled_from(LOW), st.sampled_from([0.5, 1.0, 3.0])), max_size=60),
    st.lists(st.floats(0, 100), min_size=1, max_size=8),
)
def test_whatever_is_asked_of_the_past_a_broken_book_is_asked_for_at_once(
    past: list[tuple[float, Priority, float]], breaks_s: list[float]
) -> None:
    async def play() -> Desk:
        desk = Desk(POOL)
        began_s = desk.clock.seconds
        due = sorted(breaks_s)
        for number, (after_s, priority, weight) in enumerate(past):
            desk.ask(f"past {number}", one(weight), priority)
            await settled()
            while due and due[0] <= desk.clock.seconds - began_s + after_s:
                await desk.clock.advance(max(0.0, due.pop(0) - (desk.clock.seconds - began_s)))
                await book(desk)
            await desk.clock.advance(after_s)
        return desk

    async def book(desk: Desk) -> None:
        # As many as the reserve of the first three ranks bears in one window.
        held = [grant for grant in desk.granted if grant.at_s > desk.clock.seconds - WINDOW_S]
        if sum(grant.priority is Priority.MEND for grant in held) < POOL.capacity * POOL.reserve * 0.75 // 2:
            asked = desk.ask(f"book {len(desk.tasks)}", one(2), Priority.MEND)
            await settled()
            assert asked.done()

    assert_kept([POOL], asyncio.run(play()).granted)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(LOW), min_size=1, max_size=12), st.sampled_from([0.25, 0.4, 0.75]))
def test_nobody_starves_though_the_first_priority_always_wants_all_of_it(low: list[Priority], reserve: float) -> None:
    async def play() -> Desk:
        desk = Desk(Pool("a", 4, 1, reserve))
        for number, priority in enumerate(low):
            desk.ask(f"low {number}", one(), priority)
        for number in range(2 * TURN_OF_OLDEST * (len(low) + 1)):
            for more in range(2):
                desk.ask(f"mend {number} {more}", one(), Priority.MEND)
                desk.ask(f"first {number} {more}", one(), Priority.FIRST_BACKFILL)
            await desk.clock.advance(0.5)
        names = [name for name in desk.names if name.startswith("low")]
        assert len(names) == len(low)
        for task in desk.tasks.values():
            task.cancel()
        await desk.budgets.close()
        await settled()
        return desk

    assert_kept([Pool("a", 4, 1, reserve)], asyncio.run(play()).granted)


async def test_who_is_granted_from_the_reserve_is_still_bound_by_the_whole() -> None:
    desk = Desk(POOL)
    for number in range(30):
        desk.ask(f"book {number}", one(), Priority.MEND, host=HOST)
    await settled()

    assert len(desk.granted) == 20
