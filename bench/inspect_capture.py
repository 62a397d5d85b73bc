"""How long `prism inspect` takes for a recording: `python -m bench.inspect_capture CAPTURE`.

It reads the capture from compressed bytes to the finished document. The peer is the plain reader of
`tests.conformance.oracle` (json, dictionaries, Decimal), which does the same work in the same run, with the same
garbage collector settings. The two take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from engine.inspection import inspect
from tests.conformance.oracle import Oracle
from tui.headless.inspect import GC_ALLOCATIONS


def timed_s(work: Callable[[], object]) -> float:
    """Wall time of one call in seconds."""
    gc.collect()
    start = perf_counter()
    work()
    return perf_counter() - start


def plain(path: Path) -> None:
    """The peer: the same totals and the same final books."""
    oracle = Oracle().read(path)
    for tally in oracle.tallies.values():
        tally.book.top(10)


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description="Time prism inspect against a plain reading of the same bytes.")
    options.add_argument("capture", type=Path)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(given.runs):
        ours.append(timed_s(lambda: inspect(given.capture)))
        theirs.append(timed_s(lambda: plain(given.capture)))
    lines = Oracle().read(given.capture).lines
    for name, times in (("prism inspect", ours), ("plain json, dict, Decimal", theirs)):
        print(
            f"{name:<28} median {median(times):6.2f} s   best {min(times):6.2f} s   "
            f"{lines / median(times):10,.0f} lines/s   n {len(times)}"
        )
    print(f"{'ratio of medians':<28} {median(ours) / median(theirs):6.2f}")


if __name__ == "__main__":
    main()
