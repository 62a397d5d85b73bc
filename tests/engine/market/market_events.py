"""Events and instruments by hand, empty books, and a decoder of recorded frames that is not the parsers'."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.events import NAN, Candle, MarketEvent, Quote, Trade
from engine.instruments import Instrument, asset_of
from engine.market.state import MarketState
from engine.market.view import Books, MarketView

MINUTE = 60_000
T0 = 1_700_006_400_000
"""A round start: a multiple of 4 h."""


def instrument(symbol: str = "BTCUSDT", venue: str = "binance-usdm", **other: Any) -> Instrument:
    quote = next(q for q in ("USDT", "USDC", "BUSD", "EUR", "TRY", "BTC", "USD") if symbol.endswith(q))
    base = symbol.removesuffix(quote).rstrip("-")
    kind = other.pop("kind", "spot" if venue.endswith("spot") else "perp")
    asset, multiplier = asset_of(base)
    return Instrument(venue, symbol, kind, base, quote, asset, multiplier, **other)


def trade(
    ts_ms: int, size: float = 1.0, buy: bool = True, price: float = 100.0, of: Instrument | None = None, ident: str = ""
) -> Trade:
    i = of or instrument()
    return Trade(i.venue, i.symbol, ts_ms, ts_ms * 1_000_000, price, size, buy, ident)


def candle(
    open_ms: int,
    interval_ms: int = MINUTE,
    close: float = 100.0,
    closed: bool = True,
    of: Instrument | None = None,
    **other: Any,
) -> Candle:
    i = of or instrument()
    end = open_ms + interval_ms
    stamp = other.pop("ts_ms", end)
    values: dict[str, Any] = {
        "open": close - 0.5,
        "high": close + 1.0,
        "low": close - 1.0,
        "volume_base": 10.0,
        "volume_quote": 1000.0,
        "taker_buy_quote": 600.0,
        "trades": 7,
    }
    values.update(other)
    return Candle(
        i.venue,
        i.symbol,
        stamp,
        max(end, stamp) * 1_000_000,
        interval_ms,
        open_ms,
        values["open"],
        values["high"],
        values["low"],
        close,
        values["volume_base"],
        values["volume_quote"],
        values["taker_buy_quote"],
        values["trades"],
        closed,
    )


def no_books(rows: int, levels: int = 5) -> Books:
    """Books of which none is proven."""

    def blank(*shape: int) -> Any:
        return np.full(shape, np.nan)

    return Books(
        bid=blank(rows, levels),
        bid_size=blank(rows, levels),
        ask=blank(rows, levels),
        ask_size=blank(rows, levels),
        updated_ms=np.full(rows, -1, dtype=np.int64),
        status=("absent",) * rows,
        imbalance_ema=blank(rows),
        added_usd=blank(rows, 2, 60),
        cancelled_usd=blank(rows, 2, 60),
        refill=blank(rows, 2),
        microprice_drift_bps=blank(rows),
    )


def view(state: MarketState, at_ms: int | None = None) -> MarketView:
    return state.view(state.at_ms if at_ms is None else at_ms, no_books(state.universe.rows))


def recorded_events(path: Path, most: int | None = None) -> Iterator[tuple[MarketEvent, Instrument]]:
    """Trades, quotes and candles of a recording, by a decoder of its own; `most` lines at most."""
    known: dict[tuple[str, str], Instrument] = {}

    def of(venue: str, symbol: str) -> Instrument:
        return known.setdefault((venue, symbol), instrument(symbol, venue, inferred=True))

    with gzip.open(path, "rt") as lines:
        next(lines)
        for number, line in enumerate(lines):
            if most is not None and number >= most:
                return
            record = json.loads(line)
            if "d" not in record:
                continue
            body = json.loads(record["d"])
            venue, received = record["v"], record["t"]
            if "result" in body and "kline" in record.get("r", ""):
                interval = int(record["r"].split("interval=")[1].split("&")[0])
                i = of(venue, body["result"]["symbol"])
                for row in reversed(body["result"]["list"]):
                    yield _bybit_candle(i, received, interval, [*map(float, row)], closed=True), i
            elif str(body.get("topic", "")).startswith("kline."):
                _, minutes, symbol = body["topic"].split(".")
                i = of(venue, symbol)
                for k in body["data"]:
                    row = [float(k[f]) for f in ("start", "open", "high", "low", "close", "volume", "turnover")]
                    yield _bybit_candle(i, received, int(minutes), row, closed=k["confirm"]), i
            elif "stream" in body:
                yield from _binance(of, venue, received, body)


def _bybit_candle(i: Instrument, received: int, minutes: int, row: list[float], closed: bool) -> Candle:
    start, opened, high, low, close, volume, turnover = row
    return Candle(
        i.venue, i.symbol, received // 1_000_000, received, minutes * MINUTE, int(start),
        opened, high, low, close, volume, turnover, NAN, -1, closed,
    )  # fmt: skip


def _binance(of: Any, venue: str, received: int, body: dict[str, Any]) -> Iterator[tuple[MarketEvent, Instrument]]:
    data = body["data"]
    kind = body["stream"].split("@")[1]
    i = of(venue, data["s"])
    if kind in ("trade", "aggTrade"):
        ident = str(data["t"] if kind == "trade" else data["a"])
        yield Trade(venue, i.symbol, data["T"], received, float(data["p"]), float(data["q"]), not data["m"], ident), i
    elif kind == "bookTicker":
        stamp = data.get("T", received // 1_000_000)
        yield Quote(venue, i.symbol, stamp, received, *(float(data[f]) for f in ("b", "B", "a", "A"))), i
    elif kind.startswith("kline"):
        k = data["k"]
        opened, high, low, close, volume, quote_volume, bought = (float(k[f]) for f in "ohlcvqQ")
        yield Candle(
            venue, i.symbol, data["E"], received, MINUTE, k["t"],
            opened, high, low, close, volume, quote_volume, bought, k["n"], k["x"],
        ), i  # fmt: skip
