"""The console on the simulator as `bench.console` measures it, on a pty of its own.

It says after each frame, in a private sequence, which symbol that frame had the cursor on. `=` is its own key: from the
first to the second press it measures itself.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from textual.screen import Screen

from bench.terminal import quantile
from engine.config.schema import Config, EngineSection, VenuesSection
from engine.live import LiveEngine, Wiring
from tui import launch
from tui.app import PrismApp
from tui.simulated import PACE, Simulator

LEAST_CANDIDATES = 20
"""Candidates from which on the market counts as followed: their scores need its past and its books."""


class MeasuredConsole(PrismApp):
    """See the module."""

    CSS_PATH = str(Path(launch.__file__).with_name("prism.tcss"))  # else it is looked for beside this file

    def __init__(self, engine: LiveEngine, config: Config, state: Path) -> None:
        super().__init__(engine, config, state_path=state)
        self.engine = engine
        self.paints_ms: list[float] = []
        self.found: dict[str, Any] = {}
        self._began: tuple[float, float, float, int] | None = None
        self._is_ready = False

    def framed(self, took_ms: float) -> None:
        """Account for a frame and mark it in the output."""
        if self._began is not None:
            self.paints_ms.append(took_ms)
        if self._driver is None:
            return
        snapshot = self.engine.latest()
        if not self._is_ready and snapshot is not None:
            self._is_ready = len(snapshot.rankings[snapshot.preset].candidates) >= LEAST_CANDIDATES
        key = self.main.table.cursor_key
        said = f"at={'' if key is None else key.venue + ' ' + key.symbol};{'ready;' if self._is_ready else ''}"
        self._driver.write(f"\x1b]777;{said}\x07")
        self._driver.flush()

    async def on_event(self, event: Any) -> None:
        if getattr(event, "character", None) == "=":
            self._measure()
            return
        await super().on_event(event)

    def _measure(self) -> None:
        now = (time.monotonic(), time.thread_time(), time.process_time(), self.engine._pipeline.frames)
        if self._began is None:
            self._began = now
            return
        wall = now[0] - self._began[0]
        snapshot = self.engine.latest()
        assert snapshot is not None
        self.found = {
            "rows": len(snapshot.instruments),
            "candidates": len(snapshot.rankings[snapshot.preset].candidates),
            "console": (now[1] - self._began[1]) / wall,
            "process": (now[2] - self._began[2]) / wall,
            "frames_per_s": (now[3] - self._began[3]) / wall,
            "paints_per_s": len(self.paints_ms) / wall,
            "paint_p50": quantile(self.paints_ms, 0.5),
            "paint_p99": quantile(self.paints_ms, 0.99),
        }


def run(report: Path, rate: float) -> None:
    """Show the console until it is ended, and write what was measured."""
    paint = Screen._on_timer_update

    def timed(screen: Screen[Any]) -> None:
        dirty = bool(screen._dirty_widgets or screen._repaint_required or screen._layout_required)
        began = time.perf_counter()
        paint(screen)
        app = screen.app
        if dirty and isinstance(app, MeasuredConsole):
            app.framed((time.perf_counter() - began) * 1e3)

    setattr(Screen, "_on_timer_update", timed)  # noqa: B010 - a method of every screen, the console's included
    config = Config(engine=EngineSection(preset="relaxed"), venues=VenuesSection(keep_candles=False))
    with Simulator(seed=3, rate=rate) as simulator:
        engine = LiveEngine(config, "demo", Wiring(dict(simulator.routes()), PACE))
        gc.freeze()
        gc.set_threshold(launch.GC_ALLOCATIONS)
        engine.start()
        app = MeasuredConsole(engine, config, report.with_name("state.json"))
        try:
            app.run()
        finally:
            engine.close(5.0)
        if app.failed is not None:
            raise SystemExit(app.failed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    report.write_text(json.dumps({**app.found, "peak_mib": peak}))
