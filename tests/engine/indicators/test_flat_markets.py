"""Windows without movement or volume are the middle of each scale, and nothing divides by zero (warnings fail)."""

from __future__ import annotations

import numpy as np

from engine.indicators import momentum, participation, volatility
from engine.indicators.normal import normal_cdf

FLAT = np.full((2, 200), 0.1)
NONE = np.zeros((2, 200))


def test_oscillators_stand_in_the_middle() -> None:
    assert momentum.rsi(FLAT)[0, -1] == 50.0
    assert momentum.williams_r(FLAT, FLAT, FLAT)[0, -1] == -50.0
    assert momentum.cci(FLAT, FLAT, FLAT)[0, -1] == 0.0
    assert volatility.adx(FLAT, FLAT, FLAT)[0, -1] == 0.0
    average = volatility.atr(FLAT, FLAT, FLAT)
    assert volatility.in_atr(momentum.awesome_oscillator(FLAT, FLAT), average, FLAT)[0, -1] == 0.0


def test_a_market_that_came_to_rest_does_not_amplify_rounding() -> None:
    rng = np.random.default_rng(5)
    close = np.concatenate((0.1 * np.exp(np.cumsum(rng.normal(0, 0.01, 100))), np.full(2_000, 0.1)))[None, :]
    average = volatility.atr(close, close, close)
    assert 0.0 < average[0, -1] < 1e-16
    assert volatility.in_atr(momentum.awesome_oscillator(close, close), average, close)[0, -1] == 0.0
    assert momentum.rsi(close)[0, -1] == 50.0


def test_without_volume_money_flow_is_zero() -> None:
    assert participation.chaikin_money_flow(FLAT * 2, FLAT, FLAT, NONE)[0, -1] == 0.0
    assert participation.adl(FLAT, FLAT, FLAT, NONE + 5.0)[0, -1] == 0.0


def test_normal_distribution_against_the_error_function() -> None:
    import math

    z = np.linspace(-9.0, 9.0, 3_601)
    expected = [0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z]
    np.testing.assert_allclose(normal_cdf(z), expected, rtol=0, atol=2e-12)
    assert normal_cdf(np.zeros(1))[0] == 0.5
