"""The view model: rows are instruments, the order holds still, and only what is looked at is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.prism.traps import TRAPS, Traps
from engine.ranking.gates import GATE_INDEX
from engine.snapshot import FeedState, Snapshot
from tests.engine.builders import AT_MS, make_snapshot
from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import BY_KEY, COLUMNS, DROP_ORDER, TREND_WIDTH, Cell, layout, total_width
from tui.presenters.filter_expression import FilterError
from tui.presenters.gauges import STEPS
from tui.presenters.ordering import PATIENCE, Hysteresis, moves
from tui.presenters.rank_history import LEAST_MS, WINDOW_MS, RankHistory
from tui.presenters.row_views import RowViews
from tui.presenters.selection import ViewState, match_class
from tui.presenters.sheet import Key, Sheet

WIDE = layout(200)
BASE = make_snapshot(60, preset="relaxed")


def with_columns(snapshot: Snapshot, **changes: object) -> Snapshot:
    """`snapshot` with some market readings exchanged."""
    return replace(snapshot, sequence=snapshot.sequence + 1, columns=replace(snapshot.columns, **changes))  # type: ignore[arg-type]


def with_candidates(snapshot: Snapshot, rows: list[int], preset: str = "relaxed") -> Snapshot:
    """`snapshot` with these rows as candidates, in this order; all other rankable rows are gated."""
    old = snapshot.rankings[preset]
    rankable = [row for row in (*old.candidates, *old.vetoed) if row not in rows]
    passed = old.gate_passed.copy()
    passed[rows] = True
    passed[rankable, GATE_INDEX["depth"]] = False
    new = replace(
        old, candidates=np.array(rows, dtype=np.int64), vetoed=np.array(rankable, dtype=np.int64), gate_passed=passed
    )
    return replace(snapshot, sequence=snapshot.sequence + 1, rankings={**snapshot.rankings, preset: new})


def with_conviction(snapshot: Snapshot, values: dict[int, float], preset: str = "relaxed") -> Snapshot:
    """`snapshot` with these convictions, and these rows as the candidates in that order."""
    old = snapshot.rankings[preset]
    conviction = old.conviction.copy()
    for row, value in values.items():
        conviction[row] = value
    ranked = sorted(values, key=lambda row: -values[row])
    held = replace(snapshot, rankings={**snapshot.rankings, preset: replace(old, conviction=conviction)})
    return with_candidates(held, ranked, preset)


def rows_of(model: CandidatesModel, snapshot: Snapshot) -> list[int]:
    numbers = {Key(i.venue, i.symbol): row for row, i in enumerate(snapshot.instruments)}
    return [numbers[key] for key in model.order]


def key_of(snapshot: Snapshot, row: int) -> Key:
    return Key(snapshot.instruments[row].venue, snapshot.instruments[row].symbol)


def shown(snapshot: Snapshot, now_s: float = 0.0, **wishes: object) -> CandidatesModel:
    model = CandidatesModel(ViewState(**wishes))  # type: ignore[arg-type]
    model.update(snapshot, now_s)
    return model


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


# Writing only what is looked at


def test_only_rows_asked_for_are_written_and_only_again_when_they_change() -> None:
    model = shown(BASE)
    model.prepare(0, 10, WIDE, 0.0)
    assert model.formatted == 10
    model.update(replace(BASE, sequence=2), 0.1)
    model.prepare(0, 10, WIDE, 0.1)
    assert model.formatted == 10
    last = BASE.columns.last.copy()
    changed = [rows_of(model, BASE)[index] for index in (0, 3, 11)]
    last[changed] *= 1.01
    before = [view.revision for view in model.prepare(0, 10, WIDE, 0.1)]
    model.update(with_columns(BASE, last=last), 0.2)
    after = model.prepare(0, 10, WIDE, 0.2)
    assert model.formatted == 12
    assert [i for i, view in enumerate(after) if view.revision != before[i]] == [0, 3]


def test_a_change_that_writes_the_same_text_is_no_new_revision() -> None:
    model = shown(BASE)
    before = model.prepare(0, 5, WIDE, 0.0)
    model.update(with_columns(BASE, last=BASE.columns.last * (1 + 1e-12)), 0.1)
    after = model.prepare(0, 5, WIDE, 0.1)
    assert model.formatted == 10
    assert [view.revision for view in after] == [view.revision for view in before]


def test_only_the_changed_digits_flash_and_only_where_they_were_seen() -> None:
    row = int(BASE.rankings["relaxed"].candidates[0])
    tick = BASE.instruments[row].tick
    assert tick is not None
    last = BASE.columns.last.copy()
    last[row] = round(last[row] / tick) * tick
    first, last = with_columns(BASE, last=last), last.copy()
    digit = round(float(last[row]) / tick) % 10
    last[row] += tick if digit < 9 else -tick
    model = shown(first)
    model.prepare(0, 1, WIDE, 0.0)
    model.update(with_columns(first, last=last), 0.1)
    view = model.prepare(0, 1, WIDE, 0.1)[0]
    (flash,) = view.flashes
    column = WIDE[flash.column]
    assert (column.key, flash.start, flash.rising) == ("last", column.width - 1, digit < 9)
    unseen = shown(first)
    unseen.prepare(0, 1, WIDE, 0.0)
    unseen.update(with_columns(first, last=last), 10.0)
    assert unseen.prepare(0, 1, WIDE, 10.0)[0].flashes == ()


# The order


def test_the_order_is_made_anew_at_most_once_a_second() -> None:
    first = with_conviction(BASE, {1: 60.0, 2: 50.0, 3: 40.0})
    swapped = with_conviction(BASE, {1: 40.0, 2: 50.0, 3: 60.0})
    model = shown(first)
    assert rows_of(model, first) == [1, 2, 3]
    assert not model.update(swapped, 0.9)
    assert rows_of(model, first) == [1, 2, 3]
    assert model.update(replace(swapped, sequence=9), 1.0)
    assert rows_of(model, first) == [3, 2, 1]


def test_a_row_overtakes_by_its_margin_or_by_patience() -> None:
    margin = BY_KEY["rank"].margin
    first = with_conviction(BASE, {1: 60.0, 2: 50.0})
    near = with_conviction(BASE, {1: 50.0, 2: 50.0 + margin / 2})
    far = with_conviction(BASE, {1: 50.0, 2: 50.0 + margin})
    model = shown(first)
    model.update(far, 1.0)
    assert rows_of(model, first) == [2, 1]
    model = shown(first)
    orders = []
    for tick in range(1, PATIENCE + 3):
        model.update(replace(near, sequence=10 + tick), float(tick))
        orders.append(rows_of(model, first))
    assert orders == [[1, 2]] * PATIENCE + [[2, 1]] * 2


def test_what_the_user_does_reorders_at_once() -> None:
    model = shown(BASE)
    model.change(0.1, sort="symbol")
    symbols = [key.symbol for key in model.order]
    assert symbols == sorted(symbols)
    model.change(0.2, reverse=True)
    assert [key.symbol for key in model.order] == symbols[::-1]


def test_pinned_rows_stand_on_top_whatever_the_filters_say() -> None:
    gated = key_of(BASE, int(BASE.rankings["relaxed"].vetoed[0]))
    model = shown(BASE, pinned=(gated,), text="BTC")
    assert model.order[0] == gated
    assert all("BTC" in key.symbol for key in model.order[1:])
    assert model.count > 1


def test_the_row_under_the_cursor_is_not_taken_away_by_the_market() -> None:
    first = with_candidates(BASE, [1, 2, 3])
    model = shown(first)
    model.anchor = key_of(BASE, 2)
    model.update(with_candidates(BASE, [1, 3]), 1.0)
    assert rows_of(model, first) == [1, 2, 3]
    assert [view.left for view in model.prepare(0, 3, WIDE, 1.0)] == [False, True, False]
    assert "fell out: depth" in model.status().left
    model.change(1.1, side="both")
    assert rows_of(model, first) == [1, 3]


def test_frozen_holds_order_and_values_and_says_what_it_hides() -> None:
    first = with_conviction(BASE, {1: 60.0, 2: 50.0, 3: 40.0})
    later = replace(with_conviction(BASE, {1: 40.0, 2: 50.0, 3: 60.0, 4: 30.0}), at_ms=AT_MS + 7_000)
    model = shown(first)
    before = model.prepare(0, 3, WIDE, 0.0)
    model.change(0.1, frozen=True)
    model.update(with_columns(later, last=BASE.columns.last * 2), 2.0)
    assert rows_of(model, first) == [1, 2, 3]
    assert [v.cells for v in model.prepare(0, 3, WIDE, 2.0)] == [v.cells for v in before]
    status = model.status()
    assert status.frozen_age_s == 7.0
    assert status.would_move == 3  # 4 enters, and two of the three change places
    model.change(2.1, sort="symbol")
    assert {1, 2, 3} == set(rows_of(model, first))
    model.change(2.2, frozen=False, sort="rank")
    assert rows_of(model, first) == [3, 2, 1, 4]
    assert model.status().frozen_age_s is None


def test_rows_keep_their_instrument_when_the_numbering_changes() -> None:
    model = shown(BASE)
    model.prepare(0, 5, WIDE, 0.0)
    other = make_snapshot(80, preset="relaxed")
    model.update(replace(other, epoch=BASE.epoch), 1.0)
    numbers = {Key(i.venue, i.symbol): row for row, i in enumerate(other.instruments)}
    for key, view in zip(model.order[:20], model.prepare(0, 20, WIDE, 1.0), strict=True):
        assert view.key == key
        last = other.columns.last[numbers[key]]
        assert float(view.cells[[c.key for c in WIDE].index("last")].text) == pytest.approx(last, rel=1e-3)


def test_another_preset_shows_what_the_snapshot_already_holds() -> None:
    model = shown(BASE)
    model.change(0.0, preset="strict")
    assert rows_of(model, BASE) == BASE.rankings["strict"].candidates.tolist()
    assert model.status().preset == "strict"


@given(st.permutations(list(range(12))), st.permutations(list(range(12))), st.integers(0, 12))
@settings(max_examples=100)
def test_settling_keeps_exactly_the_rows_of_the_target(held: list[int], target: list[int], cut: int) -> None:
    keys = [Key("v", str(n)) for n in range(12)]
    before, after = [keys[n] for n in held[:cut]], [keys[n] for n in target]
    values = {key: (1, float(-place)) for place, key in enumerate(after)}
    assert Hysteresis().settle(before, after, values, 0.5) == after
    calm = Hysteresis().settle(before, after, values, 1e9)
    assert sorted(calm) == sorted(after)
    assert [key for key in calm if key in before] == before


def test_moves_counts_the_fewest_rows() -> None:
    a, b, c, d = (Key("v", n) for n in "abcd")
    assert moves([a, b, c], [a, b, c]) == 0
    assert moves([a, b, c], [c, a, b]) == 1
    assert moves([a, b, c], [d, a, b, c]) == 1
    assert moves([a, b, c], [c, b, a]) == 2
    assert moves([a, b], []) == 2


# Filters


def test_text_ranks_exact_then_prefix_then_suffix_then_inside() -> None:
    assert [match_class("pepe", name) for name in ("pepe", "pepeusdt", "1000pepe", "1000pepeusdt", "btc")] == [
        0, 1, 2, 3, 9,
    ]  # fmt: skip
    model = shown(BASE, text="btc")
    assert model.count
    assert all("BTC" in key.symbol for key in model.order)


def test_side_venue_watch_and_expression_filter() -> None:
    assert all(BASE.rankings["relaxed"].side[row] == 1 for row in rows_of(shown(BASE, side="long"), BASE))
    assert {key.venue for key in shown(BASE, venues=frozenset({"okx"})).order} == {"okx"}
    some = key_of(BASE, int(BASE.rankings["relaxed"].candidates[2]))
    assert shown(BASE, watch_only=True, watched=frozenset({some})).order == (some,)
    kept = rows_of(shown(BASE, expression="score > 70"), BASE)
    assert kept
    assert (BASE.board.prism[kept] > 70).all()


def test_a_bad_expression_changes_nothing() -> None:
    model = shown(BASE, text="btc")
    order = model.order
    with pytest.raises(FilterError):
        model.change(0.0, expression="scor > 1", text="")
    assert (model.state.text, model.order) == ("btc", order)
    with pytest.raises(KeyError, match="no column 'nope'"):
        model.change(0.0, sort="nope")


def test_empty_views_say_why() -> None:
    assert CandidatesModel().status().empty == "waiting for data"
    none = with_candidates(BASE, [])
    gated = len(none.rankings["relaxed"].vetoed)
    said = shown(none).status().empty.split("\n")
    assert said[0] == f"no row passes relaxed ({gated} gated; press v)"
    failed = ~none.rankings["relaxed"].gate_passed[none.rankings["relaxed"].vetoed]
    most = int(failed.sum(axis=0).max())
    assert said[1].startswith("stopped by ")
    assert f" {most}" in said[1].split(",")[0]
    assert len(said) == 2
    feeds = tuple(replace(feed, backfill=7) for feed in none.feeds)
    assert f"{7 * len(feeds)} more answers" in shown(replace(none, feeds=feeds)).status().empty.split("\n")[2]
    count = len(BASE.rankings["relaxed"].candidates)
    empty = shown(BASE, text="zzz", side="long").status().empty
    assert empty == f"none of {count} rows matches `zzz` and side long"
    states: tuple[FeedState, ...] = ("down", "stale", "connecting")
    gone = tuple(replace(feed, state=states[at]) for at, feed in enumerate(none.feeds[:3]))
    assert shown(replace(none, feeds=gone)).status().empty.split("\n") == [
        "no venue sends anything: 1 stream down, 1 stale; prism keeps trying",
        *said,
    ]
    down = tuple(replace(feed, state="down") for feed in none.feeds)
    headline = f"no venue is connected: {len(down)} of {len(down)} streams down; prism keeps trying"
    assert shown(replace(none, feeds=down)).status().empty.split("\n")[0] == headline
    one_live = (*down[:-1], replace(down[-1], state="live"))
    assert shown(replace(none, feeds=one_live)).status().empty.split("\n") == said
    unscored = replace(none, board=replace(none.board, prism=np.full(len(none.instruments), np.nan)))
    assert shown(unscored).status().empty == f"warming: no score yet for {gated} instruments"


def test_the_vetoed_view_says_which_gate_in_words() -> None:
    model = shown(BASE, vetoed=True)
    ranking = BASE.rankings["relaxed"]
    failed = (~ranking.gate_passed).sum(axis=1)
    assert len(set(failed[ranking.vetoed])) > 1
    # What lacks least first, and among equals the ranking's own order.
    assert rows_of(model, BASE) == sorted(ranking.vetoed.tolist(), key=lambda row: failed[row])
    assert model.status().sorted_by == "gates failed"
    columns = layout(78, vetoed=True)
    gate = [column.key for column in columns].index("gate")
    texts = [view.cells[gate].text for view in model.prepare(0, model.count, columns, 0.0)]
    assert all(text != "·" for text in texts)
    assert any(" < " in text or " > " in text or "not known" in text for text in texts)


def test_the_export_holds_what_is_shown_unformatted() -> None:
    model = shown(BASE, sort="volume")
    names, rows = model.export()
    assert [row[names.index("symbol")] for row in rows] == [key.symbol for key in model.order]
    assert not any(isinstance(value, float) and value != value for row in rows for value in row)
    score = names.index("score")
    assert [row[score] for row in rows] == pytest.approx(BASE.board.prism[rows_of(model, BASE)].tolist())


# Change of rank


def test_rank_changes_are_over_five_minutes_of_event_time() -> None:
    history = RankHistory()
    early = with_candidates(BASE, [1, 2, 3])
    history.add(early)
    assert history.before(early, "relaxed") is None
    young = replace(early, at_ms=AT_MS + LEAST_MS - 1)
    assert history.before(young, "relaxed") is None
    model = CandidatesModel()
    model.update(early, 0.0)
    later = replace(with_candidates(BASE, [4, 3, 1]), at_ms=AT_MS + WINDOW_MS)
    model.update(later, 300.0)
    change = [column.key for column in WIDE].index("rank_change")
    texts = [view.cells[change].text for view in model.prepare(0, 3, WIDE, 300.0)]
    assert dict(zip(rows_of(model, BASE), texts, strict=True)) == {4: "new", 3: "▲1", 1: "▼2"}


def test_a_step_back_in_time_forgets_the_ranks() -> None:
    history = RankHistory()
    history.add(BASE)
    history.add(replace(BASE, at_ms=AT_MS + 120_000))
    assert history.before(replace(BASE, at_ms=AT_MS + 120_000), "relaxed") is not None
    back = replace(BASE, at_ms=AT_MS + 1_000)
    history.add(back)
    assert history.before(back, "relaxed") is None


def test_the_same_input_gives_the_same_view() -> None:
    def run() -> list[object]:
        model = CandidatesModel(ViewState(sort="change_1h"))
        found: list[object] = []
        for step in range(6):
            rng = np.random.default_rng(step)
            change = BASE.columns.change_1h_frac + rng.normal(0, 0.001, len(BASE.instruments))
            model.update(with_columns(BASE, change_1h_frac=change), step * 0.5)
            found.append((model.order, [view.cells for view in model.prepare(0, 8, WIDE, step * 0.5)]))
        return found

    assert run() == run()


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
    assert cells[0].tone == "up"
    assert cells[1].text == " " * 9 + "█▅▁"
    assert cells[1].tone == "down"
    assert cells[2].text == "▄" * 12
    assert cells[2].tone == "text"
    assert cells[3].text == "·"
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
    keys = [(Key(one.venue, one.symbol), row, False, False) for row, one in enumerate(snapshot.instruments)]
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
