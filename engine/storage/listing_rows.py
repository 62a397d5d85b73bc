"""Encodes and decodes a venue's followed instruments: one msgpack body per row of the candle database.

Used by `engine.storage.candle_store`. The file is not trusted, and its instruments are shown before any venue has
answered, so only those that a venue's own listing could contain may pass: texts safe to show, plausible numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from engine.instruments import Instrument
from engine.text import is_safe_symbol

MAX_LISTING_BYTES: Final = 4 * 2**20
"""Largest row that is read; an instrument takes about 250 bytes."""

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Instrument]).decode


def listing_body(instruments: Iterable[Instrument]) -> bytes:
    """The body of one venue's row."""
    return _ENCODE(list(instruments))


def listing_of(venue: str, body: object) -> list[Instrument]:
    """The plausible instruments in a row; none if it cannot be decoded."""
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
