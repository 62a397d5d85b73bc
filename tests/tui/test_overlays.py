"""Over the panes as on them: the header is current, and the footer names the keys that have an effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tui.fake_source import SIZES, FakeSource, make_app, recording, relaxed, scene, screen_of, settle, text_of
from tui.actions import ACTIONS, Keymap, usable
from tui.app import PrismApp
from tui.presenters.footer import footer_line, on_recording
from tui.presenters.lines import plain
from tui.screens.help import HelpScreen
from tui.screens.main import MainScreen
from tui.screens.market import MarketScreen
from tui.screens.overlay import ReportScreen
from tui.screens.venues import VenuesScreen
from tui.widgets.pane import Pane

OVER = ["a", "V", "question_mark", "apostrophe", "ctrl+p"]


def footer(app: PrismApp) -> str:
    return text_of(app).split("\n")[-1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", OVER)
async def test_the_header_over_which_something_stands_is_current(
    tmp_path: Path, key: str, size: tuple[int, int]
) -> None:
    app, source, clock = make_app(tmp_path, FakeSource(scene("live")), relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        assert not isinstance(screen_of(app), MainScreen)
        before = text_of(app).split("\n")
        assert "LIVE" in before[0]
        assert source.snapshot is not None
        feeds = tuple(replace(feed, state="down") for feed in source.snapshot.feeds)
        source.snapshot = replace(source.snapshot, feeds=feeds, sequence=source.snapshot.sequence + 1)
        await settle(app, clock, pilot, 8.0)
        rows = text_of(app).split("\n")
        assert rows[0] != before[0], "the clock has gone on"
        assert "○ OKX down" in rows[1]


async def test_an_engine_that_falls_silent_is_told_over_a_report_too(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("a")
        for _ in range(6):
            await settle(app, clock, pilot, 1.0)
        assert "engine silent for 6 s" in text_of(app).split("\n")[-2]


async def test_a_new_picture_repaints_only_what_changed_over_the_panes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, source, clock = make_app(tmp_path, FakeSource(scene("live")), relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("question_mark")
        await settle(app, clock, pilot)
        await settle(app, clock, pilot)
        below: list[object] = []
        compositor = type(app.main._compositor)
        drawn = compositor._render_chops

        def counted(self: Any, *arguments: Any) -> Any:
            below.append(self)
            return drawn(self, *arguments)

        monkeypatch.setattr(compositor, "_render_chops", counted)
        assert source.snapshot is not None
        source.snapshot = replace(source.snapshot, sequence=source.snapshot.sequence + 1)
        await settle(app, clock, pilot)
        await pilot.pause(0.1)
        assert app.screen._compositor in below, "the header is painted"
        assert app.main._compositor not in below, "the screen below is not painted again"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["a", "V", "question_mark"])
async def test_the_footer_over_a_report_names_only_what_works_there(
    tmp_path: Path, key: str, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        words = footer(app)
        for gone in ("freeze", "sort", "gated", "direction", "pin", "market", "filter"):
            assert gone not in words
        assert "esc back" in words
        assert "^q quit" in words
        assert ("enter open" in words) == (key == "a")
        await pilot.click(offset=(words.index("esc back") + 1, size[1] - 1))
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MainScreen)


@pytest.mark.parametrize("key", ["a", "V", "question_mark"])
async def test_keys_that_need_no_panes_work_on_reports_too(tmp_path: Path, key: str) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        report = type(screen_of(app))
        await pilot.press("p")
        assert app.preset == "strict"
        assert source.calls[-1] == ("set_preset", "strict")
        theme = app.theme
        await pilot.press("t")
        assert app.theme != theme
        for opened, screen in (("V", VenuesScreen), ("a", MarketScreen), ("question_mark", HelpScreen)):
            if report is screen:
                continue
            await pilot.press(opened)
            await settle(app, clock, pilot)
            assert type(screen_of(app)) is screen
            await pilot.press("escape")
            await settle(app, clock, pilot)
            assert type(screen_of(app)) is report


async def test_a_report_that_is_open_below_is_returned_to(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        for key, depth in (("a", 2), ("V", 3), ("question_mark", 4), ("a", 2), ("enter", 3), ("V", 4), ("a", 2)):
            await pilot.press(key)
            await settle(app, clock, pilot)
            assert len(app.screen_stack) == depth, key
        assert isinstance(screen_of(app), MarketScreen)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "title"), [("a", "market"), ("V", "venues")])
async def test_help_explains_the_report_over_which_it_was_asked_for(
    tmp_path: Path, key: str, title: str, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        assert "? help" in footer(app)
        report = app.screen
        assert isinstance(report, ReportScreen)
        actions = {action.id for action in report.available()}
        assert ("open" in actions) == (key == "a")
        assert "freeze" not in actions
        await pilot.press("question_mark")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), HelpScreen)
        assert f"│ {title} " in text_of(app).split("\n")[3]
        assert ("a cell for every asset" in plain(app.screen.query_one(Pane)._lines)) == (key == "a")
        await pilot.press("question_mark")
        await settle(app, clock, pilot)
        assert screen_of(app) is report


@pytest.mark.parametrize("key", ["a", "V", "question_mark"])
async def test_a_key_that_does_nothing_on_a_report_says_which_one_leaves(tmp_path: Path, key: str) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        for pressed, told in (
            ("z", "freeze: only on the main screen; esc goes back"),
            ("i", "timeframe: only on a symbol's screen; esc goes back"),
            ("o", "maximise: only on a screen of panes; esc goes back"),
            ("comma", "pause: only in a recording; esc goes back"),
        ):
            await pilot.press(pressed)
            assert [notice.message for notice in app._notifications][-1] == told
        assert not app.main.table.state.frozen


@pytest.mark.parametrize("key", ["V", "question_mark"])
async def test_a_key_of_the_map_says_so_on_other_reports(tmp_path: Path, key: str) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await settle(app, clock, pilot)
        for pressed, label in (("w", "watch"), ("y", "copy")):
            await pilot.press(pressed)
            told = [notice.message for notice in app._notifications][-1]
            assert told == f"{label}: only on a screen of panes or the map; esc goes back"
        assert not app.main.table.state.watched
        assert not app.clipboard


async def test_the_line_about_the_maps_cursor_is_inside_its_frame(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MarketScreen)
        rows = text_of(app).split("\n")
        at = next(number for number, words in enumerate(rows) if " score " in words and "24h " in words)
        assert rows[at].strip().startswith("│"), rows[at]
        assert rows[at].rstrip().endswith("│")
        assert rows[at + 1].strip().startswith("╰")
        assert "─ market ─" in text_of(app)


@pytest.mark.parametrize("key", ["f", "slash"])
async def test_the_footer_of_the_input_names_no_key_that_types_a_letter(tmp_path: Path, key: str) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        assert "freeze" in footer(app)
        await pilot.press(key)
        await pilot.pause()
        words = footer(app)
        assert "enter apply" in words
        assert "esc cancel" in words
        assert ("→ complete" in words) == (key == "f")
        for gone in ("freeze", "sort", "gated", "help"):
            assert gone not in words
        await pilot.press("escape")
        await pilot.pause()
        assert "freeze" in footer(app)
        assert "apply" not in footer(app)


def replayed(**changes: Any) -> str:
    shown = [action for action in ACTIONS if usable(action.where, "main", replaying=True)]
    return plain([footer_line(on_recording(shown, recording(**changes)), Keymap(), 200)[0]])


def test_the_footer_of_a_recording_names_what_its_keys_do_now() -> None:
    assert ", pause" in replayed()
    assert "] seek forward" in replayed()
    assert ", resume" in replayed(paused=True)
    assert "pause" not in replayed(paused=True)
    ended = replayed(finished=True)
    for gone in (", pause", ", resume", ". step", "> faster", "seek forward"):
        assert gone not in ended
    assert "[ seek back" in ended


@pytest.mark.parametrize("key", ["comma", "full_stop", "right_square_bracket"])
async def test_keys_without_effect_on_an_ended_recording_say_so(tmp_path: Path, key: str) -> None:
    app, source, clock = make_app(tmp_path, FakeSource(scene("replay", replay=recording(finished=True))))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        source.calls.clear()
        await pilot.press(key)
        assert [notice.message for notice in app._notifications] == ["the recording has ended; [ seeks back"]
        assert source.calls == []
        await pilot.press("left_square_bracket")
        assert source.calls[0][0] == "seek"


async def test_escape_leaves_the_gated_view_before_it_clears_filters(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert "esc" not in footer(app), "there is nothing to go back from"
        await pilot.press("d", "v")
        await settle(app, clock, pilot)
        assert "esc back" in footer(app)
        assert "v passing" in footer(app)
        await pilot.press("escape")
        await settle(app, clock, pilot)
        table = app.main.table
        assert (table.state.vetoed, table.state.side) == (False, "long")
        assert "esc clear" in footer(app)
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert table.state.side == "both"


async def test_a_frozen_table_names_its_key_by_what_it_does(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert "z freeze" in footer(app)
        await pilot.press("z")
        await settle(app, clock, pilot)
        assert "z resume" in footer(app)
