"""One product of one venue, kept alive: its listing, what is subscribed of it, its history, its polls and its books.

Owned by `engine.feeds.market`, which says who gets full depth. Everything the venue answers reaches the market through
the sink of the transport, as records; this module only decides what to ask and when. It never takes a venue's message
apart: what is listed and what is held it reads from `Market`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Literal, Protocol

from engine.clock import Clock
from engine.errors import Fatal, Transient, VenueError
from engine.feeds.backfill import Backfill, Job, Run
from engine.feeds.mending import Mending
from engine.feeds.polling import Polling
from engine.feeds.supervision import persist
from engine.feeds.trade_holes import TradeHoles
from engine.instruments import Instrument
from engine.transport.backoff import Rng
from engine.transport.budgets import Priority
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response
from engine.transport.rest_client import RestClient
from engine.transport.stream_set import StreamSet
from engine.transport.tasks import Owned, settle, sleep, spawn
from engine.venues.live import Channel, VenueLive

LOG: Final = logging.getLogger("prism.feeds")

LISTING_EVERY_S: Final = 50.0
"""A listing or delisting is seen within a minute, whatever the venue pushes of it."""
LISTING_RETRY_S: Final = 5.0
SKEW_EVERY_S: Final = 120.0
MENDS_EVERY_S: Final = 0.25
PLAN_EVERY_S: Final = 60.0
AT_ONCE: Final = 6
"""Backfill requests of one product under way together; the budget of its host bounds their rate."""
POLLS_AT_ONCE: Final = 3
FIRST: Final = 50
"""How many of the most important symbols get their candles before anything is polled."""
IDLE_S: Final = 0.5
MAX_PAGES: Final = 50
DOUBT_MS: Final = 10_000
"""How far back before a frame that could not be read trades are asked for, so that the answer joins what was had."""
OVERLAP_MS: Final = 2_000
"""A break is asked for from a little before it began, so that the answer proves by a known trade that it joins."""


class Market(Protocol):
    """What a feed reads of the market that its records are turned into."""

    def listing(self, venue: str) -> Sequence[Instrument]:
        """Every instrument listed or spoken of so far."""

    def run_of(self, venue: str, symbol: str, interval: str) -> tuple[int, int, bool]:
        """Newest closed bar, bars in the run, whether older ones stand before a hole."""

    def answers_refused(self, venue: str) -> int:
        """How many answers of a venue could not be read so far."""

    def broken_books(self, venue: str) -> list[str]:
        """Symbols whose book has changes waiting for a snapshot, or lost its chain."""


class VenueFeed:
    """The loops of one product."""

    def __init__(
        self,
        language: VenueLive,
        market: Market,
        rest: RestClient,
        streams: StreamSet,
        clock: Clock,
        rng: Rng,
        sink: Callable[[Record], None],
        announce: Callable[[str], None],
        relisted: Callable[[str, int], None],
    ) -> None:
        """`announce` takes a sentence for the user; `relisted` is called after each listing with the venue's name and
        the receive time from which on its answers came, nanoseconds."""
        self.language = language
        self.streams = streams
        self.venue = language.venue
        self.is_listed = False
        """A listing was answered."""
        self._market = market
        self._rest = rest
        self._clock = clock
        self._rng = rng
        self._sink = sink
        self._announce = announce
        self._relisted = relisted
        self._followed: list[Instrument] = []
        self._deep: dict[str, Instrument] = {}
        self._first: set[str] = set()
        """Symbols whose candles go before the polls."""
        self._polling = Polling()
        self._mending = Mending()
        self._holes = TradeHoles()
        self.backfill = Backfill(self._run_of, language.candles_max)
        self._planned = asyncio.Event()
        self._tasks: Owned = {}

    def start(self) -> None:
        """Begin; returns at once. The market-wide streams are wanted before anything is known of the listing."""
        self._want()
        self.streams.on_gap = lambda gap: self.fill_trades(gap.channel.symbol, gap.from_ms, gap.until_ms)
        self.streams.start()
        # Each by itself: one that fails and is started again leaves no other behind.
        for name, loop, count in (
            ("listing", self._listing_loop, 1),
            ("clock", self._skew_loop, 1),
            ("polls", self._poll_loop, POLLS_AT_ONCE),
            ("candle plan", self._replan_loop, 1),
            ("candles", self._candle_loop, AT_ONCE),
            ("mending", self._mend_loop, 1),
        ):
            for _ in range(count):
                self._persist(name, loop)

    async def close(self) -> None:
        """End every loop and connection."""
        await settle(self._tasks)
        await self.streams.close()

    @property
    def followed(self) -> Sequence[Instrument]:
        """What is subscribed, the most important first."""
        return self._followed

    @property
    def deep(self) -> frozenset[str]:
        """Symbols with trades and full depth."""
        return frozenset(self._deep)

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Follow these and no others, the most important first."""
        gone = {one.symbol for one in self._followed} - {one.symbol for one in instruments}
        self._followed = list(instruments)
        if gone:
            self.backfill.forget(gone)
            self._mending.forget(gone)
            self._holes.forget(gone)
            self._say("close", self._deep.keys() & gone)
            self._deep = {symbol: one for symbol, one in self._deep.items() if symbol not in gone}
        self._polling.set(self.language.polls(self._followed), self._now_ms())
        self._plan()
        self._want()

    def reorder(self, instruments: Sequence[Instrument]) -> None:
        """The same instruments in a new order of importance; plans of what is still missing follow it."""
        self._followed = list(instruments)
        self._plan()

    def deepen(self, instruments: Sequence[Instrument]) -> None:
        """Give trades and full depth to these and no others."""
        wanted = {one.symbol: one for one in instruments}
        if wanted.keys() == self._deep.keys():
            return
        dropped = self._deep.keys() - wanted.keys()
        self._mending.forget(dropped)
        self._holes.forget(dropped)
        self._say("close", dropped)
        self._say("open", wanted.keys() - self._deep.keys())
        self._deep = wanted
        self._want()

    def fill_trades(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Ask for trades that a break may have swallowed, where the venue offers them."""
        request = self.language.trades_request(symbol, since_ms - OVERLAP_MS, until_ms + OVERLAP_MS)
        if request is not None and symbol in self._deep:
            spawn(self._tasks, self._fill(request), f"{self.venue} trades {symbol}")

    def fill_hole(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Ask soon for trades that never came though their subscription stands; of each symbol at its own pace."""
        if symbol in self._deep:
            self._holes.add(symbol, since_ms, until_ms)

    def doubt_frame(self, frame: Frame) -> None:
        """A frame could not be read: its connection is told, and the trades that it may have held are asked for."""
        self.streams.unreadable(frame.connection)
        at_ms = frame.t // 1_000_000
        for symbol in self._traded_in(frame):
            self.doubt_trades(symbol, at_ms - DOUBT_MS, at_ms)

    def _traded_in(self, frame: Frame) -> list[str]:
        """Whose trades a damaged frame may have held: by its topic; where that is damaged too, of all on its connection
        those whom it names elsewhere."""
        topic = self.language.topic_of(frame.text)
        status = None if topic is None else self.streams.channel(topic)
        if status is not None:
            channel = status.channel
            return [channel.symbol] if channel.kind == "trades" and channel.symbol in self._deep else []
        named = [one for one in self._deep.values() if one.symbol in frame.text]
        return [one.symbol for one in named if self._carries_trades(frame.connection, one)]

    def _carries_trades(self, connection: str, one: Instrument) -> bool:
        wanted = (channel for channel in self.language.deep_channels(one) if channel.kind == "trades")
        held = (self.streams.channel(channel.topic) for channel in wanted)
        return any(status is not None and status.connection == connection for status in held)

    def doubt_trades(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades of a symbol may be missing though its subscription stands: put it on record, and ask for them."""
        if symbol in self._deep:
            self._say("error", [symbol], ("trades",))
            self.fill_trades(symbol, since_ms, until_ms)

    def doubt(self) -> None:
        """Put on record that trades and books prove nothing now: nothing came, though the connections stand."""
        self._say("error", self._deep.keys())

    def fill_all_trades(self, since_ms: int, until_ms: int) -> bool:
        """Ask for what a silence of the whole product may have swallowed; False, and nothing done, while one of the
        trade subscriptions does not stand: what comes before it does would be missing from the answer."""
        for one in self._deep.values():
            for channel in self.language.deep_channels(one):
                status = self.streams.channel(channel.topic) if channel.kind == "trades" else None
                if status is not None and status.state not in ("live", "quiet", "subscribed"):
                    return False
        for symbol in self._deep:
            self.fill_trades(symbol, since_ms, until_ms)
        return True

    async def _fill(self, request: str | None) -> None:
        """Ask for trades page by page; a failure leaves the hole marked."""
        for _ in range(MAX_PAGES):
            if request is None:
                return
            try:
                answer = await self._ask(request, Priority.MEND)
            except VenueError as error:
                LOG.info("%s", error.message)
                return
            request = self.language.next_page(answer.request, answer.body)

    def _say(
        self,
        what: Literal["open", "close", "error"],
        symbols: Iterable[str],
        kinds: Sequence[str] = ("trades", "book"),
    ) -> None:
        """Put on record which symbols' trades and books are kept up to date from now on, or are not any more."""
        now_ns = self._clock.now_ns()
        for symbol in sorted(symbols):
            for kind in kinds:
                self._sink(ConnectionEvent(now_ns, self.venue, f"{self.venue}#{kind}:{symbol}", what))

    def _want(self) -> None:
        channels: list[Channel] = self.language.market_channels()
        for one in self._followed:
            channels += self.language.broad_channels(one)
        for one in self._deep.values():
            channels += self.language.deep_channels(one)
        self.streams.want(channels)

    def _persist(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        title = f"{self.venue} {name}"
        spawn(self._tasks, persist(title, loop, self._clock, self._rng, self._announce), title)

    async def _listing_loop(self) -> None:
        while True:
            began_ns = self._clock.now_ns()
            try:
                await self._fetch_listing()
            except VenueError as error:
                self._announce(f"{self.venue}: its listing could not be read: {error.message}")
                if not self.is_listed:
                    # The streams may answer where the requests are refused: what they speak of can be followed.
                    self._relisted(self.venue, 0)
                await sleep(self._clock, LISTING_EVERY_S if self.is_listed else LISTING_RETRY_S)
                continue
            self.is_listed = True
            self._relisted(self.venue, began_ns)
            await sleep(self._clock, LISTING_EVERY_S)

    async def _fetch_listing(self) -> None:
        """Ask for the whole listing. Raises VenueError where a page of it was not answered or cannot be read."""
        refused = self._market.answers_refused(self.venue)
        for first in self.language.listing_requests():
            request: str | None = first
            for _ in range(MAX_PAGES):
                if request is None:
                    break
                answer = await self._ask(request, Priority.LISTING)
                request = self.language.next_page(answer.request, answer.body)
        if self._market.answers_refused(self.venue) > refused:
            raise Transient(self.venue, "its listing could not be read whole; the one before it stands")

    async def _skew_loop(self) -> None:
        while True:
            try:
                await self._rest.measure_skew(self.language)
            except VenueError as error:
                LOG.info("%s: clock not measured: %s", self.venue, error.message)
            await sleep(self._clock, SKEW_EVERY_S)

    async def _poll_loop(self) -> None:
        while True:
            poll = self._polling.take(self._now_ms())
            if poll is None:
                await sleep(self._clock, IDLE_S)
                continue
            try:
                await self._ask(poll.request, Priority.POLL)
            except Fatal as error:
                self._polling.drop(poll)
                LOG.warning("not asked again: %s", error.message)
            except VenueError as error:
                LOG.info("%s", error.message)

    async def _replan_loop(self) -> None:
        while True:
            await sleep(self._clock, PLAN_EVERY_S)
            if not self.backfill.waiting:
                self._plan()

    async def _candle_loop(self) -> None:
        while True:
            job = self.backfill.take(self._now_ms())
            if job is None:
                self._planned.clear()
                await self._planned.wait()
                continue
            await self._candles(job)

    async def _candles(self, job: Job) -> None:
        request = self.language.candles_request(job.symbol, job.interval, job.bars)
        try:
            await self._ask(request, Priority.FIRST_BACKFILL if job.symbol in self._first else Priority.BACKFILL)
        except Fatal as error:
            LOG.info("%s", error.message)
        except VenueError as error:
            self.backfill.failed(job)
            LOG.info("%s", error.message)

    async def _mend_loop(self) -> None:
        while True:
            await sleep(self._clock, MENDS_EVERY_S)
            broken = [symbol for symbol in self._market.broken_books(self.venue) if symbol in self._deep]
            for symbol in self._mending.due(broken, self._now_ms()):
                request = self.language.mend(symbol)
                if request is not None:
                    spawn(self._tasks, self._quietly(request, Priority.MEND), f"{self.venue} book {symbol}")
                    continue
                for channel in self.language.deep_channels(self._deep[symbol]):
                    if channel.kind == "book":
                        self.streams.resubscribe(channel.topic)
            for hole in self._holes.due(self._now_ms()):
                self.fill_trades(hole.symbol, hole.since_ms, hole.until_ms)

    async def _quietly(self, request: str, priority: Priority) -> None:
        """Ask, and leave a failure to the log and to the status of the host."""
        try:
            await self._ask(request, priority)
        except VenueError as error:
            LOG.info("%s", error.message)

    async def _ask(self, request: str, priority: Priority) -> Response:
        return await self._rest.ask(self.language, request, priority=priority)

    def _plan(self) -> None:
        self._first = {one.symbol for one in self._followed[:FIRST]} | self._deep.keys()
        self.backfill.plan((one.symbol for one in self._followed), self._now_ms())
        self._planned.set()

    def _run_of(self, symbol: str, interval: str) -> Run:
        return Run(*self._market.run_of(self.venue, symbol, interval))

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000
