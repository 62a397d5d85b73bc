"""Closed candles kept between runs, so that a start asks the venues only for what is missing.

Opened and fed by `engine.live`. One SQLite file in write-ahead mode; a row holds the bars of one instrument and
timeframe in one blob, because a start reads them all and a run rewrites few. What is kept is a convenience: a file that
is damaged, locked or of another version is set aside or left alone with a notice, and the program runs on without it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aiosqlite
import msgspec

from engine.errors import PrismError
from engine.events import Candle
from engine.text import clean

VERSION: Final = 1
"""`PRAGMA user_version` of the layout below."""
BUSY_MS: Final = 2_000
KEPT_BARS: Final = 500
"""Newest bars kept of each instrument and timeframe."""
BATCH_ROWS: Final = 500
MAX_BODY_BYTES: Final = 256 * 1024
"""Largest row looked at; 500 bars take about 40 kB."""
_MIN_MS: Final = 1_230_768_000_000
_MAX_MS: Final = 4_102_444_800_000
"""2009 to 2100, as for what venues stamp."""
_MAX_COUNT: Final = 1 << 53

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bars (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (venue, symbol, interval_ms)
) WITHOUT ROWID
"""

Kept = tuple[int, float, float, float, float, float, float, float, int]
"""Open time, open, high, low, close, base and quote volume, taker buys in quote, trades. NaN where not known."""
Key = tuple[str, str, int]

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Kept]).decode


class StoreUnusable(PrismError):
    """The database cannot be used now; `message` says why and what became of it."""


class CandleStore:
    """An open database. One task at a time may use it."""

    def __init__(self, database: aiosqlite.Connection, path: Path) -> None:
        self._database = database
        self.path = path

    @classmethod
    async def open(cls, path: Path) -> CandleStore:
        """Open or make it. A damaged file is renamed to `.bad` beside it and a new one made.

        Raises StoreUnusable where it is locked, of a newer version, or cannot be made; the program runs without it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return await cls._opened(path)
        except aiosqlite.OperationalError as error:
            raise StoreUnusable(f"candles are not kept: {clean(str(path))}: {clean(str(error))}") from error
        except aiosqlite.DatabaseError:
            try:
                _set_aside(path)
                return await cls._opened(path)
            except (OSError, aiosqlite.Error) as error:
                where, why = clean(str(path)), clean(str(error))
                raise StoreUnusable(f"candles are not kept: {where} is damaged, cannot be set aside: {why}") from error
        except OSError as error:
            raise StoreUnusable(f"candles are not kept: {clean(str(path))}: {error.strerror}") from error

    @classmethod
    async def _opened(cls, path: Path) -> CandleStore:
        # Made before SQLite does, so that nobody else may ever read it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        return await cls.over(await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_MS / 1000), path)

    @classmethod
    async def over(cls, database: aiosqlite.Connection, path: Path) -> CandleStore:
        """The store in a database that is open already, which is closed where it cannot be used. Raises StoreUnusable
        for one of a newer version, aiosqlite's errors for one that is locked, full or damaged."""
        try:
            row = await (await database.execute("PRAGMA user_version")).fetchone()
            version = int(row[0]) if row else 0
            if version > VERSION:
                raise StoreUnusable(
                    f"candles are not kept: {clean(str(path))} was written by a newer prism (version {version})"
                )
            await database.execute("PRAGMA journal_mode=WAL")
            await database.execute("PRAGMA synchronous=NORMAL")
            await database.execute("BEGIN IMMEDIATE")
            await database.execute(_SCHEMA)
            await database.execute(f"PRAGMA user_version={VERSION}")
            await database.execute("COMMIT")
        except BaseException:
            await database.close()
            raise
        return cls(database, path)

    async def save(self, candles: Iterable[Candle]) -> int:
        """Keep these closed candles, the newest `KEPT_BARS` of each instrument and timeframe; how many rows changed.

        All or nothing. Raises StoreUnusable where the disk is full or the file became unusable.
        """
        fresh: dict[Key, dict[int, Kept]] = {}
        for one in candles:
            kept = (one.open_ms, one.open, one.high, one.low, one.close, one.volume_base, one.volume_quote,
                    one.taker_buy_quote, one.trades)  # fmt: skip
            fresh.setdefault((one.venue, one.symbol, one.interval_ms), {})[one.open_ms] = kept
        if not fresh:
            return 0
        try:
            await self._database.execute("BEGIN IMMEDIATE")
            try:
                for key, bars in fresh.items():
                    await self._write(key, bars)
                await self._database.execute("COMMIT")
            except BaseException:
                await self._database.execute("ROLLBACK")
                raise
        except aiosqlite.Error as error:
            raise StoreUnusable(f"candles could not be kept: {clean(str(error))}") from error
        return len(fresh)

    async def _write(self, key: Key, bars: dict[int, Kept]) -> None:
        found = await (
            await self._database.execute(
                "SELECT body FROM bars WHERE venue = ? AND symbol = ? AND interval_ms = ?", key
            )
        ).fetchone()
        known = {bar[0]: bar for bar in _bars_of(found[0], key[2])} if found is not None else {}
        known.update(bars)
        newest = [known[open_ms] for open_ms in sorted(known)[-KEPT_BARS:]]
        await self._database.execute(
            "INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?, ?)", (*key, newest[-1][0], _ENCODE(newest))
        )

    async def load(self, since_ms: dict[int, int], until_ms: int = _MAX_MS) -> list[tuple[Key, list[Kept]]]:
        """The bars of every instrument whose newest is at or after `since_ms` of its timeframe, oldest first.

        `since_ms` is by interval, milliseconds; an interval that is not named is not read. Bars that end after
        `until_ms`, cannot be true or cannot be read are left out. Raises StoreUnusable where the file cannot be read.
        """
        found: list[tuple[Key, list[Kept]]] = []
        try:
            for interval_ms, least in since_ms.items():
                rows = await self._database.execute_fetchall(
                    "SELECT venue, symbol, interval_ms, body FROM bars WHERE interval_ms = ? AND newest_ms >= ?"
                    " AND length(body) <= ?",
                    (interval_ms, least, MAX_BODY_BYTES),
                )
                for venue, symbol, interval, body in rows:
                    if bars := [bar for bar in _bars_of(body, interval_ms) if bar[0] + interval_ms <= until_ms]:
                        found.append(((venue, symbol, interval), bars))
        except aiosqlite.Error as error:
            raise StoreUnusable(f"kept candles could not be read: {clean(str(error))}") from error
        return found

    async def prune(self, before_ms: int) -> None:
        """Forget instruments whose newest bar is older than this: they ended."""
        try:
            await self._database.execute("DELETE FROM bars WHERE newest_ms < ?", (before_ms,))
        except aiosqlite.Error as error:
            raise StoreUnusable(f"kept candles could not be pruned: {clean(str(error))}") from error

    async def close(self) -> None:
        """Close it; never raises."""
        try:
            await self._database.close()
        except aiosqlite.Error:
            return


def _set_aside(path: Path) -> None:
    path.replace(path.with_name(path.name + ".bad"))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _bars_of(body: object, interval_ms: int) -> list[Kept]:
    """The bars of a row, oldest first, without those that cannot be true, whatever wrote the file."""
    if not isinstance(body, bytes):
        return []
    try:
        bars = {bar[0]: bar for bar in _DECODE(body) if _is_plausible(bar, interval_ms)}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [bars[open_ms] for open_ms in sorted(bars)][-KEPT_BARS:]


def _is_plausible(bar: Kept, interval_ms: int) -> bool:
    open_ms, first, high, low, last, base, quote, taker, trades = bar
    return (
        _MIN_MS < open_ms < _MAX_MS
        and open_ms % interval_ms == 0
        and 0.0 < low <= min(first, last) <= max(first, last) <= high < math.inf
        and all(amount != amount or 0.0 <= amount < math.inf for amount in (base, quote, taker))
        and -1 <= trades < _MAX_COUNT
    )
