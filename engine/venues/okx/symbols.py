"""What an OKX instrument id says of its instrument where no listing does.

Called by `contracts` for ids that the listing lacks. Contract sizes are not in the id: they stay unknown, and so do
all sizes of the instrument, until a message states a volume in contracts and in currency alike.
"""

from __future__ import annotations

from typing import Final

from engine.instruments import Instrument, Kind, asset_of

VENUE: Final = "okx"


def infer(symbol: str) -> Instrument:
    """The instrument an id names: `A-B` spot, `A-B-SWAP`, `A-B-YYMMDD` future, `A-B-YYMMDD-K-C` option.

    Contracts on `-USD` are inverse, those on `-USD_UM` are margined in dollars and linear. Options are priced in the
    currency they settle in, which for `-USD` families is the base.
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
