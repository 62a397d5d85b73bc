"""Quick notices: two at once (one on a small terminal), an equal text only once, errors longest; all can be read again
among the venues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets._toast import Toast

from tests.tui.fake_source import NEVER_S, SIZES, FakeSource, make_app, relaxed, scene, settle, text_of
from tui.app import PrismApp
from tui.presenters.told import KEPT, STANDS_S, Severity, fitted, leaving, returning
from tui.screens.venues import VenuesScreen

INFO: Severity = "information"


@pytest.mark.parametrize(
    ("standing", "new", "gone"),
    [
        ([], "a", []),
        ([("a", INFO)], "b", []),
        ([("a", INFO), ("b", INFO)], "c", [0]),
        ([("a", INFO)], "a", [0]),
        ([("a", INFO), ("b", INFO)], "a", [0]),
        ([("broken", "error"), ("b", INFO)], "c", [1]),
        ([("a", INFO), ("broken", "error")], "c", [0]),
        ([("odd", "warning"), ("b", INFO)], "c", [1]),
        ([("odd", "warning"), ("broken", "error")], "c", [0]),
        ([("broken", "error"), ("worse", "error")], "c", [0]),
        ([("a", INFO), ("a", INFO), ("b", INFO)], "c", [0, 1]),
    ],
)
def test_what_gives_way_to_a_new_notice(standing: list[tuple[str, Severity]], new: str, gone: list[int]) -> None:
    assert leaving(standing, new) == gone


def test_without_room_every_notice_gives_way_to_a_new_one() -> None:
    for severity in STANDS_S:
        assert leaving([("a", severity)], "b", has_room=False) == [0]
        assert leaving([("a", severity)], "b") == []
    assert leaving([("broken", "error"), ("odd", "warning")], "c", has_room=False) == [0, 1]


@pytest.mark.parametrize(
    ("displaced", "new", "returns"),
    [
        ([], "a", None),
        ([("a", INFO)], "b", None),
        ([("odd", "warning")], "b", 0),
        ([("broken", "error"), ("odd", "warning"), ("a", INFO)], "b", 0),
        ([("broken", "error"), ("worse", "error")], "b", 1),
        ([("broken", "error"), ("worse", "error")], "worse", 0),
        ([("broken", "error")], "broken", None),
    ],
)
def test_the_worst_of_what_was_displaced_returns(
    displaced: list[tuple[str, Severity]], new: str, returns: int | None
) -> None:
    assert returning(displaced, new) == returns


def test_a_text_takes_two_lines_at_most_and_says_where_it_was_cut() -> None:
    assert fitted("one two three", 13) == "one two three"
    assert fitted("one two three", 12) == "one two\nthree"
    assert fitted("one two three four five six", 10) == "one two\nthree fou…"


def test_errors_stand_longer_than_warnings_and_these_longer_than_information() -> None:
    assert STANDS_S["error"] > STANDS_S["warning"] > STANDS_S["information"]


def standing(app: PrismApp) -> list[str]:
    return [str(toast.render()) for toast in app.screen.query(Toast)]


async def told(app: PrismApp, pilot: Any, *texts: str, severity: Severity = "information") -> None:
    for text in texts:
        app.tell(text, severity)
    await pilot.pause(0.1)


@pytest.mark.parametrize("size", SIZES)
async def test_at_most_two_stand_at_once_and_an_error_outlasts_what_comes_after_it(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, clock, pilot)
        has_room = size != (80, 24)
        await told(app, pilot, "one", "two", "three")
        assert standing(app) == (["two", "three"] if has_room else ["three"])
        await told(app, pilot, "three")
        assert standing(app) == (["two", "three"] if has_room else ["three"]), "its twin went"
        if not has_room:
            assert app.screen.query_one(Toast).region.y == size[1] - 2, "only the status line is covered"
        await told(app, pilot, "disk full", severity="error")
        assert standing(app) == (["three", "disk full"] if has_room else ["disk full"])
        await told(app, pilot, *(f"key {number}" for number in range(9)))
        assert standing(app) == (["disk full", "key 8"] if has_room else ["key 8"])
        rows = [toast.region for toast in app.screen.query(Toast)]
        assert max(region.bottom for region in rows) == size[1] - 1, "on the status line, above the keys"
        assert min(region.y for region in rows) >= size[1] - 3


async def leaves(app: PrismApp, pilot: Any) -> None:
    """Have the newest notice leave, as by its time."""
    await pilot.click(list(app.screen.query(Toast))[-1])
    await pilot.pause(0.1)


@pytest.mark.parametrize("keys", [(), ("a",)])
async def test_on_a_small_terminal_an_error_gives_way_to_a_notice_and_returns_after_it(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(*keys)
        await settle(app, clock, pilot)
        before = text_of(app).split("\n")
        await told(app, pilot, "disk full", severity="error")
        await told(app, pilot, "odd", severity="warning")
        await told(app, pilot, "key 1")
        await told(app, pilot, "key 2")
        after = text_of(app).split("\n")
        assert [y for y, row in enumerate(after) if row != before[y]] == [22], "the status line and nothing else"
        assert standing(app) == ["key 2"]
        await leaves(app, pilot)
        assert standing(app) == ["disk full"]
        await told(app, pilot, "key 3")
        assert standing(app) == ["key 3"]
        await leaves(app, pilot)
        assert standing(app) == ["disk full"]
        await leaves(app, pilot)
        assert standing(app) == []
        assert text_of(app).split("\n")[1:] == before[1:]


async def test_an_error_returns_for_the_time_that_it_had_left(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, clock, pilot)
        await told(app, pilot, "disk full", severity="error")
        (error,) = app._notifications
        error.raised_at -= NEVER_S / 2
        await told(app, pilot, "one", "two")
        await leaves(app, pilot)
        (back,) = app._notifications
        assert back.message == "disk full"
        assert NEVER_S / 3 < back.time_left <= NEVER_S / 2


async def test_an_error_that_was_told_again_does_not_return_for_its_first_time(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, clock, pilot)
        await told(app, pilot, "disk full", severity="error")
        await told(app, pilot, "key 1")
        await told(app, pilot, "disk full", severity="error")
        await leaves(app, pilot)
        assert standing(app) == []


@pytest.mark.parametrize("size", SIZES)
async def test_a_notice_of_any_length_is_seen_to_its_end_and_covers_no_row(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, clock, pilot)
        before = text_of(app).split("\n")
        for length in range(size[0] - 10, min(size[0], 198) + 2):
            await told(app, pilot, ("ab " * 99)[: length - 1] + "!")
            (*rest, newest) = [toast.region for toast in app.screen.query(Toast)]
            assert newest.bottom == size[1] - 1, length
            after = text_of(app).split("\n")
            assert "!" in after[newest.bottom - 1], length
            if not rest:
                assert before[: size[1] - 3] == after[: size[1] - 3], "rows and the heading above them"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("enter",), ("f",), ("a",), ("tab",)])
async def test_no_heading_title_or_input_is_covered(
    tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(*keys)
        await settle(app, clock, pilot)
        before = text_of(app).split("\n")
        await told(app, pilot, "theme prism-light", "12 rows written to /home/someone/prism-candidates-0001.csv")
        after = text_of(app).split("\n")
        changed = [y for y, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        assert len(changed) == (1 if size == (80, 24) else 2)
        assert not any("╭" in before[y] or "SYMBOL" in before[y] for y in changed)
        typed = [y for y, row in enumerate(before) if row.startswith((" filter ", " enter applies"))]
        assert not set(changed) & set(typed)


async def test_what_had_no_place_is_read_on_the_screen_of_venues(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, clock, pilot)
        await told(app, pilot, "one [/x]", "two", "two", "three", "four")
        await pilot.press("V")
        await settle(app, clock, pilot)
        assert isinstance(app.screen, VenuesScreen)
        app.screen.action_move("last")
        await pilot.pause()
        text = text_of(app)
        words = text[text.index("Console said, newest first") :]
        places = [words.index(told) for told in ("four", "three", "two", "one [/x]")]
        assert places == sorted(places)
        assert words.count("two") == 1
        assert "12:32:17" in words


async def test_only_the_last_ones_are_kept_and_those_before_the_first_picture_have_no_time(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, FakeSource())
    async with app.run_test(size=(120, 40)) as pilot:
        app.tell("early")
        await settle(app, clock, pilot)
        assert app.view() is None
        source.snapshot = scene()
        await settle(app, clock, pilot)
        view = app.view()
        assert view is not None
        assert [(one.at_ms, one.text) for one in view.told] == [(0, "early")]
        for number in range(KEPT + 5):
            app.tell(f"notice {number}")
        view = app.view()
        assert view is not None
        assert len(view.told) == KEPT
        assert view.told[-1].text == f"notice {KEPT + 4}"
        assert view.told[-1].at_ms == view.now_ms
