"""Detection of frozen feeds: frames arrive and their times advance, but the values do not change.

Owned by `engine.pipeline`, which passes in every scan's view; the result is shown with the state of the venue's feed. A
stale cache in front of an exchange looks like this, and no age shows it. One coin may be unchanged for long, because of
its tick or for lack of trades. So nothing is reported for fewer than `FEWEST` rows, nor for less than a share `MOST` of
the venue's rows whose asset demonstrably moves: on another venue, or in another kind of value. Runs on event time only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument
from engine.market.view import MarketView

KINDS: Final = ("mark prices", "best quotes", "books", "last prices")
LOOK_MS: Final = 5_000
SLOT_MS: Final = 60_000
SLOTS: Final = 6
"""Values unchanged for this many slots are reported, and only if a newer message arrived in each of them."""
MOVES: Final = 0.5
"""Share of the samples at which a value must have changed for its asset to count as moving."""
FEWEST: Final = 4
MOST: Final = 0.5

Values = NDArray[np.complex128]


class Standstill:
    """Counts of changes by kind and row over the newest slots."""

    def __init__(self) -> None:
        self._instruments: tuple[Instrument, ...] = ()
        self._asset: Ints = np.zeros(0, dtype=np.int64)
        self._venue: Ints = np.zeros(0, dtype=np.int64)
        self._venues: list[str] = []
        self._values: Values = np.zeros((len(KINDS), 0), dtype=np.complex128)
        self._times: Ints = np.zeros((len(KINDS), 0), dtype=np.int64)
        self._changed: Ints = np.zeros((SLOTS, len(KINDS), 0), dtype=np.int64)
        self._heard: Bools = np.zeros((SLOTS, len(KINDS), 0), dtype=np.bool_)
        self._looks: Ints = np.zeros(SLOTS, dtype=np.int64)
        self._looked_ms = 0
        self._slot = -1
        self._filled = 0
        """Consecutive slots sampled from beginning to end, up to `SLOTS`."""
        self._since_ms: dict[tuple[str, str], int] = {}
        """By venue and kind that is frozen: it has been since this event time or earlier."""
        self._words: dict[str, str] = {}

    def words(self, venue: str) -> str:
        """The frozen kinds of a venue, and for how long; empty if there are none."""
        return self._words.get(venue, "")

    def take(self, view: MarketView) -> None:
        """Sample a scan's view; all but one every `LOOK_MS` are skipped."""
        if view.at_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = view.at_ms
        if view.instruments is not self._instruments:
            self._know(view.instruments)
        slot = view.at_ms // SLOT_MS
        if slot != self._slot:
            self._turn(slot, view)
        place = slot % SLOTS
        values, times = _of(view)
        known = ~np.isnan(values)
        self._looks[place] += 1
        self._changed[place] += known & (values != self._values)
        self._heard[place] |= known & (times > self._times)
        self._values, self._times = values, times

    def _turn(self, slot: int, view: MarketView) -> None:
        """End the slot: judge, and begin the next."""
        if slot == self._slot + 1 and self._slot >= 0:
            self._filled = min(SLOTS, self._filled + 1)
        else:
            self._filled = 0
        if self._filled == SLOTS:
            self._judge(view, slot * SLOT_MS)
        elif not self._filled:
            self._since_ms.clear()
            self._words.clear()
        self._slot = slot
        place = slot % SLOTS
        self._changed[place], self._heard[place], self._looks[place] = 0, False, 0

    def _judge(self, view: MarketView, now_ms: int) -> None:
        """Update the frozen kinds at the end of the newest slot."""
        changed, heard = self._changed.sum(axis=0), self._heard.all(axis=0)
        moving = np.zeros(int(self._asset.max(initial=-1)) + 1, dtype=np.int64)
        np.maximum.at(moving, self._asset, changed.max(axis=0))
        fit = heard & view.rankable & (moving >= MOVES * self._looks.sum())[self._asset]
        stands = fit & (changed == 0)
        told: dict[str, list[str]] = {}
        since_ms: dict[tuple[str, str], int] = {}
        for number, kind in enumerate(KINDS):
            all_of = np.bincount(self._venue[fit[number]], minlength=len(self._venues)).tolist()
            some_of = np.bincount(self._venue[stands[number]], minlength=len(self._venues)).tolist()
            for venue, some, fitting in zip(self._venues, some_of, all_of, strict=True):
                if some < FEWEST or some < MOST * fitting:
                    continue
                since = since_ms[venue, kind] = self._since_ms.get((venue, kind), now_ms - SLOTS * SLOT_MS)
                told.setdefault(venue, []).append(
                    f"{kind} unchanged for {(now_ms - since) // SLOT_MS} min (n={some}) while their markets move"
                )
        self._since_ms = since_ms
        self._words = {venue: "; ".join(words) for venue, words in told.items()}

    def _know(self, instruments: tuple[Instrument, ...]) -> None:
        """Take new instruments. Rows are stable; new ones are at the end."""
        names = [f"{one.category} {one.asset}" for one in instruments]
        self._asset = np.unique(names, return_inverse=True)[1].astype(np.int64) if names else self._asset
        self._venues = sorted({one.venue for one in instruments})
        places = {venue: place for place, venue in enumerate(self._venues)}
        self._venue = np.array([places[one.venue] for one in instruments], dtype=np.int64)
        more = len(instruments) - self._values.shape[1]
        self._values = np.pad(self._values, ((0, 0), (0, more)), constant_values=np.nan)
        self._times = np.pad(self._times, ((0, 0), (0, more)), constant_values=-1)
        self._changed = np.pad(self._changed, ((0, 0), (0, 0), (0, more)))
        self._heard = np.pad(self._heard, ((0, 0), (0, 0), (0, more)))
        self._instruments = instruments


def _of(view: MarketView) -> tuple[Values, Ints]:
    """`[kinds, rows]` values, as one complex number if a kind has two sides, and their event times."""
    facts, books = view.derivatives, view.books
    values = np.empty((len(KINDS), view.rows), dtype=np.complex128)
    values[0] = facts.mark
    values[1] = _pair(facts.bid, facts.ask)
    values[2] = _pair(_sum(books.bid_size, books.updated_ms), _sum(books.ask_size, books.updated_ms))
    values[3] = facts.last
    return values, np.stack([facts.mark_ms, facts.quote_ms, books.updated_ms, facts.last_ms])


def _pair(one: Floats, other: Floats) -> Values:
    pair = np.empty(len(one), dtype=np.complex128)
    pair.real, pair.imag = one, other
    return pair


def _sum(sizes: Floats, updated_ms: Ints) -> Floats:
    """Total size of a side; NaN without a synced book."""
    return np.where(updated_ms >= 0, np.nansum(sizes, axis=1), np.nan)
