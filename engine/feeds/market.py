"""All venues live at once: who is followed, who gets full depth, and how each venue does.

Owned by `engine.live`, which scans what the records make of the market. This module turns listings and rankings into
wishes of the venue feeds and never touches a socket, a request or a message itself.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from engine.clock import Clock
from engine.feeds.tiers import Key, Tiers
from engine.feeds.universe import changes, followed
from engine.feeds.venue import VenueFeed
from engine.instruments import Instrument
from engine.intake import Kept
from engine.pipeline import Pipeline
from engine.transport.capture_records import Frame

LOG: Final = logging.getLogger("prism.feeds")

LEADERS: Final = ("BTC", "ETH")
"""Assets that always have full depth where they trade: the mood of the market is read from them."""
STEER_EVERY_MS: Final = 1_000
REORDER_EVERY_MS: Final = 15_000
SILENT_MS: Final = 15_000
"""A product of which nothing came for so long is silent, whatever each of its subscriptions may do."""
SPEAKS_MS: Final = 3_000
UNKNOWN_VOLUME: Final = -1.0


class LiveMarket:
    """The venue feeds, steered together."""

    def __init__(
        self, pipeline: Pipeline, clock: Clock, *, places: int, include_tradfi: bool, max_changes: int = 200
    ) -> None:
        """`places`: perpetuals of one venue with trades and full depth, besides what the user asks for."""
        self._pipeline = pipeline
        self._clock = clock
        self._include_tradfi = include_tradfi
        self._places = places
        self._feeds: dict[str, VenueFeed] = {}
        self._tiers: dict[str, Tiers] = {}
        self._listed: dict[str, dict[str, Instrument]] = {}
        self._silent: dict[str, int] = {}
        """By product that is silent, receive time of its newest market data."""
        self._steered_ms = -STEER_EVERY_MS
        self._ordered_ms = 0
        self._kept: dict[Key, list[tuple[int, list[Kept]]]] = {}
        self.changes: deque[str] = deque(maxlen=max_changes)
        """Listings and delistings seen while running, newest first."""

    @property
    def feeds(self) -> Mapping[str, VenueFeed]:
        """By product."""
        return self._feeds

    def add(self, make: Callable[[Callable[[str, int], None]], VenueFeed]) -> None:
        """Add a product; `make` is handed what the feed is to call after each listing."""
        feed = make(self._relisted)
        self._feeds[feed.venue] = feed
        self._tiers[feed.venue] = Tiers(self._places)

    def keep_ready(self, kept: Iterable[tuple[tuple[str, str, int], list[Kept]]]) -> None:
        """Bars of an earlier run by (venue, symbol, interval): each instrument gets its own once it is followed."""
        for (venue, symbol, interval_ms), bars in kept:
            self._kept.setdefault((venue, symbol), []).append((interval_ms, bars))

    def start(self) -> None:
        """Begin all of them."""
        self._pipeline.refused = self._refused
        self._pipeline.gapped = self._gapped
        self._pipeline.lost_trades = self._lost_trades
        for feed in self._feeds.values():
            feed.start()

    async def close(self) -> None:
        """End all of them, one after the other; each is bounded in time."""
        for feed in self._feeds.values():
            await feed.close()

    def limit(self, places: int) -> None:
        """From the next steering on, follow so many perpetuals of a venue in full depth besides what is asked for."""
        for tiers in self._tiers.values():
            tiers.limit(places)

    def steer(self, asked: Collection[Key]) -> None:
        """After a scan: give full depth to whom the newest ranking, the leaders and the user's `asked` call for."""
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
                # The newest scan may be older than the end of a spot pair.
                if leg is not None and (leg.venue, leg.symbol) in followed_now:
                    deep[leg.venue].setdefault(leg.symbol, leg)
        for venue, feed in self._feeds.items():
            feed.deepen(list(deep[venue].values()))

    def _listen(self) -> None:
        """Doubt the trades of a product of which nothing comes, and ask for them once it speaks again."""
        now_ms = self._clock.now_ns() // 1_000_000
        for venue, feed in self._feeds.items():
            tally = self._pipeline.tallies.get(venue)
            if tally is None or tally.newest_ms < 0:
                continue
            age_ms = now_ms - tally.newest_ms
            if age_ms > SILENT_MS and venue not in self._silent:
                self._silent[venue] = tally.newest_ms
                feed.doubt()
            elif age_ms < SPEAKS_MS and venue in self._silent and feed.fill_all_trades(self._silent[venue], now_ms):
                del self._silent[venue]

    def _refused(self, frame: Frame) -> None:
        """A frame could not be read: where it may have held trades, ask for them."""
        feed = self._feeds.get(frame.venue)
        if feed is not None:
            feed.doubt_frame(frame)

    def _gapped(self, venue: str, symbol: str, since_ms: int, until_ms: int) -> None:
        """Changes of a book were lost on the way: trades may be too."""
        feed = self._feeds.get(venue)
        if feed is not None:
            feed.doubt_trades(symbol, since_ms, until_ms)

    def _lost_trades(self, venue: str, symbol: str, since_ms: int, until_ms: int) -> None:
        """Trades never came though their connection stands, which is marked: ask for them."""
        feed = self._feeds.get(venue)
        if feed is not None:
            feed.fill_hole(symbol, since_ms, until_ms)

    def _relisted(self, venue: str, since_ns: int) -> None:
        """A venue answered with its listing, received from `since_ns` on; 0: it did not, take what is known of it."""
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
            self._pipeline.notices.appendleft(change.words())
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
            feed = self._feeds[venue]
            if {one.symbol for one in instruments} != {one.symbol for one in feed.followed}:
                for one in instruments:
                    for interval_ms, bars in sorted(self._kept.pop((venue, one.symbol), [])):
                        self._pipeline.restore(one, interval_ms, bars)
                feed.follow(self._by_importance(instruments))

    def _reorder(self) -> None:
        for feed in self._feeds.values():
            if feed.followed:
                feed.reorder(self._by_importance(feed.followed))

    def _by_importance(self, instruments: Sequence[Instrument]) -> list[Instrument]:
        """The most traded first; perpetuals before spot, whose candles matter less; unknown volumes last."""
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
