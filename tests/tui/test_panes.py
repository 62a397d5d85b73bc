"""What all panes share: words while they wait, widths that hold, the header, gauges and sparklines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.snapshot import Feed, Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.pane_views import ROWS, view_of, with_focus
from tui.presenters import chart, depth, header, liquidations, tape
from tui.presenters.gauges import signed_gauge, sparkline
from tui.presenters.lines import cut, padded, plain, width_of, wrapped
from tui.presenters.view import VENUE_TITLES


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


def test_panes_wait_in_words_for_a_symbol_the_engine_has_not_turned_to(snapshot: Snapshot) -> None:
    view = view_of(snapshot, 3, focus=replace(snapshot.focus, row=1) if snapshot.focus else None)
    for lines in (
        depth.depth_lines(view, 0, 48, 20),
        chart.chart_lines(view, "15m", 80, 20),
        tape.tape_lines(view, 40, 10),
        tape.history_lines(view, 40),
        liquidations.symbol_liquidation_lines(view, 60, 10),
    ):
        assert "waiting" in plain(lines)


@pytest.mark.parametrize("state", ["connecting", "syncing", "stale", "down"])
def test_a_venue_that_is_not_live_says_so_in_words(snapshot: Snapshot, state: Any) -> None:
    feed = Feed("bybit-linear", state, "silent 12 s, resubscribing", 12_000, 10, 0, 0, 0, 0)
    view = view_of(snapshot, feeds=(feed,))
    text = plain([header.venue_line(view, 80)])
    assert f"Bybit {state}" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("state", ["live", "connecting", "syncing", "stale", "down"])
def test_every_venue_has_its_light_whatever_the_width(snapshot: Snapshot, width: int, state: Any) -> None:
    feeds = tuple(Feed(venue, state, "silent", 12_000, 10, 0, 0, 0, 0) for venue in VENUE_TITLES)
    line = header.venue_line(view_of(snapshot, feeds=feeds), width)
    text = plain([line])
    assert width_of(line) <= width, text
    assert text.count(header.LIGHTS[state]) == len(feeds)
    named = all(title in text for title in VENUE_TITLES.values())
    assert named or all(mark in text for mark in ("BN", "BN spot", "BY", "BY spot", "OK", "BG"))
    if state != "live" and (width >= 120 or (width == 80 and state == "down")):
        assert text.count("12s" if state == "stale" else state) == len(feeds)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_header_fits_and_always_names_mode_and_venues(snapshot: Snapshot, width: int) -> None:
    for mode in ("live", "demo", "replay"):
        view = view_of(snapshot, mode=mode)
        top, venues = header.top_line(view, width), header.venue_line(view, width)
        assert mode.upper() in plain([top])
        assert width_of(top) <= width
        assert width_of(venues) <= width
        assert all(name in plain([venues]) for name in ("Binance", "Bybit", "OKX"))


def test_a_gauge_has_one_width_and_leans_with_the_score() -> None:
    for score in (0.0, 12.5, 49.9, 50.0, 50.1, 88.0, 100.0, float("nan")):
        text = "".join(part for part, _ in signed_gauge(score, 21))
        assert len(text) == 21
        left, _, right_side = text.partition("┼")
        assert ("━" in left or "╺" in left) == (score < 48)
        assert ("━" in right_side or "╸" in right_side) == (score > 52)


def test_a_sparkline_leaves_holes_where_nothing_is_known() -> None:
    assert sparkline([1.0, float("nan"), 3.0], 10) == "▁ █"
    assert sparkline([float("nan")], 10) == ""
    assert sparkline([2.0, 2.0], 10) == "▄▄"


@given(st.text(max_size=60), st.integers(4, 40))
def test_lines_keep_their_width_whatever_they_hold(text: str, width: int) -> None:
    line = ((text, "up"), ("tail", ""))
    assert width_of(padded(line, width)) == width
    assert width_of(cut(line, width)) <= width
    assert all(width_of(part) <= width for part in wrapped(text, width, indent="  "))


@pytest.mark.parametrize("width", [30, 44, 70])
def test_a_long_path_is_broken_after_its_slashes_and_its_files_name_stays_whole(width: int) -> None:
    path = "/srv/exports/of/a/trader/with/deep/folders/prism-screen-0001.svg"
    lines = [plain([line]) for line in wrapped(f"picture written to {path}", width)]
    assert lines[-1].endswith("prism-screen-0001.svg")
    assert "".join(lines).replace(" ", "").endswith(path)
    assert max(map(len, lines)) <= width


def test_funding_tells_its_interval_what_it_is_in_8_h_and_when_it_is_settled(snapshot: Snapshot) -> None:
    hours, rate = np.full(ROWS, 4.0), np.full(ROWS, 0.00005)
    columns = replace(snapshot.columns, funding_frac=rate, funding_interval_h=hours)
    focused = with_focus(snapshot, next_funding_ms=snapshot.at_ms + 5_025_000)
    for width, told in (
        (60, "FUNDING  +0.0050% per 4h · settles in 1:23:45"),
        (80, "FUNDING  +0.0050% per 4h = +0.0100% per 8h · settles in 1:23:45"),
        (30, "FUNDING  +0.0050% per 4h"),
    ):
        line = plain(tape.history_lines(view_of(focused, columns=columns), width)).splitlines()[0]
        assert line == told
    gone = with_focus(snapshot, next_funding_ms=snapshot.at_ms - 600_000)
    assert "settles" not in plain(tape.history_lines(view_of(gone, columns=columns), 80))
