from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.market.view import Bars, MarketView
from engine.prism.bar_bank import BarBank
from engine.prism.board import COMPONENTS, Reading, Status
from engine.prism.technical import MIN_BARS, technical
from engine.prism.timeframes import blend
from engine.timeframes import INTERVAL_MS, SCORED
from tests.engine.indicators.candle_panels import walks
from tests.engine.prism.bar_streams import altered, cut, market, of_rows, recorded_bars, walk_bars
from tests.engine.prism.talib_faces import technical_scores


def _read(view: MarketView) -> dict[str, Reading]:
    bank = BarBank()
    bank.advance(view)
    return technical(view, bank)


def _row(bars: Bars, row: int) -> dict[str, np.ndarray]:
    count = int(bars.count[row])
    names = {"high": "high", "low": "low", "close": "close", "volume": "volume_usd", "buy": "buy_usd"}
    return {name: np.ascontiguousarray(getattr(bars, column)[row, -count:]) for name, column in names.items()}


LENGTHS = [300, 133, 132, 101, 100, 60, 35, 34, 33, 20, 19, 15, 14, 13, 1]


def test_all_components_are_read() -> None:
    readings = _read(market(walk_bars({name: [300] for name in SCORED})))
    assert list(readings) == list(COMPONENTS["technical"])
    assert all(reading.status.tolist() == [Status.OK] for reading in readings.values())


def test_every_score_is_the_formula_over_talib() -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    readings = _read(market(bars))
    for i, name in enumerate(SCORED):
        for row, length in enumerate(LENGTHS):
            expected = technical_scores(_row(bars[name], row))
            for component, reading in readings.items():
                assert reading.timeframes is not None
                score = reading.timeframes[row, i]
                assert np.isnan(score) == (component not in expected) == (length < MIN_BARS[component])
                if component in expected:
                    assert score == pytest.approx(expected[component], abs=1e-8), (component, name, length)


@pytest.mark.recorded
def test_recorded_candles_score_as_the_formulas_say() -> None:
    bars = recorded_bars()
    # The recorded 15m and 4h bars end three days before the 5m frames do.
    readings = _read(market(bars, at_ms=int(bars["4h"].open_ms.max()) + INTERVAL_MS["4h"]))
    for row in range(30):
        for i, name in enumerate(SCORED):
            since = int(bars[name].open_ms[row, -1] // INTERVAL_MS[name] % 64)
            expected = technical_scores(_row(bars[name], row), since)
            for component, score in expected.items():
                frames = readings[component].timeframes
                assert frames is not None
                assert frames[row, i] == pytest.approx(score, abs=1e-8), (component, name, row)


def test_the_component_is_the_weighted_mean_and_divergence_stands_beside_it() -> None:
    readings = _read(market(walk_bars({name: [300] * 40 for name in SCORED}, seed=4)))
    moved = 0
    for reading in readings.values():
        assert reading.timeframes is not None
        assert reading.divergence is not None
        np.testing.assert_array_equal(reading.score, blend(reading.timeframes))
        moved += int(np.count_nonzero(reading.divergence))
    assert moved > 40


def test_a_young_symbol_scores_from_its_finest_bars_and_says_so() -> None:
    readings = _read(market(walk_bars({"5m": [60], "15m": [14], "4h": [0]})))
    rsi, ao, atr = readings["rsi"], readings["ao"], readings["atr"]
    assert rsi.status[0] == Status.OK
    assert rsi.notes[0] == "15m warming: 14/15 bars; 4h warming: 0/15 bars; reading from 5m"
    assert rsi.timeframes is not None
    assert rsi.score[0] == rsi.raw[0] == rsi.timeframes[0, 0]
    assert ao.notes[0].startswith("5m without z: 27/100 values; 15m warming: 14/35 bars")
    assert atr.status[0] == Status.WARMING
    assert atr.notes[0] == "5m warming: 60/101 bars; 15m warming: 14/101 bars; 4h warming: 0/101 bars"
    assert np.isnan(atr.score[0])
    assert np.isnan(atr.raw[0])


def test_no_candles_at_all_is_warming() -> None:
    readings = _read(market({**walk_bars({"5m": [0, 50], "15m": [0, 50], "4h": [0, 50]})}))
    assert readings["rsi"].notes[0] == "5m warming: 0/15 bars; 15m warming: 0/15 bars; 4h warming: 0/15 bars"
    assert {int(reading.status[0]) for reading in readings.values()} == {Status.WARMING}


def test_a_conflict_without_adx_is_left_out_and_named() -> None:
    bars = walk_bars({"5m": [200] * 60, "15m": [200] * 60, "4h": [20] * 60})
    rsi = _read(market(bars))["rsi"]
    named = [row for row, note in rsi.notes.items() if "no divergence: ADX14 of 4h warming: 20/28 bars" in note]
    assert named
    assert rsi.divergence is not None
    assert (rsi.divergence[named] == 0).all()


def test_the_reading_is_the_middle_timeframe() -> None:
    readings = _read(market(walk_bars({name: [300] for name in SCORED})))
    assert readings["rsi"].raw[0] == readings["rsi"].inputs["rsi 15m"][0][0]
    assert readings["rsi"].unit == "index, 14 x 15m"
    assert readings["rsi"].notes == {}


def test_a_reading_of_another_timeframe_says_of_which() -> None:
    readings = _read(market(walk_bars({"5m": [300, 300, 9, 9], "15m": [300, 9, 9, 9], "4h": [300, 300, 300, 9]})))
    rsi = readings["rsi"]
    assert dict(rsi.other_units) == {1: "index, 14 x 5m", 2: "index, 14 x 4h"}
    assert rsi.raw[1] == rsi.inputs["rsi 5m"][0][1]
    assert rsi.raw[2] == rsi.inputs["rsi 4h"][0][2]


def test_inputs_carry_value_unit_and_close_time() -> None:
    bars = walk_bars({"5m": [300], "15m": [300], "4h": [0]})
    inputs = _read(market(bars))["macd"].inputs
    value, unit, at_ms = inputs["macd 5m"]
    assert np.isfinite(value[0])
    assert unit == "ATR14, 12/26/9 bars"
    assert at_ms is not None
    assert at_ms[0] == bars["5m"].open_ms[0, -1] + INTERVAL_MS["5m"]
    empty = inputs["adx 4h"]
    assert np.isnan(empty[0][0])
    assert empty[2] is not None
    assert empty[2][0] == -1


def test_a_stale_timeframe_steps_aside_and_all_stale_is_stale() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    close = int(bars["5m"].open_ms[0, -1]) + INTERVAL_MS["5m"]
    bank = BarBank()
    view = market(bars, at_ms=close + 2 * INTERVAL_MS["5m"])
    bank.advance(view)
    assert technical(view, bank)["rsi"].notes == {}
    late = replace(view, at_ms=view.at_ms + 1)
    rsi = technical(late, bank)["rsi"]
    assert rsi.status[0] == Status.OK
    assert rsi.notes[0] == "5m stale: its newest bar closed more than 10 min ago"
    assert rsi.timeframes is not None
    assert np.isnan(rsi.timeframes[0, 0])
    assert rsi.divergence is not None
    assert rsi.divergence[0] == 0.0
    dead = technical(replace(view, at_ms=close + 9 * 3_600_000), bank)
    assert {int(reading.status[0]) for reading in dead.values()} == {Status.STALE}
    assert np.isnan(dead["rsi"].score[0])
    assert "4h stale: its newest bar closed more than 480 min ago" in dead["rsi"].notes[0]


def test_flat_prices_hold_no_information() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    flat = {name: altered(one, **dict.fromkeys(("open", "high", "low", "close"), one.close * 0 + 0.1))
            for name, one in bars.items()}  # fmt: skip
    readings = _read(market(flat))
    assert {name: reading.score[0] for name, reading in readings.items()} == dict.fromkeys(readings, 50.0)
    raw = {name: reading.raw[0] for name, reading in readings.items()}
    assert raw == {"rsi": 50.0, "ao": 0.0, "macd": 0.0, "williams_r": -50.0, "cci": 0.0, "atr": 0.0}


@pytest.mark.parametrize("factor", [1e-7, 3.0, 1e6])
def test_scores_are_free_of_scale(factor: float) -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    scaled = {
        name: altered(one, **{column: getattr(one, column) * factor for column in ("open", "high", "low", "close")})
        for name, one in bars.items()
    }
    before, after = _read(market(bars)), _read(market(scaled))
    for name, reading in before.items():
        np.testing.assert_allclose(after[name].score, reading.score, rtol=0, atol=1e-7, err_msg=name)
        np.testing.assert_array_equal(after[name].status, reading.status)


def test_the_order_of_rows_changes_nothing() -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    order = np.random.default_rng(2).permutation(len(LENGTHS)).tolist()
    before = _read(market(bars))
    after = _read(market({name: of_rows(one, order) for name, one in bars.items()}))
    for name, reading in before.items():
        np.testing.assert_array_equal(after[name].score, reading.score[order])
        assert after[name].notes == {i: reading.notes[row] for i, row in enumerate(order) if row in reading.notes}


def test_nothing_is_known_early() -> None:
    panels = {name: walks([260, 200], 3 + i, INTERVAL_MS[name]) for i, name in enumerate(SCORED)}
    bank = BarBank()
    for bar in range(10, 260, 12):
        upto = np.array([bar, bar])
        view = market({name: cut(panel, INTERVAL_MS[name], upto) for name, panel in panels.items()})
        bank.advance(view)
        streamed, alone = technical(view, bank), _read(view)
        for name, reading in alone.items():
            np.testing.assert_allclose(streamed[name].score, reading.score, rtol=0, atol=1e-8)
            known = reading.score[~np.isnan(reading.score)]
            assert ((known >= 0) & (known <= 100)).all()
            assert ((reading.status == Status.OK) == ~np.isnan(reading.score)).all()


def test_extremes_stay_on_the_scale() -> None:
    bars = walk_bars({name: [300, 300] for name in SCORED})
    rise = np.exp(np.linspace(0, 30, 500))[None, :] * np.array([[1.0], [1.0]])
    rise[1] = 1.0 / rise[1]
    steep = {
        name: altered(one, **{c: np.where(np.isnan(one.close), np.nan, rise) for c in ("open", "high", "low", "close")})
        for name, one in bars.items()
    }
    for reading in _read(market(steep)).values():
        assert ((reading.score >= 0) & (reading.score <= 100)).all()


def test_a_scan_without_a_closed_bar_computes_nothing() -> None:
    view, bank = market(walk_bars({name: [300] for name in SCORED})), BarBank()
    bank.advance(view)
    assert technical(view, bank) is technical(replace(view, at_ms=view.at_ms + 1_000), bank)


def test_a_bank_that_stands_elsewhere_is_refused() -> None:
    view, bank = market(walk_bars({name: [300] for name in SCORED})), BarBank()
    with pytest.raises(ValueError, match="another view"):
        technical(view, bank)
    bank.advance(view)
    with pytest.raises(ValueError, match="another view"):
        technical(replace(view, epoch=view.epoch + 1), bank)


def test_a_reading_once_made_does_not_change() -> None:
    panels = {name: walks([300], 3 + i, INTERVAL_MS[name]) for i, name in enumerate(SCORED)}
    bank = BarBank()

    def at(bar: int) -> MarketView:
        view = market({name: cut(panel, INTERVAL_MS[name], np.array([bar])) for name, panel in panels.items()})
        bank.advance(view)
        return view

    kept = technical(at(290), bank)["rsi"]
    before = (kept.raw.copy(), kept.score.copy(), {name: value[0].copy() for name, value in kept.inputs.items()})
    later = technical(at(300), bank)["rsi"]
    assert later.raw[0] != before[0][0]
    assert (kept.raw[0], kept.score[0]) == (before[0][0], before[1][0])
    assert all(kept.inputs[name][0][0] == value[0] for name, value in before[2].items())
