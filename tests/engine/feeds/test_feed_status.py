"""How a product is told to do: its streams decide, its requests stand beside them with how long they wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.config.schema import Config
from engine.feeds.status import feed_of
from engine.intake import VenueTally
from engine.pipeline import Pipeline
from engine.snapshot import SILENT_MS, Feed
from engine.transport.budgets import Priority
from engine.transport.net import Failed
from engine.venues.base import Verdict
from tests.engine.feeds.feed_bench import FeedBench, perp
from tests.engine.transport.fake_net import HANG, answer
from tests.engine.transport.plain_language import FIRST, SECOND


class Told:
    """A feed, the market it fills, and what is told of both."""

    def __init__(self) -> None:
        self.bench = FeedBench()
        self.pipeline = Pipeline(Config(), "live")
        for symbol in ("A", "B"):
            for interval in ("1m", "5m", "15m", "4h"):
                self.bench.market.runs[symbol, interval] = (10**15, 10_000, False)

    def feed(self) -> Feed:
        return feed_of(self.bench.feed, self.bench.rest, self.pipeline, self.bench.clock)

    async def start(self) -> None:
        self.bench.feed.start()
        self.bench.feed.follow([perp("A"), perp("B")])
        await self.bench.run(8)
        for record in self.bench.records:
            self.pipeline.ingest(record)

    def heard(self) -> None:
        """Market data came just now."""
        tally = self.pipeline.tallies["okx"]
        tally.newest_ms = self.bench.clock.now_ns() // 1_000_000

    async def refused(self, body: object, status: int) -> None:
        """A request is refused by every host."""
        for host in (FIRST, SECOND):
            self.bench.net.on_get(host + "/x", answer(body, status=status))
        asked = asyncio.create_task(self.bench.rest.ask(self.bench.language, "GET /x", priority=Priority.POLL))
        await self.bench.clock.advance_until(asked.done, 120)
        asked.exception()


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    made = Told()
    yield made
    await made.bench.close()


async def test_before_anything_came_nothing_is_claimed(told: Told) -> None:
    told.bench.net.on_connect("wss://", HANG)
    told.bench.feed.start()
    found = told.feed()
    assert found.state in ("connecting", "down")
    assert (found.age_ms, found.frames, found.latency_ms, found.skew_ms) == (None, 0, None, None)
    assert (found.requests, found.channels_live) == ("", 0)


async def test_a_product_that_is_well_is_live_without_words(told: Told) -> None:
    await told.start()
    told.heard()
    found = told.feed()
    assert (found.state, found.detail, found.requests) == ("live", "", "")
    assert (found.channels, found.channels_live, found.age_ms, found.trade_holes) == (3, 3, 0, 0)
    told.pipeline.tallies["okx"].trade_holes = 2
    assert told.feed().trade_holes == 2
    assert found.frames > 0
    assert found.latency_ms is not None
    assert found.skew_ms is not None


async def test_subscriptions_that_deliver_nothing_of_the_market_are_not_called_live(told: Told) -> None:
    await told.start()
    told.heard()
    told.pipeline.tallies["okx"].newest_ms -= SILENT_MS + 1_000
    found = told.feed()
    assert found.state == "stale"
    assert found.detail.startswith("no market data for 16 s")


async def test_data_that_comes_late_is_told_by_how_much_and_stale_from_15_s_on(told: Told) -> None:
    await told.start()
    told.heard()
    tally, skew_ms = told.pipeline.tallies["okx"], told.feed().skew_ms
    assert skew_ms is not None
    for late_ms, state, detail in (
        (4_000, "live", ""),
        (6_200, "live", "market data comes 6 s late"),
        (22_000, "stale", "market data comes 22 s late"),
    ):
        # Both clocks as they are: a venue's clock that is ahead makes its data look younger than it is.
        tally.lag_ms = round(late_ms - skew_ms)
        found = told.feed()
        assert (found.state, found.detail) == (state, detail)


def test_how_late_data_comes_is_the_least_delay_of_a_window() -> None:
    tally = VenueTally()
    told = []
    for recv_ms, ts_ms in (
        (10_000, 9_000), (11_000, 4_000), (14_900, 14_500), (14_950, 9_000), (15_000, 3_000), (20_001, 20_000),
    ):  # fmt: skip
        tally.arrived(recv_ms, ts_ms)
        told.append(tally.lag_ms)
    assert told == [None, None, None, None, 400, 12_000]


async def test_streams_are_live_though_requests_are_refused_and_how_long_is_told(told: Told) -> None:
    await told.start()
    told.heard()
    await told.refused({"banned": 600}, 418)
    told.heard()
    found = told.feed()
    assert found.state == "live"
    assert found.requests == "one.example resting: 418 banned, asked again in 10 min"
    await told.bench.run(480)
    assert told.feed().requests == "one.example resting: 418 banned, asked again in 120 s"
    await told.bench.run(121)
    assert told.feed().requests == ""


async def test_a_refused_region_names_every_host(told: Told) -> None:
    await told.start()
    for host in (FIRST, SECOND):
        told.bench.net.on_get(host, answer({"region": 1}, status=451))
    await told.refused({"region": 1}, 451)
    assert told.feed().requests == (
        "one.example region: 451 region, asked again in 60 min; two.example region: 451 region, asked again in 60 min"
    )


async def test_one_host_that_answers_is_enough(told: Told) -> None:
    await told.start()
    told.bench.net.on_get(FIRST, Failed("refused", "nobody listens"))
    told.bench.net.on_get(SECOND, answer({}))
    asked = asyncio.create_task(told.bench.rest.ask(told.bench.language, "GET /y", priority=Priority.POLL))
    await told.bench.clock.advance_until(asked.done, 60)
    assert told.feed().requests == ""


async def test_what_was_refused_and_not_known_is_counted(told: Told) -> None:
    await told.start()
    verdicts = told.pipeline.tallies["okx"].verdicts
    before = told.feed()
    verdicts[Verdict.REJECTED] += 2
    verdicts[Verdict.UNKNOWN] += 1
    after = told.feed()
    assert (after.rejected - before.rejected, after.unknown - before.unknown) == (2, 1)


async def test_candles_that_are_still_to_be_asked_for_are_counted(told: Told) -> None:
    told.bench.net.on_get(FIRST + "/candles", HANG)
    told.bench.feed.start()
    told.bench.feed.follow([perp(f"S{number}") for number in range(10)])
    await told.bench.run(1)
    assert told.feed().backfill == 40 - 6
