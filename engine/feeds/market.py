"""Steers all live venue feeds: which instruments are followed and which get full depth.

Owned by `engine.live`, which scans the market built from the feeds' records. This module turns listings and rankings
into instructions for the venue feeds. It must never touch a socket, a request or a message itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from engine.clock import Clock
from engine.feeds.tiers import Key, Tiers
from engine.feeds.universe import changes, followed
from engine.feeds.venue import VenueFeed
from engine.instruments import Instrument
from engine.kept_bar import Key as BarsKey
from engine.kept_bar import ReadBars
from engine.pipeline import Pipeline
from engine.snapshot import SILENT_MS
from engine.transport.capture_records import Frame
from engine.transport.tasks import Owned, log_failure, settle, spawn

LOG: Final = logging.getLogger("prism.feeds")

LEADERS: Final = ("BTC", "ETH")
"""Assets that always have full depth on every venue: the mood of the market is read from them."""
STEER_EVERY_MS: Final = 1_000
REORDER_EVERY_MS: Final = 15_000
SPEAKS_MS: Final = 3_000
UNKNOWN_VOLUME: Final = -1.0
RESTORED_AT_ONCE: Final = 25
"""Instruments whose kept bars are restored before they are followed, and the next ones restored: so the first rows do
not wait for the last."""


class LiveMarket:
    """The venue feeds, steered together."""

    def __init__(
        self, pipeline: Pipeline, clock: Clock, *, places: int, include_tradfi: bool, max_changes: int = 200
    ) -> None:
        """`places`: perpetuals per venue with trades and full depth, besides those the user asked for."""
        self._pipeline = pipeline
        self._clock = clock
        self._include_tradfi = include_tradfi
        self._places = places
        self._feeds: dict[str, VenueFeed] = {}
        self._tiers: dict[str, Tiers] = {}
        self._listed: dict[str, dict[str, Instrument]] = {}
        self._silent: dict[str, int] = {}
        """By silent product, receive time of its newest market data before the silence."""
        self._steered_ms = -STEER_EVERY_MS
        self._ordered_ms = 0
        self._chosen: dict[str, list[Instrument]] = {}
        self._kept: dict[Key, list[int]] = {}
        """Intervals of the kept bars by instrument, until it is restored."""
        self._read: ReadBars | None = None
        self._turn = asyncio.Lock()
        """Held while a series is restored, so that between two of them everything else gets its turn."""
        self._restoring: set[str] = set()
        self._tasks: Owned = {}
        self.changes: deque[str] = deque(maxlen=max_changes)
        """Listings and delistings seen while running, newest first."""

    @property
    def feeds(self) -> Mapping[str, VenueFeed]:
        """The feeds by product."""
        return self._feeds

    def add(self, make: Callable[[Callable[[str, int], None]], VenueFeed]) -> None:
        """Add a product; `make` is given the callback that the feed must call after each listing."""
        feed = make(self._relisted)
        self._feeds[feed.venue] = feed
        self._tiers[feed.venue] = Tiers(self._places)

    @property
    def chosen(self) -> Mapping[str, Sequence[Instrument]]:
        """The instruments to follow by product; a feed follows each once its kept bars are restored."""
        return self._chosen

    def keep_ready(self, kept: Iterable[BarsKey], read: ReadBars) -> None:
        """Restore an instrument's bars of an earlier run once it is listed, before it is followed."""
        self._read = read
        for venue, symbol, interval_ms in kept:
            self._kept.setdefault((venue, symbol), []).append(interval_ms)

    def start(self) -> None:
        """Start all feeds."""
        self._pipeline.refused = self._refused
        self._pipeline.gapped = self._gapped
        self._pipeline.lost_trades = self._lost_trades
        for feed in self._feeds.values():
            feed.start()

    async def close(self) -> None:
        """Close all feeds in parallel: each has a time limit, and on a dead network each uses all of it."""
        await settle(self._tasks)
        await asyncio.gather(*(feed.close() for feed in self._feeds.values()))

    def limit(self, places: int) -> None:
        """Set the number of perpetuals per venue with full depth, besides those asked for, from the next `steer` on."""
        for tiers in self._tiers.values():
            tiers.limit(places)

    def steer(self, asked: Collection[Key]) -> None:
        """After a scan: give full depth to the top of the newest ranking, the leaders and the user's `asked`."""
        now_ms = self._clock.monotonic_ns() // 1_000_000
        if now_ms - self._steered_ms < STEER_EVERY_MS:
            return
        self._steered_ms = now_ms
        if now_ms - self._ordered_ms >= REORDER_EVERY_MS:
            self._ordered_ms = now_ms
            self._reorder()
        self._listen()
        ranked = self._pipeline.ranked()
        legs = self._pipeline.legs()
        deep: dict[str, dict[str, Instrument]] = {venue: {} for venue in self._feeds}
        for venue, feed in self._feeds.items():
            here = {one.symbol: one for one in feed.followed}
            wanted = [(one.venue, one.symbol) for one in here.values() if one.asset in LEADERS and one.is_rankable]
            wanted += [key for key in asked if key[0] == venue and key[1] in here]
            order = [(venue, one.symbol) for one in ranked if one.venue == venue and one.symbol in here]
            for key in self._tiers[venue].deep(order, dict.fromkeys(wanted), now_ms):
                if key[1] in here:
                    deep[venue][key[1]] = here[key[1]]
        followed_now = {(venue, one.symbol) for venue, feed in self._feeds.items() for one in feed.followed}
        for venue in list(deep):
            for symbol in list(deep[venue]):
                leg = legs.get((venue, symbol))
                # The newest scan may be older than the delisting of a spot pair.
                if leg is not None and (leg.venue, leg.symbol) in followed_now:
                    deep[leg.venue].setdefault(leg.symbol, leg)
        for venue, feed in self._feeds.items():
            feed.deepen(list(deep[venue].values()))

    def _listen(self) -> None:
        """Mark the trades and books of a silent product as suspect, and request its trades once data arrives again."""
        now_ms = self._clock.now_ns() // 1_000_000
        for venue, feed in self._feeds.items():
            tally = self._pipeline.tallies.get(venue)
            if tally is None or tally.newest_ms < 0:
                continue
            age_ms = now_ms - tally.newest_ms
            if age_ms > SILENT_MS and not feed.is_silent:
                self._silent.setdefault(venue, tally.newest_ms)
                feed.doubt()
            elif age_ms < SPEAKS_MS and venue in self._silent:
                feed.speaks()
                if feed.fill_all_trades(self._silent[venue], now_ms):
                    del self._silent[venue]

    def _refused(self, frame: Frame) -> None:
        """A frame could not be read: request the trades that it may have held."""
        feed = self._feeds.get(frame.venue)
        if feed is not None:
            feed.doubt_frame(frame)

    def _gapped(self, venue: str, symbol: str, since_ms: int, until_ms: int) -> None:
        """Book updates were lost in transit: trades may be lost too."""
        feed = self._feeds.get(venue)
        if feed is not None:
            feed.doubt_trades(symbol, since_ms, until_ms)

    def _lost_trades(self, venue: str, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades were lost on a connection that is up; the gap is marked already, so only request them."""
        feed = self._feeds.get(venue)
        if feed is not None:
            feed.fill_hole(symbol, since_ms, until_ms)

    def _relisted(self, venue: str, since_ns: int) -> None:
        """A venue answered with its listing, received from `since_ns` on. 0: it did not, so use the instruments
        inferred from its messages."""
        present = self._pipeline.listed_since(venue, since_ns)
        now = {
            one.symbol: one
            for one in self._pipeline.listing(venue)
            if (one.symbol in present if since_ns else one.inferred)
        }
        before = self._listed.get(venue, {})
        self._listed[venue] = now
        for change in changes(before, now):
            self.changes.appendleft(change.words())
            self._pipeline.notices.tell(change.words())
            LOG.info("%s", change.words())
        for symbol, gone in before.items():
            if symbol not in now:
                self._pipeline.ended(gone)
                self._tiers[venue].drop([(venue, symbol)])
        self._follow()

    def _follow(self) -> None:
        listings = {venue: held.values() for venue, held in self._listed.items()}
        chosen = followed(listings, include_tradfi=self._include_tradfi)
        for venue, instruments in chosen.items():
            self._chosen[venue] = list(instruments)
            if venue in self._restoring:
                continue
            if any((venue, one.symbol) in self._kept for one in instruments):
                self._restoring.add(venue)
                spawn(self._tasks, self._restore(venue), f"{venue} kept candles", failed=self._restore_failed)
            else:
                self._follow_restored(venue)

    async def _restore(self, venue: str) -> None:
        """Restore the kept bars of a product's instruments, and follow these, the most important first."""
        while True:
            waiting = [one for one in self._by_importance(self._chosen[venue]) if (venue, one.symbol) in self._kept]
            self._follow_restored(venue)
            if not waiting:
                self._restoring.discard(venue)
                return
            for one in waiting[:RESTORED_AT_ONCE]:
                # Coarse timeframes first, so that none of their bars is summed from finer ones in vain.
                for interval_ms in sorted(self._kept.get((venue, one.symbol), ()), reverse=True):
                    await self._restore_series(one, interval_ms)
                self._kept.pop((venue, one.symbol), None)

    async def _restore_series(self, one: Instrument, interval_ms: int) -> None:
        assert self._read is not None
        async with self._turn:
            bars = await self._read((one.venue, one.symbol, interval_ms))
            if bars:
                self._pipeline.restore(one, interval_ms, bars)
            await asyncio.sleep(0)

    def _restore_failed(self, name: str, error: BaseException) -> None:
        """By a fault of this program: everything is followed without kept bars."""
        log_failure(name, error)
        self._kept.clear()
        self._restoring.clear()
        for venue in self._chosen:
            self._follow_restored(venue)

    def _follow_restored(self, venue: str) -> None:
        """Follow the instruments chosen, except those whose kept bars are not restored yet."""
        feed = self._feeds[venue]
        ready = [one for one in self._chosen[venue] if (venue, one.symbol) not in self._kept]
        if {one.symbol for one in ready} != {one.symbol for one in feed.followed}:
            feed.follow(self._by_importance(ready))

    def _reorder(self) -> None:
        for feed in self._feeds.values():
            if feed.followed:
                feed.reorder(self._by_importance(feed.followed))

    def _by_importance(self, instruments: Sequence[Instrument]) -> list[Instrument]:
        """Leaders first, then by volume, unknown volumes last; at equal volume perpetuals before spot, whose candles
        matter less."""
        volumes = self._pipeline.volumes()
        return sorted(
            instruments,
            key=lambda one: (
                one.asset not in LEADERS,
                -volumes.get((one.venue, one.symbol), UNKNOWN_VOLUME),
                one.kind != "perp",
                one.symbol,
            ),
        )
