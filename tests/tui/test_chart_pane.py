"""The chart on screen: candles, levels on its axis, and words where there is nothing to draw."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from engine.snapshot import ChartBars, Snapshot
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


def flat(bars: ChartBars, low: float, high: float) -> ChartBars:
    """The same number of candles between two prices."""
    size = len(bars.close)
    bottom, top = np.full(size, low), np.full(size, high)
    return replace(bars, open=bottom, high=top, low=bottom, close=top)


def test_the_stop_comes_before_targets_and_candles_keep_their_room(snapshot: Snapshot) -> None:
    assert snapshot.focus is not None
    bars = flat(snapshot.focus.charts["1m"], 99.0, 101.0)

    def drawn(entry: float, stop: float, *targets: float) -> str:
        held = [levels.Mark("E", "entry", entry, "accent"), levels.Mark("S", "stop", stop, "down")]
        held += [levels.Mark(str(n), f"TP{n}", price, "up") for n, price in enumerate(targets, 1)]
        scale = chart.scale_of(bars, held, 40, 20)
        return "".join(mark.letter for mark in held if scale.holds(mark.price))

    assert drawn(100.0, 96.5, 102.0, 104.0, 106.0) == "ES", "not the targets that are nearer"
    assert drawn(100.0, 98.5, 101.4, 104.0, 106.0) == "ES1"
    assert drawn(100.0, 100.5, 100.2, 99.4, 98.8) == "ES123"
    assert drawn(100.0, 60.0, 101.5) == "E1", "a stop that would leave nothing of the candles is named"


@pytest.mark.parametrize("width", [50, 60, 80, 108])
def test_levels_outside_the_picture_are_whole_before_the_candles_own_prices(snapshot: Snapshot, width: int) -> None:
    assert snapshot.focus is not None
    bars = flat(snapshot.focus.charts["1m"], 99.0, 101.0)
    held = [levels.Mark("S", "stop", 60.0, "down"), levels.Mark("3", "TP3", 140.0, "up")]
    line = chart._title(bars, held, chart.Scale(98.0, 102.0, 20), "1m", 1e-7, width)
    assert width_of(line) <= width
    text = plain([line])
    assert "▼ stop 60.0000000" in text
    assert "▲ TP3 140.0000000" in text
    assert ("O 99.0000000" in text) is (width == 108)


def test_the_last_price_is_not_read_as_a_level_of_its_row() -> None:
    held = [levels.Mark("E", "entry", 50.0, "accent"), levels.Mark("S", "stop", 49.0, "down")]
    here = [replace(mark, price=42.5) for mark in held]
    scale = chart.Scale(0.0, 100.0, 4)
    for marks, last, tick, label in (
        ([], 42.5, 0.5, "┤ 42.5"),
        (here[:1], 42.5, 0.5, "┤E/now      42.5"),
        (here, 42.5, 0.5, "┤E/S/now    42.5"),
        (here, 42.5, 1e-7, "┤…/now42.5000000"),
        (held[:1], 42.5, 0.5, "┤ 42.5"),
        (held, 42.5, 0.5, "┤ 42.5"),
    ):
        assert plain(chart._axis(scale, marks, last, tick)).split("\n")[2].replace(" ", "") == label.replace(" ", "")


def test_a_level_near_the_last_price_has_its_own_price_on_its_side_of_it() -> None:
    scale = chart.Scale(0.0, 100.0, 4)
    above, below = levels.Mark("E", "entry", 45.0, "accent"), levels.Mark("S", "stop", 41.0, "down")
    lines = [line.strip() for line in plain(chart._axis(scale, [above, below], 42.5, 0.5)).split("\n")]
    assert [line.split() for line in lines[1:]] == [["┤entry", "45.0"], ["┤", "42.5"], ["┤stop", "41.0"]]


def test_the_volume_says_what_its_figure_is(snapshot: Snapshot) -> None:
    text = plain(chart.chart_lines(view_of(snapshot), "15m", 108, 26))
    assert re.search(r"│ most \$[\d.]+[KMB]?\n.*│ volume per 15m\n", text)


def test_levels_share_a_row_only_if_they_print_the_same_or_rows_lack() -> None:
    held = [levels.Mark(letter, title, 30.0 + n, "up") for n, (letter, title) in enumerate(
        (("E", "entry"), ("S", "stop"), ("1", "TP1"), ("2", "TP2"), ("3", "TP3"))
    )]  # fmt: skip
    lines = chart._axis(chart.Scale(0.0, 100.0, 4), held, 1.0, 0.0000001)
    assert all(width_of(line) <= chart.AXIS for line in lines)
    assert [line.split() for line in plain(lines).split("\n")] == [
        ["┤3/2/1"], ["┤stop", "31.0000000"], ["┤E", "30.0000000"], ["┤", "1.0000000"],
    ]  # fmt: skip
    same = [replace(mark, price=30.0) for mark in held[:2]]
    assert "┤E/S        30.0" in plain(chart._axis(chart.Scale(0.0, 100.0, 4), same, 1.0, 0.5))
    assert "┤stop 31.0000000" in plain(chart._axis(chart.Scale(0.0, 100.0, 4), held[1:2], 1.0, 1e-7))
    assert "┤E    30.0000000" in plain(chart._axis(chart.Scale(0.0, 100.0, 4), held[:1], 1.0, 1e-7))


@pytest.mark.parametrize("last", [math.nan, *(float(n) for n in range(0, 101, 5))])
@pytest.mark.parametrize("crowd", [(50.0,) * 5, (0.0, 0.4, 0.8, 1.2, 1.6), (98.0, 98.5, 99.0, 99.5, 100.0)])
def test_every_level_has_its_own_price_beside_it_in_the_order_of_prices(last: float, crowd: tuple[float, ...]) -> None:
    names = ("entry", "stop", "TP1", "TP2", "TP3")
    held = [
        levels.Mark(name[0], name, price + n / 10, "up")
        for n, (name, price) in enumerate(zip(names, crowd, strict=True))
    ]
    lines = plain(chart._axis(chart.Scale(-1.0, 101.0, 12), held, last, 0.1)).split("\n")
    told = {line.split()[0].removeprefix("┤"): float(line.split()[-1]) for line in lines if "┤" in line}
    unlike = [mark for mark in held if f"{mark.price:.1f}" != f"{last:.1f}"]
    assert all(told[mark.title] == pytest.approx(mark.price) for mark in unlike)
    prices = [float(line.split()[-1]) for line in lines if "┤" in line]
    assert math.isnan(last) or last in prices
    assert prices == sorted(prices, reverse=True)


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
