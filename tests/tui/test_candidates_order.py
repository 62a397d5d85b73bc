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
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key

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
