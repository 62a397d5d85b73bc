"""Oscillators of price: RSI, MACD, Williams %R, CCI and the Awesome Oscillator. Called by the bar bank."""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats
from engine.indicators.alignment import NEGLIGIBLE, ratio
from engine.indicators.recursive import ema, wilder
from engine.indicators.rolling import lagged, mean_deviation, rolling_max, rolling_min, sma

RSI_FLAT, WILLIAMS_FLAT, CCI_FLAT = 50.0, -50.0, 0.0
"""The middle of each scale, for windows without movement. TA-Lib gives 0 for all three, which is the most bearish value
of RSI and the most bullish of Williams %R."""


def gains_and_losses(close: Floats, period: int = 14) -> tuple[Floats, Floats]:
    """Wilder's means of the rises and of the falls of the close."""
    change = close - lagged(close, 1)
    means = wilder(np.concatenate((np.maximum(change, 0.0), np.maximum(-change, 0.0))), period)
    return means[: len(close)], means[len(close) :]


def rsi_of(gain: Floats, loss: Floats, close: Floats) -> Floats:
    """RSI 0..100 from Wilder's means; 50 if both are negligible."""
    total = gain + loss
    return ratio(100.0 * gain, total, total > NEGLIGIBLE * close, RSI_FLAT)


def rsi(close: Floats, period: int = 14) -> Floats:
    """Wilder's relative strength index, first value on bar `period + 1` (TA-Lib RSI; 50 without movement)."""
    return rsi_of(*gains_and_losses(close, period), close)


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Floats, Floats, Floats]:
    """MACD line, signal and histogram in price units, the line defined from bar `slow`, the rest `signal - 1` later.

    As in TA-Lib the fast mean is seeded with the `fast` closes that end where the slow mean begins.
    """
    line = ema(close, fast, skip=slow - fast) - ema(close, slow)
    smoothed = ema(line, signal)
    return line, smoothed, line - smoothed


def williams_of(highest: Floats, lowest: Floats, close: Floats) -> Floats:
    """Williams %R -100..0 from the window's extremes; -50 if they are equal."""
    span = highest - lowest
    return ratio(-100.0 * (highest - close), span, span > 0.0, WILLIAMS_FLAT)


def williams_r(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Williams %R, first value on bar `period` (TA-Lib WILLR; -50 without range)."""
    return williams_of(rolling_max(high, period), rolling_min(low, period), close)


def typical_price(high: Floats, low: Floats, close: Floats) -> Floats:
    """(high + low + close) / 3."""
    return (high + low + close) / 3.0


def cci_of(price: Floats, mean: Floats, deviation: Floats) -> Floats:
    """CCI from a typical price, its mean and its mean deviation; 0 if the deviation is negligible."""
    return ratio(price - mean, 0.015 * deviation, deviation > NEGLIGIBLE * mean, CCI_FLAT)


def cci(high: Floats, low: Floats, close: Floats, period: int = 20) -> Floats:
    """Commodity channel index (Lambert 1980), first value on bar `period` (TA-Lib CCI)."""
    price = typical_price(high, low, close)
    return cci_of(price, sma(price, period), mean_deviation(price, period))


def awesome_oscillator(high: Floats, low: Floats, fast: int = 5, slow: int = 34) -> Floats:
    """SMA 5 less SMA 34 of (high + low) / 2, price units, first value on bar `slow` (Bill Williams 1998)."""
    middle = (high + low) / 2.0
    return sma(middle, fast) - sma(middle, slow)
