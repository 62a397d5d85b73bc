"""A venue's followed instruments as one row of the database of candles, and back, whatever wrote the row.

Used by `engine.storage.candle_store`. What is read is shown before any venue has answered, so nothing is taken over
that a venue's own listing could not have said: texts that are safe to show, numbers that can be true.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from engine.instruments import Instrument
from engine.text import is_safe_symbol

MAX_LISTING_BYTES: Final = 4 * 2**20
"""Largest row looked at; an instrument takes about 250 bytes."""

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Instrument]).decode


def listing_body(instruments: Iterable[Instrument]) -> bytes:
    """The row of one venue."""
    return _ENCODE(list(instruments))


def listing_of(venue: str, body: object) -> list[Instrument]:
    """The instruments in a row, without those that cannot be true; none where it cannot be read."""
    if not isinstance(body, bytes):
        return []
    try:
        found = _DECODE(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [one for one in found if one.venue == venue and _is_plausible(one)]


def _is_plausible(one: Instrument) -> bool:
    numbers = (one.multiplier, one.tick, one.step, one.contract_size, one.funding_interval_h)
    return all(map(is_safe_symbol, (one.venue, one.symbol, one.base, one.quote, one.asset))) and all(
        number is None or 0.0 < number < math.inf for number in numbers
    )
