"""Keys that come faster than the screen keeps up with do what they would have done one by one."""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.app import App
from textual.widgets import Input

from tests.tui.fake_source import make_app, relaxed, settle

CHARACTERS = {"space": " ", "slash": "/", "greater_than_sign": ">"}


def burst(app: App[None], *keys: str) -> None:
    """All of them are there before the first is looked at."""
    for key in keys:
        character = CHARACTERS.get(key, key if len(key) == 1 else None)
        app.post_message(events.Key(key, character))


async def test_letters_after_the_key_that_opens_a_prompt_go_into_it(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        burst(app, "slash", *"pvs")
        await pilot.pause()
        await pilot.pause()
        assert app.main.prompt.is_open
        assert app.main.table.state.text == "pvs"
        assert app.preset == "relaxed", "`p` did not change the preset"


async def test_editing_keys_and_letters_act_in_the_order_in_which_they_were_pressed(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        burst(app, "f", *"scor", *["backspace"] * 4, *"abx", "left", "y", "home", "z", "end", "backspace")
        await pilot.pause()
        await pilot.pause()
        assert app.main.prompt.query_one(Input).value == "zaby"
        burst(app, "ctrl+u", *"score", "space", "greater_than_sign", "space", *"10", "enter", "s", "s")
        await pilot.pause()
        await pilot.pause()
        assert not app.main.prompt.is_open
        assert app.main.table.state.expression == "score > 10"


async def test_keys_of_the_table_act_in_order(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        first = app.main.table.cursor_key
        burst(app, "j", "j", "enter")
        await pilot.pause()
        await pilot.pause()
        assert app.screen is not app.main
        assert app.main.table.cursor_key != first
