"""Bybit's candles as events, from the stream and from REST alike."""

from __future__ import annotations

from typing import Final

from engine.events import NAN, Candle
from engine.instruments import Instrument
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues import checks
from engine.venues.checks import Implausible

INTERVALS: Final = {str(length // MINUTE_MS): length for length in INTERVAL_MS.values()}
"""Bybit's name of each interval prism keeps (`240` for four hours), in milliseconds."""


def candle(
    instrument: Instrument,
    ts_ms: int,
    recv_ns: int,
    interval_ms: int,
    open_ms: int,
    bar: tuple[float, float, float, float, float, float],
    closed: bool,
) -> Candle:
    """A checked candle; `bar` is (open, high, low, close, base volume, quote volume)."""
    open_, high, low, close, base, quote = bar
    checks.price(low, "low")
    checks.price(high, "high")
    # Written so that a NaN fails it too.
    if not (low <= open_ <= high and low <= close <= high):
        raise Implausible("a bar whose high and low do not span its open and close")
    return Candle(
        instrument.venue,
        instrument.symbol,
        ts_ms,
        recv_ns,
        interval_ms,
        checks.time_ms(open_ms, "start"),
        open_,
        high,
        low,
        close,
        checks.size(base, "volume"),
        checks.size(quote, "turnover"),
        NAN,
        -1,
        closed,
    )
