"""Venues of one asset compared, against a slow reading asset by asset; and what the crowd's ratio makes of it."""

from __future__ import annotations

from dataclasses import replace
from math import exp, isnan, log
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.across import Across, Voices, across
from engine.prism.asset_groups import grouped
from engine.prism.board import Reading, Status
from engine.prism.depth import measure
from engine.prism.roster import enrol
from engine.prism.sentiment import compared, sentiment
from tests.engine.prism.market_views import edited

ROWS = 24
NAN = float("nan")


@pytest.fixture
def view() -> MarketView:
    made = synthetic_view(rows=ROWS, width=120, levels=20)
    return replace(made, derivatives=replace(made.derivatives, ratios_ms=np.full((ROWS, 4), START_MS)))


def read(view: MarketView) -> Across:
    return compared(view, enrol(view.instruments))


def ratio_of(view: MarketView) -> Reading:
    return sentiment(view, enrol(view.instruments), measure(view.books))["long_short_ratio"]


def rows_of(view: MarketView, asset: str) -> list[int]:
    return [row for row, one in enumerate(view.instruments) if one.asset == asset and one.kind == "perp"]


def three(view: MarketView) -> list[int]:
    """Rows of an asset that three venues trade."""
    assets = sorted({one.asset for one in view.instruments})
    return next(rows for rows in (rows_of(view, asset) for asset in assets) if len(rows) == 3)


def ratios(view: MarketView, accounts: dict[int, float]) -> MarketView:
    held = view.derivatives.ratios.copy()
    for row, value in accounts.items():
        held[row, :3, -1] = value, NAN, NAN
    return replace(view, derivatives=replace(view.derivatives, ratios=held))


def facts(view: MarketView, rows: list[int], **values: Any) -> MarketView:
    return replace(view, derivatives=edited(view.derivatives, rows, **values))


def test_venues_are_compared_where_two_trade_the_asset(view: MarketView) -> None:
    groups = grouped(view.instruments)
    for row, one in enumerate(view.instruments):
        fellows = rows_of(view, one.asset)
        if one.kind == "perp" and len(fellows) > 1:
            held = groups.members[groups.of_row[row]].tolist()
            assert sorted(other for other in held if other >= 0) == sorted(fellows)
        else:
            assert groups.of_row[row] == -1


@given(st.lists(st.tuples(st.floats(0.01, 50.0), st.floats(0.0, 1e9)), min_size=3, max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_the_crowd_of_all_venues_equals_a_slow_reading(said: list[tuple[float, float]], data: st.DataObject) -> None:
    made = synthetic_view(rows=ROWS, width=40, levels=5)
    base = replace(made, derivatives=replace(made.derivatives, ratios_ms=np.full((ROWS, 4), START_MS)))
    rows = three(base)
    silent = data.draw(st.sets(st.sampled_from(range(3)), max_size=3))
    spoken = {row: (NAN if place in silent else said[place][0]) for place, row in enumerate(rows)}
    changed = ratios(base, spoken)
    for place, row in enumerate(rows):
        changed = facts(changed, [row], open_interest_usd=said[place][1], open_interest_ms=START_MS)
    held = read(changed).inputs["accounts"]
    heard = [said[place] for place in range(3) if place not in silent]
    assert held.voices[rows].tolist() == [len(heard)] * 3
    if not heard:
        assert np.isnan(held.combined[rows]).all()
        return
    weights = [weight for _, weight in heard] if all(weight > 0 for _, weight in heard) else [1.0] * len(heard)
    mean = exp(sum(log(value) * weight for (value, _), weight in zip(heard, weights, strict=True)) / sum(weights))
    assert held.combined[rows] == pytest.approx([mean] * 3, rel=1e-9)
    middle = median(value for value, _ in heard)
    for row in rows:
        own = spoken[row]
        apart = len(heard) >= 3 and not isnan(own) and abs(own - middle) > 0.25 * middle
        assert bool(held.marked[row]) == apart
    if len(heard) >= 2:
        assert held.median[rows] == pytest.approx([middle] * 3)


def test_amounts_are_added_up_and_nobody_is_marked_for_its_size(view: MarketView) -> None:
    rows = three(view)
    changed = facts(view, rows, open_interest_ms=START_MS)
    for place, row in enumerate(rows):
        changed = facts(changed, [row], open_interest_usd=10.0**place, volume_24h_usd=5.0 * 10.0**place)
    held = read(changed).inputs
    assert held["open_interest"].combined[rows].tolist() == [111.0] * 3
    assert held["volume_24h"].combined[rows].tolist() == [555.0] * 3
    assert not held["open_interest"].marked.any()


def test_prices_are_those_of_one_coin_whatever_the_contract(view: MarketView) -> None:
    rows = three(view)
    listed = list(view.instruments)
    listed[rows[0]] = replace(listed[rows[0]], multiplier=1000.0)
    changed = replace(view, instruments=tuple(listed))
    for row, price in zip(rows, (2_000.0, 2.0, 2.6), strict=True):
        changed = facts(changed, [row], last=price, last_ms=START_MS)
    held = read(changed).inputs["price"]
    assert held.own[rows].tolist() == [2.0, 2.0, 2.6]
    assert held.median[rows].tolist() == [2.0] * 3
    assert held.marked[rows].tolist() == [False, False, True]


def test_funding_is_compared_by_the_hour_and_next_to_nothing_is_no_disagreement(view: MarketView) -> None:
    rows = three(view)
    changed = facts(view, rows, funding_ms=START_MS)
    for row, rate, hours in zip(rows, (8e-4, 1e-4, 4e-4), (8.0, 1.0, 4.0), strict=True):
        changed = facts(changed, [row], funding_frac=rate, funding_interval_h=hours)
    held = read(changed).inputs["funding_per_hour"]
    assert held.own[rows] == pytest.approx([1e-4] * 3)
    assert not held.marked[rows].any()
    changed = facts(changed, rows, funding_interval_h=8.0)
    for row, rate in zip(rows, (1e-6, -1e-6, 5e-7), strict=True):
        changed = facts(changed, [row], funding_frac=rate)
    assert not read(changed).inputs["funding_per_hour"].marked[rows].any()


def test_two_who_differ_are_told_and_neither_is_marked(view: MarketView) -> None:
    rows = three(view)
    held = read(ratios(view, {rows[0]: 1.0, rows[1]: 9.0, rows[2]: NAN})).inputs["accounts"]
    assert held.voices[rows].tolist() == [2] * 3
    assert not held.marked[rows].any()


def test_an_old_word_is_no_word(view: MarketView) -> None:
    rows = three(view)
    times = view.derivatives.ratios_ms.copy()
    times[rows[2]] = START_MS - 31 * 60_000
    changed = ratios(view, {rows[0]: 1.0, rows[1]: 1.0, rows[2]: 9.0})
    held = read(replace(changed, derivatives=replace(changed.derivatives, ratios_ms=times))).inputs["accounts"]
    assert held.voices[rows].tolist() == [2] * 3
    assert held.combined[rows].tolist() == [1.0] * 3


def test_each_voice_is_named(view: MarketView) -> None:
    rows = three(view)
    said = read(ratios(view, dict(zip(rows, (1.0, 1.1, 4.0), strict=True))))
    names = [(voice.venue, voice.value, voice.marked) for voice in said.of(rows[0], "accounts")]
    assert names == [("binance-usdm", 1.0, False), ("bybit-linear", 1.1, False), ("okx", 4.0, True)]
    spot = next(row for row, one in enumerate(view.instruments) if one.kind == "spot")
    assert said.of(spot, "accounts") == ()


def test_a_venue_without_a_ratio_is_read_by_the_others_and_says_so(view: MarketView) -> None:
    rows = three(view)
    reading = ratio_of(ratios(view, dict(zip(rows, (NAN, 2.0, 2.0), strict=True))))
    assert reading.status[rows].tolist() == [Status.OK] * 3
    assert reading.raw[rows] == pytest.approx([2.0] * 3)
    assert reading.score[rows[0]] == reading.score[rows[1]]
    assert reading.notes[rows[0]] == "without top traders; of bybit-linear, okx"
    assert np.isnan(reading.inputs["accounts"][0][rows[0]])


def test_the_one_that_disagrees_is_marked_in_words(view: MarketView) -> None:
    rows = three(view)
    reading = ratio_of(ratios(view, dict(zip(rows, (1.0, 1.1, 4.0), strict=True))))
    assert reading.notes[rows[2]].endswith("this venue disagrees: 4 against a median of 1.1")
    assert "disagrees" not in reading.notes[rows[0]]


def test_venues_elsewhere_change_nothing_for_an_asset(view: MarketView) -> None:
    rows = three(view)
    other = [row for row in range(ROWS) if row not in rows]
    before, after = read(view), read(facts(view, other, last=7.0, funding_frac=0.01, open_interest_usd=1.0))

    def columns(held: Voices) -> list[Any]:
        return [held.own[rows], held.combined[rows], held.median[rows], held.marked[rows]]

    for name in before.inputs:
        for one, two in zip(columns(before.inputs[name]), columns(after.inputs[name]), strict=True):
            assert np.array_equal(one, two, equal_nan=one.dtype.kind == "f"), name


def test_an_empty_market_has_nothing_to_compare() -> None:
    made = synthetic_view(rows=1, width=40, levels=5)
    held = across(made, grouped(made.instruments), np.array([8.0]))
    assert all(np.isnan(said.combined).all() and not said.marked.any() for said in held.inputs.values())
