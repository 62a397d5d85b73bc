"""OKX's REST answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer
from engine.simulator.exchanges.limits import Windows
from engine.simulator.exchanges.okx import words
from engine.simulator.happenings import RatioName
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

WINDOW_MS: Final = 2_000
BARS: Final = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "2H": "2h", "4H": "4h", "1Dutc": "1d",
}  # fmt: skip
PERIODS: Final = {"5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "4H": "4h", "1Dutc": "1d"}
_RUBIK: Final = "/api/v5/rubik/stat/contracts/"
RATIOS: Final[dict[str, RatioName]] = {
    f"{_RUBIK}long-short-account-ratio-contract": "accounts",
    f"{_RUBIK}long-short-account-ratio-contract-top-trader": "top_accounts",
    f"{_RUBIK}long-short-position-ratio-contract-top-trader": "top_positions",
}

Query = Mapping[str, str]


class Refused(Exception):
    """A request that the venue refuses: `code` and `msg`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class OkxRequests:
    """The REST side over one world."""

    def __init__(self, world: World, limit_scale: float) -> None:
        self._world = world
        self._scale = limit_scale
        self._windows = Windows()
        self._routes: dict[str, tuple[Callable[[Query, int], list[Any]], int]] = {
            "/api/v5/public/instruments": (self._instruments, 20),
            "/api/v5/market/candles": (self._candles, 40),
            "/api/v5/market/history-candles": (self._candles, 20),
            "/api/v5/market/books": (self._books, 40),
            "/api/v5/market/tickers": (self._tickers, 20),
            "/api/v5/market/ticker": (self._tickers, 20),
            "/api/v5/market/index-tickers": (self._indices, 20),
            "/api/v5/market/trades": (self._trades, 100),
            "/api/v5/market/history-trades": (self._trades, 20),
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
        """What `GET path?query` is answered with."""
        route = self._routes.get(path)
        if route is None:
            return Answer(404, b'{"msg":"Not Found","code":"404","data":null}')
        read, most = route
        # Some rules count by instrument or product besides the address.
        pool = path + (query.get("instId", "") if "rubik" in path or "public" in path else "")
        if self._windows.take(client, pool, 1, WINDOW_MS, now_ms) > most * self._scale:
            return _said("50011", "Too Many Requests", [], 429)
        try:
            return _said("0", "", read(query, now_ms))
        except Refused as refused:
            return _said(refused.code, str(refused), [])
        except ValueError as error:
            return _said("51000", f"Parameter error: {error}", [], 400)

    def _one(self, query: Query) -> SimInstrument:
        found = self._world.find("okx", query.get("instId", ""))
        if found is None:
            raise Refused("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        return found

    def _of_type(self, query: Query, *, trading: bool = True) -> list[SimInstrument]:
        if query.get("instId"):
            return [self._one(query)]
        wanted = query.get("instType", "")
        if wanted not in ("SWAP", "SPOT"):
            return []
        return [
            one
            for one in self._world.listed("okx")
            if words.product(one) == wanted and (not trading or self._world.status(one) == "trading")
        ]

    def _instruments(self, query: Query, now_ms: int) -> list[Any]:
        held = self._of_type(query, trading=False)
        return [words.listed(one, status) for one in held if (status := self._world.status(one)) != "delisted"]

    def _candles(self, query: Query, now_ms: int) -> list[Any]:
        one = self._one(query)
        interval = BARS.get(query.get("bar") or "1m")
        if interval is None:
            raise Refused("51000", "Parameter bar error")
        # `after`: bars that open before that time.
        end = int(query["after"]) - 1 if query.get("after") else None
        bars = self._world.candles(one, interval, min(300, int(query.get("limit") or 100)), end)
        return [words.candle(one, bar) for bar in reversed(bars)]

    def _books(self, query: Query, now_ms: int) -> list[Any]:
        one = self._one(query)
        book = self._world.book(one, min(400, int(query.get("sz") or 1)))
        said = {"asks": words.rows(one, book.asks), "bids": words.rows(one, book.bids), "ts": str(now_ms)}
        return [said | {"seqId": book.update_id}]

    def _tickers(self, query: Query, now_ms: int) -> list[Any]:
        return [words.ticker(self._world, one, now_ms) for one in self._of_type(query)]

    def _indices(self, query: Query, now_ms: int) -> list[Any]:
        quote = query.get("quoteCcy")
        held = [one for one in self._of_type({"instType": "SWAP"}) if quote in (None, "", one.quote)]
        return [words.index(self._world, one, now_ms) for one in held]

    def _trades(self, query: Query, now_ms: int) -> list[Any]:
        one = self._one(query)
        found = self._world.recent_trades(one, min(500, int(query.get("limit") or 100)))
        keys = ("instId", "side", "sz", "source", "px", "tradeId", "ts")
        return [{key: words.trade(event)[key] for key in keys} for event in reversed(found)]

    def _open_interest(self, query: Query, now_ms: int) -> list[Any]:
        return [words.open_interest(self._world, one, now_ms) for one in self._of_type(query) if one.kind == "perp"]

    def _funding(self, query: Query, now_ms: int) -> list[Any]:
        everyone = query.get("instId") == "ANY"
        held = self._of_type({"instType": "SWAP"}) if everyone else [self._one(query)]
        return [words.funding(self._world, one, now_ms) for one in held]

    def _funding_history(self, query: Query, now_ms: int) -> list[Any]:
        one = self._one(query)
        settled = self._world.funding_history(one, min(400, int(query.get("limit") or 400)))
        return [
            {
                "formulaType": "withRate",
                "fundingRate": f"{event.rate_e8 / 1e8:.10f}",
                "fundingTime": str(event.ms),
                "instId": one.symbol,
                "instType": "SWAP",
                "method": "current_period",
                "realizedRate": f"{event.rate_e8 / 1e8:.10f}",
            }
            for event in reversed(settled)
        ]

    def _marks(self, query: Query, now_ms: int) -> list[Any]:
        return [words.mark(self._world, one, now_ms) for one in self._of_type(query) if one.kind == "perp"]

    def _period(self, query: Query) -> tuple[SimInstrument, str, int]:
        period = PERIODS.get(query.get("period") or "5m")
        if period is None:
            raise Refused("51000", "Parameter period error")
        return self._one(query), period, min(100, int(query.get("limit") or 100))

    def _interest_history(self, query: Query, now_ms: int) -> list[Any]:
        one, period, count = self._period(query)
        return [
            [
                str(point.ms),
                one.size_text(point.steps),
                one.base_text(point.steps),
                f"{point.steps * one.quote_unit * point.mark / 100:.4f}",
            ]
            for point in reversed(self._world.open_interest_history(one, period, count))
        ]

    def _taker_volume(self, query: Query, now_ms: int) -> list[Any]:
        """`[ts, sellVol, buyVol]`, contracts unless another unit is asked for."""
        one, period, count = self._period(query)
        text = one.base_text if query.get("unit") == "0" else one.size_text
        points = self._world.taker_volumes(one, period, count)
        return [[str(point.ms), text(point.sell_steps), text(point.buy_steps)] for point in reversed(points)]

    def _ratio_of(self, kind: RatioName) -> Callable[[Query, int], list[Any]]:
        def read(query: Query, now_ms: int) -> list[Any]:
            one, period, count = self._period(query)
            points = self._world.ratios(one, kind, period, count)
            return [[str(p.ms), f"{p.long_e4 / p.short_e4 if p.short_e4 else 0:.4f}"] for p in reversed(points)]

        return read


def _said(code: str, message: str, data: list[Any], status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode({"code": code, "msg": message, "data": data}))
