"""The answers of Binance's REST endpoints, for USD-M (`fapi`) and spot (`data-api`, `api`). Limits are in `requests`.

Each reader takes the product, the query and the world's time, and raises `Refused` for a request that the venue
refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from engine.simulator.exchanges.binance import rows
from engine.simulator.exchanges.binance.amounts import SPOT, USDM, levels, price, size
from engine.simulator.exchanges.binance.weights import Query, whole
from engine.simulator.happenings import FundingSettled, InterestPoint, RatioName, RatioPoint, TakerPoint
from engine.simulator.market.candles import INTERVALS
from engine.simulator.sim_instrument import SimInstrument, SimVenue
from engine.simulator.world import World

HOUR_MS: Final = 3_600_000
PERIODS: Final = frozenset({"5m", "15m", "30m", "1h", "4h", "1d"})
"""The venue also has 2h, 6h and 12h, which the simulated market does not provide."""
DEPTHS: Final = frozenset({5, 10, 20, 50, 100, 500, 1000})
"""Depths of USD-M; spot accepts any number up to 5000."""
RATIOS: Final[dict[str, RatioName]] = {
    "globalLongShortAccountRatio": "accounts",
    "topLongShortAccountRatio": "top_accounts",
    "topLongShortPositionRatio": "top_positions",
}
_KEPT: Final = 500
"""Most rows in an answer of statistics."""

Point = TypeVar("Point", FundingSettled, InterestPoint, RatioPoint, TakerPoint)


class Refused(Exception):
    """A request that the venue refuses: `code` and `msg`, with status 400."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BinanceAnswers:
    """The readers over one world; `limit` is the weight per minute that the listing announces."""

    def __init__(self, world: World, limit: Callable[[SimVenue], int]) -> None:
        self._world = world
        self._limit = limit

    def one(self, venue: SimVenue, query: Query) -> SimInstrument:
        symbol = query.get("symbol")
        if not symbol:
            raise Refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        found = self._world.find(venue, symbol)
        if found is None:
            raise Refused(-1121, "Invalid symbol.")
        return found

    def _trading(self, venue: SimVenue) -> list[SimInstrument]:
        return [one for one in self._world.listed(venue) if self._world.status(one) == "trading"]

    def info(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        world = self._world
        limits = [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self._limit(venue)}
        ]
        said: dict[str, Any] = {"timezone": "UTC", "serverTime": now_ms}
        if venue == USDM:
            said["futuresType"] = "U_MARGINED"
        said |= {"rateLimits": limits, "exchangeFilters": []}
        if venue == USDM:
            said["assets"] = [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}]
        asked = [self.one(venue, query)] if venue == SPOT and query.get("symbol") else world.listed(venue)
        row = rows.contract if venue == USDM else rows.pair
        return said | {"symbols": [row(one, world.status(one)) for one in asked]}

    def klines(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        """With a start, the first bars from it on, else the newest."""
        one = self.one(venue, query)
        interval = query.get("interval", "")
        if interval not in INTERVALS:
            raise Refused(-1120, "Invalid interval.")
        length = INTERVALS[interval]
        limit = min(1500 if venue == USDM else 1000, whole(query, "limit", 500))
        end = min(now_ms, whole(query, "endTime", now_ms))
        start = whole(query, "startTime", 0)
        if start:
            first = -(-start // length)
            limit = min(limit, max(0, end // length - first + 1))
            end = (first + limit - 1) * length
        bars = self._world.candles(one, interval, limit, end) if limit else []
        return [rows.kline(one, bar) for bar in bars if bar.open_ms >= start]

    def depth(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self.one(venue, query)
        limit = whole(query, "limit", 500 if venue == USDM else 100)
        if venue == USDM and limit not in DEPTHS:
            raise Refused(-4021, f"{limit} is not valid depth limit.")
        book = self._world.book(one, min(5000, limit))
        said: dict[str, Any] = {"lastUpdateId": book.update_id}
        if venue == USDM:
            said |= {"E": now_ms, "T": book.ms}
        return said | {"bids": levels(one, book.bids), "asks": levels(one, book.asks)}

    def agg_trades(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self.one(venue, query)
        start, end, first = (
            whole(query, name, 0) if query.get(name) else None for name in ("startTime", "endTime", "fromId")
        )
        if start is not None and end is not None and end - start > HOUR_MS:
            raise Refused(-1127, "More than 1 hours between startTime and endTime.")
        found = self._world.recent_trades(one, min(1000, whole(query, "limit", 500)), first, start, end)
        return [rows.aggregate(trade) for trade in found]

    def trades(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one, limit = self.one(venue, query), min(1000, whole(query, "limit", 500))
        return [row for trade in self._world.recent_trades(one, limit) for row in rows.singles(trade)][-limit:]

    def _each(self, venue: SimVenue, query: Query, read: Callable[[SimInstrument], Any]) -> Any:
        """One row if the query names a symbol, else all rows."""
        if query.get("symbol"):
            return read(self.one(venue, query))
        return [read(one) for one in self._trading(venue)]

    def tickers(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        world = self._world
        return self._each(venue, query, lambda one: rows.ticker(one, world.ticker_24h(one), world.best(one)))

    def quotes(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        return self._each(venue, query, lambda one: rows.book_ticker(one, self._world.best(one)))

    def prices(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        def read(one: SimInstrument) -> Any:
            said = {"symbol": one.symbol, "price": price(one, self._world.ticker_24h(one).last)}
            return said | ({"time": now_ms} if venue == USDM else {})

        return self._each(venue, query, read)

    def marks(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        return self._each(venue, query, lambda one: rows.premium(self._world, one, now_ms))

    def funding(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        """Settlements, oldest first; of all symbols if the query names none."""
        count = min(1000, whole(query, "limit", 100))
        asked = [self.one(venue, query)] if query.get("symbol") else self._trading(venue)
        end = whole(query, "endTime", now_ms)
        found = [event for one in asked for event in self._world.funding_history(one, 1000, end)]
        found.sort(key=lambda event: event.ms)
        return [rows.settled(event) for event in _within(found, whole(query, "startTime", 0), count)]

    def funding_info(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        return [
            {
                "symbol": one.symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": one.funding_interval_h,
                "disclaimer": False,
                "updateTime": one.listed_ms,
            }
            for one in self._trading(venue)
            if one.funding_interval_h not in (0, 8)
        ]

    def open_interest(self, venue: SimVenue, query: Query, now_ms: int) -> Any:
        one = self.one(venue, query)
        return {"symbol": one.symbol, "openInterest": size(one, self._world.open_interest(one)), "time": now_ms}

    def statistics(self, name: str, query: Query, now_ms: int) -> Any:
        """`/futures/data`: histories by period, oldest first."""
        one, world = self.one(USDM, query), self._world
        period = query.get("period", "")
        if period not in PERIODS:
            raise Refused(-1130, "Data sent for parameter 'period' is not valid.")
        count = min(_KEPT, whole(query, "limit", 30))
        start, end = whole(query, "startTime", 0), whole(query, "endTime", now_ms)
        if name == "openInterestHist":
            points = world.open_interest_history(one, period, _KEPT, end)
            return [_interest(one, point) for point in _within(points, start, count)]
        if name == "takerlongshortRatio":
            # `TakerPoint.ms` is the start of its period, while `end` refers to the end.
            taken = world.taker_volumes(one, period, _KEPT, end + INTERVALS[period])
            return [_taken(one, point) for point in _within(taken, start, count)]
        shares = world.ratios(one, RATIOS[name], period, _KEPT, end)
        return [_share(one, point) for point in _within(shares, start, count)]


def _within(points: Iterable[Point], start_ms: int, count: int) -> list[Point]:
    """With a start, the first points from it on, else the newest."""
    held = [point for point in points if point.ms >= start_ms]
    return held[:count] if start_ms else held[-count:]


def _interest(one: SimInstrument, point: InterestPoint) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "sumOpenInterest": f"{point.steps * one.step_base:.8f}",
        "sumOpenInterestValue": f"{point.steps * point.mark / 100 * one.quote_unit:.8f}",
        "CMCCirculatingSupply": "0.00000000",
        "timestamp": point.ms,
    }


def _taken(one: SimInstrument, point: TakerPoint) -> dict[str, Any]:
    return {
        "buySellRatio": f"{point.buy_steps / point.sell_steps if point.sell_steps else 0:.4f}",
        "buyVol": f"{point.buy_steps * one.step_base:.4f}",
        "sellVol": f"{point.sell_steps * one.step_base:.4f}",
        "timestamp": point.ms,
    }


def _share(one: SimInstrument, point: RatioPoint) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "longShortRatio": f"{point.long_e4 / point.short_e4 if point.short_e4 else 0:.4f}",
        "longAccount": f"{point.long_e4 / 1e4:.4f}",
        "shortAccount": f"{point.short_e4 / 1e4:.4f}",
        "timestamp": point.ms,
    }
