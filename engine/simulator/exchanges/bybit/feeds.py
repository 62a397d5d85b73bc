"""The feeds of Bybit's topics: what each pushes, and when. One feed per subscribed topic.

Created by `exchange`, which parses the topics. A feed keeps only what the venue keeps between two pushes, so that a
snapshot and the deltas after it chain. Key order is that of recorded frames of each product.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.simulator.exchanges.books import TopBook
from engine.simulator.exchanges.bybit import words
from engine.simulator.happenings import Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

BOOK_MS: Final = {1: 10, 50: 20, 200: 100, 1000: 200}
"""Push interval of `orderbook.N` (documentation, 2025-09)."""
RESEND_MS: Final = 3_000
"""An unchanged depth-1 book is sent again after this long, with the same `u`."""
TICKER_MS: Final = {"linear": 100, "spot": 50}
RECKONED_MS: Final = 1_000
"""Marks, funding and open interest change without a happening; a ticker checks them this often."""
KLINE_MS: Final = 1_000
MINUTE_MS: Final = 60_000
LIQUIDATION_MS: Final = 500
TRADES_A_PUSH: Final = 1_024
INTERVALS: Final = {
    "1": "1m",
    "3": "3m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "120": "2h",
    "240": "4h",
    "D": "1d",
}
"""The intervals that the simulated market keeps; the venue also has 360, 720, W and M."""

_ENCODE: Final = msgspec.json.Encoder().encode


class Feed:
    """One topic. `due` is not called before `due_ms`."""

    def __init__(self, topic: str, category: str, one: SimInstrument) -> None:
        self.topic = topic
        self.key = f"{category}:{topic}"
        self.category = category
        self.one = one
        self.due_ms = 0
        self.is_dirty = True

    def first(self, world: World, now_ms: int) -> str | None:
        """What a new subscriber gets at once; None if it waits for the next push."""
        return None

    def due(self, world: World, now_ms: int) -> str | None:
        """The next push, None if there is nothing to push now."""
        raise NotImplementedError


class BookFeed(Feed):
    """`orderbook.N`: a snapshot, then deltas with `u` one higher each; depth 1 sends only snapshots.

    `update` is the `u` of its first snapshot.
    """

    def __init__(self, topic: str, category: str, one: SimInstrument, depth: int, update: int) -> None:
        super().__init__(topic, category, one)
        self._depth = depth
        self._update = update
        self._pushed_ms = 0
        self._book: TopBook | None = None

    def first(self, world: World, now_ms: int) -> str | None:
        if self._book is None:
            # No book is pushed before trading starts.
            return self._opening(world, now_ms) if world.status(self.one) == "trading" else None
        return self._said("snapshot", *self._book.held(), now_ms)

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + BOOK_MS[self._depth]
        if self._book is None:
            return self.first(world, now_ms)
        if self._depth == 1:
            return self._best(now_ms)
        if not self.is_dirty:
            return None
        self.is_dirty = False
        bids, asks = self._book.changes()
        if not bids and not asks:
            return None
        self._update += 1
        return self._said("delta", bids, asks, now_ms)

    def _opening(self, world: World, now_ms: int) -> str:
        self._book = TopBook(world, self.one, self._depth)
        self.is_dirty = False
        self._pushed_ms = now_ms
        return self._said("snapshot", *self._book.snapshot(), now_ms)

    def _best(self, now_ms: int) -> str | None:
        assert self._book is not None
        if self.is_dirty:
            self.is_dirty = False
            if any(self._book.changes()):
                self._update += 1
                self._pushed_ms = now_ms
                return self._said("snapshot", *self._book.held(), now_ms)
        if now_ms - self._pushed_ms < RESEND_MS:
            return None
        self._pushed_ms = now_ms
        return self._said("snapshot", *self._book.held(), now_ms)

    def _said(self, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ms: int) -> str:
        assert self._book is not None
        data = words.book(self.one, bids, asks, self._update, self._book.update_id)
        return f'{_head(self, kind, now_ms)},"data":{_text(data)},"cts":{self._book.ms}}}'


class TradeFeed(Feed):
    """`publicTrade`: the fills of one taker order in one push."""

    def __init__(self, topic: str, category: str, one: SimInstrument) -> None:
        super().__init__(topic, category, one)
        self._rows: list[dict[str, Any]] = []
        self._order = 0
        self._ms = 0

    def take(self, trade: Trade, direction: str) -> str | None:
        """Add a trade; returns the push of the trades before it if it belongs to another order."""
        other = trade.order != self._order or len(self._rows) >= TRADES_A_PUSH
        said = self.flush() if other else None
        self._rows.append(words.trade_row(trade, direction))
        self._order, self._ms = trade.order, trade.ms
        return said

    def flush(self) -> str | None:
        """The push of the held trades; None if there are none."""
        if not self._rows:
            return None
        rows, self._rows = self._rows, []
        return f'{_head(self, "snapshot", self._ms)},"data":{_text(rows)}}}'

    def due(self, world: World, now_ms: int) -> str | None:
        return self.flush()


class TickerFeed(Feed):
    """`tickers`: on linear a snapshot and then deltas, on spot always full snapshots."""

    def __init__(self, topic: str, category: str, one: SimInstrument) -> None:
        super().__init__(topic, category, one)
        self.direction = "ZeroPlusTick"
        self._fields: dict[str, str] = {}
        self._pushes = 0
        self._looked_ms = 0
        self._ago = (-1, "")

    def changed(self, ms: int) -> None:
        """A trade or a book change: included in the next push."""
        if not self.is_dirty:
            self.is_dirty = True
            self.due_ms = min(self.due_ms, max(ms, self._looked_ms + TICKER_MS[self.category]))

    def first(self, world: World, now_ms: int) -> str | None:
        if world.status(self.one) != "trading":
            return None
        self._fields = self._fields or self._read(world)
        return self._said("snapshot", self._fields, now_ms)

    def due(self, world: World, now_ms: int) -> str | None:
        self._looked_ms, self.is_dirty = now_ms, False
        self.due_ms = now_ms + RECKONED_MS
        if world.status(self.one) != "trading":
            return None
        fields, before = self._read(world), self._fields
        self._fields = fields
        if fields == before:
            return None
        self._pushes += 1
        if self.category == "spot" or not before:
            return self._said("snapshot", fields, now_ms)
        delta = words.ticker_delta(before, fields)
        return self._said("delta", {"symbol": self.one.symbol, **delta}, now_ms)

    def _read(self, world: World) -> dict[str, str]:
        if self.category == "spot":
            return words.spot_ticker(world, self.one)
        minute = world.now_ms // MINUTE_MS
        if self._ago[0] != minute:
            self._ago = minute, words.hour_ago(world, self.one)
        return words.linear_ticker(world, self.one, self.direction, self._ago[1])

    def _said(self, kind: str, fields: dict[str, str], now_ms: int) -> str:
        cross = f'"cs":{now_ms * 100 + self._pushes % 100}'
        if self.category == "spot":
            return f'{_head(self, kind, now_ms)},{cross},"data":{_text(fields)}}}'
        return f'{{"topic":"{self.topic}","type":"{kind}","data":{_text(fields)},{cross},"ts":{now_ms}}}'


class KlineFeed(Feed):
    """`kline`: the forming bar while it changes, and each bar once more with `confirm` after it closed."""

    def __init__(self, topic: str, category: str, one: SimInstrument, interval: str) -> None:
        super().__init__(topic, category, one)
        self._interval = interval
        self._open_ms = -1

    def changed(self, ms: int) -> None:
        """A trade."""
        if not self.is_dirty:
            self.is_dirty = True
            self.due_ms = min(self.due_ms, ms + KLINE_MS)

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + KLINE_MS
        bars = world.candles(self.one, INTERVALS[self._interval], 2, now_ms)
        if not bars:
            return None
        newest = bars[-1]
        if 0 <= self._open_ms < newest.open_ms:
            done = next((bar for bar in bars if bar.open_ms == self._open_ms), None)
            self._open_ms, self.due_ms, self.is_dirty = newest.open_ms, now_ms, True
            return None if done is None else self._said(words.kline(self.one, done, self._interval, now_ms))
        self._open_ms = newest.open_ms
        if not self.is_dirty:
            # No trades: due again at the close of the bar at the latest.
            self.due_ms = min(newest.open_ms + newest.interval_ms, now_ms + 60 * KLINE_MS)
            return None
        self.is_dirty = False
        return self._said(words.kline(self.one, newest, self._interval, now_ms))

    def _said(self, bar: dict[str, Any]) -> str:
        data, ms = _text([bar]), bar["timestamp"]
        if self.category == "spot":
            return f'{{"type":"snapshot","topic":"{self.topic}","data":{data},"ts":{ms}}}'
        return f'{{"topic":"{self.topic}","data":{data},"ts":{ms},"type":"snapshot"}}'


class LiquidationFeed(Feed):
    """`allLiquidation`: all liquidations of half a second in one push."""

    def __init__(self, topic: str, category: str, one: SimInstrument) -> None:
        super().__init__(topic, category, one)
        self._rows: list[dict[str, Any]] = []

    def take(self, event: Liquidation) -> None:
        """Add a liquidation."""
        self._rows.append(words.liquidation_row(event))

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + LIQUIDATION_MS
        rows, self._rows = self._rows, []
        return f'{_head(self, "snapshot", now_ms)},"data":{_text(rows)}}}' if rows else None


def _head(feed: Feed, kind: str, now_ms: int) -> str:
    """The beginning of most frames; on spot the time comes before the type."""
    if feed.category == "spot":
        return f'{{"topic":"{feed.topic}","ts":{now_ms},"type":"{kind}"'
    return f'{{"topic":"{feed.topic}","type":"{kind}","ts":{now_ms}'


def _text(data: Any) -> str:
    return _ENCODE(data).decode()
