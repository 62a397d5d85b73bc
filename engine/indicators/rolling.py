"""Statistics over the last `window` bars of each row. NaN anywhere in a window makes its result NaN.

Every window is summed from scratch instead of adding the newest and subtracting the oldest value: a volume spike that
passed through would otherwise leave its rounding error behind for good.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats
from engine.indicators.alignment import NEGLIGIBLE, ratio


def lagged(values: Floats, bars: int) -> Floats:
    """Each row's value `bars` bars earlier."""
    out = np.full_like(values, np.nan)
    if bars < values.shape[1]:
        out[:, bars:] = values[:, : values.shape[1] - bars]
    return out


def _folded(values: Floats, window: int, fold: np.ufunc) -> Floats:
    """`fold` over every window, the newest value first."""
    out = np.full_like(values, np.nan)
    bars = values.shape[1]
    if bars < window:
        return out
    inner = values[:, window - 1 :].copy()
    for back in range(1, window):
        fold(inner, values[:, window - 1 - back : bars - back], out=inner)
    out[:, window - 1 :] = inner
    return out


def rolling_sum(values: Floats, window: int) -> Floats:
    """Sum of the last `window` values."""
    return _folded(values, window, np.add)


def sma(values: Floats, window: int) -> Floats:
    """Simple moving average."""
    return rolling_sum(values, window) / window


def rolling_max(values: Floats, window: int) -> Floats:
    """Highest of the last `window` values."""
    return _folded(values, window, np.maximum)


def rolling_min(values: Floats, window: int) -> Floats:
    """Lowest of the last `window` values."""
    return _folded(values, window, np.minimum)


def mean_deviation(values: Floats, window: int) -> Floats:
    """Mean absolute distance of the last `window` values from their own mean."""
    mean = sma(values, window)
    total = np.zeros_like(values)
    for back in range(window):
        total += np.abs(lagged(values, back) - mean)
    return total / window


def rolling_std(values: Floats, window: int) -> Floats:
    """Population standard deviation of the last `window` values, about their own mean."""
    mean = sma(values, window)
    total = np.zeros_like(values)
    for back in range(window):
        total += np.square(lagged(values, back) - mean)
    return np.sqrt(total / window)


def rolling_z(values: Floats, window: int) -> Floats:
    """Distance of the newest value from the window's mean in standard deviations; 0 in a window without variation."""
    mean, deviation = sma(values, window), rolling_std(values, window)
    return ratio(values - mean, deviation, deviation > NEGLIGIBLE * np.abs(mean))


def z_among(value: Floats, history: Floats) -> Floats:
    """`[rows]` z of `value` among `[n, rows]` values of any order, itself included and NaN left out; 0 if all equal.

    The same as `rolling_z` if no value is NaN; NaN if `value` is NaN.
    """
    total = history.sum(axis=0)
    if np.isnan(total).any():
        known = ~np.isnan(history)
        n = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, history, 0.0).sum(axis=0) / n
        centred = np.where(known, history - mean, 0.0)
    else:
        n = np.full(len(value), len(history))
        mean = total / n
        centred = history - mean
    deviation = np.sqrt(np.einsum("ij,ij->j", centred, centred) / n)
    return ratio(value - mean, deviation, deviation > NEGLIGIBLE * np.abs(mean))


def newest_trend(windows: Floats) -> Floats:
    """`[rows]` slope of each row of `[rows, window]` against time, both in standard deviations: -1..1.

    That is the least-squares slope times std(time) / std(value), which is their correlation (TA-Lib CORREL with the
    bar number): free of scale and of origin, so slopes of a price and of a volume can be compared. 0 if flat.
    """
    time = np.arange(windows.shape[1]) - (windows.shape[1] - 1) / 2
    # Relative to the first value, a window without movement is exactly 0 and leaves no rounding error to divide by.
    moved = windows - windows[:, :1]
    scale = np.abs(moved).max(axis=1)
    moved = moved - (moved.sum(axis=1) / windows.shape[1])[:, None]
    spread = np.sqrt(np.square(moved).sum(axis=1) * float(time @ time))
    return np.clip(ratio((moved * time).sum(axis=1), spread, spread > NEGLIGIBLE * scale), -1.0, 1.0)
