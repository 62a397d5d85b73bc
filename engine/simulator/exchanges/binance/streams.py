"""Parsing of Binance stream names, and which path serves each stream.

Used by `exchange`. The real venue acknowledges a name that is unknown, in upper case or on the wrong path of USD-M, and
then stays silent; `read` returns None for such a name.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from engine.simulator.exchanges.binance.amounts import USDM
from engine.simulator.market.candles import INTERVALS
from engine.simulator.sim_instrument import SimInstrument, SimVenue
from engine.simulator.world import World

INSTANT_MS: Final = 10
"""Cadence of streams that are pushed immediately: events within this time come as one push."""
DEPTH_MS: Final[dict[SimVenue, dict[str, int]]] = {
    "binance-usdm": {"": 250, "500ms": 500, "250ms": 250, "100ms": 100, "0ms": INSTANT_MS},
    "binance-spot": {"": 1_000, "1000ms": 1_000, "100ms": 100},
}
"""`@0ms` is not documented and serves updates only."""
ALL_MARKET_MS: Final[dict[SimVenue, dict[str, int]]] = {
    "binance-usdm": {
        "!markPrice@arr": 3_000,
        "!markPrice@arr@1s": 1_000,
        "!ticker@arr": 1_000,
        "!miniTicker@arr": 1_000,
    },
    "binance-spot": {"!miniTicker@arr": 1_000},
}
"""`!ticker@arr` of spot was retired on 2026-03-26."""
LIQUIDATIONS: Final = "!forceOrder@arr"
LISTINGS: Final = "!contractInfo"

_KINDS: Final[dict[tuple[SimVenue, str], frozenset[str]]] = {
    ("binance-usdm", "public"): frozenset({"bookTicker", "depth", "trade"}),
    ("binance-usdm", "market"): frozenset({"aggTrade", "kline", "markPrice", "ticker", "miniTicker", "forceOrder"}),
    ("binance-spot", ""): frozenset(
        {"aggTrade", "trade", "kline", "ticker", "miniTicker", "bookTicker", "depth"},
    ),
}
_NAME: Final = re.compile(r"(?P<kind>[A-Za-z]+?)(?P<levels>5|10|20)?(?:_(?P<interval>\w+))?(?:@(?P<speed>\w+))?\Z")


class Stream(NamedTuple):
    """One instrument's stream."""

    one: SimInstrument
    kind: str
    levels: int
    """Depth of a partial book that is sent whole; 0 for updates."""
    interval: str
    cadence_ms: int
    """Push interval of books and marks."""


def serves_all(product: SimVenue, part: str, name: str) -> bool:
    """Whether `name` is a market-wide stream served on this path."""
    if product == USDM and part != "market":
        return False
    return name in ALL_MARKET_MS[product] or (product == USDM and name in (LIQUIDATIONS, LISTINGS))


def read(world: World, product: SimVenue, part: str, name: str) -> Stream | None:
    """The stream of one instrument that `name` stands for on this path; None if nothing is ever sent for it."""
    symbol, _, rest = name.partition("@")
    one = world.find(product, symbol.upper())
    found = _NAME.match(rest)
    if one is None or found is None or symbol != one.symbol.lower():
        return None
    kind, levels, interval, speed = found["kind"], int(found["levels"] or 0), found["interval"], found["speed"] or ""
    if kind not in _KINDS.get((product, part), ()) or (interval in INTERVALS) != (kind == "kline"):
        return None
    cadence_ms = _cadence_ms(product, kind, speed)
    if cadence_ms is None or (interval and speed) or (levels and (kind != "depth" or speed == "0ms")):
        return None
    return Stream(one, kind, levels, interval or "", cadence_ms)


def _cadence_ms(product: SimVenue, kind: str, speed: str) -> int | None:
    """Push interval; None for a speed that the kind does not have."""
    if kind == "depth":
        return DEPTH_MS[product].get(speed)
    if kind == "markPrice":
        return {"": 3_000, "1s": 1_000}.get(speed)
    return None if speed else INSTANT_MS
