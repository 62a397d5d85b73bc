"""The bank stepped bar by bar stands where a bank computed from scratch stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.view import Bars
from engine.prism.bar_bank import STEPPED_BARS, BarBank, Frame, FrameBank
from engine.timeframes import INTERVAL_MS
from tests.engine.indicators.candle_panels import recorded_panels, walks
from tests.engine.prism.bar_streams import cut, market, of_rows, walk_bars

MS = INTERVAL_MS["5m"]


def _fresh(bars: Bars) -> Frame:
    bank = FrameBank(bars.interval_ms)
    bank.advance(bars)
    return bank.frame


def _same(streamed: Frame, fresh: Frame, close: np.ndarray) -> None:
    np.testing.assert_array_equal(streamed.count, fresh.count)
    np.testing.assert_array_equal(streamed.newest_ms, fresh.newest_ms)
    for name in Frame.NAMES:
        mine, theirs = streamed[name], fresh[name]
        if name in ("obv_usd", "adl_usd"):
            continue  # cumulative from the first bar seen: only their changes mean anything
        scale = close if name == "atr" else 1.0
        np.testing.assert_allclose(mine / scale, theirs / scale, rtol=1e-9, atol=1e-9, err_msg=name)


def _newest_close(bars: Bars) -> np.ndarray:
    return np.nan_to_num(bars.close[:, -1], nan=1.0)


@settings(max_examples=15, deadline=None)
@given(
    jumps=st.lists(st.lists(st.integers(0, 4) | st.integers(0, 90), min_size=4, max_size=4), min_size=3, max_size=30),
    seed=st.integers(0, 1_000),
)
def test_streaming_equals_scratch_after_any_jumps(jumps: list[list[int]], seed: int) -> None:
    panel = walks([420, 420, 420, 420], seed)
    at, bank = np.array([0, 5, 130, 300]), FrameBank(MS)
    bank.advance(cut(panel, MS, at))
    for jump in jumps:
        at = np.minimum(at + jump, 420)
        bars = cut(panel, MS, at)
        bank.advance(bars)
        _same(bank.frame, _fresh(bars), _newest_close(bars))


def test_every_bar_of_a_sliding_window_equals_the_whole_history() -> None:
    panel = walks([900, 800])
    bank = FrameBank(MS)
    for bar in range(250, 900, 3):
        bank.advance(cut(panel, MS, np.array([bar, bar - 100])))
    fresh = _fresh(cut(panel, MS, np.array([898, 798]), width=900))
    for name in set(Frame.NAMES) - {"obv_usd", "adl_usd"}:
        np.testing.assert_allclose(bank.frame[name], fresh[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("newest", [511, 512, 513, 575, 640, 893])
def test_a_row_that_was_kept_up_for_long_is_one_started_on_the_last_463_bars(newest: int) -> None:
    """Whatever an older process has seen: one that was restarted on what is kept says the same."""
    panel = walks([900])
    bank = FrameBank(MS)
    for bar in range(450, newest + 1):
        bank.advance(cut(panel, MS, np.array([bar])))
    fresh = _fresh(cut(panel, MS, np.array([newest]), width=463))
    for name in set(Frame.NAMES) - {"obv_usd", "adl_usd"}:
        np.testing.assert_allclose(bank.frame[name], fresh[name], rtol=1e-9, atol=1e-9, err_msg=name)


def test_cumulative_lines_move_by_the_same_amounts() -> None:
    panel = walks([300])
    bank = FrameBank(MS)
    bank.advance(cut(panel, MS, np.array([200])))
    before = {name: bank.frame[name].copy() for name in ("obv_usd", "adl_usd")}
    bank.advance(cut(panel, MS, np.array([260])))
    early, late = _fresh(cut(panel, MS, np.array([200]))), _fresh(cut(panel, MS, np.array([260])))
    for name, value in before.items():
        assert bank.frame[name] - value == pytest.approx(late[name] - early[name], rel=1e-9)


@pytest.mark.recorded
@pytest.mark.parametrize("timeframe", ["5m", "15m", "4h"])
def test_recorded_candles_stream_to_the_same_figures(timeframe: str) -> None:
    panel, ms = recorded_panels()[timeframe], INTERVAL_MS[timeframe]
    bank = FrameBank(ms)
    total = int(panel.count.max())
    for bar in [*range(100, total, 13), total]:
        bars = cut(panel, ms, np.minimum(panel.count, bar), width=total)
        bank.advance(bars)
        if bar % 5 == 0 or bar == total:
            _same(bank.frame, _fresh(bars), _newest_close(bars))


def test_changed_history_is_computed_anew_and_a_plain_step_is_not() -> None:
    panel = walks([300])
    bank = FrameBank(MS)
    bank.advance(cut(panel, MS, np.array([250])))
    changed = replace(panel, close=panel.close * np.where(np.arange(300) < 240, 1.01, 1.0))
    quiet = cut(changed, MS, np.array([251]))
    bank.advance(quiet)
    assert not np.allclose(bank.frame["rsi"], _fresh(quiet)["rsi"]), "an append must not look back"
    told = cut(changed, MS, np.array([252]), revision=np.array([252 + 1_000_000]))
    bank.advance(told)
    _same(bank.frame, _fresh(told), _newest_close(told))


def test_a_hole_in_time_restarts_the_row() -> None:
    panel = walks([300])
    bank = FrameBank(MS)
    bank.advance(cut(panel, MS, np.array([250])))
    later = replace(panel, open_ms=panel.open_ms + np.where(np.arange(300) >= 250, 5 * MS, 0))
    bars = cut(later, MS, np.array([253]), width=140)
    bank.advance(bars)
    _same(bank.frame, _fresh(bars), _newest_close(bars))


def test_rows_appear_and_empty_out() -> None:
    panel = walks([200, 180, 150])
    bank = FrameBank(MS)
    bank.advance(of_rows(cut(panel, MS, np.array([190, 170, 0])), [0, 1]))
    bars = cut(panel, MS, np.array([191, 171, 0]))
    bank.advance(bars)
    assert bank.frame.count.tolist() == [191, 171, 0]
    _same(bank.frame, _fresh(bars), _newest_close(bars))
    gone = cut(panel, MS, np.array([192, 0, 140]), revision=np.array([192, 2_000_000, 140]))
    bank.advance(gone)
    assert np.isnan(bank.frame["rsi"][1])
    _same(bank.frame, _fresh(gone), _newest_close(gone))


@pytest.mark.parametrize("missing", [slice(205, 206), slice(205, 400), slice(0, 205), slice(0, 400)])
def test_volumes_that_come_and_go(missing: slice) -> None:
    panel = walks([400, 400])
    volume, buy = panel.volume.copy(), panel.buy.copy()
    volume[0, missing] = np.nan
    buy[:, missing] = np.nan
    panel = replace(panel, volume=volume, buy=buy)
    bank = FrameBank(MS)
    for bar in range(190, 400, 7):
        bars = cut(panel, MS, np.array([bar, bar]))
        bank.advance(bars)
        fresh = _fresh(bars)
        np.testing.assert_array_equal(bank.frame.volumes, fresh.volumes)
        np.testing.assert_array_equal(bank.frame.flows >= 28, fresh.flows >= 28)
        _same(bank.frame, fresh, _newest_close(bars))


def test_an_epoch_starts_from_nothing_and_a_still_market_changes_nothing() -> None:
    bars = walk_bars({"5m": [200], "15m": [200], "4h": [200]})
    bank = BarBank()
    bank.advance(market(bars))
    version = bank.version
    bank.advance(market(bars))
    assert bank.version == version
    young = walk_bars({"5m": [20], "15m": [20], "4h": [0]})
    bank.advance(market(young, epoch=2))
    assert bank.frames["5m"].count.tolist() == [20]
    assert bank.version > version


def test_the_stepping_limit_covers_every_window() -> None:
    panel = walks([STEPPED_BARS])
    frame = _fresh(cut(panel, MS, np.array([STEPPED_BARS])))
    assert all(np.isfinite(frame[name]).all() for name in Frame.NAMES)
    assert np.isnan(_fresh(cut(panel, MS, np.array([STEPPED_BARS - 1])))["ao_z"]).all()
