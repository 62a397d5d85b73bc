"""OKX's REST side: its endpoints, their answers and their rate limits.

Used by the simulated exchange only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.limits import Windows
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.sessions import SessionOpens
from engine.simulator.happenings import FundingSettled, InterestPoint, RatioName, RatioPoint
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

WINDOW_MS: Final = 2_000
BARS: Final = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "2H": "2h", "4H": "4h", "1Dutc": "1d",
}  # fmt: skip
"""The venue has more, of 6 hours and longer, in UTC and in UTC+8, which the simulated market does not keep."""
PERIODS: Final = {"5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "4H": "4h", "1Dutc": "1d"}
PRODUCTS: Final = ("SPOT", "SWAP", "MARGIN", "FUTURES", "OPTION", "EVENTS")
"""Only the first two have instruments here."""
_RUBIK: Final = "/api/v5/rubik/stat/contracts/"
RATIOS: Final[dict[str, RatioName]] = {
    f"{_RUBIK}long-short-account-ratio-contract": "accounts",
    f"{_RUBIK}long-short-account-ratio-contract-top-trader": "top_accounts",
    f"{_RUBIK}long-short-position-ratio-contract-top-trader": "top_positions",
}

Query = Mapping[str, str]
Point = TypeVar("Point", InterestPoint, RatioPoint, FundingSettled)


class Refused(Exception):
    """A request that the venue refuses: `code` and `msg`, with an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class OkxRequests:
    """The REST side over one world."""

    def __init__(self, world: World, opens: SessionOpens, limit_scale: float) -> None:
        self._world = world
        self._opens = opens
        self._scale = limit_scale
        self._windows = Windows()
        self._routes: dict[str, tuple[Callable[[Query, int], list[Any]], int]] = {
            "/api/v5/public/instruments": (self._instruments, 20),
            "/api/v5/market/candles": (self._candles, 40),
            "/api/v5/market/history-candles": (self._candles, 20),
            "/api/v5/market/books": (self._books, 40),
            "/api/v5/market/tickers": (self._tickers, 20),
            "/api/v5/market/ticker": (self._ticker, 20),
            "/api/v5/market/index-tickers": (self._indices, 20),
            "/api/v5/market/trades": (self._trades, 100),
            "/api/v5/market/history-trades": (self._history_trades, 20),
            "/api/v5/public/open-interest": (self._open_interest, 20),
            "/api/v5/public/funding-rate": (self._funding, 10),
            "/api/v5/public/funding-rate-history": (self._funding_history, 10),
            "/api/v5/public/mark-price": (self._marks, 10),
            "/api/v5/public/time": (lambda query, now: [{"ts": str(now)}], 10),
            f"{_RUBIK}open-interest-history": (self._interest_history, 10),
            "/api/v5/rubik/stat/taker-volume-contract": (self._taker_volume, 5),
            **{path: (self._ratio_of(kind), 5) for path, kind in RATIOS.items()},
        }

    def answer(self, path: str, query: Query, client: str, now_ms: int) -> Answer:
        """The answer to `GET path?query`."""
        route = self._routes.get(path)
        if route is None:
            return Answer(404, b'{"msg":"Not Found","code":"404","data":null}')
        read, most = route
        # Some limits count per instrument or product as well as per address.
        named = query.get("instId") or query.get("instType") or ""
        pool = path + (named if "rubik" in path or "public" in path else "")
        if self._windows.take(client, pool, 1, WINDOW_MS, now_ms) > most * self._scale:
            return _said(path, "50011", "Too Many Requests", [], 429)
        try:
            return _said(path, "0", "", read(query, now_ms))
        except Refused as refused:
            return _said(path, refused.code, str(refused), [], refused.status)

    def _one(self, query: Query) -> SimInstrument:
        if not query.get("instId"):
            raise Refused("50014", "Parameter instId can not be empty.")
        found = self._world.find("okx", query["instId"])
        if found is None:
            raise Refused("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.", 200)
        return found

    def _of_type(self, query: Query, *, trading: bool = True) -> list[SimInstrument]:
        wanted = query.get("instType")
        if not wanted:
            raise Refused("50014", "Parameter instType can not be empty.")
        if wanted not in PRODUCTS:
            raise Refused("51000", "Parameter instType error")
        if query.get("instId"):
            return [self._one(query)]
        return [
            one
            for one in self._world.listed("okx")
            if words.product(one) == wanted and (not trading or self._world.status(one) == "trading")
        ]

    def _swap(self, query: Query) -> SimInstrument:
        one = self._one(query)
        if one.kind != "perp":
            raise Refused("51000", "Parameter instId error")
        return one

    def _instruments(self, query: Query, now_ms: int) -> list[Any]:
        held = self._of_type(query, trading=False)
        return [words.listed(one, status) for one in held if (status := self._world.status(one)) != "delisted"]

    def _candles(self, query: Query, now_ms: int) -> list[Any]:
        """Bars, newest first; `after`: only bars that open before that time, `before`: only bars that open after it."""
        one = self._one(query)
        interval = BARS.get(query.get("bar") or "1m")
        if interval is None:
            raise Refused("51000", "Parameter bar error")
        end = _whole(query, "after", now_ms + 1) - 1
        bars = self._world.candles(one, interval, min(300, _whole(query, "limit", 100)), end)
        since = _whole(query, "before", -1)
        return [words.candle(one, bar) for bar in reversed(bars) if bar.open_ms > since]

    def _books(self, query: Query, now_ms: int) -> list[Any]:
        one = self._one(query)
        book = self._world.book(one, min(400, _whole(query, "sz", 1)))
        said = {"asks": words.rows(one, book.asks), "bids": words.rows(one, book.bids), "ts": str(now_ms)}
        return [said | {"seqId": book.update_id}]

    def _tickers(self, query: Query, now_ms: int) -> list[Any]:
        return [words.ticker(self._world, self._opens, one, now_ms) for one in self._of_type(query)]

    def _ticker(self, query: Query, now_ms: int) -> list[Any]:
        return [words.ticker(self._world, self._opens, self._one(query), now_ms)]

    def _indices(self, query: Query, now_ms: int) -> list[Any]:
        quote, name = query.get("quoteCcy"), query.get("instId")
        if not quote and not name:
            raise Refused("50014", "Parameter quoteCcy can not be empty.")
        held = [one for one in self._of_type({"instType": "SWAP"}) if quote in (None, "", one.quote)]
        return [words.index(self._world, one, now_ms) for one in held if name in (None, "", words.family(one))]

    def _trades(self, query: Query, now_ms: int) -> list[Any]:
        """The newest trades, one per fill as in `trades-all`."""
        limit = min(500, _whole(query, "limit", 100))
        found = self._world.recent_trades(self._one(query), limit)
        return [_trade_row(row) for event in reversed(found) for row in reversed(words.singles(event))][:limit]

    def _history_trades(self, query: Query, now_ms: int) -> list[Any]:
        """Single trades; `after` and `before` are their ids."""
        after, since = _whole(query, "after", 0), _whole(query, "before", 0)
        found: list[Any] = []
        for event in reversed(self._world.recent_trades(self._one(query), 5_000)):
            if after and event.first >= after:
                continue
            singles = reversed(words.singles(event))
            found += [row for row in singles if (not after or int(row["tradeId"]) < after)]
            if len(found) >= 100:
                break
        limit = min(100, _whole(query, "limit", 100))
        return [_trade_row(row) for row in found if int(row["tradeId"]) > since][:limit]

    def _open_interest(self, query: Query, now_ms: int) -> list[Any]:
        return [words.open_interest(self._world, one, now_ms) for one in self._of_type(query) if one.kind == "perp"]

    def _funding(self, query: Query, now_ms: int) -> list[Any]:
        everyone = query.get("instId") == "ANY"
        held = self._of_type({"instType": "SWAP"}) if everyone else [self._swap(query)]
        return [words.funding(self._world, one, now_ms) for one in held]

    def _funding_history(self, query: Query, now_ms: int) -> list[Any]:
        """Settlements, newest first; `after`: only those before that time, `before`: only those after it."""
        one = self._swap(query)
        end = _whole(query, "after", now_ms + 1) - 1
        held = self._world.funding_history(one, min(400, _whole(query, "limit", 400)), end)
        return [words.settled(event) for event in _since(held, _whole(query, "before", -1) + 1)]

    def _marks(self, query: Query, now_ms: int) -> list[Any]:
        return [words.mark(self._world, one, now_ms) for one in self._of_type(query) if one.kind == "perp"]

    def _span(self, query: Query, now_ms: int) -> tuple[SimInstrument, str, int, int, int]:
        """Instrument, period, maximum of rows, begin and end of a statistics request."""
        period = PERIODS.get(query.get("period") or "5m")
        if period is None:
            raise Refused("51000", "Parameter period error")
        begin, end = _whole(query, "begin", 0), _whole(query, "end", now_ms)
        return self._swap(query), period, min(100, _whole(query, "limit", 100)), begin, end

    def _interest_history(self, query: Query, now_ms: int) -> list[Any]:
        """`[ts, oi, oiCcy, oiUsd]`, newest first."""
        one, period, count, begin, end = self._span(query, now_ms)
        return [
            [
                str(point.ms),
                words.size(one, point.steps),
                words.base(one, point.steps),
                words.dollars(one, point.steps, point.mark),
            ]
            for point in _since(self._world.open_interest_history(one, period, count, end), begin)
        ]

    def _taker_volume(self, query: Query, now_ms: int) -> list[Any]:
        """`[ts, sellVol, buyVol]` in contracts, coins (`unit` 0) or dollars (2), newest first."""
        one, period, count, begin, end = self._span(query, now_ms)
        unit = query.get("unit") or "1"
        if unit not in ("0", "1", "2"):
            raise Refused("51000", "Parameter unit error")
        bars = self._world.candles(one, period, count + 1, min(end, now_ms))
        text = words.base if unit == "0" else words.size
        told = []
        for bar in [bar for bar in reversed(bars) if bar.closed and bar.open_ms >= begin][:count]:
            if unit == "2":
                sold, bought = words.quote(one, bar.quote - bar.buy_quote), words.quote(one, bar.buy_quote)
            else:
                sold, bought = text(one, bar.steps - bar.buy_steps), text(one, bar.buy_steps)
            told.append([str(bar.open_ms), sold, bought])
        return told

    def _ratio_of(self, kind: RatioName) -> Callable[[Query, int], list[Any]]:
        """`[ts, ratio]`, newest first."""

        def read(query: Query, now_ms: int) -> list[Any]:
            one, period, count, begin, end = self._span(query, now_ms)
            points = _since(self._world.ratios(one, kind, period, count, end), begin)
            return [[str(p.ms), f"{p.long_e4 / p.short_e4 if p.short_e4 else 0:.4f}"] for p in points]

        return read


def _since(points: Iterable[Point], begin_ms: int) -> list[Point]:
    """Points from `begin_ms` on, newest first."""
    return [point for point in reversed(list(points)) if point.ms >= begin_ms]


def _trade_row(row: words.Words) -> words.Words:
    """A row of `trades-all` with the fields that REST sends."""
    return {name: row[name] for name in ("instId", "side", "sz", "source", "px", "tradeId", "ts")}


def _whole(query: Query, name: str, default: int) -> int:
    """A whole number from the query, `default` if absent; `Refused` if it is not a number."""
    text = query.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refused("51000", f"Parameter {name} error")
    return int(text)


def _said(path: str, code: str, message: str, data: list[Any], status: int = 200) -> Answer:
    """The envelope; `/market/` has another key order than the other endpoints."""
    if "/market/" in path:
        return Answer(status, msgspec.json.encode({"code": code, "msg": message, "data": data}))
    return Answer(status, msgspec.json.encode({"code": code, "data": data, "msg": message}))
