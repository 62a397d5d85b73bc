"""Inference of an instrument from its OKX id alone.

Called by `contracts` for ids that the listing lacks. The id does not tell the contract size: it stays unknown, and so
do all sizes of the instrument, until a message gives one volume both in contracts and in currency.
"""

from __future__ import annotations

from typing import Final

from engine.instruments import Instrument, Kind, asset_of

VENUE: Final = "okx"


def infer(symbol: str) -> Instrument:
    """The instrument of an id: `A-B` spot, `A-B-SWAP`, `A-B-YYMMDD` future, `A-B-YYMMDD-K-C` option.

    Contracts on `-USD` are inverse, those on `-USD_UM` are margined in dollars and linear. Options are priced in their
    settlement currency, which for `-USD` families is the base.
    """
    parts = symbol.split("-")
    base = parts[0]
    quoted = parts[1] if len(parts) > 1 else ""
    kind: Kind = "future"
    if len(parts) == 2:
        kind = "spot"
    elif len(parts) == 3 and parts[2] == "SWAP":
        kind = "perp"
    elif len(parts) == 5 and parts[4] in ("C", "P"):
        kind = "option"
    quote = quoted.partition("_")[0]
    if kind == "option" and quoted == "USD":
        quote = base
    asset, multiplier = asset_of(base)
    return Instrument(
        VENUE,
        symbol,
        kind,
        base,
        quote,
        asset,
        multiplier,
        contract_size=1.0 if kind == "spot" else None,
        inverse=quoted == "USD" and kind in ("perp", "future"),
        inferred=True,
    )
