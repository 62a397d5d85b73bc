"""Checks of a bar, whether it is closed, and its conversion to a `Candle` for venues that publish neither taker volume
nor a number of trades.

Called by the venues' candle readers, for streams and REST answers alike.
"""

from __future__ import annotations

from typing import Final

from engine.events import NAN, Candle
from engine.instruments import Instrument
from engine.venues import checks
from engine.venues.checks import Implausible

UNDATED_MS: Final = 10_000
"""How long an answer may have been under way before it was received: the deadline of a request."""


def is_over(open_ms: int, interval_ms: int, stated_ms: int | None, recv_ns: int) -> bool:
    """Whether a bar of a REST answer is closed, if the venue does not flag closed bars.

    `stated_ms` is the venue's own time of the answer. An answer without one (None) may have been made up to
    `UNDATED_MS` before it was received. A bar that closed in between may lack its last trades, so it counts as open: a
    later answer or its finer bars complete it, whereas a closed bar would be kept as it is.
    """
    received_ms = recv_ns // 1_000_000
    made_ms = received_ms - UNDATED_MS if stated_ms is None else min(stated_ms, received_ms)
    return open_ms + interval_ms <= made_ms


def check_span(open_: float, high: float, low: float, close: float) -> None:
    """Raises Implausible unless all four are prices and high and low span the other two."""
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
    """A checked candle; `bar` is (open, high, low, close, base volume, quote volume or None if not published)."""
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
