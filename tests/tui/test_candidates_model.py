"""The view model: rows are instruments, only what is looked at is written, and filters say what they leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.snapshot import FeedState
from tests.tui.candidate_views import BASE, WIDE, key_of, rows_of, shown, with_candidates, with_columns
from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import layout
from tui.presenters.filter_expression import FilterError
from tui.presenters.selection import match_class

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
