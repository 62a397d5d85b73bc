"""Plausibility checks on numbers and texts, shared by the parsers of all venues.

Called by `engine.venues.<venue>.parse` and `rest` on decoded messages, before a number may enter an event.
The bounds are wide: they stop nonsense (NaN, seconds taken for milliseconds, a size in a price field), not markets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from engine.text import clean

MAX_PRICE: Final = 1e15
MAX_SIZE: Final = 1e18
MAX_LEVERAGE: Final = 1_000.0
"""No venue offers above 200."""
MAX_FUNDING_FRAC: Final = 0.5
"""No venue's cap is above 0.04 per interval; beyond 0.5 a percentage was taken for a fraction."""
MIN_MS: Final = 1_230_768_000_000
"""2009-01-01, before the first block: anything earlier is not in milliseconds."""
MAX_MS: Final = 4_102_444_800_000
"""2100-01-01: anything later is in microseconds, or made up."""
MAX_DETAIL_CHARS: Final = 200


Price = Annotated[float, Meta(gt=0, lt=MAX_PRICE)]
"""The types from here on have bounds that the decoder itself enforces, in C; NaN satisfies none of them."""
Size = Annotated[float, Meta(ge=0, lt=MAX_SIZE)]
TradedSize = Annotated[float, Meta(gt=0, lt=MAX_SIZE)]
QuotePrice = Annotated[float, Meta(ge=0, lt=MAX_PRICE)]
"""0 if that side of the book is empty."""
Millis = Annotated[int, Meta(gt=MIN_MS, lt=MAX_MS)]
UpdateId = Annotated[int, Meta(ge=-1, le=(1 << 63) - 1)]
"""At most 64 bits, so that an id fits any column; the decoder itself accepts hundreds of digits."""
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Implausible(ValueError):
    """A message of a known kind carries a value that cannot be true; the frame is rejected."""


def price(value: float, field: str) -> float:
    """`value` if it can be a price: finite and above 0."""
    if 0.0 < value < MAX_PRICE:
        return value
    raise Implausible(f"{field} {value!r} is not a price above 0")


def size(value: float, field: str) -> float:
    """`value` if it can be a size or an amount: finite and not negative."""
    if 0.0 <= value < MAX_SIZE:
        return value
    raise Implausible(f"{field} {value!r} is not a size of 0 or more")


def leverage(value: float | None) -> float | None:
    """`value` if it can be an instrument's maximum leverage, else None: the instrument is then listed without one."""
    return value if value is not None and 1.0 <= value <= MAX_LEVERAGE else None


def traded_size(value: float, field: str) -> float:
    """`value` if it can be the size of a trade: finite and above 0."""
    if 0.0 < value < MAX_SIZE:
        return value
    raise Implausible(f"{field} {value!r} is not a size above 0")


def funding(value: float, field: str) -> float:
    """`value` if it can be a funding rate per interval, as a fraction."""
    if -MAX_FUNDING_FRAC <= value <= MAX_FUNDING_FRAC:
        return value
    raise Implausible(f"{field} {value!r} is not a funding rate between -{MAX_FUNDING_FRAC} and {MAX_FUNDING_FRAC}")


def time_ms(value: int, field: str) -> int:
    """`value` if it can be a time in milliseconds."""
    if MIN_MS < value < MAX_MS:
        return value
    raise Implausible(f"{field} {value!r} is not a time in milliseconds")


def level_rows(rows: Sequence[Sequence[str]], field: str) -> list[float]:
    """Price and size of every book row, flattened; all rows must be [price, size].

    Raises Implausible unless every row is a price above 0 and a size, both in plain ASCII decimals. Python's `float`
    also accepts `nan`, `1_0`, signs, exponents and full-width digits, so the characters are checked first.
    """
    if not rows:
        return []
    texts = list(chain.from_iterable(rows))
    digits = "".join(texts).replace(".", "")
    if digits.isascii() and digits.isdigit():
        try:
            # Reads a decimal about twice as fast as float() does.
            values = msgspec.convert(texts, _NUMBERS, strict=False)
        except msgspec.ValidationError:
            values = [0.0]
        if min(values[::2]) > 0.0 and max(values) < MAX_PRICE:
            return values
    raise Implausible(f"{field} holds a level that is not [price above 0, size] in plain decimals")


_NUMBERS: Final = list[float]


def detail(venue: str, what: object) -> str:
    """One clean line for a log or a count, naming the venue."""
    return clean(f"{venue}: {what}", MAX_DETAIL_CHARS)
