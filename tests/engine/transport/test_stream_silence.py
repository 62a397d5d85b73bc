"""Silence is told from life, topic by topic: what is late is asked for anew, moved, or connected anew."""

from __future__ import annotations

import pytest

from engine.venues.live import StreamLimits
from tests.engine.transport.stream_bench import Bench
from tests.engine.transport.stream_language import (
    FIRST,
    SECOND,
    StreamLanguage,
    channel,
    event,
)


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


async def test_a_machine_that_slept_replaces_its_sockets(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(10)
    bench.clock.wall_skew_ns = 600 * 1_000_000_000
    await bench.run(10)

    assert len(bench.net.connects) == 2
    assert bench.state("book:A") == "live"


async def test_after_a_short_sleep_the_venue_is_told_at_once_that_somebody_is_there(bench: Bench) -> None:
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    await bench.run(22)
    socket = bench.net.sockets[0]
    assert socket.sent.count("ping") == 1
    bench.clock.wall_skew_ns = 11 * 1_000_000_000
    await bench.run(2)
    assert socket.sent.count("ping") == 2
    await bench.run(19)
    assert socket.sent.count("ping") == 3, "and from then on at its pace"
    assert len(bench.net.connects) == 1


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
