from __future__ import annotations

import numpy as np
import pytest
import talib

from engine.indicators import rolling
from tests.engine.indicators.candle_panels import walks

PANEL = walks([150, 20, 19, 1])


def test_std_and_mean_deviation_by_definition() -> None:
    std, deviation = rolling.rolling_std(PANEL.close, 20), rolling.mean_deviation(PANEL.close, 20)
    window = PANEL.close[0, 40:60]
    assert std[0, 59] == pytest.approx(window.std(), rel=1e-12)
    assert deviation[0, 59] == pytest.approx(np.abs(window - window.mean()).mean(), rel=1e-12)
    assert np.isnan(std[2]).all()
    assert np.isfinite(std[1]).sum() == 1


def test_a_passed_spike_leaves_nothing_behind() -> None:
    volume = np.full((1, 60), 0.1)
    volume[0, 10] = 1e17
    assert rolling.rolling_sum(volume, 20)[0, -1] == pytest.approx(2.0, rel=1e-14)


def test_z_of_a_ring_in_any_order_equals_the_rolling_z() -> None:
    window = PANEL.close[0, -100:]
    shuffled = np.random.default_rng(3).permutation(window)
    expected = rolling.rolling_z(PANEL.close[:1], 100)[0, -1]
    assert rolling.z_among(window[-1:], shuffled[:, None])[0] == pytest.approx(expected, rel=1e-9)


def test_z_leaves_unknown_values_out_and_is_zero_without_variation() -> None:
    history = np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1], [np.nan, np.nan]])
    z = rolling.z_among(np.array([3.0, 0.1]), history)
    assert z == pytest.approx([1.0 / np.std([1.0, 2.0, 3.0]), 0.0], rel=1e-12)


def test_trend_is_the_correlation_with_time() -> None:
    windows = PANEL.close[:1, -20:]
    expected = talib.CORREL(windows[0], np.arange(20.0), 20)[-1]
    assert rolling.newest_trend(windows)[0] == pytest.approx(expected, abs=1e-6)
    assert rolling.newest_trend(windows)[0] == pytest.approx(np.corrcoef(windows[0], np.arange(20))[0, 1], rel=1e-9)
    assert rolling.newest_trend(np.full((1, 20), 0.1))[0] == 0.0
    assert rolling.newest_trend(np.arange(20.0)[None, :])[0] == pytest.approx(1.0)
