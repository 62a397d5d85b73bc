"""The engine on simulated exchanges, over real sockets: `python -m bench.live`.

The simulator runs in a process of its own (its time is not counted) and sends its market at a given rate. The engine
has the memory settings of the console's engine (`tui.engine_process.memory`) but no screen, and follows the market at
several scan intervals, each in a new process. Printed, once the history is loaded: frames received per second,
processor time of the engine as a share of one core, peak memory, duration of scans, and for every frame the time from
its receipt by the socket until the publication of a snapshot whose scores include it. Of best quotes, only the newest
before a scan is read; those that it replaced count with it.

Nothing is checked: `bench/README.md` shows the targets beside the measured figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
from time import monotonic_ns, process_time
from typing import Any, Final

import numpy as np

from bench.sparing import run_sparingly
from engine.config.schema import Config, EngineSection, VenuesSection
from engine.live import LiveEngine
from engine.transport.capture_records import Frame, Record
from engine.wiring import Wiring
from tui.simulated import PACE, Simulator

INTERVALS_MS: Final = (500, 100, 25)
QUIET_S: Final = 4.0
"""If no request was answered for this long, the history is complete."""
WARM_S: Final = 120.0
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)


class Measured(LiveEngine):
    """A live engine that notes when frames arrived and when their scores were published."""

    def __init__(self, config: Config, wiring: Wiring) -> None:
        super().__init__(config, "demo", wiring)
        self.waits_ms: list[float] = []
        self.scans_ms: list[float] = []
        self.is_measuring = False
        self.answered_ns = monotonic_ns()
        self._came: list[int] = []
        self._skew_ns = self._clock.now_ns() - monotonic_ns()

    def _sink(self, record: Record) -> None:
        super()._sink(record)
        if isinstance(record, Frame):
            self._came.append(record.t)
        else:
            self.answered_ns = monotonic_ns()

    def _scan(self) -> None:
        began = monotonic_ns()
        super()._scan()
        if self.is_measuring:
            self.scans_ms.append((monotonic_ns() - began) / 1e6)

    def _publish(self, *, force: bool = False) -> None:
        super()._publish(force=force)
        if self._came and self._pipeline.scans and force:
            if self.is_measuring:
                now = monotonic_ns() + self._skew_ns
                self.waits_ms += [(now - t) / 1e6 for t in self._came]
            self._came.clear()


def follow(routes: dict[str, str], interval_ms: int, seconds: float, queue: Any) -> None:
    """In the child: follow the simulator and put the figures into `queue`."""
    config = Config(engine=EngineSection(scan_interval_ms=interval_ms), venues=VenuesSection(keep_candles=False))
    engine = Measured(config, Wiring(routes, pace=PACE))
    engine.start()
    began = monotonic_ns()
    pause = multiprocessing.Event()
    while monotonic_ns() - began < WARM_S * 1e9:
        pause.wait(0.5)
        if monotonic_ns() - began > 15e9 and monotonic_ns() - engine.answered_ns > QUIET_S * 1e9:
            break
    warm_s = (monotonic_ns() - began) / 1e9
    engine.is_measuring = True
    cpu, wall, frames = process_time(), monotonic_ns(), engine._pipeline.frames
    pause.wait(seconds)
    engine.is_measuring = False
    wall_s = (monotonic_ns() - wall) / 1e9
    queue.put(
        {
            "rows": engine._pipeline.state.universe.rows,
            "warm_s": warm_s,
            "frames_per_s": (engine._pipeline.frames - frames) / wall_s,
            "core": (process_time() - cpu) / wall_s,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            / (1024 * 1024 if sys.platform == "darwin" else 1024),
            "scans_per_s": len(engine.scans_ms) / wall_s,
            "scan_ms": np.percentile(engine.scans_ms, [50, 99]).tolist(),
            "wait_ms": np.percentile(engine.waits_ms, PERCENTILES).tolist(),
        }
    )
    engine.close(5.0)


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__.split("\n", 1)[0])
    options.add_argument("--rate", type=float, default=20_000.0, help="trades and book changes of the market a second")
    options.add_argument("--seconds", type=float, default=30.0, help="measured for each interval")
    options.add_argument("--interval", type=int, action="append", help="scan interval, ms; may be repeated")
    options.add_argument("--json", action="store_true", help="one line of JSON for each interval")
    given = options.parse_args()
    run_sparingly()
    spawn = multiprocessing.get_context("spawn")
    if not given.json:
        print(f"market of {given.rate:,.0f} happenings a second, {given.seconds:.0f} s for each interval")
    for interval_ms in given.interval or INTERVALS_MS:
        with Simulator(seed=3, rate=given.rate) as simulator:
            queue = spawn.Queue()
            child = spawn.Process(target=follow, args=(dict(simulator.routes()), interval_ms, given.seconds, queue))
            child.start()
            found = queue.get(timeout=WARM_S + given.seconds + 60.0)
            child.join()
        print(
            json.dumps({"interval_ms": interval_ms, **found}) if given.json else words(interval_ms, found), flush=True
        )


def words(interval_ms: int, found: dict[str, Any]) -> str:
    """One line of the table."""
    waits = ", ".join(f"p{name:g} {value:.0f}" for name, value in zip(PERCENTILES, found["wait_ms"], strict=True))
    median, late = found["scan_ms"]
    return (
        f"scan every {interval_ms:3d} ms: {found['rows']} rows, {found['frames_per_s']:,.0f} frames/s, "
        f"{found['core']:.0%} of a core, peak {found['peak_mib']:.0f} MiB, {found['scans_per_s']:.1f} scans/s of "
        f"{median:.1f} ms (p99 {late:.1f}); frame to published score {waits} ms; ready after {found['warm_s']:.0f} s"
    )


if __name__ == "__main__":
    main()
