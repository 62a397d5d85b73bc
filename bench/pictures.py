"""Takes the screenshots of the documentation from the running console: `python -m bench.pictures`.

The console shows the bundled demo recording at one fixed time, so the same program draws the same screenshots. Run it
after a deliberate change of the screens, and check what it wrote to `docs/pictures/`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection
from datetime import UTC
from pathlib import Path
from typing import Final

from engine.clock import ManualClock
from engine.config.schema import Config, ConsoleSection
from engine.pipeline import Pipeline
from engine.replay import run_through
from engine.simulator.demo_recording import BUNDLED, PREROLL_MS, START_MS
from engine.snapshot import Snapshot
from engine.transport.capture import CaptureReader
from tui.app import PrismApp
from tui.state import ConsoleState, save

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures"
MOMENT_MS: Final = START_MS + PREROLL_MS + 60_000
FIRST_RUN: Final = "first-run"
PICTURES: Final[dict[str, tuple[tuple[int, int], str, tuple[str, ...]]]] = {
    FIRST_RUN: ((120, 40), "prism-dark", ()),
    "market": ((120, 40), "prism-dark", ("a",)),
    "console": ((150, 42), "prism-dark", ("j", "j")),
    "console-small": ((80, 24), "prism-dark", ("j",)),
    "symbol": ((150, 46), "prism-dark", ("j", "j", "enter")),
}
"""By file name: size of the terminal, theme, and the keys to press."""


class Still:
    """The demo stopped at one time, as a source for the console."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._snapshot = pipeline.snapshot()

    def latest(self) -> Snapshot | None:
        return self._snapshot

    def focus(self, venue: str, symbol: str) -> None:
        self._pipeline.focus(venue, symbol)
        self._snapshot = self._pipeline.snapshot()

    def set_preset(self, name: str) -> None:
        self._pipeline.set_preset(name)

    def pause(self, paused: bool) -> None:
        """Does nothing: it never moves."""

    def step(self) -> None:
        """Does nothing."""

    def seek(self, at_ms: int) -> None:
        """Does nothing."""

    def set_speed(self, speed: float) -> None:
        """Does nothing."""

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        """Does nothing: it has no subscriptions."""

    def close(self, timeout_s: float) -> None:
        """Does nothing: it has no thread."""

    def alive(self) -> bool:
        return True

    def failure(self) -> str | None:
        return None


async def _take(
    pipeline: Pipeline, name: str, size: tuple[int, int], theme: str, keys: tuple[str, ...], home: Path
) -> None:
    clock = ManualClock(1_000_000_000)
    config = Config(console=ConsoleSection(theme=theme, flash=False))
    state = home / f"{name}.json"
    save(state, ConsoleState(greeted=name != FIRST_RUN))
    would_be = Path.home() / ".config" / "prism" / "config.yaml"
    app = PrismApp(Still(pipeline), config, state_path=state, clock=clock, zone=UTC, config_would_be=would_be)
    async with app.run_test(size=size) as pilot:
        for key in ("", *keys, "", ""):
            if key:
                await pilot.press(key)
            clock.advance(1_100_000_000)
            app.refresh_view()
            await pilot.pause()
        (FOLDER / f"{name}.svg").write_text(app.picture("prism demo"), encoding="utf-8")


def main() -> None:
    """Write every screenshot."""
    pipeline = Pipeline(Config(), "demo")
    run_through(pipeline, CaptureReader(BUNDLED), MOMENT_MS)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for name, (size, theme, keys) in PICTURES.items():
            asyncio.run(_take(pipeline, name, size, theme, keys, Path(home)))
            print(f"docs/pictures/{name}.svg")


if __name__ == "__main__":
    main()
