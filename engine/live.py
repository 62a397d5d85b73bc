"""The engine on live venues: `prism`, `prism demo`, `prism record` and the headless commands without a recording.

It uses the same pipeline as a recording, fed by `engine.feeds` over real sockets in the engine's own event loop. Scans
run on the clock. No venue-specific code belongs here.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from engine.clock import Clock, ReceiveClock, SystemClock
from engine.config.schema import Config, venues_of
from engine.errors import StoreUnusable
from engine.event_loop import loop_factory
from engine.events import Candle
from engine.feeds.market import LiveMarket
from engine.feeds.status import feed_of
from engine.feeds.supervision import persist
from engine.feeds.venue import VenueFeed
from engine.feeds.venue_time import VenueTime
from engine.kept_bar import Kept, Key, ReadBars
from engine.kept_market import KeptMarket, is_offline
from engine.load import Load
from engine.pipeline import Pipeline
from engine.runtime import HEARTBEAT_NS, Engine
from engine.scan_pace import ScanPace
from engine.snapshot import Feed, Mode, Snapshot
from engine.storage.bans import BanStore
from engine.storage.candle_keeping import CandleKeeping
from engine.storage.candle_rows import ended
from engine.timeframes import INTERVAL_MS
from engine.transport.backoff import Rng
from engine.transport.budgets import Budgets
from engine.transport.capture_records import Record
from engine.transport.net import Net
from engine.transport.rest_client import RestClient
from engine.transport.stream_pace import ConnectPace
from engine.transport.stream_set import StreamSet
from engine.transport.tasks import Owned, settle, spawn
from engine.venues.registry import make_languages
from engine.wiring import Wiring
from engine.written import Written

if TYPE_CHECKING:
    from engine.storage.candle_store import CandleStore

LOG: Final = logging.getLogger("prism.engine")

SAVE_EVERY_NS: Final = 10_000_000_000
READ_KEPT_NS: Final = 50_000_000
"""Longest stretch of reading cached candles while offline, so that everything else keeps running."""
FORGET_MS: Final = 90 * 86_400_000
"""Cached candles of an instrument are deleted after this long without a new one."""
KEPT_MS: Final = frozenset(INTERVAL_MS.values())


class LiveEngine(Engine):
    """Follows live venues in its own thread."""

    def __init__(self, config: Config, mode: Mode, wiring: Wiring | None = None, clock: Clock | None = None) -> None:
        self._receive_clock = ReceiveClock(clock or SystemClock())
        super().__init__(config, mode, self._receive_clock)
        if mode == "live":
            # Before the first record, and while none arrives, no other time is known.
            self._pipeline.notices.now_ms = lambda: self._clock.now_ns() // 1_000_000
        self._config = config
        self._wiring = wiring or Wiring()
        self._rng: Rng = random.Random(self._wiring.seed)
        self._market: LiveMarket | None = None
        self._before: KeptMarket | None = None
        """The cached market of earlier runs, until the first event of this one."""
        self._rest: RestClient | None = None
        self._undated: list[Record] | None = None
        """Records received before it is known whether our clock is right; None once that is known."""
        self._until_ns: int | None = None
        self._is_slowed = False
        self._has_told_end = False
        """Whether the end of the recording was announced."""
        self._load = Load(config.venues.full_depth)

    def _loop(self, work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(work)

    def run_for(self, seconds: float) -> Pipeline:
        """Follow the venues for `seconds` in the calling thread; return the pipeline with the market at the end.

        The last scan runs before the connections close, because what a closed connection carried is no longer proven.
        """
        self._until_ns = self._clock.monotonic_ns() + round(seconds * 1e9)
        self._loop(self._run())
        return self._pipeline

    @property
    def last_feeds(self) -> tuple[Feed, ...]:
        """The state of the venues in the newest snapshot."""
        return self._latest.feeds if self._latest is not None else ()

    def make_net(self) -> Net:
        """The network; tests override this."""
        # Importing the clients takes a third as long as importing the console. Here it happens in the engine's own
        # thread, in parallel with the first paint, and never for a recording.
        from engine.transport.live_net import LiveNet

        routes = self._wiring.routes
        return LiveNet(
            self._clock, routes, only_routes=bool(routes), proxies=self._config.venues.proxies and not routes
        )

    async def open_candles(self, path: Path) -> CandleStore:
        """The database of candles; tests override this. Raises StoreUnusable."""
        # Imported late, like the clients: only needed if candles are kept.
        from engine.storage.candle_store import CandleStore

        return await CandleStore.open(path)

    async def _work(self) -> None:
        beside: dict[asyncio.Task[Any], None] = {}
        spawn(beside, self._gauges.watch(self._stalls.beat), "gauges")
        try:
            await self._run()
        finally:
            await settle(beside)
            self._stalls.rest()

    async def _run(self) -> None:
        net = self.make_net()
        store = await self._open_store()
        keeping = CandleKeeping(store, self._announce) if store is not None else None
        rest = self._rest = self._ask_by(net)
        market = self._wire(net, rest)
        try:
            while await self._followed(market, rest, store, keeping):
                market = self._wire(net, rest)
        finally:
            await rest.close()
            await self._budgets.close()
            await net.close()
            if keeping is not None:
                self._know(keeping, market)
                await keeping.close(self._closed())

    async def _followed(
        self, market: LiveMarket, rest: RestClient, store: CandleStore | None, keeping: CandleKeeping | None
    ) -> bool:
        """Follow the market until the engine is closed; True if it must start over, with a corrected clock."""
        self._market = market
        venue_time = VenueTime(self._receive_clock, rest, self._languages, self._announce)
        beginning: Owned = {}

        async def begin() -> None:
            await self._begin(market, venue_time, store)

        spawn(beginning, persist("the beginning", begin, self._clock, self._rng, self._announce), "the beginning")
        try:
            is_misdated = await self._follow(market, venue_time, keeping)
        finally:
            await settle(beginning)
            await venue_time.close()
            await market.close()
        if is_misdated:
            if keeping is not None:
                await keeping.flush(self._closed())  # the new beginning reads it
            venue_time.set_right()
            self._pipeline.clear()
        return is_misdated

    async def _begin(self, market: LiveMarket, venue_time: VenueTime, store: CandleStore | None) -> None:
        """Start the feeds once the venues have confirmed or corrected our clock, or it is clear that they cannot."""
        self._undated = []
        kept = [] if store is None else await self._kept_series(store, market)
        moved_ns = await venue_time.settle()
        undated, self._undated = self._undated, None
        for record in undated:
            self._sink(replace(record, t=record.t + moved_ns))
        if store is not None:
            await self._warm(store, kept, market)
        market.start()

    def _ask_by(self, net: Net) -> RestClient:
        """The REST client. Cool-downs are stored in machine time, because the next run reads them with that clock."""
        machine = self._receive_clock.machine
        self._languages = make_languages(venues_of(self._config))
        self._budgets = Budgets(machine, scale=self._wiring.pace)
        if self._wiring.bans is not None:
            bans = BanStore(self._wiring.bans, machine)
            self._budgets.restore(bans.load())
            self._budgets.on_rest = lambda: bans.keep(self._budgets.rests())
        self._connects = ConnectPace(self._clock)
        return RestClient(net, self._clock, self._rng, self._budgets, self._sink)

    def _wire(self, net: Net, rest: RestClient) -> LiveMarket:
        """One feed per product; all share the same request budgets."""
        clock, rng, sink = self._clock, self._rng, self._sink
        market = LiveMarket(
            self._pipeline, clock, places=self._load.places, include_tradfi=self._config.engine.include_tradfi
        )
        for language in self._languages:
            streams = StreamSet(language, net, clock, rng, sink, self._connects)

            def make(
                relisted: Callable[[str, int], None], language: Any = language, streams: StreamSet = streams
            ) -> VenueFeed:
                return VenueFeed(language, self._pipeline, rest, streams, clock, rng, sink, self._announce, relisted)

            market.add(make)
        return market

    async def _follow(self, market: LiveMarket, venue_time: VenueTime, keeping: CandleKeeping | None) -> bool:
        """Scan on the clock until the engine is closed; True if it ended because our clock is wrong."""
        clock = self._clock
        saved_ns = clock.monotonic_ns()
        pace = ScanPace(self._config.engine.scan_interval_ms, saved_ns)
        while not self._closing and (self._until_ns is None or clock.monotonic_ns() < self._until_ns):
            began_ns = clock.monotonic_ns()
            await self._look_back()
            self._scan()
            if self._undated is None and venue_time.is_far():
                return True
            market.steer(self._asked())
            self._publish(force=True)
            now_ns = clock.monotonic_ns()
            due_ns = pace.after(began_ns, now_ns)
            self._tell_pace(pace.slowed_ms)
            self._lighten(market, now_ns)
            if keeping is not None and now_ns - saved_ns > SAVE_EVERY_NS:
                saved_ns = now_ns
                self._know(keeping, market)
                keeping.save(self._closed())
            while not self._closing and clock.monotonic_ns() < due_ns:
                await clock.sleep_until(min(due_ns, clock.monotonic_ns() + 50_000_000))
                asked = self._obey()
                self._publish(force=asked or clock.monotonic_ns() - self._published_ns > HEARTBEAT_NS)
        if self._until_ns is not None:
            self._scan()
        return False

    def _scan(self) -> None:
        # When no records arrive, only this clock can say how old everything is.
        self._pipeline.quiet_until(self._clock.now_ns() // 1_000_000)
        super()._scan()

    def _tell_pace(self, slowed_ms: float | None) -> None:
        """Announce once when scans start to run late, and once when they keep up again."""
        if (slowed_ms is not None) is self._is_slowed:
            return
        self._is_slowed = slowed_ms is not None
        wanted = f"every {self._config.engine.scan_interval_ms} ms"
        self._announce(
            f"scans keep up again, {wanted}"
            if slowed_ms is None
            else f"this machine is slower than the market: scans come every {slowed_ms:.0f} ms, {wanted} was asked for"
        )

    def _lighten(self, market: LiveMarket, now_ns: int) -> None:
        """Follow fewer full-depth books while overloaded, and announce it."""
        if words := self._load.after(now_ns, is_slowed=self._is_slowed, waiting=self._waiting()):
            market.limit(self._load.places)
            self._announce(words)
            LOG.warning("%s", words)

    async def _open_store(self) -> CandleStore | None:
        """The database of earlier runs' candles; None if candles are not kept or it cannot be opened."""
        path = self._wiring.candles
        if path is None:
            return None
        try:
            store = await self.open_candles(path)
        except StoreUnusable as error:
            self._announce(error.message)
            return None
        if store.notice:
            self._announce(store.notice)
        self._pipeline.closed = []
        return store

    async def _kept_series(self, store: CandleStore, market: LiveMarket) -> list[tuple[Key, int]]:
        """The series that earlier runs kept, each with its newest open time. They are also shown while no venue can be
        reached."""
        try:
            held = [one for one in await store.held() if one[0][0] in market.feeds and one[0][2] in KEPT_MS]
            if self._until_ns is None and not self._pipeline.state.at_ms:
                now_ms = self._clock.now_ns() // 1_000_000
                listings = await store.load_listings()
                self._before = KeptMarket(
                    self._config, [key for key, _ in held], self._reading(store, now_ms), listings
                )
        except StoreUnusable as error:
            self._announce(error.message)
            return []
        return held

    async def _warm(self, store: CandleStore, held: list[tuple[Key, int]], market: LiveMarket) -> None:
        """Have an instrument's kept bars restored when it is followed. Only bars that have ended by our clock, which is
        as right as it can be known to be by now, and that can still join the venue's."""
        now_ms = self._clock.now_ns() // 1_000_000
        read = self._reading(store, now_ms)

        async def joining(key: Key) -> list[Kept]:
            bars = await read(key)
            return bars if bars and bars[-1].open_ms >= now_ms - store.bars_back(key[2]) else []

        market.keep_ready((key for key, newest_ms in held if newest_ms >= now_ms - store.bars_back(key[2])), joining)
        try:
            await store.prune(now_ms - FORGET_MS)
        except StoreUnusable as error:
            self._announce(error.message)

    def _reading(self, store: CandleStore, at_ms: int) -> ReadBars:
        """Reads the bars of a series that have ended at `at_ms`; none once the store has become unusable."""
        is_lost = False

        async def read(key: Key) -> list[Kept]:
            nonlocal is_lost
            try:
                return [] if is_lost else ended(await store.bars(key), key[2], at_ms)
            except StoreUnusable as error:
                is_lost = True
                self._announce(error.message)
                return []

        return read

    async def _look_back(self) -> None:
        """While offline, read in what earlier runs kept; drop it at the first event from a venue."""
        if self._before is None:
            return
        if self._pipeline.state.at_ms:
            self._before = None
        elif self._latest is not None and is_offline(self._latest):
            until_ns = self._clock.monotonic_ns() + READ_KEPT_NS
            while self._before.unread and self._clock.monotonic_ns() < until_ns:
                await self._before.read()

    def _picture(self) -> Snapshot:
        live = super()._picture()
        if self._before is None:
            return live
        return self._before.instead_of(live, self._clock.now_ns() // 1_000_000, self._pipeline.focused)

    def _know(self, keeping: CandleKeeping, market: LiveMarket) -> None:
        keeping.know({venue: market.chosen.get(venue, ()) for venue, feed in market.feeds.items() if feed.is_listed})

    def _closed(self) -> list[Candle]:
        """The candles that the venues closed since the last call."""
        closed, self._pipeline.closed = self._pipeline.closed, []
        return closed or []

    def _sink(self, record: Record) -> None:
        if self._undated is not None:
            self._undated.append(record)
            return
        self._pipeline.ingest(record)
        if self._wiring.recorder is not None:
            self._wiring.recorder.take(record)

    def _announce(self, words: str) -> None:
        self._pipeline.notices.tell(words)

    def _asked(self) -> set[tuple[str, str]]:
        focus = self._pipeline.focused
        return set(self._kept) | ({focus} if focus is not None else set())

    def _feeds(self) -> tuple[Feed, ...] | None:
        market, rest = self._market, self._rest
        if market is None or rest is None:
            return None
        corrected_ms = self._receive_clock.ahead_ns / 1e6
        return tuple(
            feed_of(feed, rest, self._pipeline, self._clock, corrected_ms=corrected_ms)
            for _, feed in sorted(market.feeds.items())
        )

    def _waiting(self) -> int:
        return sum(feed.streams.waiting for feed in self._market.feeds.values()) if self._market is not None else 0

    def _paused(self) -> int:
        return sum(feed.streams.paused for feed in self._market.feeds.values()) if self._market is not None else 0

    def _lightened(self) -> str:
        return self._load.words

    def _written(self) -> Written | None:
        recorder = self._wiring.recorder
        if recorder is None:
            return None
        written = recorder.written()
        if written.ended and not self._has_told_end:
            self._has_told_end = True
            self._announce(written.ended)
            LOG.warning("%s", written.ended)
        return written
