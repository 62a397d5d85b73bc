"""The table of actions agrees with itself, with its handlers, and with what help, footer and palette show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.config.presets import PRESETS
from engine.config.schema import Config, ConsoleSection
from tests.tui.fake_source import FakeSource, make_app, recording, scene, settle, text_of
from tui.actions import ACTIONS, BY_ID, GROUPS, Action, Keymap, key_text, usable
from tui.app import PrismApp
from tui.presenters.footer import footer_line
from tui.presenters.lines import plain, width_of
from tui.screens.drilldown import DrillScreen
from tui.screens.help import HelpScreen, help_lines
from tui.screens.main import MainScreen
from tui.widgets.panes import PrismPane

SPECIFIED = (
    *"jkhlgGfsSrpPdwvzyxt123456",
    "up", "down", "left", "right", "enter", "escape", "slash", "f1", "f2", "f3", "space", "tab", "plus", "minus",
    "question_mark", "ctrl+p", "ctrl+q",
)  # fmt: skip


def test_ids_and_keys_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)
    counts = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("key", SPECIFIED)
def test_every_promised_key_is_in_the_table(key: str) -> None:
    assert any(key in action.keys for action in ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_handler_a_group_and_a_sentence(action: Action) -> None:
    places = {"main": (MainScreen,), "drill": (DrillScreen,)}.get(action.where, (MainScreen, DrillScreen))
    for place in places:
        assert hasattr(place, action.handler) or hasattr(PrismApp, action.handler), (place, action.handler)
    assert action.group in GROUPS
    assert action.help.endswith(".")


def test_no_handler_is_without_an_action() -> None:
    handlers = {name for cls in (PrismApp, MainScreen, DrillScreen) for name in dir(cls) if name.startswith("do_")}
    assert handlers == {action.handler for action in ACTIONS}


def test_preset_actions_name_presets() -> None:
    assert {action.argument for action in ACTIONS if action.does == "preset"} == set(PRESETS)


def test_help_lists_every_action_that_works_and_no_other() -> None:
    keymap = Keymap()
    for kind in ("main", "drill"):
        shown = [action for action in ACTIONS if usable(action.where, kind, replaying=False)]
        text = plain(help_lines("x", "", shown, keymap, 100))
        for action in ACTIONS:
            assert (action.help in text) == (action in shown), action.id


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_footer_names_whole_keys_and_always_help(width: int) -> None:
    shown = [action for action in ACTIONS if usable(action.where, "main", replaying=False)]
    line, places = footer_line(shown, Keymap(), width)
    text = plain([line])
    assert width_of(line) <= width
    assert "? help" in text
    for first, after, name in places:
        assert text[first:after] == f"{key_text(BY_ID[name].keys[0])} {BY_ID[name].label}"


def test_small_terminals_are_told_how_to_reach_the_other_panes() -> None:
    shown = [action for action in ACTIONS if usable(action.where, "main", replaying=False)]
    assert "tab next pane" in plain([footer_line(shown, Keymap(), 80)[0]])


def test_rebinding_moves_a_key_everywhere() -> None:
    keymap = Keymap({"freeze": "ctrl+y,F5", "help": "f"})
    assert keymap.rebound == {"freeze": "ctrl+y,f5"}
    assert keymap.text("freeze") == "^y"
    assert keymap.texts("freeze") == "^y F5"
    assert keymap.problems == ["keys.help: f already means filter; rebind that one too"]
    assert keymap.text("help") == "?"


def test_actions_swap_keys_in_any_order() -> None:
    swap = {"sort_next": "f", "filter": "s"}
    colemak = {"cursor_down": "n", "cursor_up": "e", "cursor_right": "i", "timeframe_next": "l", "face_next": "j"}
    for rebound in (swap, dict(reversed(swap.items())), colemak, dict(reversed(colemak.items()))):
        keymap = Keymap(rebound)
        assert keymap.problems == []
        assert keymap.rebound == rebound


def test_a_refused_rebinding_gives_back_its_own_keys_and_what_relied_on_them_is_refused_too() -> None:
    keymap = Keymap({"filter": "s", "sort_next": "r", "reverse": "z", "find": "ctrl+f"})
    assert keymap.problems == [
        "keys.filter: s already means sort_next; rebind that one too",
        "keys.sort_next: r already means reverse; rebind that one too",
        "keys.reverse: z already means freeze; rebind that one too",
    ]
    assert keymap.rebound == {"find": "ctrl+f"}
    held = [key for action in ACTIONS for key in keymap.texts(action.id).split(" ")]
    assert len(held) == len(set(held))


def test_of_two_that_want_one_key_the_first_gets_it() -> None:
    keymap = Keymap({"freeze": "ctrl+y", "find": "ctrl+y"})
    assert keymap.problems == ["keys.find: ^y already means freeze; rebind that one too"]
    assert keymap.rebound == {"freeze": "ctrl+y"}


async def test_swapped_keys_work(tmp_path: Path) -> None:
    keys = {"sort_next": "f", "filter": "s", "cursor_down": "n,down", "face_next": "j"}
    app, _, clock = make_app(tmp_path, config=Config(console=ConsoleSection(keys=keys)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert not app._told
        first, sort = app.key, app.main.table.state.sort
        await pilot.press("n")
        assert app.key != first
        await pilot.press("f")
        assert app.main.table.state.sort != sort
        face = app.main.query_one(PrismPane).face
        await pilot.press("j")
        assert app.main.query_one(PrismPane).face != face
        await pilot.press("s")
        assert app.main.prompt.kind == "filter"
        assert app.main.prompt.is_open


@pytest.mark.parametrize(
    ("rebound", "problem"),
    [
        ({"frieze": "z"}, "no such action"),
        ({"freeze": " "}, "names no key"),
        ({"freeze": "?"}, "already means help"),
        ({"quit": "ctrl+"}, "'ctrl+' is no key"),
        ({"quit": "ctrl+q,hyper+x"}, "'hyper+x' is no key"),
    ],
)
def test_what_cannot_be_rebound_is_told(rebound: dict[str, str], problem: str) -> None:
    keymap = Keymap(rebound)
    assert len(keymap.problems) == 1
    assert problem in keymap.problems[0]
    assert keymap.rebound == {}


async def test_a_rebound_key_works_and_the_old_one_does_not(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path, config=Config(console=ConsoleSection(keys={"vetoed": "B"})))
    async with app.run_test(size=(120, 40)) as pilot:
        seen = []
        for key in ("v", "B"):
            await pilot.press(key)
            seen.append(app.main.table.state.vetoed)
        assert seen == [False, True]
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)


async def test_the_palette_offers_every_action_that_works(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)):
        offered = {command.title for command in app.get_system_commands(app.main)}
        for action in app.main.available():
            if action.group != "move" and action.id != "palette":
                assert f"{action.label}  ({app.keymap.text(action.id)})" in offered
        assert "theme prism-light" in offered


async def test_replay_keys_steer_a_recording(tmp_path: Path) -> None:
    source = FakeSource(scene("replay", replay=recording()))
    app, _, _ = make_app(tmp_path, source)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("comma", "full_stop", "greater_than_sign", "less_than_sign", "left_square_bracket")
        await pilot.press("right_square_bracket")
        steered = [call for call in source.calls if call[0] not in ("focus", "set_preset")]
    at = recording().at_ms
    assert steered == [
        ("pause", True),
        ("step",),
        ("set_speed", 8.0),
        ("set_speed", 4.0),
        ("seek", at - 60_000),
        ("seek", at),
    ]


async def test_quick_presses_go_on_from_the_wish_and_slow_ones_from_the_recording(tmp_path: Path) -> None:
    source = FakeSource(scene("replay", replay=recording()))
    app, _, clock = make_app(tmp_path, source)
    at, end = recording().at_ms, recording().end_ms
    assert end is not None
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("greater_than_sign", "greater_than_sign", "comma", "comma")
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert "goes to 12:34:17" in text_of(app), "before the engine has said so"
        steered = [call for call in source.calls if call[0] not in ("focus", "set_preset")]
        assert steered == [
            ("set_speed", 8.0), ("set_speed", 16.0), ("pause", True), ("pause", False),
            ("seek", at + 60_000), ("seek", at + 120_000),
        ]  # fmt: skip
        clock.advance(1_000_000_000)
        source.snapshot = scene("replay", replay=recording(at_ms=at + 5_000, speed=1.0))
        app.refresh_view()
        assert "goes to" not in text_of(app)
        source.calls.clear()
        await pilot.press("greater_than_sign", "comma", "left_square_bracket")
        clock.advance(1_000_000_000)
        source.snapshot = scene("replay", replay=recording(at_ms=at - 20_000, seek_ms=end - 10_000))
        app.refresh_view()
        await pilot.press("right_square_bracket")
    assert [call for call in source.calls if call[0] not in ("focus", "set_preset")] == [
        ("set_speed", 2.0), ("pause", True), ("seek", at - 55_000), ("seek", end),
    ]  # fmt: skip


async def test_replay_keys_do_nothing_to_a_demo(tmp_path: Path) -> None:
    source = FakeSource(scene("demo", replay=recording()))
    app, _, _ = make_app(tmp_path, source)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("comma", "full_stop", "greater_than_sign", "left_square_bracket")
    assert {call[0] for call in source.calls} <= {"focus", "set_preset"}


async def test_suspending_where_there_is_no_shell_says_so(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+z")
        await pilot.pause()
        assert [notice.message for notice in app._notifications] == ["this terminal has no shell to return to"]


def test_a_newcomer_sees_how_to_end_it_on_the_smallest_usual_terminal() -> None:
    shown = [action for action in ACTIONS if usable(action.where, "main", replaying=False)]
    assert "^q quit" in plain([footer_line(shown, Keymap(), 80)[0]])


@pytest.mark.parametrize("vetoed", [False, True])
async def test_help_explains_every_column_of_the_table_shown(tmp_path: Path, vetoed: bool) -> None:
    app, _, clock = make_app(tmp_path)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(*("v" if vetoed else ""))
        await settle(app, clock, pilot)
        shown = app.main.table.columns
        assert ("gate" in {column.key for column in shown}) is vetoed
        terms = app.main.terms_of("candidates")
        faces = {column.key for column in shown if column.key.startswith("face.")}
        assert len(faces) == 6
        assert set(terms) >= {(column.title, column.words) for column in shown if column.key not in faces}
        assert any(title == "T V F B S M" for title, _ in terms)
        assert app.main.terms_of("depth") == ()
        await pilot.press("question_mark")
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "Columns, from left to right" in text
        for title, words in terms[:5]:
            assert f"{title} " in text
            assert words.split(";")[0][:40] in text
