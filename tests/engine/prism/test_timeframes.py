from __future__ import annotations

import numpy as np
import pytest

from engine.prism.timeframes import blend, divergence, is_stale

NAN = float("nan")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([60.0, 70.0, 80.0], 0.25 * 60 + 0.35 * 70 + 0.40 * 80),
        ([60.0, 70.0, NAN], (0.25 * 60 + 0.35 * 70) / 0.60),
        ([NAN, NAN, 12.0], 12.0),
        ([60.0, NAN, NAN], 60.0),
        ([0.0, 0.0, 0.0], 0.0),
    ],
)
def test_weighted_mean_over_the_timeframes_that_count(scores: list[float], expected: float) -> None:
    assert blend(np.array([scores]))[0] == pytest.approx(expected, rel=1e-12)


def test_no_timeframe_is_no_score() -> None:
    assert np.isnan(blend(np.full((1, 3), np.nan))[0])


@pytest.mark.parametrize(
    ("low", "high", "adx", "expected"),
    [
        (40.0, 70.0, 25.0, 6.0),  # conflict: 0.2 * 30
        (40.0, 70.0, 12.5, 3.0),  # half a trend
        (40.0, 70.0, 60.0, 6.0),  # more than a strong trend counts no more
        (70.0, 40.0, 25.0, -6.0),
        (0.0, 100.0, 25.0, 10.0),  # clipped
        (100.0, 0.0, 25.0, -10.0),
        (45.0, 55.0, 25.0, 2.0),  # exactly 5 points away counts
        (45.1, 55.0, 25.0, 0.0),
        (45.0, 54.9, 25.0, 0.0),
        (40.0, 70.0, 0.0, 0.0),
        (40.0, 70.0, NAN, 0.0),  # the strength of the trend is not known
        (60.0, 80.0, 25.0, 1.0),  # agreement: 0.1 * the nearer one's distance
        (60.0, 80.0, NAN, 1.0),
        (20.0, 30.0, 25.0, -2.0),
        (100.0, 100.0, 25.0, 5.0),
        (0.0, 0.0, 0.0, -5.0),
        (55.0, 55.0, 0.0, 0.5),
        (54.9, 90.0, 25.0, 0.0),
        (50.0, 50.0, 25.0, 0.0),
        (NAN, 90.0, 25.0, 0.0),
        (90.0, NAN, 25.0, 0.0),
    ],
)
def test_divergence(low: float, high: float, adx: float, expected: float) -> None:
    # The middle timeframe takes no part, not even while it is warming.
    for middle in (NAN, 3.0):
        scores = np.array([[low, middle, high]])
        assert divergence(scores, np.array([adx]))[0] == pytest.approx(expected, abs=1e-12)


def test_staleness_begins_two_intervals_after_the_close() -> None:
    newest = np.array([0, -1])
    closed = 300_000
    assert is_stale(closed + 600_000, newest, 300_000).tolist() == [False, False]
    assert is_stale(closed + 600_001, newest, 300_000).tolist() == [True, False]
