"""Stores closed candles and followed instruments between runs, so that a start requests only the candles missing.

Opened by `engine.live` and fed through `engine.storage.candle_keeping`. One SQLite file in write-ahead mode. A row
holds the bars of one instrument and timeframe in one blob, because a start reads them all and a run rewrites few.
Nothing may depend on it: a file that is damaged, locked or of another version is set aside or left alone with a notice,
and the program runs on without it. Of programs that run side by side the first writes, and the others read until it has
ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiosqlite

from engine.errors import StoreUnusable
from engine.events import Candle
from engine.instruments import Instrument
from engine.kept_bar import Kept, Key
from engine.storage.candle_file import OlderLayoutError, connected, is_damage, prepared, set_aside, told
from engine.storage.candle_rows import ENCODE, KEPT_BARS, bars_of
from engine.storage.claim import Claim, holder_of
from engine.storage.listing_rows import MAX_LISTING_BYTES, listing_body, listing_of
from engine.text import clean

BATCH_ROWS: Final = 500
MOST_WAL_BYTES: Final = 128 * 2**20
"""Largest write-ahead log. A program that reads the file without a break keeps the log from restarting; above this size
nothing more is written until that program has ended."""
MAX_BODY_BYTES: Final = 256 * 1024
"""Largest row that is read; 500 bars take about 40 kB."""


P = ParamSpec("P")
T = TypeVar("T")


def _in_turn(
    method: Callable[Concatenate[CandleStore, P], Awaitable[T]],
) -> Callable[Concatenate[CandleStore, P], Coroutine[Any, Any, T]]:
    """Tasks use the store one after the other: a call may replace the connection."""

    @wraps(method)
    async def waiting(store: CandleStore, /, *args: P.args, **kwargs: P.kwargs) -> T:
        async with store.turn:
            return await method(store, *args, **kwargs)

    return waiting


class CandleStore:
    """An open database. Its calls wait for one another."""

    def __init__(self, database: aiosqlite.Connection, path: Path, claim: Claim | None) -> None:
        self._database = database
        self._claim = claim
        self.path = path
        self.notice = ""
        """What was wrong with the file when it was opened, as text; empty if nothing was."""
        self.turn = asyncio.Lock()
        self._lost = ""
        """Why the connection was lost, as text; empty while it is up."""

    @classmethod
    async def open(cls, path: Path) -> CandleStore:
        """Open or create the file. A damaged one is renamed to `.bad` and a new one created; `notice` then says so.

        Raises StoreUnusable if it is locked, of a newer version, or cannot be created; the program runs without it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            claim = Claim.take(path)
        except OSError as error:
            where = clean(str(path))
            raise StoreUnusable(f"candles are not kept: {where}: {error.strerror}; make its folder writable") from error
        try:
            return await cls._claimed(path, claim)
        except BaseException:
            if claim is not None:
                claim.release()
            raise

    @classmethod
    async def over(cls, database: aiosqlite.Connection, path: Path) -> CandleStore:
        """The store in a database that is already open and that no other program can reach; closed if it is unusable.

        Raises StoreUnusable if it is of a newer version, aiosqlite's errors if it is locked, full or damaged.
        """
        return cls(await prepared(database, path, writes=True), path, Claim.needless())

    @classmethod
    async def _claimed(cls, path: Path, claim: Claim | None) -> CandleStore:
        where = clean(str(path))
        try:
            return cls(await connected(path, claim is not None), path, claim)
        except aiosqlite.Error as error:
            if claim is None or not is_damage(error):
                raise StoreUnusable(f"candles are not kept: {where}: {told(error)}") from error
            is_old = isinstance(error, OlderLayoutError)
            what = "kept candles are of an older prism" if is_old else "kept candles were damaged"
        except OSError as error:
            raise StoreUnusable(f"candles are not kept: {where}: {error.strerror}; make it writable") from error
        try:
            aside = set_aside(path)
            store = cls(await connected(path, True), path, claim)
        except (OSError, aiosqlite.Error) as error:
            why = clean(str(error))
            raise StoreUnusable(f"candles are not kept: {where} is damaged, cannot be set aside: {why}") from error
        store.notice = f"{what}: {where} is now {aside.name}, and a new file was begun"
        return store

    @staticmethod
    def bars_back(interval_ms: int) -> int:
        """Greatest age at which the newest stored bar of an interval can still join a venue's bars, milliseconds."""
        return KEPT_BARS * interval_ms

    @_in_turn
    async def save(self, candles: Iterable[Candle]) -> int:
        """Store these closed candles, the newest `KEPT_BARS` of each instrument and timeframe; returns the number of
        rows changed.

        All or nothing. Raises StoreUnusable if the disk is full, another program writes the file, or it became
        unusable; a damaged file is set aside, so that the next call writes to a new one.
        """
        fresh: dict[Key, dict[int, Kept]] = {}
        for one in candles:
            kept = Kept(
                one.open_ms, one.open, one.high, one.low, one.close, one.volume_base, one.volume_quote,
                one.taker_buy_quote, one.trades,
            )  # fmt: skip
            fresh.setdefault((one.venue, one.symbol, one.interval_ms), {})[one.open_ms] = kept
        if not fresh:
            return 0
        self._check()
        await self._claim_it()
        try:
            await self._bound_log()
            await self._database.execute("BEGIN IMMEDIATE")
            try:
                for key, bars in fresh.items():
                    await self._write(key, bars)
                await self._database.execute("COMMIT")
            except BaseException:
                # If the disk is full, SQLite has rolled back already.
                if self._database.in_transaction:
                    await self._database.execute("ROLLBACK")
                raise
        except aiosqlite.Error as error:
            raise await self._unusable("candles could not be kept", error) from error
        return len(fresh)

    @_in_turn
    async def save_listing(self, venue: str, instruments: Iterable[Instrument]) -> None:
        """Store the instruments followed on a venue, replacing its previous ones. Raises StoreUnusable as `save`."""
        self._check()
        await self._claim_it()
        try:
            await self._database.execute(
                "INSERT OR REPLACE INTO listings VALUES (?, ?)", (venue, listing_body(instruments))
            )
        except aiosqlite.Error as error:
            raise await self._unusable("instruments could not be kept", error) from error

    @_in_turn
    async def load_listings(self) -> dict[str, list[Instrument]]:
        """The instruments that were followed, by venue, plausible ones only. Raises StoreUnusable if the file cannot be
        read."""
        self._check()
        try:
            known = await self._database.execute_fetchall("SELECT 1 FROM sqlite_master WHERE name = 'listings'")
            rows = (
                await self._database.execute_fetchall(
                    "SELECT venue, body FROM listings WHERE length(body) <= ?", (MAX_LISTING_BYTES,)
                )
                if known
                else ()
            )
        except aiosqlite.Error as error:
            raise await self._unusable("kept instruments could not be read", error) from error
        return {venue: listing_of(venue, body) for venue, body in rows if isinstance(venue, str)}

    async def _bound_log(self) -> None:
        """Empty the log if it is larger than `MOST_WAL_BYTES`. Raises StoreUnusable if it cannot be emptied."""
        log = self.path.with_name(self.path.name + "-wal")
        try:
            if log.stat().st_size <= MOST_WAL_BYTES:
                return
        except OSError:
            return
        row = await (await self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")).fetchone()
        if row is not None and row[0]:
            raise StoreUnusable(
                f"candles could not be kept: another program has been reading {clean(str(self.path))} for so long that "
                f"its log takes {MOST_WAL_BYTES // 2**20} MiB; end that program to keep them"
            )

    def _check(self) -> None:
        if self._lost:
            raise StoreUnusable(self._lost)

    async def _claim_it(self) -> None:
        """Take the claim and reopen the file for writing. Raises StoreUnusable if another program holds the claim, or
        the file cannot be opened."""
        if self._claim is not None:
            return
        where = clean(str(self.path))
        try:
            claim = Claim.take(self.path)
        except OSError as error:
            raise StoreUnusable(f"candles are not kept: {where}: {error.strerror}") from error
        if claim is None:
            raise StoreUnusable(
                f"candles are read but not kept here: {holder_of(self.path)} keeps them in {where}; "
                "end it to keep them here"
            )
        try:
            database = await connected(self.path, True)
        except (OSError, aiosqlite.Error) as error:
            claim.release()
            raise StoreUnusable(f"candles are not kept: {where}: {clean(str(error))}") from error
        except BaseException:
            claim.release()
            raise
        await self._database.close()
        self._database, self._claim = database, claim

    async def _unusable(self, what: str, error: aiosqlite.Error) -> StoreUnusable:
        """The exception to raise for `error`. Sets aside a damaged file first, and starts a new one."""
        where, why = clean(str(self.path)), clean(str(error))
        if self._claim is None or not is_damage(error):
            return StoreUnusable(f"{what}: {where}: {told(error)}")
        try:
            await self._database.close()
            aside = set_aside(self.path)
            self._database = await connected(self.path, True)
        except (OSError, aiosqlite.Error) as second:
            self._lost = f"{what}: {where} is damaged ({why}), cannot be set aside: {clean(str(second))}"
            return StoreUnusable(self._lost)
        return StoreUnusable(f"{what}: {where} was damaged, is now {aside.name}, and a new file was begun")

    async def _write(self, key: Key, bars: dict[int, Kept]) -> None:
        found = await (
            await self._database.execute(
                "SELECT body FROM bars WHERE venue = ? AND symbol = ? AND interval_ms = ?", key
            )
        ).fetchone()
        known = {bar.open_ms: bar for bar in bars_of(found[0], key[2])} if found is not None else {}
        known.update(bars)
        newest = [known[open_ms] for open_ms in sorted(known)[-KEPT_BARS:]]
        await self._database.execute(
            "INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?, ?)", (*key, newest[-1].open_ms, ENCODE(newest))
        )

    @_in_turn
    async def held(self) -> list[tuple[Key, int]]:
        """Every series in the file with the open time of its newest bar, as the file states it. Raises StoreUnusable if
        it cannot be read."""
        self._check()
        try:
            rows = await self._database.execute_fetchall("SELECT venue, symbol, interval_ms, newest_ms FROM bars")
        except aiosqlite.Error as error:
            raise await self._unusable("kept candles could not be read", error) from error
        return [
            ((venue, symbol, interval_ms), newest_ms)
            for venue, symbol, interval_ms, newest_ms in rows
            if isinstance(venue, str) and isinstance(symbol, str)
            if isinstance(interval_ms, int) and interval_ms > 0 and isinstance(newest_ms, int)
        ]

    @_in_turn
    async def bars(self, key: Key) -> list[Kept]:
        """The bars of one series, oldest first. Bars that are implausible or cannot be decoded are left out. Raises
        StoreUnusable if the file cannot be read."""
        self._check()
        try:
            rows = await self._database.execute_fetchall(
                "SELECT body FROM bars WHERE venue = ? AND symbol = ? AND interval_ms = ? AND length(body) <= ?",
                (*key, MAX_BODY_BYTES),
            )
        except aiosqlite.Error as error:
            raise await self._unusable("kept candles could not be read", error) from error
        return [bar for (body,) in rows for bar in bars_of(body, key[2])]

    @_in_turn
    async def prune(self, before_ms: int) -> None:
        """Delete instruments whose newest bar is older than this: they were delisted. No effect without the claim."""
        self._check()
        if self._claim is None:
            return
        try:
            await self._database.execute("DELETE FROM bars WHERE newest_ms < ?", (before_ms,))
        except aiosqlite.Error as error:
            raise await self._unusable("kept candles could not be pruned", error) from error

    async def close(self) -> None:
        """Close it; never raises."""
        try:
            await self._database.close()
        except aiosqlite.Error:
            return
        finally:
            if self._claim is not None:
                self._claim.release()
