"""The console on the simulator that `bench.console` measures, on a pty of its own.

After each frame it reports, in a private escape sequence, the symbol under the cursor in that frame. `=` is a key of
its own: from the first press to the second it measures itself.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from textual.screen import Screen

from bench.terminal import quantile
from engine.config.schema import Config, EngineSection
from engine.snapshot import Snapshot
from tui import launch, loading
from tui.app import PrismApp
from tui.collecting import collect_seldom
from tui.engine_process.remote import EngineProcess

LEAST_CANDIDATES = 20
"""With this many candidates the market counts as ready: their scores need its history and its books."""


class MeasuredConsole(PrismApp):
    """See the module."""

    CSS_PATH = str(Path(launch.__file__).with_name("prism.tcss"))  # else Textual looks beside this file

    def __init__(self, engine: EngineProcess, config: Config, state: Path) -> None:
        super().__init__(engine, config, state_path=state, begin=loading.begin)
        self.engine = engine
        self.paints_ms: list[float] = []
        self.found: dict[str, Any] = {}
        self._began: tuple[float, float, float, float, int] | None = None
        self._is_ready = False

    def framed(self, took_ms: float) -> None:
        """Record a frame and mark it in the output."""
        if self._began is not None:
            self.paints_ms.append(took_ms)
        if self._driver is None:
            return
        snapshot = self._snapshot
        if not self._is_ready and snapshot is not None:
            self._is_ready = candidates(snapshot) >= LEAST_CANDIDATES
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
        snapshot, pid = self._snapshot, self.engine.pid
        assert snapshot is not None
        assert pid is not None
        now = (time.monotonic(), time.thread_time(), time.process_time(), spent_s(pid), snapshot.health.frames)
        if self._began is None:
            self._began = now
            return
        wall = now[0] - self._began[0]
        thread, console, engine, frames = (now[i] - self._began[i] for i in range(1, 5))
        self.found = {
            "rows": len(snapshot.instruments),
            "candidates": candidates(snapshot),
            "thread": thread / wall,
            "console": console / wall,
            "engine": engine / wall,
            "frames_per_s": frames / wall,
            "paints_per_s": len(self.paints_ms) / wall,
            "paint_p50": quantile(self.paints_ms, 0.5),
            "paint_p99": quantile(self.paints_ms, 0.99),
            "console_peak_mib": peak_mib("self"),
            "engine_peak_mib": peak_mib(str(pid)),
        }


def candidates(snapshot: Snapshot) -> int:
    """How many rows pass the gates of the snapshot's preset."""
    return len(snapshot.rankings[snapshot.preset].candidates)


def spent_s(pid: int) -> float:
    """Processor time of another process so far, seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: str) -> float:
    """Peak resident memory of a process, MiB (proc_pid_status(5))."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return float(told["VmHWM"].removesuffix("kB")) / 1024


def run(report: Path, rate: float) -> None:
    """Show the console until it ends, and write its figures to `report`."""
    paint = Screen._on_timer_update

    def timed(screen: Screen[Any]) -> None:
        dirty = bool(screen._dirty_widgets or screen._repaint_required or screen._layout_required)
        began = time.perf_counter()
        paint(screen)
        app = screen.app
        if dirty and isinstance(app, MeasuredConsole):
            app.framed((time.perf_counter() - began) * 1e3)

    setattr(Screen, "_on_timer_update", timed)  # noqa: B010 - a method of every screen, the console's included
    config = Config(engine=EngineSection(preset="relaxed"))
    engine = EngineProcess(config, argparse.Namespace(mode="demo", seed=3, rate=rate))
    engine.start()
    collect_seldom()
    app = MeasuredConsole(engine, config, report.with_name("state.json"))
    try:
        app.run()
    finally:
        engine.close(5.0)
    if app.failed is not None:
        raise SystemExit(app.failed)
    report.write_text(json.dumps(app.found))
