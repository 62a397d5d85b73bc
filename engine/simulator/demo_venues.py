"""The venues' frames for the invented market of the demo recording, field for field.

Used by `engine.simulator.demo_recording`. One class per venue, with the same methods in each. Formats are those of
`engine.venues.<venue>.wire`; sizes are written in the venue's unit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from engine.simulator.demo_market import Fill, History

Rows = Sequence[tuple[float, float]]
"""Price and size in base currency; size 0 removes the level."""

_INTERVALS: Final = {60_000: "1m", 300_000: "5m", 900_000: "15m", 14_400_000: "4h"}
_BYBIT_INTERVALS: Final = {60_000: "1", 300_000: "5", 900_000: "15", 14_400_000: "240"}
_OKX_INTERVALS: Final = {60_000: "1m", 300_000: "5m", 900_000: "15m", 14_400_000: "4H"}


def compact(message: Any) -> str:
    """JSON as venues send it."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


class Listing:
    """Names and decimals of one instrument on its venue."""

    def __init__(self, symbol: str, base: str, decimals: int, price: float, *, spot: bool) -> None:
        self.symbol = symbol
        self.base = base
        self.spot = spot
        self.tick = 10.0**-decimals
        self._decimals = decimals
        # Steps as venues choose them: the smallest size is worth a few cents to a dollar.
        self._size_decimals = max(0, min(5, len(str(int(price))) + (1 if price >= 1 else -1)))
        self.step = 10.0**-self._size_decimals
        self.contract = 1.0

    def price(self, value: float) -> str:
        return f"{value:.{self._decimals}f}"

    def size(self, base: float) -> str:
        if base <= 0:
            return "0"
        return f"{max(self.step, base / self.contract):.{self._size_decimals}f}"


class Binance:
    """USD-M and spot."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.venue = "binance-spot" if listing.spot else "binance-usdm"
        self._name = listing.symbol.lower()
        self._update = 1_000
        self._trade = 100

    def book(self, bids: Rows, asks: Rows, ms: int, *, first: bool) -> tuple[str, str]:
        """(connection, frame); for the first book (`GET` request, body), because Binance serves snapshots by REST."""
        rows = {"bids": self._rows(bids), "asks": self._rows(asks)}
        before, self._update = self._update, self._update + 7
        if first:
            path = "/api/v3/depth" if self.listing.spot else "/fapi/v1/depth"
            stamp = {} if self.listing.spot else {"E": ms, "T": ms}
            body = compact({"lastUpdateId": self._update, **stamp, **rows})
            return f"GET {path}?symbol={self.listing.symbol}&limit=1000", body
        data: dict[str, Any] = {"e": "depthUpdate", "E": ms}
        if not self.listing.spot:
            data |= {"T": ms - 3}
        data |= {"s": self.listing.symbol, "U": before + 1, "u": self._update}
        if not self.listing.spot:
            data |= {"pu": before}
        data |= {"b": rows["bids"], "a": rows["asks"]} | self._origin()
        return "public", compact({"stream": f"{self._name}@depth@100ms", "data": data})

    def trade(self, fill: Fill, ms: int) -> tuple[str, str]:
        self._trade += 1
        data = {
            "e": "aggTrade", "E": ms, "a": self._trade, "s": self.listing.symbol, "p": self.listing.price(fill.price),
            "q": self.listing.size(fill.usd / fill.price), "f": self._trade, "l": self._trade, "T": ms - 2,
            "m": not fill.taker_buy, **self._origin(),
        }  # fmt: skip
        connection = "public" if self.listing.spot else "market"
        return connection, compact({"stream": f"{self._name}@aggTrade", "data": data})

    def candle(
        self, open_ms: int, bar: Sequence[float], volume: Sequence[float], ms: int, *, closed: bool
    ) -> tuple[str, str]:
        """`bar` is open, high, low, close; `volume` is base, quote, taker buy quote, trades."""
        price = self.listing.price
        k = {
            "t": open_ms, "T": open_ms + 59_999, "s": self.listing.symbol, "i": "1m", "f": 1, "L": 2,
            "o": price(bar[0]), "c": price(bar[3]), "h": price(bar[1]), "l": price(bar[2]), "v": f"{volume[0]:.3f}",
            "n": int(volume[3]), "x": closed, "q": f"{volume[1]:.2f}", "V": "0", "Q": f"{volume[2]:.2f}", "B": "0",
        }  # fmt: skip
        data = {"e": "kline", "E": ms, "s": self.listing.symbol, "k": k, **self._origin()}
        return ("public" if self.listing.spot else "market"), compact(
            {"stream": f"{self._name}@kline_1m", "data": data}
        )

    def reference(
        self, price: float, open_24h: float, volume_usd: float, rate: float, oi: float, ms: int
    ) -> list[tuple[str, str]]:
        """24 h statistics, mark price and funding; `oi` is unused, because Binance serves it by REST only."""
        shown, symbol = self.listing.price, self.listing.symbol
        ticker = {
            "e": "24hrMiniTicker", "E": ms, "s": symbol, "c": shown(price), "o": shown(open_24h),
            "h": shown(max(price, open_24h) * 1.02), "l": shown(min(price, open_24h) * 0.98),
            "v": f"{volume_usd / price:.3f}", "q": f"{volume_usd:.2f}", **self._origin(),
        }  # fmt: skip
        out = [
            (
                "public" if self.listing.spot else "market",
                compact({"stream": f"{self._name}@miniTicker", "data": ticker}),
            )
        ]
        if not self.listing.spot:
            mark = {
                "e": "markPriceUpdate", "E": ms, "s": symbol, "p": shown(price), "ap": shown(price), "P": shown(price),
                "i": shown(price * 0.9998), "r": f"{rate:.8f}", "T": ms - ms % 28_800_000 + 28_800_000, "st": 1,
            }  # fmt: skip
            out.append(("market", compact({"stream": f"{self._name}@markPrice@1s", "data": mark})))
        return out

    def liquidation(self, fill: Fill, ms: int) -> tuple[str, str]:
        price, size = self.listing.price(fill.price), self.listing.size(fill.usd / fill.price)
        order = {
            "s": self.listing.symbol, "S": "BUY" if fill.taker_buy else "SELL", "o": "LIMIT", "f": "IOC", "q": size,
            "p": price, "ap": price, "X": "FILLED", "l": size, "z": size, "T": ms - 1_000, "ps": self.listing.symbol,
            "st": 1,
        }  # fmt: skip
        return "market", compact({"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": ms, "o": order}})

    def klines(self, bars: History) -> tuple[str, str]:
        """(request, body) of a REST answer with `bars`."""
        listing = self.listing
        rows = [
            [t, listing.price(o), listing.price(h), listing.price(low), listing.price(c), f"{v / c:.3f}",
             t + bars.interval_ms - 1, f"{v:.2f}", 120, f"{b / c:.3f}", f"{b:.2f}", "0"]
            for t, o, h, low, c, v, b in _bars(bars)
        ]  # fmt: skip
        path = "/api/v3/klines" if listing.spot else "/fapi/v1/klines"
        return f"GET {path}?symbol={listing.symbol}&interval={_INTERVALS[bars.interval_ms]}&limit={len(rows)}", compact(
            rows
        )

    def _rows(self, rows: Rows) -> list[list[str]]:
        return [[self.listing.price(price), self.listing.size(size)] for price, size in rows]

    def _origin(self) -> dict[str, int]:
        return {} if self.listing.spot else {"st": 1}


class Bybit:
    """Linear and spot."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.venue = "bybit-spot" if listing.spot else "bybit-linear"
        self._update = 5_000
        self._trade = 0

    def book(self, bids: Rows, asks: Rows, ms: int, *, first: bool) -> tuple[str, str]:
        self._update += 1
        symbol = self.listing.symbol
        data = {"s": symbol, "b": self._rows(bids), "a": self._rows(asks), "u": self._update, "seq": 9 * self._update}
        kind = "snapshot" if first else "delta"
        return "public", compact(
            {"topic": f"orderbook.50.{symbol}", "type": kind, "ts": ms, "data": data, "cts": ms - 4}
        )

    def trade(self, fill: Fill, ms: int) -> tuple[str, str]:
        self._trade += 1
        symbol, price = self.listing.symbol, self.listing.price(fill.price)
        data = {
            "T": ms - 2, "s": symbol, "S": "Buy" if fill.taker_buy else "Sell",
            "v": self.listing.size(fill.usd / fill.price), "p": price, "L": "PlusTick", "i": f"demo-{self._trade}",
            "BT": False, "RPI": False, "seq": self._trade,
        }  # fmt: skip
        return "public", compact({"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": ms, "data": [data]})

    def candle(
        self, open_ms: int, bar: Sequence[float], volume: Sequence[float], ms: int, *, closed: bool
    ) -> tuple[str, str]:
        symbol, price = self.listing.symbol, self.listing.price
        data = {
            "start": open_ms, "end": open_ms + 59_999, "interval": "1", "open": price(bar[0]), "close": price(bar[3]),
            "high": price(bar[1]), "low": price(bar[2]), "volume": f"{volume[0]:.3f}", "turnover": f"{volume[1]:.2f}",
            "confirm": closed, "timestamp": ms,
        }  # fmt: skip
        return "public", compact({"topic": f"kline.1.{symbol}", "data": [data], "ts": ms, "type": "snapshot"})

    def reference(
        self, price: float, open_24h: float, volume_usd: float, rate: float, oi: float, ms: int
    ) -> list[tuple[str, str]]:
        shown, symbol = self.listing.price, self.listing.symbol
        data: dict[str, str] = {
            "symbol": symbol, "lastPrice": shown(price), "prevPrice24h": shown(open_24h),
            "highPrice24h": shown(max(price, open_24h) * 1.02), "lowPrice24h": shown(min(price, open_24h) * 0.98),
            "turnover24h": f"{volume_usd:.4f}", "volume24h": f"{volume_usd / price:.4f}",
            "price24hPcnt": f"{price / open_24h - 1:.6f}",
        }  # fmt: skip
        if not self.listing.spot:
            data |= {
                "markPrice": shown(price), "indexPrice": shown(price * 0.9998), "openInterest": f"{2 * oi / price:.3f}",
                "openInterestValue": f"{2 * oi:.2f}", "singleOpenInterest": f"{oi / price:.3f}",
                "singleOpenInterestValue": f"{oi:.2f}", "fundingRate": f"{rate:.8f}", "fundingIntervalHour": "8",
                "nextFundingTime": str(ms - ms % 28_800_000 + 28_800_000),
            }  # fmt: skip
        return [
            ("public", compact({"topic": f"tickers.{symbol}", "type": "snapshot", "data": data, "cs": 1, "ts": ms}))
        ]

    def liquidation(self, fill: Fill, ms: int) -> tuple[str, str]:
        # `S` is the side of the position, the opposite of the closing order's: a sale closes a long.
        data = {
            "T": ms - 300, "s": self.listing.symbol, "S": "Sell" if fill.taker_buy else "Buy",
            "v": self.listing.size(fill.usd / fill.price), "p": self.listing.price(fill.price),
        }  # fmt: skip
        topic = f"allLiquidation.{self.listing.symbol}"
        return "public", compact({"topic": topic, "type": "snapshot", "ts": ms, "data": [data]})

    def klines(self, bars: History) -> tuple[str, str]:
        listing = self.listing
        rows = [
            [str(t), *(listing.price(x) for x in (o, h, low, c)), f"{v / c:.3f}", f"{v:.4f}"]
            for t, o, h, low, c, v, _ in _bars(bars)
        ][::-1]
        category = "spot" if listing.spot else "linear"
        result = {"symbol": listing.symbol, "category": category, "list": rows}
        query = f"category={category}&symbol={listing.symbol}&interval={_BYBIT_INTERVALS[bars.interval_ms]}"
        return f"GET /v5/market/kline?{query}&limit=1000", compact({"retCode": 0, "retMsg": "OK", "result": result})

    def _rows(self, rows: Rows) -> list[list[str]]:
        return [[self.listing.price(price), self.listing.size(size)] for price, size in rows]


class Okx:
    """Swaps and spot."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.venue = "okx"
        self._sequence = 70_000
        self._trade = 0

    def book(self, bids: Rows, asks: Rows, ms: int, *, first: bool) -> tuple[str, str]:
        before, self._sequence = self._sequence, self._sequence + 11
        row = {
            "asks": self._rows(asks), "bids": self._rows(bids), "ts": str(ms), "checksum": 0,
            "prevSeqId": -1 if first else before, "seqId": self._sequence,
        }  # fmt: skip
        arg = {"channel": "books", "instId": self.listing.symbol}
        return "public", compact({"arg": arg, "action": "snapshot" if first else "update", "data": [row]})

    def trade(self, fill: Fill, ms: int) -> tuple[str, str]:
        self._trade += 1
        row = {
            "instId": self.listing.symbol, "tradeId": str(self._trade), "px": self.listing.price(fill.price),
            "sz": self.listing.size(fill.usd / fill.price), "side": "buy" if fill.taker_buy else "sell",
            "ts": str(ms - 2), "count": "1", "source": "0", "seqId": self._trade,
        }  # fmt: skip
        return self._push("trades", row)

    def candle(
        self, open_ms: int, bar: Sequence[float], volume: Sequence[float], ms: int, *, closed: bool
    ) -> tuple[str, str]:
        text, (_, push) = "1" if closed else "0", self._push("candle1m", None)
        row = [str(open_ms), *(self.listing.price(x) for x in bar), self.listing.size(volume[0]), f"{volume[0]:.4f}"]
        if self.listing.spot:
            row[-1] = f"{volume[1]:.2f}"
        return "business", push.replace("[null]", compact([[*row, f"{volume[1]:.2f}", text]]))

    def reference(
        self, price: float, open_24h: float, volume_usd: float, rate: float, oi: float, ms: int
    ) -> list[tuple[str, str]]:
        shown, symbol, stamp = self.listing.price, self.listing.symbol, str(ms)
        base = volume_usd / price
        kind = "SPOT" if self.listing.spot else "SWAP"
        ticker = {
            "instType": kind, "instId": symbol, "last": shown(price), "lastSz": "1",
            "askPx": "", "askSz": "", "bidPx": "", "bidSz": "",
            "open24h": shown(open_24h), "high24h": shown(max(price, open_24h) * 1.02),
            "low24h": shown(min(price, open_24h) * 0.98), "ts": stamp,
            "vol24h": self.listing.size(base), "volCcy24h": f"{volume_usd if self.listing.spot else base:.4f}",
        }  # fmt: skip
        out = [self._push("tickers", ticker)]
        if not self.listing.spot:
            due = ms - ms % 28_800_000 + 28_800_000
            funding = {
                "instId": symbol, "instType": "SWAP", "fundingRate": f"{rate:.8f}", "fundingTime": str(due),
                "nextFundingTime": str(due + 28_800_000), "nextFundingRate": "", "ts": stamp,
            }  # fmt: skip
            interest = {
                "instType": "SWAP", "instId": symbol, "oi": self.listing.size(oi / price), "oiCcy": f"{oi / price:.4f}",
                "oiUsd": f"{oi:.2f}", "ts": stamp,
            }  # fmt: skip
            mark = {"instType": "SWAP", "instId": symbol, "markPx": shown(price), "ts": stamp}
            out += [
                self._push("funding-rate", funding),
                self._push("open-interest", interest),
                self._push("mark-price", mark),
            ]
        return out

    def liquidation(self, fill: Fill, ms: int) -> tuple[str, str]:
        side, position = ("buy", "short") if fill.taker_buy else ("sell", "long")
        detail = {
            "bkLoss": "0", "bkPx": self.listing.price(fill.price), "ccy": "", "posSide": position, "side": side,
            "sz": self.listing.size(fill.usd / fill.price), "ts": str(ms - 400),
        }  # fmt: skip
        family = self.listing.symbol.removesuffix("-SWAP")
        row = {
            "details": [detail],
            "instFamily": family,
            "instId": self.listing.symbol,
            "instType": "SWAP",
            "uly": family,
        }
        return "public", compact({"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]})

    def klines(self, bars: History) -> tuple[str, str]:
        listing = self.listing
        rows = [
            [str(t), *(listing.price(x) for x in (o, h, low, c)), listing.size(v / c), f"{v / c:.4f}", f"{v:.2f}", "1"]
            for t, o, h, low, c, v, _ in _bars(bars)
        ][::-1]
        query = f"instId={listing.symbol}&bar={_OKX_INTERVALS[bars.interval_ms]}&limit=300"
        return f"GET /api/v5/market/candles?{query}", compact({"code": "0", "msg": "", "data": rows})

    def _push(self, channel: str, row: Any) -> tuple[str, str]:
        return "public", compact({"arg": {"channel": channel, "instId": self.listing.symbol}, "data": [row]})

    def _rows(self, rows: Rows) -> list[list[str]]:
        return [[self.listing.price(price), self.listing.size(size), "0", "3"] for price, size in rows]


Venue = Binance | Bybit | Okx


def _bars(bars: History) -> zip[tuple[int, float, float, float, float, float, float]]:
    columns = (bars.open_ms, bars.open, bars.high, bars.low, bars.close, bars.volume_usd, bars.buy_usd)
    return zip(*(column.tolist() for column in columns), strict=True)
