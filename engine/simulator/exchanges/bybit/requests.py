"""Bybit's REST answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.books import rows
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.limits import Windows
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

PER_5_S: Final = 600
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
PERIODS: Final = {"5min": "5m", "15min": "15m", "30min": "30m", "1h": "1h", "4h": "4h", "1d": "1d"}
STATUS: Final = {"": "trading", "Trading": "trading", "PreLaunch": "pending", "Closed": "delisted"}

Query = Mapping[str, str]


class Refused(Exception):
    """A request that the venue refuses: `retCode` and `retMsg`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BybitRequests:
    """The REST side over one world."""

    def __init__(self, world: World, limit_scale: float) -> None:
        self._world = world
        self._most = PER_5_S * limit_scale
        self._windows = Windows()
        self._routes: dict[str, Callable[[Query, int], dict[str, Any]]] = {
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/kline": self._klines,
            "/v5/market/orderbook": self._depth,
            "/v5/market/tickers": self._tickers,
            "/v5/market/open-interest": self._open_interest,
            "/v5/market/funding/history": self._funding,
            "/v5/market/account-ratio": self._accounts,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/time": self._time,
        }

    def answer(self, path: str, query: Query, client: str, now_ms: int) -> Answer:
        """What `GET path?query` is answered with."""
        used = self._windows.take(client, "all", 1, 5_000, now_ms)
        if used > self._most:
            return Answer(403, b"access too frequent", content_type="text/plain")
        headers = {"X-Bapi-Limit": str(int(self._most)), "X-Bapi-Limit-Status": str(int(self._most - used))}
        route = self._routes.get(path)
        if route is None:
            return Answer(404, b"404 page not found", content_type="text/plain")
        try:
            code, message, result = 0, "OK", route(query, now_ms)
        except Refused as refused:
            code, message, result = refused.code, str(refused), {}
        except ValueError as error:
            code, message, result = 10001, f"params error: {error}", {}
        body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}
        return Answer(200, msgspec.json.encode(body), headers)

    def _instrument(self, query: Query) -> SimInstrument:
        product = words.PRODUCT.get(query.get("category", ""))
        if product is None:
            raise Refused(10001, "params error: Category is invalid")
        found = self._world.find(product, query.get("symbol", ""))
        if found is None:
            raise Refused(10001, "params error: symbol invalid")
        return found

    def _instruments(self, query: Query, now_ms: int) -> dict[str, Any]:
        product = words.PRODUCT.get(query.get("category", ""))
        if product is None:
            raise Refused(10001, "params error: Category is invalid")
        wanted = STATUS.get(query.get("status", ""))
        held = [one for one in self._world.listed(product) if self._world.status(one) == wanted]
        if symbol := query.get("symbol"):
            held = [one for one in held if one.symbol == symbol]
        limit = min(1000, int(query.get("limit") or 500))
        start = int(query["cursor"]) if query.get("cursor") else 0
        page = held[start : start + limit] if product == "bybit-linear" else held
        more = product == "bybit-linear" and start + limit < len(held)
        rows_of = [words.listed(one, self._world.status(one)) for one in page]
        return {"category": query["category"], "list": rows_of, "nextPageCursor": str(start + limit) if more else ""}

    def _klines(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        interval = INTERVALS.get(query.get("interval", ""))
        if interval is None:
            raise Refused(10001, "params error: Invalid period!")
        limit = min(1000, int(query.get("limit") or 200))
        bars = self._world.candles(instrument, interval, limit, int(query["end"]) if query.get("end") else None)
        start = int(query.get("start") or 0)
        listed = [words.kline_row(instrument, bar) for bar in reversed(bars) if bar.open_ms >= start]
        return {"symbol": instrument.symbol, "category": query["category"], "list": listed}

    def _depth(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        book = self._world.book(instrument, min(1000, int(query.get("limit") or 25)))
        return {
            "s": instrument.symbol,
            "b": rows(instrument, book.bids),
            "a": rows(instrument, book.asks),
            "ts": now_ms,
            "u": book.update_id,
            "seq": book.update_id,
            "cts": book.ms,
        }

    def _tickers(self, query: Query, now_ms: int) -> dict[str, Any]:
        product = words.PRODUCT.get(query.get("category", ""))
        if product is None:
            raise Refused(10001, "params error: Category is invalid")
        if query.get("symbol"):
            held = [self._instrument(query)]
        else:
            held = [one for one in self._world.listed(product) if self._world.status(one) == "trading"]
        listed = []
        for one in held:
            fields = words.ticker(self._world, one)
            if one.kind == "spot":
                best = self._world.best(one)
                fields |= {
                    "bid1Price": one.price_text(best.bid),
                    "bid1Size": one.size_text(best.bid_steps),
                    "ask1Price": one.price_text(best.ask),
                    "ask1Size": one.size_text(best.ask_steps),
                }
            listed.append(fields)
        return {"category": query["category"], "list": listed}

    def _open_interest(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        period = PERIODS.get(query.get("intervalTime", ""))
        if period is None:
            raise Refused(10001, "params error: intervalTime invalid")
        points = self._world.open_interest_history(instrument, period, min(200, int(query.get("limit") or 50)))
        listed = [
            {
                "openInterest": instrument.size_text(2 * one.steps),
                "singleOpenInterest": instrument.size_text(one.steps),
                "timestamp": str(one.ms),
            }
            for one in reversed(points)
        ]
        return {"symbol": instrument.symbol, "category": query["category"], "list": listed, "nextPageCursor": ""}

    def _funding(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        settled = self._world.funding_history(instrument, min(200, int(query.get("limit") or 200)))
        listed = [
            {
                "symbol": instrument.symbol,
                "fundingRate": f"{one.rate_e8 / 1e8:.8f}",
                "fundingRateTimestamp": str(one.ms),
            }
            for one in reversed(settled)
        ]
        return {"category": query["category"], "list": listed}

    def _accounts(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        period = PERIODS.get(query.get("period", ""))
        if period is None:
            raise Refused(10001, "params error: period invalid")
        points = self._world.ratios(instrument, "accounts", period, min(500, int(query.get("limit") or 50)))
        listed = [
            {
                "symbol": instrument.symbol,
                "buyRatio": f"{one.long_e4 / 1e4:.4f}",
                "sellRatio": f"{one.short_e4 / 1e4:.4f}",
                "timestamp": str(one.ms),
            }
            for one in reversed(points)
        ]
        return {"list": listed, "nextPageCursor": ""}

    def _trades(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        most = 60 if instrument.kind == "spot" else 1000
        trades = self._world.recent_trades(instrument, min(most, int(query.get("limit") or most)))
        listed = [
            {
                "execId": words.trade_id(one),
                "symbol": instrument.symbol,
                "price": instrument.price_text(one.ticks),
                "size": instrument.size_text(one.steps),
                "side": "Buy" if one.buy else "Sell",
                "time": str(one.ms),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(one.order),
            }
            for one in reversed(trades)
        ]
        return {"category": query["category"], "list": listed}

    def _time(self, query: Query, now_ms: int) -> dict[str, Any]:
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}
