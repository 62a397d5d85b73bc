"""The view model: rows are instruments, only what is looked at is written, and filters say what they leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.arrays import Floats
from engine.ranking.gates import GATE_INDEX
from engine.snapshot import FeedState
from tests.tui.candidate_views import BASE, WIDE, key_of, rows_of, shown, with_candidates, with_columns
from tui.presenters.candidates import CandidatesModel
from tui.presenters.columns import BY_KEY, layout
from tui.presenters.filter_expression import FilterError
from tui.presenters.selection import match_class
from tui.presenters.sheet import Sheet

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


def test_between_scans_no_value_is_read_again_until_a_venue_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    numbers = Sheet.numbers

    def noted(sheet: Sheet, name: str) -> Floats:
        if name not in sheet._numbers:
            read.append(name)
        return numbers(sheet, name)

    monkeypatch.setattr(Sheet, "numbers", noted)
    model = shown(BASE)
    model.prepare(0, 10, WIDE, 0.0)
    assert "score" in read
    read.clear()
    quiet = tuple(replace(feed, age_ms=700, frames=feed.frames + 1) for feed in BASE.feeds)
    model.update(replace(BASE, sequence=2, feeds=quiet), 0.1)
    model.prepare(0, 10, WIDE, 0.1)
    assert read == []
    down = tuple(replace(feed, state="down") for feed in quiet)
    model.update(replace(BASE, sequence=3, feeds=down), 0.2)
    assert all(view.stale for view in model.prepare(0, 10, WIDE, 0.2))
    assert "score" in read
    read.clear()
    model.update(replace(BASE, sequence=4, feeds=down, columns=replace(BASE.columns)), 0.3)
    model.prepare(0, 10, WIDE, 0.3)
    assert "score" in read, "that is another scan"


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
    assert said[1].startswith("gated by ")
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
    held = {name: replace(ranking, vetoed=ranking.vetoed[:1]) for name, ranking in unscored.rankings.items()}
    assert shown(replace(unscored, rankings=held)).status().empty == "warming: no score yet for 1 instrument"


def test_rows_of_the_other_view_that_match_are_counted_and_said() -> None:
    ranking = BASE.rankings["relaxed"]
    named = {row for row, one in enumerate(BASE.instruments) if "BTC" in one.symbol}
    passing = [row for row in ranking.candidates.tolist() if row in named]
    gated = [row for row in ranking.vetoed.tolist() if row in named]
    assert passing
    none = with_candidates(BASE, [row for row in ranking.candidates.tolist() if row not in named])
    model = shown(none, text="btc")
    assert model.status().elsewhere == len(passing) + len(gated)
    count = len(none.rankings["relaxed"].candidates)
    assert model.status().empty.split("\n") == [
        f"none of {count} rows matches `btc`",
        f"{len(passing) + len(gated)} gated rows match; press v",
    ]
    model.change(0.1, vetoed=True)
    assert model.count == len(passing) + len(gated)
    assert model.status().elsewhere == 0
    model.change(0.2, vetoed=False, text="", expression='symbol ~ "BTC"')
    assert model.status().elsewhere == len(passing) + len(gated)
    model.change(0.3, expression="", side="long")
    assert model.status().elsewhere == 0, "a side is no search"
    one = with_candidates(BASE, passing[:1])
    symbol = one.instruments[passing[0]].symbol
    others = [
        replace(i, symbol="X", base="X", asset="X") if i.symbol == symbol and row != passing[0] else i
        for row, i in enumerate(one.instruments)
    ]
    alone = replace(one, instruments=tuple(others))
    assert shown(alone, vetoed=True, text=symbol).status().empty.endswith("1 passing row matches; press v")


def test_the_watch_list_shows_what_a_gate_stops_and_says_why() -> None:
    ranking = BASE.rankings["relaxed"]
    passing, gated = int(ranking.candidates[0]), int(ranking.vetoed[0])
    watched = frozenset({key_of(BASE, passing), key_of(BASE, gated)})
    model = shown(BASE, watch_only=True, watched=watched)
    assert rows_of(model, BASE) == [passing, gated]
    marks = [view.marks for view in model.prepare(0, 2, WIDE, 0.0)]
    assert [mark.watched for mark in marks] == [True, True]
    assert [mark.gated for mark in marks] == [False, True]
    assert model.status().left == ""
    model.anchor = key_of(BASE, gated)
    name = model.anchor.symbol.removesuffix("-SWAP")
    assert model.status().left.startswith(f"{name} is gated: ")
    model.change(0.1, watched=watched - {model.anchor})
    assert model.status().left == f"{name} is no longer on the watch-list"
    model.anchor = None
    assert shown(BASE, watch_only=True).status().empty.startswith("the watch-list is empty: w puts")
    everything = shown(BASE, watched=watched)
    marks = [view.marks for view in everything.prepare(0, everything.count, WIDE, 0.0)]
    assert sum(mark.watched for mark in marks) == 1


def test_while_the_order_is_held_its_counts_stay_those_of_one_scan() -> None:
    passing = [int(row) for row in BASE.rankings["relaxed"].candidates[:5]]
    model = shown(with_candidates(BASE, passing), vetoed=True, expression="score >= 0")
    before = model.status()
    assert (before.elsewhere, before.candidates) == (5, 5)
    model.hold(10.0)
    fewer = with_candidates(BASE, passing[:2])
    model.update(fewer, 2.0)
    held = model.status()
    assert (held.shown, held.elsewhere, held.candidates, held.gated) == (
        before.shown, before.elsewhere, before.candidates, before.gated,
    )  # fmt: skip
    assert held.would_move
    model.update(replace(fewer, sequence=fewer.sequence + 1), 12.0)
    assert (model.status().elsewhere, model.status().candidates) == (2, 2)


def test_a_held_row_does_not_hide_why_there_is_no_other() -> None:
    none = with_candidates(BASE, [])
    why = shown(none).status().empty
    assert why.startswith("no row passes relaxed")
    row = int(none.rankings["relaxed"].vetoed[0])
    key = key_of(BASE, row)
    pinned = shown(none, pinned=(key,))
    assert pinned.count == 1
    assert pinned.status().empty == why
    assert shown(none, pinned=(key,), watched=frozenset({key}), watch_only=True).status().empty == ""
    assert shown(with_candidates(BASE, [row]), pinned=(key,)).status().empty == "", "it is the row that passes"
    assert shown(BASE, pinned=(key,), text="zzz").status().empty.startswith("none of ")
    pinned.hold(10.0)
    pinned.update(with_candidates(BASE, [int(BASE.rankings["relaxed"].candidates[1])]), 2.0)
    assert pinned.status().empty == "", "a row that waits to be shown passes"


def test_a_row_that_just_became_a_candidate_is_shown_at_once_in_an_empty_table() -> None:
    model = shown(with_candidates(BASE, []))
    model.update(with_candidates(BASE, [3]), 0.1)
    assert rows_of(model, BASE) == [3]
    filtered = shown(with_candidates(BASE, []), text="zzz")
    filtered.update(with_candidates(BASE, [3]), 0.1)
    assert filtered.status().empty == "none of 1 row matches `zzz`"


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


def test_funding_of_different_intervals_is_compared_per_8_h() -> None:
    """+0.005 % every 4 h costs as much as +0.01 % every 8 h, and less than 0.004 % every hour."""
    rows = [0, 1, 2, 3]
    rate, hours = np.full(60, np.nan), np.full(60, np.nan)
    rate[rows], hours[rows] = [0.00005, 0.0001, 0.00004, 0.001], [4, 8, 1, np.nan]
    snapshot = with_columns(with_candidates(BASE, rows), funding_frac=rate, funding_interval_h=hours)
    model = shown(snapshot, sort="funding")
    assert rows_of(model, snapshot)[0] == 2
    assert rows_of(model, snapshot)[-1] == 3, "whose interval is not known cannot be compared"
    column = BY_KEY["funding"]
    assert model.sheet is not None
    assert [column.paint(model.sheet, row).text for row in rows] == ["+0.0100%", "+0.0100%", "+0.0320%", "·"]
    model.change(0.0, expression="funding < 0.0002")
    assert sorted(rows_of(model, snapshot)) == [0, 1]
    assert any("lacks funding" in notice for notice in model.status().notices)
    model.change(0.0, expression="funding_frac < 0.00006 and funding_interval_h < 8")
    assert sorted(rows_of(model, snapshot)) == [0, 2]


def test_scans_in_a_row_are_told_only_where_nothing_else_fails() -> None:
    """Whatever else fails sets them back, so they would stand first with every row there is."""
    old = BASE.rankings["relaxed"]
    passed = np.ones_like(old.gate_passed)
    rows = np.concatenate([old.candidates, old.vetoed])
    passed[rows, GATE_INDEX["persistence"]] = False
    passed[rows[:-2], GATE_INDEX["depth"]] = False
    passed[rows[:5], GATE_INDEX["spread"]] = False
    new = replace(old, candidates=rows[:0], vetoed=rows, gate_passed=passed)
    snapshot = replace(BASE, rankings={**BASE.rankings, "relaxed": new})
    model = shown(snapshot)
    told = model.status().empty.splitlines()[1]
    assert told == f"gated by depth within 1 % {len(rows) - 2}, spread 5, scans in a row 2"
    assert model.sheet is not None
    gate = BY_KEY["gate"]
    texts = [gate.paint(model.sheet, int(row)).text for row in (rows[0], rows[5], rows[-1])]
    assert [text[-3:] == " +1" for text in texts] == [True, False, False]
    model.change(0.0, vetoed=True)
    assert set(rows_of(model, snapshot)[:2]) == set(rows[-2:].tolist()), "what lacks nothing but time stands first"


def test_messages_name_a_symbol_as_its_row_does() -> None:
    gated = int(BASE.rankings["relaxed"].vetoed[0])
    instruments = tuple(
        replace(one, symbol="PRINA-USDT-SWAP") if row == gated else one for row, one in enumerate(BASE.instruments)
    )
    renamed = replace(BASE, instruments=instruments)
    model = shown(renamed, watch_only=True, watched=frozenset({key_of(renamed, gated)}))
    model.anchor = key_of(renamed, gated)
    assert model.status().left.startswith("PRINA-USDT is gated: ")
