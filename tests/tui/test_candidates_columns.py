"""Columns of the candidates: which fit, missing values, the sparkline of the past day, and traps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prism.traps import TRAPS, Traps
from engine.snapshot import FeedState, Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.candidate_views import BASE, WIDE, rows_of, shown, with_columns
from tui.presenters.columns import BY_KEY, COLUMNS, GAP, GUTTER, TREND_WIDTH, Cell, Column, layout
from tui.presenters.gates import side_text
from tui.presenters.gauges import STEPS
from tui.presenters.row import Key
from tui.presenters.row_views import Marks, RowViews
from tui.presenters.sheet import Sheet

DROP_ORDER = [column.key for column in sorted(COLUMNS, key=lambda column: -column.priority)]
"""Columns in the order in which they are dropped as the pane narrows."""


def total_width(columns: tuple[Column, ...]) -> int:
    return GUTTER + sum(column.width + GAP for column in columns)


# Columns


@given(st.integers(2, 260), st.booleans())
def test_columns_fit_whole_and_a_wider_pane_never_shows_fewer(width: int, vetoed: bool) -> None:
    columns = layout(width, vetoed)
    assert total_width(columns) <= width or [c.key for c in columns] == ["symbol"]
    assert {c.key for c in columns} <= {c.key for c in layout(width + 1, vetoed)}
    faces = [c for c in columns if c.key.startswith("face.")]
    assert len(faces) in (0, 6)


def test_no_heading_is_wider_than_its_column() -> None:
    for column in COLUMNS:
        assert len(column.title) <= column.width, column.key


def test_columns_leave_in_the_documented_order() -> None:
    lost: list[str] = []
    for width in range(200, 10, -1):
        now = {c.key for c in layout(width)}
        lost += [key for key in DROP_ORDER if key not in now and key not in lost and key != "gate"]
    assert lost == [key for key in DROP_ORDER if key in lost]
    assert {c.key for c in layout(78)} >= {"rank", "symbol", "venue", "side", "score", "coverage", "last", "change_1h"}
    assert "gate" in {c.key for c in layout(78, vetoed=True)}
    assert "gate" not in {c.key for c in layout(200)}


def test_every_column_sorts_both_ways_with_missing_values_last() -> None:
    for column in COLUMNS:
        for reverse in (False, True):
            model = shown(BASE, sort=column.key, reverse=reverse)
            values = Sheet(BASE, "relaxed").numbers(column.sort_name)[rows_of(model, BASE)]
            known = values[~np.isnan(values)]
            assert not np.isnan(values[: len(known)]).any(), column.key
            steps = np.diff(known)
            assert (steps <= 0).all() if model.state.descending else (steps >= 0).all(), column.key


# Missing values


def test_missing_values_are_a_dot_and_never_a_zero() -> None:
    blank = np.full(len(BASE.instruments), np.nan)
    bare = with_columns(BASE, last=blank, change_1h_frac=blank, volume_24h_usd=blank, funding_frac=blank,
                        oi_change_1h_frac=blank, spread_bps=blank, newest_ms=np.full(len(blank), -1))  # fmt: skip
    view = shown(bare).prepare(0, 1, WIDE, 0.0)[0]
    cells = {column.key: cell for column, cell in zip(WIDE, view.cells, strict=True)}
    for key in ("last", "change_1h", "volume", "funding", "oi_1h", "spread", "age"):
        assert (cells[key].text, cells[key].tone) == ("·", "muted")


@pytest.mark.parametrize(
    ("state", "age_ms", "is_stale"),
    [
        ("live", 120, False),
        ("syncing", 120, False),
        ("connecting", None, False),
        ("stale", 16_000, True),
        ("down", 120, True),
        ("connecting", 600_000, True),
        ("syncing", 600_000, True),
    ],
)
def test_rows_stay_stale_until_their_venue_has_sent_something_again(
    state: FeedState, age_ms: int | None, is_stale: bool
) -> None:
    feeds = tuple(replace(feed, state=state, age_ms=age_ms) if feed.venue == "okx" else feed for feed in BASE.feeds)
    sheet = Sheet(replace(BASE, feeds=feeds), "balanced")
    stale = {
        (one.venue, one.symbol) for one, value in zip(sheet.instruments, sheet.numbers("stale"), strict=True) if value
    }
    assert stale == {(one.venue, one.symbol) for one in sheet.instruments if is_stale and one.venue == "okx"}


def test_partial_scores_are_dimmed_by_how_much_is_missing() -> None:
    coverage = np.ones(len(BASE.instruments))
    row = int(BASE.rankings["relaxed"].candidates[0])
    tones = []
    for frac in (1.0, 0.7, 0.3):
        coverage = coverage.copy()
        coverage[row] = frac
        partial = replace(BASE, board=replace(BASE.board, coverage=coverage))
        view = shown(partial).prepare(0, 1, WIDE, 0.0)[0]
        tones.append(view.cells[[c.key for c in WIDE].index("score")].tone)
    assert [tone.partition(".")[2] for tone in tones] == ["", "part", "thin"]


# The sparkline of the past day


def trending(rows: list[list[float]]) -> Sheet:
    """A sheet whose first rows have these trends, newest last; the others none."""
    snapshot = make_snapshot(len(rows) + 2)
    trend = np.full((len(snapshot.instruments), TREND_WIDTH), np.nan)
    for row, points in enumerate(rows):
        trend[row, TREND_WIDTH - len(points) :] = points
    return Sheet(replace(snapshot, columns=replace(snapshot.columns, trend=trend)), "balanced")


def test_a_sparkline_goes_from_the_least_to_the_greatest_of_the_day() -> None:
    up, down = [float(n) for n in range(12)], [1.0, 0.5, 0.0]
    sheet = trending([up, down, [7.0] * 12])
    cells = [BY_KEY["trend"].paint(sheet, row) for row in range(4)]
    assert cells[0].text == "▁▂▂▃▄▄▅▅▆▇▇█"
    assert cells[1].text == " " * 9 + "█▅▁"
    assert cells[2].text == "▄" * 12
    assert cells[3].text == "·"
    assert {cell.tone for cell in cells} == {"muted"}, "a filled block in colour is louder than the score"
    assert sheet.numbers("order.trend")[:2].tolist() == [1.0, 0.0]
    assert np.isnan(sheet.numbers("order.trend")[2:]).all()


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(1e-8, 1e6)), min_size=12, max_size=12))
def test_the_code_of_a_sparkline_is_the_sparkline(points: list[float]) -> None:
    known = [point for point in points if point == point]
    text = BY_KEY["trend"].paint(trending([points]), 0).text
    if not known:
        assert text == "·"
        return
    assert [cell == " " for cell in text] == [point != point for point in points]
    heights = [STEPS.index(cell) for cell in text if cell != " "]
    if min(known) < max(known):
        assert (min(heights), max(heights)) == (0, 7)
    order = sorted(range(len(known)), key=lambda place: known[place])
    assert [heights[place] for place in order] == sorted(heights)


def test_a_row_is_written_again_only_when_its_drawing_changes() -> None:
    snapshot = make_snapshot(12, complete=True)
    columns = tuple(column for column in COLUMNS if column.key in ("symbol", "trend"))
    views = RowViews()
    keys = [(Key(one.venue, one.symbol), row, Marks()) for row, one in enumerate(snapshot.instruments)]
    views.views(Sheet(snapshot, "balanced"), 1, keys, columns, 0.0)
    assert views.formatted == 12
    trend = snapshot.columns.trend
    for serial, changed in enumerate((trend.copy(), np.roll(trend, 1, axis=0)), start=2):
        later = replace(snapshot, columns=replace(snapshot.columns, trend=changed))
        views.views(Sheet(later, "balanced"), serial, keys, columns, 1.0)
        assert views.formatted == (12 if serial == 2 else 24)


def test_the_sparkline_is_the_first_column_to_go() -> None:
    assert DROP_ORDER[0] == "trend"
    whole = total_width(tuple(column for column in COLUMNS if column.views != "vetoed"))
    assert BY_KEY["trend"] in layout(whole)
    assert BY_KEY["trend"] not in layout(whole - 1)


# Traps


def flagged(snapshot: Snapshot) -> Snapshot:
    """The first row of the table with two flags against its side and three against the other, the second with none."""
    first, second = snapshot.rankings["relaxed"].candidates[:2].tolist()
    side = int(snapshot.rankings["relaxed"].side[first])
    raised = np.zeros((2, len(snapshot.instruments), len(TRAPS)), dtype=np.bool_)
    mine = 0 if side > 0 else 1
    raised[mine, first, [0, 7]] = True
    raised[1 - mine, first, 1:4] = True
    assert not raised[:, second].any()
    return replace(snapshot, traps=Traps(raised, np.ones((*raised.shape, 2))))


def test_traps_against_the_side_are_counted_and_what_nobody_looked_at_is_not_none() -> None:
    place = [column.key for column in WIDE].index("traps")
    views = shown(flagged(BASE)).prepare(0, 2, WIDE, 0.0)
    assert [view.cells[place] for view in views] == [Cell("⚑2", "warning"), Cell("", "muted")]
    unseen = shown(BASE).prepare(0, 1, WIDE, 0.0)[0]
    assert unseen.cells[place] == Cell("·", "muted")


def test_traps_leave_before_the_figures_of_a_trade_are_lost() -> None:
    assert DROP_ORDER.index("traps") < min(DROP_ORDER.index(key) for key in ("score", "side", "last", "coverage"))
    assert "traps" in {column.key for column in layout(110)}
    assert "traps" not in {column.key for column in layout(90)}


@pytest.mark.parametrize(("score", "tone"), [(49.0, "muted"), (45.5, "muted"), (44.9, "short"), (30.0, "short")])
def test_a_side_in_name_only_is_not_painted_as_one(score: float, tone: str) -> None:
    ranking = BASE.ranking
    side, conviction = ranking.side.copy(), ranking.conviction.copy()
    side[0], conviction[0] = -1, abs(score - 50) * 2
    held = {**BASE.rankings, BASE.preset: replace(ranking, side=side, conviction=conviction)}
    sheet = Sheet(replace(BASE, rankings=held), BASE.preset)
    cell = BY_KEY["side"].paint(sheet, 0)
    assert cell == Cell("▼SHORT", tone)
    assert "faint" in BY_KEY["side"].reads, "the cell is written anew when that changes"


@pytest.mark.parametrize(
    ("conviction", "coverage", "passes", "shown_as"),
    [
        (0.0054, 0.9, False, Cell("FLAT", "muted")),
        (1.9, 0.9, False, Cell("FLAT", "muted")),
        (1.9, 0.9, True, Cell("▲LONG", "muted")),
        (100.0, 0.09, False, Cell("·", "muted")),
        (100.0, 0.09, True, Cell("▲LONG", "long")),
        (100.0, 0.25, False, Cell("▲LONG", "long")),
    ],
)
def test_no_side_is_claimed_near_neutral_or_on_hardly_any_data(
    conviction: float, coverage: float, passes: bool, shown_as: Cell
) -> None:
    ranking, board = BASE.ranking, BASE.board
    side, convictions = ranking.side.copy(), ranking.conviction.copy()
    passed, covered = ranking.gate_passed.copy(), board.coverage.copy()
    side[0], convictions[0], passed[0], covered[0] = 1, conviction, passes, coverage
    held = replace(ranking, side=side, conviction=convictions, gate_passed=passed)
    board = replace(board, coverage=covered)
    sheet = Sheet(replace(BASE, board=board, rankings={**BASE.rankings, BASE.preset: held}), BASE.preset)
    assert BY_KEY["side"].paint(sheet, 0) == shown_as
    word = "NO SIDE" if shown_as.text == "·" else shown_as.text.strip("▲")
    assert side_text(held, board, 0) == (word, "up" if shown_as.tone == "long" else "muted")
    assert (sheet.number("side", 0) == 1) is (word == "LONG"), "what the filter for direction reads"


@pytest.mark.parametrize("vetoed", [False, True])
def test_the_venue_outlives_all_but_symbol_side_and_score(vetoed: bool) -> None:
    """One coin stands on several venues: without it their rows cannot be told apart."""
    for width in range(36, 120):
        keys = {column.key for column in layout(width, vetoed)}
        assert "venue" in keys, width
    assert {"venue", "gate"} <= {column.key for column in layout(76, vetoed=True)}
    assert DROP_ORDER.index("change_1h") < DROP_ORDER.index("venue")
