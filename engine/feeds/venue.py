"""The feed of one product of one venue: keeps its listing, subscriptions, candle history, polls and books up to date.

Owned by `engine.feeds.market`, which decides which instruments get full depth. Everything the venue sends reaches the
market as records, through the sink of the transport; this module only decides what to request and when. It must never
parse a venue's message: it reads what is listed and what is held from `Market`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Literal, Protocol

from engine.clock import Clock
from engine.errors import Fatal, RegionRefused, Transient, VenueError
from engine.feeds.backfill import Backfill, Job, Run
from engine.feeds.damaged import traded_in
from engine.feeds.mending import Mending
from engine.feeds.pages import pages
from engine.feeds.polls import Polls
from engine.feeds.supervision import persist
from engine.feeds.trade_holes import TradeHoles
from engine.feeds.trouble import Trouble
from engine.instruments import Instrument
from engine.transport.backoff import Rng
from engine.transport.budgets import Priority
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response
from engine.transport.rest_client import RestClient
from engine.transport.stream_set import StreamSet
from engine.transport.tasks import Owned, log_failure, settle, sleep, spawn
from engine.venues.live import Channel, VenueLive

LOG: Final = logging.getLogger("prism.feeds")

LISTING_EVERY_S: Final = 50.0
"""A listing or delisting is seen within a minute, even if the venue does not push it."""
LISTING_RETRY_S: Final = 5.0
SKEW_EVERY_S: Final = 120.0
MENDS_EVERY_S: Final = 0.25
PLAN_EVERY_S: Final = 60.0
AT_ONCE: Final = 6
"""Concurrent backfill requests of one product; the budget of its host bounds their rate."""
POLLS_AT_ONCE: Final = 3
FIRST: Final = 50
"""How many of the most important symbols get their candles before any polls are made."""
DOUBT_MS: Final = 10_000
"""How far back before an unreadable frame trades are requested, so that the answer joins the trades received."""
OVERLAP_MS: Final = 2_000
"""A gap is requested from a little before it began, so that a known trade in the answer proves that it joins."""


class Market(Protocol):
    """What a feed reads from the market that its records are turned into."""

    def listing(self, venue: str) -> Sequence[Instrument]:
        """Every instrument listed or named in a message so far."""

    def run_of(self, venue: str, symbol: str, interval: str) -> tuple[int, int, bool]:
        """Open time of the newest closed bar, bars in the unbroken run, whether there are older bars before a gap."""

    def next_funding_ms(self, venue: str, symbol: str) -> int:
        """The next settlement of a contract that the venue has named; -1: it has named none."""

    def settled_ms(self, venue: str, symbol: str) -> int:
        """Time of a contract's newest settled funding rate; -1: none is known."""

    def answers_refused(self, venue: str) -> int:
        """How many responses of a venue could not be read so far."""

    def broken_books(self, venue: str) -> list[str]:
        """Symbols whose book has deltas waiting for a snapshot, or lost its sequence."""


class VenueFeed:
    """The feed of one product: its state and its loops."""

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
        """`announce` takes a sentence for the user. `relisted` is called after each listing with the venue's name and
        the receive time, in nanoseconds, from which on its responses arrived; 0 if it failed and none was received yet.
        """
        self.language = language
        self.streams = streams
        self.venue = language.venue
        self.is_listed = False
        """Whether a listing was received."""
        self.is_silent = False
        """Whether no market data of the whole product arrives."""
        self._market = market
        self._rest = rest
        self._clock = clock
        self._rng = rng
        self._sink = sink
        self._announce = announce
        self._unlisted = Trouble(
            f"{self.venue}: its listing could not be read", f"{self.venue}: its listing is read again", announce
        )
        self._relisted = relisted
        self._followed: list[Instrument] = []
        self._deep: dict[str, Instrument] = {}
        self._first: set[str] = set()
        """Symbols whose candles are requested before the polls, and whose settled rates before the candles of others.
        """
        self._polls = Polls(
            self._ask,
            lambda symbol: market.next_funding_ms(self.venue, symbol),
            lambda symbol: market.settled_ms(self.venue, symbol),
            lambda: self._first if self.backfill.waiting else None,
            clock,
        )
        self._mending = Mending()
        self._holes = TradeHoles()
        self.backfill = Backfill(self._run_of, language.candles_max)
        self._planned = asyncio.Event()
        self._tasks: Owned = {}

    def start(self) -> None:
        """Start; returns at once. Market-wide streams are subscribed before the listing is known."""
        self._want()
        self.streams.on_gap = lambda gap: self.fill_trades(gap.channel.symbol, gap.from_ms, gap.until_ms)
        self.streams.start()
        # Each loop is supervised on its own: restarting one leaves the others running.
        for name, loop, count in (
            ("listing", self._listing_loop, 1),
            ("clock", self._skew_loop, 1),
            ("polls", self._polls.periodic, POLLS_AT_ONCE),
            ("settlements", self._polls.settled, 1),
            ("candle plan", self._replan_loop, 1),
            ("candles", self._candle_loop, AT_ONCE),
            ("mending", self._mend_loop, 1),
        ):
            for _ in range(count):
                self._persist(name, loop)

    async def close(self) -> None:
        """End all loops and connections."""
        await settle(self._tasks)
        await self.streams.close()

    @property
    def followed(self) -> Sequence[Instrument]:
        """The instruments followed, the most important first."""
        return self._followed

    @property
    def deep(self) -> frozenset[str]:
        """Symbols with trades and full depth."""
        return frozenset(self._deep)

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Follow exactly these, the most important first."""
        gone = {one.symbol for one in self._followed} - {one.symbol for one in instruments}
        self._followed = list(instruments)
        if gone:
            self.backfill.forget(gone)
            self._mending.forget(gone)
            self._holes.forget(gone)
            self._say("close", self._deep.keys() & gone)
            self._deep = {symbol: one for symbol, one in self._deep.items() if symbol not in gone}
        self._polls.set(self.language.polls(self._followed))
        self._plan()
        self._want()

    def reorder(self, instruments: Sequence[Instrument]) -> None:
        """Put the same instruments in a new order of importance, and plan the backfill in that order."""
        self._followed = list(instruments)
        self._plan()

    def deepen(self, instruments: Sequence[Instrument]) -> None:
        """Give trades and full depth to exactly these."""
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
        """Request trades that may have been lost in a gap, if the venue offers them."""
        request = self.language.trades_request(symbol, since_ms - OVERLAP_MS, until_ms + OVERLAP_MS)
        if request is not None and symbol in self._deep:
            spawn(self._tasks, self._fill(symbol, request), f"{self.venue} trades {symbol}", failed=self._task_failed)

    def fill_hole(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Request soon trades that were lost on a subscription that is up; each symbol at its own pace."""
        if symbol in self._deep:
            self._holes.add(symbol, since_ms, until_ms)

    def doubt_frame(self, frame: Frame) -> None:
        """A frame could not be read: count it against its connection, and request the trades that it may have held."""
        self.streams.unreadable(frame.connection)
        at_ms = frame.t // 1_000_000
        for symbol in traded_in(frame, self.language, self.streams, self._deep.values()):
            self.doubt_trades(symbol, at_ms - DOUBT_MS, at_ms)

    def doubt_trades(self, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades of a symbol may be missing although its subscription is up: record that, and request them soon."""
        if symbol in self._deep:
            self._say("error", [symbol], ("trades",))
            self._holes.fear(symbol, since_ms, until_ms, self._now_ms())

    def doubt(self) -> None:
        """Record that all trades and books are suspect: no data arrives although the connections are up."""
        self.is_silent = True
        self._say("error", self._deep.keys())

    def speaks(self) -> None:
        """Data arrives again: from now on the stream continues what a request returns."""
        self.is_silent = False

    def fill_all_trades(self, since_ms: int, until_ms: int) -> bool:
        """Request the trades that may have been lost in a silence of the whole product. Does nothing and returns False
        while a trade subscription is not up: trades between the answer and its confirmation would be lost."""
        for one in self._deep.values():
            for channel in self.language.deep_channels(one):
                status = self.streams.channel(channel.topic) if channel.kind == "trades" else None
                if status is not None and status.state not in ("live", "quiet", "subscribed"):
                    return False
        for symbol in self._deep:
            self.fill_trades(symbol, since_ms, until_ms)
        return True

    async def _fill(self, symbol: str, request: str) -> None:
        """Request trades page by page; on failure the gap stays marked."""
        try:
            # A request already under way may have been answered before the trades that are missing now.
            async for _ in pages(self._rest, self.language, request, Priority.MEND, is_fresh=True):
                pass
        except VenueError as error:
            LOG.info("%s", error.message)
            return
        if self._holes.is_feared(symbol):
            # Trades suspected missing since the request may not be in the answer, which may have cleared the mark.
            self._say("error", [symbol], ("trades",))

    def _say(
        self,
        what: Literal["open", "close", "error"],
        symbols: Iterable[str],
        kinds: Sequence[str] = ("trades", "book"),
    ) -> None:
        """Record for each symbol that its trades and books are followed ("open"), given up ("close") or suspect
        ("error") from now on."""
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

    def _task_failed(self, name: str, error: BaseException) -> None:
        """A one-off task failed by a fault of this program: it is not restarted."""
        log_failure(name, error)
        self._announce(f"{name} failed ({type(error).__name__}, details in the log)")

    async def _listing_loop(self) -> None:
        while True:
            began_ns = self._clock.now_ns()
            try:
                await self._fetch_listing()
            except VenueError as error:
                self._unlisted.failed(error.message)
                if not self.is_listed:
                    # Streams may work where requests are refused: follow the instruments that they name.
                    self._relisted(self.venue, 0)
                await sleep(self._clock, LISTING_EVERY_S if self.is_listed else LISTING_RETRY_S)
                continue
            self.is_listed = True
            self._unlisted.over()
            self._relisted(self.venue, began_ns)
            await sleep(self._clock, LISTING_EVERY_S)

    async def _fetch_listing(self) -> None:
        """Request the whole listing. Raises VenueError if a page was not answered or cannot be read."""
        refused = self._market.answers_refused(self.venue)
        for first in self.language.listing_requests():
            async for _ in pages(self._rest, self.language, first, Priority.LISTING):
                pass
        if self._market.answers_refused(self.venue) > refused:
            raise Transient(self.venue, "its listing could not be read whole; the one before it stands")

    async def _skew_loop(self) -> None:
        while True:
            try:
                await self._rest.measure_skew(self.language)
            except VenueError as error:
                LOG.info("%s: clock not measured: %s", self.venue, error.message)
            await sleep(self._clock, SKEW_EVERY_S)

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
        request = self.language.candles_request(job.symbol, job.interval, job.bars, job.end_ms)
        is_first = job.symbol in self._first and job.end_ms is None
        try:
            await self._ask(request, Priority.FIRST_BACKFILL if is_first else Priority.BACKFILL)
        except Fatal as error:
            LOG.info("%s", error.message)
        except VenueError as error:
            self.backfill.failed(job)
            LOG.info("%s", error.message)
            if isinstance(error, RegionRefused):
                # The rest of the queue would fail at once, plan after plan.
                await sleep(self._clock, min(error.left_s, PLAN_EVERY_S))
        else:
            self.backfill.answered(job, self._now_ms())

    async def _mend_loop(self) -> None:
        while True:
            await sleep(self._clock, MENDS_EVERY_S)
            broken = [symbol for symbol in self._market.broken_books(self.venue) if symbol in self._deep]
            if self.is_silent:
                # No delta would follow the requested snapshot: the book would be shown as live but never change.
                broken = [symbol for symbol in broken if self.language.mend(symbol) is None]
            for symbol in self._mending.due(broken, self._now_ms()):
                request = self.language.mend(symbol)
                if request is not None:
                    work, name = self._quietly(request, Priority.MEND), f"{self.venue} book {symbol}"
                    spawn(self._tasks, work, name, failed=self._task_failed)
                    continue
                for channel in self.language.deep_channels(self._deep[symbol]):
                    if channel.kind == "book":
                        self.streams.resubscribe(channel.topic)
            for hole in self._holes.due(self._now_ms()):
                self.fill_trades(hole.symbol, hole.since_ms, hole.until_ms)

    async def _quietly(self, request: str, priority: Priority) -> None:
        """Send a request; a failure only goes to the log and the host's status."""
        try:
            await self._ask(request, priority)
        except VenueError as error:
            LOG.info("%s", error.message)

    async def _ask(self, request: str, priority: Priority) -> Response:
        return await self._rest.ask(self.language, request, priority=priority)

    def _plan(self) -> None:
        self._first = {one.symbol for one in self._followed[:FIRST]} | self._deep.keys()
        scored = {one.symbol for one in self._followed if one.is_rankable}
        self.backfill.plan([one.symbol for one in self._followed], self._now_ms(), scored)
        self._planned.set()

    def _run_of(self, symbol: str, interval: str) -> Run:
        return Run(*self._market.run_of(self.venue, symbol, interval))

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000
