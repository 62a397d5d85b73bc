"""The order of the candidates holds still, and changes of rank are over event time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.builders import AT_MS, make_snapshot
from tests.tui.candidate_views import BASE, WIDE, key_of, rows_of, shown, with_candidates, with_columns, with_conviction
from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import BY_KEY
from tui.presenters.ordering import PATIENCE, Hysteresis, moves
from tui.presenters.rank_history import LEAST_MS, WINDOW_MS, RankHistory
from tui.presenters.row import Key
from tui.presenters.view_state import ViewState

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
    assert [view.marks.left for view in model.prepare(0, 3, WIDE, 1.0)] == [False, True, False]
    assert "is gated now: depth" in model.status().left
    for wish, value in (("watched", frozenset({key_of(BASE, 2)})), ("frozen", True), ("frozen", False)):
        model.change(1.1, **{wish: value})  # type: ignore[arg-type]
        assert 2 in rows_of(model, first), f"{wish} says nothing of which rows there are"
    model.change(1.5, keep_row=True, expression="score >= 0")
    assert 2 in rows_of(model, first)
    model.change(1.6, expression="score > -1")
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


def test_frozen_rows_that_a_new_start_of_the_engine_no_longer_has_are_let_go() -> None:
    """A seek in a recording, or kept candles that give way to the live market."""
    model = shown(with_conviction(BASE, {1: 60.0, 2: 50.0, 3: 40.0}))
    gone = model.order[0]
    model.change(0.1, frozen=True)
    renamed = tuple(replace(one, symbol=f"{one.symbol}2") for one in BASE.instruments)
    restarted = with_conviction(replace(BASE, epoch=BASE.epoch + 1, instruments=renamed), {1: 60.0, 2: 50.0})
    assert model.update(restarted, 0.2)
    assert rows_of(model, restarted) == [1, 2]
    assert [view.key for view in model.prepare(0, 3, WIDE, 0.2)] == list(model.order)
    assert model.index_of(gone) is None
    assert model.status().frozen_age_s == 0.0
    model.update(with_conviction(restarted, {1: 50.0, 2: 60.0}), 2.0)
    assert rows_of(model, restarted) == [1, 2], "still frozen"


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


def test_a_sort_by_gate_is_one_by_rank_where_no_gate_is_shown() -> None:
    model = shown(BASE, sort="gate", vetoed=True)
    assert (model.state.heading, model.status().sorted_by) == ("gate", "GATE")
    by_rank = shown(BASE, vetoed=True)
    assert model.order != by_rank.order
    model.change(1.0, vetoed=False)
    by_rank.change(1.0, vetoed=False)
    assert model.order == by_rank.order
    assert model.state.heading == "rank"
    assert model.status().sorted_by == by_rank.status().sorted_by
    assert model.status().descending == by_rank.status().descending
    model.change(2.0, vetoed=True)
    assert model.state.heading == "gate"


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


def places(model: CandidatesModel) -> list[str]:
    """The ranks as shown."""
    column = next(place for place, one in enumerate(WIDE) if one.key == "rank")
    return [view.cells[column].text for view in model.prepare(0, model.count, WIDE, 9.0)]


def test_ranks_stand_in_the_order_of_the_rows_while_rows_wait() -> None:
    first = with_conviction(BASE, {1: 60.0, 2: 50.0, 3: 40.0, 4: 30.0})
    model = shown(first)
    assert places(model) == ["1", "2", "3", "4"]
    model.hold(100.0)
    model.update(with_conviction(BASE, {1: 30.0, 2: 40.0, 3: 50.0, 4: 60.0}), 2.0)
    assert rows_of(model, first) == [1, 2, 3, 4]
    assert places(model) == ["1", "2", "3", "4"], "no reader takes a held order for a broken sort"
    assert model.status().waiting
    model.hold(0.0)
    model.update(replace(with_conviction(BASE, {1: 30.0, 2: 40.0, 3: 50.0, 4: 60.0}), sequence=99), 4.0)
    assert rows_of(model, first) == [4, 3, 2, 1]
    assert places(model) == ["1", "2", "3", "4"]
    within = BY_KEY["rank"].margin / 2
    model.update(replace(with_conviction(BASE, {1: 30.0, 2: 40.0, 3: 60.0 + within, 4: 60.0}), sequence=100), 6.0)
    assert rows_of(model, first) == [4, 3, 2, 1]
    assert places(model) == ["1", "2", "3", "4"], "a row that waits to be overtaken keeps the better rank"


def test_a_row_that_fell_out_has_no_rank_and_pinned_and_filtered_rows_have_their_own() -> None:
    first = with_conviction(BASE, {1: 60.0, 2: 50.0, 3: 40.0, 4: 30.0})
    model = shown(first, pinned=(key_of(BASE, 3),))
    assert rows_of(model, first) == [3, 1, 2, 4]
    assert places(model) == ["3", "1", "2", "4"]
    model.change(1.0, pinned=(), text=key_of(BASE, 3).symbol)
    assert set(places(model)) <= {"1", "2", "3", "4"}
    assert "3" in places(model)
    model.change(2.0, text="")
    model.hold(100.0)
    model.update(with_conviction(BASE, {1: 60.0, 3: 40.0, 4: 30.0}), 4.0)
    assert places(model) == ["1", "·", "3", "4"]
    model.change(5.0, sort="symbol")
    model.hold(0.0)
    order = [place for place in places(model) if place != "·"]
    assert sorted(order) == ["1", "2", "3"], "in another order the rows have the ranks of now"


def test_ranks_from_before_a_long_pause_are_no_reference() -> None:
    history = RankHistory()
    history.add(replace(BASE, at_ms=AT_MS))
    awake = AT_MS + 6 * WINDOW_MS
    first = replace(BASE, at_ms=awake)
    history.add(first)
    assert history.before(first, "relaxed") is None
    later = replace(BASE, at_ms=awake + LEAST_MS)
    history.add(later)
    assert history.before(later, "relaxed") is not None
