"""The registry of venues: their parsers and live rules. The one place that knows all of them.

Used by everything that handles several venues: the runtime, the replayer and inspection. A venue's package
is imported only when one of the functions here is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from engine.venues.base import VenueParser
from engine.venues.live import VenueLive


def make_parsers() -> dict[str, VenueParser]:
    """A new parser for every supported venue, by venue name, in the order of the names."""
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


PRODUCTS: Final[dict[str, tuple[str, ...]]] = {
    "binance": ("binance-usdm", "binance-spot"),
    "bybit": ("bybit-linear", "bybit-spot"),
    "okx": ("okx",),
    "bitget": ("bitget-usdt",),
}
"""The products of each venue that a user can turn on or off."""


def make_languages(venues: Iterable[str]) -> list[VenueLive]:
    """The live rules of each product of `venues`, which are names of `PRODUCTS`. Raises KeyError for another name."""
    from engine.venues.binance.live import BinanceLive
    from engine.venues.bitget.live import BitgetLive
    from engine.venues.bybit.live import BybitLive
    from engine.venues.okx.live import OkxLive

    make: dict[str, Callable[[], VenueLive]] = {
        "binance-usdm": lambda: BinanceLive("binance-usdm"),
        "binance-spot": lambda: BinanceLive("binance-spot"),
        "bybit-linear": lambda: BybitLive("bybit-linear"),
        "bybit-spot": lambda: BybitLive("bybit-spot"),
        "okx": OkxLive,
        "bitget-usdt": BitgetLive,
    }
    return [make[product]() for venue in venues for product in PRODUCTS[venue]]


def conflation_keys() -> dict[str, Callable[[str], str | None]]:
    """By venue, a function from a frame to its conflation key.

    Of the frames with one key that arrive between two scans, only the newest needs to be read; None: the frame must be
    read. Only best quotes and tickers qualify, and only if the frame holds the full state of one instrument: trades,
    book updates and candles are never conflated. A venue missing from the dictionary has no such frames.
    """
    from engine.venues.binance.parse import quote_stream
    from engine.venues.bitget.session import replaced
    from engine.venues.bybit.session import replaced_on_spot

    return {
        "binance-usdm": quote_stream,
        "binance-spot": quote_stream,
        "bitget-usdt": replaced,
        "bybit-spot": replaced_on_spot,
    }
