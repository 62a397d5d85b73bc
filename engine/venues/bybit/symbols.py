"""Inference of an instrument from its Bybit symbol alone.

Called by the parser for symbols that the listing lacks. The result is marked inferred and has neither tick nor step;
code that needs them derives them from the messages.
"""

from __future__ import annotations

import re
from typing import Final

from engine.instruments import Instrument, Kind, asset_of

_DATED: Final = re.compile(r"^(.+)-\d{1,2}[A-Z]{3}\d{2}$")
_INVERSE_DATED: Final = re.compile(r"^(.+)USD[HMUZ]\d{2}$")
"""`BTCUSDU23`: month letters of the quarters."""

_SPOT_QUOTES: Final = (
    "USDT", "USDC", "USDE", "USDQ", "USDR", "USD1", "RLUSD", "XUSD", "USD", "MNT", "BTC", "ETH", "SOL", "DAI", "EUR",
    "GBP", "BRL", "AED", "PLN", "TRY",
)  # fmt: skip
"""Quote currencies of Bybit spot (instruments-info of 2026-08-09, and USDQ, USDR of 2025); if one ends in another, the
longer one comes first."""


def infer(venue: str, symbol: str) -> Instrument:
    """The instrument of a symbol such as `BTCUSDT`, `BTCPERP`, `BTCUSDT-25SEP26`, `BTC-01SEP23`, `BTCUSD`, `ETHBTC`."""
    if venue == "bybit-spot":
        base, quote = _split(symbol, _SPOT_QUOTES)
        return _instrument(venue, symbol, "spot", base, quote)
    if found := _DATED.match(symbol):
        base, quote = _split(found.group(1), ("USDT", "USDC"))
        # Futures settled in USDC name no quote: `BTC-01SEP23`.
        return _instrument(venue, symbol, "future", base, quote or "USDC")
    if symbol.endswith("PERP") and len(symbol) > 4:
        return _instrument(venue, symbol, "perp", symbol[:-4], "USDC")
    if found := _INVERSE_DATED.match(symbol):
        return _instrument(venue, symbol, "future", found.group(1), "USD", inverse=True)
    base, quote = _split(symbol, ("USDT", "USDC", "USD"))
    # Inverse contracts are worth one dollar each and have no suffix but USD.
    return _instrument(venue, symbol, "perp", base, quote, inverse=quote == "USD")


def _split(symbol: str, quotes: tuple[str, ...]) -> tuple[str, str]:
    for quote in quotes:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    return symbol, ""


def _instrument(venue: str, symbol: str, kind: Kind, base: str, quote: str, inverse: bool = False) -> Instrument:
    asset, multiplier = asset_of(base)
    return Instrument(venue, symbol, kind, base, quote, asset, multiplier, inverse=inverse, inferred=True)
