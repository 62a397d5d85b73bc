"""Every action of the table, pressed by its keys on every screen where it applies, and what changed by it.

A new action needs a case in `CASES`: the test of its keys fails without one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from engine.config.presets import PRESETS
from engine.prism.board import FACES
from tests.tui.fake_source import FakeSource, make_app, recording, relaxed, scene, screen_of, settle
from tui.actions import ACTIONS, BY_ID, Action, usable
from tui.app import PrismApp
from tui.app_reports import Palette
from tui.screens.drilldown import DrillScreen
from tui.screens.help import HelpScreen
from tui.screens.jump import JumpScreen
from tui.screens.main import MainScreen
from tui.screens.market import MarketScreen
from tui.screens.pane_screen import PaneScreen
from tui.screens.venues import VenuesScreen
from tui.state import ConsoleState, Instrument, save
from tui.widgets.panes import DepthPane, LiquidationsPane, PrismPane
from tui.widgets.symbol_panes import ChartPane

Kind = Literal["main", "drill"]
KEPT: Final = "score > 60"
OKX_BTC: Final = (Instrument("okx", "BTC-USDT-SWAP"),)


@dataclass
class Stage:
    """A console and what a case asks of it."""

    app: PrismApp
    source: FakeSource
    kind: Kind
    out: Path

    @property
    def screen(self) -> PaneScreen:
        """The screen of panes that the action was pressed on, whatever lies over it."""
        wanted = MainScreen if self.kind == "main" else DrillScreen
        found = next(one for one in self.app.screen_stack if isinstance(one, wanted))
        assert isinstance(found, PaneScreen)
        return found

    @property
    def calls(self) -> list[Any]:
        """Wishes to the engine but those that only follow the cursor."""
        return [call for call in self.source.calls if call[0] != "focus"]

    @property
    def notices(self) -> list[str]:
        return [notice.message for notice in self.app._notifications]


Read = Callable[[Stage], Any]


@dataclass(frozen=True)
class Case:
    """What is looked at, what it must be after the key (given what it was), and the keys pressed to get there."""

    read: Read
    expect: Callable[[Any, Stage], Any]
    before: tuple[str, ...] = ()
    on_drill: Case | None = None
    """Where the symbol's screen does something else."""
    size: tuple[int, int] = (120, 40)
    pane: str = ""
    """To be focused first."""
    pinned: tuple[Instrument, ...] = ()
    """On top, and so under the cursor, from the start."""


def place(stage: Stage) -> int | None:
    table = stage.app.main.table
    return table.model.index_of(table.cursor_key)


def scrolled(stage: Stage) -> int:
    return int(stage.screen.query_one("#account").scroll_offset.y)


def face(stage: Stage) -> str:
    return stage.screen.query_one(PrismPane).face


def table(name: str) -> Read:
    return lambda stage: getattr(stage.app.main.table.state, name)


def is_now(value: Any) -> Callable[[Any, Stage], Any]:
    return lambda before, stage: value


def screen_name(stage: Stage) -> str:
    return type(screen_of(stage.app)).__name__


def opens(screen: type[Any], *before: str) -> Case:
    return Case(screen_name, is_now(screen.__name__), before)


def tells(words: str) -> Case:
    return Case(lambda stage: any(words in told for told in stage.notices), is_now(True))


def files(stage: Stage) -> list[str]:
    return sorted(path.name for path in stage.out.iterdir()) if stage.out.is_dir() else []


def moves(
    main: Callable[[int, Stage], int],
    drill: Callable[[int, Stage], int],
    main_before: tuple[str, ...] = (),
    drill_before: tuple[str, ...] = (),
) -> Case:
    """The cursor of the table; the lines of a pane on the symbol's screen."""
    return Case(place, main, main_before, Case(scrolled, drill, drill_before, size=(80, 24), pane="account"))


def farther(step: int) -> Callable[[int, Stage], Any]:
    """More than one line that way: the new place itself, if so."""

    def landed(before: int, stage: Stage) -> Any:
        now = place(stage) if stage.kind == "main" else scrolled(stage)
        assert now is not None
        return now if (now - before) * step > 1 else f"more than a line from {before}"

    return landed


def last_line(before: int, stage: Stage) -> int:
    if stage.kind == "main":
        return stage.app.main.table.model.count - 1
    return int(stage.screen.query_one("#account").max_scroll_y)


def steps_sort(step: int) -> Callable[[Any, Stage], Any]:
    def landed(before: str, stage: Stage) -> str:
        keys = [column.key for column in stage.app.main.table.columns]
        return keys[(keys.index(before) + step) % len(keys)]

    return landed


def asked(*calls: Any) -> Case:
    return Case(lambda stage: stage.calls, lambda before, stage: [*before, *calls])


def preset(name: str, *before: str) -> Case:
    return Case(
        lambda stage: (stage.app.preset, stage.calls[-1:]), is_now((name, [("set_preset", name)])), before
    )  # fmt: skip


def next_preset(step: int) -> str:
    names = list(PRESETS)
    return names[(names.index("relaxed") + step) % len(names)]


def breaks_down(name: str) -> Case:
    """Sorts by the face and breaks it down; on the symbol's screen it only breaks it down."""
    other = "2" if name == FACES[0] else ()
    return Case(
        lambda stage: (stage.app.main.table.state.sort, face(stage)),
        is_now((f"face.{name}", name)),
        on_drill=Case(face, is_now(name), tuple(other)),
    )


def group(stage: Stage) -> int:
    return stage.screen.query_one(DepthPane).group


def book(stage: Stage) -> str:
    return stage.screen.query_one(DepthPane).book


def timeframe(stage: Stage) -> str:
    return stage.screen.query_one(ChartPane).timeframe


def minimum(stage: Stage) -> float:
    return stage.screen.query_one(LiquidationsPane).minimum_usd


def prompt(stage: Stage) -> tuple[bool, str]:
    return stage.app.main.prompt.is_open, stage.app.main.prompt.kind


def at_cursor(stage: Stage) -> Any:
    assert stage.app.key is not None
    return stage.app.key


NO_MINIMUM: Final = tells("every liquidation of this symbol is shown here")
CASES: Final[dict[str, Case]] = {
    "cursor_down": moves(lambda before, _: before + 1, lambda before, _: before + 1),
    "cursor_up": moves(lambda before, _: before - 1, lambda before, _: before - 1, ("G",), ("G",)),
    "cursor_left": Case(face, is_now(FACES[-1]), pane="prism", on_drill=Case(face, is_now(FACES[-1]), pane="account")),
    "cursor_right": Case(face, is_now(FACES[1]), pane="prism", on_drill=Case(face, is_now(FACES[1]), pane="account")),
    "page_down": moves(farther(1), farther(1)),
    "page_up": moves(farther(-1), farther(-1), ("G",), ("G",)),
    "first": moves(lambda *_: 0, lambda *_: 0, ("G",), ("G",)),
    "last": moves(last_line, last_line),
    "open": opens(DrillScreen),
    "back": Case(
        lambda stage: stage.screen.front, is_now("candidates"), ("tab",),
        on_drill=Case(screen_name, is_now("MainScreen")),
    ),
    "pane_next": Case(lambda stage: stage.screen.front, lambda _, stage: stage.screen.ORDER[1]),
    "pane_previous": Case(lambda stage: stage.screen.front, lambda _, stage: stage.screen.ORDER[-1]),
    "jump": opens(JumpScreen),
    "maximise": Case(lambda stage: stage.screen.single, is_now(True)),
    "find": Case(prompt, is_now((True, "find"))),
    "filter": Case(prompt, is_now((True, "filter"))),
    "filter_next": Case(table("expression"), is_now(KEPT)),
    "sort_next": Case(table("sort"), steps_sort(1)),
    "sort_previous": Case(table("sort"), steps_sort(-1)),
    "reverse": Case(table("reverse"), is_now(True)),
    "direction": Case(table("side"), is_now("long")),
    "watch": Case(table("watched"), lambda _, stage: {at_cursor(stage)}),
    "watch_only": Case(
        lambda stage: (stage.app.main.table.state.watch_only, stage.app.main.table.status.shown), is_now((True, 1)),
        ("w",),
    ),
    "pin": Case(table("pinned"), lambda _, stage: (at_cursor(stage),)),
    "vetoed": Case(table("vetoed"), is_now(True)),
    "freeze": Case(table("frozen"), is_now(True)),
    **{f"face_{name}": breaks_down(name) for name in FACES},
    "face_next": Case(face, is_now(FACES[1])),
    "preset_next": preset(next_preset(1)),
    "preset_previous": preset(next_preset(-1)),
    "preset_strict": preset("strict"),
    "preset_balanced": preset("balanced"),
    "preset_relaxed": preset("relaxed", "f1"),
    "depth_coarser": Case(group, is_now(1)),
    "depth_finer": Case(group, is_now(0), ("plus",)),
    "book_next": Case(book, is_now("binance-usdm USDT"), pinned=OKX_BTC),
    "book_previous": Case(book, is_now("merged"), pinned=OKX_BTC),
    "liquidations_more": Case(minimum, is_now(1_000.0), on_drill=NO_MINIMUM),
    "liquidations_less": Case(minimum, is_now(0.0), ("m",), on_drill=NO_MINIMUM),
    "timeframe_next": Case(timeframe, is_now("4h")),
    "timeframe_previous": Case(timeframe, is_now("5m")),
    "replay_pause": asked(("pause", True)),
    "replay_step": asked(("pause", True), ("step",)),
    "replay_slower": asked(("set_speed", 2.0)),
    "replay_faster": asked(("set_speed", 8.0)),
    "replay_back": asked(("seek", recording().at_ms - 60_000)),
    "replay_forward": asked(("seek", recording().at_ms + 60_000)),
    "copy_symbol": Case(lambda stage: stage.app.clipboard, lambda _, stage: at_cursor(stage).symbol),
    "export_csv": Case(files, is_now(["prism-candidates-0001.csv"])),
    "export_json": Case(files, is_now(["prism-candidates-0001.json"])),
    "picture": Case(files, is_now(["prism-screen-0001.svg"])),
    "theme": Case(
        lambda stage: stage.app.theme,
        lambda before, stage: (names := list(stage.app.themes.themes))[(names.index(before) + 1) % len(names)],
    ),
    "alerts": Case(lambda stage: stage.app._state.alerts, is_now(True)),
    "help": opens(HelpScreen),
    "venues": opens(VenuesScreen),
    "market": opens(MarketScreen),
    "palette": opens(Palette),
    "suspend": tells("no shell to return to"),
    "interrupt": tells("^q ends prism"),
    "quit": Case(lambda stage: stage.app._exit, is_now(True)),
}  # fmt: skip


ELSEWHERE: Final = {"main": "on the main screen", "drill": "on a symbol's screen", "replay": "in a recording"}


def applying() -> list[Any]:
    """Every action on every screen of panes where it applies, with each of its keys."""
    return [
        pytest.param(action, kind, key, id=f"{action.id}-{kind}-{key}")
        for action in ACTIONS
        for kind in ("main", "drill")
        if usable(action.where, kind, replaying=True)
        # Keys that mean the same are bound in one place for both screens.
        for key in (action.keys if kind == "main" or action.where == "drill" else action.keys[:1])
    ]


def test_every_action_has_a_case_and_every_case_an_action() -> None:
    assert set(CASES) == set(BY_ID)


async def staged(pilot: Any, stage: Stage, clock: Any, case: Case) -> None:
    """The screen, the pane and the state that a case begins with."""
    await settle(stage.app, clock, pilot)
    if stage.kind == "drill":
        await pilot.press("enter")
        await settle(stage.app, clock, pilot)
    if case.pane:
        stage.screen.focus_pane(case.pane)
        await pilot.pause()
    if case.before:
        await pilot.press(*case.before)
        await pilot.pause()


@pytest.mark.parametrize(("action", "kind", "key"), applying())
async def test_pressing_it_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: Action, kind: Kind, key: str
) -> None:
    held = CASES[action.id]
    case = held.on_drill or held if kind == "drill" else held
    replaying = action.where == "replay"
    source = FakeSource(scene("replay", replay=recording()) if replaying else scene())
    save(tmp_path / "console.json", ConsoleState(greeted=True, filters={"bulls": KEPT}, pinned=case.pinned))
    app, source, clock = make_app(tmp_path, source, relaxed())
    stage = Stage(app, source, kind, tmp_path / "out")
    monkeypatch.setattr(app, "export_folder", lambda: stage.out)
    async with app.run_test(size=case.size) as pilot:
        await staged(pilot, stage, clock, case)
        before = case.read(stage)
        await pilot.press(key)
        await pilot.pause()
        after = case.read(stage)
        assert after == case.expect(before, stage)
        assert after != before, "and that is a change"


@pytest.mark.parametrize("kind", ["main", "drill"])
async def test_pressing_it_where_it_does_not_apply_says_where_it_does(tmp_path: Path, kind: Kind) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    stage = Stage(app, source, kind, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await staged(pilot, stage, clock, Case(place, is_now(0)))
        state, calls, screen = app.main.table.state, len(stage.calls), screen_of(app)
        for action in ACTIONS:
            if usable(action.where, kind, replaying=False):
                continue
            await pilot.press(action.keys[0])
            await pilot.pause()
            assert f"{action.label}: only {ELSEWHERE[action.where]}" in stage.notices, action.id
        assert (app.main.table.state, len(stage.calls), screen_of(app)) == (state, calls, screen)
