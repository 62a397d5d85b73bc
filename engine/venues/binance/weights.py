"""The cost of a Binance request: its weight and the budget that it counts against.

Called by `live` before every request. Weights are those of one call from one address, by the venue's documentation of
2026-08 (USD-M) and 2026-07 (spot); an endpoint that is not listed here weighs 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from engine.venues.binance import limits, wire
from engine.venues.live import Cost

_USDM_DEPTH: Final = ((50, 2.0), (100, 5.0), (500, 10.0), (1000, 20.0))
_SPOT_DEPTH: Final = ((100, 5.0), (500, 25.0), (1000, 50.0), (5000, 250.0))
_USDM_KLINES: Final = ((99, 1.0), (499, 2.0), (1000, 5.0), (1500, 10.0))
_DEFAULT_ROWS: Final = {"depth": {"binance-usdm": 500, "binance-spot": 100}, "klines": {"binance-usdm": 500}}
_ONE_AND_ALL: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "binance-usdm": {"tickers": (1.0, 40.0), "quotes": (2.0, 5.0), "mark": (1.0, 10.0)},
    "binance-spot": {"tickers": (2.0, 80.0), "quotes": (2.0, 4.0)},
}
"""Weight for one symbol, and for all symbols at once."""
_FIXED: Final[dict[str, dict[str, float]]] = {
    "binance-usdm": {"trades": 20.0},
    "binance-spot": {"instruments": 20.0, "klines": 2.0, "trades": 4.0},
}
_NAMES: Final = {venue: {path: name for name, path in paths.items()} for venue, paths in limits.PATHS.items()}
_DECODE_LIMITS: Final = msgspec.json.Decoder(wire.AnnouncedLimits).decode
_FUNDING: Final = frozenset({"funding_history", "funding_config"})


def cost(venue: str, request: str) -> Cost:
    """Weight of `GET /path?query` by pool."""
    path, _, query = request.removeprefix("GET ").partition("?")
    if path.startswith("/futures/data/"):
        return Cost(((limits.DATA_POOL, 1.0),))
    name = _NAMES[venue].get(path, "")
    if name in _FUNDING:
        return Cost(((limits.FUNDING_POOL, 1.0),))
    return Cost(((limits.WEIGHT_POOL[venue], _weight(venue, name, dict(parse_qsl(query)))),))


def used(venue: str, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Weight that the venue counted for our address this minute; empty if the header is absent or malformed."""
    said = headers.get(limits.USED_WEIGHT_HEADER, "")
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        return ()
    return ((limits.WEIGHT_POOL[venue], float(said)),)


def announced(venue: str, request: str, body: str) -> tuple[tuple[str, float], ...]:
    """Our share of the request weight per minute that a listing announces (`exchangeInfo.rateLimits`), the same share
    as of the documented limit; empty if the answer is not a listing or holds no readable limit."""
    if request.removeprefix("GET ").partition("?")[0] != limits.PATHS[venue]["instruments"]:
        return ()
    try:
        found = _DECODE_LIMITS(body).rateLimits
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ()
    minutes = [
        one.limit / one.intervalNum
        for one in found
        if one.rateLimitType == "REQUEST_WEIGHT" and one.interval == "MINUTE" and one.intervalNum > 0 < one.limit
    ]
    if not minutes:
        return ()
    part = limits.WEIGHT_PER_MINUTE[venue] / limits.WEIGHT_PER_MINUTE_MAX[venue]
    return ((limits.WEIGHT_POOL[venue], min(minutes) * part),)


def _weight(venue: str, name: str, query: Mapping[str, str]) -> float:
    if name == "depth":
        return _step(_USDM_DEPTH if venue == "binance-usdm" else _SPOT_DEPTH, _rows(venue, name, query))
    if name == "klines" and venue == "binance-usdm":
        return _step(_USDM_KLINES, _rows(venue, name, query))
    both = _ONE_AND_ALL[venue].get(name)
    if both is not None:
        return both["symbol" not in query]
    return _FIXED[venue].get(name, 1.0)


def _rows(venue: str, name: str, query: Mapping[str, str]) -> int:
    asked = query.get("limit", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else _DEFAULT_ROWS[name][venue]


def _step(ladder: tuple[tuple[int, float], ...], rows: int) -> float:
    for upto, weight in ladder:
        if rows <= upto:
            return weight
    return ladder[-1][1]
