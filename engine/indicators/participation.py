"""Volume indicators: accumulation/distribution, Chaikin money flow, on-balance volume and cumulative volume delta.

Cumulative lines start at each row's first bar, so only their changes are meaningful.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats
from engine.indicators.alignment import ratio
from engine.indicators.recursive import ema
from engine.indicators.rolling import lagged, rolling_sum


def _accumulated(values: Floats) -> Floats:
    """Running total from each row's first value, NaN before it."""
    before = np.logical_and.accumulate(np.isnan(values), axis=1)
    return np.where(before, np.nan, np.cumsum(np.where(before, 0.0, values), axis=1))


def money_flow_volume(high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Volume times ((close - low) - (high - close)) / (high - low); 0 for a bar without range."""
    span = high - low
    return ratio((close - low) - (high - close), span, span > 0.0) * volume


def adl(high: Floats, low: Floats, close: Floats, volume: Floats) -> Floats:
    """Accumulation/distribution line in volume units, from the first bar on (TA-Lib AD)."""
    return _accumulated(money_flow_volume(high, low, close, volume))


def flow_share(flow: Floats, volume: Floats) -> Floats:
    """A signed flow as a share of the volume it is part of; 0 if nothing traded."""
    return ratio(flow, volume, volume > 0.0)


def chaikin_money_flow(high: Floats, low: Floats, close: Floats, volume: Floats, period: int = 20) -> Floats:
    """Money flow volume over volume of the last `period` bars, -1..1 (Marc Chaikin); 0 if nothing traded."""
    flow = rolling_sum(money_flow_volume(high, low, close, volume), period)
    return flow_share(flow, rolling_sum(volume, period))


CMF_SMOOTHING_PERIOD = 3
"""The EMA whose factor 2 / (3 + 1) is 0.5."""


def smoothed_money_flow(high: Floats, low: Floats, close: Floats, volume: Floats, period: int = 20) -> Floats:
    """Chaikin money flow smoothed by an EMA of factor 0.5, first value on bar `period + 2`."""
    return ema(chaikin_money_flow(high, low, close, volume, period), CMF_SMOOTHING_PERIOD)


def signed_volume(close: Floats, volume: Floats) -> Floats:
    """Volume with the sign of the close's change; NaN on a row's first bar."""
    return np.sign(close - lagged(close, 1)) * volume


def obv(close: Floats, volume: Floats) -> Floats:
    """On-balance volume; the first bar counts in full (TA-Lib OBV)."""
    start = np.isnan(lagged(close, 1)) & ~np.isnan(close)
    return _accumulated(np.where(start, volume, signed_volume(close, volume)))


def cvd(buy: Floats, volume: Floats) -> Floats:
    """Cumulative volume delta: taker buys less taker sells; sells are the rest of the volume."""
    return _accumulated(2.0 * buy - volume)
