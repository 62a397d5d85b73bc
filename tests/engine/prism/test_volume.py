from __future__ import annotations

import numpy as np
import pytest

from engine.market.view import Bars, MarketView
from engine.prism.bar_bank import BarBank
from engine.prism.board import COMPONENTS, Reading, Status
from engine.prism.volume import MIN_BARS, volume
from engine.timeframes import INTERVAL_MS, SCORED
from tests.engine.indicators.candle_panels import walks
from tests.engine.prism.bar_streams import altered, cut, market, of_rows, recorded_bars, walk_bars
from tests.engine.prism.talib_faces import volume_scores

LENGTHS = [300, 121, 119, 50, 49, 35, 28, 27, 25, 24, 22, 21, 20, 19, 1]
TAKER = {"volume_delta", "divergence"}


def _read(view: MarketView) -> dict[str, Reading]:
    bank = BarBank()
    bank.advance(view)
    return volume(view, bank)


def _row(bars: Bars, row: int) -> dict[str, np.ndarray]:
    count = int(bars.count[row])
    names = {"high": "high", "low": "low", "close": "close", "volume": "volume_usd", "buy": "buy_usd"}
    return {name: np.ascontiguousarray(getattr(bars, column)[row, -count:]) for name, column in names.items()}


def _check(bars: dict[str, Bars], readings: dict[str, Reading], rows: int) -> int:
    compared = 0
    for i, name in enumerate(SCORED):
        for row in range(rows):
            expected = volume_scores(_row(bars[name], row))
            for component, reading in readings.items():
                assert reading.timeframes is not None
                score = reading.timeframes[row, i]
                assert np.isnan(score) == (component not in expected), (component, name, row)
                if component in expected:
                    assert score == pytest.approx(expected[component], abs=1e-8), (component, name, row)
                    compared += 1
    return compared


def test_every_score_is_the_formula_over_talib() -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    readings = _read(market(bars))
    assert list(readings) == list(COMPONENTS["volume"])
    assert _check(bars, readings, len(LENGTHS)) > 100
    for component, least in MIN_BARS.items():
        frames = readings[component].timeframes
        assert frames is not None
        assert np.isfinite(frames[:, 0]).tolist() == [length >= least for length in LENGTHS]


@pytest.mark.recorded
def test_recorded_candles_score_as_the_formulas_say_and_lack_taker_volume() -> None:
    bars = recorded_bars()
    readings = _read(market(bars, at_ms=int(bars["4h"].open_ms.max()) + INTERVAL_MS["4h"]))
    assert _check(bars, readings, 30) > 300
    for component in TAKER:
        assert (readings[component].status == Status.MISSING).all()
        assert set(readings[component].notes.values()) == {"the venue's candles carry no taker volume"}
        assert np.isnan(readings[component].score).all()


def test_taker_volume_that_is_not_there_is_missing_and_no_bars_are_warming() -> None:
    bars = walk_bars({"5m": [300, 0], "15m": [300, 0], "4h": [0, 0]})
    bars = {name: altered(one, buy_usd=one.buy_usd * np.nan) for name, one in bars.items()}
    readings = _read(market(bars))
    for component in TAKER:
        assert readings[component].status.tolist() == [Status.MISSING, Status.WARMING]
        assert readings[component].notes[0] == "the venue's candles carry no taker volume"
        assert readings[component].notes[1].startswith("5m warming: 0/")
    assert readings["cmf"].status.tolist() == [Status.OK, Status.WARMING]


def test_without_dollar_volumes_the_face_is_missing() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    bars = {name: altered(one, volume_usd=one.volume_usd * np.nan) for name, one in bars.items()}
    for reading in _read(market(bars)).values():
        assert reading.status[0] == Status.MISSING
        assert reading.notes[0] == "its candles carry no dollar volume"


def test_one_timeframe_without_taker_volume_steps_aside() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    bars["15m"] = altered(bars["15m"], buy_usd=bars["15m"].buy_usd * np.nan)
    reading = _read(market(bars))["divergence"]
    assert reading.status[0] == Status.OK
    assert reading.notes[0] == "15m missing: the venue's candles carry no taker volume; reading from 5m"


def test_a_short_obv_history_is_scored_and_named() -> None:
    readings = _read(market(walk_bars({"5m": [65], "15m": [49], "4h": [0]})))
    obv = readings["obv"]
    assert obv.status[0] == Status.OK
    assert obv.notes[0].startswith("5m z over 45 of 100 values; 15m warming: 49/50 bars")


def test_without_trades_there_is_no_information() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    bars = {
        name: altered(one, volume_usd=one.volume_usd * 0, buy_usd=one.buy_usd * 0, close=one.close * 0 + 7.0,
                      high=one.close * 0 + 7.0, low=one.close * 0 + 7.0)
        for name, one in bars.items()
    }  # fmt: skip
    readings = _read(market(bars))
    assert {name: reading.score[0] for name, reading in readings.items()} == dict.fromkeys(readings, 50.0)
    assert {name: reading.raw[0] for name, reading in readings.items()} == dict.fromkeys(readings, 0.0)


def test_volume_out_of_silence_is_bounded() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    quiet = {
        name: altered(one, volume_usd=np.where(np.arange(500) < 495, one.volume_usd * 0, one.volume_usd))
        for name, one in bars.items()
    }
    reading = _read(market(quiet))["relative_volume"]
    assert reading.raw[0] == 10.0
    assert reading.timeframes is not None
    move = np.sign([bars[name].close[0, -1] - bars[name].close[0, -6] for name in SCORED])
    assert reading.timeframes[0] == pytest.approx(50.0 + 50.0 * move, abs=1e-5)
    silent = {
        name: altered(one, volume_usd=np.where(np.arange(500) >= 495, one.volume_usd * 0, one.volume_usd))
        for name, one in bars.items()
    }
    assert _read(market(silent))["relative_volume"].raw[0] == -10.0


def test_sellers_into_a_rise_are_bearish() -> None:
    bars = walk_bars({name: [300] for name in SCORED})
    rise = np.linspace(100, 150, 500)[None, :]
    bars = {
        name: altered(one, close=rise, high=rise + 1, low=rise - 1, buy_usd=one.volume_usd * 0.2)
        for name, one in bars.items()
    }
    reading = _read(market(bars))["divergence"]
    assert reading.raw[0] == pytest.approx(-2.0, abs=0.05)
    assert reading.score[0] < 3


@pytest.mark.parametrize("factor", [1e-6, 5.0, 1e7])
def test_scores_are_free_of_scale(factor: float) -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    prices = ("open", "high", "low", "close")
    scaled = {
        name: altered(
            one,
            volume_usd=one.volume_usd * factor,
            buy_usd=one.buy_usd * factor,
            **{column: getattr(one, column) / factor for column in prices},
        )
        for name, one in bars.items()
    }
    before, after = _read(market(bars)), _read(market(scaled))
    for name, reading in before.items():
        np.testing.assert_allclose(after[name].score, reading.score, rtol=0, atol=1e-7, err_msg=name)


def test_the_order_of_rows_changes_nothing() -> None:
    bars = walk_bars(dict.fromkeys(SCORED, LENGTHS))
    order = np.random.default_rng(2).permutation(len(LENGTHS)).tolist()
    before = _read(market(bars))
    after = _read(market({name: of_rows(one, order) for name, one in bars.items()}))
    for name, reading in before.items():
        np.testing.assert_array_equal(after[name].score, reading.score[order])


def test_nothing_is_known_early() -> None:
    panels = {name: walks([260, 200], 3 + i, INTERVAL_MS[name]) for i, name in enumerate(SCORED)}
    bank = BarBank()
    for bar in range(10, 260, 12):
        upto = np.array([bar, bar])
        view = market({name: cut(panel, INTERVAL_MS[name], upto) for name, panel in panels.items()})
        bank.advance(view)
        streamed, alone = volume(view, bank), _read(view)
        for name, reading in alone.items():
            np.testing.assert_allclose(streamed[name].score, reading.score, rtol=0, atol=1e-8)
            known = reading.score[~np.isnan(reading.score)]
            assert ((known >= 0) & (known <= 100)).all()
            assert ((reading.status == Status.OK) == ~np.isnan(reading.score)).all()
