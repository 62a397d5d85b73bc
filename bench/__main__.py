"""Runs all benchmarks in turn: `python -m bench [NAME ...]`, or `make bench`, which also installs the peers.

Each runs in a process of its own, so that none inherits another's heap, imports or settings, and prints its own
figures; a summary with one line each follows. What they claim, and where the compared work differs, is in
`bench/README.md`. Exit code 1 if a bar is missed or a benchmark failed, 3 if something could not be measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Final

from bench.recordings import SESSION, missing

BENCHES: Final[dict[str, tuple[str, ...]]] = {
    "frames": (),
    "streams": (),
    "inspect_capture": (str(SESSION),),
    "indicators": (),
    "scan": (),
    "live": (),
    "paced": (),
    "table": (),
    "console": (),
}
"""Modules of this package in the order they run, with their arguments."""
OUTCOMES: Final = {0: "done", 1: "a bar is missed, or it failed", 3: "something could not be measured"}
CPU_INFO: Final = Path("/proc/cpuinfo")


def main() -> int:
    """Run the chosen benchmarks and print a summary; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHES)}; all where none is named"
    )
    names = parser.parse_args().names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    print(machine(), flush=True)
    codes: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for name in names:
        print(f"\n=== {name} ===", flush=True)
        began = monotonic()
        codes[name] = run(name)
        seconds[name] = monotonic() - began
    print(f"\n=== summary ===\n{machine()}")
    for name, code in codes.items():
        print(f"  {name:<16} {seconds[name]:6.0f} s   {OUTCOMES.get(code, f'failed with exit code {code}')}")
    if any(code not in (0, 3) for code in codes.values()):
        return 1
    return 3 if any(codes.values()) else 0


def run(name: str) -> int:
    """Run one benchmark in a process of its own; return its exit code, or 3 if it cannot run here."""
    module = f"bench.{name}"
    if find_spec(module) is None:
        print(f"{module} is not part of this checkout")
        return 3
    if name == "inspect_capture" and (reason := missing(SESSION)):
        print(reason)
        return 3
    return subprocess.run([sys.executable, "-m", module, *BENCHES[name]], check=False).returncode


def machine() -> str:
    """Processor, cores, Python and load average; figures mean nothing without them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{cpu()}, {cores} cores, Python {platform.python_version()}, load average {load}"


def cpu() -> str:
    """The processor's model, as named by the system."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
