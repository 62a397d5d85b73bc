"""Wishes that change all the time, on connections that may ask only so often an hour: nothing waits for long."""

from __future__ import annotations

from functools import partial

import pytest

from engine.transport.stream_set import MOST_SHORT
from engine.venues.live import StreamLimits
from tests.engine.transport.stream_bench import Bench, close
from tests.engine.transport.stream_language import StreamLanguage, channel

HOURLY = StreamLimits(
    messages_per_s=5, requests_per_hour=40, connects_per_5_min=100, life_s=None, heartbeat="ping", heartbeat_s=20,
    cut_s=60,
)  # fmt: skip


def subscribed(bench: Bench, topic: str) -> bool:
    return topic in bench.subscribed()


async def test_new_topics_go_where_there_are_requests_left() -> None:
    """Somebody looks at one symbol after the other for an hour; each is had within seconds."""
    bench = Bench(StreamLanguage(HOURLY, topics_per_connection=20))
    kept = [channel(f"ticker:{number}") for number in range(10)]
    bench.streams.want(kept)
    bench.streams.start()
    await bench.run(10)
    for number in range(120):
        bench.streams.want([*kept, channel(f"book:{number}")])
        await bench.until(partial(subscribed, bench, f"book:{number}"), 15.0)
        await bench.run(15)
    assert all(subscribed(bench, one.topic) for one in kept)
    connections = bench.streams.status().connections
    assert len(connections) <= MOST_SHORT + 2
    assert all(len(socket.sent) <= 40 + bench.clock.seconds / 20 + 2 for socket in bench.net.sockets)
    await close(bench)


async def test_a_stream_of_ends_holds_up_no_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection alone, a request every 180 s, and something ends all the while."""
    monkeypatch.setattr("engine.transport.stream_set.MOST_SHORT", 0)
    bench = Bench(StreamLanguage(HOURLY, topics_per_connection=400))
    bench.streams.start()
    for step in range(120):
        # Each is wanted for 1,200 s.
        bench.streams.want([channel(f"book:{number}") for number in range(step, step + 20)])
        await bench.run(60, every=2)
        if step > 40:
            assert subscribed(bench, f"book:{step}"), step
    assert len([socket for socket in bench.net.sockets if socket.ended is None]) == 1
    await close(bench)


async def test_what_is_had_anew_ends_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.transport.stream_set.MOST_SHORT", 0)
    bench = Bench(StreamLanguage(HOURLY, topics_per_connection=400))
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    for _ in range(16):
        bench.streams.resubscribe("book:A")
        await bench.run(240, every=1)
        assert subscribed(bench, "book:A")
    asked = [said for socket in bench.net.sockets for said in socket.sent if "book:A" in said]
    assert ["unsub" in said for said in asked] == [False, *[True, False] * 16]
    await close(bench)


async def test_what_has_ended_to_begin_anew_does_so_before_a_refused_request_is_narrowed_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end is sent and its frames are gone, while parts of a refused request wait for their turns of minutes."""
    monkeypatch.setattr("engine.transport.stream_set.MOST_SHORT", 0)
    bench = Bench(StreamLanguage(HOURLY, topics_per_connection=400))
    kept = [channel("book:A")]
    bench.streams.want(kept)
    bench.streams.start()
    await bench.run(10)
    for _ in range(20):
        # Until the rest of the hour's requests are spread over it.
        bench.streams.resubscribe("book:A")
        await bench.run(20, every=1)
    bench.venue.unknown.update(f"book:X{number}" for number in range(8))
    bench.venue.names_refused = False
    bench.streams.want([*kept, *(channel(f"book:X{number}") for number in range(8))])
    await bench.run(240, every=1)
    without_s = 0.0
    for _ in range(5):
        bench.streams.resubscribe("book:A")
        for _ in range(240):
            await bench.run(1, every=1)
            without_s += not subscribed(bench, "book:A")
    assert without_s <= 5 * 5, "seconds between an end and the beginning after it"
    await close(bench)
