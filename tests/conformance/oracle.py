"""A second reading of a capture, written from the venues' documentation alone.

Plain `json`, dictionaries and `Decimal`; nothing of the engine is imported, so that a shared mistake is
unlikely. It is the yardstick of `prism inspect`, and the peer of its speed: both read the same bytes in
one run. It covers the messages that the recordings hold and takes them to be well-formed.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

DOLLARS = {"USD", "USDT", "USDC"}
SPOT_QUOTES = ("USDT", "USDC", "BUSD", "TUSD", "BTC", "ETH", "BNB", "BRL", "AUD", "EUR", "TRY", "RUB")
BYBIT_INTERVALS = {"1": "1m", "3": "3m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "240": "4h", "D": "1d"}
MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
ZERO = Decimal(0)
Row = list[str]


class PlainBook:
    """A book as price text to size text, with the rule of its venue applied by the caller."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.status = "absent"
        self.last = 0
        self.waiting: list[dict[str, Any]] = []
        self.first_after_rest = False

    def replace(self, bids: list[Row], asks: list[Row]) -> None:
        self.bids = {row[0]: row[1] for row in bids if Decimal(row[1])}
        self.asks = {row[0]: row[1] for row in asks if Decimal(row[1])}
        self.status = "synced"

    def change(self, bids: list[Row], asks: list[Row]) -> None:
        for side, rows in ((self.bids, bids), (self.asks, asks)):
            for row in rows:
                if Decimal(row[1]):
                    side[row[0]] = row[1]
                else:
                    side.pop(row[0], None)

    def lose(self) -> None:
        self.bids.clear()
        self.asks.clear()
        self.status = "resyncing"

    def top(self, depth: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        bids = sorted(self.bids.items(), key=lambda level: Decimal(level[0]), reverse=True)
        asks = sorted(self.asks.items(), key=lambda level: Decimal(level[0]))
        return bids[:depth], asks[:depth]


class Tally:
    """What one instrument adds up to."""

    def __init__(self) -> None:
        self.trades = 0
        self.base = {"buy": ZERO, "sell": ZERO}
        self.quote = {"buy": ZERO, "sell": ZERO}
        self.last_price: Decimal | None = None
        self.liquidations = 0
        self.liquidated = {"long": ZERO, "short": ZERO}
        self.closed: defaultdict[str, set[int]] = defaultdict(set)
        self.newest: dict[str, tuple[int, bool, list[str | None]]] = {}
        """Per interval: open time, closed, [open, high, low, close, quote volume, taker buy quote volume]."""
        self.mark: str | None = None
        self.index: str | None = None
        self.funding: str | None = None
        self.interest: str | None = None
        self.book = PlainBook()

    def trade(self, side: str, price: str, base: Decimal, quote: Decimal) -> None:
        self.trades += 1
        self.base[side] += base
        self.quote[side] += quote
        self.last_price = Decimal(price)

    def candle(self, interval: str, open_ms: int, closed: bool, values: list[str | None]) -> None:
        if closed:
            self.closed[interval].add(open_ms)
        held = self.newest.get(interval)
        if held is None or open_ms > held[0] or (open_ms == held[0] and (closed or not held[1])):
            self.newest[interval] = (open_ms, closed, values)


class Venue:
    """What one venue adds up to."""

    def __init__(self) -> None:
        self.frames = 0
        self.control = 0
        self.events: Counter[str] = Counter()
        self.gaps = 0
        self.checksum_failures = 0
        self.checksums = 0
        self.listing: dict[str, dict[str, Any]] = {}


class Oracle:
    """The totals of one capture."""

    def __init__(self) -> None:
        self.lines = 0
        self.first_ns = 0
        self.last_ns = 0
        self.venues: defaultdict[str, Venue] = defaultdict(Venue)
        self.tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        self._frame: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "binance-usdm": self._binance,
            "binance-spot": self._binance,
            "bybit-linear": self._bybit,
            "bybit-spot": self._bybit,
            "okx": self._okx,
        }

    def read(self, path: Path) -> Oracle:
        """Read a whole capture and return itself."""
        with gzip.open(path, "rt", encoding="utf-8") as file:
            next(file)
            for line in file:
                outer = json.loads(line)
                self.lines += 1
                self.first_ns = self.first_ns or outer["t"]
                self.last_ns = outer["t"]
                venue = outer["v"]
                if "r" in outer:
                    self._response(venue, outer["r"], json.loads(outer["d"]), outer["t"])
                elif "d" in outer:
                    self.venues[venue].frames += 1
                    self._frame[venue](venue, json.loads(outer["d"]))
        return self

    # Binance

    def _binance(self, venue: str, outer: dict[str, Any]) -> None:
        data = outer.get("data", outer)
        kind = data.get("e", "bookTicker")
        if data.get("st", 1) != 1 or (data.get("o", {}) and kind == "forceOrder" and data["o"].get("st", 1) != 1):
            return
        events = self.venues[venue].events
        if kind == "bookTicker":
            events["ticker"] += 1
            self.tallies[venue, data["s"]]
        elif kind in ("trade", "aggTrade"):
            if data.get("X", "MARKET") != "MARKET":
                return
            events["trade"] += 1
            base = Decimal(data["q"])
            side = "sell" if data["m"] else "buy"
            self.tallies[venue, data["s"]].trade(side, data["p"], base, base * Decimal(data["p"]))
        elif kind == "depthUpdate":
            events["book_delta"] += 1
            self._binance_delta(venue, data)
        elif kind == "kline":
            events["candle"] += 1
            bar = data["k"]
            values = [bar["o"], bar["h"], bar["l"], bar["c"], bar["q"], bar["Q"]]
            self.tallies[venue, data["s"]].candle(bar["i"], bar["t"], bar["x"], values)
        elif kind == "markPriceUpdate":
            events["mark"] += 1
            events["funding"] += 1
            tally = self.tallies[venue, data["s"]]
            tally.mark, tally.index, tally.funding = data["p"], data["i"], data["r"]
        elif kind == "forceOrder":
            events["liquidation"] += 1
            order = data["o"]
            tally = self.tallies[venue, order["s"]]
            tally.liquidations += 1
            side = "long" if order["S"] == "SELL" else "short"
            tally.liquidated[side] += Decimal(order["ap"]) * Decimal(order["z"])
        else:
            raise AssertionError(f"no recording was known to hold {kind}")

    def _binance_delta(self, venue: str, data: dict[str, Any]) -> None:
        book = self.tallies[venue, data["s"]].book
        if book.status != "synced":
            book.status = "syncing" if book.status == "absent" else book.status
            book.waiting.append(data)
            return
        if book.first_after_rest:
            if data["u"] < book.last if "pu" in data else data["u"] <= book.last:
                return
            expected = data["U"] <= book.last <= data["u"] if "pu" in data else data["U"] <= book.last + 1
            # A snapshot taken exactly between two changes needs no overlap.
            expected = expected or data.get("pu") == book.last
        else:
            expected = data["pu"] == book.last if "pu" in data else data["U"] == book.last + 1
        if not expected:
            self.venues[venue].gaps += 1
            book.lose()
            book.waiting = [data]
            return
        book.change(data["b"], data["a"])
        book.last = data["u"]
        book.first_after_rest = False

    # Bybit

    def _bybit(self, venue: str, outer: dict[str, Any]) -> None:
        if "topic" not in outer:
            self.venues[venue].control += 1
            return
        kind, *arguments = outer["topic"].split(".")
        data = outer["data"]
        events = self.venues[venue].events
        if kind == "orderbook":
            self._bybit_book(venue, outer["type"], data)
        elif kind == "publicTrade":
            for row in data:
                events["trade"] += 1
                base = Decimal(row["v"])
                self.tallies[venue, row["s"]].trade(row["S"].lower(), row["p"], base, base * Decimal(row["p"]))
        elif kind == "kline":
            for bar in data:
                events["candle"] += 1
                values = [bar["open"], bar["high"], bar["low"], bar["close"], bar["turnover"], None]
                interval = BYBIT_INTERVALS[bar["interval"]]
                self.tallies[venue, arguments[-1]].candle(interval, bar["start"], bar["confirm"], values)
        elif kind == "tickers":
            tally = self.tallies[venue, data["symbol"]]
            tally.mark = data.get("markPrice", tally.mark)
            tally.index = data.get("indexPrice", tally.index)
            tally.funding = data.get("fundingRate", tally.funding)
            tally.interest = data.get("singleOpenInterestValue", tally.interest)
        else:
            raise AssertionError(f"no recording was known to hold {kind}")

    def _bybit_book(self, venue: str, kind: str, data: dict[str, Any]) -> None:
        book = self.tallies[venue, data["s"]].book
        if kind == "snapshot":
            self.venues[venue].events["book_snapshot"] += 1
            book.replace(data["b"], data["a"])
        else:
            self.venues[venue].events["book_delta"] += 1
            if book.status != "synced":
                book.status = "syncing" if book.status == "absent" else book.status
                return
            if data["u"] != book.last + 1:
                self.venues[venue].gaps += 1
                book.lose()
                return
            book.change(data["b"], data["a"])
        book.last = data["u"]

    # OKX

    def _okx(self, venue: str, outer: dict[str, Any]) -> None:
        if "event" in outer:
            self.venues[venue].control += 1
            return
        channel = outer["arg"]["channel"]
        symbol = outer["arg"]["instId"]
        tally = self.tallies[venue, symbol]
        for row in outer["data"]:
            if channel == "trades":
                self.venues[venue].events["trade"] += 1
                base, quote = self._okx_amounts(symbol, Decimal(row["sz"]), Decimal(row["px"]))
                tally.trade(row["side"], row["px"], base, quote)
            elif channel in ("books", "books-l2-tbt"):
                self._okx_book(tally.book, outer["action"], row)
            elif channel != "tickers":
                raise AssertionError(f"no recording was known to hold {channel}")

    def _okx_amounts(self, symbol: str, size: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
        listed = self.venues["okx"].listing[symbol]
        if listed["instType"] == "SPOT":
            return size, size * price
        face = Decimal(listed["ctVal"]) * Decimal(listed["ctMult"])
        if listed["ctType"] == "inverse":
            return size * face / price, size * face
        return size * face, size * face * price

    def _okx_book(self, book: PlainBook, action: str, row: dict[str, Any]) -> None:
        venue = self.venues["okx"]
        if action == "snapshot":
            venue.events["book_snapshot"] += 1
            book.replace(row["bids"], row["asks"])
        else:
            venue.events["book_delta"] += 1
            if book.status != "synced":
                book.status = "syncing" if book.status == "absent" else book.status
                return
            book.change(row["bids"], row["asks"])
        venue.checksums += 1
        if zlib.crc32(_okx_checksum_text(book).encode()) != row["checksum"] & 0xFFFFFFFF:
            venue.checksum_failures += 1
            book.lose()

    # REST

    def _response(self, venue: str, request: str, body: Any, received_ns: int) -> None:
        path, _, query = request.removeprefix("GET ").partition("?")
        asked = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        if path.endswith("/depth"):
            self._binance_snapshot(venue, asked["symbol"], body)
        elif path == "/v5/market/kline":
            interval = BYBIT_INTERVALS[asked["interval"]]
            for row in body["result"]["list"]:
                open_ms = int(row[0])
                closed = open_ms + MINUTES[interval] * 60_000 <= received_ns // 1_000_000
                values = [row[1], row[2], row[3], row[4], row[6], None]
                self.tallies[venue, asked["symbol"]].candle(interval, open_ms, closed, values)
        elif path.endswith("/exchangeInfo"):
            self.venues[venue].listing.update({row["symbol"]: row for row in body["symbols"]})
        elif path == "/v5/market/instruments-info":
            self.venues[venue].listing.update({row["symbol"]: row for row in body["result"]["list"]})
        elif path == "/api/v5/public/instruments":
            self.venues[venue].listing.update({row["instId"]: row for row in body["data"]})
        else:
            raise AssertionError(f"no recording was known to hold {path}")

    def _binance_snapshot(self, venue: str, symbol: str, body: dict[str, Any]) -> None:
        book = self.tallies[venue, symbol].book
        if book.status == "synced":
            return
        waiting, book.waiting = book.waiting, []
        book.replace(body["bids"], body["asks"])
        book.last = body["lastUpdateId"]
        book.first_after_rest = True
        for data in waiting:
            self._binance_delta(venue, data)

    # Instruments

    def quote_of(self, venue: str, symbol: str) -> str:
        """The currency that an instrument's prices are in."""
        listed = self.venues[venue].listing.get(symbol)
        if venue == "okx":
            if listed and listed["instType"] == "OPTION":
                return str(listed["settleCcy"])
            return symbol.split("-")[1]
        if listed:
            return str(listed.get("quoteAsset") or listed["quoteCoin"])
        return next(quote for name in (symbol, symbol.split("_")[0]) for quote in SPOT_QUOTES if name.endswith(quote))

    def in_base(self, venue: str, symbol: str, price: str, size: str) -> Decimal:
        """A book size in base currency."""
        if venue != "okx":
            return Decimal(size)
        return self._okx_amounts(symbol, Decimal(size), Decimal(price))[0]


def _okx_checksum_text(book: PlainBook) -> str:
    bids, asks = book.top(25)
    parts: list[str] = []
    for level in range(25):
        if level < len(bids):
            parts += bids[level]
        if level < len(asks):
            parts += asks[level]
    return ":".join(parts)
