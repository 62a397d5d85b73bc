"""Which parser reads which venue. The one place that knows all of them.

Used by whoever is handed frames of several venues: the runtime, the replayer and inspection. A venue's
package is imported only when parsers are made.
"""

from __future__ import annotations

from engine.venues.base import VenueParser


def make_parsers() -> dict[str, VenueParser]:
    """A new parser for every venue that prism speaks to, by venue name, in the order of the names."""
    from engine.venues.binance.parse import BinanceParser
    from engine.venues.bybit.parse import BybitParser
    from engine.venues.okx.parse import OkxParser

    parsers: tuple[VenueParser, ...] = (
        BinanceParser("binance-spot"),
        BinanceParser("binance-usdm"),
        BybitParser("bybit-linear"),
        BybitParser("bybit-spot"),
        OkxParser(),
    )
    return {parser.venue: parser for parser in parsers}
