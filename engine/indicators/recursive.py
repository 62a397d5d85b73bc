"""Exponential averages: Wilder's mean, Wilder's sum and the EMA, each with TA-Lib's seed.

Called by the indicators built on them. A NaN after a row's first value ends its series: pass consecutive bars.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats
from engine.indicators.alignment import first_bars, from_first, to_newest


def wilder(values: Floats, period: int) -> Floats:
    """Wilder's smoothed mean: the mean of the first `period` values, then `(previous * (period - 1) + x) / period`.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978); seed as in TA-Lib's RSI and ATR.
    """
    first = first_bars(values)
    x = from_first(values, first)
    out = np.full_like(x, np.nan)
    if len(x) >= period:
        out[period - 1] = x[:period].sum(axis=0) / period
    for i in range(period, len(x)):
        out[i] = (out[i - 1] * (period - 1) + x[i]) / period
    return to_newest(out, first)


def wilder_sum(values: Floats, period: int) -> Floats:
    """Wilder's smoothed sum: the first `period - 1` values added up, then `previous - previous / period + x`.

    The first result is at value number `period`, as in TA-Lib's directional movement.
    """
    first = first_bars(values)
    x = from_first(values, first)
    out = np.full_like(x, np.nan)
    if len(x) >= period:
        running = x[: period - 1].sum(axis=0)
        for i in range(period - 1, len(x)):
            running = running - running / period + x[i]
            out[i] = running
    return to_newest(out, first)


def ema(values: Floats, period: int, skip: int = 0) -> Floats:
    """Exponential mean with factor `2 / (period + 1)`, seeded with the mean of its first `period` values.

    `skip` leaves out that many first values of each row: MACD starts its fast mean late so that both begin together.
    """
    first = first_bars(values)
    x = from_first(values, first)
    out = np.full_like(x, np.nan)
    start = skip + period - 1
    factor = 2.0 / (period + 1)
    if len(x) > start:
        out[start] = x[skip : start + 1].sum(axis=0) / period
    for i in range(start + 1, len(x)):
        out[i] = out[i - 1] + factor * (x[i] - out[i - 1])
    return to_newest(out, first)
