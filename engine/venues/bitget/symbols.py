"""What a Bitget symbol says of its instrument where no listing does.

Called by the parser for symbols that the listing lacks. The result is marked inferred; its tick and step are
found from the messages by whoever needs them.
"""

from __future__ import annotations

from typing import Final

from engine.instruments import Instrument, asset_of

VENUE: Final = "bitget-usdt"
_QUOTE: Final = "USDT"


def infer(symbol: str) -> Instrument:
    """The perpetual a symbol of USDT-FUTURES names: `BTCUSDT`. Sizes are base currency: there is no multiplier.

    A name of another form has no quote, so that nothing of it is taken for dollars before a listing says what it is.
    """
    base, quote = (symbol.removesuffix(_QUOTE), _QUOTE) if len(symbol) > 4 and symbol.endswith(_QUOTE) else (symbol, "")
    asset, multiplier = asset_of(base)
    return Instrument(VENUE, symbol, "perp", base, quote, asset, multiplier, inferred=True)
