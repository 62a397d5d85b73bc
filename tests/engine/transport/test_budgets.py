"""Budgets: never over capacity in any window, nobody starves, priorities hold."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.budgets import TURN_OF_OLDEST, Priority, Resting
from engine.venues.live import Cost, Pool
from tests.engine.transport.budget_desk import HOST, Desk, one, uses
from tests.engine.transport.stepped_clock import settled


async def test_grants_wait_until_the_window_has_moved_on() -> None:
    desk = Desk(Pool("a", 3, 10))
    for number in range(7):
        desk.ask(str(number), one())
    await desk.clock.advance(25)

    assert [(grant.name, grant.at_s) for grant in desk.granted] == [
        ("0", 0), ("1", 0), ("2", 0), ("3", 10), ("4", 10), ("5", 10), ("6", 20),
    ]  # fmt: skip


async def test_priorities_go_first_and_equals_go_in_order() -> None:
    desk = Desk(Pool("a", 1, 1))
    desk.ask("first", one())
    await settled()
    for number, priority in enumerate((Priority.BACKFILL, Priority.POLL, Priority.MEND, Priority.LISTING)):
        desk.ask(f"{priority.name} {number}", one(), priority)
        desk.ask(f"{priority.name} {number} again", one(), priority)
    await desk.clock.advance(20)

    assert desk.names[1:5] == ["MEND 2", "MEND 2 again", "LISTING 3", "LISTING 3 again"]
    assert desk.names[5:7] == ["POLL 1", "POLL 1 again"]


async def test_a_pool_that_is_full_does_not_hold_back_another() -> None:
    desk = Desk(Pool("a", 1, 10), Pool("b", 1, 10))
    desk.ask("a1", one())
    desk.ask("a2", one(), Priority.MEND)
    desk.ask("b1", one(pool="b"), Priority.BACKFILL)
    await settled()

    assert desk.names == ["a1", "b1"]


async def test_a_heavy_request_is_not_overtaken_for_ever_by_light_ones() -> None:
    desk = Desk(Pool("a", 10, 10))
    desk.ask("light before", one(5))
    await settled()
    desk.ask("heavy", one(10), Priority.MEND)
    for number in range(5):
        desk.ask(f"light {number}", one(1))
    await desk.clock.advance(10)

    assert desk.names == ["light before", "heavy"]


async def test_the_lowest_priority_does_not_starve_while_higher_ones_keep_coming() -> None:
    desk = Desk(Pool("a", 1, 1))
    desk.ask("filler", one(), Priority.MEND)
    await settled()
    desk.ask("poor", one(), Priority.BACKFILL)
    for number in range(3 * TURN_OF_OLDEST):
        desk.ask(f"mend {number}", one(), Priority.MEND)
        desk.ask(f"mend {number} too", one(), Priority.MEND)
        await desk.clock.advance(1)

    assert "poor" in desk.names
    assert desk.names.index("poor") <= TURN_OF_OLDEST


async def test_a_request_takes_from_all_its_pools_at_once_or_from_none() -> None:
    desk = Desk(Pool("a", 5, 10), Pool("b", 1, 60))
    desk.ask("b", one(pool="b"))
    desk.ask("both", Cost((("a", 5), ("b", 1))))
    await desk.clock.advance(59)
    assert [use.used for use in uses(desk.budgets)] == [0, 1]

    await desk.clock.advance(1)
    assert desk.names == ["b", "both"]
    assert [use.used for use in uses(desk.budgets)] == [5, 1]


async def test_a_host_rests_when_told_and_goes_on_to_the_second() -> None:
    desk = Desk(Pool("a", 100, 1))
    desk.budgets.rest(HOST, 30, "banned")
    desk.ask("waits", one())
    desk.ask("other host", one(), host="https://other.example")
    await desk.clock.advance(29.999)
    assert desk.names == ["other host"]
    assert [rest.why for rest in desk.budgets.rests()] == ["banned"]

    await desk.clock.advance(0.001)
    assert desk.names == ["other host", "waits"]
    assert desk.granted[1].at_s == 30
    assert desk.budgets.rests() == []


async def test_who_has_no_patience_for_a_rest_is_told_at_once() -> None:
    desk = Desk(Pool("a", 100, 1))
    desk.budgets.rest("a", 30, "over the limit\x1b[31m")

    with pytest.raises(Resting, match="a rests for 30 s: over the limit") as told:
        await desk.budgets.take(HOST, one(), Priority.POLL, patience_s=29)
    assert "\x1b" not in told.value.message
    await desk.clock.advance(30.5)
    assert uses(desk.budgets)[0].used == 0, "nobody waits for it"


async def test_a_rest_tells_those_already_waiting() -> None:
    desk = Desk(Pool("a", 1, 10))
    desk.ask("first", one())
    impatient = desk.ask("impatient", one(), patience_s=5)
    patient = desk.ask("patient", one(), patience_s=60)
    await settled()
    desk.budgets.rest(HOST, 30, "banned")
    await settled()

    assert isinstance(impatient.exception(), Resting)
    await desk.clock.advance(30)
    assert patient.done()
    assert desk.names == ["first", "patient"]


async def test_a_shorter_rest_does_not_cut_a_longer_one() -> None:
    desk = Desk(Pool("a", 1, 1))
    desk.budgets.rest(HOST, 60, "banned")
    desk.budgets.rest(HOST, 5, "busy")

    assert [rest.why for rest in desk.budgets.rests()] == ["banned"]
    assert desk.budgets.rests()[0].until_ns == desk.clock.now_ns() + 60 * 10**9


async def test_what_the_venue_counted_beyond_ours_is_taken_over() -> None:
    desk = Desk(Pool("a", 100, 60))
    desk.ask("ours", one(10))
    await settled()
    desk.budgets.correct([("a", 95.0), ("unknown", 7.0)])
    desk.ask("too much now", one(6))
    await desk.clock.advance(59)
    (use,) = uses(desk.budgets)
    assert (use.used, use.others) == (95, 85)
    assert desk.names == ["ours"]

    await desk.clock.advance(1)
    assert desk.names == ["ours", "too much now"]


async def test_what_the_venue_counted_below_ours_frees_nothing() -> None:
    desk = Desk(Pool("a", 10, 60))
    desk.ask("ours", one(10))
    await settled()
    desk.budgets.correct([("a", 1.0)])
    desk.ask("later", one())
    await desk.clock.advance(59)

    assert desk.names == ["ours"]


async def test_who_gives_up_takes_nothing_and_frees_those_behind() -> None:
    desk = Desk(Pool("a", 10, 10))
    desk.ask("first", one(5))
    heavy = desk.ask("heavy", one(10))
    desk.ask("light", one(5))
    await settled()
    assert desk.names == ["first"]
    heavy.cancel()
    await settled()

    assert desk.names == ["first", "light"]


async def test_a_simulator_may_be_asked_more() -> None:
    desk = Desk(Pool("a", 3, 10), scale=10)
    for number in range(31):
        desk.ask(str(number), one())
    await settled()

    assert len(desk.granted) == 30


async def test_what_can_never_be_granted_is_refused() -> None:
    desk = Desk(Pool("a", 3, 10))

    with pytest.raises(ValueError, match="more than the pool a may ever hold"):
        await desk.budgets.take(HOST, one(4), Priority.POLL)
    with pytest.raises(ValueError, match="no pool named b"):
        await desk.budgets.take(HOST, one(pool="b"), Priority.POLL)
    with pytest.raises(ValueError, match="declared twice"):
        desk.budgets.add([Pool("a", 4, 10)])


async def test_closing_gives_up_what_waits() -> None:
    desk = Desk(Pool("a", 1, 10))
    desk.ask("first", one())
    waiting = desk.ask("second", one())
    await settled()
    await desk.budgets.close()
    await settled()

    assert waiting.cancelled()
    assert desk.clock.sleepers == 0


ASKING = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from(list(Priority)),
        st.sampled_from([(("a", 1.0),), (("a", 3.5),), (("b", 1.0),), (("a", 2.0), ("b", 2.0)), (("a", 6.0),)]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)
POOLS = (Pool("a", 6, 5), Pool("b", 3, 9))


@settings(max_examples=60, deadline=None)
@given(ASKING)
def test_no_window_ever_holds_more_than_its_capacity_and_everybody_is_served(
    asking: list[tuple[float, Priority, tuple[tuple[str, float], ...], bool]],
) -> None:
    async def play() -> Desk:
        desk = Desk(*POOLS)
        for number, (after_s, priority, pools, gives_up) in enumerate(asking):
            task = desk.ask(str(number), Cost(pools), priority)
            await settled()
            if gives_up and not task.done():
                task.cancel()
            await desk.clock.advance(after_s)
        await desk.clock.advance(9 * len(asking) + 1)
        return desk

    desk = asyncio.run(play())

    for pool in POOLS:
        taken = [(grant.at_s, dict(grant.pools).get(pool.name, 0.0)) for grant in desk.granted]
        for start_s, _ in taken:
            within = sum(weight for at_s, weight in taken if start_s <= at_s < start_s + pool.window_s - 1e-6)
            assert within <= pool.capacity + 1e-6
    served = {name for name, task in desk.tasks.items() if not task.cancelled()}
    assert set(desk.names) == served
    assert len(desk.names) == len(served)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(list(Priority)), min_size=2, max_size=30))
def test_everybody_is_served_before_eight_times_those_who_came_before(priorities: list[Priority]) -> None:
    async def play() -> list[str]:
        desk = Desk(Pool("a", 1, 1))
        for number, priority in enumerate(priorities):
            desk.ask(str(number), one(), priority)
        for number in range(TURN_OF_OLDEST * (len(priorities) + 1)):
            desk.ask(f"mend {number}", one(), Priority.MEND)
            await desk.clock.advance(1)
        names = desk.names
        await desk.budgets.close()
        await asyncio.gather(*desk.tasks.values(), return_exceptions=True)
        return names

    names = asyncio.run(play())

    for number in range(len(priorities)):
        assert names.index(str(number)) < TURN_OF_OLDEST * (number + 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(list(Priority)), min_size=TURN_OF_OLDEST, max_size=40))
def test_but_for_the_turn_of_the_oldest_nobody_goes_before_a_higher_priority(priorities: list[Priority]) -> None:
    async def play() -> list[Priority]:
        desk = Desk(Pool("a", 1, 1))
        desk.ask("first", one(), Priority.MEND)
        for number, priority in enumerate(priorities):
            desk.ask(str(number), one(), priority)
        await desk.clock.advance(len(priorities) + 1)
        return [priorities[int(name)] for name in desk.names[1:]]

    order = asyncio.run(play())

    assert len(order) == len(priorities)
    inversions = [
        place for place, priority in enumerate(order, start=1) if any(later < priority for later in order[place:])
    ]
    assert all(place % TURN_OF_OLDEST == TURN_OF_OLDEST - 1 for place in inversions)


async def test_an_announced_limit_lowers_the_budget_and_raises_it_again_within_bounds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(Pool("a", 100, 60), Pool("b", 1, 1))
    with caplog.at_level(logging.INFO):
        for announced, held in ((60.0, 60.0), (60.0, 60.0), (1.0, 25.0), (80.0, 80.0), (5_000.0, 100.0)):
            desk.budgets.resize([("a", announced), ("unknown", 3.0)])
            assert [use.capacity for use in uses(desk.budgets)] == [held, 1]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert said[0] == "the budget a is 60 now, not 100: the venue announced it"


async def test_a_lowered_budget_holds_back_and_a_raised_one_lets_go_at_once() -> None:
    desk = Desk(Pool("a", 100, 60))
    desk.budgets.resize([("a", 50.0)])
    for number in range(12):
        desk.ask(str(number), one(5))
    await settled()
    assert len(desk.granted) == 10
    desk.budgets.resize([("a", 100.0)])
    await settled()
    assert len(desk.granted) == 12


async def test_who_waits_for_more_than_a_lowered_budget_holds_is_told() -> None:
    desk = Desk(Pool("a", 100, 60))
    desk.ask("first", one(50))
    heavy = desk.ask("heavy", one(60))
    await settled()
    desk.budgets.resize([("a", 55.0)])
    await settled()
    assert isinstance(heavy.exception(), ValueError)
    assert desk.clock.sleepers == 0
