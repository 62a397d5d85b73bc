"""Every indicator against TA-Lib: the same first value and the same series to 1e-9."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from engine.arrays import Floats
from engine.indicators import momentum, participation, recursive, rolling, volatility
from tests.engine.indicators.candle_panels import Panel, recorded_panels, walks

Bars = dict[str, Floats]


def _ao(b: Bars) -> Floats:
    middle = talib.MEDPRICE(b["high"], b["low"])
    return np.asarray(talib.SMA(middle, 5) - talib.SMA(middle, 34))


def _cmf(b: Bars) -> Floats:
    line = talib.AD(b["high"], b["low"], b["close"], b["volume"])
    flow = np.diff(line, prepend=0.0)
    return np.asarray(talib.SUM(flow, 20) / talib.SUM(b["volume"], 20))


CASES: dict[str, tuple[Callable[[Panel], Floats], Callable[[Bars], Floats], str]] = {
    "rsi": (lambda p: momentum.rsi(p.close), lambda b: talib.RSI(b["close"], 14), "index"),
    "rsi 5": (lambda p: momentum.rsi(p.close, 5), lambda b: talib.RSI(b["close"], 5), "index"),
    "sma": (lambda p: rolling.sma(p.close, 20), lambda b: talib.SMA(b["close"], 20), "price"),
    "ema": (lambda p: recursive.ema(p.close, 21), lambda b: talib.EMA(b["close"], 21), "price"),
    "true range": (
        lambda p: volatility.true_range(p.high, p.low, p.close),
        lambda b: talib.TRANGE(b["high"], b["low"], b["close"]),
        "price",
    ),
    "atr": (
        lambda p: volatility.atr(p.high, p.low, p.close),
        lambda b: talib.ATR(b["high"], b["low"], b["close"], 14),
        "price",
    ),
    "atr 100": (
        lambda p: volatility.atr(p.high, p.low, p.close, 100),
        lambda b: talib.ATR(b["high"], b["low"], b["close"], 100),
        "price",
    ),
    "adx": (
        lambda p: volatility.adx(p.high, p.low, p.close),
        lambda b: talib.ADX(b["high"], b["low"], b["close"], 14),
        "index",
    ),
    "macd": (lambda p: momentum.macd(p.close)[0], lambda b: talib.MACD(b["close"], 12, 26, 9)[0], "price"),
    "macd signal": (lambda p: momentum.macd(p.close)[1], lambda b: talib.MACD(b["close"], 12, 26, 9)[1], "price"),
    "macd histogram": (lambda p: momentum.macd(p.close)[2], lambda b: talib.MACD(b["close"], 12, 26, 9)[2], "price"),
    "williams_r": (
        lambda p: momentum.williams_r(p.high, p.low, p.close),
        lambda b: talib.WILLR(b["high"], b["low"], b["close"], 14),
        "index",
    ),
    "cci": (
        lambda p: momentum.cci(p.high, p.low, p.close),
        lambda b: talib.CCI(b["high"], b["low"], b["close"], 20),
        "index",
    ),
    "ao": (lambda p: momentum.awesome_oscillator(p.high, p.low), _ao, "price"),
    "adl": (
        lambda p: participation.adl(p.high, p.low, p.close, p.volume),
        lambda b: talib.AD(b["high"], b["low"], b["close"], b["volume"]),
        "volume",
    ),
    "obv": (
        lambda p: participation.obv(p.close, p.volume),
        lambda b: talib.OBV(b["close"], b["volume"]),
        "volume",
    ),
    "cmf": (lambda p: participation.chaikin_money_flow(p.high, p.low, p.close, p.volume), _cmf, "index"),
    "smoothed cmf": (
        lambda p: participation.smoothed_money_flow(p.high, p.low, p.close, p.volume),
        lambda b: talib.EMA(_cmf(b), 3),
        "index",
    ),
    "max": (lambda p: rolling.rolling_max(p.high, 14), lambda b: talib.MAX(b["high"], 14), "price"),
    "min": (lambda p: rolling.rolling_min(p.low, 14), lambda b: talib.MIN(b["low"], 14), "price"),
}


def _compare(panel: Panel, name: str) -> None:
    ours, theirs, scale = CASES[name]
    series = ours(panel)
    for row, bars in enumerate(panel.count):
        padding, mine = np.split(series[row], [series.shape[1] - bars])
        assert np.isnan(padding).all()
        alone = panel.row(row)
        expected = theirs(alone)
        if name == "macd":
            # TA-Lib withholds the line until the signal exists; ours begins at once.
            mine = np.where(np.isnan(expected), np.nan, mine)
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(expected), err_msg=f"{name}: first value of row {row}")
        unit = {"index": 1.0, "price": float(np.mean(alone["close"])), "volume": float(np.sum(alone["volume"]))}[scale]
        np.testing.assert_allclose(mine / unit, expected / unit, rtol=1e-9, atol=1e-9, err_msg=f"{name}, row {row}")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walks_of_different_lengths(name: str, seed: int) -> None:
    _compare(walks([400, 1, 13, 14, 15, 27, 28, 33, 34, 35, 100, 101, 102, 233], seed), name)


@pytest.mark.recorded
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("timeframe", ["5m", "15m", "4h"])
def test_recorded_candles(name: str, timeframe: str) -> None:
    _compare(recorded_panels()[timeframe], name)


@pytest.mark.parametrize("name", CASES)
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    panel = walks([120, 300, 45])
    mixed = CASES[name][0](panel)
    order = [2, 0, 1]
    turned = Panel(*(getattr(panel, field)[order] for field in Panel.__dataclass_fields__))
    np.testing.assert_array_equal(CASES[name][0](turned), mixed[order])


def test_macd_line_begins_with_the_slow_mean() -> None:
    line, signal, histogram = momentum.macd(walks([60]).close)
    assert [int(np.isnan(x).sum()) for x in (line, signal, histogram)] == [25, 33, 33]
