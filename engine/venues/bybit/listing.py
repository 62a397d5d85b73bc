"""Instruments of Bybit, built from its listing.

Called by `rest` with the rows of an answer; what can be inferred from a symbol alone is in `symbols`.
"""

from __future__ import annotations

from typing import Final

from engine.instruments import Instrument, Kind, Status, asset_of
from engine.text import is_safe_symbol
from engine.venues import checks
from engine.venues.bybit import wire
from engine.venues.checks import Implausible

MAX_LISTED: Final = 20_000
"""Most instruments accepted from one listing page; Bybit lists about 1,400 that trade."""

_TRADFI: Final = frozenset({"stock", "commodity", "forex", "xstocks"})
_ENDED: Final = frozenset({"Delivering", "Settling", "Closed"})
_KINDS: Final[dict[str, Kind]] = {
    "LinearPerpetual": "perp",
    "InversePerpetual": "perp",
    "LinearFutures": "future",
    "InverseFutures": "future",
}


def listed(venue: str, row: wire.InstrumentRow) -> Instrument:
    """The instrument of a listing row; raises Implausible for a row that cannot be true."""
    for name in (row.symbol, row.baseCoin, row.quoteCoin):
        if not is_safe_symbol(name):
            raise Implausible(f"a listed name of {len(name)} characters cannot be kept: {name[:40]}")
    kind = "spot" if venue == "bybit-spot" else _KINDS.get(row.contractType)
    if kind is None:
        raise Implausible(f"contractType {row.contractType[:40]} of {row.symbol}")
    asset, multiplier = asset_of(row.baseCoin)
    step = row.lotSizeFilter.qtyStep or row.lotSizeFilter.basePrecision
    return Instrument(
        venue,
        row.symbol,
        kind,
        row.baseCoin,
        row.quoteCoin,
        asset,
        multiplier,
        tick=None if row.priceFilter.tickSize is None else checks.price(row.priceFilter.tickSize, "tickSize"),
        step=None if step is None else checks.traded_size(step, "qtyStep"),
        inverse=row.contractType.startswith("Inverse"),
        category="tradfi" if row.symbolType in _TRADFI else "crypto",
        listed_ms=checks.time_ms(row.launchTime, "launchTime") if row.launchTime else None,
        funding_interval_h=row.fundingInterval / 60.0 if row.fundingInterval else None,
        max_leverage=None if kind == "spot" else checks.leverage(row.leverageFilter.maxLeverage),
        status=_status(row),
    )


def is_namesake(ended: Instrument, held: Instrument) -> bool:
    """Whether an ended listing row belongs to an earlier contract than the one `held` under the same name.

    Ended contracts are listed separately, and a name may be listed again: the older row must not end the newer
    contract.
    """
    if ended.status != "ended" or held.status == "ended" or ended.listed_ms is None or held.listed_ms is None:
        return False
    return ended.listed_ms < held.listed_ms


def _status(row: wire.InstrumentRow) -> Status:
    """The status of a row. A pre-market contract trades from its continuous phase on, when its book and trades are
    published (Bybit documentation, `docs/v5/enum.mdx`, curAuctionPhase)."""
    if row.status in _ENDED:
        return "ended"
    if row.status != "PreLaunch":
        return "trading"
    phase = "" if row.preListingInfo is None else row.preListingInfo.curAuctionPhase
    if phase == "ContinuousTrading":
        return "trading"
    return "ended" if phase == "Finished" else "pending"
