"""The bars of one instrument and timeframe as a row of the database of kept candles holds them: one body in msgpack.

Used by `engine.storage.candle_store`. Whoever wrote the file, no bar that cannot be true comes out of it.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

KEPT_BARS: Final = 500
"""Newest bars kept of each instrument and timeframe."""
_MIN_MS: Final = 1_230_768_000_000
MAX_MS: Final = 4_102_444_800_000
"""2009 to 2100, as for what venues stamp."""
_MAX_COUNT: Final = 1 << 53

Kept = tuple[int, float, float, float, float, float, float, float, int]
"""Open time, open, high, low, close, base and quote volume, taker buys in quote, trades. NaN where not known."""

ENCODE: Final = msgspec.msgpack.Encoder().encode
"""The body of bars."""
_DECODE: Final = msgspec.msgpack.Decoder(list[Kept]).decode


def bars_of(body: object, interval_ms: int) -> list[Kept]:
    """The bars of a row, oldest first, without those that cannot be true, whatever wrote the file."""
    if not isinstance(body, bytes):
        return []
    try:
        bars = {bar[0]: bar for bar in _DECODE(body) if _is_plausible(bar, interval_ms)}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [bars[open_ms] for open_ms in sorted(bars)][-KEPT_BARS:]


def _is_plausible(bar: Kept, interval_ms: int) -> bool:
    open_ms, first, high, low, last, base, quote, taker, trades = bar
    return (
        _MIN_MS < open_ms < MAX_MS
        and open_ms % interval_ms == 0
        and 0.0 < low <= min(first, last) <= max(first, last) <= high < math.inf
        and all(amount != amount or 0.0 <= amount < math.inf for amount in (base, quote, taker))
        and -1 <= trades < _MAX_COUNT
    )
