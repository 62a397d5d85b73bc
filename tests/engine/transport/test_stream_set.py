"""Streams hold what is wanted: changes, faults of our own, every fault at random, and a bounded end."""

from __future__ import annotations

import asyncio
import random

import pytest

from engine.transport.net import Failed
from engine.transport.stream_pace import ConnectPace
from engine.transport.stream_set import StreamSet
from engine.venues.bitget.live import BitgetLive
from engine.venues.bybit.live import BybitLive
from engine.venues.live import Channel, StreamLimits, VenueLive
from tests.engine.transport.fake_net import HANG, OPEN, FakeNet
from tests.engine.transport.stepped_clock import SteppedClock
from tests.engine.transport.stream_bench import Bench, close
from tests.engine.transport.stream_language import (
    FIRST,
    Sink,
    StreamLanguage,
    channel,
    event,
)


async def test_what_is_wanted_is_subscribed_and_its_frames_arrive_in_order(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), event("trades:A"), channel("candle:A", path="business")])
    bench.streams.start()
    await bench.run(10)

    assert bench.subscribed() == {"book:A", "trades:A", "candle:A"}
    numbers = bench.sink.of("book:A")
    assert len(numbers) > 10
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    status = bench.streams.status()
    assert (status.state, status.channels, status.channels_live, status.words) == ("live", 3, 3, "")
    assert {one.name: one.state for one in status.connections} == {"okx/public/1": "live", "okx/business/1": "live"}
    assert bench.sink.happened("okx/public/1") == ["open"]
    assert list(bench.streams.unwell()) == []


async def test_acknowledgements_and_pongs_reach_the_sink_too(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(25)

    texts = {frame.text for frame in bench.sink.frames}
    assert {"ok:1", "pong"} <= texts
    trip = bench.streams.status().round_trip_ms
    assert trip is not None
    assert 0 <= trip <= 500


async def test_changes_leave_what_stays_untouched(bench: Bench) -> None:
    bench.streams.want([channel(f"book:{name}") for name in "ABC"])
    bench.streams.start()
    await bench.run(5)
    bench.streams.want([channel(f"book:{name}") for name in "BCD"])
    await bench.run(5)

    assert bench.subscribed() == {"book:B", "book:C", "book:D"}
    assert bench.sent("sub") == [["book:A", "book:B", "book:C"], ["book:D"]]
    assert bench.sent("unsub") == [["book:A"]]


async def test_a_wish_taken_back_before_it_was_sent_is_never_sent(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)
    bench.streams.want([channel("book:B")])
    bench.streams.want([channel("book:A")])
    await bench.run(5)

    assert bench.sent("sub") == [["book:A"]]
    assert bench.sent("unsub") == []
    assert bench.state("book:A") == "live"


async def test_a_full_connection_is_followed_by_another_and_an_empty_one_is_closed() -> None:
    bench = Bench(StreamLanguage(topics_per_connection=3))
    bench.streams.want([channel(f"book:{name}") for name in "ABCDE"])
    bench.streams.start()
    await bench.run(5)
    assert [one.topics for one in bench.streams.status().connections] == [3, 2]

    bench.streams.want([channel(f"book:{name}") for name in "ABC"])
    await bench.run(20)
    assert [one.name for one in bench.streams.status().connections] == ["okx/public/1"]
    assert bench.sink.happened("okx/public/2") == ["open", "close"]
    await close(bench)


async def test_hundreds_of_changes_make_few_requests(bench: Bench) -> None:
    names = [channel(f"book:{number}") for number in range(60)]
    bench.streams.start()
    chance = random.Random(3)
    for _ in range(400):
        bench.streams.want(chance.sample(names, 30))
        await bench.run(0.05, every=0.05, sends=False)
    bench.streams.want(names[:30])
    await bench.run(10)

    assert bench.subscribed() == {one.topic for one in names[:30]}
    assert len(bench.net.connects) == 1
    assert bench.venue.requests <= 5 * 30 + 10  # 30 s at the pace of the connection
    assert all(bench.state(one.topic) == "live" for one in names[:30])


async def test_a_sink_that_raises_kills_nothing(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    bench.sink.raises = True
    await bench.run(5)
    bench.sink.raises = False
    await bench.run(5)

    assert bench.streams.status().sink_errors > 5
    assert len(bench.net.connects) == 1
    assert len(bench.sink.of("book:A")) >= 9


async def test_a_fault_of_our_own_is_logged_and_the_connection_restarted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)

    def broken(text: str) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(bench.language, "read_ack", broken)
        bench.net.sockets[0].push("ok:9")
        await bench.clock.advance(0.1)
        assert "ZeroDivisionError" in bench.streams.status().words
    await bench.run(10)

    assert bench.streams.status().task_errors == 1
    assert bench.state("book:A") == "live"


async def test_closing_is_bounded_even_while_connecting() -> None:
    bench = Bench()
    bench.net.on_connect("wss://", HANG)
    bench.streams.want([channel("book:A"), channel("candle:A", path="business")])
    bench.streams.start()
    await bench.run(3)
    await close(bench)


async def test_closing_right_after_a_connection_was_left_empty_closes_its_socket(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)
    bench.streams.want([])
    await bench.run(11.5)


@pytest.mark.parametrize("language", [BybitLive("bybit-linear"), BybitLive("bybit-spot"), BitgetLive()])
async def test_the_real_languages_are_subscribed_within_their_limits(language: VenueLive) -> None:
    clock = SteppedClock()
    net = FakeNet(clock)
    streams = StreamSet(language, net, clock, random.Random(1), Sink(), ConnectPace(clock))
    path = next(iter(language.paths))
    prefix = "ticker:" if language.venue == "bitget-usdt" else "tickers."
    topics = [f"{prefix}COIN{number}USDT" for number in range(700)]
    streams.want([Channel(topic, path, "ticker", topic[len(prefix) :]) for topic in topics])
    streams.start()
    await clock.advance(30)

    sent = [text for socket in net.sockets for text in socket.sent if "subscribe" in text]
    assert all(
        any(f'"COIN{number}USDT"' in text or f'.COIN{number}USDT"' in text for text in sent) for number in (0, 699)
    )
    per_hour = language.stream_limits.requests_per_hour
    assert per_hour is None or all(len(socket.sent) <= per_hour for socket in net.sockets)
    assert {one.state for one in streams.status().connections} <= {"syncing", "stale"}
    task = asyncio.create_task(streams.close())
    await clock.advance(5)
    assert task.done()


@pytest.mark.parametrize("seed", range(12))
async def test_after_any_faults_everything_wanted_is_live_again(seed: int) -> None:
    """Faults of all kinds for a while, then none: what is wanted must be live, on one socket for each connection."""
    chance = random.Random(seed)
    limits = StreamLimits(5, None, 100, 400, "ping", 20, 60)
    bench = Bench(StreamLanguage(limits, topics_per_connection=8), seed)
    names = [f"book:{number}" for number in range(12)]
    events = [f"trades:{number}" for number in range(6)]

    def wish() -> None:
        bench.streams.want([channel(one) for one in chance.sample(names, 8)] + [event(one) for one in events])

    wish()
    bench.streams.start()
    for _ in range(120):
        open_ones = [socket for socket in bench.net.sockets if socket.ended is None]
        fault = chance.randrange(12)
        if fault == 0 and open_ones:
            chance.choice(open_ones).drop("chance")
        elif fault == 1 and open_ones:
            chance.choice(open_ones).end(1001, "chance")
        elif fault == 2 and open_ones:
            chance.choice(open_ones).push("bye", "error nobody knows", "no:99:what")
        elif fault == 3:
            bench.venue.deaf ^= set(chance.sample(names, 2))
        elif fault == 4:
            bench.venue.unknown ^= set(chance.sample(names, 1))
        elif fault == 5:
            bench.venue.frozen = not bench.venue.frozen
        elif fault == 6:
            bench.venue.acks = not bench.venue.acks
        elif fault == 7:
            outcome: str | Failed = Failed("reset", "chance") if chance.random() < 0.4 else chance.choice([OPEN, HANG])
            bench.net.on_connect(FIRST, outcome, OPEN)
        elif fault == 8:
            wish()
        elif fault == 9:
            bench.streams.resubscribe(chance.choice(names))
        elif fault == 10:
            bench.sink.raises = not bench.sink.raises
        await bench.run(chance.choice([1, 5, 30]), every=1)
    bench.venue.deaf, bench.venue.unknown = set(), set()
    bench.venue.frozen, bench.venue.acks, bench.sink.raises = False, True, False
    bench.net.on_connect(FIRST, OPEN)
    wish()
    await bench.until(lambda: bench.streams.status().channels_live == 14, 2400)
    await bench.run(60, every=1)

    status = bench.streams.status()
    assert status.task_errors == 0
    assert status.channels_live == 14
    wanted = {one.channel.topic for name in names + events if (one := bench.streams.channel(name)) is not None}
    assert bench.subscribed() == wanted
    await close(bench)


async def test_a_fault_in_the_watch_does_not_end_the_watching(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)
    with monkeypatch.context() as patch:
        patch.setattr(StreamSet, "_rotate_due", lambda _: 1 / 0)
        await bench.run(3)
    assert bench.streams.status().task_errors >= 2
    bench.venue.deaf.add("book:A")
    await bench.until(lambda: ["book:A"] in bench.sent("unsub"), 40)


async def test_what_is_not_wanted_any_more_does_not_count_as_delivering(bench: Bench) -> None:
    """The counts are of the newest look, a second ago; more than all cannot deliver."""
    bench.streams.want([channel(f"book:{name}") for name in "ABCD"])
    bench.streams.start()
    await bench.run(10)
    assert bench.streams.status().channels_live == 4
    bench.streams.want([channel(f"book:{name}") for name in "AB"])
    status = bench.streams.status()
    assert (status.channels, status.channels_live) == (2, 2)
    bench.streams.want([channel(f"book:{name}") for name in "ABE"])
    status = bench.streams.status()
    assert (status.channels, status.channels_live) == (3, 2)
