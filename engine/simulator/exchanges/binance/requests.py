"""Binance's REST answers, for USD-M (`fapi`) and spot (`data-api`, `api`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.binance import words
from engine.simulator.exchanges.books import rows
from engine.simulator.exchanges.limits import Windows
from engine.simulator.happenings import RatioName
from engine.simulator.market.candles import INTERVALS
from engine.simulator.sim_instrument import SimInstrument, SimVenue
from engine.simulator.world import World

MINUTE_MS: Final = 60_000
WEIGHT: Final[dict[SimVenue, float]] = {words.USDM: 2400, words.SPOT: 6000}
DATA_PER_5_MIN: Final = 1000
FUNDING_PER_5_MIN: Final = 500
BANNED_AFTER: Final = 20
"""Refusals in one window after which the address is banned instead."""
ADVICE: Final = "Please use the websocket for live updates"
PERIODS: Final = frozenset({"5m", "15m", "30m", "1h", "4h", "1d"})
RATIOS: Final[dict[str, RatioName]] = {
    "/futures/data/globalLongShortAccountRatio": "accounts",
    "/futures/data/topLongShortAccountRatio": "top_accounts",
    "/futures/data/topLongShortPositionRatio": "top_positions",
}

Query = Mapping[str, str]
_ENCODE: Final = msgspec.json.Encoder().encode


class Refused(Exception):
    """A request that the venue refuses: `code` and `msg`, with status 400."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BinanceRequests:
    """The REST side over one world."""

    def __init__(self, world: World, limit_scale: float) -> None:
        self._world = world
        self._scale = limit_scale
        self._windows = Windows()
        self._routes: dict[str, tuple[Callable[[SimVenue, Query, int], Any], Callable[[Query], float]]] = {
            "exchangeInfo": (self._info, lambda q: 1),
            "klines": (self._klines, lambda q: _by_limit(q, 500, ((100, 1), (500, 2), (1001, 5)), 10)),
            "depth": (self._depth, lambda q: _by_limit(q, 500, ((51, 2), (101, 5), (501, 10)), 20)),
            "aggTrades": (self._agg_trades, lambda q: 20),
            "trades": (self._trades, lambda q: 5),
            "ticker/24hr": (self._tickers, lambda q: 1 if "symbol" in q else 40),
            "ticker/bookTicker": (self._quotes, lambda q: 2 if "symbol" in q else 5),
            "ticker/price": (self._prices, lambda q: 1 if "symbol" in q else 2),
            "premiumIndex": (self._marks, lambda q: 1 if "symbol" in q else 10),
            "fundingRate": (self._funding, lambda q: 0),
            "fundingInfo": (self._funding_info, lambda q: 0),
            "openInterest": (self._open_interest, lambda q: 1),
            "time": (lambda venue, query, now: {"serverTime": now}, lambda q: 1),
            "ping": (lambda venue, query, now: {}, lambda q: 1),
        }

    def answer(self, venue: SimVenue, path: str, query: Query, client: str, now_ms: int) -> Answer:
        """What `GET path?query` is answered with."""
        if path.startswith("/futures/data/"):
            used = self._windows.take(client, "data", 1, 5 * MINUTE_MS, now_ms)
            if used > DATA_PER_5_MIN * self._scale:
                return _too_many(used, DATA_PER_5_MIN * self._scale, 5 * MINUTE_MS, now_ms)
            return self._said(lambda: self._statistics(path, query), {})
        name = path.removeprefix("/fapi/v1/").removeprefix("/fapi/v2/").removeprefix("/api/v3/")
        route = self._routes.get(name)
        if route is None or name == path:
            return Answer(404, b"<html>404 Not Found</html>", content_type="text/html")
        read, weigh = route
        if name in ("fundingRate", "fundingInfo"):
            asked = self._windows.take(client, "funding", 1, 5 * MINUTE_MS, now_ms)
            if asked > FUNDING_PER_5_MIN * self._scale:
                return _too_many(asked, FUNDING_PER_5_MIN * self._scale, 5 * MINUTE_MS, now_ms)
        weight = 20.0 if venue == words.SPOT and name == "exchangeInfo" else weigh(query)
        used = self._windows.take(client, venue, weight, MINUTE_MS, now_ms)
        most = WEIGHT[venue] * self._scale
        if used > most:
            return _too_many(used, most, MINUTE_MS, now_ms)
        return self._said(lambda: read(venue, query, now_ms), {"X-MBX-USED-WEIGHT-1M": str(int(used / self._scale))})

    def _said(self, read: Callable[[], Any], headers: dict[str, str]) -> Answer:
        try:
            return Answer(200, _ENCODE(read()), headers)
        except Refused as refused:
            return Answer(400, _ENCODE({"code": refused.code, "msg": str(refused)}), headers)
        except ValueError as error:
            return Answer(400, _ENCODE({"code": -1100, "msg": f"Illegal characters found: {error}"}), headers)

    def _one(self, venue: SimVenue, query: Query) -> SimInstrument:
        symbol = query.get("symbol")
        if not symbol:
            raise Refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        found = self._world.find(venue, symbol)
        if found is None:
            raise Refused(-1121, "Invalid symbol.")
        return found

    def _trading(self, venue: SimVenue) -> list[SimInstrument]:
        return [one for one in self._world.listed(venue) if self._world.status(one) == "trading"]

    def _info(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        limit = int(WEIGHT[venue] * self._scale)
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limit}],
            "exchangeFilters": [],
            "symbols": [words.listed(one, self._world.status(one)) for one in self._world.listed(venue)],
        }

    def _klines(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        interval = query.get("interval", "")
        if interval not in INTERVALS:
            raise Refused(-1120, "Invalid interval.")
        limit = min(1500 if venue == words.USDM else 1000, int(query.get("limit") or 500))
        end = int(query["endTime"]) if query.get("endTime") else None
        start = int(query.get("startTime") or 0)
        return [
            words.kline_row(one, bar) for bar in self._world.candles(one, interval, limit, end) if bar.open_ms >= start
        ]

    def _depth(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        book = self._world.book(one, int(query.get("limit") or 500))
        said: dict[str, Any] = {"lastUpdateId": book.update_id}
        if venue == words.USDM:
            said |= {"E": now_ms, "T": book.ms}
        return said | {"bids": rows(one, book.bids), "asks": rows(one, book.asks)}

    def _agg_trades(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        start, end = query.get("startTime"), query.get("endTime")
        if start and end and int(end) - int(start) > 3_600_000:
            raise Refused(-1127, "More than 1 hours between startTime and endTime.")
        found = self._world.recent_trades(
            one,
            min(1000, int(query.get("limit") or 500)),
            int(query["fromId"]) if query.get("fromId") else None,
            int(start) if start else None,
            int(end) if end else None,
        )
        return [words.agg_trade_row(trade) for trade in found]

    def _trades(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        return [
            {
                "id": trade.last,
                "price": one.price_text(trade.ticks),
                "qty": one.size_text(trade.steps),
                "quoteQty": one.quote_text(trade.ticks * trade.steps),
                "time": trade.ms,
                "isBuyerMaker": not trade.buy,
            }
            for trade in self._world.recent_trades(one, min(1000, int(query.get("limit") or 500)))
        ]

    def _each(self, venue: SimVenue, query: Query, read: Callable[[SimInstrument], Any]) -> Any:
        """One row for a symbol, all rows without one."""
        if query.get("symbol"):
            return read(self._one(venue, query))
        return [read(one) for one in self._trading(venue)]

    def _tickers(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        world = self._world
        return self._each(venue, query, lambda one: words.ticker_row(one, world.ticker_24h(one), world.best(one)))

    def _quotes(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        def read(one: SimInstrument) -> Any:
            best = self._world.best(one)
            said = {
                "symbol": one.symbol,
                "bidPrice": one.price_text(best.bid),
                "bidQty": one.size_text(best.bid_steps),
                "askPrice": one.price_text(best.ask),
                "askQty": one.size_text(best.ask_steps),
            }
            return said | ({"time": best.ms, "lastUpdateId": best.update_id} if venue == words.USDM else {})

        return self._each(venue, query, read)

    def _prices(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        def read(one: SimInstrument) -> Any:
            said = {"symbol": one.symbol, "price": one.price_text(self._world.ticker_24h(one).last)}
            return said | ({"time": now_ms} if venue == words.USDM else {})

        return self._each(venue, query, read)

    def _marks(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        def read(one: SimInstrument) -> Any:
            held = words.mark(self._world, one, now_ms)
            return {
                "symbol": one.symbol,
                "markPrice": held["p"],
                "indexPrice": held["i"],
                "estimatedSettlePrice": held["P"],
                "lastFundingRate": held["r"],
                "interestRate": "0.00010000",
                "nextFundingTime": held["T"],
                "time": now_ms,
            }

        return self._each(venue, query, read)

    def _funding(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        return [
            {
                "symbol": one.symbol,
                "fundingTime": settled.ms,
                "fundingRate": f"{settled.rate_e8 / 1e8:.8f}",
                "markPrice": one.fine_text(settled.mark),
                "rateType": "Regular",
            }
            for settled in self._world.funding_history(one, min(1000, int(query.get("limit") or 100)))
        ]

    def _funding_info(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        return [
            {
                "symbol": one.symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": one.funding_interval_h,
                "disclaimer": False,
            }
            for one in self._trading(venue)
            if one.funding_interval_h not in (0, 8)
        ]

    def _open_interest(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self._one(venue, query)
        return {"openInterest": one.size_text(self._world.open_interest(one)), "symbol": one.symbol, "time": now_ms}

    def _statistics(self, path: str, query: Query) -> Any:
        """`/futures/data`: histories by period, oldest first."""
        one = self._one(words.USDM, query)
        period = query.get("period", "")
        if period not in PERIODS:
            raise Refused(-1130, "Data sent for parameter 'period' is not valid.")
        count = min(500, int(query.get("limit") or 30))
        if path == "/futures/data/openInterestHist":
            return [
                {
                    "symbol": one.symbol,
                    "sumOpenInterest": one.size_text(point.steps),
                    "sumOpenInterestValue": f"{point.steps * point.mark / 100 * one.quote_unit:.8f}",
                    "CMCCirculatingSupply": "0",
                    "timestamp": point.ms,
                }
                for point in self._world.open_interest_history(one, period, count)
            ]
        if path == "/futures/data/takerlongshortRatio":
            return [
                {
                    "buySellRatio": f"{point.buy_steps / point.sell_steps if point.sell_steps else 0:.4f}",
                    "buyVol": one.size_text(point.buy_steps),
                    "sellVol": one.size_text(point.sell_steps),
                    "timestamp": point.ms,
                }
                for point in self._world.taker_volumes(one, period, count)
            ]
        kind = RATIOS.get(path)
        if kind is None:
            raise Refused(-1000, "no such statistic")
        return [
            {
                "symbol": one.symbol,
                "longShortRatio": f"{point.long_e4 / point.short_e4 if point.short_e4 else 0:.4f}",
                "longAccount": f"{point.long_e4 / 1e4:.4f}",
                "shortAccount": f"{point.short_e4 / 1e4:.4f}",
                "timestamp": point.ms,
            }
            for point in self._world.ratios(one, kind, period, count)
        ]


def _by_limit(query: Query, default: int, ladder: tuple[tuple[int, float], ...], most: float) -> float:
    limit = int(query.get("limit") or default)
    return next((weight for below, weight in ladder if limit < below), most)


def _too_many(used: float, most: float, window_ms: int, now_ms: int) -> Answer:
    """429, and 418 for who goes on nevertheless."""
    left_s = (window_ms - now_ms % window_ms) // 1000 + 1
    if used > most * 1.5 + BANNED_AFTER:
        until = now_ms + 120_000
        body = {
            "code": -1003,
            "msg": f"Way too many requests; IP banned until {until}. Please use the websocket for live updates.",
        }
        return Answer(418, _ENCODE(body), {"Retry-After": "120"})
    said = f"Too many requests; current limit is {int(most)} requests per minute. {ADVICE} to avoid polling the API."
    return Answer(429, _ENCODE({"code": -1003, "msg": said}), {"Retry-After": str(left_s)})
