"""Inference of an instrument from its Binance symbol alone.

Called by the parser and by `listing` for symbols that the listing lacks. The result is marked inferred and has neither
tick nor step; code that needs them derives them from the messages.
"""

from __future__ import annotations

import re
from typing import Final

from engine.instruments import Instrument, Kind, asset_of

_QUOTES: Final = (
    "USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USDP", "USDE", "USD1", "BIDR", "IDRT", "USD", "DAI", "PAX", "UST",
    "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL", "TRY", "EUR", "GBP", "AUD", "BRL", "RUB", "UAH",
    "NGN", "ZAR", "PLN", "RON", "ARS", "JPY", "MXN", "CZK", "COP", "IDR", "VAI", "BVND",
)  # fmt: skip
"""Quote currencies of Binance; if one ends in another, the longer one comes first."""

_DATED: Final = re.compile(r"_\d{6}")


def infer(venue: str, symbol: str) -> Instrument:
    """The instrument of a symbol such as `BTCUSDT`, `BTCUSDT_260327`, `1000PEPEUSDC` or `ETHBTC`."""
    pair = _DATED.sub("", symbol)
    base, quote = pair, ""
    for candidate in _QUOTES:
        if pair.endswith(candidate) and len(pair) > len(candidate):
            base, quote = pair[: -len(candidate)], candidate
            break
    kind: Kind = "spot" if venue == "binance-spot" else "future" if pair != symbol else "perp"
    asset, multiplier = asset_of(base)
    return Instrument(venue, symbol, kind, base, quote, asset, multiplier, inferred=True)
