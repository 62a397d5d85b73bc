"""The instruments of a venue by symbol: those it listed, and those inferred from a symbol in a message.

Each parser owns one table; its readers of frames and REST answers look up every symbol that a message names. A listing
overrides what was inferred from the symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from engine.instruments import Instrument
from engine.text import is_safe_symbol
from engine.venues.checks import Implausible

MAX_INFERRED: Final = 5_000
"""Most instruments accepted beyond the listing; Binance lists about 3,500 pairs, OKX 2,000 besides options, the others
fewer. More is a fault or an attack, and is refused."""


class InstrumentTable:
    """Every instrument listed, or named in a message, so far."""

    def __init__(self, venue: str, infer: Callable[[str], Instrument]) -> None:
        """`infer(symbol)` builds the instrument of a symbol that no listing described."""
        self.venue = venue
        self.held: dict[str, Instrument] = {}
        self._infer = infer
        self._inferred = 0

    def instrument(self, symbol: str) -> Instrument:
        """The instrument as listed, or as inferred from its symbol; an inferred one is not stored."""
        held = self.held.get(symbol)
        return self._infer(symbol) if held is None else held

    def known(self, symbol: str) -> Instrument:
        """The instrument that a message names, stored from now on; raises Implausible for a symbol that cannot be."""
        held = self.held.get(symbol)
        if held is not None:
            return held
        if not is_safe_symbol(symbol):
            raise Implausible(f"symbol of {len(symbol)} characters is not one that can be kept: {symbol[:40]}")
        self._count(symbol)
        held = self.held[symbol] = self._infer(symbol)
        return held

    def take(self, listing: Iterable[Instrument]) -> None:
        """Store the instruments of a listing, in place of inferred ones."""
        for instrument in listing:
            self.held[instrument.symbol] = instrument

    def take_pushed(self, instrument: Instrument) -> None:
        """Store an instrument pushed by the stream; raises Implausible beyond `MAX_INFERRED` new ones."""
        if instrument.symbol not in self.held:
            self._count(instrument.symbol)
        self.held[instrument.symbol] = instrument

    def _count(self, symbol: str) -> None:
        if self._inferred >= MAX_INFERRED:
            raise Implausible(f"more than {MAX_INFERRED} symbols that the listing lacks, {symbol} among them")
        self._inferred += 1
