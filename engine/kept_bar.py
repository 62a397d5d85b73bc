"""A closed bar as it is stored between runs. Instrument and timeframe are stored beside it, not in it.

Written and read by `engine.storage`, assigned to instruments by `engine.feeds`, taken into the market by
`engine.intake`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """A bar. NaN for a figure that is not known, -1 for a count.

    In msgpack it is an array of its fields, so their order must stay that of existing files. A start reads millions of
    them: in a third of the time of named tuples, and without work for the garbage collector.
    """

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    volume_quote: float
    taker_buy_quote: float
    trades: int


Key = tuple[str, str, int]
"""Venue, symbol and interval in milliseconds of a series of stored bars."""
ReadBars = Callable[[Key], Awaitable[list[Kept]]]
"""Reads the bars of one series, oldest first; none if there are none that can be used. One series is in memory at a
time: all of them take a gigabyte as objects."""
