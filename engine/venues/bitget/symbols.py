"""Inference of an instrument from its Bitget symbol alone.

Called by the parser for symbols that the listing lacks. The result is marked inferred and has neither tick nor step;
code that needs them derives them from the messages.
"""

from __future__ import annotations

from typing import Final

from engine.instruments import Instrument, asset_of

VENUE: Final = "bitget-usdt"
_QUOTE: Final = "USDT"


def infer(symbol: str) -> Instrument:
    """The perpetual of a USDT-FUTURES symbol such as `BTCUSDT`. Sizes are in base currency: there is no multiplier.

    A symbol of another form gets no quote, so that none of its amounts are taken for dollars before it is listed.
    """
    base, quote = (symbol.removesuffix(_QUOTE), _QUOTE) if len(symbol) > 4 and symbol.endswith(_QUOTE) else (symbol, "")
    asset, multiplier = asset_of(base)
    return Instrument(VENUE, symbol, "perp", base, quote, asset, multiplier, inferred=True)
