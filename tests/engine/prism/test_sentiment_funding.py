"""Funding as sentiment: bands of its own history, and unknown intervals."""

from __future__ import annotations

from dataclasses import replace
from math import tanh

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import Status
from engine.prism.positioning import BAND_PER_HOUR_FRAC, funding_score, own_band, settled_per_hour
from tests.engine.prism.sentiment_readings import ROWS, facts, read


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=120, levels=60)


def test_own_band_is_the_95th_percentile_by_counting() -> None:
    rng = np.random.default_rng(2)
    history = np.full((3, 96), np.nan)
    history[0] = rng.normal(0.0, 1e-4, 96)
    history[1, -20:] = rng.normal(0.0, 1e-4, 20)
    history[2, -19:] = 1e-4
    band, count = own_band(history)
    for row in (0, 1):
        sizes = [abs(x) for x in history[row].tolist() if x == x]
        least = min(s for s in sizes if sum(other <= s for other in sizes) >= 0.95 * len(sizes))
        assert band[row] == least
    assert np.isnan(band[2])
    assert count.tolist() == [96, 20, 19]


def test_funding_confirms_inside_its_band_and_opposes_beyond() -> None:
    band = np.full(7, 1e-4)
    rate = np.array([0.0, 0.5e-4, 1e-4, 2e-4, -0.5e-4, -1e-4, -2e-4])
    score = funding_score(rate, band)
    assert score[:3].round(6).tolist() == [50.0, 56.0, 50.0]
    assert score[3] == pytest.approx(50 - 50 * tanh(1.0))
    assert np.allclose(score[4:] + score[1:4], 100.0)
    fine = funding_score(np.linspace(-3e-4, 3e-4, 60001), np.full(60001, 1e-4))
    assert np.abs(np.diff(fine)).max() < 0.02  # no jump anywhere


def test_short_history_takes_the_absolute_band_and_says_so(view: MarketView) -> None:
    history = view.derivatives.funding_history.copy()
    history[0, :-7] = np.nan
    history[1] = np.nan
    short = facts(view, [0, 1], funding_frac=0.001)
    short = replace(short, derivatives=replace(short.derivatives, funding_history=history))
    reading = read(short)["funding"]
    assert reading.notes[0] == "own history too short (7/20), band of 5 bp per 8 h"
    assert reading.notes[1] == "own history too short (0/20), band of 5 bp per 8 h; without settled"
    assert reading.inputs["band"][0][0] == pytest.approx(0.0005)
    assert reading.score[1] == pytest.approx(50 - 50 * tanh(1.0))
    hourly = facts(short, [1], funding_interval_h=1.0, funding_frac=0.001 / 8)
    after = read(hourly)["funding"]
    assert after.inputs["band"][0][1] == pytest.approx(BAND_PER_HOUR_FRAC)
    assert after.score[1] == pytest.approx(reading.score[1])
    assert after.inputs["annualised"][0][1] == pytest.approx(reading.inputs["annualised"][0][1])
    assert reading.inputs["annualised"][0][1] == pytest.approx(0.001 / 8 * 24 * 365)


def test_an_unknown_interval_is_never_eight_hours(view: MarketView) -> None:
    bare = tuple(replace(one, funding_interval_h=None) for one in view.instruments)
    history = np.full_like(view.derivatives.funding_history, np.nan)
    unknown = facts(replace(view, instruments=bare), [0, 1], funding_interval_h=np.nan)
    reading = read(replace(unknown, derivatives=replace(unknown.derivatives, funding_history=history)))["funding"]
    assert reading.status[0] == Status.WARMING
    assert reading.notes[0] == "warming: own history 0/20, funding interval not known"
    assert reading.status[2] == Status.OK
    own = read(unknown)["funding"]
    assert own.status[0] == Status.OK
    assert own.inputs["interval"][0][0] == 8.0, "as its last settlements were spaced"
    once = history.copy()
    once[0, -1] = 1e-4
    single = read(replace(unknown, derivatives=replace(unknown.derivatives, funding_history=once)))
    assert single["funding"].status[0] == single["funding_volatility"].status[0] == Status.WARMING


HOUR_MS = 3_600_000


def test_a_settled_rate_has_an_age_and_is_not_scored_when_a_newer_one_was_long_due(view: MarketView) -> None:
    fresh = read(view)["funding"]
    newest_ms = view.derivatives.funding_history_ms[:, -1]
    _, _, at_ms = fresh.inputs["settled"]
    assert at_ms is not None
    assert at_ms.tolist() == newest_ms.tolist()
    times = view.derivatives.funding_history_ms.copy()
    times[0] -= newest_ms[0] - (view.at_ms - 12 * HOUR_MS)
    times[1] -= newest_ms[1] - (view.at_ms - 13 * HOUR_MS)
    held = read(replace(view, derivatives=replace(view.derivatives, funding_history_ms=times)))["funding"]
    assert held.score[0] == fresh.score[0]
    assert held.notes.get(0, "") == fresh.notes.get(0, "")
    assert held.notes[1] == "settled rate stale, 13.0 h old; without settled"
    rate, hours, band = (held.inputs[name][0][1] for name in ("predicted", "interval", "band"))
    assert held.score[1] == pytest.approx(funding_score(np.array([rate / hours]), np.array([band / hours]))[0])
    assert held.inputs["settled"][0][1] == fresh.inputs["settled"][0][1]


def test_a_settled_rate_is_divided_by_the_hours_that_it_was_paid_for() -> None:
    nan = float("nan")
    hours = [-1, 0, 8, 16, 40, 41, 42, 142]
    times = np.array([[hour * HOUR_MS + (place % 3) * 7 if hour >= 0 else -1 for place, hour in enumerate(hours)]])
    rates = np.array([[nan, 8.0, 8.0, 8.0, 1.0, 1.0, 1.0, 4.0]])
    found, present = settled_per_hour(rates, times, np.array([4.0]))
    # The first until the next; the fifth, after a hole, until the sixth; the last is alone, as the interval is now.
    assert found[0, 1:].tolist() == [1.0] * 7
    assert present.tolist() == [4.0]
    found, present = settled_per_hour(rates[:, :-1], times[:, :-1], np.array([nan]))
    assert present.tolist() == [1.0]
    assert np.isnan(settled_per_hour(rates[:, -1:], times[:, -1:], np.array([nan]))[0]).all()


@pytest.mark.parametrize(("before", "now", "rate"), [(8, 1, 2e-4), (1, 8, 1e-4), (8, 4, 5e-5), (8, 8, 1e-4)])
def test_another_interval_changes_neither_the_band_nor_the_score(
    view: MarketView, before: int, now: int, rate: float
) -> None:
    """Half the settlements at one spacing and half at another, all at 1 or 2 bp per 8 h, then the same rate."""
    rng = np.random.default_rng(1)
    an_hour = rng.choice([1e-4, 2e-4], 96) / 8.0
    lengths = np.where(np.arange(96) < 48, before, now)
    at = view.at_ms - 60_000
    times = at - np.concatenate((np.cumsum(lengths[:0:-1])[::-1], [0])) * HOUR_MS
    changed = facts(
        view,
        [0],
        funding_history=an_hour * lengths,
        funding_history_ms=times,
        funding_interval_h=float(now),
        funding_frac=rate / 8.0 * now,
    )
    plain = facts(
        view,
        [0],
        funding_history=an_hour * 8.0,
        funding_history_ms=at - np.arange(95, -1, -1) * 8 * HOUR_MS,
        funding_interval_h=8.0,
        funding_frac=rate,
    )
    one, other = read(changed), read(plain)
    for name in ("funding", "funding_volatility"):
        assert one[name].score[0] == pytest.approx(other[name].score[0], abs=1e-9), name
    assert one["funding"].inputs["band"][0][0] == pytest.approx(2e-4 / 8.0 * now)


def test_old_funding_is_stale_and_none_is_missing(view: MarketView) -> None:
    aged = facts(facts(view, [0], funding_ms=START_MS - 121_000), [1], funding_frac=np.nan, funding_ms=-1)
    reading = read(aged)["funding"]
    assert reading.status[:2].tolist() == [Status.STALE, Status.MISSING]
    assert reading.notes[0] == "funding rate 121 s old"


def test_no_settled_rate_has_no_size_and_no_deviation(view: MarketView) -> None:
    history = view.derivatives.funding_history.copy()
    history[0] = np.nan
    reading = read(replace(view, derivatives=replace(view.derivatives, funding_history=history)))["funding_volatility"]
    assert reading.status[0] == Status.MISSING
    for name in ("deviation", "mean_size", "acceleration"):
        assert np.isnan(reading.inputs[name][0][0]), name
    assert reading.inputs["settlements"][0][0] == 0


def test_restless_funding_leans_against_the_payers(view: MarketView) -> None:
    history = view.derivatives.funding_history.copy()
    history[:4] = np.nan
    history[0, -8:] = 1e-4
    history[1, -8:] = [1e-4, 3e-4, 0.5e-4, 4e-4, 1e-4, 5e-4, 1e-4, 9e-4]
    history[2, -8:] = -history[1, -8:]
    history[3, -2:] = 1e-4
    reading = read(replace(view, derivatives=replace(view.derivatives, funding_history=history)))["funding_volatility"]
    assert reading.score[0] == pytest.approx(50.0, abs=1e-6)
    assert reading.score[1] < 30.0
    assert reading.score[1] + reading.score[2] == pytest.approx(100.0)
    assert reading.raw[1] == pytest.approx(np.std(history[1, -8:]))
    assert reading.status[3] == Status.WARMING
    assert reading.notes[3] == "warming: 2/3 settlements"
