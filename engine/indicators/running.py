"""The ten classic indicators updated bar by bar: recursive state in columns over rows, windows in rings.

Held by the bar bank, one per timeframe. `seed` computes rows from their history with the array functions of
`engine.indicators`; `step` advances rows by one bar and gives the same figures to rounding. The bank decides which bars
are due; nothing here does.

A ring holds a row's last L values in any order: sums and extremes do not depend on order, and reducing over the first
axis of `[L, rows]` runs along contiguous memory. A bar's place is its number modulo L, so rows that close the same bar
write to the same place, and a seeded ring equals a stepped one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.indicators.momentum import cci_of, gains_and_losses, rsi_of, typical_price, williams_of
from engine.indicators.participation import (
    CMF_SMOOTHING_PERIOD,
    adl,
    flow_share,
    money_flow_volume,
    obv,
    smoothed_money_flow,
)
from engine.indicators.recursive import ema, wilder
from engine.indicators.volatility import adx_of, directional_index, directional_movement, movement_sums, true_range

PERIOD: Final = 14
SLOW_ATR: Final = 100
FLOW_WINDOW: Final = 20
STEP_BARS: Final = SLOW_ATR + 1
"""Bars a row must be seeded with before it can be stepped: every recursion then has its seed."""

(GAIN, LOSS, ATR, ATR_100, PLUS, MINUS, SPAN, ADX, FAST, SLOW, SIGNAL, OBV, ADL, CMF, CLOSE, HIGH, LOW) = range(17)
(RSI, MACD, WILLIAMS_R, CCI, AO, FLOW_SUM, VOLUME_SUM) = range(17, 24)
_COLUMNS: Final = 24
"""State first, then columns that are only results. ATR, ADX, OBV, ADL and CMF are both."""


class Running:
    """State of all rows of one timeframe; `read(COLUMN)` gives `[rows]` results, NaN before their window is full."""

    def __init__(self, rows: int = 0) -> None:
        self._allocate(rows)

    def _allocate(self, rows: int) -> None:
        self.rows = rows
        self._state: Floats = np.full((_COLUMNS, rows), np.nan)
        self._extremes: Floats = np.full((PERIOD, 2, rows), np.nan)
        self._sums: Floats = np.full((FLOW_WINDOW, 3, rows), np.nan)
        self._middle_5: Floats = np.full((5, rows), np.nan)
        self._middle_34: Floats = np.full((34, rows), np.nan)
        self._numbers: Ints = np.zeros(rows, dtype=np.int64)
        self._ready: Bools = np.zeros(rows, dtype=np.bool_)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows, keeping the existing ones."""
        if rows <= self.rows:
            return
        old = (self._state, self._extremes, self._sums, self._middle_5, self._middle_34, self._numbers, self._ready)
        kept = self.rows
        self._allocate(rows)
        new = (self._state, self._extremes, self._sums, self._middle_5, self._middle_34, self._numbers, self._ready)
        for target, source in zip(new, old, strict=True):
            target[..., :kept] = source

    def read(self, column: int, rows: Ints | None = None) -> Floats:
        """One column, of all rows (a view: copy it to keep it) or of some (a copy)."""
        answer: Floats = self._state[column] if rows is None else self._state[column, rows]
        return answer

    def seed(self, rows: Ints, numbers: Ints, high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
        """Compute `rows` from their bars `[len(rows), bars]`; unknown volume is NaN.

        `numbers [len(rows)]` are the numbers of the newest bars, consecutive from bar to bar (such as open time over
        interval). Returns the ATR series, `[len(rows), bars]`.
        """
        state = np.full((_COLUMNS, len(rows)), np.nan)
        gain, loss = gains_and_losses(close, PERIOD)
        ranges = true_range(high, low, close)
        sums = movement_sums(high, low, close, PERIOD)
        fast, slow = ema(close, 12, skip=14), ema(close, 26)
        signal = ema(fast - slow, 9)
        average = wilder(ranges, PERIOD)
        series = {
            GAIN: gain, LOSS: loss, ATR: average, ATR_100: wilder(ranges, SLOW_ATR),
            PLUS: sums[0], MINUS: sums[1], SPAN: sums[2], ADX: adx_of(sums, close, PERIOD),
            FAST: fast, SLOW: slow, SIGNAL: signal,
            OBV: obv(close, volume), ADL: adl(high, low, close, volume),
            CMF: smoothed_money_flow(high, low, close, volume, FLOW_WINDOW),
            CLOSE: close, HIGH: high, LOW: low, MACD: fast - slow - signal,
        }  # fmt: skip
        for column, values in series.items():
            state[column] = values[:, -1]
        price = typical_price(high, low, close)
        flow = money_flow_volume(high, low, close, volume)
        following = numbers + 1
        fill(self._extremes[:, 0], rows, following, high)
        fill(self._extremes[:, 1], rows, following, -low)
        for i, values in enumerate((price, flow, volume)):
            fill(self._sums[:, i], rows, following, values)
        fill(self._middle_5, rows, following, (high + low) / 2.0)
        fill(self._middle_34, rows, following, (high + low) / 2.0)
        self._numbers[rows] = following
        self._ready[rows] = ~np.isnan(state[ATR_100])
        self._answer(state, rows, price[:, -1])
        self._state[:, rows] = state
        return average

    def put_slow_atr(self, rows: Ints, values: Floats) -> None:
        """Let ATR100 of `rows` continue from `values [len(rows)]`."""
        self._state[ATR_100, rows] = values

    def clear(self, rows: Ints) -> None:
        """Forget rows that have no bars."""
        self._state[:, rows] = np.nan
        self._ready[rows] = False

    def step(self, rows: Ints | None, high: Floats, low: Floats, close: Floats, volume: Floats) -> None:
        """Advance `rows` (None: all) by one bar, whose columns are `[len(rows)]`.

        Raises ValueError for rows seeded with fewer than `STEP_BARS` bars.
        """
        chosen: Ints | slice = slice(None) if rows is None else rows
        if not self._ready[chosen].all():
            raise ValueError(f"rows need {STEP_BARS} bars before they can be stepped; seed them instead")
        high, low, close, volume = (np.ascontiguousarray(column) for column in (high, low, close, volume))
        state = self._state[:, chosen]
        price = typical_price(high, low, close)
        flow = money_flow_volume(high, low, close, volume)
        _recurse(state, high, low, close, volume, flow)
        numbers = self._numbers[chosen]
        middle = (high + low) / 2.0
        put(self._extremes[:, 0], rows, numbers, high)
        put(self._extremes[:, 1], rows, numbers, -low)
        for i, values in enumerate((price, flow, volume)):
            put(self._sums[:, i], rows, numbers, values)
        put(self._middle_5, rows, numbers, middle)
        put(self._middle_34, rows, numbers, middle)
        self._numbers[chosen] += 1
        self._answer(state, rows, price)
        share = flow_share(state[FLOW_SUM], state[VOLUME_SUM])
        state[CMF] += (share - state[CMF]) * (2.0 / (CMF_SMOOTHING_PERIOD + 1))
        if rows is not None:
            self._state[:, rows] = state

    def _answer(self, state: Floats, rows: Ints | None, price: Floats) -> None:
        """Fill the columns of `state` that are computed from the recursions and the rings."""
        extremes, sums = of_rows(self._extremes, rows), of_rows(self._sums, rows)
        close = state[CLOSE]
        state[RSI] = rsi_of(state[GAIN], state[LOSS], close)
        highest, lowest = extremes.max(axis=0)
        state[WILLIAMS_R] = williams_of(highest, -lowest, close)
        totals = sums.sum(axis=0)
        mean = totals[0] / FLOW_WINDOW
        deviation = np.abs(sums[:, 0] - mean).sum(axis=0) / FLOW_WINDOW
        state[CCI] = cci_of(price, mean, deviation)
        state[FLOW_SUM], state[VOLUME_SUM] = totals[1], totals[2]
        state[AO] = of_rows(self._middle_5, rows).sum(axis=0) / 5.0 - of_rows(self._middle_34, rows).sum(axis=0) / 34.0


def fill(ring: Floats, rows: Ints, following: Ints, values: Floats) -> None:
    """Write each row's newest values `[len(rows), bars]` to `ring [L, all rows]`, NaN-padded if there are fewer than L.

    `following [len(rows)]` is the number of the bar after the newest one.
    """
    length = len(ring)
    newest = values[:, -length:].T
    tail = np.full((length, len(rows)), np.nan)
    tail[length - len(newest) :] = newest
    ring[(following + np.arange(length)[:, None]) % length, rows] = tail


def put(ring: Floats, rows: Ints | None, numbers: Ints, values: Floats) -> None:
    """Write one value a row `[len(rows)]` (None: all) to `ring [L, all rows]` in place of the oldest."""
    if not len(numbers):
        return
    place = numbers % len(ring)
    if (place == place[0]).all():
        ring[place[0], slice(None) if rows is None else rows] = values
    else:
        ring[place, np.arange(ring.shape[1]) if rows is None else rows] = values


def of_rows(ring: Floats, rows: Ints | None) -> Floats:
    """The columns of some rows (a copy), or the whole ring for None."""
    return ring if rows is None else np.take(ring, rows, axis=-1)


def _recurse(state: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, flow: Floats) -> None:
    """Advance the recursive columns of `state` by one bar, all rows at once."""
    before = state[CLOSE]
    change = close - before
    span = np.maximum(high, before) - np.minimum(low, before)
    plus, minus = directional_movement(high - state[HIGH], state[LOW] - low)
    means = state[GAIN : ATR + 1]
    means *= PERIOD - 1
    means += (np.maximum(change, 0.0), np.maximum(-change, 0.0), span)
    means /= PERIOD
    state[ATR_100] = (state[ATR_100] * (SLOW_ATR - 1) + span) / SLOW_ATR
    sums = state[PLUS : SPAN + 1]
    sums -= sums / PERIOD
    sums += (plus, minus, span)
    index, defined = directional_index(sums[0], sums[1], sums[2], close)
    state[ADX] = np.where(defined, (state[ADX] * (PERIOD - 1) + index) / PERIOD, state[ADX])
    state[FAST] += (close - state[FAST]) * (2.0 / 13)
    state[SLOW] += (close - state[SLOW]) * (2.0 / 27)
    line = state[FAST] - state[SLOW]
    state[SIGNAL] += (line - state[SIGNAL]) * (2.0 / 10)
    state[MACD] = line - state[SIGNAL]
    state[OBV] += np.sign(change) * volume
    state[ADL] += flow
    state[CLOSE], state[HIGH], state[LOW] = close, high, low
