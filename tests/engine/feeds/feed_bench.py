"""One venue feed over a scripted network, on a clock that is moved by hand: for the tests of the feeds.

bench = FeedBench()
bench.net.on_get(FIRST + "/listing", answer({}))
bench.feed.start()
await bench.run(2)
bench.asked("/listing")                 # every request that went out for it, as path and query
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from engine.feeds.venue import VenueFeed
from engine.instruments import Instrument
from engine.transport.budgets import Budgets
from engine.transport.capture_records import ConnectionEvent, Record, Response
from engine.transport.rest_client import RestClient
from engine.transport.stream_pace import ConnectPace
from engine.transport.stream_set import StreamSet
from engine.venues.live import Channel, Poll
from tests.engine.transport.fake_net import FakeNet, answer
from tests.engine.transport.plain_language import FIRST
from tests.engine.transport.stepped_clock import SteppedClock, settled
from tests.engine.transport.stream_language import StreamLanguage, Venue, channel, event

EVERY_RATE_MS = 1 << 62
"""As if every rate were known."""


def perp(symbol: str, venue: str = "okx") -> Instrument:
    return Instrument(venue=venue, symbol=symbol, kind="perp", base=symbol, quote="USDT", asset=symbol)


class FeedLanguage(StreamLanguage):
    """Tickers of all that is followed, trades and books of what is deep; trades of a span can be asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.polled: list[Poll] = []
        self.offers_trades = True

    def market_channels(self) -> list[Channel]:
        return [event("liquidations:ALL")]

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        return [channel(f"ticker:{instrument.symbol}")]

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        return [channel(f"trades:{instrument.symbol}"), channel(f"book:{instrument.symbol}")]

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        return f"GET /trades?symbol={symbol}&since={since_ms}&until={until_ms}" if self.offers_trades else None

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        return self.polled


class FakeMarket:
    """What a feed reads of the market, as the test says."""

    def __init__(self) -> None:
        self.listed: list[Instrument] = []
        self.runs: dict[tuple[str, str], tuple[int, int, bool]] = {}
        self.settles: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        self.refused = 0
        self.broken: list[str] = []

    def listing(self, venue: str) -> Sequence[Instrument]:
        return self.listed

    def run_of(self, venue: str, symbol: str, interval: str) -> tuple[int, int, bool]:
        return self.runs.get((symbol, interval), (-1, 0, False))

    def next_funding_ms(self, venue: str, symbol: str) -> int:
        return self.settles.get(symbol, -1)

    def settled_ms(self, venue: str, symbol: str) -> int:
        return self.settled.get(symbol, EVERY_RATE_MS)

    def answers_refused(self, venue: str) -> int:
        return self.refused

    def broken_books(self, venue: str) -> list[str]:
        return self.broken


class FeedBench:
    """See the module's example. The venue answers subscriptions and sends on every topic while time passes."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.net = FakeNet(self.clock)
        self.language = FeedLanguage()
        self.market = FakeMarket()
        self.records: list[Record] = []
        self.announced: list[str] = []
        self.relisted: list[tuple[str, int]] = []
        rng = random.Random(1)
        self.budgets = Budgets(self.clock)
        self.rest = RestClient(self.net, self.clock, rng, self.budgets, self.records.append)
        self.streams = StreamSet(self.language, self.net, self.clock, rng, self.records.append, ConnectPace(self.clock))
        self.feed = VenueFeed(
            self.language, self.market, self.rest, self.streams, self.clock, rng, self.records.append,
            self.announced.append, lambda venue, since_ns: self.relisted.append((venue, since_ns)),
        )  # fmt: skip
        self.venue = Venue(self.net)
        self.net.on_get(FIRST, answer({}))
        self.net.on_get(FIRST + "/time", answer({"time": 1}))

    async def run(self, seconds: float, every: float = 0.25) -> None:
        for _ in range(round(seconds / every)):
            await self.clock.advance(every)
            self.venue.answer()
            self.venue.send()
        await settled()

    async def close(self) -> None:
        """End everything; nothing may be left running."""
        await self.feed.close()
        await self.rest.close()
        await self.budgets.close()
        await settled()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"

    def asked(self, path: str) -> list[str]:
        """Path and query of every request for what begins with `path`."""
        return [url.removeprefix(FIRST) for url in self.net.gets if url.startswith(FIRST + path)]

    def events(self, what: str) -> list[str]:
        """`kind:symbol` of what was put on record as `what` by the feed itself."""
        return [
            one.connection.partition("#")[2]
            for one in self.records
            if isinstance(one, ConnectionEvent) and one.what == what and one.connection.startswith("okx#")
        ]

    def answers(self, path: str) -> int:
        """How many answers to requests for `path` reached the market."""
        return sum(isinstance(one, Response) and one.request.startswith(f"GET {path}") for one in self.records)

    def subscribed(self) -> set[str]:
        """Every topic that some connection holds."""
        return set().union(*self.venue.held.values())


def full(bench: FeedBench, *symbols: str) -> None:
    """Nothing of these symbols' candles is missing for the next hours."""
    for symbol in symbols:
        for interval in ("1m", "5m", "15m", "4h"):
            bench.market.runs[symbol, interval] = (bench.clock.now_ns() // 1_000_000 + 10**8, 10_000, False)
