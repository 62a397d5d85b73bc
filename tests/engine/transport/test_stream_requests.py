"""Requests of streams stay within what a venue allows by second and hour, whatever is wished."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venues.live import StreamLimits
from tests.engine.transport.stream_bench import Bench, close
from tests.engine.transport.stream_language import (
    StreamLanguage,
    channel,
    event,
)


async def test_a_book_is_resubscribed_on_request_but_not_in_a_storm(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), channel("book:B")])
    bench.streams.start()
    await bench.run(10)
    for _ in range(20):
        bench.streams.resubscribe("book:A")
        bench.streams.resubscribe("book:unknown")
        await bench.run(0.5)

    assert 2 <= bench.sent("unsub").count(["book:A"]) <= 3
    assert bench.sent("unsub").count(["book:B"]) == 0
    await bench.run(10)
    assert bench.state("book:A") == "live"


async def test_requests_of_an_hour_are_spread_and_never_exceeded() -> None:
    bench = Bench(StreamLanguage(StreamLimits(5, 20, 100, None, "ping", 20, 60), per_request=1))
    bench.streams.want([event(f"trades:{number}") for number in range(40)])
    bench.streams.start()
    made: list[tuple[float, int]] = []
    for _ in range(7300):
        await bench.run(1, every=1, sends=False)
        made.append((bench.clock.seconds, bench.venue.requests))
    for at, count in made[::50]:
        before = max((earlier for time, earlier in made if time <= at - 3598), default=0)
        assert count - before <= 20
    assert bench.venue.requests == 40
    await close(bench)


@settings(max_examples=25, deadline=None)
@given(
    wishes=st.lists(
        st.tuples(st.frozensets(st.integers(0, 40)), st.sampled_from([0.0, 0.1, 0.3, 1.0, 4.0])),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 1000),
)
def test_no_second_holds_more_messages_than_allowed_and_wishes_come_true(
    wishes: list[tuple[frozenset[int], float]], seed: int
) -> None:
    async def drive() -> None:
        limits = StreamLimits(3, None, 100, None, "ping", 2, 60)
        bench = Bench(StreamLanguage(limits, topics_per_connection=15, per_request=4), seed)
        times: dict[int, list[float]] = {}
        counted: dict[int, int] = {}

        async def run(seconds: float) -> None:
            for _ in range(max(1, round(seconds / 0.1))):
                await bench.clock.advance(0.1)
                for index, socket in enumerate(bench.net.sockets):
                    new = len(socket.sent) - counted.get(index, 0)
                    times.setdefault(index, []).extend([bench.clock.seconds] * new)
                    counted[index] = len(socket.sent)
                bench.venue.answer()
                bench.venue.send()

        bench.streams.start()
        for wish, pause in wishes:
            bench.streams.want([channel(f"book:{number}") for number in sorted(wish)])
            await run(pause)
        await run(15)
        assert bench.subscribed() == {f"book:{number}" for number in wishes[-1][0]}
        for sent in times.values():
            for position, at in enumerate(sent):
                assert sum(at <= later < at + 0.9 for later in sent[position:]) <= 3
        await close(bench)

    asyncio.run(drive())


async def test_a_topic_that_is_still_sent_after_its_end_is_ended_again(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), channel("book:B")])
    bench.streams.start()
    await bench.run(10)
    bench.streams.want([channel("book:A")])
    await bench.run(2)
    assert bench.subscribed() == {"book:A"}
    bench.venue.held[0].add("book:B")  # as if the request had been lost on its way
    passed = len(bench.sink.of("book:B"))
    await bench.run(50)
    assert bench.subscribed() == {"book:A", "book:B"}
    await bench.run(20)
    assert bench.subscribed() == {"book:A"}
    assert bench.sent("unsub") == [["book:B"]] * 2
    assert len(bench.sink.of("book:B")) == passed, "and what came of it was passed on to nobody"
