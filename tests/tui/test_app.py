"""The console as a user meets it: every size and every action."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.command import CommandList, CommandPalette
from textual.widgets._toast import Toast
from textual.worker import WorkerFailed

from engine.prism.faces import FACES
from engine.prism.traps import TRAPS, Traps
from engine.prism.verdict import movers
from tests.tui.fake_source import SIZES, make_app, relaxed, screen_of, settle, text_of
from tui.presenters.columns import COLUMNS
from tui.presenters.view import words
from tui.screens.drilldown import DrillScreen
from tui.screens.help import HelpScreen
from tui.screens.jump import JumpScreen
from tui.screens.main import MainScreen
from tui.widgets.panes import DepthPane, LiquidationsPane, PrismPane
from tui.widgets.symbol_panes import ChartPane

# Layout


@pytest.mark.parametrize("size", SIZES)
async def test_titles_and_headings_are_whole_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        text = text_of(app)
        for wanted in ("prism", "DEMO", "12:32:17", "UTC", "Binance", "Bybit", "OKX", "msg/s", "preset relaxed"):
            assert wanted in text
        for wanted in ("candidates · relaxed", "SYMBOL", "SIDE", "SCORE", "COV", "LAST"):
            assert wanted in text
        if size != (80, 24):
            for wanted in ("COMPONENT", "SCORE", "WEIGHT", "IMPACT", "DIV", "GAUGE", "FINAL SCORE", "PRISM SCORE"):
                assert wanted in text
            for wanted in ("depth · ", "PRICE", "SIZE", "SUM", "imbalance", "liquidations", "LONG", "SHORT", "≥$"):
                assert wanted in text
        assert "Prob…" not in text


async def test_the_wide_screen_shows_every_column_gates_and_levels(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        text = text_of(app)
    for wanted in ("STOP", "TP2", "FUND/8H", "SPREAD", "OI 1H", "VOL24H", "AGE", "GATES · relaxed", " · 15m ATR"):
        assert wanted in text


@pytest.mark.parametrize("face", FACES)
async def test_the_wide_screen_shows_a_face_gates_levels_and_six_movers_without_scrolling(
    tmp_path: Path, face: str
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        for _ in range(3):  # with and without a note below the levels, with and without a face that counts
            app.main.show_face(face)
            await settle(app, clock, pilot)
            view = app.view()
            assert view is not None
            assert view.row is not None
            text = text_of(app)
            assert "FINAL SCORE" in text
            assert "scans in a row" in text
            assert "at the stop" in text
            told = text[text.index("MOVES THE VERDICT MOST") :]
            for mover in movers(view.board, view.row)[:6]:
                assert f"{mover.points:+.2f} {words(mover.component)}" in told
            await pilot.press("j")


async def test_a_small_terminal_shows_the_other_panes_one_key_away(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        assert "COMPONENT" not in text_of(app)
        for wanted in ("COMPONENT", "imbalance", "short", "SYMBOL"):
            await pilot.press("tab")
            await pilot.pause()
            assert wanted in text_of(app)


async def test_a_terminal_too_small_for_the_palette_gets_none_and_lives_on(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 3)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("ctrl+p", "pagedown")
        await pilot.pause()
        assert screen_of(app) is app.main
        assert [notice.message for notice in app._notifications] == ["this terminal is too small for the palette"]
        await pilot.resize_terminal(80, 24)
        await pilot.press("ctrl+p")
        await pilot.pause(0.3)
        assert isinstance(screen_of(app), CommandPalette)
        await pilot.resize_terminal(80, 3)
        await pilot.press("pagedown")
        await pilot.pause()
        assert screen_of(app) is app.main
        assert app.is_running


async def test_a_search_that_begins_as_the_palette_closes_ends_alone(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("ctrl+p")
        await pilot.pause()
        palette = screen_of(app)
        assert isinstance(palette, CommandPalette)
        await palette.workers.wait_for_complete()
        await palette.query_one(CommandList).remove()
        search = palette._gather_commands("export")
        with pytest.raises(WorkerFailed):
            await search.wait()
        await pilot.pause()
        assert app._exception is None
        assert app.is_running


async def test_a_terminal_that_is_too_small_says_what_it_needs(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(50, 12)) as pilot:
        await settle(app, clock, pilot)
        assert "60 by 16" in text_of(app)
        await pilot.resize_terminal(120, 40)
        await settle(app, clock, pilot)
        assert "COMPONENT" in text_of(app)
        for size in ((1, 1), (200, 60), (61, 17), (30, 90), (300, 20), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(app, clock, pilot)
        assert "SYMBOL" in text_of(app)


async def test_nothing_is_computed_for_panes_out_of_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    drawn: list[str] = []
    for cls in (PrismPane, DepthPane, LiquidationsPane):
        original = cls.lines

        def lines(self: Any, *args: Any, _original: Any = original) -> Any:
            drawn.append(self.id)
            return _original(self, *args)

        monkeypatch.setattr(cls, "lines", lines)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        drawn.clear()
        await settle(app, clock, pilot)
        assert drawn == []
        await pilot.press("enter")
        await pilot.pause()
        drawn.clear()
        await settle(app, clock, pilot)
        assert set(drawn) <= {"account", "depth", "forced"}


async def test_a_pane_repaints_only_lines_that_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        await settle(app, clock, pilot)
        pane = app.main.query_one("#liquidations", LiquidationsPane)
        refreshed: list[Any] = []
        monkeypatch.setattr(pane, "refresh", lambda *regions, **_: refreshed.append(regions))
        await settle(app, clock, pilot)
        assert refreshed == []
        assert source.snapshot is not None
        first, *rest = source.snapshot.liquidations
        source.snapshot = replace(source.snapshot, liquidations=(replace(first, price=first.price * 2), *rest))
        await settle(app, clock, pilot)
        assert [len(regions) for regions in refreshed] == [1]


# Actions


async def test_the_cursor_moves_and_the_engine_is_asked_to_follow(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        first = app.key
        await pilot.press("j")
        await settle(app, clock, pilot)
        second = app.key
        assert first is not None
        assert second is not None
        assert first != second
        assert source.calls[-1] == ("focus", *second)
        await pilot.press("k")
        assert app.key == first
        await pilot.press("G")
        assert app.key == app.main.table.model.order[-1]
        await pilot.press("g", "down", "up", "pagedown", "home")
        assert app.key == app.main.table.model.order[0]


async def test_sorting_filters_pins_and_the_watch_list(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        table = app.main.table
        await pilot.press("s")
        assert table.state.sort != "rank"
        await pilot.press("S", "r")
        assert (table.state.sort, table.state.reverse) == ("rank", True)
        await pilot.press("r", "3")
        assert table.state.sort == "face.orderflow"
        assert app.main.query_one(PrismPane).face == "orderflow"
        await pilot.press("d")
        assert table.state.side == "long"
        await pilot.press("d", "d", "v")
        assert (table.state.side, table.state.vetoed) == ("both", True)
        await pilot.press("v", "space", "w")
        assert table.state.pinned == (app.key,)
        assert table.state.watched == {app.key}
        await pilot.press("W")
        assert table.status.shown == 1
        await pilot.press("W", "z")
        assert table.state.frozen
        await settle(app, clock, pilot, 6.0)
        assert "FROZEN for" in text_of(app)
        assert "table frozen" not in text_of(app), "said once, where the table is"
        await pilot.press("tab", "o")
        await settle(app, clock, pilot, 1.0)
        assert "table frozen" in text_of(app), "and where another pane hides it"


@pytest.mark.parametrize("size", SIZES)
async def test_a_notice_covers_neither_what_is_typed_nor_the_rows_and_is_as_wide_as_its_words(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("d", "f", *'score ~ "a"')
        await pilot.pause(0.1)
        toast = app.screen.query_one(Toast).region
        assert toast.height == 1
        assert toast.width == len("long only") + 3
        assert toast.y == size[1] - 4, "above the input"
        text = text_of(app)
        assert "long only" in text
        assert "~ matches a text" in text
        app.tell("no such thing " * 30)
        await pilot.pause(0.1)
        long = list(app.screen.query(Toast))[-1].region
        assert long.right < size[0]
        assert long.width > size[0] * 3 // 4, "long ones take the width there is"


@pytest.mark.parametrize(("key", "preset"), [("f1", "strict"), ("f2", "balanced"), ("f3", "relaxed"), ("p", "strict")])
async def test_presets_switch_at_once(tmp_path: Path, key: str, preset: str) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(key)
        await pilot.pause()
        assert ("set_preset", preset) in source.calls
        assert f"preset {preset}" in text_of(app)
        assert app.main.table.status.preset == preset
        told = [notice.message for notice in app._notifications]
        assert any(text.startswith(f"{preset}: +") for text in told), told


async def test_opening_a_symbol_and_coming_back_to_the_same_row(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("j", "j")
        key, offset = app.key, app.main.table.scroll_offset
        await pilot.press("enter")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), DrillScreen)
        text = text_of(app)
        for wanted in (
            "chart · ",
            "tape",
            "levels and gates",
            "in words",
            "funding and open interest",
            "liquidations · ",
        ):
            assert wanted in text
        for wanted in ("TP1", "stop", "leans", "Most for it, in points", "OPEN INTEREST", "FINAL SCORE", "imbalance"):
            assert wanted in text
        await pilot.press("i")
        assert app.screen.query_one(ChartPane).timeframe == "4h"
        await pilot.press("I", "I")
        assert app.screen.query_one(ChartPane).timeframe == "5m"
        await pilot.press("2")
        assert app.screen.query_one(PrismPane).face == "volume"
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MainScreen)
        assert (app.key, app.main.table.scroll_offset) == (key, offset)
        assert app.main.table.cursor_key == key


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_pane_of_a_symbol_is_reachable(tmp_path: Path, size: tuple[int, int]) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        seen = set()
        for _ in DrillScreen.ORDER:
            screen = screen_of(app)
            assert isinstance(screen, DrillScreen)
            front = screen.query_one(f"#{screen.front}")
            assert front.display
            assert front.size.area > 0
            seen.add(screen.front)
            await pilot.press("tab")
            await pilot.pause()
        assert seen == set(DrillScreen.ORDER)


async def test_a_symbols_screen_names_the_panes_it_has_no_place_for_and_tells_its_traps(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    assert source.snapshot is not None
    size = len(source.snapshot.instruments)
    raised = Traps(np.ones((2, size, len(TRAPS)), dtype=np.bool_), np.ones((2, size, len(TRAPS), 2)))
    source.snapshot = replace(source.snapshot, traps=raised)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        assert "tab: tape, words, funding/OI, liquidations" in text_of(app)
        assert re.search("TRAPS · (long|short)", text_of(app))
        assert "FUNDING" in text_of(app)
        await pilot.press("apostrophe")
        await pilot.pause()
        last = text_of(app).split("\n")[-1]
        assert last.split("   ")[0].strip() == "press a letter; any other key goes back"
        for title in ("tape", "in words", "funding and open interest", "liquidations"):
            assert title in last
        await pilot.press("escape", "o")
        await settle(app, clock, pilot)
        assert "tab: " not in text_of(app), "one alone has all others a key away"
        await pilot.press("o")
        await pilot.resize_terminal(200, 60)
        await settle(app, clock, pilot)
        assert "tab: " not in text_of(app)
        assert "TRAPS" not in text_of(app), "the sentences say them"
        assert "Trap: " in text_of(app)


async def test_depth_grouping_and_the_minimum_liquidation(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("plus", "plus")
        assert "5 ticks a line" in text_of(app)
        await pilot.press("minus", "m")
        await pilot.pause()
        text = text_of(app)
        assert "2 ticks a line" in text
        assert "at least $1.00K" in text
        await pilot.press("M")
        assert app.main.query_one(LiquidationsPane).minimum_usd == 0


async def test_jumping_labels_every_pane(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("apostrophe")
        await pilot.pause()
        assert isinstance(screen_of(app), JumpScreen)
        text = text_of(app)
        for wanted in ("a  candidates", "s  prism", "d  depth", "f  liquidations"):
            assert wanted in text
        await pilot.press("d")
        await pilot.pause()
        assert app.main.query_one(DepthPane).has_focus
        await pilot.press("escape")
        assert app.main.table.has_focus


async def test_maximising_a_pane_and_taking_it_back(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("tab", "o")
        await settle(app, clock, pilot)
        assert not app.main.table.display
        assert "MOVES THE VERDICT MOST" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.table.display


async def test_help_explains_what_has_focus(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("tab", "tab", "question_mark")
        await pilot.pause(0.1)
        assert isinstance(screen_of(app), HelpScreen)
        assert "The order book around mid" in text_of(app)
        await pilot.press("escape")
        assert isinstance(screen_of(app), MainScreen)


async def test_help_explains_every_column(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 100)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        told = " ".join(text_of(app).replace("│", " ").split())
        for column in COLUMNS:
            assert column.title in told
            assert column.words in told or column.key.startswith("face.")
        assert "T V F B S M technical, volume, orderflow" in told
        await pilot.press("escape", "tab", "question_mark")
        await pilot.pause(0.1)
        assert "from left to right" not in text_of(app), "other panes have no columns to explain"
