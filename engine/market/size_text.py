"""Sizes of book levels in base currency, as decimal text.

Used wherever a book is shown or printed. Venue sizes are contracts on some venues; text stays exact if the arithmetic
is exact, so that a level shows the decimals that the venue sent.
"""

from __future__ import annotations

from decimal import Decimal

from engine.instruments import Instrument


def base_text(instrument: Instrument, price: str, size: str) -> str:
    """`size` in venue units at `price` as base currency, plain decimals; empty if the contract size is not known.

    Exact for linear contracts; for inverse ones the shortest decimal of the nearest double, since the quotient rarely
    terminates.
    """
    contract = instrument.contract_size
    if contract is None:
        return ""
    if instrument.inverse:
        return plain(Decimal(repr(instrument.base_size(float(size), float(price)))))
    if contract == 1.0:
        return size
    return plain((Decimal(size) * Decimal(repr(contract))).normalize())


def plain(value: Decimal) -> str:
    """`value` without an exponent."""
    return format(value, "f")
