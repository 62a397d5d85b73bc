"""Request weights of Binance's REST endpoints, and parsing of numeric parameters.

Used by `requests` and `answers`. Sources: official SDK 17.2.0 and spot documentation, 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.simulator.exchanges.binance.amounts import SPOT, USDM
from engine.simulator.sim_instrument import SimVenue

Query = Mapping[str, str]
PER_MINUTE: Final[dict[SimVenue, float]] = {USDM: 2400, SPOT: 6000}


def whole(query: Query, name: str, default: int) -> int:
    """A whole number from the query, `default` if absent; raises ValueError if it is not a number."""
    text = query.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def _by_limit(default: int, ladder: tuple[tuple[int, float], ...], most: float) -> Callable[[Query], float]:
    def weigh(query: Query) -> float:
        try:
            limit = whole(query, "limit", default)
        except ValueError:
            limit = default
        return next((weight for up_to, weight in ladder if limit <= up_to), most)

    return weigh


def _by_symbol(one: float, every: float) -> Callable[[Query], float]:
    return lambda query: one if query.get("symbol") else every


def _always(weight: float) -> Callable[[Query], float]:
    return lambda query: weight


WEIGHTS: Final[dict[SimVenue, dict[str, Callable[[Query], float]]]] = {
    USDM: {
        "exchangeInfo": _always(1),
        "klines": _by_limit(500, ((99, 1), (499, 2), (1000, 5)), 10),
        "depth": _by_limit(500, ((50, 2), (100, 5), (500, 10)), 20),
        "aggTrades": _always(20),
        "trades": _always(5),
        "ticker/24hr": _by_symbol(1, 40),
        "ticker/bookTicker": _by_symbol(2, 5),
        "ticker/price": _by_symbol(1, 2),
        "premiumIndex": _by_symbol(1, 10),
        "fundingRate": _always(0),
        "fundingInfo": _always(0),
        "openInterest": _always(1),
        "time": _always(1),
        "ping": _always(1),
    },
    SPOT: {
        "exchangeInfo": _always(20),
        "klines": _always(2),
        "depth": _by_limit(100, ((100, 5), (500, 25), (1000, 50)), 250),
        "aggTrades": _always(4),
        "trades": _always(25),
        "ticker/24hr": _by_symbol(2, 80),
        "ticker/bookTicker": _by_symbol(2, 4),
        "ticker/price": _by_symbol(2, 4),
        "time": _always(1),
        "ping": _always(1),
    },
}
"""Weight by endpoint; an endpoint that is missing here does not exist on the product."""
