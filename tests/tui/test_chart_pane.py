"""The chart on screen: candles, levels on its axis, and words where there is nothing to draw."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.pane_views import ROWS, view_of, with_focus
from tui.presenters import chart, levels
from tui.presenters.lines import plain, width_of


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


@pytest.mark.parametrize("timeframe", chart.TIMEFRAMES)
@pytest.mark.parametrize(("width", "height"), [(60, 12), (108, 26), (180, 50)])
def test_the_chart_fits_and_labels_its_levels(snapshot: Snapshot, timeframe: str, width: int, height: int) -> None:
    lines = chart.chart_lines(view_of(snapshot), timeframe, width, height)
    assert len(lines) == height
    text = plain(lines)
    for mark in levels.marks(snapshot.ranking.levels, 0):
        assert mark.title in text or re.search(rf"┤\S*{mark.letter}", text), mark.title
    assert all(width_of(line) <= width for line in lines[1:])


def test_the_last_price_is_not_read_as_a_level_of_its_row() -> None:
    held = [levels.Mark("E", "entry", 50.0, "accent"), levels.Mark("S", "stop", 49.0, "down")]
    scale = chart.Scale(0.0, 100.0, 4)
    for marks, last, tick, label in (
        ([], 42.5, 0.5, "┤ 42.5"),
        (held[:1], 42.5, 0.5, "┤E/now      42.5"),
        (held, 42.5, 0.5, "┤E/S/now    42.5"),
        (held, 42.5, 1e-7, "┤…/now42.5000000"),
    ):
        assert plain(chart._axis(scale, marks, last, tick)).split("\n")[2].replace(" ", "") == label.replace(" ", "")


def test_levels_that_share_a_row_of_the_axis_share_no_price() -> None:
    held = [levels.Mark(letter, title, 30.0 + n, "up") for n, (letter, title) in enumerate(
        (("E", "entry"), ("S", "stop"), ("1", "TP1"), ("2", "TP2"), ("3", "TP3"))
    )]  # fmt: skip
    lines = chart._axis(chart.Scale(0.0, 100.0, 4), held, 1.0, 0.0000001)
    assert all(width_of(line) <= chart.AXIS for line in lines)
    text = plain(lines)
    assert "┤E/S/1/2/3" in text
    assert "30.0" not in text
    assert "┤stop 31.0000000" in plain(chart._axis(chart.Scale(0.0, 100.0, 4), held[1:2], 1.0, 1e-7))
    assert "┤E    30.0000000" in plain(chart._axis(chart.Scale(0.0, 100.0, 4), held[:1], 1.0, 1e-7))


def test_a_candle_is_drawn_from_low_to_high(snapshot: Snapshot) -> None:
    assert snapshot.focus is not None
    bars = snapshot.focus.charts["15m"]
    one = replace(
        bars,
        open_ms=bars.open_ms[-1:],
        open=np.array([10.0]),
        high=np.array([20.0]),
        low=np.array([0.0]),
        close=np.array([15.0]),
        volume_usd=np.array([1.0]),
    )
    grid = chart.candle_rows(one, [], chart.Scale(0.0, 20.0, 10), 1)
    column = "".join(row[0][0] for row in grid)
    assert column == "││╽┃┃│││││"
    assert {row[0][1] for row in grid} == {"up"}


def test_no_bars_is_said_in_words(snapshot: Snapshot) -> None:
    text = plain(chart.chart_lines(view_of(with_focus(snapshot, charts={})), "4h", 80, 20))
    assert "no 4h bar" in text
