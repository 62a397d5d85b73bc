"""The disk of a run: the candles' database in memory, which outlives an engine, is slow, and can be full.

Made by `tests.simulation.run` once; every engine of the run opens it anew. The statements run in SQLite itself, in the
loop's own thread: aiosqlite's thread would make the order of things depend on the machine.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import aiosqlite

from engine.errors import StoreUnusable
from engine.storage.candle_store import CandleStore
from engine.transport.tasks import sleep
from tests.simulation.loop import SimClock

SLOWEST_S: Final = 0.02


class Disk:
    """What stays between two engines."""

    def __init__(self, clock: SimClock, seed: int) -> None:
        self.is_full = False
        self.refused = 0
        """Statements that found it full."""
        self._clock = clock
        self._rng = random.Random(f"disk {seed}")
        self._kept = sqlite3.connect(":memory:", isolation_level=None)

    async def open(self) -> CandleStore:
        """As an engine opens it. Raises StoreUnusable where it is full."""
        try:
            return await CandleStore.over(cast(aiosqlite.Connection, _Database(self)), Path("memory"))
        except sqlite3.OperationalError as error:
            raise StoreUnusable(f"candles are not kept: memory: {error}") from error

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._kept.in_transaction

    def rows(self) -> list[tuple[Any, ...]]:
        """All that is kept, in order."""
        if not self._kept.execute("SELECT * FROM sqlite_master").fetchall():
            return []
        return self._kept.execute("SELECT * FROM bars ORDER BY venue, symbol, interval_ms").fetchall()

    def close(self) -> None:
        """At the end of the run."""
        self._kept.close()

    async def run(self, statement: str, values: Iterable[Any]) -> sqlite3.Cursor:
        """One statement, after a while. Raises OperationalError where it writes and the disk is full."""
        await sleep(self._clock, self._rng.random() * SLOWEST_S)
        if self.is_full and statement.split(None, 1)[0] in ("INSERT", "DELETE", "CREATE"):
            self.refused += 1
            raise sqlite3.OperationalError("database or disk is full")
        return self._kept.execute(statement, tuple(values))


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()


class _Database:
    """As much of `aiosqlite.Connection` as the store uses."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    @property
    def in_transaction(self) -> bool:
        return self._disk.in_transaction

    async def execute(self, statement: str, values: Iterable[Any] = ()) -> _Cursor:
        return _Cursor(await self._disk.run(statement, values))

    async def execute_fetchall(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        return (await self._disk.run(statement, values)).fetchall()

    async def close(self) -> None:
        """The database is in memory and stays."""
