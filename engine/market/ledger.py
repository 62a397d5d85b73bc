"""Exact totals of each instrument's messages: the numbers behind `prism inspect`.

Fed by `engine.inspection` with every event; book levels are kept by `engine.market.books`. It serves conformance, not
scoring: nothing is windowed, decayed or sampled, and sums are correctly rounded.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from engine.events import (
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Trade,
)
from engine.instruments import Instrument
from engine.timeframes import INTERVAL_MS, MINUTE_MS

_MAX_TEXTS: Final = 100_000
"""Distinct decimals held before the longest is noted and they are dropped."""
_BOOKS_FOR_STEPS: Final = 50
"""Book messages of an instrument from which its steps are inferred; using all of them would cost as much as keeping
the book."""
_FIRST: Final = itemgetter(0)
_SECOND: Final = itemgetter(1)
_NAME_OF_INTERVAL: Final = {length: name for name, length in INTERVAL_MS.items()}


class Decimals:
    """The most decimal places seen, trailing zeros not counted; None while nothing has been seen."""

    __slots__ = ("_most", "_numbers", "_texts")

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._numbers: set[float] = set()
        self._most: int | None = None

    def see(self, texts: Iterable[str]) -> None:
        """Note plain decimals such as `0.0010`."""
        self._texts.update(texts)
        if len(self._texts) > _MAX_TEXTS:
            self._settle()

    def see_number(self, value: float) -> None:
        """Note a float by its shortest decimal form."""
        if value not in self._numbers and math.isfinite(value):
            self._numbers.add(value)
            self._texts.add(format(Decimal(repr(value)), "f"))
            if len(self._numbers) > _MAX_TEXTS:
                self._settle()

    @property
    def unit(self) -> float | None:
        """The last decimal place seen as a step: 0.001 for three."""
        self._settle()
        return None if self._most is None else float(f"1e-{self._most}")

    def _settle(self) -> None:
        for text in self._texts:
            places = len(text.partition(".")[2].rstrip("0"))
            if self._most is None or places > self._most:
                self._most = places
        self._texts.clear()
        self._numbers.clear()


class Flow:
    """Sizes and notionals of one side, kept individually so that their sums are rounded only once."""

    __slots__ = ("notionals", "sizes")

    def __init__(self) -> None:
        self.sizes = array("d")
        self.notionals = array("d")

    def add(self, size: float, price: float) -> None:
        self.sizes.append(size)
        self.notionals.append(size * price)

    @property
    def base(self) -> float:
        """Base currency; NaN if a size is not known."""
        return math.fsum(self.sizes)

    @property
    def quote(self) -> float:
        return math.fsum(self.notionals)


class Tally:
    """One instrument. Amounts are in base and in quote currency; None if nothing was seen."""

    __slots__ = (
        "_books_seen",
        "_funding_ms",
        "_index_ms",
        "_mark_ms",
        "_steps",
        "buys",
        "candles",
        "closed",
        "funding_frac",
        "in_frames",
        "index",
        "interest",
        "last_price",
        "longs",
        "mark",
        "sells",
        "shorts",
    )

    def __init__(self, *, infer_steps: bool) -> None:
        self.in_frames = False
        """A text frame mentioned it, not only a REST response."""
        self.buys = Flow()
        self.sells = Flow()
        self.longs = Flow()
        self.shorts = Flow()
        self.last_price: float | None = None
        # Of these the newest by the venue's time, because an answer about the past may follow a newer message.
        self.mark: float | None = None
        self.index: float | None = None
        self.funding_frac: float | None = None
        self.interest: OpenInterest | None = None
        self._mark_ms = self._index_ms = self._funding_ms = -1
        self.candles: dict[int, Candle] = {}
        """The bar with the newest open time by interval (ms), in its newest version; a closed one is final unless
        another closed one follows."""
        self.closed: dict[int, set[int]] = {}
        """Open times of closed bars by interval (ms)."""
        self._steps = (Decimals(), Decimals()) if infer_steps else None
        """Decimal places of prices and of sizes in venue units; None if the venue's listing states the steps."""
        self._books_seen = 0

    def trade(self, event: Trade) -> None:
        (self.buys if event.taker_buy else self.sells).add(event.size, event.price)
        self.last_price = event.price
        if self._steps is not None:
            self._steps[0].see_number(event.price)

    def liquidation(self, event: Liquidation) -> None:
        (self.longs if event.side == "long" else self.shorts).add(event.size, event.price)

    def candle(self, event: Candle) -> None:
        interval = event.interval_ms
        if event.closed:
            self.closed.setdefault(interval, set()).add(event.open_ms)
        held = self.candles.get(interval)
        newer = held is None or event.open_ms > held.open_ms
        if newer or (held is not None and event.open_ms == held.open_ms and event.closed >= held.closed):
            self.candles[interval] = event

    def mark_price(self, event: MarkPrice) -> None:
        if event.ts_ms >= self._mark_ms and not math.isnan(event.mark):
            self.mark, self._mark_ms = event.mark, event.ts_ms
        if event.ts_ms >= self._index_ms and not math.isnan(event.index):
            self.index, self._index_ms = event.index, event.ts_ms

    def funding(self, event: Funding) -> None:
        if not event.settled and event.ts_ms >= self._funding_ms:
            self.funding_frac, self._funding_ms = event.rate_frac, event.ts_ms

    def open_interest(self, event: OpenInterest) -> None:
        if self.interest is None or event.ts_ms >= self.interest.ts_ms:
            self.interest = event

    def book(self, event: BookSnapshot | BookDelta) -> None:
        """Note the decimals of its levels; the levels themselves are kept elsewhere."""
        if self._steps is not None and self._books_seen < _BOOKS_FOR_STEPS:
            self._books_seen += 1
            prices, sizes = self._steps
            for rows in (event.bids, event.asks):
                prices.see(map(_FIRST, rows))
                sizes.see(map(_SECOND, rows))

    def inferred_steps(
        self, instrument: Instrument, levels: Iterable[tuple[str, str]]
    ) -> tuple[float | None, float | None]:
        """Tick and size step inferred from messages: one unit of the last decimal place in use.

        Uses all trades, the first book messages, and `levels`, (price, size) of the current book.
        """
        if self._steps is None:
            return None, None
        prices, sizes = self._steps
        rows = list(levels)
        prices.see(map(_FIRST, rows))
        sizes.see(map(_SECOND, rows))
        if instrument.contract_size == 1.0 and not instrument.inverse:
            # Only here are traded sizes in the venue's own unit.
            for flow in (self.buys, self.sells):
                for traded in set(flow.sizes):
                    sizes.see_number(traded)
        return prices.unit, sizes.unit


class Ledger:
    """The tallies of all instruments of one venue, by symbol."""

    def __init__(self, instrument_of: Callable[[str], Instrument]) -> None:
        """`instrument_of(symbol)` is called on an instrument's first event: if it is `inferred`, so are its steps."""
        self._instrument_of = instrument_of
        self.tallies: dict[str, Tally] = {}

    def apply(self, event: MarketEvent) -> Tally:
        """Add one event; returns the tally of its instrument. Quotes, 24 h statistics and ratios are not tallied."""
        symbol = event.symbol
        tally = self.tallies.get(symbol)
        if tally is None:
            tally = self.tallies[symbol] = Tally(infer_steps=self._instrument_of(symbol).inferred)
        enter = _ENTER.get(type(event))
        if enter is not None:
            enter(tally, event)
        return tally


_ENTER: Final[dict[type, Callable[[Tally, Any], None]]] = {
    Trade: Tally.trade,
    BookSnapshot: Tally.book,
    BookDelta: Tally.book,
    Candle: Tally.candle,
    MarkPrice: Tally.mark_price,
    Funding: Tally.funding,
    OpenInterest: Tally.open_interest,
    Liquidation: Tally.liquidation,
}


def interval_name(interval_ms: int) -> str:
    """`5m` for 300000; lengths that the state does not keep are given in the largest whole unit."""
    known = _NAME_OF_INTERVAL.get(interval_ms)
    if known is not None:
        return known
    for unit, length in (("d", 1440 * MINUTE_MS), ("h", 60 * MINUTE_MS), ("m", MINUTE_MS), ("s", 1000)):
        if interval_ms % length == 0:
            return f"{interval_ms // length}{unit}"
    return f"{interval_ms}ms"
