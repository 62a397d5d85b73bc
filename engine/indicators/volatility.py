"""True range, its Wilder mean, and Wilder's directional movement index.

Called by the bar bank, the structure memory and the levels' average range.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Bools, Floats
from engine.indicators.alignment import NEGLIGIBLE, first_bars, from_first, ratio, to_newest
from engine.indicators.recursive import wilder, wilder_sum
from engine.indicators.rolling import lagged


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Range of a bar including the gap from the previous close; NaN on a row's first bar (TA-Lib TRANGE)."""
    before = lagged(close, 1)
    return np.maximum(high, before) - np.minimum(low, before)


def atr(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Average true range in price units, Wilder's mean; first value on bar `period + 1` (TA-Lib ATR)."""
    return wilder(true_range(high, low, close), period)


def in_atr(values: Floats, average_range: Floats, close: Floats) -> Floats:
    """`values` (price units) in units of an average range; 0 if that range is negligible."""
    return ratio(values, average_range, average_range > NEGLIGIBLE * close)


def directional_movement(up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Plus and minus directional movement of a bar from `high - previous high` and `previous low - low`."""
    zero = np.where(np.isnan(up), np.nan, 0.0)
    return np.where((up > 0) & (up > down), up, zero), np.where((down > 0) & (down > up), down, zero)


def directional_index(plus: Floats, minus: Floats, span: Floats, close: Floats) -> tuple[Floats, Bools]:
    """DX 0..100 of smoothed movements, and whether it is defined: not without range, nor without movement.

    The smoothed true range `span` cancels in |+DI - -DI| / (+DI + -DI); it only decides whether DX exists.
    """
    total = plus + minus
    defined = (span > NEGLIGIBLE * close) & (total > NEGLIGIBLE * span)
    return ratio(100.0 * np.abs(plus - minus), total, defined), defined


def movement_sums(high: Floats, low: Floats, close: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """Wilder's smoothed sums of plus movement, minus movement and true range."""
    plus, minus = directional_movement(high - lagged(high, 1), lagged(low, 1) - low)
    rows = len(close)
    stacked = wilder_sum(np.concatenate((plus, minus, true_range(high, low, close))), period)
    return stacked[:rows], stacked[rows : 2 * rows], stacked[2 * rows :]


def adx_of(sums: tuple[Floats, Floats, Floats], close: Floats, period: int) -> Floats:
    """ADX from `movement_sums`: the mean of the first `period` DX, then Wilder's; held while DX is undefined."""
    index, defined = directional_index(*sums, close)
    first = first_bars(index)
    x, known = from_first(index, first), from_first(np.where(np.isnan(index), np.nan, defined), first)
    out = np.full_like(x, np.nan)
    if len(x) >= period:
        out[period - 1] = x[:period].sum(axis=0) / period
    for i in range(period, len(x)):
        moved = (out[i - 1] * (period - 1) + x[i]) / period
        out[i] = np.where(known[i] == 0.0, out[i - 1], moved)
    return to_newest(out, first)


def adx(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Average directional index 0..100; first value on bar `2 * period` (TA-Lib ADX, Wilder 1978)."""
    return adx_of(movement_sums(high, low, close, period), close, period)
