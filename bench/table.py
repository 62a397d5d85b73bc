"""Repaint cost and key latency of the candidates table and of Textual's DataTable: `python -m bench.table`.

Both show 600 rows in the same columns with the same texts on a pseudo-terminal of 160x50. Each tick, ten per second,
changes the last price of the same 15 % of the rows. DataTable gets its best case: fixed column widths, no width
updates, one batch per tick, and updates only of changed cells on screen. The output is read and discarded. CPU is
measured without keys; then a key is sent now and then. A key's latency runs from its write to the pty to the arrival of
the bytes of the row that it moved to.

Bars: at most a quarter of DataTable's CPU per tick (on a busy machine it cannot keep up and skips ticks, which flatters
its CPU %) and a third of its key latency. Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.terminal import Terminal, last_core, quantile

ROWS: Final = 600
COLUMNS: Final = 160
LINES: Final = 50
TICKS_PER_S: Final = 10
SHARE: Final = 0.15
WARM_S: Final = 1.5
QUIET_S: Final = 5.0
KEYS: Final = 24
KEY_PERIOD_S: Final = 0.15
CPU_BAR: Final = 0.25
LATENCY_BAR: Final = 1 / 3
TICK: Final = re.compile(rb"tick=([0-9]+);")
"""Part of a private escape sequence: after each frame, the child reports the cursor's row and the tick in that
frame."""

_TITLES: Final = {
    "CPU %": ("cpu", 1),
    "CPU ms/tick": ("tick_ms", 2),
    "ticks": ("ticks", 0),
    "frame p50 ms": ("frame_p50", 2),
    "frame p99 ms": ("frame_p99", 2),
    "key p50 ms": ("key_p50", 1),
    "key p95 ms": ("key_p95", 1),
}


def main() -> int:
    """Run both tables in turn and print their figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__.splitlines()[0])
    parser.add_argument("--child", choices=("candidates", "datatable"), help=argparse.SUPPRESS)
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        from bench.table_child import run

        run(chosen.child, chosen.report)
        return 0
    found = {name: measure(name) for name in ("datatable", "candidates")}
    print(f"{ROWS} rows, {TICKS_PER_S} ticks/s of {SHARE:.0%} of the rows, pty {COLUMNS}x{LINES}, one after the other")
    print(f"{'':12}" + "".join(f"{title:>14}" for title in _TITLES))
    for name, figures in found.items():
        print(f"{name:12}" + "".join(f"{figures[key]:>14.{places}f}" for key, places in _TITLES.values()))
    cpu = found["candidates"]["tick_ms"] / found["datatable"]["tick_ms"]
    latency = found["candidates"]["key_p50"] / found["datatable"]["key_p50"]
    print(f"CPU per tick: ratio {cpu:.2f}, bar {CPU_BAR:.2f}; key to paint: ratio {latency:.2f}, bar {LATENCY_BAR:.2f}")
    return 0 if cpu <= CPU_BAR and latency <= LATENCY_BAR else 1


def measure(name: str) -> dict[str, float]:
    """Measure one table in a child process on a pty."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "bench.table", "--child", name, "--report", str(report)]
        with Terminal(command, COLUMNS, LINES, core=last_core()) as terminal:
            figures = _drive(terminal)
        return {**figures, **json.loads(report.read_text())}


def _drive(terminal: Terminal) -> dict[str, float]:
    if not terminal.wait_for(b"row=", 20.0):
        raise SystemExit("the table painted nothing within 20 s")
    terminal.drain(WARM_S)
    cpu, began, tick = terminal.cpu_seconds(), time.monotonic(), _newest(terminal)
    terminal.drain(QUIET_S)
    spent, ticks = terminal.cpu_seconds() - cpu, max(1, _newest(terminal) - tick)
    share = spent / (time.monotonic() - began) * 100
    latencies = []
    row = 0
    for number in range(KEYS):
        target = row + (1 if number % 2 == 0 else -1)
        began = time.monotonic()
        terminal.write(b"j" if number % 2 == 0 else b"k")
        if terminal.wait_for(b"row=%d;" % target, 5.0):
            latencies.append((time.monotonic() - began) * 1000)
            row = target
        terminal.drain(KEY_PERIOD_S + 0.017 * (number % 5))
    terminal.write(b"q")
    terminal.drain(3.0)
    if len(latencies) < KEYS // 2:
        raise SystemExit(f"only {len(latencies)} of {KEYS} keys were answered")
    return {
        "cpu": share,
        "tick_ms": spent / ticks * 1000,
        "ticks": ticks,
        "key_p50": quantile(latencies, 0.5),
        "key_p95": quantile(latencies, 0.95),
    }


def _newest(terminal: Terminal) -> int:
    """The newest tick that the child reported as shown."""
    ticks = TICK.findall(terminal.tail)
    return int(ticks[-1]) if ticks else 0


def summary(frames_ms: list[float]) -> dict[str, Any]:
    """Figures of the child's frames."""
    return {
        "frames": len(frames_ms),
        "frame_p50": quantile(frames_ms, 0.5),
        "frame_p99": quantile(frames_ms, 0.99),
    }


if __name__ == "__main__":
    sys.exit(main())
