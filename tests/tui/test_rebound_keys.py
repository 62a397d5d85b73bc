"""A rebound key works on every screen, and every text that names a key names the one that works."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from engine.config.schema import Config, ConsoleSection, EngineSection
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.fake_source import FakeSource, make_app, scene, screen_of, settle, text_of
from tests.tui.pane_views import ROWS, view_of
from tui.actions import BY_ID, Keymap
from tui.presenters.candidates import CandidatesModel
from tui.presenters.chart import chart_lines
from tui.presenters.lines import plain
from tui.presenters.liquidations import liquidation_lines
from tui.presenters.view_state import ViewState
from tui.screens.main import MainScreen
from tui.widgets import panes, symbol_panes
from tui.widgets.pane import Pane


def bound(**keys: str) -> Config:
    return Config(engine=EngineSection(preset="relaxed"), console=ConsoleSection(keys=keys))


@pytest.mark.parametrize("report", ["help", "venues", "market"])
@pytest.mark.parametrize("closing", ["own", "back"])
async def test_reports_close_and_scroll_with_rebound_keys(tmp_path: Path, report: str, closing: str) -> None:
    keys = {report: "f12", "back": "ctrl+g", "last": "e", "first": "u"}
    app, _, clock = make_app(tmp_path, config=bound(**keys))
    async with app.run_test(size=(120, 16)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f12")
        await settle(app, clock, pilot)
        assert app.screen is not app.main
        assert "^g goes back" in text_of(app)
        pane = screen_of(app).query_one(Pane)
        assert pane.max_scroll_y > 0
        for key, y in (("e", pane.max_scroll_y), ("u", 0)):
            await pilot.press(key)
            await settle(app, clock, pilot)
            assert pane.scroll_offset.y == y
        await pilot.press("f12" if closing == "own" else "ctrl+g")
        assert screen_of(app) is app.main


@pytest.mark.parametrize("key", ["escape", "ctrl+g"])
async def test_a_prompt_closes_with_escape_and_with_the_key_for_going_back(tmp_path: Path, key: str) -> None:
    app, _, clock = make_app(tmp_path, config=bound(back="ctrl+g"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash", "x", key)
        await pilot.pause()
        assert not app.main.prompt.is_open
        assert app.main.table.state.text == ""


async def test_the_texts_of_the_table_name_the_keys_that_work(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=bound(freeze="f9", vetoed="f8", watch="f7"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f9")
        await settle(app, clock, pilot)
        assert "F9 resumes" in text_of(app)
        await pilot.press("tab")
        await settle(app, clock, pilot)
        assert "F9 resumes" in text_of(app)
        await pilot.press("escape", "f9", "W")
        await settle(app, clock, pilot)
        assert "F7 puts the symbol" in text_of(app)


def test_an_empty_table_names_the_key_of_the_other_view() -> None:
    market = scene()
    none = replace(market.ranking, candidates=np.array([], dtype=np.int64), vetoed=np.arange(3))
    model = CandidatesModel(ViewState(), Keymap({"vetoed": "f8"}))
    model.update(replace(market, rankings={**market.rankings, market.preset: none}), 0.0)
    assert "3 gated; press F8" in model.status().empty


def test_panes_name_the_keys_that_work() -> None:
    keys = Keymap({"liquidations_less": "f6", "timeframe_next": "f5"})
    market: Snapshot = scene()
    view = replace(view_of(market), keys=keys)
    assert "F6 lowers the limit" in " ".join(plain(liquidation_lines(view, 1e15, 120, 12)).split())
    view = replace(view_of(make_snapshot(ROWS)), keys=keys)
    assert view.focus is not None
    assert "(F5 chooses)" in plain(chart_lines(view, "none such", 120, 20))


def test_help_texts_name_actions_that_exist_and_no_key_by_itself() -> None:
    keymap = Keymap({action.id: f"alt+{chr(0x4E00 + number)}" for number, action in enumerate(BY_ID.values())})
    assert keymap.problems == []
    texts = {cls.TITLE: cls.HELP for cls in _all(Pane)}
    assert {symbol_panes.ChartPane.TITLE, panes.DepthPane.TITLE} <= set(texts)
    texts["candidates"] = MainScreen.help_of(MainScreen.__new__(MainScreen), "candidates")
    for title, text in texts.items():
        named = re.findall(r"\{(\w+)\}", text)
        assert set(named) <= set(BY_ID), title
        filled = keymap.filled(text)
        assert "{" not in filled
        assert filled.count("alt+") == len(named)
        assert not re.search(r"(?<![\w`*:])([a-zA-Z+/-]|[0-9]-[0-9]) (and|or|choose|shows?|freezes|moves) ", filled), (
            title
        )


def _all(cls: type[Pane]) -> list[type[Pane]]:
    return [found for child in cls.__subclasses__() for found in (child, *_all(child))]


async def test_the_help_screen_shows_the_keys_that_work(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, FakeSource(scene()), bound(freeze="f9"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("question_mark")
        await settle(app, clock, pilot)
        assert "F9 freezes the table" in " ".join(re.sub(r"[│╭╮╰╯─▂▆▄ ]+", " ", text_of(app)).split())


@pytest.mark.parametrize("report", ["question_mark", "V", "a"])
async def test_over_a_report_too_ctrl_c_says_how_to_quit(tmp_path: Path, report: str) -> None:
    app, _, clock = make_app(tmp_path, config=bound(quit="ctrl+x"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(report)
        await settle(app, clock, pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert [notice.text for notice in app._told] == ["^x ends prism"]
        assert app.screen is not app.main


async def test_a_character_bound_to_quit_or_a_picture_is_text_in_an_input(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=bound(quit="q,f10", picture="e"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert "q quit" in text_of(app)
        await pilot.press("slash", "e", "q")
        await settle(app, clock, pilot)
        assert app.main.table.state.text == "eq"
        assert "F10 quit" in text_of(app)
        await pilot.press("escape", "ctrl+p", "q", "e")
        await settle(app, clock, pilot)
        assert app.screen.query_one(Input).value == "qe"
        assert "F10 quit" in text_of(app)
        assert "picture" not in text_of(app).splitlines()[-1]
        assert not app._told
        await pilot.press("escape")
        await settle(app, clock, pilot)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


async def test_no_key_is_shown_for_quitting_where_the_only_one_is_text(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=bound(quit="q"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash")
        await settle(app, clock, pilot)
        assert "quit" not in text_of(app).splitlines()[-1]
