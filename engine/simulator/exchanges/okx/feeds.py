"""The feeds of OKX's channels: what each pushes, and when. One feed per subscribed channel and instrument.

Created by `exchange`, which parses the arguments. A feed keeps only what the venue keeps between two pushes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.simulator.exchanges.books import Level, TopBook
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.sessions import SessionOpens
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

CADENCE_MS: Final = {
    "books": 100, "books5": 100, "bbo-tbt": 10, "tickers": 100, "mark-price": 200, "index-tickers": 100,
    "funding-rate": 60_000, "open-interest": 3_000, "candle": 500,
}  # fmt: skip
DEPTH: Final = {"books": 400, "books5": 5, "bbo-tbt": 1}
QUIET_MS: Final = {"mark-price": 10_000, "index-tickers": 60_000}
"""An unchanged price is sent again after this long."""
HEARTBEAT_MS: Final = 60_000
"""An unchanged book sends an empty update with equal ids after this long."""
TRADES: Final = frozenset({"trades", "trades-all"})
"""Channels without a feed, pushed as events happen."""
_TOUCHED_BY_BOOK: Final = frozenset({*DEPTH, "tickers"})

_ENCODE: Final = msgspec.json.Encoder().encode


class Feed:
    """One channel of one instrument. `due` is not called before `due_ms`."""

    def __init__(self, channel: str, one: SimInstrument) -> None:
        self.channel = channel
        self.one = one
        self.due_ms = 0
        self.is_dirty = True
        self.told = ""
        """The newest push, which a new subscriber gets at once; empty before the first."""

    def due(self, world: World, now_ms: int) -> str | None:
        """The next push, None if there is nothing to push now."""
        raise NotImplementedError

    def first(self, now_ms: int) -> str:
        """What a new subscriber gets at once; empty if it waits for the next push."""
        return self.told

    def booked(self) -> None:
        """The book changed."""
        if self.channel in _TOUCHED_BY_BOOK:
            self.is_dirty = True

    def traded(self, ms: int) -> None:
        """There was a trade."""
        if self.channel == "tickers":
            self.is_dirty = True


class BookFeed(Feed):
    """`books`: a snapshot, then updates that each name the previous one."""

    def __init__(self, world: World, one: SimInstrument, offset: int, now_ms: int) -> None:
        super().__init__("books", one)
        self._book = TopBook(world, one, DEPTH["books"])
        self._book.snapshot()
        self._offset = offset
        self._sequence = self._book.update_id + offset
        self._pushed_ms = now_ms
        self.is_dirty = False

    def first(self, now_ms: int) -> str:
        bids, asks = self._book.held()
        return self._said("snapshot", bids, asks, -1)

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + CADENCE_MS["books"]
        before = self._sequence
        bids: list[Level] = []
        asks: list[Level] = []
        if self.is_dirty:
            self.is_dirty = False
            bids, asks = self._book.changes()
        if bids or asks:
            self._sequence = self._book.update_id + self._offset
        elif now_ms - self._pushed_ms < HEARTBEAT_MS:
            return None
        self._pushed_ms = now_ms
        return self._said("update", bids, asks, before)

    def _said(self, action: str, bids: list[Level], asks: list[Level], before: int) -> str:
        data = {
            "asks": words.rows(self.one, asks),
            "bids": words.rows(self.one, bids),
            "ts": str(self._book.ms),
            "checksum": 0,
            "prevSeqId": before,
            "seqId": self._sequence,
        }
        return text({"arg": {"channel": "books", "instId": self.one.symbol}, "action": action, "data": [data]})


class TopFeed(Feed):
    """`books5` and `bbo-tbt`: the top levels as a whole."""

    def __init__(self, world: World, channel: str, one: SimInstrument, offset: int) -> None:
        super().__init__(channel, one)
        self._book = TopBook(world, one, DEPTH[channel])
        self._offset = offset
        self._held: tuple[list[Level], list[Level]] | None = None

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + CADENCE_MS[self.channel]
        if not self.is_dirty:
            return None
        self.is_dirty = False
        held = self._book.snapshot()
        if held == self._held:
            return None
        self._held = held
        said: words.Words = {"asks": words.rows(self.one, held[1]), "bids": words.rows(self.one, held[0])}
        if self.channel == "books5":
            said["instId"] = self.one.symbol
        said |= {"ts": str(self._book.ms), "seqId": self._book.update_id + self._offset}
        self.told = pushed(self.channel, self.one.symbol, [said])
        return self.told


class CandleFeed(Feed):
    """`candle1m` and the like: the forming bar while it changes, and each closed bar once."""

    def __init__(self, channel: str, one: SimInstrument, interval: str) -> None:
        super().__init__(channel, one)
        self._interval = interval
        self._open_ms = -1

    def traded(self, ms: int) -> None:
        self.is_dirty = True
        self.due_ms = min(self.due_ms, ms + CADENCE_MS["candle"])

    def due(self, world: World, now_ms: int) -> str | None:
        bars = world.candles(self.one, self._interval, 2, now_ms)
        if not bars:
            self.due_ms = now_ms + 60_000
            return None
        newest = bars[-1]
        if 0 <= self._open_ms < newest.open_ms:
            done = next((bar for bar in bars if bar.open_ms == self._open_ms), None)
            self._open_ms, self.due_ms, self.is_dirty = newest.open_ms, now_ms, True
            return None if done is None else self._said(words.candle(self.one, done))
        self.due_ms = newest.open_ms + newest.interval_ms
        if not self.is_dirty:
            return None
        self.is_dirty = False
        self._open_ms = newest.open_ms
        self.told = self._said(words.candle(self.one, newest))
        return self.told

    def _said(self, row: list[str]) -> str:
        return pushed(self.channel, self.one.symbol, [row])


class StateFeed(Feed):
    """`tickers` and `open-interest` if they changed, `funding-rate` always."""

    def __init__(self, channel: str, one: SimInstrument, read: Callable[[int], words.Words]) -> None:
        super().__init__(channel, one)
        self._read = read

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + CADENCE_MS[self.channel]
        if not self.is_dirty:
            return None
        self.is_dirty = self.channel == "funding-rate"
        self.told = pushed(self.channel, self.one.symbol, [self._read(now_ms)])
        return self.told


class PriceFeed(Feed):
    """`mark-price` and `index-tickers`: when they changed, and after `QUIET_MS` without a change."""

    def __init__(self, channel: str, one: SimInstrument) -> None:
        super().__init__(channel, one)
        self._price = -1
        self._pushed_ms = 0

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + CADENCE_MS[self.channel]
        held, one = world.mark(self.one), self.one
        price = held.mark if self.channel == "mark-price" else held.index
        if price == self._price and now_ms - self._pushed_ms < QUIET_MS[self.channel]:
            return None
        self._price, self._pushed_ms = price, now_ms
        if self.channel == "mark-price":
            self.told = pushed(self.channel, one.symbol, [words.mark(world, one, now_ms)])
        else:
            self.told = pushed(self.channel, words.family(one), [words.index(world, one, now_ms)])
        return self.told


def feed_of(
    world: World, opens: SessionOpens, channel: str, one: SimInstrument, interval: str, offset: int, now_ms: int
) -> Feed:
    """The feed of a channel that is not one of `TRADES`; `interval` is set for candles only."""
    if channel == "books":
        return BookFeed(world, one, offset, now_ms)
    if channel in DEPTH:
        return TopFeed(world, channel, one, offset)
    if interval:
        return CandleFeed(channel, one, interval)
    if channel == "tickers":
        return StateFeed(channel, one, lambda at_ms: words.ticker(world, opens, one, at_ms))
    if channel == "open-interest":
        return StateFeed(channel, one, lambda at_ms: words.open_interest(world, one, at_ms))
    if channel == "funding-rate":
        return StateFeed(channel, one, lambda at_ms: words.funding(world, one, at_ms))
    return PriceFeed(channel, one)


def pushed(channel: str, name: str, data: list[Any]) -> str:
    """A push of one instrument's channel."""
    return text({"arg": {"channel": channel, "instId": name}, "data": data})


def text(message: dict[str, Any]) -> str:
    """A message as JSON text."""
    return _ENCODE(message).decode()
