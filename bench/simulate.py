"""Thousands of short runs of the engine in simulated time: `python -m bench.simulate --seeds N [--first SEED]`.

Each seed is a run of `tests.simulation`: the live engine over a simulated network and disk, with faults and their times
drawn from the seed. At the end everything is compared with the market. A failing seed is printed with its plan, and
fails in the same way when run again. Exit code 1 if a seed failed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from statistics import median
from time import perf_counter
from typing import Final

from tests.simulation.run import Broken, Outcome, simulate

TOLD_EVERY: Final = 50


def main() -> int:
    """Run the seeds; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--longest", type=float, default=60.0, help="faults fall within so many seconds (default: 60)")
    args = parser.parse_args()
    outcomes: list[Outcome] = []
    failed: list[int] = []
    began = perf_counter()
    for seed in range(args.first, args.first + args.seeds):
        try:
            outcomes.append(simulate(seed, args.longest))
        except Broken as error:
            failed.append(seed)
            print(f"FAILED {error}\n", flush=True)
        if (done := seed - args.first + 1) % TOLD_EVERY == 0:
            print(f"{done} runs, {len(failed)} failed, {perf_counter() - began:.0f} s", flush=True)
    report(outcomes, failed, perf_counter() - began)
    return 1 if failed else 0


def report(outcomes: list[Outcome], failed: list[int], took_s: float) -> None:
    """Print what was run and compared, how long recovery took, and which seeds failed."""
    simulated_s = sum(one.simulated_s for one in outcomes)
    print(f"{len(outcomes) + len(failed)} runs in {took_s:.0f} s: {simulated_s / 3600:.2f} h of simulated time")
    if outcomes:
        times = sorted(one.recovery_s for one in outcomes)
        high = times[int(0.95 * (len(times) - 1))]
        print(f"well again: median {median(times):.1f} s, p95 {high:.1f} s, most {times[-1]:.1f} s")
        compared: Counter[str] = Counter()
        applied: Counter[str] = Counter()
        acts: Counter[str] = Counter()
        for one in outcomes:
            compared.update(one.compared)
            applied.update(one.applied)
            acts.update(f"{act.room} {act.kind}" for act in one.plan.acts)
        print("compared with the market: " + ", ".join(f"{count:,} {what}" for what, count in sorted(compared.items())))
        print("faults begun: " + ", ".join(f"{what} {count}" for what, count in sorted(acts.items())))
        print("frames and answers they changed: " + ", ".join(f"{k} {v:,}" for k, v in sorted(applied.items())))
    print(f"failed seeds: {', '.join(map(str, failed))}" if failed else "no seed failed")


if __name__ == "__main__":
    sys.exit(main())
