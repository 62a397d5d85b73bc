"""Liquidations: sums by minute and row, the newest of all venues one by one, and totals over all venues.

Filled by `engine.market.state`; the scores read the minutes, the snapshot the lines and totals. If a venue publishes
only a part of its liquidations, every sum that includes some of them is a lower bound and marked as such.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.events import NAN, LiquidatedSide, Liquidation
from engine.market.grid import Grid
from engine.market.universe import Universe
from engine.market.view import Liquidations
from engine.timeframes import MINUTE_MS

MINUTES: Final = 60
HOUR_S: Final = 3600
LINES: Final = 500
WINDOWS_MS: Final = (60_000, 300_000, 3_600_000)

LONG, SHORT = range(2)


@dataclass(frozen=True, slots=True)
class LiquidationRecord:
    """One liquidation. `side` is the position that was closed; `notional_usd` is NaN if not quoted in dollars."""

    ts_ms: int
    venue: str
    symbol: str
    side: LiquidatedSide
    price: float
    size_base: float
    notional_usd: float
    sampled: bool


@dataclass(frozen=True, slots=True)
class LiquidationSums:
    """Liquidated notional of all venues over the last `window_ms` of event time, in whole seconds."""

    window_ms: int
    long_usd: float
    short_usd: float
    sampled_venues: tuple[str, ...]
    """Venues that publish only a part, sorted; if there are any, the sums are a lower bound."""


@dataclass(frozen=True, slots=True)
class LiquidationsByMinute:
    """Liquidated notional of the last 60 minutes, `[60]`; the last one is the current minute."""

    first_minute: int
    """Minutes since the epoch at column 0."""
    long_usd: Floats
    """NaN for the minutes before the first liquidation or the first confirmed feed, which are unknown, and for an
    instrument that is not quoted in dollars."""
    short_usd: Floats
    sampled_venues: tuple[str, ...]


class LiquidationStore:
    """Liquidations of all rows."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._minutes = Grid(MINUTES, MINUTES, values=2)
        self._seconds = Grid(HOUR_S, HOUR_S // 4, values=2)
        self._seconds.reserve(1, 1)
        self._lines: deque[LiquidationRecord] = deque(maxlen=LINES)
        self._since: dict[str, int] = {}
        """By venue, the time since when liquidations of all its instruments are reported."""
        self._by_symbol: set[str] = set()
        """Venues that report by instrument: a report for one instrument proves nothing about the others."""
        self._row_since: Ints = np.zeros(0, dtype=np.int64)
        """`[capacity]` time since when those of one instrument are reported; -1: not reported by instrument."""
        self._early: dict[tuple[str, str], int] = {}
        """The same for instruments that have no row yet."""
        self._taken: Ints = np.zeros(0, dtype=np.int64)
        """`[capacity]` liquidations that changed a minute."""
        self._sampled: dict[str, bool] = {}
        self._first_ms: int | None = None
        self.late = 0
        """Liquidations older than the minutes that are kept; they are among the lines only."""

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        universe = self._universe
        self._minutes.reserve(universe.rows, universe.capacity)
        if universe.capacity > len(self._row_since):
            more = np.full(universe.capacity - len(self._row_since), -1, dtype=np.int64)
            self._row_since = np.concatenate([self._row_since, more])
            self._taken = np.concatenate([self._taken, np.zeros_like(more)])
        added = universe.instruments[-1]
        self._row_since[universe.rows - 1] = self._early.pop((added.venue, added.symbol), -1)

    def apply(self, row: int, event: Liquidation) -> None:
        """Take one liquidation."""
        venue = event.venue
        if venue not in self._by_symbol:
            self._since.setdefault(venue, event.ts_ms)
        elif self._row_since[row] < 0:
            self._row_since[row] = event.ts_ms
        self._seen(event.ts_ms)
        self._sampled[venue] = self._sampled.get(venue, False) or event.sampled
        usd = event.price * event.size if self._universe.in_usd[row] else NAN
        self._lines.appendleft(
            LiquidationRecord(event.ts_ms, venue, event.symbol, event.side, event.price, event.size, usd, event.sampled)
        )
        if usd != usd:
            return
        side = LONG if event.side == "long" else SHORT
        second = self._seconds.column(event.ts_ms // 1000)
        if second >= 0:
            self._seconds.values[side, 0, second] += usd
        minute = self._minutes.column(event.ts_ms // MINUTE_MS)
        if minute < 0:
            self.late += 1
            return
        self._minutes.values[side, row, minute] += usd
        self._taken[row] += 1

    def stands(self, venue: str, symbol: str, at_ms: int) -> None:
        """The venue has confirmed its liquidation feed: of one instrument, or with "" of all.

        From here on silence means that there were none. Confirming it again without a break changes nothing.
        """
        self._seen(at_ms)
        if not symbol:
            self._since.setdefault(venue, at_ms)
            return
        if venue not in self._by_symbol:
            self._by_symbol.add(venue)
            self._since.pop(venue, None)
        row = self._universe.row(venue, symbol)
        if row is None:
            self._early.setdefault((venue, symbol), at_ms)
        elif self._row_since[row] < 0:
            self._row_since[row] = at_ms

    def fell(self, venue: str, symbols: Iterable[str]) -> None:
        """The feed of these symbols is down: liquidations may be missed until `stands` confirms it again."""
        for symbol in symbols:
            if not symbol:
                self._since.pop(venue, None)
                continue
            self._early.pop((venue, symbol), None)
            row = self._universe.row(venue, symbol)
            if row is not None:
                self._row_since[row] = -1

    def _seen(self, at_ms: int) -> None:
        if self._first_ms is None or at_ms < self._first_ms:
            self._first_ms = at_ms

    @property
    def since_ms(self) -> int | None:
        """The first liquidation or the first confirmed feed of any venue; None: nothing shows that any is reported."""
        return self._first_ms

    def lines(self) -> tuple[LiquidationRecord, ...]:
        """The last 500 of all venues, newest event time first; at equal times, the later arrival first."""
        return tuple(sorted(self._lines, key=lambda line: -line.ts_ms))

    def lines_of(self, venue: str, symbol: str) -> tuple[LiquidationRecord, ...]:
        """Those of one instrument."""
        return tuple(line for line in self.lines() if line.symbol == symbol and line.venue == venue)

    def totals(self, at_ms: int) -> tuple[LiquidationSums, ...]:
        """Sums over 1 m, 5 m and 1 h up to and including the second of `at_ms`; if its window is no longer complete, of
        the oldest second whose window is."""
        values, _ = self._seconds.window(self._seconds.whole(at_ms // 1000), 1)
        sampled = self._sampling()
        return tuple(
            LiquidationSums(
                window_ms,
                float(values[LONG, 0, -window_ms // 1000 :].sum()),
                float(values[SHORT, 0, -window_ms // 1000 :].sum()),
                sampled,
            )
            for window_ms in WINDOWS_MS
        )

    def by_minute(self, at_ms: int, row: int | None = None) -> LiquidationsByMinute:
        """Sums of each of the last 60 minutes, up to and including that of `at_ms`: of all rows, or of one. If that
        window is no longer complete, it is the oldest that is."""
        last, rows = self._minutes.whole(at_ms // MINUTE_MS), self._universe.rows
        values, _ = self._minutes.window(last, rows)
        sums = values.sum(axis=1) if row is None else values[:, row].copy()
        first = last - MINUTES + 1
        known = last + 1 if self._first_ms is None else self._first_ms // MINUTE_MS
        if row is not None and not self._universe.in_usd[row]:
            known = last + 1
        sums[:, : min(MINUTES, max(0, known - first))] = NAN
        venue = None if row is None else self._universe.instruments[row].venue
        sampled = tuple(one for one in self._sampling() if venue in (None, one))
        return LiquidationsByMinute(first, sums[LONG], sums[SHORT], sampled)

    def _sampling(self) -> tuple[str, ...]:
        """The venues that publish only a part, sorted."""
        return tuple(sorted(venue for venue, part in self._sampled.items() if part))

    def interrupted(self, venues: Iterable[str]) -> None:
        """Liquidations of these venues may have been missed: their `since_ms` starts again at the next one, or when the
        venue confirms its feed again. Feeds of single instruments are ended by `fell`."""
        for venue in venues:
            self._since.pop(venue, None)

    def view(self, at_ms: int) -> Liquidations:
        """The last 60 minutes, up to and including the minute of `at_ms`."""
        venues, of_row = self._universe.venues()
        values, _ = self._minutes.window(at_ms // MINUTE_MS, len(of_row))
        since, sampled = self._since, self._sampled
        of_venue = np.array([since.get(venue, -1) for venue in venues], dtype=np.int64)[of_row]
        alone = self._row_since[: len(of_row)]
        return Liquidations(
            long_usd=values[LONG],
            short_usd=values[SHORT],
            since_ms=np.where(alone >= 0, alone, of_venue),
            sampled=np.array([sampled.get(venue, False) for venue in venues], dtype=np.bool_)[of_row],
            # Unique while a row has fewer than 2**32 liquidations: the minute is in the upper bits.
            revision=(at_ms // MINUTE_MS << 32) + self._taken[: len(of_row)],
        )
