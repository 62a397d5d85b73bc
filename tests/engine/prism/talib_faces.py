"""Both bar faces of one instrument and one timeframe, written out plainly with TA-Lib: the oracle of the face tests."""

from __future__ import annotations

import math

import numpy as np
import talib

from engine.arrays import Floats


def _s(x: float) -> float:
    return 50.0 + 50.0 * math.tanh(x)


def _z(values: Floats) -> float:
    return float((values[-1] - values.mean()) / values.std())


def _adx(b: dict[str, Floats]) -> float:
    return float(talib.ADX(b["high"], b["low"], b["close"], 14)[-1])


def technical_scores(b: dict[str, Floats], since_anchor: int = 0) -> dict[str, float]:
    """Scores by component; components whose window is not full are left out.

    `since_anchor`: bars after the newest whose number is a multiple of 64, where ATR100 begins anew with 400 bars.
    """
    high, low, close = b["high"], b["low"], b["close"]
    n = len(close)
    scores: dict[str, float] = {}
    atr = talib.ATR(high, low, close, 14) if n > 14 else np.full(n, np.nan)
    if n >= 15:
        scores["rsi"] = float(talib.RSI(close, 14)[-1])
    if n >= 14:
        scores["williams_r"] = 100.0 + float(talib.WILLR(high, low, close, 14)[-1])
    if n >= 20:
        scores["cci"] = min(100.0, max(0.0, 50.0 + float(talib.CCI(high, low, close, 20)[-1]) / 4))
    if n >= 34:
        scores["macd"] = _s(2 * float(talib.MACD(close, 12, 26, 9)[2][-1] / atr[-1]))
    if n >= 35:
        middle = (high + low) / 2
        ao = ((talib.SMA(middle, 5) - talib.SMA(middle, 34)) / atr)[33:]
        level, change = 0.5 * _s(ao[-1]), 0.3 * _s((ao[-1] - ao[-2]) / 0.2)
        scores["ao"] = level + change + 0.2 * _s(_z(ao[-100:])) if len(ao) >= 100 else (level + change) / 0.8
    if n >= 101:
        first = n - since_anchor - 400 if n - since_anchor >= 400 else 0
        slow = talib.ATR(high[first:], low[first:], close[first:], 100)
        x = float(atr[-1] / slow[-1] - 1)
        scores["atr"] = 50 + 50 * math.tanh(2 * x) * float(np.sign(close[-1] - close[-15]))
    return scores


def volume_scores(b: dict[str, Floats]) -> dict[str, float]:
    """As `technical_scores`; components that need taker volume are left out where there is none."""
    high, low, close, volume, buy = (b[name] for name in ("high", "low", "close", "volume", "buy"))
    n = len(close)
    scores: dict[str, float] = {}
    taker = not np.isnan(buy).any()
    flow = np.diff(talib.AD(high, low, close, volume), prepend=0.0)
    if n >= 28 and taker:
        share = (2 * buy[-20:] - volume[-20:]).sum() / volume[-20:].sum()
        scores["volume_delta"] = _s(4 * share * (0.5 + 0.5 * min(1.0, _adx(b) / 25)))
    if n >= 20:
        scores["adl"] = _s(2 * flow[-20:].sum() / volume[-20:].sum())
    if n >= 22:
        cmf = np.array([flow[i - 20 : i].sum() / volume[i - 20 : i].sum() for i in range(20, n + 1)])
        scores["cmf"] = _s(4 * float(talib.EMA(cmf, 3)[-1]))
    if n >= 25:
        ratio = volume[-5:].mean() / volume[-25:-5].mean()
        scores["relative_volume"] = 50 + 50 * math.tanh(math.log2(ratio)) * float(np.sign(close[-1] - close[-6]))
    if n >= 50:
        line = talib.OBV(close, volume)
        change = (line[20:] - line[:-20])[-100:]
        scores["obv"] = 100 * 0.5 * math.erfc(-_z(change) / math.sqrt(2))
    if n >= 20 and taker:
        time = np.arange(20.0)
        cvd = np.cumsum(2 * buy[-20:] - volume[-20:])
        gap = np.corrcoef(time, cvd)[0, 1] - np.corrcoef(time, close[-20:])[0, 1]
        scores["divergence"] = _s(float(gap))
    return scores
