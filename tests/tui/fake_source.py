"""A source fed by hand, and the snapshots that the console's tests show."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen
from textual.timer import Timer

import tui.app
from engine.clock import ManualClock
from engine.config.schema import Config, EngineSection
from engine.kept_market import unranked
from engine.snapshot import Mode, ReplayStatus, Snapshot
from tests.engine.builders import make_focus, make_snapshot
from tests.engine.view_builders import AT_MS, make_view
from tui.app import PrismApp
from tui.state import ConsoleState, save

ROWS = 40
SIZES = [(80, 24), (120, 40), (200, 60)]
"""Small, medium and wide terminals."""
MOST_TURNS = 100
"""Of the console's loop, until a picture stands whole."""
NEVER_S = 3600.0
"""How long a notice stands: no test waits for its end."""


class FakeSource:
    """Holds one snapshot, answers `focus` as an engine would with its next scan, and notes every wish."""

    def __init__(self, snapshot: Snapshot | None = None, seed: int = 3) -> None:
        self.snapshot = snapshot
        self.calls: list[tuple[Any, ...]] = []
        self.running = True
        self.failed: str | None = None
        self._seed = seed
        self.held: frozenset[tuple[str, str]] = frozenset()
        self.on_focus: Callable[[str, str], None] = self.answer_focus

    def latest(self) -> Snapshot | None:
        return self.snapshot

    def focus(self, venue: str, symbol: str) -> None:
        self.calls.append(("focus", venue, symbol))
        self.on_focus(venue, symbol)

    def answer_focus(self, venue: str, symbol: str) -> None:
        """Fill the details of the symbol at once."""
        if self.snapshot is None:
            return
        row = self.snapshot.row_of(venue, symbol)
        if row is not None:
            view = make_view(len(self.snapshot.instruments), self._seed, AT_MS)
            self.snapshot = replace(self.snapshot, focus=make_focus(view, row, self._seed))

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        self.held = frozenset(keys)

    def set_preset(self, name: str) -> None:
        self.calls.append(("set_preset", name))

    def pause(self, paused: bool) -> None:
        self.calls.append(("pause", paused))

    def step(self) -> None:
        self.calls.append(("step",))

    def seek(self, at_ms: int) -> None:
        self.calls.append(("seek", at_ms))

    def set_speed(self, speed: float) -> None:
        self.calls.append(("set_speed", speed))

    def close(self, timeout_s: float) -> None:
        self.calls.append(("close", timeout_s))
        self.running = False

    def alive(self) -> bool:
        return self.running

    def failure(self) -> str | None:
        return self.failed


def scene(mode: Mode = "demo", rows: int = ROWS, seed: int = 3, **changes: Any) -> Snapshot:
    """A full market; `changes` are fields of the snapshot."""
    return replace(make_snapshot(rows, seed, mode=mode, preset="relaxed", focus_row=None), **changes)


def cached_scene(age_ms: int) -> Snapshot:
    """The market as the engine shows it on kept candles, so long after the newest of them, with every stream down."""
    market = scene("live")
    feeds = tuple(replace(feed, state="down", detail="no address found; attempt 7 in 14 s") for feed in market.feeds)
    return replace(unranked(market), feeds=feeds, cached_age_ms=age_ms)


def recording(**changes: Any) -> ReplayStatus:
    """A recording a third played."""
    status = ReplayStatus(
        name="binance-usdm-1.jsonl.gz",
        start_ms=AT_MS - 600_000,
        end_ms=AT_MS + 1_200_000,
        at_ms=AT_MS,
        speed=4.0,
        paused=False,
        finished=False,
        loop=1,
        bad_lines=0,
    )
    return replace(status, **changes)


class StillApp(PrismApp):
    """A console that turns when its test says so. By the machine's clock, ticks would fall anywhere between a test's
    steps, and notices would leave sooner or later, as busy as the machine is."""

    CSS_PATH = str(Path(tui.app.__file__).with_name("prism.tcss"))

    def set_interval(self, *arguments: Any, **options: Any) -> Timer:
        return super().set_interval(*arguments, **{**options, "pause": True})

    def notify(self, message: str, **options: Any) -> None:
        super().notify(message, **{**options, "timeout": NEVER_S})


def make_app(
    folder: Path, source: FakeSource | None = None, config: Config | None = None, *, first_run: bool = False
) -> tuple[PrismApp, FakeSource, ManualClock]:
    """A console on a fake engine, a clock that stands, UTC, and a state file of its own."""
    source = source or FakeSource(scene())
    clock = ManualClock(AT_MS * 1_000_000)
    state = folder / "console.json"
    if not first_run and not state.exists():
        save(state, ConsoleState(greeted=True))
    would_be = folder / "config.yaml" if first_run else None
    app = StillApp(source, config, state_path=state, clock=clock, zone=UTC, config_would_be=would_be)
    return app, source, clock


def text_of(app: App[Any]) -> str:
    """What stands on screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def settle(app: PrismApp, clock: ManualClock, pilot: Any, seconds: float = 1.1) -> None:
    """Let the clocks of display and order pass once, and all of that be shown."""
    clock.advance(int(seconds * 1e9))
    app.refresh_view()
    await pilot.pause()
    for _ in range(MOST_TURNS):
        if not app._is_turning and app._pieces is None:
            break
        await pilot.pause()


def screen_of(app: PrismApp) -> Screen[Any]:
    """The screen in front, asked anew."""
    return app.screen


def relaxed() -> Config:
    """A configuration whose preset lets most rows of the test market through."""
    return Config(engine=EngineSection(preset="relaxed"))
