"""An engine on the simulator that runs out of file descriptors and gets them back, in a process of its own.

Run as `python -m tests.faults.short_of_descriptors` by the test that reads what it prints: one object of JSON with what
was shown before, meanwhile and afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from engine.config.schema import Config, EngineSection, VenuesSection
from engine.live import LiveEngine
from engine.snapshot import Feed
from engine.wiring import Wiring

VENUES: Final = ("bybit", "okx")
PATIENCE_S: Final = 90.0
SHORT_S: Final = 8.0
FEW: Final = 3
"""Descriptors that may be open: those of standard input, output and errors, which are."""


def until(holds: Callable[[], bool], what: str) -> float:
    """Wait for it; seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > PATIENCE_S:
            raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def main() -> None:
    words = [sys.executable, "-m", "engine.simulator", "--control", "--limits", "50", "--assets", "3", "--rate", "100"]
    simulator = subprocess.Popen(
        [*words, "--venues", ",".join(VENUES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert simulator.stdin is not None
    assert simulator.stdout is not None
    routes = json.loads(simulator.stdout.readline())["routes"]
    on = {name: name in VENUES for name in ("binance", "bybit", "okx", "bitget")}
    config = Config(
        engine=EngineSection(scan_interval_ms=500, preset="relaxed"),
        venues=VenuesSection(**on, full_depth=2, keep_candles=False),
    )
    engine = LiveEngine(config, "demo", Wiring(routes, pace=50.0, seed=1))
    engine.start()

    def feeds() -> tuple[Feed, ...]:
        shot = engine.latest()
        return () if shot is None else shot.feeds

    def are_live() -> bool:
        return len(feeds()) == 3 and all(feed.state == "live" and not feed.backfill for feed in feeds())

    told: dict[str, Any] = {}
    until(are_live, "live")
    time.sleep(1.0)
    told["descriptors"] = len(os.listdir("/proc/self/fd"))
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, allowed[1]))
    for name in VENUES:
        simulator.stdin.write(json.dumps({"kind": "drop", "exchange": name}) + "\n")
    simulator.stdin.flush()
    until(lambda: all(feed.state == "down" for feed in feeds()), "down")
    until(lambda: all("files" in feed.detail for feed in feeds()), "the reason is told")
    scans = engine._pipeline.scans
    time.sleep(SHORT_S)
    told["details"] = [feed.detail for feed in feeds()]
    told["requests"] = [feed.requests for feed in feeds()]
    told["scans"] = engine._pipeline.scans - scans
    told["alive"] = engine.alive()
    resource.setrlimit(resource.RLIMIT_NOFILE, allowed)
    told["recovered_s"] = until(are_live, "live again")
    time.sleep(1.0)
    told["descriptors_after"] = len(os.listdir("/proc/self/fd"))
    told["books"] = [(feed.books_synced, feed.books_resyncing) for feed in feeds()]
    engine.close(5.0)
    simulator.stdin.close()
    simulator.wait(10)
    told["failure"] = engine.failure()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
