"""Bitget's REST side: answers (v3 for market data, v2 for ratios and the clock), limits and the ban.

Used by the simulated exchange only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.bitget import words
from engine.simulator.exchanges.bitget.feeds import BARS
from engine.simulator.exchanges.limits import Windows
from engine.simulator.market.candles import INTERVALS
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

VENUE: Final = "bitget-usdt"
PER_MINUTE: Final = 6_000
BAN_MS: Final = 300_000
"""Ban after more than `PER_MINUTE` from one address (change log, 2025-08-11)."""
DEPTH_MAX: Final = 200
PERIODS: Final = {"5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "4h": "4h", "1d": "1d"}

Query = Mapping[str, str]


class Refused(Exception):
    """A request that the venue refuses: `code` and `msg`, with status 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BitgetRequests:
    """The REST side over one world."""

    def __init__(self, world: World, limit_scale: float) -> None:
        self._world = world
        self._scale = limit_scale
        self._windows = Windows()
        self._banned: dict[str, int] = {}
        """End of the ban by address."""
        market, mix = "/api/v3/market/", "/api/v2/mix/market/"
        self._routes: dict[str, tuple[Callable[[Query, int], Any], int]] = {
            f"{market}instruments": (self._instruments, 20),
            f"{market}candles": (self._candles, 20),
            f"{market}history-candles": (self._old_candles, 20),
            f"{market}orderbook": (self._depth, 20),
            f"{market}fills": (self._fills, 20),
            f"{market}tickers": (self._tickers, 20),
            f"{market}open-interest": (self._open_interest, 20),
            f"{market}current-fund-rate": (self._funding, 20),
            f"{market}history-fund-rate": (self._funding_history, 20),
            f"{mix}account-long-short": (self._accounts, 1),
            f"{mix}position-long-short": (self._positions, 1),
            f"{mix}taker-buy-sell": (self._takers, 1),
            "/api/v2/public/time": (lambda query, now: {"serverTime": str(now)}, 20),
        }

    def answer(self, path: str, query: Query, client: str, now_ms: int) -> Answer:
        """The answer to `GET path?query`."""
        route = self._routes.get(path)
        if route is None:
            return _said("40404", "Request URL NOT FOUND", None, now_ms, 404)
        read, most = route
        if self._windows.take(client, "all", 1, 60_000, now_ms) > PER_MINUTE * self._scale:
            self._banned.setdefault(client, now_ms + BAN_MS)
        if now_ms < self._banned.get(client, 0):
            return _said("429", "Too Many Requests", None, now_ms, 429)
        self._banned.pop(client, None)
        left = most * self._scale - self._windows.take(client, path, 1, 1_000, now_ms)
        headers = {"x-mbx-used-remain-limit": str(max(0, int(left)))}
        if left < 0:
            return _said("429", "Too Many Requests", None, now_ms, 429, headers)
        try:
            return _said("00000", "success", read(query, now_ms), now_ms, headers=headers)
        except Refused as refused:
            return _said(refused.code, str(refused), None, now_ms, 400, headers)

    def _one(self, query: Query) -> SimInstrument:
        found = self._world.find(VENUE, query.get("symbol", ""))
        if found is None:
            raise Refused("25200", "Symbol does not exist")
        return found

    def _each(self, query: Query) -> list[SimInstrument]:
        if query.get("symbol"):
            return [self._one(query)]
        if query.get("category") != "USDT-FUTURES":
            return []
        return [one for one in self._world.listed(VENUE) if self._world.status(one) == "trading"]

    def _instruments(self, query: Query, now_ms: int) -> Any:
        if query.get("category") != "USDT-FUTURES":
            return []
        return [words.listed(one, self._world.status(one)) for one in self._world.listed(VENUE)]

    def _candles(self, query: Query, now_ms: int) -> Any:
        return self._bars(query, 1000)

    def _old_candles(self, query: Query, now_ms: int) -> Any:
        return self._bars(query, 100)

    def _bars(self, query: Query, most: int) -> Any:
        one = self._one(query)
        interval = BARS.get(query.get("interval", ""))
        if interval is None or query.get("type", "market").lower() != "market":
            raise Refused("40020", f"Parameter {'interval' if interval is None else 'type'} error")
        limit, length = _limit(query, 100, most), INTERVALS[interval]
        start, end = _number(query, "startTime"), _number(query, "endTime")
        if start is not None and end is None:
            # Without an end, the bars from the start on.
            end = -(-start // length) * length + (limit - 1) * length
        bars = self._world.candles(one, interval, limit, end)
        return [words.kline_row(one, bar) for bar in reversed(bars) if bar.open_ms >= (start or 0)]

    def _depth(self, query: Query, now_ms: int) -> Any:
        one = self._one(query)
        book = self._world.book(one, _limit(query, 100, DEPTH_MAX))
        return {"a": words.numbers(one, book.asks), "b": words.numbers(one, book.bids), "ts": str(now_ms)}

    def _fills(self, query: Query, now_ms: int) -> Any:
        found = self._world.recent_trades(self._one(query), _limit(query, 100, 100))
        return [words.fill(event) for event in reversed(found)]

    def _tickers(self, query: Query, now_ms: int) -> Any:
        return [{"category": "USDT-FUTURES", **words.ticker(self._world, one, now_ms)} for one in self._each(query)]

    def _open_interest(self, query: Query, now_ms: int) -> Any:
        held = self._each(query)
        listed = [{"symbol": one.symbol, "openInterest": one.size_text(self._world.open_interest(one))} for one in held]
        return {"list": listed, "ts": str(now_ms)}

    def _funding(self, query: Query, now_ms: int) -> Any:
        found = []
        for one in self._each(query):
            held = self._world.funding(one)
            found.append(
                {
                    "symbol": one.symbol,
                    "fundingRate": words.rate(held.rate_e8),
                    "fundingRateInterval": str(held.interval_h),
                    "nextUpdate": str(held.next_ms),
                    "minFundingRate": "-0.02",
                    "maxFundingRate": "0.02",
                }
            )
        return found

    def _funding_history(self, query: Query, now_ms: int) -> Any:
        one = self._one(query)
        page, limit = max(1, _number(query, "cursor") or 1), _limit(query, 100, 100)
        settled = list(reversed(self._world.funding_history(one, page * limit)))[(page - 1) * limit :]
        listed = [
            {
                "symbol": one.symbol,
                "fundingRate": words.rate(event.rate_e8),
                "fundingRateTimestamp": str(event.ms),
            }
            for event in settled
        ]
        return {"resultList": listed}

    def _period(self, query: Query) -> str:
        period = PERIODS.get(query.get("period") or "5m")
        if period is None:
            raise Refused("40020", "Parameter period error")
        return period

    def _accounts(self, query: Query, now_ms: int) -> Any:
        points = self._world.ratios(self._one(query), "accounts", self._period(query), 30)
        return [
            {
                "longAccountRatio": f"{p.long_e4 / 1e4:.4f}",
                "shortAccountRatio": f"{p.short_e4 / 1e4:.4f}",
                "longShortAccountRatio": f"{p.long_e4 / p.short_e4 if p.short_e4 else 0:.4f}",
                "ts": str(p.ms),
            }
            for p in points
        ]

    def _positions(self, query: Query, now_ms: int) -> Any:
        points = self._world.ratios(self._one(query), "top_positions", self._period(query), 30)
        return [
            {
                "longPositionRatio": f"{p.long_e4 / 1e4:.4f}",
                "shortPositionRatio": f"{p.short_e4 / 1e4:.4f}",
                "longShortPositionRatio": f"{p.long_e4 / p.short_e4 if p.short_e4 else 0:.4f}",
                "ts": str(p.ms),
            }
            for p in points
        ]

    def _takers(self, query: Query, now_ms: int) -> Any:
        one = self._one(query)
        return [
            {"buyVolume": one.size_text(p.buy_steps), "sellVolume": one.size_text(p.sell_steps), "ts": str(p.ms)}
            for p in self._world.taker_volumes(one, self._period(query), 30)
        ]


def _number(query: Query, name: str) -> int | None:
    """A numeric parameter; None if absent, `Refused` if it is not a number."""
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused("40020", f"Parameter {name} error")
    return int(text)


def _limit(query: Query, usual: int, most: int) -> int:
    limit = _number(query, "limit")
    return usual if limit is None else max(1, min(most, limit))


def _said(
    code: str, message: str, data: Any, now_ms: int, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    body = {"code": code, "msg": message, "requestTime": now_ms, "data": data}
    return Answer(status, msgspec.json.encode(body), headers or {})
