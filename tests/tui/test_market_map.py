"""The cursor on the market screen's map: keys and mouse move it, enter opens its symbol, escape comes back to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config.schema import Config, ConsoleSection, EngineSection
from tests.tui.fake_source import SIZES, make_app, relaxed, scene, screen_of, settle, text_of
from tui.app import PrismApp
from tui.presenters.row import Key
from tui.screens.drilldown import DrillScreen
from tui.screens.main import MainScreen
from tui.screens.market import MarketPane, MarketScreen


def pane_of(app: PrismApp) -> MarketPane:
    return app.screen.query_one(MarketPane)


def bracketed(app: PrismApp) -> list[str]:
    """What stands in brackets on screen: the cell under the cursor, and nothing else."""
    return [part.split("]")[0].split()[0] for part in text_of(app).split("[")[1:]]


async def opened(app: PrismApp, clock: Any, pilot: Any) -> None:
    await settle(app, clock, pilot)
    await pilot.press("a")
    await settle(app, clock, pilot)
    assert isinstance(screen_of(app), MarketScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_keys_move_the_cursor_and_it_is_always_seen(tmp_path: Path, size: tuple[int, int]) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await opened(app, clock, pilot)
        heat, places = pane_of(app).heat, []
        await pilot.press("g")
        for key in ("l", "right", "h", "j", "down", "k", "up", "left", "G", "g", "pagedown", "pageup"):
            await pilot.press(key)
            await settle(app, clock, pilot)
            places.append(heat.place)
            assert heat.row is not None
            instrument = scene().instruments[heat.row]
            assert bracketed(app) == [instrument.asset]
            told = text_of(app).split("\n")
            line = next(words for words in told if "score " in words and "24h " in words)
            assert line.split(" score ")[0].split()[-2] == instrument.symbol.removesuffix("-SWAP")
        last, across = len(heat.cells) - 1, places[3] - 1  # type: ignore[operator]
        assert places[:10] == [1, 2, 1, 1 + across, 1 + 2 * across, 1 + across, 1, 0, last, 0]
        assert "BREADTH" in text_of(app), "the first row brings back what stands above the map"


@pytest.mark.parametrize(("size", "other"), [((200, 60), (80, 24)), ((80, 24), (200, 60)), ((120, 40), (64, 18))])
async def test_the_cursor_stays_on_screen_when_the_terminal_changes_its_size(
    tmp_path: Path, size: tuple[int, int], other: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await opened(app, clock, pilot)
        await pilot.press("G", "h", "k")
        await settle(app, clock, pilot)
        before = bracketed(app)
        assert len(before) == 1
        for now in (other, size, other):
            await pilot.resize_terminal(*now)
            await settle(app, clock, pilot)
            await settle(app, clock, pilot)
            assert bracketed(app) == before, now
        pane_of(app).scroll_to(y=0, animate=False)
        if not bracketed(app):
            await pilot.resize_terminal(other[0] + 1, other[1])
            await settle(app, clock, pilot)
            assert pane_of(app).scroll_offset.y == 0, "what the user scrolled to stays"


async def test_enter_opens_the_symbol_and_escape_comes_back_to_its_cell(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, clock, pilot)
        table_key = app.main.table.cursor_key
        await pilot.press("j", "l", "l", "enter")
        await settle(app, clock, pilot)
        key = pane_of(app).heat.cursor if isinstance(screen_of(app), MarketScreen) else app.key
        assert isinstance(screen_of(app), DrillScreen)
        assert key is not None
        assert key != table_key
        assert ("focus", *key) in source.calls
        assert key.symbol.removesuffix("-SWAP") in text_of(app)
        # Meanwhile the market turns over.
        market = source.snapshot
        assert market is not None
        turned = replace(market.columns, volume_24h_usd=1e15 / np.nan_to_num(market.columns.volume_24h_usd, nan=1.0))
        source.snapshot = replace(market, columns=turned, sequence=market.sequence + 1)
        await settle(app, clock, pilot, 30.0)
        await pilot.press("escape")
        await settle(app, clock, pilot, 0.2)
        assert isinstance(screen_of(app), MarketScreen)
        assert pane_of(app).heat.cursor == key
        across = 6
        assert pane_of(app).heat.place == across + 2, "nothing has moved: who comes back reads"
        await settle(app, clock, pilot, 2.5)
        assert pane_of(app).heat.cursor == key
        assert pane_of(app).heat.place != across + 2
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MainScreen)
        assert app.key == table_key, "the table's cursor is where it was"


async def test_a_click_moves_the_cursor_and_a_second_opens(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, clock, pilot)
        heat = pane_of(app).heat
        key, row = heat.cells[8]
        assert row is not None
        asset = scene().instruments[row].asset
        rows = text_of(app).split("\n")
        y = next(number for number, words in enumerate(rows) if f" {asset} " in words and "· " not in words[:20])
        x = rows[y].index(f" {asset} ") + 2
        await pilot.click(offset=(x, y))
        assert heat.cursor == key
        assert isinstance(screen_of(app), MarketScreen)
        await pilot.click(offset=(1, 1))
        assert heat.cursor == key, "outside the map"
        await pilot.click(offset=(x, y), times=2)
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), DrillScreen)
        assert app.key == key


async def test_no_cell_moves_away_from_a_mouse_that_is_used_and_other_buttons_do_nothing(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, clock, pilot)
        await settle(app, clock, pilot, 3.0)
        heat = pane_of(app).heat
        cells = [key for key, _ in heat.cells]
        region = pane_of(app).content_region
        bottom = (region.x + 4, region.bottom - 1)
        before = heat.cursor
        await pilot.click(offset=bottom, button=3)
        assert heat.cursor == before
        await pilot.hover(offset=(bottom[0] + 1, bottom[1]))
        market = scene()
        turned = replace(market.columns, volume_24h_usd=1e15 / np.nan_to_num(market.columns.volume_24h_usd, nan=1.0))
        source.snapshot = replace(market, sequence=market.sequence + 1, columns=turned)
        await settle(app, clock, pilot, 1.9)
        assert [key for key, _ in heat.cells] == cells
        await settle(app, clock, pilot, 0.2)
        assert [key for key, _ in heat.cells] != cells


async def test_from_a_symbols_screen_another_opens_and_each_stays_about_its_own(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("j", "enter")
        await settle(app, clock, pilot)
        first = app.key
        await opened(app, clock, pilot)
        wanted = next(place for place, (key, _) in enumerate(pane_of(app).heat.cells) if key != first)
        pane_of(app).go_to(wanted)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        second = app.key
        assert second != first
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MarketScreen)
        assert len(app.screen_stack) == 3, "back to the same map, not another one on top"
        assert pane_of(app).heat.cursor == second
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), DrillScreen)
        assert app.key == first
        assert isinstance(first, Key)
        assert first.symbol.removesuffix("-SWAP") in text_of(app).split("\n")[2]
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert app.key == first


async def test_watch_and_copy_act_on_the_symbol_under_the_maps_cursor(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, clock, pilot)
        await pilot.press("l", "l")
        key = pane_of(app).heat.cursor
        assert key is not None
        assert key != app.key
        await pilot.press("w", "y")
        assert app.main.table.state.watched == {key}
        assert source.held == {key}
        assert app.clipboard == key.symbol
        told = [one.text for one in app._told]
        assert any(key.symbol.removesuffix("-SWAP") in one and "is on the watch-list" in one for one in told)
        assert any(one.startswith(f"{key.symbol} copied") for one in told)
        assert pane_of(app).heat.cursor == key
        await pilot.press("w")
        assert not app.main.table.state.watched


@pytest.mark.parametrize("pressed", ["w", "y"])
async def test_a_key_about_the_maps_symbol_keeps_the_order_as_moves_do(tmp_path: Path, pressed: str) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, clock, pilot)
        cells = [key for key, _ in pane_of(app).heat.cells]
        await settle(app, clock, pilot, 30.0)
        await pilot.press(pressed)
        market = source.snapshot
        assert market is not None
        turned = replace(market.columns, volume_24h_usd=1e15 / np.nan_to_num(market.columns.volume_24h_usd, nan=1.0))
        source.snapshot = replace(market, columns=turned, sequence=market.sequence + 1)
        await settle(app, clock, pilot, 1.5)
        assert [key for key, _ in pane_of(app).heat.cells] == cells
        await settle(app, clock, pilot, 1.5)
        assert [key for key, _ in pane_of(app).heat.cells] != cells


async def test_rebound_keys_work_on_the_map(tmp_path: Path) -> None:
    keys = {"cursor_right": "N", "open": "ctrl+o", "market": "ctrl+a", "watch": "B"}
    config = Config(engine=EngineSection(preset="relaxed"), console=ConsoleSection(keys=keys))
    app, _, clock = make_app(tmp_path, config=config)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("ctrl+a")
        await settle(app, clock, pilot)
        assert "^o opens" in text_of(app)
        await pilot.press("N", "l", "enter")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MarketScreen)
        assert pane_of(app).heat.place == 1
        await pilot.press("w")
        assert not app.main.table.state.watched
        await pilot.press("B")
        assert app.main.table.state.watched == {pane_of(app).heat.cursor}
        await pilot.press("ctrl+o")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), DrillScreen)
        await pilot.press("escape", "ctrl+a")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MainScreen)


async def test_an_empty_market_has_no_cell_and_says_so(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    base = scene()
    none = np.zeros(0, dtype=np.int64)
    rankings = {name: replace(one, candidates=none, vetoed=none) for name, one in base.rankings.items()}
    source.snapshot = replace(base, rankings=rankings)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, clock, pilot)
        await pilot.press("j", "G", "enter", "w", "y")
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), MarketScreen)
        assert not app.main.table.state.watched
        assert not app.clipboard
        assert "no perpetual to show yet" in text_of(app)
