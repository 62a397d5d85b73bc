"""Pictures of the screens, compared with those on record.

Made on one Python version only, since the drawing of a terminal differs by a hair between versions. After a wanted
change: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at every picture that changed.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import Config, ConsoleSection, EngineSection
from tests.tui.fake_source import FakeSource, make_app, recording, scene
from tui.app import PrismApp

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="pictures are on record for Python 3.11 only; other versions draw alike"
)
SIZES = [(80, 24), (120, 40), (200, 60)]


def console(
    folder: Path, theme: str, source: FakeSource | None = None
) -> tuple[PrismApp, Callable[[Any], Awaitable[None]]]:
    """A console whose clocks pass once, and what lets them."""
    config = Config(engine=EngineSection(preset="relaxed"), console=ConsoleSection(theme=theme, flash=False))
    app, _, clock = make_app(folder, source, config)

    async def settle(pilot: Any) -> None:
        for _ in range(3):
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


def test_help(snap_compare: Any, tmp_path: Path) -> None:
    app, settle = console(tmp_path, "prism-dark")

    async def opened(pilot: Any) -> None:
        await settle(pilot)
        await pilot.press("question_mark")
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=(120, 40), run_before=opened)
