"""Filters kept by name: kept, used again, gone through, forgotten; and names that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.fake_source import make_app, relaxed, settle, text_of
from tui.presenters.saved_filters import MOST, MOST_CHARS, changed, next_name, read_wish
from tui.state import ConsoleState, load, save

KEPT = {"long": "score > 60", "short": "score < 40"}
KEYS = {" ": "space", ">": "greater_than_sign", "<": "less_than_sign", ":": "colon", "_": "underscore"}


def test_a_text_is_an_expression_a_name_or_both() -> None:
    assert read_wish("score > 1", KEPT).expression == "score > 1"
    assert read_wish(" long ", KEPT).expression == "score > 60"
    wish = read_wish("wide :  spread > 3 ", KEPT)
    assert (wish.keeps, wish.expression, wish.offset) == ("wide", "spread > 3", 8)
    assert changed(KEPT, wish) == {**KEPT, "wide": "spread > 3"}
    assert list(changed(KEPT, read_wish("long: score > 70", KEPT))) == ["long", "short"], "in its place"
    assert changed(KEPT, read_wish("long:", KEPT)) == {"short": "score < 40"}
    assert changed(KEPT, read_wish("score > 1", KEPT)) == KEPT


@pytest.mark.parametrize(
    ("text", "kept", "complaint"),
    [
        ("score: spread > 3", KEPT, "`score` is a column"),
        ("nope:", KEPT, "no filter `nope` is saved"),
        ("x" * (MOST_CHARS + 1) + ": score > 1", KEPT, "at most"),
        ("one: score > 1", {f"n{n}": "score > 1" for n in range(MOST)}, "filters are saved already"),
    ],
)
def test_what_cannot_be_kept_says_why(text: str, kept: dict[str, str], complaint: str) -> None:
    wish = read_wish(text, kept)
    assert complaint in wish.complaint
    assert changed(kept, wish) == kept


def test_going_through_them_ends_with_none() -> None:
    assert [next_name(KEPT, text) for text in ("", "score > 60", "score < 40", "spread > 1")] == [
        "long", "short", "", "long",
    ]  # fmt: skip


def test_two_names_of_one_expression_do_not_hide_those_after_them() -> None:
    assert next_name({"a": "score > 60", "b": "score > 60", "c": "score > 70"}, "score > 60") == "c"


async def test_a_filter_that_can_no_longer_be_read_is_left_out_with_the_reason(tmp_path: Path) -> None:
    filters = {"one": "score > 60", "old": "scor > 60", "two": "score < 40", "older": "("}
    save(tmp_path / "console.json", ConsoleState(greeted=True, filters=filters))
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        used = []
        for _ in range(4):
            await pilot.press("F")
            used.append(app.main.table.state.expression)
        assert used == ["score > 60", "score < 40", "", "score > 60"]
        told = [notice.text for notice in app._told]
        assert any("filter old left out: there is no" in text for text in told), told
        assert any("filter older left out: " in text for text in told), told


async def typed(pilot: Any, text: str) -> None:
    await pilot.press(*(KEYS.get(letter, letter) for letter in text))


async def test_a_filter_is_kept_between_runs_and_used_by_name_and_by_key(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        everything = app.main.table.status.shown
        await pilot.press("F")
        assert "no filter is saved" in "".join(notice.message for notice in app._notifications)
        await pilot.press("f")
        await typed(pilot, "bulls: scor > 60")
        await pilot.pause()
        lines = text_of(app).split("\n")
        mark = next(line for line in lines if "▲ there is no" in line).index("▲")
        entry = next(line for line in lines if "bulls: scor" in line)
        assert mark == entry.index("scor >"), "the mark stands under the name, not under the start of the expression"
        await pilot.press(*["backspace"] * len("scor > 60"))
        await typed(pilot, "score > 60")
        await pilot.pause()
        assert "enter saves it as `bulls`" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.main.table.state.expression == "score > 60"
        bulls = app.main.table.status.shown
        assert 0 < bulls < everything
    state, _ = load(tmp_path / "console.json")
    assert state.filters == {"bulls": "score > 60"}

    again, _, clock = make_app(tmp_path, config=relaxed())
    async with again.run_test(size=(120, 40)) as pilot:
        await settle(again, clock, pilot)
        table = again.main.table
        await pilot.press("escape", "F")
        assert table.state.expression == "score > 60"
        await pilot.press("F")
        assert table.state.expression == ""
        await pilot.press("f")
        await typed(pilot, "bulls")
        await pilot.press("enter")
        await pilot.pause()
        assert table.status.shown == bulls
        await pilot.press("f", "ctrl+u")
        await typed(pilot, "bulls:")
        await pilot.press("enter")
        await pilot.pause()
        assert again.kept_filters == {}
        assert table.state.expression == ""
