"""A picture is shown in pieces, between which keys are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.timer import Timer

from tests.tui.fake_source import FakeSource, make_app, relaxed, scene, settle, text_of
from tui.app import CALM_S, PrismApp
from tui.widgets.candidates import CandidatesTable
from tui.widgets.pane import Pane


class Turns:
    """Notes in which of the app's turns something was done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        self.done: list[tuple[str, int]] = []
        self._spy(monkeypatch, PrismApp, "_go_on", self._next)
        self._spy(monkeypatch, CandidatesTable, "update_snapshot", lambda _: self.done.append(("table", self.now)))
        self._spy(monkeypatch, CandidatesTable, "cursor_down", lambda _: self.done.append(("key", self.now)))
        self._spy(monkeypatch, Pane, "present", lambda pane: self.done.append((str(pane.id), self.now)))

    def _next(self, _: Any) -> None:
        self.now += 1

    def _spy(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, note: Callable[[Any], None]) -> None:
        method = getattr(owner, name)

        def noted(one: Any, *args: Any) -> Any:
            note(one)
            return method(one, *args)

        monkeypatch.setattr(owner, name, noted)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.done]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    return Turns(monkeypatch)


async def shown_whole(app: PrismApp) -> None:
    for _ in range(5000):
        if app._pieces is None and not app._is_turning:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("never shown")


async def test_table_and_panes_have_a_turn_each(tmp_path: Path, turns: Turns) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await shown_whole(app)
        source.snapshot = scene()
        turns.done.clear()
        app.follow()
        assert turns.done == [], "the picture is taken first, and nothing shown in the same turn"
        await shown_whole(app)
    assert turns.names == ["table", "prism", "depth", "liquidations"]
    assert len({turn for _, turn in turns.done}) == 4, turns.done


async def test_a_key_is_answered_before_the_rest_of_a_picture(tmp_path: Path, turns: Turns) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await shown_whole(app)
        source.snapshot = scene()
        turns.done.clear()
        app.follow()
        app.post_message(events.Key("j", "j"))
        await shown_whole(app)
        await pilot.pause()
    assert turns.names.index("key") < turns.names.index("prism"), turns.done


async def test_pieces_that_come_too_slowly_are_shown_at_once(tmp_path: Path, turns: Turns) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await shown_whole(app)
        source.snapshot = scene()
        turns.done.clear()
        app.follow()
        app.follow()
        assert turns.names == ["table", "prism", "depth", "liquidations"]
        await pilot.pause()


@pytest.mark.usefixtures("turns")
async def test_a_picture_in_pieces_is_the_picture(tmp_path: Path) -> None:
    texts = []
    for piecewise in (True, False):
        app, source, clock = make_app(tmp_path, FakeSource(scene(seed=5)), relaxed())
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(app, clock, pilot)
            await shown_whole(app)
            source.snapshot = scene(seed=6)
            source.answer_focus(*app.key or ("", ""))
            clock.advance(int(1.1e9))
            if piecewise:
                app.follow()
                await shown_whole(app)
            else:
                app.refresh_view()
            await shown_whole(app)
            await pilot.pause()
            texts.append(text_of(app))
    assert texts[0] == texts[1]


async def test_a_last_turn_after_the_screens_have_gone_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        pieces = app._showing()
        app._pieces = pieces
        screens = app.screen_stack
        monkeypatch.setattr(type(app), "screen_stack", property(lambda _: []))
        app.follow()
        app._go_on(pieces, screens[-1])
        assert app._pieces is pieces, "nothing was shown, and nothing raised"
        monkeypatch.undo()


def test_what_is_painted_again_does_not_wait_for_a_sixtieth() -> None:
    from tui.launch import FRAMES_PER_S

    assert int(FRAMES_PER_S) >= 200


async def test_all_is_painted_once_more_when_the_sizes_have_calmed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        begun: list[Timer] = []
        set_timer = app.set_timer

        def noted(delay: float, work: Any, **named: Any) -> Timer:
            timer = set_timer(delay, work, **named)
            if (delay, work) == (CALM_S, app.refresh):
                begun.append(timer)
            return timer

        monkeypatch.setattr(app, "set_timer", noted)
        for width in (100, 90, 80):
            await pilot.resize_terminal(width, 24)
        assert begun, "the last size is followed by a whole paint"
        assert app._calm is begun[-1], "and only the last"
