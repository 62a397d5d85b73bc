"""Bybit's REST side: answers, limits and the ban.

Used by the simulated exchange only. Time windows, paging and limits are those of the v5 documentation (2026-07-24); a
cursor is the time or index at which the next page begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.bybit.feeds import INTERVALS
from engine.simulator.exchanges.bybit.listing import STATUS, listed
from engine.simulator.exchanges.limits import Windows
from engine.simulator.happenings import InterestPoint, RatioPoint
from engine.simulator.market.candles import INTERVALS as LENGTHS
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

PER_5_S: Final = 600
WINDOW_MS: Final = 5_000
BAN_MS: Final = 600_000
PERIODS: Final = {"5min": "5m", "15min": "15m", "30min": "30m", "1h": "1h", "4h": "4h", "1d": "1d"}
STATUSES: Final = {"": "trading"} | {word: status for status, word in STATUS.items()}
DEPTH: Final = {"bybit-linear": 25, "bybit-spot": 1}
"""Levels per side if the request names no limit."""

Query = Mapping[str, str]
Point = TypeVar("Point", InterestPoint, RatioPoint)


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
        self._banned: dict[str, int] = {}
        """End of the ban by address."""
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
        """The answer to `GET path?query`."""
        used = self._windows.take(client, "all", 1, WINDOW_MS, now_ms)
        if used > self._most and now_ms >= self._banned.get(client, 0):
            self._banned[client] = now_ms + BAN_MS
        if now_ms < self._banned.get(client, 0):
            return Answer(403, b"access too frequent", content_type="text/plain")
        headers = {
            "X-Bapi-Limit": str(int(self._most)),
            "X-Bapi-Limit-Status": str(int(self._most - used)),
            "X-Bapi-Limit-Reset-Timestamp": str((now_ms // WINDOW_MS + 1) * WINDOW_MS),
        }
        route = self._routes.get(path)
        if route is None:
            return Answer(404, b"404 page not found", content_type="text/plain")
        try:
            code, message, result = 0, "OK", route(query, now_ms)
        except Refused as refused:
            code, message, result = refused.code, str(refused), {}
        body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}
        return Answer(200, msgspec.json.encode(body), headers)

    def _product(self, query: Query) -> str:
        product = words.PRODUCT.get(query.get("category", ""))
        if product is None:
            raise Refused(10001, "params error: Category is invalid")
        return product

    def _instrument(self, query: Query) -> SimInstrument:
        found = self._world.find(self._product(query), query.get("symbol", ""))
        if found is None:
            raise Refused(10001, "params error: symbol invalid")
        return found

    def _instruments(self, query: Query, now_ms: int) -> dict[str, Any]:
        product = self._product(query)
        wanted = STATUSES.get(query.get("status", ""))
        held = [one for one in self._world.listed(product) if self._world.status(one) == wanted]
        if symbol := query.get("symbol"):
            held = [one for one in held if one.symbol == symbol]
        if product == "bybit-spot":
            # The spot listing has no pages.
            return {"category": "spot", "list": [listed(one, self._world.status(one)) for one in held]}
        held.sort(key=lambda one: one.symbol)
        limit, start = _limit(query, 500, 1000), _number(query, "cursor") or 0
        page, last = held[start : start + limit], start + limit
        return {
            "category": "linear",
            "list": [listed(one, self._world.status(one)) for one in page],
            "nextPageCursor": str(last) if last < len(held) else "",
        }

    def _klines(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        interval = INTERVALS.get(query.get("interval", ""))
        if interval is None:
            raise Refused(10001, "params error: Invalid period!")
        limit, length = _limit(query, 200, 1000), LENGTHS[interval]
        start, end = _number(query, "start"), _number(query, "end")
        if start is not None and end is None:
            # Without an end, the bars from the start on.
            end = -(-start // length) * length + (limit - 1) * length
        bars = self._world.candles(instrument, interval, limit, end)
        kept = [words.kline_row(instrument, bar) for bar in reversed(bars) if bar.open_ms >= (start or 0)]
        return {"symbol": instrument.symbol, "category": query["category"], "list": kept}

    def _depth(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        book = self._world.book(instrument, _limit(query, DEPTH[instrument.venue], 1000))
        return {
            "s": instrument.symbol,
            "b": words.levels(instrument, book.bids),
            "a": words.levels(instrument, book.asks),
            "ts": now_ms,
            "u": book.update_id,
            "seq": book.update_id,
            "cts": book.ms,
        }

    def _tickers(self, query: Query, now_ms: int) -> dict[str, Any]:
        product = self._product(query)
        held = [self._instrument(query)] if query.get("symbol") else self._world.listed(product)
        trading = [one for one in held if self._world.status(one) == "trading"]
        return {"category": query["category"], "list": [words.ticker_row(self._world, one) for one in trading]}

    def _open_interest(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument, period = self._instrument(query), _period(query, "intervalTime")
        limit = _limit(query, 50, 200)
        points = self._world.open_interest_history(instrument, period, limit, _end(query, "endTime"))
        kept = _since(points, _number(query, "startTime"))
        listing = [
            {
                "openInterest": words.rounded(instrument.size_text(2 * one.steps), 8),
                "singleOpenInterest": instrument.size_text(one.steps),
                "timestamp": str(one.ms),
            }
            for one in reversed(kept)
        ]
        return {
            "symbol": instrument.symbol,
            "category": query["category"],
            "list": listing,
            "nextPageCursor": _next(kept, limit),
        }

    def _funding(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        start, end = _number(query, "startTime"), _number(query, "endTime")
        if start is not None and end is None:
            raise Refused(10001, "params error: startTime must be passed together with endTime")
        settled = self._world.funding_history(instrument, _limit(query, 200, 200), end)
        listing = [
            {
                "symbol": instrument.symbol,
                "fundingRate": words.rate(one.rate_e8),
                "fundingRateTimestamp": str(one.ms),
            }
            for one in reversed(settled)
            if one.ms >= (start or 0)
        ]
        return {"category": query["category"], "list": listing}

    def _accounts(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument, period = self._instrument(query), _period(query, "period")
        limit = _limit(query, 50, 500)
        points = self._world.ratios(instrument, "accounts", period, limit, _end(query, "endTime"))
        kept = _since(points, _number(query, "startTime"))
        listing = [
            {
                "symbol": instrument.symbol,
                "buyRatio": words.trimmed(f"{one.long_e4 / 1e4:.4f}"),
                "sellRatio": words.trimmed(f"{one.short_e4 / 1e4:.4f}"),
                "timestamp": str(one.ms),
            }
            for one in reversed(kept)
        ]
        return {"list": listing, "nextPageCursor": _next(kept, limit)}

    def _trades(self, query: Query, now_ms: int) -> dict[str, Any]:
        instrument = self._instrument(query)
        most, usual = (60, 60) if instrument.kind == "spot" else (1000, 500)
        trades = self._world.recent_trades(instrument, _limit(query, usual, most))
        return {"category": query["category"], "list": [words.recent_row(one) for one in reversed(trades)]}

    def _time(self, query: Query, now_ms: int) -> dict[str, Any]:
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}


def _number(query: Query, name: str) -> int | None:
    """A numeric parameter; None if absent, `Refused` if it is not a number."""
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(10001, f"params error: {name} invalid")
    return int(text)


def _limit(query: Query, usual: int, most: int) -> int:
    limit = _number(query, "limit")
    return usual if limit is None else max(1, min(most, limit))


def _period(query: Query, name: str) -> str:
    period = PERIODS.get(query.get(name, ""))
    if period is None:
        raise Refused(10001, f"params error: {name} invalid")
    return period


def _end(query: Query, name: str) -> int | None:
    """The newest time requested; on a later page that of the cursor."""
    cursor, end = _number(query, "cursor"), _number(query, name)
    if cursor is None or end is None:
        return end if cursor is None else cursor
    return min(cursor, end)


def _since(points: Sequence[Point], start_ms: int | None) -> list[Point]:
    return [one for one in points if start_ms is None or one.ms >= start_ms]


def _next(kept: Sequence[InterestPoint | RatioPoint], limit: int) -> str:
    """Cursor of the next page: just before the oldest point of a full page, empty after a page that is not full."""
    return str(kept[0].ms - 1) if len(kept) == limit else ""
