"""Keys that come faster than the screen keeps up with do what they would have done one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.app import App
from textual.command import CommandInput
from textual.widgets import Input

from engine.config.schema import Config, ConsoleSection, EngineSection
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


async def test_escape_leaves_the_prompt_before_the_next_key_is_looked_at(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        burst(app, "slash", *"btc", "escape", "z", "j")
        await pilot.pause()
        await pilot.pause()
        assert not app.main.prompt.is_open
        assert app.main.table.state.text == ""
        assert app.main.table.state.frozen
        assert app.main.table.has_focus
        assert app.main.prompt.query_one(Input).value == "btc"


async def test_alt_is_escape_and_the_key_unless_something_is_bound_to_it(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("question_mark")
        app.post_message(events.Key("alt+z", "z"))
        await pilot.pause()
        await pilot.pause()
        assert app.screen is app.main
        assert app.main.table.state.frozen
        app.post_message(events.Key("alt+shift+g", "G"))
        await pilot.pause()
        await pilot.pause()
        assert app.main.table.cursor_key == app.main.table.model.order[-1]
    bound = Config(engine=EngineSection(preset="relaxed"), console=ConsoleSection(keys={"pin": "alt+z"}))
    app, _, clock = make_app(tmp_path / "bound", config=bound)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        app.post_message(events.Key("alt+z", "z"))
        await pilot.pause()
        await pilot.pause()
        assert len(app.main.table.state.pinned) == 1
        assert not app.main.table.state.frozen


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("a\x1b[31mb\x9b\x07", "a\ufffd[31mb\ufffd"), ("score\t>\t70\nsecond line", "score > 70"),
        ("x\u202ey", "xy"), ("é 币", "é 币"), ("", ""), ("x" * 2_000, ""),
    ],
)  # fmt: skip
async def test_what_is_pasted_reaches_no_input_with_control_characters(tmp_path: Path, pasted: str, taken: str) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash")
        app.post_message(events.Paste(pasted))
        await pilot.pause()
        await pilot.pause()
        assert app.main.prompt.query_one(Input).value == taken
        await pilot.press("escape", "ctrl+p")
        await pilot.pause()
        app.post_message(events.Paste(pasted))
        await pilot.pause()
        await pilot.pause()
        shown = app.screen.query_one(CommandInput).value
        assert shown == (taken if len(pasted) < 1_000 else pasted)
        strips = "".join(strip.text for strip in app.screen._compositor.render_strips())
        assert all(character.isprintable() for character in strips)
