"""Identity of an instrument, and of one asset across venues.

The venue parsers build `Instrument`s from listings, or infer them from a symbol if a capture carries no listing. The
state keys its rows by (venue, symbol); the ranking checks `is_rankable`. Prices do not belong here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["perp", "spot", "future", "option"]
Category = Literal["crypto", "tradfi"]
Status = Literal["trading", "pending", "ended"]

USD_QUOTES: Final = frozenset({"USD", "USDT", "USDC"})
"""Quote currencies taken as one dollar. Every other quote has no `_usd` figures."""

_MULTIPLIED: Final = re.compile(r"^(1(?:000)+|10{1,6}|1M|1B)(?=[^0-9])(.+)$")
_MULTIPLIED_AFTER: Final = re.compile(r"^(.*[^0-9])(1000+)$")
_UNIT_WORDS: Final = {"1M": 1e6, "1B": 1e9}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that trades on one venue."""

    venue: str
    """`binance-usdm`, `binance-spot`, `bybit-linear`, `bybit-spot`, `okx` or `bitget-usdt`."""
    symbol: str
    """The venue's own name, verbatim."""
    kind: Kind
    base: str
    """Base currency as the venue names it (`1000PEPE`)."""
    quote: str
    asset: str
    """The asset that is the same across venues (`PEPE` for `1000PEPE`, `SHIB1000` and `kSHIB`)."""
    multiplier: float = 1.0
    """Units of `asset` in one unit of `base`."""
    tick: float | None = None
    """Smallest price step, quote currency; None if not known yet."""
    step: float | None = None
    """Smallest size step, in the venue's size unit."""
    contract_size: float | None = 1.0
    """Base units (linear) or quote units (inverse) in one unit of venue size. None: not known, so sizes are unknown."""
    inverse: bool = False
    """Contracts have a fixed value in quote currency: base size = size * contract_size / price."""
    inferred: bool = False
    """No listing was seen: tick, step and contract size come from the messages."""
    category: Category = "crypto"
    """`tradfi` for perpetuals on stocks, metals, commodities and currencies."""
    listed_ms: int | None = None
    funding_interval_h: float | None = None
    max_leverage: float | None = None
    """Of the lowest margin tier; None if the venue does not publish it without an account (Binance)."""
    status: Status = "trading"
    """`pending`: announced, not trading yet; `ended`: delisted, settling or closed for good."""

    @property
    def quote_is_usd(self) -> bool:
        """Whether amounts in the quote currency may be called dollars."""
        return self.quote in USD_QUOTES

    @property
    def is_rankable(self) -> bool:
        """Whether the table ranks it: a perpetual quoted in dollars."""
        return self.kind == "perp" and self.quote_is_usd

    def base_size(self, size: float, price: float) -> float:
        """`size` in venue units as base currency at `price`; NaN if the contract size is not known."""
        if self.contract_size is None:
            return float("nan")
        if self.inverse:
            return size * self.contract_size / price
        return size * self.contract_size


def asset_of(base: str) -> tuple[str, float]:
    """The cross-venue asset of a base currency and how many units of it one base unit holds.

    >>> asset_of("1000PEPE"), asset_of("SHIB1000"), asset_of("kPEPE"), asset_of("1INCH"), asset_of("BTC")
    (('PEPE', 1000.0), ('SHIB', 1000.0), ('PEPE', 1000.0), ('1INCH', 1.0), ('BTC', 1.0))
    """
    if len(base) > 2 and base[0] == "k" and base[1:].isupper():
        return base[1:], 1000.0
    if found := _MULTIPLIED.match(base):
        unit, asset = found.groups()
        if unit in _UNIT_WORDS:
            # `1MBABYDOGE` is a million BABYDOGE; a short name that merely starts with 1M is left unchanged.
            return (asset, _UNIT_WORDS[unit]) if len(asset) > 3 else (base, 1.0)
        if int(unit) >= 1000:
            return asset, float(unit)
    if found := _MULTIPLIED_AFTER.match(base):
        return found.group(1), float(found.group(2))
    return base, 1.0
