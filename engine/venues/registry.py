"""Which parser reads which venue. The one place that knows all of them.

Used by whoever is handed frames of several venues: the runtime, the replayer and inspection. A venue's
package is imported only when parsers are made.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.venues.base import VenueParser


def make_parsers() -> dict[str, VenueParser]:
    """A new parser for every venue that prism speaks to, by venue name, in the order of the names."""
    from engine.venues.binance.parse import BinanceParser
    from engine.venues.bitget.parse import BitgetParser
    from engine.venues.bybit.parse import BybitParser
    from engine.venues.okx.parse import OkxParser

    parsers: tuple[VenueParser, ...] = (
        BinanceParser("binance-spot"),
        BinanceParser("binance-usdm"),
        BitgetParser(),
        BybitParser("bybit-linear"),
        BybitParser("bybit-spot"),
        OkxParser(),
    )
    return {parser.venue: parser for parser in parsers}


def conflation_keys() -> dict[str, Callable[[str], str | None]]:
    """By venue, what tells whether a frame is worth reading only if no newer one like it came before the next scan.

    The key names what it is replaced by; None: every frame counts. Only best quotes qualify, and only where a frame
    holds all of one instrument's: trades, book changes and candles are never passed over. A venue that is not named
    has no such frames.
    """
    from engine.venues.binance.parse import quote_stream

    return {"binance-usdm": quote_stream, "binance-spot": quote_stream}
