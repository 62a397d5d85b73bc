"""An opened symbol stays on screen until it is left, and keys that act on a symbol act on the one that is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui.candidate_views import key_of, with_candidates
from tests.tui.fake_source import make_app, relaxed, screen_of, settle, text_of
from tests.tui.table_host import move_to
from tests.tui.test_keys_in_order import burst
from tui.app import PrismApp
from tui.screens.drilldown import DrillScreen
from tui.widgets.panes import DepthPane, PrismPane


def told(app: PrismApp) -> list[str]:
    """What was said, oldest first."""
    return [notice.message for notice in app._notifications]


def only_with_relaxed(app: PrismApp) -> int:
    """A row that passes under relaxed and under neither of the others."""
    snapshot = app.source.latest()
    assert snapshot is not None
    rankings = snapshot.rankings
    others = {*rankings["strict"].candidates.tolist(), *rankings["balanced"].candidates.tolist()}
    return next(int(row) for row in rankings["relaxed"].candidates if int(row) not in others)


async def test_an_opened_symbol_stays_through_every_preset(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        assert source.snapshot is not None
        key = key_of(source.snapshot, only_with_relaxed(app))
        move_to(app.main.table, key)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        source.calls.clear()
        for preset in ("f1", "f2", "f3", "p", "P", "f1"):
            await pilot.press(preset)
            await settle(app, clock, pilot)
            assert app.key == key
            text = text_of(app)
            assert f"chart · {key.symbol}" in text
            assert "no symbol under the cursor" not in text
        assert not [call for call in source.calls if call[0] == "focus"]
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert app.main.table.cursor_key == key == app.key
        assert "is gated now" in text_of(app)


async def test_an_opened_symbol_stays_when_the_table_loses_its_row(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        key = app.main.table.cursor_key
        assert source.snapshot is not None
        assert key is not None
        row = source.snapshot.row_of(*key)
        await pilot.press("enter")
        rows = [int(at) for at in source.snapshot.rankings["relaxed"].candidates if int(at) != row]
        source.snapshot = replace(with_candidates(source.snapshot, rows), epoch=source.snapshot.epoch + 1)
        source.answer_focus(*key)
        await settle(app, clock, pilot, 75)
        assert app.key == key
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert app.main.table.cursor_key == key == app.key, "the same row, though the cursor was never moved"


async def test_a_symbol_that_is_no_longer_listed_is_named_in_every_pane(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        assert source.snapshot is not None
        key = app.key
        assert key is not None
        gone = [replace(one, symbol=f"{one.symbol}X") if one.symbol == key.symbol else one
                for one in source.snapshot.instruments]  # fmt: skip
        source.snapshot = replace(source.snapshot, instruments=tuple(gone), focus=None)
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "is not listed at this moment" in text
        assert "the table is empty" not in text


async def test_a_frozen_row_whose_symbol_is_no_longer_listed_is_named_beside_the_table(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("z")
        assert source.snapshot is not None
        assert app.key is not None
        gone = tuple(replace(one, symbol="GONE") if one.symbol == app.key.symbol else one
                     for one in source.snapshot.instruments)  # fmt: skip
        source.snapshot = replace(source.snapshot, instruments=gone, focus=None)
        await settle(app, clock, pilot)
        text = text_of(app)
        assert app.main.table.cursor_key == app.key
        assert text.count("is not listed") == 2, "the breakdown and the book"
        assert "the table is empty" not in text


async def test_what_is_chosen_on_a_symbols_screen_applies_to_the_screen_below(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        await pilot.press("3", "plus", "plus", "escape")
        await settle(app, clock, pilot)
        pane, depth = app.main.query_one(PrismPane), app.main.query_one(DepthPane)
        assert (pane.face, depth.group) == ("orderflow", 2)
        await pilot.press("tab", "l", "question_mark", "escape")
        await settle(app, clock, pilot)
        assert pane.face == "orderbook", "also if it was chosen with the arrow keys"


async def test_the_symbol_that_is_opened_is_the_one_that_the_cursor_came_to(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        order = app.main.table.model.order
        burst(app, "j", "j", "enter")
        await pilot.pause()
        await pilot.pause()
        assert app.key == order[2]


@pytest.mark.parametrize("is_opened", [False, True])
async def test_w_acts_on_the_symbol_that_it_names_and_keeps_the_row(tmp_path: Path, is_opened: bool) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert source.snapshot is not None
        await pilot.press("j", "j")
        key = app.main.table.cursor_key
        assert key is not None
        rows = [int(at) for at in source.snapshot.rankings["relaxed"].candidates]
        rows.remove(source.snapshot.row_of(*key))  # type: ignore[arg-type]
        source.snapshot = with_candidates(source.snapshot, rows)
        source.answer_focus(*key)
        await settle(app, clock, pilot, 3)
        assert app.main.table.model.index_of(key) == 2, "it is held"
        if is_opened:
            await pilot.press("enter")
            await settle(app, clock, pilot)
        await pilot.press("w")
        assert app.main.table.state.watched == {key}
        assert told(app)[-1].startswith(key.symbol.removesuffix("-SWAP"))
        assert told(app)[-1].endswith("is on the watch-list")
        assert app.main.table.cursor_key == key
        if not is_opened:
            await pilot.press("space")
            assert key in app.main.table.state.pinned
            await pilot.press("space")
            assert key not in app.main.table.state.pinned
            assert app.main.table.cursor_key == key
        await pilot.press("w")
        assert told(app)[-1].endswith("is off the watch-list")
        assert app.main.table.state.watched == frozenset()
        assert app.main.table.cursor_key == key == app.key
        assert isinstance(screen_of(app), DrillScreen) is is_opened
