"""`prism doctor`: checks what prism needs on this machine, and says what to do about each failure.

Run by the command line. It checks the terminal, the configuration, the folders, how fast this machine scans a simulated
market, and every enabled venue with its clock. It writes nothing except a probe file in each of prism's folders, and
bans that a venue imposed. It must never load the console.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path, user_log_path, user_state_path
from rich.text import Text

from engine.clock import SystemClock
from engine.config.schema import Config, venues_of
from engine.feeds.checkup import Finding, check
from engine.gauges import Gauges
from engine.pipeline import Pipeline
from engine.simulator.demo_recording import BUNDLED
from engine.storage.bans import BanStore
from engine.text import clean
from engine.transport.budgets import Budgets
from engine.transport.capture import CaptureReader
from engine.transport.live_net import LiveNet
from engine.transport.rest_client import RestClient
from engine.transport.tasks import settle, spawn
from engine.venues.registry import make_languages, make_parsers
from tui.headless import diagnostics, output
from tui.headless.settings import loaded_settings
from tui.live import ban_file

SMALLEST: Final = (80, 24)
FREE_BYTES: Final = 200 * 2**20
"""With less free space, the candle store and the logs may soon fail to write."""


SCANS: Final = 20
SCANNED_RECORDS: Final = 4_000
"""Records of the bundled recording ingested before the first scan: listings, candles and the first books."""
LATE_MS: Final = 250.0


def run(args: argparse.Namespace) -> int:
    """Run all checks; return 0 if all pass, else 1. Raises ConfigError for settings that cannot be used."""
    loaded = loaded_settings(args)
    here = [_tell(finding) for finding in _here(loaded.notices)]
    with Gauges(SystemClock()) as gauges:
        here.append(_tell(_scanning(loaded.config, gauges)))
        there = asyncio.run(_venues(loaded.config, gauges))
        here.append(_tell(_upkeep(gauges)))
    failed = (here + there).count(False)
    if there and not any(there):
        diagnostics.notice(
            "no venue can be reached from here; `prism demo` and `prism replay CAPTURE` work without one"
        )
    diagnostics.notice(f"{failed} of {len(here) + len(there)} checks failed" if failed else "all is well")
    return diagnostics.FAILED if failed else diagnostics.DONE


def _scanning(config: Config, gauges: Gauges) -> Finding:
    """How long scans of the bundled recording take on this machine, compared with the scan interval."""
    clock, pipeline = SystemClock(), Pipeline(Config(), "demo")
    for record in islice(CaptureReader(BUNDLED), SCANNED_RECORDS):
        pipeline.ingest(record)
    # Not timed: the first scan builds what the others only update.
    pipeline.scan()
    for _ in range(SCANS):
        began_ns = clock.monotonic_ns()
        pipeline.scan()
        gauges.scanned(clock.monotonic_ns() - began_ns)
        began_ns = clock.monotonic_ns()
        pipeline.snapshot()
        gauges.published(clock.monotonic_ns() - began_ns)
    vitals, wanted_ms = gauges.vitals(), config.engine.scan_interval_ms
    words = (
        f"a scan of {len(pipeline.ranked())} perpetuals takes {vitals.scan.p50_ms:.1f} ms, p99 "
        f"{vitals.scan.p99_ms:.1f} ms, and a snapshot {vitals.publish.p50_ms:.1f} ms; "
        f"the scan interval is {wanted_ms} ms"
    )
    ok = vitals.scan.p50_ms + vitals.publish.p50_ms < wanted_ms
    return Finding("engine", ok, words, "" if ok else "end other busy programs, or raise engine.scan_interval_ms")


def _upkeep(gauges: Gauges) -> Finding:
    """Event-loop lag, garbage collection and memory of this process during the checks."""
    vitals = gauges.vitals()
    late, memory, peak = vitals.loop_late, vitals.memory_bytes / 2**20, vitals.memory_peak_bytes / 2**20
    lateness = (
        f"its event loop woke {late.p50_ms:.1f} ms late, p99 {late.p99_ms:.1f} ms"
        if late.p50_ms == late.p50_ms
        else "its event loop was not measured"
    )
    collected = f", at most {vitals.collection.most_ms:.1f} ms" if vitals.collections else ""
    held = f"memory {memory:.0f} MiB, peak {peak:.0f} MiB" if memory == memory else "memory not known"
    words = f"{lateness}; {vitals.collections} garbage collection pauses{collected}; {held}"
    ok = not late.p99_ms > LATE_MS
    return Finding("process", ok, words, "" if ok else "other programs keep this machine too busy to run it in time")


def _tell(finding: Finding) -> bool:
    line = Text("ok    " if finding.ok else "FAIL  ", style="green" if finding.ok else "bold red")
    line.append(f"{finding.subject}: ", style="bold")
    line.append(clean(finding.words, 500), style="")
    output.write_table(line)
    if finding.advice:
        output.write_table(Text(f"      {clean(finding.advice, 300)}", style="italic"))
    return finding.ok


def _here(notices: tuple[str, ...] | list[str]) -> Iterator[Finding]:
    """Checks of this machine: terminal, configuration, folders."""
    yield _terminal()
    yield Finding("configuration", not notices, "; ".join(notices) or "read without remarks")
    for name, folder in (
        ("state folder", user_state_path("prism")),
        ("candle store", user_cache_path("prism")),
        ("log folder", user_log_path("prism")),
    ):
        yield _folder(name, folder)


def _terminal() -> Finding:
    size = shutil.get_terminal_size()
    words = (
        f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', '(not set)')}, "
        f"COLORTERM={os.environ.get('COLORTERM', '(not set)')}, encoding {sys.stdout.encoding}"
    )
    if not sys.stdout.isatty():
        return Finding("terminal", True, f"{words}; the output is not a terminal, the console needs one")
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        return Finding("terminal", False, words, f"the console needs {SMALLEST[0]}x{SMALLEST[1]} or more")
    if "utf" not in (sys.stdout.encoding or "").lower():
        return Finding("terminal", False, words, "set a UTF-8 locale, for example LC_ALL=C.UTF-8")
    return Finding("terminal", True, words)


def _folder(name: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".prism-probe-"):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(name, False, f"{folder}: {error.strerror}", "make the folder writable, or prism runs without it")
    words = f"{folder} is writable, {free / 2**30:.1f} GiB free"
    return Finding(name, free > FREE_BYTES, words, "" if free > FREE_BYTES else "free some space on this disk")


async def _venues(config: Config, gauges: Gauges) -> list[bool]:
    """Check every venue in turn, so that none slows another's measurement; returns whether each finding is good."""
    clock = SystemClock()
    net = LiveNet(clock, proxies=config.venues.proxies)
    budgets, bans = Budgets(clock), BanStore(ban_file(), clock)
    budgets.restore(bans.load())
    budgets.on_rest = lambda: bans.keep(budgets.rests())
    rest = RestClient(net, clock, random.Random(), budgets, lambda record: None)
    parsers = make_parsers()
    found: list[bool] = []
    beside: dict[asyncio.Task[Any], None] = {}
    spawn(beside, gauges.watch(), "gauges")
    try:
        for language in make_languages(venues_of(config)):
            found += [_tell(one) async for one in check(language, parsers[language.venue], net, rest, clock)]
    finally:
        await settle(beside)
        await rest.close()
        await budgets.close()
        await net.close()
    return found
