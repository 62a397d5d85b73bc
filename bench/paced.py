"""The engine at a rate that no simulator on this machine reaches: `python -m bench.paced [CAPTURE]`.

A capture is read into memory; if none is named, the simulators are recorded first, which takes two minutes. Its
beginning is ingested at once to fill books, tapes and history. The rest is ingested at a steady rate of frames per
second of real time, whatever its own timestamps say. Meanwhile the engine scans, publishes and packs snapshots for the
console as it does live, at its usual interval of real time. So the capture's market passes faster than it was recorded.

Printed: frames ingested per second, processor time as a share of one core and what it was spent on, how far the engine
fell behind the schedule at most, the time from a frame's due time to the snapshot that includes it, and memory. No
sockets are involved; `bench.streams` measures the cost of receiving a frame. Nothing is checked.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections import deque
from itertools import islice
from pathlib import Path
from time import monotonic_ns, process_time, process_time_ns, sleep
from typing import Final

import numpy as np

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.runtime import PUBLISH_NS
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame, Record
from tui.collecting import collect_seldom
from tui.engine_process.pictures import PictureWriter

TURN_S: Final = 0.002
"""Frames due within this time are ingested together, as they would arrive from sockets."""
WARM_SCAN_MS: Final = 500
RECORDED_FOR: Final = "110s"
PERCENTILES: Final = (50.0, 90.0, 99.0)


class Spent:
    """Processor time, by what it was spent on."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = {}

    def on(self, what: str, began_ns: int) -> None:
        """Add the process time since `began_ns`."""
        self.ns[what] = self.ns.get(what, 0) + process_time_ns() - began_ns

    def words(self, wall_s: float) -> str:
        """Shares of a core."""
        return ", ".join(f"{what} {ns / 1e7 / wall_s:.1f} %" for what, ns in self.ns.items())


def warm(pipeline: Pipeline, records: list[Record]) -> None:
    """Ingest the beginning, with a scan every half second of its own time."""
    due_ms = 0
    for record in records:
        pipeline.ingest(record)
        if pipeline.clock_ms >= due_ms:
            pipeline.scan()
            due_ms = pipeline.clock_ms + WARM_SCAN_MS


def paced(pipeline: Pipeline, records: deque[Record], rate: float, seconds: float, interval_ms: int) -> str:
    """Ingest the rest at `rate`; return the figures in words."""
    spent, writer = Spent(), PictureWriter(lambda _kind, _body: None)
    waits_ms: list[float] = []
    behind_s, frames_before, scans, pictures = 0.0, pipeline.frames, 0, 0
    began_ns, cpu = monotonic_ns(), process_time()
    scan_ns, published_ns, end_ns = began_ns, 0, began_ns + round(seconds * 1e9)
    came: list[int] = []
    taken = 0
    while (now := monotonic_ns()) < end_ns and records:
        since = process_time_ns()
        due = int((now - began_ns) / 1e9 * rate)
        if due > taken:
            behind_s = max(behind_s, (now - began_ns) / 1e9 - taken / rate)
        while taken < due and records:
            record = records.popleft()
            pipeline.ingest(record)
            if isinstance(record, Frame):
                came.append(began_ns + int(taken / rate * 1e9))
                taken += 1
        spent.on("frames", since)
        scans_now = monotonic_ns() >= scan_ns
        if scans_now:
            scan_ns += interval_ms * 1_000_000
            since = process_time_ns()
            pipeline.scan()
            spent.on("scans", since)
            scans += 1
        if not scans_now and monotonic_ns() - published_ns < PUBLISH_NS:
            sleep(TURN_S)
            continue
        since = process_time_ns()
        snapshot = pipeline.snapshot()
        published_ns = monotonic_ns()
        if scans_now:
            waits_ms += [(published_ns - one) / 1e6 for one in came]
            came.clear()
        writer.write(snapshot)
        spent.on("snapshots", since)
        pictures += 1
    wall_s = (monotonic_ns() - began_ns) / 1e9
    core = (process_time() - cpu) / wall_s
    waits = ", ".join(
        f"p{name:g} {value:.0f}" for name, value in zip(PERCENTILES, np.percentile(waits_ms, PERCENTILES), strict=True)
    )
    return (
        f"{pipeline.state.universe.rows} rows, {(pipeline.frames - frames_before) / wall_s:,.0f} frames/s for "
        f"{wall_s:.0f} s, {scans / wall_s:.1f} scans/s, {pictures / wall_s:.1f} snapshots/s: {core:.0%} of a "
        f"core ({spent.words(wall_s)}); "
        f"at most {behind_s * 1e3:.0f} ms behind; frame to published score {waits} ms; "
        f"{pipeline.conflated:,} best quotes passed over"
    )


def main() -> int:
    """Run and print; return the exit code."""
    options = argparse.ArgumentParser(prog="python -m bench.paced", description=__doc__.split("\n", 1)[0])
    options.add_argument("capture", type=Path, nargs="?", help="default: the simulators, recorded now")
    options.add_argument("--rate", type=float, default=20_000.0, help="frames a second of real time (default: 20000)")
    options.add_argument("--seconds", type=float, default=20.0, help="measured (default: 20)")
    options.add_argument("--interval", type=int, default=500, help="scan interval, ms of real time (default: 500)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return measure(given, recorded(Path(folder)) if given.capture is None else given.capture)


def recorded(folder: Path) -> Path:
    """Record the simulators at their highest rate into `folder`, and return it."""
    words = ["--demo", "--rate", "20000", "--for", RECORDED_FOR]
    subprocess.run([sys.executable, "-m", "tui", "record", str(folder), *words], check=True, capture_output=True)
    return folder


def measure(given: argparse.Namespace, capture: Path) -> int:
    """Ingest `capture` and print the figures; return the exit code."""
    wanted = round(given.rate * given.seconds)
    count = sum(1 for _ in CaptureReader(capture))
    if count <= wanted:
        print(f"{capture}: {count:,} records, more than {wanted:,} are needed", file=sys.stderr)
        return 3
    source = iter(CaptureReader(capture))
    pipeline = Pipeline(Config(), "replay")
    warm(pipeline, list(islice(source, count - wanted)))
    pipeline.scan()
    pipeline.focus(pipeline.ranked()[0].venue, pipeline.ranked()[0].symbol)
    rest = deque(source)
    collect_seldom()
    print(paced(pipeline, rest, given.rate, given.seconds, given.interval))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(f"{count - wanted:,} records taken in before; peak {peak:.0f} MiB with the recording in memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
