"""Liquidations on screen: lower bounds marked, rows and widths that hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from engine.snapshot import LiquidationTotals, Mode, Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.fake_source import recording
from tests.tui.pane_views import ROWS, view_of, with_focus
from tui.presenters import header, liquidations
from tui.presenters.lines import plain, width_of
from tui.presenters.view import View


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


def test_sampled_totals_are_lower_bounds_and_full_ones_are_not() -> None:
    sampled = LiquidationTotals(300_000, 1_200_000.0, 300_000.0, ("binance-usdm",))
    full = replace(sampled, sampled_venues=())
    assert "≥$1.20M" in plain(liquidations.total_lines([sampled], 60))
    assert "≥" not in plain(liquidations.total_lines([full], 60))


@pytest.mark.parametrize("width", [36, 44, 58, 66, 90])
def test_liquidations_keep_their_rows_and_their_width(snapshot: Snapshot, width: int) -> None:
    for height in (6, 9, 20):
        lines = liquidations.liquidation_lines(view_of(snapshot), 0.0, width, height)
        assert len(lines) == height
        assert all(width_of(line) <= width for line in lines)
    text = plain(liquidations.liquidation_lines(view_of(snapshot), 0.0, 90, 20))
    assert "LONG" in text
    assert "SHORT" in text
    assert "sampled" in text


def test_the_minimum_size_hides_and_says_that_it_does(snapshot: Snapshot) -> None:
    view = view_of(snapshot, liquidation_minutes=None)
    expected = sum(line.notional_usd >= 50_000 for line in snapshot.liquidations)
    assert 0 < expected < len(snapshot.liquidations)
    heading = len(liquidations.total_lines(snapshot.liquidation_totals, 90)) + 1
    assert len(liquidations.liquidation_lines(view, 50_000.0, 90, 300)) - heading == expected
    largest = max(line.notional_usd for line in snapshot.liquidations)
    over = plain(liquidations.liquidation_lines(view, largest * 2, 90, 20))
    assert "none of at least" in over
    nothing = plain(liquidations.liquidation_lines(view_of(snapshot, liquidations=()), 0.0, 90, 20))
    assert "no liquidation since 10:32 (120 min)" in nothing


def test_steps_of_the_minimum_go_up_and_down_and_stop() -> None:
    assert liquidations.next_minimum(0, 1) == 1_000
    assert liquidations.next_minimum(2_500, 1) == 10_000
    assert liquidations.next_minimum(0, -1) == 0
    assert liquidations.next_minimum(1_000_000, 1) == 1_000_000


def test_times_are_in_the_users_zone(snapshot: Snapshot) -> None:
    east = View(snapshot, 0, snapshot.at_ms, timezone(timedelta(hours=5, minutes=30), "IST"))
    text = plain([header.top_line(east, 120)])
    assert "18:02:17 IST" in text
    assert "18:02:17" in plain(liquidations.liquidation_lines(east, 0.0, 60, 20))


def test_a_total_says_since_when_it_counts(snapshot: Snapshot) -> None:
    at_ms = snapshot.at_ms
    young = plain(liquidations.liquidation_lines(view_of(snapshot, liquidations_since_ms=at_ms - 240_000), 0.0, 90, 20))
    assert "5m, 1h: since 12:28 (4 min) only" in young
    older = plain(liquidations.liquidation_lines(view_of(snapshot, liquidations_since_ms=at_ms - 900_000), 0.0, 90, 20))
    assert "1h: since 12:17 (15 min) only" in older
    assert "5m, 1h" not in older
    whole = plain(liquidations.liquidation_lines(view_of(snapshot), 0.0, 90, 20))
    assert "since" not in whole


def test_without_a_feed_there_is_no_total(snapshot: Snapshot) -> None:
    changes: dict[str, Any] = {"liquidations_since_ms": None, "liquidations": ()}
    replayed = plain(liquidations.liquidation_lines(view_of(snapshot, mode="replay", **changes), 0.0, 90, 20))
    assert replayed.strip() == "no liquidation feed in this recording so far"
    ended = recording(finished=True)
    over = view_of(snapshot, mode="replay", replay=ended, **changes)
    told = plain(liquidations.liquidation_lines(over, 0.0, 90, 20))
    assert told.strip() == "no liquidation feed in this recording"
    live = plain(liquidations.liquidation_lines(view_of(snapshot, mode="live", **changes), 0.0, 90, 20))
    assert live.strip() == "no liquidation feed is confirmed yet"


@pytest.mark.parametrize(
    ("since_ago_ms", "mode", "told"),
    [
        (7_200_000, "live", "no liquidation of this symbol in the last hour"),
        (300_000, "live", "no liquidation of this symbol since 12:27 (5 min)"),
        (None, "live", "no liquidation feed of this symbol is confirmed yet"),
        (None, "replay", "no liquidation feed of this symbol in this recording so far"),
    ],
)
def test_a_symbols_silence_is_claimed_for_the_time_that_is_known(
    snapshot: Snapshot, since_ago_ms: int | None, mode: Mode, told: str
) -> None:
    since = None if since_ago_ms is None else snapshot.at_ms - since_ago_ms
    quiet = with_focus(snapshot, liquidations=(), liquidations_since_ms=since, liquidation_minutes=None)
    assert told in plain(liquidations.symbol_liquidation_lines(view_of(quiet, mode=mode), 90, 8))
