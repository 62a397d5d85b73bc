"""What a newcomer is told, and that it goes away for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.fake_source import SIZES, make_app, relaxed, settle, text_of
from tui.actions import Keymap
from tui.presenters.lines import plain, width_of
from tui.presenters.welcome import welcome_lines


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_two_lines_fit_and_always_say_how_to_hide_them(width: int) -> None:
    lines = welcome_lines(Keymap({"back": "ctrl+b"}), Path.home() / ".config" / "prism" / "config.yaml", width)
    assert len(lines) == 2
    assert all(width_of(line) <= width for line in lines)
    told = plain(lines)
    assert "^b hides this" in told
    assert "~/.config/prism/config.yaml" in told


def test_who_has_a_configuration_is_not_told_to_write_one() -> None:
    assert "config init" not in plain(welcome_lines(Keymap(), None, 120))


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_run_says_what_to_press_until_it_is_hidden_for_good(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed(), first_run=True)
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "first time?" in text
        assert "config.yaml" in text
        assert "^q quit" in text
        await pilot.press("j")
        key = app.key
        await pilot.press("f", "escape")
        await pilot.pause()
        assert "first time?" in text_of(app), "leaving an input hides only that"
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert "first time?" not in text_of(app)
        assert app.key == key
    again, _, clock = make_app(tmp_path, first_run=True)
    async with again.run_test(size=size) as pilot:
        await settle(again, clock, pilot)
        assert "first time?" not in text_of(again)


async def test_a_terminal_too_small_keeps_its_one_sentence(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, first_run=True)
    async with app.run_test(size=(40, 10)) as pilot:
        await settle(app, clock, pilot)
        assert "first time?" not in text_of(app)
        assert "prism needs 60 by 16" in " ".join(text_of(app).split())
