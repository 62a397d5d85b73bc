"""Writers on a disk without room, for `test_full_disks`.

Run as `python -m tests.engine.storage.full_disk_writers HOW FOLDER`; prints one line of JSON for each attempt. `HOW` is
`limit`, where the system refuses files beyond a size, `full`, where FOLDER is a disk of its own (of a megabyte) that a
large file fills up but for a little, or `read-only`, where nothing may be written in the folder. Each attempt begins
with room, then writes without, then with room again, and says what was told and whether what can be read is whole.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from engine.clock import SystemClock
from engine.errors import CaptureError, StoreUnusable
from engine.storage.bans import BanStore
from engine.storage.candle_keeping import CandleKeeping
from engine.storage.candle_store import CandleStore
from engine.storage.recorder import FLUSH_NS, Recorder
from engine.transport.budgets import Rest
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame
from tests.engine.storage.kept_series import kept_series
from tests.engine.storage.killed_writers import EXPORT_ROWS, SYMBOLS, T0_MS, candles_of
from tui import state
from tui.export import ExportError, write_export

ROOMS: Final = {"limit": [0, 1, 100, 4_096, 10_000, 40_000], "full": [0, 4_096, 12_288, 49_152], "read-only": [0]}
PLENTY: Final = 10**12
FILLER: Final = "filler"


class Disk:
    """The folder and how its room is taken away."""

    def __init__(self, how: str, folder: Path) -> None:
        self.how = how
        self.folder = folder
        self.place = folder

    @contextmanager
    def with_room_for(self, size: int) -> Iterator[None]:
        """Only so many bytes more can be written, or files no larger than that."""
        if self.how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        if self.how == "read-only":
            self.place.chmod(0o500)
            try:
                yield
            finally:
                self.place.chmod(0o700)
            return
        filler = self.folder / FILLER
        handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
        os.posix_fallocate(handle, 0, max(1, shutil.disk_usage(self.folder).free - size))
        os.close(handle)
        try:
            yield
        finally:
            filler.unlink()


def console(disk: Disk, folder: Path, room: int) -> tuple[str, bool]:
    path = folder / "console.json"
    before = state.ConsoleState(find="before")
    after = state.ConsoleState(find="after", filters={f"filter {n}": "score > 1 " * 20 for n in range(200)})
    assert state.save(path, before) is None
    with disk.with_room_for(room):
        told = state.save(path, after, before) or ""
    held = state.load(path)
    again = state.save(path, after, before)
    return told, held == ((before if told else after), None) and again is None and state.load(path) == (after, None)


def bans(disk: Disk, folder: Path, room: int) -> tuple[str, bool]:
    clock = SystemClock()
    store = BanStore(folder / "bans.json", clock)
    until_ns = clock.now_ns() + 3_600 * 10**9
    store.keep([Rest("before", until_ns, "418")])
    told = Told()
    logging.getLogger("prism.engine").addHandler(told)
    with disk.with_room_for(room):
        store.keep([Rest(f"after {n} {'x' * 80}", until_ns, "why " * 40) for n in range(90)])
    logging.getLogger("prism.engine").removeHandler(told)
    held = {rest.name.split()[0] for rest in store.load()}
    store.keep([Rest("again", until_ns, "418")])
    found = {rest.name.split()[0] for rest in store.load()}
    return told.words, held == ({"before"} if told.words else {"before", "after"}) and found == held | {"again"}


class Told(logging.Handler):
    """What is logged."""

    words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words += record.getMessage()


def exports(disk: Disk, folder: Path, room: int) -> tuple[str, bool]:
    told = ""
    rows: list[list[str | float | None]] = [[float(n), "BTCUSDT"] for n in range(EXPORT_ROWS)]
    with disk.with_room_for(room):
        try:
            write_export(["n", "symbol"], rows, "json", folder)
        except ExportError as error:
            told = str(error)
    held = len(list(folder.glob("prism-*")))
    write_export(["n", "symbol"], rows, "json", folder)
    files = list(folder.glob("prism-*"))
    whole = all(len(msgspec.json.decode(file.read_bytes())) == EXPORT_ROWS for file in files)
    return told, whole and held == (0 if told else 1) and len(files) == held + 1


def recording(disk: Disk, folder: Path, room: int) -> tuple[str, bool]:
    random = Random(room)
    with disk.with_room_for(room):
        made = Recorder(folder, max_bytes=PLENTY, free_bytes=lambda _: PLENTY)
        for number in range(1_000):
            made.take(
                Frame(T0_MS * 1_000_000 + number * FLUSH_NS // 20, "okx", "c", f"{number} {random.randbytes(60)!r}")
            )
            if made.stopped:
                break
        told = made.stopped
        made.close()
    try:
        texts = [record.text.split()[0] for record in CaptureReader(folder) if isinstance(record, Frame)]
    except CaptureError:
        # Not even its header found room.
        texts = []
    in_order = texts == [str(n) for n in range(len(texts))]
    # A second of records is what one block holds: twenty of them.
    return told, in_order and len(texts) > made.records - 25 and ("ended" in told or made.records == 1_000)


def candles(disk: Disk, folder: Path, room: int) -> tuple[str, bool]:
    told: list[str] = []

    async def work() -> bool:
        path = folder / "candles.sqlite3"
        keeping = CandleKeeping(await CandleStore.open(path), told.append)
        keeping.save(candles_of(0))
        await asyncio.gather(*keeping._tasks)
        with disk.with_room_for(room):
            for number in range(1, 60):
                keeping.save(candles_of(number))
                await asyncio.gather(*keeping._tasks)
        await keeping.close(candles_of(60))
        store = await CandleStore.open(path)
        held = await kept_series(store, {60_000: 0})
        await store.close()
        return len(held) == SYMBOLS and all(len(bars) == 61 for _, bars in held) and not store.notice

    async def open_it() -> None:
        try:
            await (await CandleStore.open(folder / "new.sqlite3")).close()
        except StoreUnusable as error:
            told.append(error.message)

    if disk.how == "read-only":
        # A database that is open already has its files; one that is not cannot get them.
        with disk.with_room_for(0):
            asyncio.run(open_it())
        return told[0], not list(folder.iterdir())
    whole = asyncio.run(work())
    return " / ".join(told), whole


def main() -> None:
    how, folder = sys.argv[1], Path(sys.argv[2])
    disk = Disk(how, folder)
    logging.getLogger("prism.engine").propagate = False
    for subject in (console, bans, exports, recording, candles):
        for room in ROOMS[how]:
            place = folder / f"{subject.__name__}-{room}"
            place.mkdir()
            disk.place = place
            told, whole = subject(disk, place, room)
            left = [one.name for one in place.rglob("*") if one.name.endswith(".tmp")]
            print(json.dumps({"subject": subject.__name__, "room": room, "told": told, "whole": whole, "left": left}))
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
