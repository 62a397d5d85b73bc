"""Encodes and decodes the bars of one instrument and timeframe: one msgpack body per row of the candle database.

Used by `engine.storage.candle_store`; `engine.live` uses `ended`. The file is not trusted: a bar with implausible
values must never come out of it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from operator import attrgetter
from typing import Final

import msgspec

from engine.kept_bar import Kept

KEPT_BARS: Final = 500
"""Newest bars stored of each instrument and timeframe."""
_MIN_MS: Final = 1_230_768_000_000
_MAX_MS: Final = 4_102_444_800_000
"""2009 to 2100, as for the venues' timestamps."""
_MAX_COUNT: Final = 1 << 53

ENCODE: Final = msgspec.msgpack.Encoder().encode
"""Encodes bars as a body."""
_DECODE: Final = msgspec.msgpack.Decoder(list[Kept]).decode


def bars_of(body: object, interval_ms: int) -> list[Kept]:
    """The plausible bars of a row, oldest first; none if it cannot be decoded."""
    if not isinstance(body, bytes):
        return []
    try:
        bars = {bar.open_ms: bar for bar in _DECODE(body) if _is_plausible(bar, interval_ms)}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [bars[open_ms] for open_ms in sorted(bars)][-KEPT_BARS:]


def ended(bars: list[Kept], interval_ms: int, at_ms: int) -> list[Kept]:
    """Those of `bars`, oldest first, that end at `at_ms` or before."""
    return bars[: bisect_right(bars, at_ms - interval_ms, key=attrgetter("open_ms"))]


def _is_plausible(bar: Kept, interval_ms: int) -> bool:
    first, last = bar.open, bar.close
    amounts = (bar.volume_base, bar.volume_quote, bar.taker_buy_quote)
    return (
        _MIN_MS < bar.open_ms < _MAX_MS
        and bar.open_ms % interval_ms == 0
        and 0.0 < bar.low <= min(first, last) <= max(first, last) <= bar.high < math.inf
        and all(amount != amount or 0.0 <= amount < math.inf for amount in amounts)
        and -1 <= bar.trades < _MAX_COUNT
    )
