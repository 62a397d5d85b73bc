"""The table of OKX instruments, with contract sizes and the newest mark and index prices.

Owned by the parser, used by `rows` and `rest`. The only place that derives a contract's size: from the listing, or from
a message that gives one amount both in contracts and in currency. Mark and index prices are kept because they come on
separate channels and only together make a `MarkPrice`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from engine.instruments import Category, Instrument, Kind, Status, asset_of
from engine.text import is_safe_symbol
from engine.venues import checks
from engine.venues.checks import Implausible
from engine.venues.instrument_table import MAX_INFERRED, InstrumentTable
from engine.venues.okx import wire
from engine.venues.okx.symbols import VENUE, infer

_KINDS: Final[dict[str, Kind]] = {"SPOT": "spot", "SWAP": "perp", "FUTURES": "future", "OPTION": "option"}
_TRADFI: Final = frozenset({"3", "4", "5", "6"})
"""`instCategory` of stocks, metals, commodities and currencies (okx.com/docs-v5, instruments, 2026-07)."""

_STATUSES: Final[dict[str, Status]] = {
    "preopen": "pending",
    "suspend": "ended",
    "settling": "ended",
    "expired": "ended",
}
"""By `state`. Instruments in live, rebase and post_only trade; so does one in an unknown state, until its streams show
otherwise. A suspended instrument that reopens is pushed as live."""
_EXACT: Final = 0.02
"""Contract sizes are powers of ten. A quotient of amounts within 2 % of one is taken for it (amounts are rounded)."""
_SAME_DECADE: Final = 0.3
"""Decades by which a quotient involving a price may be off: the price may have halved or doubled since the amounts."""


class Contracts(InstrumentTable):
    """Every instrument listed, or named in a message, by id."""

    def __init__(self) -> None:
        super().__init__(VENUE, infer)
        self.marks: dict[str, float] = {}
        """Newest mark price by instrument id."""
        self.indices: dict[str, float] = {}
        """Newest index price by index id (`BTC-USDT`)."""
        self.has_listing = False

    def take(self, listing: Iterable[Instrument]) -> None:
        """Store the instruments of a listing, and remember that one was received."""
        found = tuple(listing)
        super().take(found)
        self.has_listing |= bool(found)

    def keep_index(self, pair: str, index: float) -> float:
        """Store the newest price of an index and return it; raises Implausible for an index that cannot be stored."""
        if pair not in self.indices and (len(self.indices) >= MAX_INFERRED or not is_safe_symbol(pair)):
            raise Implausible(f"index {pair[:40]} cannot be kept")
        self.indices[pair] = index
        return index

    def learn(
        self, instrument: Instrument, contracts: float | None, base: float | None, price: float | None
    ) -> Instrument:
        """The instrument with its contract size, if it follows from an amount in contracts and in base currency.

        `price` converts base currency to quote currency, in which inverse contracts are sized.
        """
        if instrument.contract_size is not None or contracts is None or base is None or min(contracts, base) <= 0.0:
            return instrument
        if not instrument.inverse:
            return self._learnt(instrument, _snapped(base / contracts, _EXACT))
        return instrument if not price else self._learnt(instrument, _power_of_ten(base * price / contracts))

    def learn_usd(self, instrument: Instrument, contracts: float | None, usd: float | None) -> Instrument:
        """The same from an amount in dollars, for inverse contracts, whose dollar value is independent of the price."""
        if instrument.contract_size is not None or not instrument.inverse or contracts is None or usd is None:
            return instrument
        if min(contracts, usd) <= 0.0:
            return instrument
        return self._learnt(instrument, _snapped(usd / contracts, _EXACT))

    def _learnt(self, instrument: Instrument, size: float | None) -> Instrument:
        if size is None:
            return instrument
        learnt = self.held[instrument.symbol] = replace(instrument, contract_size=size)
        return learnt


def listed(row: wire.InstrumentRow) -> Instrument | None:
    """The instrument of a listing row; None for products that prism does not read. Raises Implausible for a bad row."""
    kind = _KINDS.get(row.instType)
    if kind is None or row.state == "test":
        return None
    guess = infer(row.instId)
    base, quote = _currencies(row, kind, guess)
    for name in (row.instId, base, quote):
        if not is_safe_symbol(name):
            raise Implausible(f"a listed name of {len(name)} characters cannot be kept: {name[:40]}")
    asset, multiplier = asset_of(base)
    category: Category = "tradfi" if row.instCategory in _TRADFI else "crypto"
    return Instrument(
        VENUE,
        row.instId,
        kind,
        base,
        quote,
        asset,
        multiplier,
        tick=None if row.tickSz is None else checks.price(row.tickSz, "tickSz"),
        step=None if row.lotSz is None else checks.traded_size(row.lotSz, "lotSz"),
        contract_size=1.0 if kind == "spot" else _contract_size(row),
        inverse=row.ctType == "inverse",
        category=category,
        listed_ms=checks.time_ms(row.listTime, "listTime") if row.listTime else None,
        max_leverage=None if kind == "spot" else checks.leverage(row.lever),
        status=_STATUSES.get(row.state or "live", "trading"),
    )


def _currencies(row: wire.InstrumentRow, kind: Kind, guess: Instrument) -> tuple[str, str]:
    if kind == "spot":
        return row.baseCcy or guess.base, row.quoteCcy or guess.quote
    base, _, quote = (row.instFamily or row.uly or "").partition("-")
    if kind == "option":
        # An option is priced in its settlement currency, so that is its quote.
        return base or guess.base, row.settleCcy or guess.quote
    return base or guess.base, quote.partition("_")[0] or guess.quote


def _contract_size(row: wire.InstrumentRow) -> float | None:
    """ctVal x ctMult: base units (linear, options) or quote units (inverse). None: announced, not yet published."""
    if row.ctVal is None:
        return None
    return checks.traded_size(row.ctVal * (1.0 if row.ctMult is None else row.ctMult), "ctVal x ctMult")


def _snapped(quotient: float, tolerance: float) -> float | None:
    """The power of ten within `tolerance` of a quotient of rounded amounts; None if there is none."""
    power = _power_of_ten(quotient)
    return power if power is not None and abs(quotient / power - 1.0) <= tolerance else None


def _power_of_ten(quotient: float) -> float | None:
    if not 1e-12 < quotient < 1e12:
        return None
    decade = math.log10(quotient)
    nearest = round(decade)
    return float(f"1e{nearest}") if abs(decade - nearest) <= _SAME_DECADE else None
