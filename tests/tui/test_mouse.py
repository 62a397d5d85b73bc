"""The mouse on the console's own screens, where panes have borders: what is clicked is what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.fake_source import SIZES, make_app, relaxed, screen_of, settle, text_of
from tui.screens.drilldown import DrillScreen


@pytest.mark.parametrize("size", SIZES)
async def test_a_click_on_a_row_of_the_main_screen_takes_that_row_and_a_second_opens_it(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        for place in (2, 0):
            symbol = app.main.table.model.order[place].symbol.removesuffix("-SWAP")
            line = next(y for y, words in enumerate(text_of(app).split("\n")) if f" {symbol} " in words and y > 3)
            await pilot.click(offset=(12, line))
            assert app.main.table.cursor_key == app.main.table.model.order[place]
        await pilot.click(offset=(12, line), times=2)
        await settle(app, clock, pilot)
        assert isinstance(screen_of(app), DrillScreen)
        assert app.key == app.main.table.model.order[0]


async def test_a_click_on_a_heading_sorts_by_it_and_one_on_the_border_does_nothing(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        rows = text_of(app).split("\n")
        line = next(y for y, words in enumerate(rows) if "SYMBOL" in words)
        await pilot.click(offset=(rows[line].index("SCORE"), line))
        assert app.main.table.state.sort == "score"
        before = app.main.table.state, app.main.table.cursor_key
        await pilot.click(offset=(rows[line].index("SYMBOL"), line - 1))
        assert (app.main.table.state, app.main.table.cursor_key) == before


@pytest.mark.parametrize(("typed", "applied"), [("score > 60", "score > 60"), ("score >", "")])
async def test_a_click_on_a_pane_leaves_the_prompt_and_letters_are_keys_again(
    tmp_path: Path, typed: str, applied: str
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        for pane in ("#candidates", "#prism"):
            await pilot.press("f", *({" ": "space", ">": "greater_than_sign"}.get(one, one) for one in typed))
            await pilot.click(pane, offset=(12, 4))
            await settle(app, clock, pilot)
            assert not app.main.prompt.is_open
            assert app.main.focused is app.main.query_one(pane)
            assert app.main.table.state.expression == applied
            await pilot.press("escape", "escape", "n")
            await settle(app, clock, pilot)
            assert app._state.face != "technical", "a letter is a key again"
            await pilot.press("1")
        assert app._state.expression == ""


async def test_on_a_small_terminal_find_opens_from_any_pane_and_takes_what_is_typed(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("tab")
        await settle(app, clock, pilot)
        await pilot.press("slash")
        await settle(app, clock, pilot)
        await pilot.press("d", "o")
        await settle(app, clock, pilot)
        assert app.main.prompt.is_open
        assert app.main.table.state.text == "do"


async def test_another_button_on_the_footer_does_nothing(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        place = (text_of(app).split("\n")[39].index("freeze"), 39)
        await pilot.click(offset=place, button=3)
        assert not app.main.table.state.frozen
        await pilot.click(offset=place)
        assert app.main.table.state.frozen


async def test_with_the_panes_labelled_a_click_goes_to_a_pane_or_back(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        for place, front in (((90, 22), "depth"), ((5, 21), "prism"), ((1, 0), "prism")):
            await pilot.press("apostrophe")
            await settle(app, clock, pilot)
            assert screen_of(app) is not app.main
            await pilot.click(offset=place)
            await settle(app, clock, pilot)
            assert screen_of(app) is app.main
            assert app.main.front == front
