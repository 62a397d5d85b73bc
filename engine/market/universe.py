"""The instruments of the state by row number, and the links between rows: spot legs and peers.

Owned by `engine.market.state`, which adds a row on the first market event of an instrument; every store sizes its
columns by `capacity`. A listing alone adds no row, since thousands of listed instruments are not subscribed to. Nothing
here knows prices; the 24 h volumes that decide between spot legs are passed in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument

FIRST_CAPACITY: Final = 64
ROOMIER: Final = 4
"""Growth factor of the capacity when rows run out. Unwritten room takes no memory, but the old columns live on beside
the new ones until the next scan releases them: with a factor of 2, a market of 726 rows held 512 rows twice, which was
the engine's peak of memory."""

SPOT_VENUE: Final[dict[str, str]] = {"binance-usdm": "binance-spot", "bybit-linear": "bybit-spot", "okx": "okx"}
"""Where the same company trades spot, by the venue of a perpetual."""


class Links(NamedTuple):
    """How rows belong together."""

    spot_rows: Ints
    """`[rows]` row of each perpetual's spot leg; -1: none seen, or not a perpetual."""
    peers: tuple[tuple[int, ...], ...]
    """By row, the rows of the other rankable perpetuals on the same asset, ascending."""


class Universe:
    """Rows by (venue, symbol), in order of first appearance."""

    def __init__(self) -> None:
        self.instruments: list[Instrument] = []
        self.in_usd: list[bool] = []
        """By row, whether amounts in its quote currency are dollars."""
        self.capacity = FIRST_CAPACITY
        """Rows that every column has room for."""
        self.by_name: dict[tuple[str, str], int] = {}
        """Row by (venue, symbol). Hot paths read it directly; only this class writes it."""
        self._assets: dict[tuple[str, str], list[int]] = {}
        self._ended: dict[int, Instrument] = {}
        """By row, the instruments that left their venue's listing, as they were last listed."""
        self._frozen: tuple[Instrument, ...] | None = None
        self._linked = False
        self._rankable: Bools = np.zeros(0, dtype=np.bool_)
        self._peers: tuple[tuple[int, ...], ...] = ()
        self._venues: tuple[str, ...] = ()
        self._venue_of: Ints = np.zeros(0, dtype=np.int64)
        self._fixed: Ints = np.zeros(0, dtype=np.int64)
        self._choosing: Ints = np.zeros(0, dtype=np.int64)
        self._choices: Ints = np.zeros((0, 1), dtype=np.int64)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.instruments)

    def row(self, venue: str, symbol: str) -> int | None:
        """Row of an instrument, or None before its first market event."""
        return self.by_name.get((venue, symbol))

    def add(self, instrument: Instrument) -> int:
        """Allocate the next row. Raises ValueError if the instrument already has one."""
        key = (instrument.venue, instrument.symbol)
        if key in self.by_name:
            raise ValueError(f"{instrument.venue} {instrument.symbol!r} already has row {self.by_name[key]}")
        row = len(self.instruments)
        self.by_name[key] = row
        self.instruments.append(instrument)
        self.in_usd.append(instrument.quote_is_usd)
        while self.capacity <= row:
            self.capacity *= ROOMIER
        self._changed()
        return row

    def refine(self, row: int, instrument: Instrument) -> bool:
        """Take a newer description of a row's instrument; True if it changed. Inferred never replaces listed."""
        known = self.instruments[row]
        if instrument is known or instrument is self._ended.get(row) or (instrument.inferred and not known.inferred):
            return False
        if instrument == known:
            # A refreshed listing brings an equal but new object: keep that one, so that the next message is recognised
            # by identity.
            self.instruments[row] = instrument
            return False
        self._ended.pop(row, None)
        self.instruments[row] = instrument
        self.in_usd[row] = instrument.quote_is_usd
        self._changed()
        return True

    def end(self, row: int, instrument: Instrument) -> None:
        """`instrument` is gone from its venue's listing. Messages still in flight carry its last listing, which does
        not revive it; only a newer listing does."""
        self.refine(row, replace(instrument, status="ended"))
        self._ended[row] = instrument

    def frozen(self) -> tuple[Instrument, ...]:
        """All instruments by row, as a tuple that is rebuilt only after a change."""
        if self._frozen is None:
            self._frozen = tuple(self.instruments)
        return self._frozen

    def rankable(self) -> Bools:
        """`[rows]` whether the table ranks the row."""
        self._link()
        return self._rankable

    def venues(self) -> tuple[tuple[str, ...], Ints]:
        """The venues in alphabetical order, and the index of each row's venue, `[rows]`."""
        self._link()
        return self._venues, self._venue_of

    def rows_of_asset(self, asset: str, category: str = "crypto") -> tuple[int, ...]:
        """Rows of one asset on all venues, ascending. A stock and a coin of the same name are different assets."""
        self._link()
        return tuple(self._assets.get((asset, category), ()))

    def links(self, volume_24h_usd: Floats) -> Links:
        """Spot legs and peers of all rows, given the 24 h volume of each row (`[rows]`, NaN: not known).

        The leg is the dollar spot row of the same asset at the same company, the same quote currency first; else
        the most traded dollar spot row elsewhere, ties by venue name and symbol. Only spot rows that trade are used.
        """
        self._link()
        spot = self._fixed.copy()
        if len(self._choosing):
            volume = np.where(np.isnan(volume_24h_usd), -1.0, volume_24h_usd)[self._choices]
            best = np.argmax(np.where(self._choices >= 0, volume, -np.inf), axis=1)
            spot[self._choosing] = self._choices[np.arange(len(best)), best]
        return Links(spot, self._peers)

    def _changed(self) -> None:
        self._frozen = None
        self._linked = False

    def _link(self) -> None:
        if self._linked:
            return
        self._assets = {}
        for row, instrument in enumerate(self.instruments):
            self._assets.setdefault((instrument.asset, instrument.category), []).append(row)
        self._rankable = np.array([i.is_rankable and i.status == "trading" for i in self.instruments], dtype=np.bool_)
        self._venues = tuple(sorted({i.venue for i in self.instruments}))
        number = {venue: place for place, venue in enumerate(self._venues)}
        self._venue_of = np.array([number[i.venue] for i in self.instruments], dtype=np.int64)
        fixed: list[int] = []
        choosing: list[int] = []
        choices: list[list[int]] = []
        for row, instrument in enumerate(self.instruments):
            legs = self._spot_candidates(instrument) if instrument.kind == "perp" else []
            fixed.append(legs[0] if len(legs) == 1 else -1)
            if len(legs) > 1:
                choosing.append(row)
                choices.append(legs)
        width = max(map(len, choices), default=1)
        self._fixed = np.array(fixed, dtype=np.int64)
        self._choosing = np.array(choosing, dtype=np.int64)
        self._choices = np.array([legs + [-1] * (width - len(legs)) for legs in choices], dtype=np.int64)
        self._peers = tuple(self._peers_of(row) for row in range(self.rows))
        self._linked = True

    def _spot_candidates(self, perp: Instrument) -> list[int]:
        """Trading spot rows of the best of the three tiers that has any; volume decides among them."""
        of_asset = self._assets[(perp.asset, perp.category)]
        listed = self.instruments
        spots = [r for r in of_asset if listed[r].kind == "spot" and listed[r].status == "trading" and self.in_usd[r]]
        spots.sort(key=lambda r: (self.instruments[r].venue, self.instruments[r].symbol))
        home = SPOT_VENUE.get(perp.venue, perp.venue)
        at_home = [r for r in spots if self.instruments[r].venue == home]
        same_quote = [r for r in at_home if self.instruments[r].quote == perp.quote]
        return same_quote[:1] or at_home or spots

    def _peers_of(self, row: int) -> tuple[int, ...]:
        instrument = self.instruments[row]
        of_asset = self._assets[(instrument.asset, instrument.category)]
        return tuple(r for r in of_asset if r != row and self._rankable[r])
