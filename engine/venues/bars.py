"""A bar of a venue that tells neither taker volume nor the number of trades, checked, as a candle.

Called by the venues' candle readers, for streams and answers alike.
"""

from __future__ import annotations

from engine.events import NAN, Candle
from engine.instruments import Instrument
from engine.venues import checks
from engine.venues.checks import Implausible


def check_span(open_: float, high: float, low: float, close: float) -> None:
    """Implausible unless all are prices and high and low span the other two."""
    checks.price(low, "low")
    checks.price(high, "high")
    # Written so that a NaN fails it too.
    if not (low <= open_ <= high and low <= close <= high):
        raise Implausible("a bar whose high and low do not span its open and close")


def candle(
    instrument: Instrument,
    ts_ms: int,
    recv_ns: int,
    interval_ms: int,
    open_ms: int,
    bar: tuple[float, float, float, float, float, float | None],
    closed: bool,
) -> Candle:
    """A checked candle; `bar` is (open, high, low, close, base volume, quote volume); None: not told."""
    open_, high, low, close, base, quote = bar
    check_span(open_, high, low, close)
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
        NAN if quote is None else checks.size(quote, "turnover"),
        NAN,
        -1,
        closed,
    )
