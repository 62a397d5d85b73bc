"""Console and engine left running under faults: `python -m bench.soak --minutes 30 --seed 1`.

The simulated exchanges run in a process of their own, as for `prism demo`. The live engine runs in its thread, with the
console in front of it on a headless terminal of 120 x 40 and keys pressed now and then. The memory settings are those
of the engine's own process. Faults of every kind and venue, drawn from the seed, follow one another. Printed every
minute: memory, tasks, open files, frames per second, scans, the console's lag, processor time, faults and the slowest
recovery. At the end the market is stopped and every deep book is compared with it. Real time is measured here, so
figures differ from run to run; `bench.simulate` is the reproducible one.

Exit code 1 if a fault was not recovered from within `BOUND_S`, a venue sent nothing for `SILENT_S` and was still shown
as live, memory grew faster than `--slope`, a book differs from the market's, or the engine or the console failed.

Not included: 451 and 403 (a host that refuses the region is not asked again for an hour) and delistings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time
from typing import IO, Any, Final

from bench.__main__ import machine
from bench.sparing import run_sparingly
from engine.config.schema import Config, EngineSection, VenuesSection
from engine.live import LiveEngine
from engine.snapshot import Feed
from engine.transport.capture_records import Frame, Record
from engine.wiring import Wiring
from engine.written import Written
from tui.app import PrismApp

PACE: Final = 50.0
DEPTH: Final = {
    "binance-usdm": 1000, "binance-spot": 1000, "bybit-linear": 200, "bybit-spot": 200, "okx": 400, "bitget-usdt": 1000,
}  # fmt: skip
EXCHANGES: Final = ("binance", "bybit", "okx", "bitget")
KINDS: Final = (
    "drop", "kick", "restart", "refuse", "half_open", "silent", "swallow", "duplicate", "reorder", "delay", "truncate",
    "corrupt", "oversize", "crossed", "wrong_symbol", "unknown_topic", "burst", "ack_error", "429", "418", "500",
    "slow", "bad_json", "skew",
)  # fmt: skip
VALUES: Final = {"delay": 2_000.0, "oversize": 5e6, "burst": 4.0, "slow": 8_000.0, "skew": 3_000.0}
COUNTS: Final = {"swallow": 5, "truncate": 5, "corrupt": 5, "oversize": 1, "crossed": 3, "wrong_symbol": 5}
KEYS: Final = ("down", "up", "tab", "down", "enter", "escape")
READY_S: Final = 240.0
BOUND_S: Final = 240.0
SILENT_S: Final = 20.0
CALM_S: Final = (5.0, 25.0)
"""Pause between two faults."""
LASTS_S: Final = (4.0, 20.0)
LOOK_S: Final = 0.5
SLOPE: Final = 2.0
FILLED_MINUTES: Final = 30.0
FILLING_SLOPE: Final = 15.0
"""Memory grows faster until the tapes, known trade ids and histories of every instrument are full."""


class SimulatorProcess:
    """The simulated exchanges, with the pipe that controls them."""

    def __init__(self, seed: int, rate: float, assets: int) -> None:
        words = [sys.executable, "-m", "engine.simulator", "--seed", str(seed), "--limits", str(PACE)]
        words += ["--rate", str(rate), "--assets", str(assets), "--control"]
        self._child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in: IO[str] = self._child.stdin
        self._out: IO[str] = self._child.stdout
        self.routes: dict[str, str] = json.loads(self._out.readline())["routes"]

    def say(self, **words: Any) -> None:
        """Send one command."""
        self._in.write(json.dumps(words) + "\n")
        self._in.flush()

    def books(self, asked: list[tuple[str, str, int]]) -> list[Any]:
        """The true state of these books."""
        self.say(books=asked)
        told: list[Any] = json.loads(self._out.readline())["books"]
        return told

    @property
    def cpu_s(self) -> float:
        """Processor time used so far, seconds."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self._in.close()
        try:
            self._child.wait(5.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


class Errors(logging.Handler):
    """Collects what the engine logs as an error or worse; no fault from outside may cause one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Tap:
    """Notes when each venue last sent a frame, independently of the engine. Installed as its recorder."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}

    def take(self, record: Record) -> None:
        """Take one record from the engine."""
        if isinstance(record, Frame):
            self.heard[record.venue] = monotonic()

    def written(self) -> Written:
        """Always zero: nothing is written to disk."""
        return Written(0, 0, 0)


class SoakEngine(LiveEngine):
    """The live engine with a count of its tasks."""

    loop: asyncio.AbstractEventLoop | None = None

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        await super()._run()

    @property
    def tasks(self) -> int:
        """Unfinished tasks in its event loop."""
        return 0 if self.loop is None else len(asyncio.all_tasks(self.loop))


@dataclass
class Soak:
    """One run and its findings."""

    engine: SoakEngine
    simulator: SimulatorProcess
    tap: Tap
    rng: random.Random
    failures: list[str] = field(default_factory=list)
    recoveries: list[tuple[str, float]] = field(default_factory=list)
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Minutes since the start, resident MiB."""
    lags_ms: list[float] = field(default_factory=list)
    """Lags of the console's event loop since the last printed line."""
    unnoticed: set[str] = field(default_factory=set)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds as the console shows them."""
        shot = self.engine.latest()
        return () if shot is None else shot.feeds

    def is_well(self) -> bool:
        """Whether every feed is live and every deep book is synced."""
        market = self.engine._market
        if market is None or len(self.feeds) < len(market.feeds) or any(feed.state != "live" for feed in self.feeds):
            return False
        return all(feed.is_listed and feed.deep for feed in market.feeds.values() if feed.followed) and all(
            book is not None and book.status == "synced" for _, _, book in self.deep_books()
        )

    def deep_books(self) -> list[tuple[str, str, Any]]:
        """(venue, symbol, book) of everything with full depth."""
        market = self.engine._market
        assert market is not None
        books = self.engine._pipeline.books
        return [
            (name, symbol, books.whole(name, symbol)) for name, feed in market.feeds.items() for symbol in feed.deep
        ]

    def words(self) -> str:
        """Everything that is not healthy, in words."""
        told = [f"{feed.venue} {feed.state} {feed.detail}" for feed in self.feeds if feed.state != "live"]
        books = [(name, symbol, book) for name, symbol, book in self.deep_books() if book is None or book.reason]
        told += [f"{name} {symbol}: {'no book' if book is None else book.reason}" for name, symbol, book in books]
        return "; ".join(told)[:600]

    def watch(self) -> None:
        """Record a failure if a silent venue is shown as live. Raises RuntimeError if the engine has ended."""
        now = monotonic()
        for feed in self.feeds:
            silent_s = now - self.tap.heard.get(feed.venue, now)
            if silent_s > SILENT_S and feed.state == "live" and feed.venue not in self.unnoticed:
                self.unnoticed.add(feed.venue)
                self.failures.append(f"{feed.venue} brought nothing for {silent_s:.0f} s and is called live")
        if not self.engine.alive():
            raise RuntimeError(f"the engine ended: {self.engine.failure()}")

    async def until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Seconds until `condition` holds; None if it does not within `seconds`."""
        began = monotonic()
        while not condition():
            if monotonic() - began > seconds:
                return None
            await self.pause(LOOK_S)
        return monotonic() - began

    async def pause(self, seconds: float) -> None:
        """Wait, and meanwhile measure the loop's lag and call `watch`."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            wait = min(LOOK_S, left)
            began = monotonic()
            await asyncio.sleep(wait)
            self.lags_ms.append((monotonic() - began - wait) * 1e3)
            self.watch()

    async def disturb(self) -> None:
        """Cause one fault and wait for the recovery from it."""
        rng = self.rng
        kind, exchange = rng.choice(KINDS), rng.choice(EXCHANGES)
        lasts_s = rng.uniform(*LASTS_S)
        words: dict[str, Any] = {"kind": kind, "exchange": exchange, "value": VALUES.get(kind, 0.0)}
        if kind in COUNTS:
            words |= {"count": COUNTS[kind], "match": "depth" if exchange == "binance" else "book"}
        self.simulator.say(**words)
        await self.pause(lasts_s)
        self.simulator.say(lift="")
        await self.pause(1.0)
        took_s = await self.until(self.is_well, BOUND_S)
        name = f"{exchange} {kind}"
        if took_s is None:
            self.failures.append(f"{name} was not recovered from within {BOUND_S:.0f} s: {self.words()}")
            print(f"FAILED {self.failures[-1]}", flush=True)
        else:
            self.recoveries.append((name, took_s + 1.0))

    async def faults(self, end: float) -> None:
        """Cause faults one after the other until `end`."""
        while monotonic() < end:
            await self.pause(self.rng.uniform(*CALM_S))
            if monotonic() < end:
                await self.disturb()

    async def press(self, press: Callable[[str], Any]) -> None:
        """Press keys at random. It has a random generator of its own, so that the faults depend on the seed only."""
        rng = random.Random(0)
        while True:
            await asyncio.sleep(rng.uniform(1.0, 4.0))
            await press(rng.choice(KEYS))

    def line(self, minute: float, frames: int, cpu_s: float, sim_s: float) -> str:
        """The figures of one minute."""
        shot = self.engine.latest()
        assert shot is not None
        health = shot.health
        lags, self.lags_ms = sorted(self.lags_ms) or [0.0], []
        resident = resident_mib()
        self.samples.append((minute, resident))
        files = len(os.listdir("/proc/self/fd"))
        slowest = max((s for _, s in self.recoveries), default=0.0)
        return "  ".join(
            (
                f"{minute:5.1f} min {resident:6.1f} MiB {self.engine.tasks:4d} tasks {files:3d} files",
                f"{threading.active_count():2d} threads {frames / 60:7,.0f} frames/s",
                f"scan {health.scan_ms:4.0f}, p99 {health.scan_p99_ms:4.0f} ms, queue {health.queue:5d}",
                f"console lag p99 {lags[int(0.99 * (len(lags) - 1))]:4.0f} ms",
                f"cpu {cpu_s / 60:4.2f}+{sim_s / 60:4.2f}",
                f"{len(self.recoveries)} faults, slowest {slowest:5.1f} s",
            )
        )

    async def told(self) -> None:
        """Print one line per minute."""
        frames, cpu_s, sim_s, began = 0, process_time(), self.simulator.cpu_s, monotonic()
        while True:
            await asyncio.sleep(60.0)
            now = self.engine._pipeline.frames
            spent, used = process_time(), self.simulator.cpu_s
            line = self.line((monotonic() - began) / 60, now - frames, spent - cpu_s, used - sim_s)
            print(line, flush=True)
            frames, cpu_s, sim_s = now, spent, used

    async def compare(self) -> int:
        """Stop the market and compare every deep book with it; return how many."""
        self.simulator.say(hold=True)
        await self.pause(5.0)
        books = [(name, symbol, book) for name, symbol, book in self.deep_books() if book is not None]
        truth = self.simulator.books([(name, symbol, DEPTH[name]) for name, symbol, _ in books])
        for (name, symbol, book), sides in zip(books, truth, strict=True):
            held, true = _levels(book.top(DEPTH[name])), _levels(sides or ())
            if held != true:
                only = f"only here {sorted(held - true)[:5]}, only there {sorted(true - held)[:5]}"
                self.failures.append(f"the book of {name} {symbol} is not the market's ({book.status}): {only}")
        self.simulator.say(hold=False)
        return len(books)


def _levels(sides: Sequence[Sequence[tuple[str, str]]]) -> set[tuple[str, float, float]]:
    """Levels of a book: side, price, size."""
    return {(name, float(p), float(s)) for name, side in zip(("bid", "ask"), sides, strict=False) for p, s in side}


def resident_mib() -> float:
    """Resident memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope(samples: list[tuple[float, float]]) -> float:
    """Growth in MiB per minute, by least squares over the second half; 0 if there are too few samples."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        return 0.0
    middle = sum(at for at, _ in half) / len(half)
    mean = sum(held for _, held in half) / len(half)
    return sum((at - middle) * (held - mean) for at, held in half) / sum((at - middle) ** 2 for at, _ in half)


async def soaked(soak: Soak, config: Config, seconds: float, folder: Path) -> int:
    """Run the soak; return how many books were compared at the end."""
    app = PrismApp(soak.engine, config, state_path=folder / "state.json")
    async with app.run_test(size=(120, 40)) as pilot:
        ready_s = await soak.until(lambda: soak.engine._market is not None and soak.is_well(), READY_S)
        if ready_s is None:
            soak.failures.append(f"not live within {READY_S:.0f} s: {soak.words()}")
            return 0
        print(f"live after {ready_s:.0f} s; {resident_mib():.0f} MiB", flush=True)
        beside = [asyncio.create_task(soak.press(pilot.press)), asyncio.create_task(soak.told())]
        await soak.faults(monotonic() + seconds)
        for task in beside:
            task.cancel()
        for result in await asyncio.gather(*beside, return_exceptions=True):
            if isinstance(result, Exception):
                soak.failures.append(f"the console failed: {result!r}")
        if await soak.until(soak.is_well, BOUND_S) is None:
            soak.failures.append(f"not well at the end: {soak.words()}")
        return await soak.compare()


def main() -> int:
    """Run the soak and print a summary; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="how long faults come (default: 30)")
    parser.add_argument("--rate", type=float, default=20_000.0, help="trades and book changes a second (20000)")
    parser.add_argument("--assets", type=int, default=190, help="crypto assets (default: 190, over 400 perpetuals)")
    parser.add_argument("--seed", type=int, default=1, help="which faults and which market (default: 1)")
    parser.add_argument("--slope", type=float, help="most growth, MiB a minute (default: 2; 15 below 30 minutes)")
    args = parser.parse_args()
    run_sparingly()
    slope_borne = args.slope if args.slope is not None else SLOPE if args.minutes >= FILLED_MINUTES else FILLING_SLOPE
    print(machine(), flush=True)
    errors, logger = Errors(), logging.getLogger("prism")
    logger.addHandler(errors)
    logger.propagate = False
    simulator = SimulatorProcess(args.seed, args.rate, args.assets)
    config = Config(engine=EngineSection(preset="relaxed"), venues=VenuesSection(keep_candles=False))
    tap = Tap()
    engine = SoakEngine(config, "demo", Wiring(simulator.routes, PACE, recorder=tap, seed=args.seed))
    soak = Soak(engine, simulator, tap, random.Random(args.seed))
    with tempfile.TemporaryDirectory() as folder:
        try:
            engine.start()
            compared = asyncio.run(soaked(soak, config, args.minutes * 60, Path(folder)))
        finally:
            engine.close(10.0)
            simulator.close()
    if engine.alive():
        soak.failures.append("the engine did not end within 10 s")
    soak.failures += [f"logged: {line}" for line in errors.lines[:10]]
    grown = slope(soak.samples)
    if grown > slope_borne:
        soak.failures.append(f"memory grew by {grown:.2f} MiB a minute, {slope_borne:g} is borne")
    report(soak, compared, grown)
    print(machine())
    return 1 if soak.failures else 0


def report(soak: Soak, compared: int, grown: float) -> None:
    """Print recoveries, memory growth and failures."""
    times = sorted(seconds for _, seconds in soak.recoveries)
    print(f"recovered from {len(times)} faults, {len({name for name, _ in soak.recoveries})} of them different")
    if times:
        high = times[int(0.95 * (len(times) - 1))]
        print(f"well again: median {times[len(times) // 2]:.1f} s, p95 {high:.1f} s, most {times[-1]:.1f} s")
        for name, seconds in sorted(soak.recoveries, key=lambda one: -one[1])[:8]:
            print(f"  {name:24} {seconds:6.1f} s")
    print(f"memory grew by {grown:.2f} MiB a minute over the second half; {compared} books compared with the market")
    for failure in soak.failures:
        print(f"FAILED {failure}")


if __name__ == "__main__":
    sys.exit(main())
