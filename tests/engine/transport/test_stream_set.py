"""Streams are kept alive through everything a venue and a network do: silence, refusals, breaks, hand-overs."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.net import Failed
from engine.transport.stream_pace import ConnectPace
from engine.transport.stream_set import StreamSet
from engine.venues.bitget.live import BitgetLive
from engine.venues.bybit.live import BybitLive
from engine.venues.live import Channel, StreamLimits, VenueLive
from tests.engine.transport.fake_net import HANG, OPEN, FakeNet, answer
from tests.engine.transport.stepped_clock import SteppedClock
from tests.engine.transport.stream_bench import Bench, close
from tests.engine.transport.stream_language import (
    FIRST,
    LIMITS,
    SECOND,
    Sink,
    StreamLanguage,
    channel,
    event,
)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await close(made)


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


async def test_a_silent_topic_is_told_from_a_live_connection_and_heals(bench: Bench) -> None:
    bench.streams.want([channel(f"book:{name}") for name in "ABCDEF"])
    bench.streams.start()
    await bench.run(10)
    bench.venue.deaf.add("book:C")
    took = await bench.until(lambda: ["book:C"] in bench.sent("unsub"), 40)

    assert 30 <= took <= 33
    (unwell,) = bench.streams.unwell()
    assert unwell.channel.topic == "book:C"
    assert "resubscribing" in unwell.words
    assert len(bench.net.connects) == 1
    bench.venue.deaf.clear()
    await bench.run(5)
    assert bench.state("book:C") == "live"
    assert all(bench.sent("sub").count([f"book:{name}"]) == 0 for name in "ABDEF")


async def test_a_topic_that_stays_silent_is_moved_and_no_other_is_disturbed(bench: Bench) -> None:
    bench.streams.want([channel(f"book:{name}") for name in "ABCDEF"])
    bench.streams.start()
    await bench.run(10)
    bench.venue.deaf.add("book:C")
    await bench.run(1200, every=1)

    found = bench.streams.channel("book:C")
    assert found is not None
    assert found.connection == "okx/public/2"
    assert bench.sink.happened("okx/public/1") == ["open"]
    assert "error" in bench.sink.happened("okx/public/2")
    asked = sum("book:C" in topics for topics in bench.sent("sub"))
    assert 4 <= asked <= 12
    heard = bench.sink.of("book:A")
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    bench.venue.deaf.clear()
    await bench.until(lambda: bench.state("book:C") == "live", 400)


async def test_a_topic_that_never_speaks_is_late_after_its_first_deadline(bench: Bench) -> None:
    bench.venue.deaf.add("book:C")
    bench.streams.want([channel(f"book:{name}") for name in "ABCDEF"])
    bench.streams.start()
    await bench.until(lambda: ["book:C"] in bench.sent("unsub"), 20)

    assert bench.streams.status().channels_live == 5
    assert "book:C" in bench.streams.status().words


async def test_quiet_channels_of_events_are_well(bench: Bench) -> None:
    bench.venue.deaf |= {"liquidations:A", "trades:A"}
    bench.streams.want([event("liquidations:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(600, every=1)

    assert bench.state("liquidations:A") == "quiet"
    assert bench.streams.status().channels_live == 2
    assert len(bench.net.connects) == 1
    assert len(bench.sent("sub")) == 1


async def test_a_confirmed_feed_of_liquidations_is_told_though_none_comes_and_told_anew_after_a_break(
    bench: Bench,
) -> None:
    bench.venue.deaf |= {"liquidations:A", "trades:A"}
    bench.streams.want([event("liquidations:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    mark = "okx/public/1#liquidations:A"
    assert bench.sink.happened(mark) == ["open"]
    assert bench.sink.happened("okx/public/1#trades:A") == []
    bench.net.sockets[0].drop()
    await bench.run(20)
    assert bench.sink.happened("okx/public/1") == ["open", "error", "open"]
    assert bench.sink.happened(mark) == ["open", "open"]
    names = [one.connection + " " + one.what for one in bench.sink.events]
    assert names.index("okx/public/1 error") < len(names) - 1 - names[::-1].index(f"{mark} open")
    bench.streams.want([event("trades:A")])
    assert bench.sink.happened(mark) == ["open", "open", "close"]


async def test_a_subscription_of_liquidations_that_is_not_confirmed_is_not_told(bench: Bench) -> None:
    bench.venue.acks = False
    bench.venue.deaf.add("liquidations:A")
    bench.streams.want([event("liquidations:A")])
    bench.streams.start()
    await bench.run(8)
    assert bench.sink.happened("okx/public/1#liquidations:A") == []


async def test_a_half_open_connection_is_replaced_and_everything_subscribed_again(bench: Bench) -> None:
    bench.streams.want([event("trades:A"), event("trades:B")])
    bench.streams.start()
    await bench.run(10)
    before_ms = bench.clock.now_ns() // 1_000_000
    bench.venue.frozen = True
    await bench.run(64)
    assert len(bench.net.connects) == 2
    bench.venue.frozen = False
    bench.venue.read.clear()
    await bench.run(15)

    assert bench.subscribed() == {"trades:A", "trades:B"}
    assert bench.sink.happened("okx/public/1")[:3] == ["open", "error", "open"]
    assert {gap.channel.topic for gap in bench.gaps} == {"trades:A", "trades:B"}
    assert all(gap.from_ms <= before_ms + 1 and gap.until_ms > before_ms + 60_000 for gap in bench.gaps)
    assert bench.streams.status().reconnects >= 1


async def test_a_path_that_acknowledges_and_sends_nothing_is_connected_anew_and_elsewhere(bench: Bench) -> None:
    bench.venue.silent_hosts.add(FIRST)
    bench.streams.want([channel(f"book:{name}") for name in "ABCDE"])
    bench.streams.start()
    await bench.until(lambda: bench.streams.status().state == "stale", 20)
    await bench.until(lambda: SECOND in bench.net.connects, 200)
    await bench.run(10)

    assert bench.streams.status().state == "live"
    assert bench.streams.status().connections[0].host == "two.example"


async def test_a_refused_topic_is_parked_with_the_venues_words_and_the_others_go_on(bench: Bench) -> None:
    bench.venue.unknown.add("book:X")
    bench.streams.want([channel(f"book:{name}") for name in "ABX"])
    bench.streams.start()
    await bench.run(60)

    assert bench.subscribed() == {"book:A", "book:B"}
    assert bench.state("book:X") == "refused"
    (unwell,) = bench.streams.unwell()
    assert "60018 no such channel" in unwell.words
    asked = sum("book:X" in topics for topics in bench.sent("sub"))
    await bench.run(600, every=1)
    assert sum("book:X" in topics for topics in bench.sent("sub")) == asked == 3
    bench.venue.unknown.clear()
    await bench.until(lambda: bench.state("book:X") == "live", 2400)


async def test_a_venue_that_refuses_everything_is_not_live_and_is_asked_again_within_minutes(bench: Bench) -> None:
    names = [f"book:{name}" for name in "ABCDE"]
    bench.venue.unknown.update(names)
    bench.streams.want([channel(name) for name in names])
    bench.streams.start()
    await bench.run(60)
    assert bench.streams.status().state != "live"
    assert "subscriptions are refused" in bench.streams.status().words

    bench.venue.unknown.clear()
    await bench.until(lambda: bench.subscribed() == set(names), 300)
    await bench.run(5)
    assert bench.streams.status().state == "live"


async def test_where_most_is_refused_the_rest_is_handed_over_without_a_break(bench: Bench) -> None:
    names = [f"book:{name}" for name in "ABCDE"]
    bench.venue.unknown.update(names[1:])
    bench.streams.want([channel(name) for name in names])
    bench.streams.start()
    await bench.run(60)
    assert bench.streams.status().state != "live"

    bench.venue.unknown.clear()
    await bench.until(lambda: all(bench.state(name) == "live" for name in names), 300)
    assert bench.streams.status().reconnects == 0


async def test_a_refusal_that_names_nothing_is_narrowed_down(bench: Bench) -> None:
    bench.streams.want([channel(f"book:{name}") for name in "ABCX"])
    bench.streams.start()
    for _ in range(120):
        await bench.clock.advance(0.5)
        for socket in bench.net.sockets:
            start = bench.venue.read.get(0, 0)
            bench.venue.read[0] = len(socket.sent)
            for text in socket.sent[start:]:
                if text == "ping":
                    continue
                said = json.loads(text)
                bad = "book:X" in said["topics"] and said["op"] == "sub"
                socket.push(f"no:{said['id']}:bad request" if bad else f"ok:{said['id']}")
                if not bad and said["op"] == "sub":
                    bench.venue.held.setdefault(0, set()).update(said["topics"])
        bench.venue.send()

    assert bench.subscribed() == {"book:A", "book:B", "book:C"}
    assert bench.state("book:X") == "refused"
    assert bench.streams.status().channels_live == 3


async def test_a_missing_answer_leads_to_another_request(bench: Bench) -> None:
    bench.venue.frozen = True
    bench.streams.want([event("trades:A")])
    bench.streams.start()
    await bench.run(5)
    bench.venue.frozen = False
    await bench.run(15)

    assert bench.state("trades:A") == "live"
    assert bench.sent("sub") == [["trades:A"], ["trades:A"]]


async def test_a_kicked_connection_comes_back_with_everything(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].end(1001, "going away")
    await bench.clock.advance(0.1)
    assert "closed by server (1001 going away)" in bench.streams.status().words
    took = await bench.until(lambda: bench.subscribed() == {"book:A", "trades:A"}, 10)

    assert took <= 5
    assert bench.sink.happened("okx/public/1") == ["open", "close", "open"]
    await bench.run(3)
    assert [gap.channel.topic for gap in bench.gaps] == ["trades:A"]


async def test_a_flapping_host_is_tried_ever_more_seldom(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    for _ in range(600):
        await bench.run(1, every=1)
        if bench.net.sockets and bench.net.sockets[-1].ended is None:
            bench.net.sockets[-1].drop("flap")

    assert 20 < len(bench.net.connects) <= 80


async def test_a_region_refusal_goes_to_the_next_host_and_says_so(bench: Bench) -> None:
    bench.net.on_connect(FIRST, Failed("status", "upgrade answered 451", answer("", status=451)))
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)

    assert bench.streams.status().connections[0].host == "two.example"
    assert bench.net.connects == [FIRST, SECOND]
    bench.net.sockets[-1].drop()
    await bench.run(10)
    assert bench.net.connects == [FIRST, SECOND, SECOND]


async def test_hosts_that_all_refuse_the_region_are_asked_seldom_and_the_status_says_why(bench: Bench) -> None:
    for url in (FIRST, SECOND):
        bench.net.on_connect(url, Failed("status", "upgrade answered 403", answer("", status=403)))
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(3600, every=5)

    status = bench.streams.status()
    assert status.state == "down"
    assert "refuses this region or network (403)" in status.words
    assert 10 < len(bench.net.connects) < 60
    assert [one.what for one in bench.sink.events] == ["error"]


@pytest.mark.parametrize("message", ["no address found", "one.example: no address found"])
async def test_a_host_that_cannot_be_reached_is_named_once(bench: Bench, message: str) -> None:
    for url in (FIRST, SECOND):
        bench.net.on_connect(url, Failed("resolve", message))
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(0.5)

    words = bench.streams.status().connections[0].words
    assert "one.example: no address found" in words
    assert words.count("one.example") == 1


@pytest.mark.parametrize("failure", [Failed("refused", "nobody listens"), HANG])
async def test_a_host_that_cannot_be_reached_is_followed_by_the_other(bench: Bench, failure: Failed | str) -> None:
    bench.net.on_connect(FIRST, failure)
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    took = await bench.until(lambda: bench.state("book:A") == "live", 60)

    assert took < 30
    assert bench.net.connects == [FIRST, FIRST, SECOND]


async def test_a_host_that_is_crowded_is_left_alone_as_long_as_it_says(bench: Bench) -> None:
    crowded = Failed("status", "upgrade answered 429", answer("", status=429, headers={"retry-after": "90"}))
    bench.language.paths = {"public": (FIRST,)}
    bench.net.on_connect(FIRST, crowded, OPEN)
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(88)
    assert len(bench.net.connects) == 1
    await bench.run(10)
    assert len(bench.net.connects) == 2


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


async def test_a_machine_that_slept_replaces_its_sockets(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    bench.clock.wall_skew_ns = 600 * 1_000_000_000
    await bench.run(10)

    assert len(bench.net.connects) == 2
    assert bench.state("book:A") == "live"


@pytest.mark.parametrize("heartbeat", [None, "ping"])
async def test_pings_without_answers_are_no_reason_to_leave_a_connection_that_brings_data(
    heartbeat: str | None,
) -> None:
    bench = Bench(StreamLanguage(StreamLimits(5, None, 100, None, heartbeat, 5, 20)))
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    assert bench.streams.status().round_trip_ms is not None
    socket = bench.net.sockets[0]
    socket.answers_pings = bench.venue.answers_pings = False
    asked = socket.pulse.pings_sent + socket.sent.count("ping")
    await bench.run(1_800)

    assert len(bench.net.connects) == 1
    assert socket.pulse.pings_sent + socket.sent.count("ping") >= asked + 300
    status = bench.streams.status()
    assert (status.state, status.words, status.reconnects) == ("live", "", 0)
    assert status.round_trip_ms is None, "not known, rather than the one of half an hour ago"
    await bench.run(30, sends=False)
    assert len(bench.net.connects) == 2, "once neither comes"


@pytest.mark.parametrize(("stopped_s", "replaced"), [(600.0, True), (31.0, True), (20.0, False)])
async def test_a_program_that_was_stopped_replaces_its_sockets_if_it_was_for_long(
    bench: Bench, stopped_s: float, replaced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    # Nothing of the program runs meanwhile, whatever it waits for.
    bench.clock._monotonic_ns += round(stopped_s * 1e9)
    await bench.run(10)

    assert (len(bench.net.connects) == 2) is replaced
    assert ("prism was stopped for " in caplog.text) is replaced
    assert bench.state("book:A") == "live"


async def test_a_backlog_of_our_own_is_no_silence_of_the_venue(bench: Bench) -> None:
    bench.streams.want([channel(f"book:{name}") for name in "ABCDE"])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].intake.waiting = 20_000
    bench.venue.deaf |= {f"book:{name}" for name in "ABCDE"}
    for _ in range(50):
        await bench.run(1, every=1)
        bench.net.sockets[0].intake.waiting = 20_000
    assert len(bench.net.connects) == 1


HAND_OVER = StreamLimits(5, None, 100, 1000, "ping", 20, 60)


@pytest.mark.parametrize("mends_by_request", [False, True])
async def test_a_connection_is_handed_over_without_loss(mends_by_request: bool) -> None:
    bench = Bench(StreamLanguage(HAND_OVER))
    bench.language.mends_by_request = mends_by_request
    bench.venue.deaf.add("liquidations:A")
    bench.streams.want([channel("book:A"), event("trades:A"), channel("ticker:A"), event("liquidations:A")])
    bench.streams.start()
    await bench.run(990)

    assert len(bench.net.sockets) == 2
    assert bench.net.sockets[0].ended is not None
    for topic in ("book:A", "trades:A", "ticker:A"):
        numbers = bench.sink.of(topic)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), topic
    assert bench.sink.happened("okx/public/1") == ["open", "open"]
    assert bench.gaps == []
    (status,) = bench.streams.status().connections
    assert (status.rotations, status.reconnects) == (1, 0)
    await close(bench)


async def test_a_notice_leads_to_a_hand_over_before_the_venue_closes(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].push("bye")
    await bench.run(20)

    assert bench.net.sockets[0].closed_by_us
    assert bench.sink.happened("okx/public/1") == ["open", "open"]
    numbers = bench.sink.of("trades:A")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_an_old_socket_that_dies_during_the_hand_over_leaves_the_new_one(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].push("bye")
    await bench.until(lambda: len(bench.net.sockets) == 2, 10)
    bench.net.sockets[0].drop("gone")
    await bench.run(10)

    assert len(bench.net.connects) == 2
    assert bench.subscribed() == {"book:A", "trades:A"}
    assert [gap.channel.topic for gap in bench.gaps] == ["trades:A"]
    assert bench.state("book:A") == "live"


async def test_a_new_socket_that_dies_during_the_hand_over_costs_nothing(bench: Bench) -> None:
    bench.streams.want([event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].push("bye")
    await bench.until(lambda: len(bench.net.sockets) == 2, 10)
    bench.net.sockets[1].drop("gone")
    await bench.run(30)

    assert bench.sink.happened("okx/public/1") == ["open", "open"]
    assert bench.gaps == []
    numbers = bench.sink.of("trades:A")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_frames_of_a_topic_that_left_its_socket_are_not_passed_on(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), channel("book:B")])
    bench.streams.start()
    await bench.run(5)
    bench.streams.want([channel("book:B")])
    bench.net.sockets[0].push("book:A|999")
    await bench.clock.advance(0)

    assert 999 not in bench.sink.of("book:A")


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


async def test_hours_of_hand_overs_and_breaks_leave_nothing_behind() -> None:
    bench = Bench(StreamLanguage(StreamLimits(5, None, 100, 300, "ping", 20, 60)))
    bench.streams.want([channel("book:A"), event("trades:A")])
    bench.streams.start()
    await bench.run(60, every=5)
    tasks = len(asyncio.all_tasks())
    chance = random.Random(5)
    for _ in range(600):
        await bench.run(60, every=5)
        bench.sink.frames.clear()
        for index, socket in enumerate(bench.net.sockets):
            if socket.ended is not None:
                bench.venue.held.pop(index, None)
        if chance.random() < 0.1:
            bench.net.sockets[-1].drop("chance")
    await bench.run(60, every=5)

    assert len(asyncio.all_tasks()) <= tasks + 2
    (status,) = bench.streams.status().connections
    assert status.rotations > 60
    assert status.reconnects > 20
    assert sum(socket.ended is None for socket in bench.net.sockets) == 1
    assert bench.streams.status().state == "live"
    await close(bench)


async def test_closing_is_bounded_even_while_connecting() -> None:
    bench = Bench()
    bench.net.on_connect("wss://", HANG)
    bench.streams.want([channel("book:A"), channel("candle:A", path="business")])
    bench.streams.start()
    await bench.run(3)
    await close(bench)


async def test_attempts_to_connect_are_counted_over_all_products_of_a_host() -> None:
    clock = SteppedClock()
    pace = ConnectPace(clock)
    made: list[float] = []

    async def connect() -> None:
        await pace.take("one.example", 5)
        made.append(clock.seconds)

    tasks = [asyncio.create_task(connect()) for _ in range(12)]
    await clock.advance(900)
    assert all(task.done() for task in tasks)
    assert all(later - earlier > 0.4 - 1e-6 for earlier, later in itertools.pairwise(made))
    assert all(made[place + 5] - made[place] > 300 - 1e-6 for place in range(7))
    assert LIMITS.connects_per_5_min == 100


async def test_a_book_goes_over_to_the_new_socket_with_its_snapshot_and_never_back(bench: Bench) -> None:
    bench.streams.want([channel("book:A"), channel("ticker:slow")])
    bench.streams.start()
    await bench.run(10)
    bench.venue.deaf.add("ticker:slow")
    bench.net.sockets[0].push("bye")
    await bench.until(lambda: 1 in bench.venue.held and "book:A" in bench.venue.held[1], 10)
    old, new = bench.net.sockets[:2]
    bench.sink.frames.clear()
    old.push("book:A|1001")
    await bench.clock.advance(0)
    new.push("book:A|1000", "book:A|1002")
    await bench.clock.advance(0)
    old.push("book:A|1002", "book:A|1003")
    await bench.clock.advance(0)

    first = bench.sink.of("book:A")
    assert first in ([1001, 1000, 1002], [1000, 1002])  # the snapshot may be older than the last change
    assert 1003 not in first


async def test_trades_of_both_sockets_are_passed_on_and_equal_copies_once(bench: Bench) -> None:
    bench.streams.want([event("trades:A"), channel("ticker:slow")])
    bench.streams.start()
    await bench.run(10)
    bench.venue.deaf.add("ticker:slow")
    bench.net.sockets[0].push("bye")
    await bench.until(lambda: "trades:A" in bench.venue.held.get(1, ()), 10)
    old, new = bench.net.sockets[:2]
    bench.sink.frames.clear()
    old.push("trades:A|1", "trades:A|2")
    await bench.clock.advance(0)
    new.push("trades:A|2", "trades:A|3")
    await bench.clock.advance(0)
    old.push("trades:A|3", "trades:A|4")
    await bench.clock.advance(0)

    assert bench.sink.of("trades:A") == [1, 2, 3, 4]


async def test_a_connection_that_breaks_after_a_hand_over_comes_back(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].push("bye")
    await bench.run(20)
    bench.net.sockets[1].drop("reset")
    await bench.run(10)

    assert len(bench.net.connects) == 3
    assert bench.state("book:A") == "live"


async def test_closing_right_after_a_connection_was_left_empty_closes_its_socket(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(5)
    bench.streams.want([])
    await bench.run(11.5)


async def test_a_socket_whose_goodbye_hangs_does_not_hold_up_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    old = bench.net.sockets[0]
    hanging = asyncio.Event()

    async def never() -> None:
        await hanging.wait()

    monkeypatch.setattr(old, "close", never)
    old.drop("reset")
    await bench.run(6)
    assert bench.state("book:A") == "live"


async def test_hand_overs_that_fail_are_not_repeated_in_haste(bench: Bench) -> None:
    bench.streams.want([event("trades:A")])
    bench.streams.start()
    await bench.run(10)
    bench.net.sockets[0].push("bye")
    for _ in range(60):
        await bench.run(1, every=1)
        for socket in bench.net.sockets[1:]:
            if socket.ended is None:
                socket.drop("chance")

    assert 5 <= len(bench.net.connects) <= 14
    assert bench.sink.happened("okx/public/1") == ["open"]


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
