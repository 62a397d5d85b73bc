"""Binance's formatting of amounts: spot always with eight decimals, contracts with those of their own steps.

Used by `words`, `rows` and `answers`. As recorded on spot (2021, 2024) and USD-M (2026); on USD-M a removed level also
has its decimals (`0.000`), and marks have eight.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.exchanges.books import Level
from engine.simulator.happenings import Ticker
from engine.simulator.sim_instrument import SimInstrument, SimVenue, decimal_text

USDM: Final[SimVenue] = "binance-usdm"
SPOT: Final[SimVenue] = "binance-spot"
DECIMALS: Final = 8


def is_usdm(instrument: SimInstrument) -> bool:
    """Whether it is a USD-M contract; spot messages lack some fields."""
    return instrument.venue == USDM


def eight(text: str) -> str:
    """A decimal text padded to eight decimals; one with more keeps them."""
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(DECIMALS, '0')}"


def price(one: SimInstrument, ticks: int) -> str:
    """A price in quote currency."""
    text = one.price_text(ticks)
    return text if is_usdm(one) else eight(text)


def size(one: SimInstrument, steps: int) -> str:
    """A size in base currency."""
    text = one.size_text(steps)
    return text if is_usdm(one) else eight(text)


def value(one: SimInstrument, tick_steps: int) -> str:
    """An amount of quote currency."""
    text = one.quote_text(tick_steps)
    return text if is_usdm(one) else eight(text)


def fine(one: SimInstrument, hundredths: int) -> str:
    """A mark or index price, given in hundredths of a tick."""
    return eight(one.fine_text(hundredths))


def levels(one: SimInstrument, held: list[Level]) -> list[list[str]]:
    """`[price, size]` of each level."""
    return [[price(one, ticks), size(one, steps)] for ticks, steps in held]


def mean_price(one: SimInstrument, day: Ticker) -> str:
    """Size-weighted mean price of a day: on spot with eight decimals, for a contract with its own."""
    if not day.steps:
        return price(one, day.last)
    if is_usdm(one):
        return price(one, (2 * day.quote + day.steps) // (2 * day.steps))
    decimals = max(DECIMALS, one.price_decimals)
    units = day.quote * one.tick_units * 10 ** (decimals - one.price_decimals)
    return decimal_text(units // day.steps, decimals)


def percent(day: Ticker) -> str:
    """Change of a day in percent."""
    return f"{100 * (day.last - day.open) / day.open if day.open else 0:.3f}"
