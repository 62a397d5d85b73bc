"""Writers that are killed while they write, for `test_kills`.

Run as `python -m tests.engine.storage.killed_writers SUBJECT PATH`. For each line on stdin, `FIRST SECONDS`, a writer
is forked that writes number FIRST and those after it, and says `done N` once N is written; after SECONDS it is killed,
and `killed` is said. Forking saves the start of an interpreter for every kill.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.clock import SystemClock
from engine.events import Candle
from engine.storage.bans import BanStore
from engine.storage.candle_store import CandleStore
from engine.storage.recorder import FLUSH_NS, Recorder
from engine.transport.budgets import Rest
from engine.transport.capture_records import Frame
from tui import state
from tui.export import write_export

MINUTE = 60_000
T0_MS = 1_790_000_000_000 // MINUTE * MINUTE
SYMBOLS = 10
EXPORT_ROWS = 2_000
PLENTY = 10**12


def done(number: int) -> None:
    os.write(1, f"done {number}\n".encode())


def candles_of(number: int) -> list[Candle]:
    """What batch `number` holds: one minute of every symbol."""
    figures = (1.0, 2.0, 0.5, 1.5, 2.0, 3.0, 1.0, 7, True)
    opened = T0_MS + number * MINUTE
    return [Candle("okx", f"S{n}", opened + MINUTE, 0, MINUTE, opened, *figures) for n in range(SYMBOLS)]


def candles(path: Path, first: int) -> None:
    async def work() -> None:
        store = await CandleStore.open(path)
        for number in range(first, sys.maxsize):
            await store.save(candles_of(number))
            done(number)

    asyncio.run(work())


def recording(path: Path, first: int) -> None:
    folder = path / str(first)
    folder.mkdir(parents=True)
    made = Recorder(folder, max_bytes=PLENTY, free_bytes=lambda _: PLENTY)
    each = FLUSH_NS // 50
    for number in range(sys.maxsize):
        made.take(Frame(T0_MS * 1_000_000 + number * each, "okx", "c", f"{number} {'x' * 300}"))
        if number and number % 50 == 0:
            # Fifty records make a second of theirs, after which what came before is in the file.
            done(number)


def console(path: Path, first: int) -> None:
    kept = state.load(path)[0]
    for number in range(first, sys.maxsize):
        filters = {f"filter {n}": f"score > {number}" for n in range(300)}
        changed = state.ConsoleState(find=str(number), filters=filters)
        assert state.save(path, changed, kept) is None
        kept = changed
        done(number)


def bans(path: Path, first: int) -> None:
    clock = SystemClock()
    store = BanStore(path, clock)
    began_ns = clock.now_ns()
    for number in range(first, sys.maxsize):
        store.keep([Rest(f"host {n}", began_ns + 10**12 + number * 10**9, str(number)) for n in range(40)])
        done(number)


def exports(path: Path, first: int) -> None:
    for number in range(first, sys.maxsize):
        write_export(["n", "symbol"], [[float(n), "BTCUSDT"] for n in range(EXPORT_ROWS)], "json", path)
        done(number)


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "candles": candles, "recording": recording, "console": console, "bans": bans, "exports": exports,
}  # fmt: skip


def main() -> None:
    writer, path = WRITERS[sys.argv[1]], Path(sys.argv[2])
    for line in sys.stdin:
        first, seconds = line.split()
        child = os.fork()
        if child == 0:
            try:
                writer(path, int(first))
            finally:
                os._exit(1)
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        ended = "killed" if os.WIFSIGNALED(status) else "failed"
        os.write(1, f"{ended}\n".encode())


if __name__ == "__main__":
    main()
