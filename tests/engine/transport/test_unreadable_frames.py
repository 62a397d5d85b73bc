"""A connection of which too much cannot be read is replaced, and not in a storm."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.engine.transport.stream_bench import Bench, close
from tests.engine.transport.stream_language import SECOND, channel

NAME = "okx/public/1"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.streams.want([channel(f"book:{name}") for name in "ABCDEFGHIJ"])
    made.streams.start()
    await made.run(5)
    yield made
    await close(made)


async def read(bench: Bench, seconds: float, *, unreadable: float) -> None:
    """Let time pass; of what comes, this share cannot be read."""
    owed = 0.0
    for _ in range(round(seconds)):
        before = len(bench.sink.frames)
        await bench.run(1)
        owed += unreadable * (len(bench.sink.frames) - before)
        while owed >= 1.0:
            owed -= 1.0
            bench.streams.unreadable(NAME)


async def test_more_than_a_hundredth_that_cannot_be_read_leads_to_a_new_connection_that_says_why(bench: Bench) -> None:
    words = set()
    for _ in range(45):
        await read(bench, 1, unreadable=0.1)
        words.add(bench.streams.status().words)
        if bench.streams.status().reconnects:
            break
    assert bench.streams.status().reconnects == 1
    assert [one for one in words if "frames in 30 s could not be read, reconnecting in" in one]
    assert bench.sink.happened(NAME)[:2] == ["open", "error"]

    await read(bench, 60, unreadable=0.0)
    assert bench.streams.status().reconnects == 1
    assert (bench.streams.status().state, bench.streams.status().words) == ("live", "")


async def test_a_few_that_cannot_be_read_are_no_reason(bench: Bench) -> None:
    for _ in range(20):
        await read(bench, 29, unreadable=0.0)
        for _ in range(5):
            bench.streams.unreadable(NAME)
        await read(bench, 1, unreadable=0.0)
    await read(bench, 300, unreadable=0.005)
    assert bench.streams.status().reconnects == 0


async def test_where_each_connection_is_as_bad_they_follow_one_another_ever_more_seldom_and_elsewhere(
    bench: Bench,
) -> None:
    times, reconnects = [], 0
    for second in range(3_600):
        await read(bench, 1, unreadable=0.5)
        if bench.streams.status().reconnects > reconnects:
            reconnects = bench.streams.status().reconnects
            times.append(second)
    assert 4 <= reconnects <= 8, times
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert all(after > 1.1 * before for before, after in itertools.pairwise(waits)), waits
    assert SECOND in bench.net.connects


async def test_after_a_connection_without_fault_it_begins_at_the_shortest_wait(bench: Bench) -> None:
    await read(bench, 100, unreadable=0.5)
    assert bench.streams.status().reconnects >= 1
    await read(bench, 400, unreadable=0.0)
    before = bench.streams.status().reconnects
    await read(bench, 70, unreadable=0.5)
    assert bench.streams.status().reconnects >= before + 2
