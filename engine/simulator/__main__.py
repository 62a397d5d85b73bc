"""The exchange simulator as a process: `python -m engine.simulator`.

Started by `prism demo`, by tests, or by hand for exchanges on the loopback. Once it listens it prints one line of JSON
with the address of every simulated origin. It exits when its standard input ends or on SIGTERM, so that it cannot
outlive its parent. With `--control`, lines of JSON on standard input are commands. `{"kind": "silent", "exchange":
"okx", "for_ms": 5000}` injects a fault and `{"lift": "okx"}` lifts it. `{"hold": true}` stops the market until
`{"hold": false}`. `{"books": [["okx", "BTC-USDT-SWAP", 400], ...]}` is answered by a line with the true books, that
many levels per side.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from engine.clock import SystemClock
from engine.ending import on_told_to_end
from engine.event_loop import loop_factory
from engine.simulator.exchange import Exchange
from engine.simulator.exchanges import make_exchanges
from engine.simulator.faults import Fault
from engine.simulator.serving.venues import PRODUCT_OF, SimulatedVenues
from engine.simulator.world import ALL_VENUES, World, WorldSpec

TRUTH_EVERY_S: Final = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until standard input ends or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engine.simulator", description="Exchanges on the loopback.")
    parser.add_argument("--seed", type=int, default=1, help="which market (default: 1)")
    parser.add_argument("--rate", type=float, default=3_000.0, help="trades and book changes a second (default: 3000)")
    parser.add_argument("--assets", type=int, default=190, help="crypto assets (default: 190, over 400 perpetuals)")
    parser.add_argument("--venues", default="binance,bybit,okx,bitget", help="which exchanges, with commas")
    parser.add_argument("--limits", type=float, default=1.0, help="multiplies how often requests may be made")
    parser.add_argument("--truth", type=Path, help="write what its episodes truly were here, a line of JSON each")
    parser.add_argument("--control", action="store_true", help="take faults as lines of JSON on standard input")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    clock = SystemClock()
    names = args.venues.split(",")
    products = tuple(one for one in ALL_VENUES if PRODUCT_OF[one] in names)
    spec = WorldSpec(seed=args.seed, assets=args.assets, venues=products, rate_frames_per_s=args.rate)
    world = World(spec, clock.now_ns() // 1_000_000)
    exchanges: list[Exchange] = make_exchanges(world, names, args.limits)
    venues = SimulatedVenues(world, exchanges, clock)
    await venues.start()
    sys.stdout.write(json.dumps({"routes": venues.routes}) + "\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    on_told_to_end(loop, ended.set)
    tasks = [loop.create_task(_listen(venues, args.control, ended))]
    if args.truth is not None:
        tasks.append(loop.create_task(_write_truth(world, args.truth, clock)))
    await ended.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await venues.close()


async def _listen(venues: SimulatedVenues, control: bool, ended: asyncio.Event) -> None:
    """Read standard input until it ends, which ends the process."""
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    threading.Thread(
        target=_hear, args=(asyncio.get_running_loop(), lines.put_nowait), name="standard input", daemon=True
    ).start()
    while line := await lines.get():
        if control and line.strip():
            try:
                _command(venues, json.loads(line))
            except (ValueError, TypeError) as error:
                sys.stderr.write(f"not done: {error}\n")
                sys.stderr.flush()
    ended.set()


def _hear(loop: asyncio.AbstractEventLoop, put: Callable[[bytes], None]) -> None:
    """Pass every line of standard input to the event loop, and an empty one at its end.

    Runs in a thread, because event loops on Windows cannot read pipes created by another program. Uses plain reads,
    because a buffered one would hold a lock that the interpreter needs on exit.
    """
    rest = b""
    # RuntimeError: the loop is already closed.
    with contextlib.suppress(OSError, RuntimeError):
        while data := os.read(sys.stdin.fileno(), 65_536):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(put, line + b"\n")
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(put, b"")


def _command(venues: SimulatedVenues, words: dict[str, Any]) -> None:
    if "hold" in words:
        venues.is_held = bool(words["hold"])
    elif "books" in words:
        told = [_book(venues.world, *asked) for asked in words["books"]]
        sys.stdout.write(json.dumps({"books": told}) + "\n")
        sys.stdout.flush()
    elif "lift" in words:
        venues.lift(str(words["lift"]), str(words.get("kind", "")))
    else:
        venues.inject(Fault.from_words(words))


def _book(world: World, product: str, symbol: str, depth: int) -> list[list[list[str]]] | None:
    """Bids and asks as decimal texts, best first; None if there is no such instrument."""
    one = world.find(product, symbol)
    if one is None:
        return None
    book = world.book(one, depth)
    return [[[one.price_text(ticks), one.size_text(steps)] for ticks, steps in side] for side in (book.bids, book.asks)]


async def _write_truth(world: World, path: Path, clock: SystemClock) -> None:
    """Append the truth records of the episodes as they become available."""
    with path.open("a", encoding="utf-8") as file:
        while True:
            for record in world.truth():
                file.write(json.dumps(record) + "\n")
            file.flush()
            await clock.sleep_until(clock.monotonic_ns() + int(TRUTH_EVERY_S * 1e9))


if __name__ == "__main__":
    sys.exit(main())
