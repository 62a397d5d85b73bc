"""The yardstick of the frame path: a simple reader with `json`, dictionaries and `Decimal`, as written in an afternoon.

Used by `bench.frames` only. It reads the frames of the recorded Binance sessions (USD-M and spot), assumes that they
are well-formed, checks the chain of update ids by the venue's rule, and keeps exact books, best quotes and sums of
trades. Nothing of the engine may be imported here.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

ZERO: Final = Decimal(0)
Key = tuple[str, str]
"""Venue and symbol."""
Rows = list[tuple[float, float]]
"""(price, size) of one side, best first."""


class PlainBook:
    """One order book, price to size."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last = 0
        self.updates = 0
        self.synced = False
        self.fresh = False
        self.waiting: list[dict[str, Any]] = []

    def reset(self, body: dict[str, Any]) -> None:
        """Apply a REST snapshot and the updates buffered before it. Ignored if the book is synced already."""
        if self.synced:
            return
        self.bids = {Decimal(price): Decimal(size) for price, size in body["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in body["asks"]}
        self.last = body["lastUpdateId"]
        self.synced = self.fresh = True
        waiting, self.waiting = self.waiting, []
        for data in waiting:
            self.change(data)

    def change(self, data: dict[str, Any]) -> None:
        """Apply one `depthUpdate`. Raises ValueError if the chain of update ids has a gap."""
        if not self.synced:
            self.waiting.append(data)
            return
        last, previous = self.last, data.get("pu", data["U"] - 1)
        if previous != last and not (self.fresh and previous <= last <= data["u"]):
            if data["u"] <= last:
                return
            raise ValueError(f"a change after update {previous} came while {last} is held")
        for side, rows in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price_text, size_text in rows:
                price, size = Decimal(price_text), Decimal(size_text)
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        self.last = data["u"]
        self.fresh = False
        self.updates += 1

    def top(self, count: int) -> tuple[Rows, Rows]:
        """The best `count` levels per side."""
        return (
            [(float(price), float(self.bids[price])) for price in sorted(self.bids, reverse=True)[:count]],
            [(float(price), float(self.asks[price])) for price in sorted(self.asks)[:count]],
        )


class PlainReader:
    """Books, best quotes and trade sums of the frames and snapshots fed to it."""

    def __init__(self) -> None:
        self.books: dict[Key, PlainBook] = {}
        self.quotes: dict[Key, tuple[Decimal, Decimal, Decimal, Decimal]] = {}
        self.sums: dict[tuple[str, str, bool], tuple[Decimal, Decimal]] = {}
        """(venue, symbol, taker bought) -> (base, quote)."""
        self.trades = 0
        self.tickers = 0

    def frame(self, venue: str, text: str) -> None:
        """Read one frame of a combined stream."""
        data = json.loads(text)["data"]
        kind = data.get("e", "bookTicker")
        key = (venue, data["s"])
        if kind == "bookTicker":
            self.quotes[key] = (Decimal(data["b"]), Decimal(data["B"]), Decimal(data["a"]), Decimal(data["A"]))
            self.tickers += 1
        elif kind == "depthUpdate":
            self.book(key).change(data)
        elif kind in ("trade", "aggTrade"):
            if data.get("X", "MARKET") == "MARKET":
                self._trade((venue, data["s"], not data["m"]), Decimal(data["p"]), Decimal(data["q"]))
        else:
            raise ValueError(f"the yardstick does not read frames of the kind {kind}")

    def snapshot(self, venue: str, symbol: str, body: str) -> None:
        """Read the body of a REST order book."""
        self.book((venue, symbol)).reset(json.loads(body))

    def book(self, key: Key) -> PlainBook:
        book = self.books.get(key)
        if book is None:
            book = self.books[key] = PlainBook()
        return book

    def _trade(self, key: tuple[str, str, bool], price: Decimal, size: Decimal) -> None:
        base, quote = self.sums.get(key, (ZERO, ZERO))
        self.sums[key] = (base + size, quote + price * size)
        self.trades += 1
