"""The instruments a venue listed or spoke of, by symbol.

One table belongs to a parser; its rows and answers ask it for every symbol that a message names. What a listing says
stands above what a name says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from engine.instruments import Instrument
from engine.text import is_safe_symbol
from engine.venues.checks import Implausible

MAX_INFERRED: Final = 5_000
"""Instruments accepted beyond the listing; Binance lists about 3,500 pairs, OKX 2,000 besides options, the others
fewer. More is a fault or an attack, and is refused."""


class InstrumentTable:
    """Every instrument listed or spoken of so far."""

    def __init__(self, venue: str, infer: Callable[[str], Instrument]) -> None:
        """`infer(symbol)` is what a name says where no listing said more."""
        self.venue = venue
        self.held: dict[str, Instrument] = {}
        self._infer = infer
        self._inferred = 0

    def instrument(self, symbol: str) -> Instrument:
        """As listed, or as its name says; nothing is kept by asking."""
        held = self.held.get(symbol)
        return self._infer(symbol) if held is None else held

    def known(self, symbol: str) -> Instrument:
        """The instrument a message speaks of, kept from now on; Implausible for a symbol that cannot be kept."""
        held = self.held.get(symbol)
        if held is not None:
            return held
        if not is_safe_symbol(symbol):
            raise Implausible(f"symbol of {len(symbol)} characters is not one that can be kept: {symbol[:40]}")
        self._count(symbol)
        held = self.held[symbol] = self._infer(symbol)
        return held

    def take(self, listing: Iterable[Instrument]) -> None:
        """Hold what a listing described, in place of what was inferred."""
        for instrument in listing:
            self.held[instrument.symbol] = instrument

    def take_pushed(self, instrument: Instrument) -> None:
        """Hold what the stream told of one instrument; Implausible for more new ones than are accepted that way."""
        if instrument.symbol not in self.held:
            self._count(instrument.symbol)
        self.held[instrument.symbol] = instrument

    def _count(self, symbol: str) -> None:
        if self._inferred >= MAX_INFERRED:
            raise Implausible(f"more than {MAX_INFERRED} symbols that the listing lacks, {symbol} among them")
        self._inferred += 1
