"""What a Binance symbol says of its instrument where no listing does.

Called by the parser for symbols that the listing lacks. The result is marked inferred; its tick and step are
found from the messages by whoever needs them.
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
"""Quote currencies of Binance, longer ones first where one ends in another."""

_DATED: Final = re.compile(r"_\d{6}")


def infer(venue: str, symbol: str) -> Instrument:
    """The instrument a symbol names: `BTCUSDT`, `BTCUSDT_260327`, `1000PEPEUSDC`, `ETHBTC`."""
    pair = _DATED.sub("", symbol)
    base, quote = pair, ""
    for candidate in _QUOTES:
        if pair.endswith(candidate) and len(pair) > len(candidate):
            base, quote = pair[: -len(candidate)], candidate
            break
    kind: Kind = "spot" if venue == "binance-spot" else "future" if pair != symbol else "perp"
    asset, multiplier = asset_of(base)
    return Instrument(venue, symbol, kind, base, quote, asset, multiplier, inferred=True)
