"""The book on screen: never shown when not proven, no price flattered by grouping."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.snapshot import Ladder, Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.pane_views import ROWS, view_of, with_focus
from tui.presenters import depth, depth_ladder, levels
from tui.presenters.gauges import SLICES
from tui.presenters.lines import plain, width_of


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


@pytest.mark.parametrize("status", ["syncing", "resyncing", "absent"])
def test_a_book_that_is_not_proven_is_never_drawn(snapshot: Snapshot, status: str) -> None:
    assert snapshot.focus is not None
    ladder = replace(snapshot.focus.ladder, status=status)
    text = plain(depth.depth_lines(view_of(with_focus(snapshot, ladder=ladder)), 0, 48, 24))
    assert not re.search(r"\d", text)
    assert {"syncing": "book syncing", "resyncing": "book resyncing", "absent": "no book"}[status] in text


def test_a_book_of_a_dead_feed_is_not_drawn_in_live(snapshot: Snapshot) -> None:
    feeds = tuple(replace(feed, state="down", detail="reconnecting in 4 s") for feed in snapshot.feeds)
    text = plain(depth.depth_lines(view_of(snapshot, mode="live", feeds=feeds), 0, 48, 24))
    assert "reconnecting in 4 s" in " ".join(text.split())
    assert "PRICE" not in text


def test_steps_keep_every_order_and_flatter_no_price() -> None:
    bids = [("100.3", "1", 100.3), ("100.1", "1", 100.1), ("99.9", "1", 99.9)]
    asks = [("100.4", "1", 100.4), ("100.9", "1", 100.9), ("101.0", "1", 101.0)]
    below, above = depth_ladder.grouped(bids, 0.5, asks=False), depth_ladder.grouped(asks, 0.5, asks=True)
    assert [step.price for step in below] == [100.0, 99.5]
    assert [step.price for step in above] == [100.5, 101.0]
    assert above[-1].cumulative == pytest.approx(302.3)
    assert below[0].notional == pytest.approx(200.4)


@given(st.integers(1, 10**9), st.integers(-8, 2), st.sampled_from(depth.GROUPS))
def test_a_price_on_the_grid_stays_where_it_is(ticks: int, exponent: int, group: int) -> None:
    tick = 10.0**exponent
    price = f"{ticks * group * tick:.{max(0, -exponent)}f}"
    for asks in (True, False):
        (step,) = depth_ladder.grouped([(price, "1", 1.0)], tick * group, asks=asks)
        assert step.price == pytest.approx(float(price), rel=1e-9)


@pytest.mark.parametrize(("width", "height"), [(36, 9), (41, 9), (42, 20), (48, 28), (60, 40), (120, 40)])
def test_the_ladder_fits_and_keeps_its_middle(snapshot: Snapshot, width: int, height: int) -> None:
    for group in range(len(depth.GROUPS)):
        lines = depth.depth_lines(view_of(snapshot), group, width, height)
        assert len(lines) <= height
        assert all(width_of(line) <= width for line in lines)
        middle = next(i for i, line in enumerate(plain(lines).splitlines()) if "tick" in line)
        assert abs(middle - height // 2) <= 1


def test_the_shape_of_the_book_grows_with_its_sums(snapshot: Snapshot) -> None:
    for width in (44, 76, 120):
        lines = plain(depth.depth_lines(view_of(snapshot), 0, width, 28)).splitlines()
        assert "DEPTH" in lines[0]
        middle = next(i for i, line in enumerate(lines) if "tick" in line)
        asks = [_eighths(line) for line in lines[2:middle] if line.strip()]
        bids = [_eighths(line) for line in lines[middle + 1 : -2] if line.strip()]
        assert asks == sorted(asks, reverse=True)
        assert bids == sorted(bids)
        assert min(asks + bids) > 0
        room = width - 33
        assert max(asks + bids) == 8 * (room * 3 // 5), "the deepest sum fills the room"
    assert "DEPTH" not in plain(depth.depth_lines(view_of(snapshot), 0, 43, 28))


def _eighths(line: str) -> int:
    """How long the filled area of a line is."""
    return sum(8 if cell == "█" else SLICES.index(cell) + 1 for cell in line if cell in SLICES)


def test_own_levels_are_marked_on_the_ladder(snapshot: Snapshot) -> None:
    text = plain(depth.depth_lines(view_of(snapshot), 0, 48, 28))
    held = {mark.letter for mark in levels.marks(snapshot.ranking.levels, 0)}
    assert held == {"E", "S", "1", "2", "3"}
    for letter in held:
        assert re.search(rf"(^|\s){letter}\s+[\d.]", text, re.MULTILINE), letter


def test_an_empty_ladder_is_words() -> None:
    assert np.isnan(depth_ladder.imbalance(Ladder("synced", (), (), None)))


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize(
    ("side", "tick", "ticks", "price"), [("ask", 1e-7, 34493, "0.0034493"), ("bid", 0.1, 3, "0.3")]
)
def test_a_level_whose_price_is_on_the_ladder_stands_at_it(
    snapshot: Snapshot, side: str, tick: float, ticks: int, price: str, place: int
) -> None:
    """34493 * 1e-7 is a rounding error below 0.0034493 and 3 * 0.1 one above 0.3: whole steps are compared."""
    decimals = len(price.partition(".")[2])
    best = ticks - place if side == "ask" else ticks + place
    outward = 1 if side == "ask" else -1
    own = tuple((f"{(best + outward * n) * tick:.{decimals}f}", "1000", 3.4) for n in range(place + 1))
    other = tuple((f"{(best - outward * (n + 1)) * tick:.{decimals}f}", "1000", 3.4) for n in range(2))
    asks, bids = (own, other) if side == "ask" else (other, own)
    held = replace(snapshot.ranking.levels, entry=np.full(ROWS, float(price)))
    rankings = {**snapshot.rankings, snapshot.preset: replace(snapshot.ranking, levels=held)}
    instruments = (replace(snapshot.instruments[0], tick=tick), *snapshot.instruments[1:])
    told = with_focus(snapshot, ladder=Ladder("synced", bids, asks, snapshot.at_ms))
    view = view_of(told, instruments=instruments, rankings=rankings)
    text = plain(depth.depth_lines(view, 0, 48, 28))
    assert re.search(rf"^\s*E\s+{re.escape(price)} ", text, re.MULTILINE), text
    assert not re.search(r"[▲▼].*E ", text), text


@pytest.mark.parametrize("width", [38, 42, 44, 48, 60])
def test_the_ladder_names_its_currency_and_the_levels_of_its_imbalance(snapshot: Snapshot, width: int) -> None:
    lines = depth.depth_lines(view_of(snapshot), 0, width, 24)
    assert all(width_of(line) <= width for line in lines)
    text = plain(lines)
    assert re.search(r"SUM +US[DT]", text.split("\n")[0])
    assert re.search(r"10-level imbalance [+-]\d\.\d\d ask .* bid$", text)


def test_a_book_that_rests_says_for_how_long(snapshot: Snapshot) -> None:
    assert snapshot.focus is not None
    for ago_ms, told in ((4_000, ""), (37_000, "unchanged for 37s")):
        ladder = replace(snapshot.focus.ladder, updated_ms=snapshot.at_ms - ago_ms)
        assert depth.quiet_text(view_of(with_focus(snapshot, ladder=ladder)), "") == told
    absent = replace(snapshot.focus.ladder, status="resyncing", updated_ms=snapshot.at_ms - 37_000)
    assert not depth.quiet_text(view_of(with_focus(snapshot, ladder=absent)), ""), "nothing is drawn"
