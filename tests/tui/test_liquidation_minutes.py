"""The picture of liquidations by minute: what it draws, what it does not claim, and where it has room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.snapshot import LiquidationMinutes
from tests.engine.builders import make_snapshot
from tui.presenters.gauges import STEPS, column_cells
from tui.presenters.lines import plain, width_of
from tui.presenters.liquidation_minutes import LABEL, minute_lines, minute_rows
from tui.presenters.liquidations import liquidation_lines, symbol_liquidation_lines
from tui.presenters.view import View


def minutes(longs: dict[int, float], shorts: dict[int, float], known_from: int = 0) -> LiquidationMinutes:
    """Minutes by how long ago they were."""
    sides = np.zeros((2, 60))
    for side, held in enumerate((longs, shorts)):
        for ago, usd in held.items():
            sides[side, 59 - ago] = usd
    sides[:, :known_from] = np.nan
    return LiquidationMinutes(0, sides[0], sides[1], ())


@given(st.floats(0, 1e9), st.floats(1, 1e9), st.integers(1, 4), st.booleans())
def test_a_bar_is_as_high_as_its_share_and_never_lost(value: float, largest: float, rows: int, hanging: bool) -> None:
    cells = column_cells(value, largest, rows, hanging=hanging)
    assert len(cells) == rows
    eighths = sum(
        0 if text == " " else 8 if text == "█" else 7 - STEPS.index(text) if turned else STEPS.index(text) + 1
        for text, turned in cells
    )
    expected = 0 if value <= 0 else max(1, round(min(1.0, value / largest) * rows * 8))
    assert eighths == expected
    assert all(turned == hanging for text, turned in cells if text not in " █")


def test_longs_stand_above_the_axis_and_shorts_hang_below_it() -> None:
    drawn = minute_lines(minutes({0: 100.0, 30: 25.0}, {10: 100.0}), 80, 2)
    above, upper, axis, below, lower = plain(drawn).splitlines()
    assert above[LABEL + 59] == "█"
    assert upper[LABEL + 59] == "█"
    assert upper[LABEL + 29] == "█"
    assert above[LABEL + 29] == " "
    assert upper.startswith("long  ")
    assert axis[LABEL + 57 :].startswith("now")
    assert below[LABEL + 49] == lower[LABEL + 49] == "█"
    assert below.startswith("short ")
    assert "$100" in above
    assert "$100" in lower


def test_heights_are_roots_and_the_scale_is_named() -> None:
    drawn = plain(minute_lines(minutes({0: 100.0, 30: 25.0, 20: 1.0, 10: 1e-6}, {}), 80, 2)).splitlines()
    assert [line[LABEL + 29] for line in drawn[:2]] == [" ", "█"], "a quarter is half as high"
    assert [drawn[1][LABEL + 59 - ago] for ago in (20, 10, 5)] == ["▂", "▁", " "]
    assert drawn[2].endswith(" √ by min")


def test_minutes_before_the_first_are_dots_and_the_rest_a_line() -> None:
    axis = plain(minute_lines(minutes({0: 1.0}, {}, known_from=40), 80, 1)).splitlines()[1][LABEL:]
    assert axis[5] == "·"
    assert axis[35] == "·"
    assert axis[41] == "─"


def test_a_sampled_peak_is_a_lower_bound() -> None:
    held = replace(minutes({0: 1e6}, {}), sampled_venues=("binance-usdm",))
    assert "≥$1.00M" in plain(minute_lines(held, 80, 1))


@pytest.mark.parametrize("width", [34, 50, 66, 80, 200])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_every_line_keeps_to_its_width(width: int, rows: int) -> None:
    drawn = minute_lines(minutes({ago: 1e7 * ago for ago in range(60)}, {3: 5.0}), width, rows)
    assert len(drawn) == 2 * rows + 1
    assert max(map(width_of, drawn)) <= width


def test_nothing_is_drawn_without_room_or_figures() -> None:
    held = minutes({0: 1.0}, {})
    assert minute_lines(held, 33, 2) == []
    assert minute_lines(held, 80, 0) == []
    assert minute_lines(None, 80, 2) == []
    assert minute_lines(minutes({}, {}), 80, 2) == []
    assert minute_lines(minutes({}, {}, known_from=60), 80, 2) == []


def test_the_ticker_gives_room_and_keeps_its_lines() -> None:
    snapshot = make_snapshot(16, 5)
    view = View(snapshot, 0, snapshot.at_ms, UTC)
    for height in (6, 15, 16, 30):
        lines = liquidation_lines(view, 0.0, 66, height)
        assert len(lines) <= height
        assert ("by min" in plain(lines)) == (height >= 16)
        assert sum("LONG" in line or "SHORT" in line for line in plain(lines).splitlines()) >= 4


def test_a_symbols_own_minutes_stand_over_its_own_lines() -> None:
    snapshot = make_snapshot(16, 5)
    assert snapshot.focus is not None
    view = View(snapshot, 0, snapshot.at_ms, UTC)
    lines = symbol_liquidation_lines(view, 56, 6)
    assert "by min" in plain(lines)
    assert len(lines) == 3 + min(3, len(snapshot.focus.liquidations))
    none = replace(view, snapshot=replace(snapshot, focus=replace(snapshot.focus, liquidations=())))
    assert "by min" in plain(symbol_liquidation_lines(none, 56, 6))
    assert "none of this symbol among the newest 500" in plain(symbol_liquidation_lines(none, 56, 6))
    assert minute_rows(5) == 0
    assert "by min" not in plain(symbol_liquidation_lines(view, 56, 5))
