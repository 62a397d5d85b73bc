"""What the panes beside the table say: sums that add up, reasons in words, books never shown when not proven."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, Board, Status
from engine.prism.verdict import movers
from engine.ranking.result import GATES, LevelStatus
from engine.snapshot import Feed, Ladder, LiquidationTotals, Snapshot
from tests.engine.builders import make_snapshot
from tui.presenters import breakdown, chart, depth, depth_ladder, explanation, gates, header, levels, liquidations, tape
from tui.presenters.gauges import SLICES, signed_gauge, sparkline
from tui.presenters.lines import cut, padded, plain, width_of, wrapped
from tui.presenters.view import View, words

ROWS = 16
NAMES = [(face, name) for face in FACES for name in COMPONENTS[face]]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


def view_of(snapshot: Snapshot, row: int = 0, **changes: Any) -> View:
    return View(replace(snapshot, **changes), row, snapshot.at_ms, UTC)


def with_focus(snapshot: Snapshot, **changes: Any) -> Snapshot:
    assert snapshot.focus is not None
    return replace(snapshot, focus=replace(snapshot.focus, **changes))


def one_face(scores: list[float], divergences: list[float], weights: list[float]) -> Board:
    """A board whose technical face holds these components."""
    board = make_snapshot(2).board
    index = [COMPONENT_INDEX[name] for name in COMPONENTS["technical"]]
    arrays = {
        name: getattr(board, name).copy()
        for name in ("score", "divergence", "adjusted", "weight", "impact", "status", "face_score", "face_divergence")
    }
    arrays["score"][0, index] = np.array(scores) - np.array(divergences)
    arrays["divergence"][0, index] = divergences
    arrays["adjusted"][0, index] = scores
    arrays["weight"][0, index] = weights
    arrays["impact"][0, index] = np.array(scores) * np.array(weights)
    arrays["status"][0, index] = Status.OK
    arrays["face_score"][0, 0] = float((np.array(scores) * np.array(weights)).sum())
    arrays["face_divergence"][0, 0] = float(sum(divergences))
    return replace(board, **arrays)


# The account on screen


def test_the_published_breakdown_adds_up_as_displayed() -> None:
    board = one_face(
        [55.78, 59.93, 43.90, 48.52, 38.05, 27.20], [6, 4, 0, -3, 0, 0], [0.20, 0.15, 0.20, 0.15, 0.15, 0.15]
    )
    lines = plain(breakdown.component_lines(board, 0, "technical", 90)).splitlines()
    figures = [re.findall(r"[-+]?\d+\.\d+", line) for line in lines[1:]]
    impacts = [float(row[2]) for row in figures[:-1]]
    assert [round(impact, 1) for impact in impacts] == [11.2, 9.0, 8.8, 7.3, 5.7, 4.1]
    assert sum(impacts) == pytest.approx(float(figures[-1][1]), abs=1e-9)
    assert [float(row[3]) for row in figures[:-1]] == [6, 4, 0, -3, 0, 0]
    assert float(figures[-1][2]) == 7.0


@pytest.mark.parametrize("row", range(ROWS - 1))
def test_what_every_table_shows_sums_to_the_total_it_shows(snapshot: Snapshot, row: int) -> None:
    board = snapshot.board
    faces = plain(breakdown.face_lines(board, row, 90, "technical")).splitlines()
    shown = [re.findall(r"-?\d+\.\d+", line) for line in faces[1:]]
    assert round(sum(float(r[-1]) for r in shown[:-1] if r), 2) == float(shown[-1][-1])
    assert float(shown[-1][-1]) == pytest.approx(board.prism[row], abs=0.005001)
    for f, face in enumerate(FACES):
        lines = plain(breakdown.component_lines(board, row, face, 90)).splitlines()
        counted = [
            line
            for line, name in zip(lines[1:], COMPONENTS[face], strict=False)
            if board.status[row, COMPONENT_INDEX[name]] == Status.OK
        ]
        figures = [[float(x) for x in re.findall(r"[-+]?\d+\.\d+", line)] for line in counted]
        total = [float(x) for x in re.findall(r"[-+]?\d+\.\d+", lines[-1])]
        if not counted:
            assert lines[-1].startswith("FINAL SCORE")
            assert np.isnan(board.face_score[row, f])
            continue
        assert round(sum(r[2] for r in figures), 2) == total[1]
        assert round(sum(r[3] for r in figures), 1) == total[2]
        assert round(sum(r[1] for r in figures), 1) == total[0] == 100.0


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=9),
    st.sampled_from([1, 2, 3]),
)
def test_parts_rounded_together_sum_to_the_rounded_total(parts: list[float], decimals: int) -> None:
    total = sum(parts)
    rounded = breakdown.rounded_parts(parts, total, decimals)
    assert round(sum(rounded), decimals) == pytest.approx(round(total, decimals), abs=1.01 * 10**-decimals)
    assert all(abs(a - b) <= 1.001 * 10**-decimals for a, b in zip(parts, rounded, strict=True))


def test_the_drivers_sum_to_the_distance_from_50(snapshot: Snapshot) -> None:
    for row in range(ROWS - 1):
        found = movers(snapshot.board, row)
        assert sum(d.points for d in found) == pytest.approx(snapshot.board.prism[row] - 50, abs=1e-9)
        assert [abs(d.points) for d in found] == sorted((abs(d.points) for d in found), reverse=True)


@pytest.mark.parametrize(
    ("status", "note", "told"),
    [
        (
            Status.MISSING,
            "the venue's candles carry no taker volume",
            "missing: the venue's candles carry no taker volume",
        ),
        (Status.WARMING, "warming: 14/34 bars", "warming: 14/34 bars"),
        (Status.STALE, "open interest 12 min old", "stale: open interest 12 min old"),
        (Status.OK, "from candles", "from candles"),
        (Status.MISSING, "", "missing"),
    ],
)
def test_a_components_status_is_told_in_words(snapshot: Snapshot, status: Status, note: str, told: str) -> None:
    board = snapshot.board
    states = board.status.copy()
    states[0, COMPONENT_INDEX["cmf"]] = status
    readings = {**board.readings, "cmf": replace(board.readings["cmf"], notes={0: note} if note else {})}
    changed = replace(board, status=states, readings=readings)
    assert breakdown.status_text(changed, 0, "cmf") == told
    everything = plain(
        [*breakdown.component_lines(changed, 0, "volume", 90), *breakdown.detail_lines(changed, 0, "volume", 90)]
    )
    assert told in everything


def test_a_component_that_does_not_count_shows_no_number(snapshot: Snapshot) -> None:
    states = snapshot.board.status.copy()
    states[0, :] = Status.MISSING
    board = replace(snapshot.board, status=states, readings={})
    text = plain(breakdown.component_lines(board, 0, "technical", 90)[1:-1])
    assert not re.search(r"\d", text)


# Gates, levels, words


def test_every_gate_is_listed_with_value_and_limit(snapshot: Snapshot) -> None:
    text = plain(gates.gate_lines(snapshot.ranking, 0))
    for name in ("conviction", "coverage", "faces", "spread", "depth", "24h volume", "reward/risk", "scans in a row"):
        assert name in text
    assert len(text.splitlines()) == 1 + len(GATES)


def test_an_unknown_spread_fails_and_says_so(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    spread = [name for name, _ in GATES].index("spread")
    value, passed = ranking.gate_value.copy(), ranking.gate_passed.copy()
    value[0, spread], passed[0, spread] = np.nan, False
    assert gates.gate_text(replace(ranking, gate_value=value, gate_passed=passed), 0, spread) == "spread unknown"


@pytest.mark.parametrize("status", [LevelStatus.WARMING, LevelStatus.MISSING])
def test_levels_that_cannot_be_laid_say_why(snapshot: Snapshot, status: LevelStatus) -> None:
    ranking = snapshot.ranking
    states = ranking.levels.status.copy()
    states[0] = status
    changed = replace(ranking, levels=replace(ranking.levels, status=states))
    view = view_of(snapshot, rankings={**snapshot.rankings, snapshot.preset: changed})
    text = plain(levels.level_lines(view, 60))
    assert "entry" not in text
    assert ("warming" if status == LevelStatus.WARMING else "no levels") in text
    assert levels.marks(changed.levels, 0) == []


def test_levels_say_what_there_is_to_say_of_their_row(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    row = int(np.flatnonzero(ranking.levels.status == LevelStatus.OK)[0])

    def told(status: LevelStatus, note: str) -> str:
        states = ranking.levels.status.copy()
        states[row] = status
        held = replace(ranking.levels, status=states, notes={row: note})
        changed = {**snapshot.rankings, snapshot.preset: replace(ranking, levels=held)}
        return " ".join(plain(levels.level_lines(view_of(snapshot, row, rankings=changed), 44)).split())

    young = told(LevelStatus.OK, "ATR14 of 5m bars, scaled to 15m: too young for those")
    assert young.endswith("ATR14 of 5m bars, scaled to 15m: too young for those")
    assert "stop" in young
    assert told(LevelStatus.WARMING, "warming: 9/15 bars of 15m").endswith("ATR warming: 9/15 bars of 15m")
    assert told(LevelStatus.MISSING, "stop or target at or below zero").endswith(
        "no levels: stop or target at or below zero"
    )


def test_the_position_respects_the_tighter_limit(snapshot: Snapshot) -> None:
    held = snapshot.ranking.levels
    row = int(np.flatnonzero(held.status == LevelStatus.OK)[0])
    view = view_of(snapshot, row)
    distance = abs(held.entry[row] - held.stop[row]) / held.entry[row]
    for depth_usd, by_risk in ((1e12, True), (1_000.0, False)):
        deep = held.depth_1pct_usd.copy()
        deep[row] = depth_usd
        sized = levels.position(replace(held, depth_1pct_usd=deep), row, view.risk)
        assert sized is not None
        assert sized.usd == pytest.approx(100 / distance if by_risk else 100.0)
        assert ("equity" in sized.binding) == by_risk
    unknown = held.depth_1pct_usd.copy()
    unknown[row] = np.nan
    assert levels.position(replace(held, depth_1pct_usd=unknown), row, view.risk) is None


@pytest.mark.parametrize(
    ("base", "step", "contract", "text"),
    [
        (1_960_784.3, 1.0, 1.0, "1960784"),
        (0.0123456, 0.001, 1.0, "0.012"),
        (0.3, 0.1, 1.0, "0.3"),
        (1_960_784.3, 1.0, 1000.0, "1960000"),
        (1_960_784.3, None, 1.0, "1960784"),
        (0.000123456789, None, 1.0, "0.000123457"),
    ],
)
def test_a_size_is_written_as_an_order_takes_it(
    snapshot: Snapshot, base: float, step: float | None, contract: float, text: str
) -> None:
    instrument = replace(snapshot.instruments[0], step=step, contract_size=contract)
    assert levels._size_text(base, instrument) == text


def test_every_gate_fits_beside_the_levels(snapshot: Snapshot) -> None:
    for preset in snapshot.rankings.values():
        for row in range(ROWS):
            assert max(width_of(line) for line in gates.gate_lines(preset, row)) <= gates.WIDTH


def test_the_columns_of_the_readings_hold_whatever_the_unit(snapshot: Snapshot) -> None:
    board = replace(snapshot.board, units=tuple("standard deviations of slope, 20 x 15m" for _ in snapshot.board.units))
    for width in (70, 120):
        head, *lines = plain(breakdown.detail_lines(board, 0, "technical", width)).split("\n")
        figures = [line for line in lines if not line.startswith(" ")]
        assert len(figures) == len(COMPONENTS["technical"])
        for line in figures:
            assert len(line) <= width
            assert re.fullmatch(r".*\S", line[: head.index("RAW") + 3]), "the reading ends where its heading does"
            assert line[head.index("RAW") + 3] == " "


def test_the_explanation_names_the_strongest_the_missing_and_the_gates(snapshot: Snapshot) -> None:
    states = snapshot.board.status.copy()
    names = ("funding", "funding_volatility")
    states[0, [COMPONENT_INDEX[name] for name in names]] = Status.MISSING
    readings = {
        **snapshot.board.readings,
        **{name: replace(snapshot.board.readings[name], notes={0: "no funding seen"}) for name in names},
    }
    view = view_of(snapshot, board=replace(snapshot.board, status=states, readings=readings))
    text = " ".join(text for text, _ in explanation.explanation(view))
    strongest = movers(view.snapshot.board, 0)[0]
    assert words(strongest.component) in text
    assert "Not counted: funding, funding volatility (missing: no funding seen)." in text
    failed = gates.failed_gates(view.snapshot.ranking, 0)
    assert ("all 10 gates passed" in text) == (not failed)
    assert all(gate in text for gate in failed)


# Liquidations


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
    assert "no liquidation reported" in nothing


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


# Depth


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
    for width in (42, 44, 76, 120):
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
    assert "DEPTH" not in plain(depth.depth_lines(view_of(snapshot), 0, 41, 28))


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


# Chart


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


# The rest


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
