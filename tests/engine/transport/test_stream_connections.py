"""Connections that break or cannot be made: which host is tried next, when, and what is said meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest

from engine.transport.net import Failed
from engine.transport.stream_pace import ConnectPace
from tests.engine.transport.fake_net import HANG, OPEN, answer
from tests.engine.transport.stepped_clock import SteppedClock
from tests.engine.transport.stream_bench import Bench
from tests.engine.transport.stream_language import (
    FIRST,
    LIMITS,
    SECOND,
    channel,
    event,
)


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


@pytest.mark.parametrize("failure", [Failed("refused", "nobody listens"), Failed("resolve", "no address found"), HANG])
async def test_a_host_that_cannot_be_reached_is_followed_by_the_other_and_that_is_said(
    bench: Bench, failure: Failed | str
) -> None:
    bench.net.on_connect(FIRST, failure)
    bench.streams.want([channel("book:A")])
    bench.streams.start()
    told: dict[str, None] = {}

    def is_live() -> bool:
        told[bench.streams.status().connections[0].words] = None
        return bench.state("book:A") == "live"

    took = await bench.until(is_live, 60)

    assert took < 30
    assert bench.net.connects == [FIRST, FIRST, SECOND]
    assert any(re.search(r"^one\.example: .*; attempt 3 at two\.example in \d s$", words) for words in told), told


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
