"""Instruments of Bitget USDT-FUTURES, built from the venue's listing. Called by `rest`."""

from __future__ import annotations

from typing import Final

from engine.instruments import Category, Instrument, Kind, Status, asset_of
from engine.text import is_safe_symbol
from engine.venues import checks
from engine.venues.bitget import wire
from engine.venues.bitget.symbols import VENUE, infer
from engine.venues.checks import Implausible

MAX_INTERVAL_H: Final = 168.0
"""A week: longer than any funding interval of any venue."""

_KINDS: Final[dict[str, Kind]] = {"perpetual": "perp", "delivery": "future"}
_STATUSES: Final[dict[str, Status]] = {"listed": "pending", "offline": "ended"}
"""Every other status still trades: `limit_open` and `limit_close` bar one kind of order, `restrictedAPI` bars orders by
API, and all have a moving market."""


def listed(row: wire.InstrumentRow) -> Instrument:
    """The instrument of a listing row; raises Implausible for a row that cannot be true."""
    for name in (row.symbol, row.baseCoin, row.quoteCoin):
        if not is_safe_symbol(name):
            raise Implausible(f"a listed name of {len(name)} characters cannot be kept: {name[:40]}")
    kind = _KINDS.get(row.type) if row.type else infer(row.symbol).kind
    if kind is None:
        raise Implausible(f"type {str(row.type)[:40]} of {row.symbol}")
    asset, multiplier = asset_of(row.baseCoin)
    category: Category = "crypto" if row.symbolType in (None, "crypto") else "tradfi"
    return Instrument(
        VENUE,
        row.symbol,
        kind,
        row.baseCoin,
        row.quoteCoin,
        asset,
        multiplier,
        tick=None if row.priceMultiplier is None else checks.price(row.priceMultiplier, "priceMultiplier"),
        step=None
        if row.quantityMultiplier is None
        else checks.traded_size(row.quantityMultiplier, "quantityMultiplier"),
        category=category,
        listed_ms=checks.time_ms(row.launchTime, "launchTime") if row.launchTime else None,
        funding_interval_h=hours(row.fundInterval, "fundInterval") if row.fundInterval else None,
        max_leverage=checks.leverage(row.maxLeverage),
        status=_STATUSES.get(row.status or "", "trading"),
    )


def hours(value: float, field: str) -> float:
    """`value` if it can be the hours between two funding settlements; else raises Implausible."""
    if 0.0 < value <= MAX_INTERVAL_H:
        return value
    raise Implausible(f"{field} {value!r} is not a number of hours up to {MAX_INTERVAL_H:g}")
