"""Start time of the console, and its key latency while the engine works: `python -m bench.console`.

Start: the unmodified `prism demo` on a pseudo-terminal of 120x40, from its start to the first bytes of a frame and to
the first symbol; for that, the engine's and the simulator's processes must have started and sent data. The peer is a
bare Textual app that shows one line. They take turns; medians are printed. Both run from bytecode, as installed
programs do: a checkout may be configured to write none, and would then be compiled at every start. The first start of
each is not counted.

Keys: the console in front of the live engine, each in its process as always, with a simulator in a third process that
sends `--rate` events per second. Processor time of the console's and the engine's process is measured while no key is
pressed. Then `j` and `k` are sent now and then. A key's latency runs from its write to the pseudo-terminal to the bytes
of a frame in which the cursor is on another symbol.

Bars: first paint within 1.5 times that of bare Textual; key to paint p95 under 35 ms; the console under 15 % of a core.
Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.terminal import Terminal, quantile

COLUMNS, LINES = 120, 40
START_S: Final = 30.0
READY_S: Final = 240.0
SETTLED_S: Final = 10.0
QUIET_S: Final = 20.0
KEYS: Final = 120
KEY_PERIOD_S: Final = 0.21
START_BAR: Final = 1.5
KEY_BAR_MS: Final = 35.0
PAINT_BAR: Final = 0.15
PAINTED: Final = re.compile(rb"SYMBOL|BTCUSDT")
"""The table's heading, or the line of the bare Textual app."""
BARE: Final = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    BINDINGS = [("ctrl+q", "quit")]
    def compose(self):
        yield Static("BTCUSDT")
Bare().run()
"""
ROW: Final = re.compile(rb"[A-Z0-9]{2,12}USDT")
AT: Final = re.compile(rb"at=([^;]*);")
"""Part of a private escape sequence: after each frame, the child reports the symbol under the cursor in that frame."""


def main() -> int:
    """Run the chosen parts and print their figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rate", type=float, default=20_000.0, help="trades and book changes of the market a second")
    parser.add_argument("--starts", type=int, default=5, help="starts of each program")
    parser.add_argument("--only", choices=("start", "keys"), help="only this part")
    parser.add_argument("--child", type=Path, metavar="REPORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        from bench.console_child import run

        run(chosen.child, chosen.rate)
        return 0
    code = starts(chosen.starts) if chosen.only != "keys" else 0
    other = keys(chosen.rate) if chosen.only != "start" else 0
    return 1 if 1 in (code, other) else max(code, other)


def starts(times: int) -> int:
    """Measure how fast each program starts; return the exit code."""
    programs = {
        "bare Textual": [sys.executable, "-c", BARE],
        "prism demo": [sys.executable, "-m", "tui", "demo"],
    }
    painted: dict[str, list[float]] = {name: [] for name in programs}
    rows: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as bytecode:
        for command in programs.values():
            started(command, bytecode)
        for _ in range(times):
            for name, command in programs.items():
                paint_ms, row_ms = started(command, bytecode)
                painted[name].append(paint_ms)
                rows[name].append(row_ms)
    print(f"start on a pty of {COLUMNS}x{LINES}, median of {times}: first paint, first symbol")
    for name in programs:
        print(f"  {name:14} {median(painted[name]):7.0f} ms {median(rows[name]):7.0f} ms")
    share = median(painted["prism demo"]) / median(painted["bare Textual"])
    print(f"first paint over that of bare Textual: {share:.2f}, bar {START_BAR:.2f}")
    return 0 if share <= START_BAR else 1


def started(command: list[str], bytecode: str) -> tuple[float, float]:
    """Start a program once: milliseconds to the first paint and to the first symbol.

    Python's bytecode is kept in the folder `bytecode`.
    """
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    with tempfile.TemporaryDirectory() as home, Terminal(command, COLUMNS, LINES, _home(home) | compiled) as terminal:
        if not terminal.wait_for(PAINTED, START_S):
            raise SystemExit(f"{command[-1]} painted nothing within {START_S:.0f} s")
        painted = time.monotonic() - terminal.began
        # The first frame may contain the row already.
        if not ROW.search(terminal.tail) and not terminal.wait_for(ROW, START_S):
            raise SystemExit(f"{command[-1]} showed no row within {START_S:.0f} s")
        shown = time.monotonic() - terminal.began
        terminal.write(b"\x11")
        terminal.drain(5.0)
        return painted * 1e3, shown * 1e3


def keys(rate: float) -> int:
    """Measure key latency and the console's processor time; return the exit code."""
    with tempfile.TemporaryDirectory() as home:
        report = Path(home) / "report.json"
        command = [sys.executable, "-m", "bench.console", "--rate", str(rate), "--child", str(report)]
        with Terminal(command, COLUMNS, LINES, _home(home)) as terminal:
            if not terminal.wait_for(b"ready;", READY_S):
                raise SystemExit(f"the market was not followed within {READY_S:.0f} s")
            terminal.drain(SETTLED_S)
            terminal.wait_for(AT, 5.0)
            terminal.write(b"=")  # the child measures from here
            terminal.drain(QUIET_S)
            terminal.write(b"=")
            latencies = _pressed(terminal)
            terminal.write(b"\x11")
            terminal.drain(8.0)
        found: dict[str, Any] = json.loads(report.read_text())
    p50, p95 = quantile(latencies, 0.5), quantile(latencies, 0.95)
    print(
        f"{found['rows']} rows, {found['frames_per_s']:,.0f} frames/s, {found['candidates']} candidates: console "
        f"{found['console']:.1%} of a core (its screen's thread {found['thread']:.1%}), engine {found['engine']:.1%}; "
        f"{found['paints_per_s']:.1f} paints/s of {found['paint_p50']:.1f} ms (p99 {found['paint_p99']:.1f}); peak "
        f"{found['console_peak_mib']:.0f} + {found['engine_peak_mib']:.0f} MiB"
    )
    print(f"key to paint p50 {p50:.1f} ms, p95 {p95:.1f} ms, bar {KEY_BAR_MS:.0f} ms; {len(latencies)} of {KEYS} keys")
    print(f"console {found['console']:.1%} of a core, bar {PAINT_BAR:.0%}")
    return 0 if p95 <= KEY_BAR_MS and found["console"] <= PAINT_BAR else 1


def _pressed(terminal: Terminal) -> list[float]:
    """Milliseconds from each key until the screen showed the cursor on another symbol."""
    latencies: list[float] = []
    at = (AT.findall(terminal.tail) or [b""])[-1]
    for number in range(KEYS):
        before = at
        began = time.monotonic()
        terminal.write(b"j" if number % 2 == 0 else b"k")
        if terminal.wait_for(partial(_elsewhere, before), 5.0):
            latencies.append((time.monotonic() - began) * 1e3)
        terminal.drain(KEY_PERIOD_S + 0.017 * (number % 5))
        at = (AT.findall(terminal.tail) or [at])[-1]
    if len(latencies) < KEYS // 2:
        raise SystemExit(f"only {len(latencies)} of {KEYS} keys were answered")
    return latencies


def _elsewhere(before: bytes, text: bytes) -> bool:
    return any(one != before for one in AT.findall(text))


def _home(folder: str) -> dict[str, str]:
    """Environment variables that hide the settings and state of this machine's user from a program."""
    return dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), folder)


if __name__ == "__main__":
    sys.exit(main())
