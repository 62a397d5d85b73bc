"""Subscriptions that a venue refuses or does not answer, and the others beside them."""

from __future__ import annotations

import json

from tests.engine.transport.stream_bench import Bench
from tests.engine.transport.stream_language import (
    channel,
    event,
)


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
