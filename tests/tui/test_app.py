"""The console as a user meets it: every size and every action."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from textual.widgets import Input

from tests.tui.fake_source import SIZES, FakeSource, make_app, relaxed, scene, screen_of, settle, text_of
from tui.screens.drilldown import DrillScreen
from tui.screens.help import HelpScreen
from tui.screens.jump import JumpScreen
from tui.screens.main import MainScreen
from tui.state import load
from tui.widgets.panes import ChartPane, DepthPane, LiquidationsPane, PrismPane

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
    for wanted in ("STOP", "TP2", "FUNDING", "SPREAD", "OI 1H", "VOL24H", "AGE", "GATES · relaxed", "LEVELS · 15m ATR"):
        assert wanted in text


async def test_a_small_terminal_shows_the_other_panes_one_key_away(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        assert "COMPONENT" not in text_of(app)
        for wanted in ("COMPONENT", "imbalance", "short", "SYMBOL"):
            await pilot.press("tab")
            await pilot.pause()
            assert wanted in text_of(app)


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


async def test_find_narrows_as_it_is_typed_and_escape_goes_back(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash", *"btc")
        await pilot.pause()
        assert {key.symbol for key in app.main.table.model.order} <= {"BTCUSDT", "BTC-USDT-SWAP"}
        assert f"{app.main.table.status.shown} row" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.table.state.text == ""
        await pilot.press("slash", *"doge", "enter")
        await pilot.pause()
        assert app.main.table.state.text == "doge"
        await pilot.press("escape")
        assert app.main.table.state.text == ""


async def test_a_filter_that_does_not_parse_points_at_the_character(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f", *"score > 60")
        await pilot.pause()
        counted = app.main.table.status.shown
        assert app.main.table.state.expression == "score > 60"
        await pilot.press(*" and fnding > 0")
        await pilot.pause()
        lines = text_of(app).splitlines()
        input_line = next(line for line in lines if "fnding > 0" in line and "filter" in line)
        told = next(line for line in lines if "▲ there is no" in line)
        assert told.index("▲") == input_line.index("fnding")
        assert "did you mean funding" in told
        assert app.main.table.status.shown == counted
        await pilot.press("enter")
        assert app.main.prompt.display
        await pilot.press("escape")
        await pilot.pause()
        assert not app.main.prompt.is_open
        assert app.main.table.state.expression == ""


async def test_the_filter_suggests_the_rest_of_a_name(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f", *"score > 1 and fundi")
        await pilot.pause(0.1)
        await pilot.press("right")
        assert app.main.query_one(Input).value == "score > 1 and funding"


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
        for wanted in ("TP1", "stop", "leans", "Most for it", "OPEN INTEREST", "FINAL SCORE", "imbalance"):
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


async def test_copying_uses_the_terminal(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("y")
        assert app.key is not None
        assert app.clipboard == app.key.symbol


async def test_exports_hold_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "out")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("x", "x", "X")
        await pilot.pause()
        order = [key.symbol for key in app.main.table.model.order]
        assert "prism-candidates-0001.json" in "".join(n.message for n in app._notifications)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["prism-candidates-0001.csv", "prism-candidates-0001.json", "prism-candidates-0002.csv"]
    with (tmp_path / "out" / files[0]).open(newline="") as file:
        assert [row["symbol"] for row in csv.DictReader(file)] == order
    assert [row["symbol"] for row in json.loads((tmp_path / "out" / files[1]).read_text())] == order


async def test_a_picture_holds_the_screen_in_front_and_no_markup_of_a_symbol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = scene()
    instruments = tuple(replace(one, symbol=f"<b>&{n}") for n, one in enumerate(market.instruments))
    app, _, clock = make_app(tmp_path, FakeSource(replace(market, instruments=instruments)), relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "pictures")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("ctrl+s", "question_mark")
        await pilot.pause()
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(screen_of(app), HelpScreen), "a picture closes nothing"
    first, second = sorted((tmp_path / "pictures").iterdir())
    root = ElementTree.fromstring(first.read_text(encoding="utf-8"))
    texts = "".join(root.itertext())
    assert "<b>&" in texts
    assert "candidates" in texts
    assert root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    assert "escape goes back" in "".join(ElementTree.fromstring(second.read_bytes()).itertext()).replace("\xa0", " ")


async def test_themes_change_and_are_kept(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        before = app.theme
        await pilot.press("t")
        assert app.theme != before
        assert load(tmp_path / "console.json")[0].theme == app.theme


async def test_choices_are_there_again_in_the_next_run(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("j", "space", "w", "2", "f1", "plus", "m")
        pinned = app.key
    again, source, clock = make_app(tmp_path)
    async with again.run_test(size=(120, 40)) as pilot:
        await settle(again, clock, pilot)
        state = again.main.table.state
        assert state.pinned == (pinned,)
        assert state.watched == {pinned}
        assert state.sort == "face.volume"
        assert again.preset == "strict"
        assert ("set_preset", "strict") in source.calls
        assert again.main.query_one(DepthPane).group == 1
        assert again.main.query_one(LiquidationsPane).minimum_usd == 1_000


async def test_a_damaged_state_file_is_a_notice(tmp_path: Path) -> None:
    (tmp_path / "console.json").write_text("{")
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert any(".bad-1" in notice.message for notice in app._notifications)


async def test_quitting(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+c")
        assert any("ctrl" in n.message or "^q" in n.message for n in app._notifications)
        assert app._exit is False
        await pilot.press("ctrl+q")
    assert app.return_code == 0
