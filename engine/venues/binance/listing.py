"""Instruments of Binance, built from its listing, its funding configuration and its listing pushes.

Called by `rest` and `parse`; what can be inferred from a symbol alone is in `symbols`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from engine.instruments import Category, Instrument, Kind, Status, asset_of
from engine.text import is_safe_symbol
from engine.venues import checks
from engine.venues.binance import wire
from engine.venues.binance.symbols import infer

DEFAULT_INTERVAL_H: Final = 8.0
"""Hours between settlements of a contract that the funding configuration does not name."""

_TRADFI_UNDERLYINGS: Final = frozenset({"EQUITY", "STOCK", "COMMODITY", "FOREX", "METAL", "KR_EQUITY", "ETF"})
_PENDING: Final = frozenset({"PENDING_TRADING", "PRE_TRADING"})
_ENDED: Final = frozenset(
    {"PRE_DELIVERING", "DELIVERING", "DELIVERED", "PRE_SETTLE", "SETTLING", "CLOSE", "BREAK", "CANCEL_ONLY"}
)
"""Spot keeps delisted pairs in its listing as BREAK. A halt (HALT, TRADING_HALT) is not an end, and neither is an
unknown status: the streams show whether such instruments trade."""


def listed(venue: str, row: wire.Symbol, intervals_h: Mapping[str, float] | None) -> Instrument | None:
    """The instrument of a listing row; None if one of its names is not a safe symbol.

    `intervals_h` comes from the funding configuration; None until that has been read.
    """
    if not (is_safe_symbol(row.symbol) and is_safe_symbol(row.baseAsset) and is_safe_symbol(row.quoteAsset)):
        return None
    steps = {entry.filterType: entry for entry in row.filters}
    tick = steps.get("PRICE_FILTER")
    lot = steps.get("LOT_SIZE")
    asset, multiplier = asset_of(row.baseAsset)
    contract = row.contractType or ""
    tradfi = contract.startswith("TRADIFI") or row.underlyingType in _TRADFI_UNDERLYINGS
    kind = _kind(venue, contract)
    return Instrument(
        venue,
        row.symbol,
        kind,
        row.baseAsset,
        row.quoteAsset,
        asset,
        multiplier,
        tick=_step(tick.tickSize if tick else ""),
        step=_step(lot.stepSize if lot else ""),
        category="tradfi" if tradfi else "crypto",
        listed_ms=row.onboardDate,
        funding_interval_h=_interval_h(kind, row.symbol, intervals_h),
        status=status_of(row.status),
    )


def pushed(row: wire.ContractInfo, held: Instrument | None) -> Instrument | None:
    """The contract of a push: `held` with its new status, or a new one built from the push. None for a contract of
    another product, or a name that is not a safe symbol."""
    if row.st != wire.USD_M or not is_safe_symbol(row.s):
        return None
    status = status_of(row.cs)
    if held is not None and not held.inferred:
        return replace(held, status=status)
    listed_ms = row.ot if row.ot is not None and checks.MIN_MS < row.ot < checks.MAX_MS else None
    category: Category = "tradfi" if row.ct.startswith("TRADIFI") else "crypto"
    kind = _kind("binance-usdm", row.ct)
    return replace(infer("binance-usdm", row.s), kind=kind, status=status, listed_ms=listed_ms, category=category)


def with_interval(held: Instrument, intervals_h: Mapping[str, float]) -> Instrument:
    """`held` with its interval from the funding configuration; `held` itself if that changes nothing."""
    interval_h = _interval_h(held.kind, held.symbol, intervals_h)
    return held if interval_h == held.funding_interval_h else replace(held, funding_interval_h=interval_h)


def status_of(said: str) -> Status:
    """Our status of an instrument for the venue's status."""
    if said in _PENDING:
        return "pending"
    return "ended" if said in _ENDED else "trading"


def _interval_h(kind: Kind, symbol: str, intervals_h: Mapping[str, float] | None) -> float | None:
    if kind != "perp" or intervals_h is None:
        return None
    return intervals_h.get(symbol, DEFAULT_INTERVAL_H)


def _kind(venue: str, contract: str) -> Kind:
    if venue == "binance-spot":
        return "spot"
    # A perpetual announced but not yet open has an empty contract type.
    return "perp" if contract in ("", "PERPETUAL", "TRADIFI_PERPETUAL") else "future"


def _step(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 < value < checks.MAX_PRICE else None
