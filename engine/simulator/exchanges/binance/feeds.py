"""The feeds of Binance's streams: what each pushes, and when. One feed per subscribed stream.

Created by `exchange` from a parsed `Stream`. A feed keeps only what the venue keeps between two pushes.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.exchanges.binance import words
from engine.simulator.exchanges.binance.amounts import levels as written
from engine.simulator.exchanges.binance.streams import INSTANT_MS, Stream
from engine.simulator.happenings import BookChange, Liquidation
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

KLINE_MS: Final = {"binance-usdm": 250, "binance-spot": 2_000}


class Feed:
    """One stream. `due` is not called before `due_ms`."""

    def __init__(self, stream: str, one: SimInstrument) -> None:
        self.stream = stream
        self.one = one
        self.due_ms = 0
        self.is_dirty = False

    def due(self, world: World, now_ms: int) -> words.Words | None:
        """The next push, None if there is nothing to push now."""
        raise NotImplementedError


class QuoteFeed(Feed):
    """`@bookTicker`."""

    _told = (0, 0, 0, 0)

    def __init__(self, stream: str, one: SimInstrument) -> None:
        super().__init__(stream, one)
        self.is_dirty = True

    def due(self, world: World, now_ms: int) -> words.Words | None:
        if not self.is_dirty:
            return None
        self.is_dirty = False
        self.due_ms = now_ms + INSTANT_MS
        best = world.best(self.one)
        quote = (best.bid, best.bid_steps, best.ask, best.ask_steps)
        if quote == self._told:
            return None
        self._told = quote
        return words.best(best)


class DepthFeed(Feed):
    """`@depth@100ms` and the like: every level changed since the previous push, with its final size."""

    def __init__(self, stream: str, one: SimInstrument, cadence_ms: int) -> None:
        super().__init__(stream, one)
        self._cadence_ms = cadence_ms
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._first = 0
        self._last = 0
        self._before = 0
        self._ms = 0

    def take(self, change: BookChange) -> None:
        """Collect one change of the matching engine."""
        if not self.is_dirty:
            self.is_dirty = True
            self._first = change.first
            self._before = self._last or change.first - 1
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        self._last, self._ms = change.last, change.ms

    def due(self, world: World, now_ms: int) -> words.Words | None:
        self.due_ms = now_ms + self._cadence_ms
        if not self.is_dirty:
            return None
        self.is_dirty = False
        bids, asks = list(self._bids.items()), list(self._asks.items())
        self._bids, self._asks = {}, {}
        return words.depth(self.one, now_ms, self._ms, self._first, self._last, self._before, bids, asks)


class TopFeed(Feed):
    """`@depth5`, `@depth10`, `@depth20`: the top levels as a whole; on USD-M with the event name of an update."""

    def __init__(self, stream: str, one: SimInstrument, levels: int, cadence_ms: int) -> None:
        super().__init__(stream, one)
        self.is_dirty = True
        self._levels = levels
        self._cadence_ms = cadence_ms
        self._before = 0

    def due(self, world: World, now_ms: int) -> words.Words | None:
        self.due_ms = now_ms + self._cadence_ms
        if not self.is_dirty:
            return None
        self.is_dirty = False
        book = world.book(self.one, self._levels)
        if words.is_usdm(self.one):
            before, self._before = self._before or book.update_id - 1, book.update_id
            return words.depth(self.one, now_ms, book.ms, book.update_id, book.update_id, before, book.bids, book.asks)
        return {
            "lastUpdateId": book.update_id,
            "bids": written(self.one, book.bids),
            "asks": written(self.one, book.asks),
        }


class KlineFeed(Feed):
    """`@kline_<i>`: the forming bar while it changes, and each closed bar once."""

    def __init__(self, stream: str, one: SimInstrument, interval: str) -> None:
        super().__init__(stream, one)
        self._interval = interval
        self._open_ms = -1
        self._cadence_ms = KLINE_MS[one.venue]
        self.is_dirty = True

    def traded(self, ms: int) -> None:
        """The bar changed."""
        self.is_dirty = True
        self.due_ms = min(self.due_ms, ms + self._cadence_ms)

    def due(self, world: World, now_ms: int) -> words.Words | None:
        bars = world.candles(self.one, self._interval, 2, now_ms)
        if not bars:
            self.due_ms = now_ms + 60_000
            return None
        newest = bars[-1]
        if 0 <= self._open_ms < newest.open_ms:
            done = next((bar for bar in bars if bar.open_ms == self._open_ms), None)
            self._open_ms, self.due_ms = newest.open_ms, now_ms
            if done is None:
                return None
            return words.kline(self.one, done, self._interval, now_ms, self._last_id(world) - newest.trades)
        self.due_ms = newest.open_ms + newest.interval_ms
        if not self.is_dirty:
            return None
        self.is_dirty = False
        self._open_ms = newest.open_ms
        return words.kline(self.one, newest, self._interval, now_ms, self._last_id(world))

    def _last_id(self, world: World) -> int:
        """Id of the newest single fill; ids have no gaps."""
        newest = world.recent_trades(self.one, 1)
        return newest[0].last if newest else 0


class MarkFeed(Feed):
    """`@markPrice` and `@markPrice@1s`."""

    def __init__(self, stream: str, one: SimInstrument, cadence_ms: int) -> None:
        super().__init__(stream, one)
        self._cadence_ms = cadence_ms

    def due(self, world: World, now_ms: int) -> words.Words | None:
        self.due_ms = now_ms + self._cadence_ms
        return words.mark(world, self.one, now_ms)


class TickerFeed(Feed):
    """`@ticker` and `@miniTicker`."""

    def __init__(self, stream: str, one: SimInstrument, *, mini: bool) -> None:
        super().__init__(stream, one)
        self._mini = mini
        self.is_dirty = True

    def due(self, world: World, now_ms: int) -> words.Words | None:
        self.due_ms = now_ms + 2_000
        if not self.is_dirty:
            return None
        self.is_dirty = False
        day = world.ticker_24h(self.one)
        if self._mini:
            return words.mini_ticker(self.one, day, now_ms)
        return words.ticker(self.one, day, world.best(self.one), now_ms)


class Censored:
    """Liquidations as the venue publishes them: the largest per symbol and second."""

    def __init__(self) -> None:
        self._largest: dict[int, Liquidation] = {}

    def take(self, event: Liquidation) -> None:
        """One liquidation."""
        known = self._largest.get(event.instrument.index)
        if known is None or event.filled > known.filled:
            self._largest[event.instrument.index] = event

    def drain(self) -> list[Liquidation]:
        """The largest of each symbol since the last call."""
        found = list(self._largest.values())
        self._largest = {}
        return found


def feed_of(name: str, stream: Stream) -> Feed | None:
    """The feed of a stream; None for a stream that is pushed as events happen."""
    one, kind = stream.one, stream.kind
    if kind == "bookTicker":
        return QuoteFeed(name, one)
    if kind == "depth" and stream.levels:
        return TopFeed(name, one, stream.levels, stream.cadence_ms)
    if kind == "depth":
        return DepthFeed(name, one, stream.cadence_ms)
    if kind == "kline":
        return KlineFeed(name, one, stream.interval)
    if kind == "markPrice":
        return MarkFeed(name, one, stream.cadence_ms)
    if kind in ("ticker", "miniTicker"):
        return TickerFeed(name, one, mini=kind == "miniTicker")
    return None


def coin_margined(kind: str, now_ms: int) -> words.Words:
    """A row of COIN-M as sent on the market-wide streams since 2026-06-30: sizes are contracts, `st` is 2."""
    head: words.Words = {"e": kind, "E": now_ms, "s": "BTCUSD_PERP"}
    if kind == "markPriceUpdate":
        marked = "60000.00000000"
        marks = {"p": marked, "ap": marked, "P": marked, "i": marked, "r": "0.00010000", "T": now_ms}
        return head | marks | {"st": 2}
    day = {"o": "59000.0", "h": "61000.0", "l": "58000.0", "v": "1000000", "q": "1666.6"}
    if kind == "24hrMiniTicker":
        return head | {"c": "60000.0"} | day | {"ps": "BTCUSD", "st": 2}
    change = {"ps": "BTCUSD", "p": "1000.0", "P": "1.695", "w": "60000.0", "c": "60000.0", "Q": "1"}
    ids = {"O": now_ms - 86_400_000, "C": now_ms, "F": 1, "L": 9, "n": 9}
    return head | change | day | ids | {"st": 2}
