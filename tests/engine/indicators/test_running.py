"""Stepping a row bar by bar gives what the panel functions give for its whole history."""

from __future__ import annotations

import numpy as np
import pytest

from engine.arrays import Floats
from engine.indicators import momentum, participation, running, volatility
from engine.indicators.running import STEP_BARS, Running
from tests.engine.indicators.candle_panels import Panel, walks

START = 140


def _expected(panel: Panel, bars: int) -> dict[int, Floats]:
    high, low, close, volume = (x[:, :bars] for x in (panel.high, panel.low, panel.close, panel.volume))
    series = {
        running.RSI: momentum.rsi(close),
        running.MACD: momentum.macd(close)[2],
        running.ATR: volatility.atr(high, low, close),
        running.ATR_100: volatility.atr(high, low, close, 100),
        running.ADX: volatility.adx(high, low, close),
        running.CCI: momentum.cci(high, low, close),
        running.WILLIAMS_R: momentum.williams_r(high, low, close),
        running.AO: momentum.awesome_oscillator(high, low),
        running.OBV: participation.obv(close, volume),
        running.CMF: participation.smoothed_money_flow(high, low, close, volume),
        running.ADL: participation.adl(high, low, close, volume),
    }
    return {column: values[:, -1] for column, values in series.items()}


def _seeded(panel: Panel, rows: int, bars: int = START) -> Running:
    state = Running(rows)
    columns = (x[:, :bars] for x in (panel.high, panel.low, panel.close, panel.volume))
    state.seed(np.arange(rows), 1_000 + 7 * np.arange(rows), *columns)
    return state


def _check(state: Running, panel: Panel, bars: int, rows: slice = slice(None)) -> None:
    for column, expected in _expected(panel, bars).items():
        scale = np.maximum(np.abs(expected), 1e-3 * panel.close[:, 0])
        np.testing.assert_allclose((state.read(column) / scale)[rows], (expected / scale)[rows], rtol=0, atol=1e-9)


def test_all_rows_step_together() -> None:
    panel = walks([300] * 7)
    state = _seeded(panel, 7)
    for bar in range(START, 300):
        state.step(None, *(x[:, bar] for x in (panel.high, panel.low, panel.close, panel.volume)))
        _check(state, panel, bar + 1)


def test_rows_step_at_their_own_pace() -> None:
    panel = walks([300] * 5, seed=2)
    state = _seeded(panel, 5)
    rng = np.random.default_rng(1)
    at = np.full(5, START)
    for _ in range(200):
        rows = np.flatnonzero((rng.random(5) < 0.6) & (at < 299))
        state.step(rows, *(x[rows, at[rows]] for x in (panel.high, panel.low, panel.close, panel.volume)))
        at[rows] += 1
    for row in range(5):
        _check(state, panel, int(at[row]), slice(row, row + 1))


def test_growing_keeps_what_is_there() -> None:
    panel = walks([200] * 3)
    state = _seeded(panel, 3)
    state.grow(6)
    rsi = state.read(running.RSI)
    np.testing.assert_array_equal(rsi[:3], _seeded(panel, 3).read(running.RSI))
    assert np.isnan(rsi[3:]).all()


def test_a_young_row_cannot_be_stepped() -> None:
    panel = walks([STEP_BARS + 5])
    state = _seeded(panel, 1, STEP_BARS - 1)
    with pytest.raises(ValueError, match="seed them instead"):
        state.step(None, *(x[:, -1] for x in (panel.high, panel.low, panel.close, panel.volume)))
    _seeded(panel, 1, STEP_BARS).step(None, *(x[:, -1] for x in (panel.high, panel.low, panel.close, panel.volume)))
