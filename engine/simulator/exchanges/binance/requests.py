"""Binance's REST side: its endpoints, their rate limits and bans, and the refusals.

Called by `exchange`; the answers themselves are made in `answers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.binance.amounts import SPOT, USDM
from engine.simulator.exchanges.binance.answers import RATIOS, BinanceAnswers, Refused
from engine.simulator.exchanges.binance.weights import PER_MINUTE, WEIGHTS, Query
from engine.simulator.exchanges.limits import Windows
from engine.simulator.sim_instrument import SimVenue
from engine.simulator.world import World

MINUTE_MS: Final = 60_000
DATA_PER_5_MIN: Final = 1000
FUNDING_PER_5_MIN: Final = 500
BANNED_AFTER: Final = 20
"""Refusals in one window after which the address is banned instead."""
BAN_MS: Final = 120_000
"""The shortest ban that the venue documents."""
ADVICE: Final = "Please use the websocket for live updates to avoid"
DATA: Final = "/futures/data/"
PREFIXES: Final[dict[SimVenue, tuple[str, ...]]] = {USDM: ("/fapi/v1/", "/fapi/v2/"), SPOT: ("/api/v3/",)}

_ENCODE: Final = msgspec.json.Encoder().encode


class BinanceRequests:
    """The REST side over one world."""

    def __init__(self, world: World, limit_scale: float) -> None:
        self._scale = limit_scale
        self._windows = Windows()
        self._banned: dict[tuple[str, SimVenue], int] = {}
        answers = self._answers = BinanceAnswers(world, lambda venue: int(PER_MINUTE[venue] * limit_scale))
        self._routes: dict[str, Callable[[SimVenue, Query, int], Any]] = {
            "exchangeInfo": answers.info,
            "klines": answers.klines,
            "depth": answers.depth,
            "aggTrades": answers.agg_trades,
            "trades": answers.trades,
            "ticker/24hr": answers.tickers,
            "ticker/bookTicker": answers.quotes,
            "ticker/price": answers.prices,
            "premiumIndex": answers.marks,
            "fundingRate": answers.funding,
            "fundingInfo": answers.funding_info,
            "openInterest": answers.open_interest,
            "time": lambda venue, query, now: {"serverTime": now},
            "ping": lambda venue, query, now: {},
        }

    def answer(self, venue: SimVenue, path: str, query: Query, client: str, now_ms: int) -> Answer:
        """The answer to `GET path?query`."""
        until_ms = self._banned.get((client, venue), 0)
        if now_ms < until_ms:
            return _banned(until_ms, now_ms)
        if path.startswith(DATA) and venue == USDM:
            return self._statistics(path.removeprefix(DATA), query, client, now_ms)
        name = next((path.removeprefix(one) for one in PREFIXES[venue] if path.startswith(one)), "")
        weigh = WEIGHTS[venue].get(name)
        if weigh is None or (path.startswith("/fapi/v2/") and name != "ticker/price"):
            return _absent()
        if name in ("fundingRate", "fundingInfo"):
            refused = self._over(venue, client, "funding", 1, FUNDING_PER_5_MIN, 5 * MINUTE_MS, now_ms)
            if refused is not None:
                return refused
        used = self._windows.take(client, venue, weigh(query), MINUTE_MS, now_ms)
        headers = {"X-MBX-USED-WEIGHT-1M": str(int(used / self._scale))}
        if used > PER_MINUTE[venue] * self._scale:
            return self._too_many(venue, client, PER_MINUTE[venue], MINUTE_MS, now_ms, headers)
        return _said(lambda: self._routes[name](venue, query, now_ms), headers)

    def _statistics(self, name: str, query: Query, client: str, now_ms: int) -> Answer:
        """Statistics of `/futures/data`: they have no weight and a limit of their own."""
        refused = self._over(USDM, client, "data", 1, DATA_PER_5_MIN, 5 * MINUTE_MS, now_ms)
        if refused is not None:
            return refused
        if name not in (*RATIOS, "openInterestHist", "takerlongshortRatio"):
            return _absent()
        return _said(lambda: self._answers.statistics(name, query, now_ms), {})

    def _over(
        self, venue: SimVenue, client: str, pool: str, weight: float, most: float, window_ms: int, now_ms: int
    ) -> Answer | None:
        used = self._windows.take(client, pool, weight, window_ms, now_ms)
        return None if used <= most * self._scale else self._too_many(venue, client, most, window_ms, now_ms, {})

    def _too_many(
        self, venue: SimVenue, client: str, most: float, window_ms: int, now_ms: int, headers: dict[str, str]
    ) -> Answer:
        """429; a client that keeps sending gets 418 until its ban ends."""
        refusals = self._windows.take(client, f"{venue} refused {window_ms}", 1, window_ms, now_ms)
        if refusals > BANNED_AFTER * max(1.0, self._scale):
            until_ms = self._banned[client, venue] = now_ms + BAN_MS
            return _banned(until_ms, now_ms)
        left_s = (window_ms - now_ms % window_ms) // 1000 + 1
        unit = "minute" if window_ms == MINUTE_MS else f"{window_ms // MINUTE_MS} minutes"
        said = f"Too many requests; current limit is {int(most * self._scale)} requests per {unit}."
        body = {"code": -1003, "msg": f"{said} {ADVICE} polling the API."}
        return Answer(429, _ENCODE(body), headers | {"Retry-After": str(left_s)})


def _said(read: Callable[[], Any], headers: dict[str, str]) -> Answer:
    try:
        return Answer(200, _ENCODE(read()), headers)
    except Refused as refused:
        return Answer(400, _ENCODE({"code": refused.code, "msg": str(refused)}), headers)
    except ValueError as error:
        return Answer(400, _ENCODE({"code": -1100, "msg": str(error)}), headers)


def _absent() -> Answer:
    return Answer(404, b"<html>404 Not Found</html>", content_type="text/html")


def _banned(until_ms: int, now_ms: int) -> Answer:
    said = f"Way too many requests; IP banned until {until_ms}. {ADVICE} bans."
    headers = {"Retry-After": str(-(-(until_ms - now_ms) // 1000))}
    return Answer(418, _ENCODE({"code": -1003, "msg": said}), headers)
