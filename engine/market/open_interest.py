"""Open interest of all rows: the newest figure, and its value at the end of each 15m slot.

Used by `engine.market.derivatives`. A slot takes the readings after its start up to and including its end, so a reading
stamped exactly on a boundary is the value at the end of the slot before it. Slots without a reading are NaN, never
filled with the previous value: the columns are a regular grid in time, the same for all rows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.events import NAN, OpenInterest
from engine.market.candles import CandleStore
from engine.market.grid import Grid
from engine.market.universe import Universe
from engine.timeframes import INTERVAL_MS, MINUTE_MS

SLOTS: Final = 96
SLOT_MS: Final = INTERVAL_MS["15m"]
SLACK: Final = 32
HOUR_SLOTS: Final = 4
LEAD_MS: Final = (SLACK - 1) * SLOT_MS
"""Slots are read at most this far ahead of the newest event: less than the axis keeps free, so that a leap of the
receive clock drops none of them."""

USD, BASE, PRICE, STAMP = range(4)


class OpenInterestColumns(NamedTuple):
    """The open interest of a view; fields as in `Derivatives`."""

    usd: Floats
    ms: Ints
    history_usd: Floats
    history_close: Floats
    change_1h_frac: Floats


class OpenInterestStore:
    """The newest reading by row, and the last of each slot."""

    def __init__(self, universe: Universe, candles: CandleStore) -> None:
        self._universe = universe
        self._candles = candles
        self._grid = Grid(SLOTS, SLACK, values=4, fill=np.nan)
        self._usd: list[float] = []
        self._base: list[float] = []
        self._ms: list[int] = []
        self._readings = 0
        """Readings taken so far."""
        self._held: tuple[tuple[int, int, int, bytes], tuple[Floats, Floats, Floats]] | None = None
        """The key and the result of the last call of `_slots`."""

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        self._grid.reserve(self._universe.rows, self._universe.capacity)
        self._usd.append(NAN)
        self._base.append(NAN)
        self._ms.append(-1)

    def apply(self, row: int, event: OpenInterest, mark: float, mark_ms: int, last: float, last_ms: int) -> None:
        """Take a reading; `mark` values a base figure, `last` is kept with the slot.

        Prices are used only if they are of that time: a reading of the past gets its price from the bars.
        """
        self._readings += 1
        in_usd = self._universe.in_usd[row]
        usd = event.usd if in_usd else NAN
        if event.ts_ms >= self._ms[row]:
            self._ms[row] = event.ts_ms
            self._usd[row] = usd
            self._base[row] = event.base
        column = self._grid.column((event.ts_ms - 1) // SLOT_MS)
        if column < 0:
            return
        cell = self._grid.values[:, row, column]
        if event.ts_ms < cell[STAMP]:
            return
        if usd != usd and in_usd and _of_that_time(mark_ms, event.ts_ms):
            usd = event.base * mark
        cell[:] = (usd, event.base, last if _of_that_time(last_ms, event.ts_ms) else NAN, event.ts_ms)

    def view(self, at_ms: int, newest_ms: int, price: Floats) -> OpenInterestColumns:
        """Columns at `at_ms`; `newest_ms` is the time of the newest event; `price` values base figures now. Slots in
        dollars: as the venue states them, else base at the mark of that moment, else base at the close of the slot's
        15m bar. Closes are the bars', or the last price kept with the reading until the slot's bar arrives. The change
        is the last closed slot over the one an hour before, less 1."""
        in_usd = np.array(self._universe.in_usd, dtype=np.bool_)
        history, close, change = self._slots(min(at_ms, newest_ms + LEAD_MS) // SLOT_MS - 1, in_usd)
        stated = np.array(self._usd, dtype=np.float64)
        now = np.where(in_usd, np.array(self._base, dtype=np.float64) * price, np.nan)
        return OpenInterestColumns(
            usd=np.where(np.isnan(stated), now, stated),
            ms=np.array(self._ms, dtype=np.int64),
            history_usd=history,
            history_close=close,
            change_1h_frac=change,
        )

    def _slots(self, last_slot: int, in_usd: Bools) -> tuple[Floats, Floats, Floats]:
        """Dollars and closes of the slots up to `last_slot`, `[rows, SLOTS]`, and the change over the last hour.

        Recomputed only after a slot ended, a reading or a 15m bar arrived, or a row's currency changed.
        """
        values, _ = self._grid.window(last_slot, len(in_usd))
        key = (last_slot, self._readings, self._candles.frames["15m"].version, in_usd.tobytes())
        if self._held is None or self._held[0] != key:
            opened = np.arange(last_slot - SLOTS + 1, last_slot + 1, dtype=np.int64) * SLOT_MS
            closes = self._candles.closes_at("15m", opened)
            close = np.where(np.isnan(closes), values[PRICE], closes)
            valued = np.where(in_usd[:, None], values[BASE] * close, np.nan)
            history = np.where(np.isnan(values[USD]), valued, values[USD])
            with np.errstate(invalid="ignore", divide="ignore"):
                change = history[:, -1] / history[:, -1 - HOUR_SLOTS] - 1.0
            # The same arrays are returned until something changes, so that users can cache figures by array identity.
            history.flags.writeable = close.flags.writeable = False
            self._held = key, (history, close, np.where(np.isfinite(change), change, np.nan))
        return self._held[1]


def _of_that_time(price_ms: int, ts_ms: int) -> bool:
    """Whether a price stamped `price_ms` is of the time `ts_ms`: at most one slot older or a minute newer."""
    return ts_ms - SLOT_MS <= price_ms <= ts_ms + MINUTE_MS
