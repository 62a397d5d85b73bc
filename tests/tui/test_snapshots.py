"""Pictures of the screens, compared with those on record.

Made on one Python version only, since the drawing of a terminal differs by a hair between versions. After a wanted
change: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at every picture that changed.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widgets import Input

from engine.config.schema import Config, ConsoleSection, EngineSection
from engine.ranking.gates import GATE_INDEX
from engine.snapshot import Feed, FeedState, Snapshot
from tests.tui.fake_source import FakeSource, cached_scene, make_app, recording, scene
from tui.app import PrismApp
from tui.state import ConsoleState, Instrument, save

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="pictures are on record for Python 3.11 only; other versions draw alike"
)
SIZES = [(80, 24), (120, 40), (200, 60)]


def console(
    folder: Path, theme: str, source: FakeSource | None = None, first_run: bool = False
) -> tuple[PrismApp, Callable[[Any], Awaitable[None]]]:
    """A console whose clocks pass once, and what lets them."""
    config = Config(engine=EngineSection(preset="relaxed"), console=ConsoleSection(theme=theme, flash=False))
    app, held, clock = make_app(folder, source, config, first_run=first_run)

    async def settle(pilot: Any) -> None:
        for _ in range(3):
            if held.snapshot is not None:
                held.snapshot = replace(held.snapshot)  # an engine without new ones would be silent
            clock.advance(1_100_000_000)
            app.refresh_view()
            await pilot.pause()

    return app, settle


@pytest.mark.parametrize("theme", ["prism-dark", "prism-light"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_main_screen(snap_compare: Any, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    app, settle = console(tmp_path, theme)
    assert snap_compare(app, terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_symbols_screen(snap_compare: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    app, settle = console(tmp_path, "prism-dark")

    async def opened(pilot: Any) -> None:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=opened)


def test_a_held_recording(snap_compare: Any, tmp_path: Path) -> None:
    source = FakeSource(scene("replay", replay=recording(paused=True)))
    app, settle = console(tmp_path, "prism-dark", source)
    assert snap_compare(app, terminal_size=(120, 40), run_before=settle)


DOWN = "fstream.binance.com: no address found; attempt 7 in 14 s"


def feeds_of(market: Snapshot, *states: FeedState) -> tuple[Feed, ...]:
    """The market's feeds with these states, the last one for all that follow."""
    return tuple(
        replace(
            feed,
            state=states[min(at, len(states) - 1)],
            detail="" if states[min(at, len(states) - 1)] == "live" else DOWN,
        )
        for at, feed in enumerate(market.feeds)
    )


def without_candidates(market: Snapshot, gate: str = "coverage") -> Snapshot:
    """Every row stopped by a gate."""
    rankings = {}
    for name, ranking in market.rankings.items():
        rows = np.sort(np.concatenate([ranking.candidates, ranking.vetoed]))
        passed = ranking.gate_passed.copy()
        passed[rows, GATE_INDEX[gate]] = False
        rankings[name] = replace(ranking, candidates=rows[:0], vetoed=rows, gate_passed=passed)
    return replace(market, rankings=rankings)


STATES: dict[str, Snapshot | None] = {
    "starting": None,
    "connecting": scene("live", at_ms=0, feeds=feeds_of(scene(), "connecting")),
    "offline": scene("live", at_ms=0, feeds=feeds_of(scene(), "down")),
    "cached": cached_scene(11_520_000),
    "one-venue-down": scene("live", feeds=feeds_of(scene(), "down", "live")),
    "all-venues-down": without_candidates(scene("live", feeds=feeds_of(scene(), "down")), "age"),
    "empty": without_candidates(scene()),
    "warming": replace(without_candidates(scene()), feeds=tuple(replace(feed, backfill=120) for feed in scene().feeds)),
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
def test_states(snap_compare: Any, tmp_path: Path, state: str, size: tuple[int, int]) -> None:
    app, settle = console(tmp_path, "prism-dark", FakeSource(STATES[state]))
    assert snap_compare(app, terminal_size=size, run_before=settle)


@pytest.mark.parametrize(
    "keys", [("z",), ("v",), ("f", *"scor > 1"), ("apostrophe",), ("V",), ("a",), ("ctrl+p",)], ids=lambda keys: keys[0]
)
def test_after_keys(snap_compare: Any, tmp_path: Path, keys: tuple[str, ...]) -> None:
    app, settle = console(tmp_path, "prism-dark")

    async def pressed(pilot: Any) -> None:
        await settle(pilot)
        await pilot.press("j", *({" ": "space", ">": "greater_than_sign"}.get(key, key) for key in keys))
        await settle(pilot)
        await pilot.pause(0.3)
        for entry in app.screen.query(Input):
            entry.cursor_blink = False

    assert snap_compare(app, terminal_size=(120, 40), run_before=pressed)


LARGE_AND_LIGHT = [("prism-light", (120, 40)), ("prism-dark", (200, 60)), ("prism-light", (200, 60))]


@pytest.mark.parametrize(
    ("theme", "size"), LARGE_AND_LIGHT, ids=lambda of: of if isinstance(of, str) else f"{of[0]}x{of[1]}"
)
@pytest.mark.parametrize("state", ["frozen", "gated", "venue-of-the-row-down", "books-merged"])
def test_states_large_and_light(
    snap_compare: Any, tmp_path: Path, state: str, theme: str, size: tuple[int, int]
) -> None:
    save(tmp_path / "console.json", ConsoleState(greeted=True, pinned=(Instrument("okx", "BTC-USDT-SWAP"),)))
    source = FakeSource(scene("live"))
    app, settle = console(tmp_path, theme, source)

    async def reached(pilot: Any) -> None:
        await settle(pilot)
        assert source.snapshot is not None
        later: dict[str, Any] = {"sequence": 99, "at_ms": source.snapshot.at_ms + 3_300}
        if keys := {"frozen": "z", "gated": "v", "books-merged": "C"}.get(state):
            await pilot.press(keys)
        if state == "frozen":
            source.snapshot = scene("live", seed=4, **later)
            source.answer_focus(*source.calls[-1][1:])
        else:
            source.snapshot = replace(
                source.snapshot, **later, feeds=okx_down() if "down" in state else source.snapshot.feeds
            )
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=reached)


def okx_down() -> tuple[Feed, ...]:
    return tuple(
        replace(
            feed, state="down", detail=DOWN.replace("fstream.binance.com", "ws.okx.com"), age_ms=34_000, books_synced=0
        )
        if feed.venue == "okx"
        else feed
        for feed in scene().feeds
    )


@pytest.mark.parametrize("theme", ["prism-colour-blind", "prism-contrast"])
def test_themes_for_other_eyes(snap_compare: Any, tmp_path: Path, theme: str) -> None:
    app, settle = console(tmp_path, theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_first_run(snap_compare: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    app, settle = console(tmp_path, "prism-dark", first_run=True)
    app.config_would_be = Path.home() / ".config" / "prism" / "config.yaml"
    assert snap_compare(app, terminal_size=size, run_before=settle)


def test_help(snap_compare: Any, tmp_path: Path) -> None:
    app, settle = console(tmp_path, "prism-dark")

    async def opened(pilot: Any) -> None:
        await settle(pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=(120, 40), run_before=opened)
