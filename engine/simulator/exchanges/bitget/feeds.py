"""The feeds of Bitget's topics: what each pushes, and when. One feed per subscribed topic.

Created by `exchange`, which parses the arguments. A feed keeps only what the venue keeps between two pushes, so that a
snapshot of `books` and the updates after it chain by `pseq` and `seq`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchanges.bitget import words
from engine.simulator.exchanges.books import Level, TopBook, rows
from engine.simulator.happenings import Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

INST: Final = "usdt-futures"
DEPTH: Final = {"books": 1000, "books50": 50, "books5": 5, "books1": 1}
BOOK_MS: Final = {"books": 50, "books50": 20, "books5": 10, "books1": 1}
"""Push intervals (documentation)."""
TICKER_MS: Final = 300
STILL_MS: Final = 1_000
"""A ticker is pushed this often even without trades: marks and funding move, and live tickers kept coming too."""
KLINE_MS: Final = 1_000
QUIET_MS: Final = 60_000
LIQUIDATION_MS: Final = 1_000
HISTORY: Final = 50
"""Trades in the first push of `publicTrade`."""
BARS: Final = {"1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "4H": "4h", "1D": "1d"}
"""The intervals that the simulated market keeps; the venue also has 6H and 12H."""

_ENCODE: Final = msgspec.json.Encoder().encode


class Feed:
    """One topic of one instrument. `due` is not called before `due_ms`."""

    def __init__(self, arg: dict[str, str], one: SimInstrument) -> None:
        self.arg = _ENCODE(arg).decode()
        self.one = one
        self.due_ms = 0
        self.is_dirty = True

    def first(self, world: World, now_ms: int) -> str | None:
        """What a new subscriber gets at once; None if it waits for the next push."""
        return None

    def due(self, world: World, now_ms: int) -> str | None:
        """The next push, None if there is nothing to push now."""
        raise NotImplementedError

    def said(self, action: str, data: Sequence[Any], now_ms: int) -> str:
        """A push."""
        return push(self.arg, action, data, now_ms)


class BookFeed(Feed):
    """`books`: a snapshot, then updates that chain; `booksN`: snapshots only. `offset` is added to the engine's update
    ids."""

    def __init__(self, arg: dict[str, str], one: SimInstrument, topic: str, offset: int) -> None:
        super().__init__(arg, one)
        self.topic = topic
        self._offset = offset
        self._sequence = 0
        self._book: TopBook | None = None

    def first(self, world: World, now_ms: int) -> str | None:
        if self._book is None:
            if world.status(self.one) != "trading":
                return None
            self._book = TopBook(world, self.one, DEPTH[self.topic])
            self._book.snapshot()
            self._sequence = self._book.update_id + self._offset
            self.is_dirty = False
        return self._told("snapshot", *self._book.held(), 0, now_ms)

    def due(self, world: World, now_ms: int) -> str | None:
        self.due_ms = now_ms + BOOK_MS[self.topic]
        if self._book is None:
            return self.first(world, now_ms)
        if not self.is_dirty:
            return None
        self.is_dirty = False
        bids, asks = self._book.changes()
        if not bids and not asks:
            return None
        before, self._sequence = self._sequence, self._book.update_id + self._offset
        if self.topic != "books":
            # The shallow books send only snapshots.
            return self._told("snapshot", *self._book.held(), 0, now_ms)
        return self._told("update", bids, asks, before, now_ms)

    def _told(self, action: str, bids: list[Level], asks: list[Level], before: int, now_ms: int) -> str:
        assert self._book is not None
        data = {
            "a": rows(self.one, asks),
            "b": rows(self.one, bids),
            "pseq": before,
            "seq": self._sequence,
            "maxdepth": str(DEPTH[self.topic]),
            "ts": str(self._book.ms),
        }
        return self.said(action, [data], now_ms)


class TradeFeed(Feed):
    """`publicTrade`: a snapshot of past trades, then the trades of one taker order per push, newest first."""

    def __init__(self, arg: dict[str, str], one: SimInstrument) -> None:
        super().__init__(arg, one)
        self._rows: list[dict[str, str]] = []
        self._order = 0
        self._ms = 0

    def first(self, world: World, now_ms: int) -> str | None:
        past = [words.trade(event) for event in reversed(world.recent_trades(self.one, HISTORY))]
        return self.said("snapshot", past, now_ms) if past else None

    def take(self, trade: Trade) -> str | None:
        """Add a trade; returns the push of the trades before it if it belongs to another order."""
        said = self.flush() if trade.order != self._order else None
        self._rows.append(words.trade(trade))
        self._order, self._ms = trade.order, trade.ms
        return said

    def flush(self) -> str | None:
        """The push of the held trades; None if there are none."""
        if not self._rows:
            return None
        held, self._rows = self._rows, []
        return self.said("update", held[::-1], self._ms)

    def due(self, world: World, now_ms: int) -> str | None:
        return self.flush()


class TickerFeed(Feed):
    """`ticker`: always holds all fields, so `action` is always `snapshot`."""

    def __init__(self, arg: dict[str, str], one: SimInstrument) -> None:
        super().__init__(arg, one)
        self._pushed_ms = 0

    def changed(self, ms: int) -> None:
        """A trade, a book change or a change of open interest: included in the next push."""
        if not self.is_dirty:
            self.is_dirty = True
            self.due_ms = min(self.due_ms, max(ms, self._pushed_ms + TICKER_MS))

    def due(self, world: World, now_ms: int) -> str | None:
        self._pushed_ms, self.is_dirty = now_ms, False
        self.due_ms = now_ms + STILL_MS
        return self.first(world, now_ms)

    def first(self, world: World, now_ms: int) -> str | None:
        if world.status(self.one) != "trading":
            return None
        return self.said("snapshot", [words.ticker(world, self.one, now_ms)], now_ms)


class KlineFeed(Feed):
    """`kline`: the forming bar while it changes, and the next bar as soon as it opens, which closes the one before."""

    def __init__(self, arg: dict[str, str], one: SimInstrument) -> None:
        super().__init__(arg, one)
        self._bars = BARS[arg["interval"]]
        self._told: dict[str, str] | None = None
        self._open_ms = -1

    def changed(self, ms: int) -> None:
        """A trade."""
        if not self.is_dirty:
            self.is_dirty = True
            self.due_ms = min(self.due_ms, ms + KLINE_MS)

    def first(self, world: World, now_ms: int) -> str | None:
        return self.said("snapshot", [self._told], now_ms) if self._told is not None else self.due(world, now_ms)

    def due(self, world: World, now_ms: int) -> str | None:
        bars = world.candles(self.one, self._bars, 2, now_ms)
        if not bars:
            self.due_ms = now_ms + QUIET_MS
            return None
        newest, shown = bars[-1], bars[-1]
        begins = 0 <= self._open_ms < newest.open_ms
        if begins and self.is_dirty:
            # The final state of the old bar, if it changed after its last push, goes out before the new bar.
            shown = next((bar for bar in bars if bar.open_ms == self._open_ms), newest)
        elif not begins and not self.is_dirty:
            self.due_ms = newest.open_ms + newest.interval_ms
            return None
        self.due_ms = now_ms if shown is not newest else now_ms + KLINE_MS
        self.is_dirty = False
        self._open_ms = shown.open_ms
        action = "snapshot" if self._told is None else "update"
        self._told = words.kline(self.one, shown)
        return self.said(action, [self._told], now_ms)


class Liquidations:
    """`liquidation` of the whole product: the largest long and the largest short of each symbol per second."""

    arg = _ENCODE({"instType": INST, "topic": "liquidation"}).decode()

    def __init__(self) -> None:
        self._largest: dict[tuple[int, str], Liquidation] = {}
        self._due_ms = 0

    def take(self, event: Liquidation) -> None:
        """Keep a liquidation if it is the largest so far."""
        key = (event.instrument.index, event.side)
        known = self._largest.get(key)
        if known is None or event.filled > known.filled:
            self._largest[key] = event

    def due(self, now_ms: int) -> str | None:
        """The push of the last second; None if there was no liquidation or the second is not over."""
        if now_ms < self._due_ms:
            return None
        self._due_ms = now_ms + LIQUIDATION_MS
        found, self._largest = list(self._largest.values()), {}
        return push(self.arg, "update", [words.liquidation(event) for event in found], now_ms) if found else None


def push(arg: str, action: str, data: Sequence[Any], now_ms: int) -> str:
    """A push, with the key order of live frames (2026-09-15)."""
    return f'{{"action":"{action}","arg":{arg},"data":{_ENCODE(data).decode()},"ts":{now_ms}}}'
