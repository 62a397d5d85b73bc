"""Closed candles kept between runs, so that a start asks the venues only for what is missing, and their instruments.

Opened and fed by `engine.live`. One SQLite file in write-ahead mode; a row holds the bars of one instrument and
timeframe in one blob, because a start reads them all and a run rewrites few. What is kept is a convenience: a file that
is damaged, locked or of another version is set aside or left alone with a notice, and the program runs on without it.
Of programs that run side by side the first writes, and the others read until it has ended.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aiosqlite
import msgspec

from engine.errors import StoreUnusable
from engine.events import Candle
from engine.instruments import Instrument
from engine.storage.claim import Claim, holder_of
from engine.storage.listing_rows import MAX_LISTING_BYTES, listing_body, listing_of
from engine.text import clean

VERSION: Final = 1
"""`PRAGMA user_version` of the layout below. A table more is no other version: who does not know it leaves it alone."""
BUSY_MS: Final = 2_000
KEPT_BARS: Final = 500
"""Newest bars kept of each instrument and timeframe."""
BATCH_ROWS: Final = 500
WAL_BYTES: Final = 16 * 2**20
"""What the log beside the database is cut back to when it starts anew."""
MOST_WAL_BYTES: Final = 128 * 2**20
"""Who reads the file all the while keeps the log from beginning anew: beyond this nothing more is written to it until
he has ended."""
MOST_ASIDE: Final = 20
"""Damaged files kept beside the database; more are a sign of something that no new file mends."""
MAX_BODY_BYTES: Final = 256 * 1024
"""Largest row looked at; 500 bars take about 40 kB."""
_MIN_MS: Final = 1_230_768_000_000
_MAX_MS: Final = 4_102_444_800_000
"""2009 to 2100, as for what venues stamp."""
_MAX_COUNT: Final = 1 << 53

_SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS bars (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (venue, symbol, interval_ms)
) WITHOUT ROWID
""",
    "CREATE TABLE IF NOT EXISTS listings (venue TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
)

Kept = tuple[int, float, float, float, float, float, float, float, int]
"""Open time, open, high, low, close, base and quote volume, taker buys in quote, trades. NaN where not known."""
Key = tuple[str, str, int]

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Kept]).decode


class CandleStore:
    """An open database. One task at a time may use it."""

    def __init__(self, database: aiosqlite.Connection, path: Path, claim: Claim | None) -> None:
        self._database = database
        self._claim = claim
        self.path = path
        self.notice = ""
        """In words what was wrong with the file when it was opened; empty where nothing was."""
        self._lost = ""
        """In words why there is no connection any more."""

    @classmethod
    async def open(cls, path: Path) -> CandleStore:
        """Open or make it. A damaged file is renamed to `.bad` beside it and a new one made, which `notice` says.

        Raises StoreUnusable where it is locked, of a newer version, or cannot be made; the program runs without it.
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
        """The store in a database that is open already and that nobody else can reach; closed where it cannot be used.

        Raises StoreUnusable for one of a newer version, aiosqlite's errors for one that is locked, full or damaged.
        """
        return cls(await _prepared(database, path, writes=True), path, Claim.needless())

    @classmethod
    async def _claimed(cls, path: Path, claim: Claim | None) -> CandleStore:
        where = clean(str(path))
        try:
            return cls(await _connected(path, claim is not None), path, claim)
        except aiosqlite.Error as error:
            if claim is None or not _is_damage(error):
                raise StoreUnusable(f"candles are not kept: {where}: {_told(error)}") from error
            is_old = isinstance(error, _OlderLayoutError)
            what = "kept candles are of an older prism" if is_old else "kept candles were damaged"
        except OSError as error:
            raise StoreUnusable(f"candles are not kept: {where}: {error.strerror}; make it writable") from error
        try:
            aside = _set_aside(path)
            store = cls(await _connected(path, True), path, claim)
        except (OSError, aiosqlite.Error) as error:
            why = clean(str(error))
            raise StoreUnusable(f"candles are not kept: {where} is damaged, cannot be set aside: {why}") from error
        store.notice = f"{what}: {where} is now {aside.name}, and a new file was begun"
        return store

    @staticmethod
    def bars_back(interval_ms: int) -> int:
        """How old the newest kept bar of an interval may be to join what the venues still give, milliseconds."""
        return KEPT_BARS * interval_ms

    async def save(self, candles: Iterable[Candle]) -> int:
        """Keep these closed candles, the newest `KEPT_BARS` of each instrument and timeframe; how many rows changed.

        All or nothing. Raises StoreUnusable where the disk is full, another program writes the file, or it became
        unusable; a file that is found to be damaged is set aside, so that the next call writes to a new one.
        """
        fresh: dict[Key, dict[int, Kept]] = {}
        for one in candles:
            kept = (one.open_ms, one.open, one.high, one.low, one.close, one.volume_base, one.volume_quote,
                    one.taker_buy_quote, one.trades)  # fmt: skip
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
                # A full disk has rolled it back already.
                if self._database.in_transaction:
                    await self._database.execute("ROLLBACK")
                raise
        except aiosqlite.Error as error:
            raise await self._unusable("candles could not be kept", error) from error
        return len(fresh)

    async def save_listing(self, venue: str, instruments: Iterable[Instrument]) -> None:
        """Keep what is followed of a venue in place of what was; raises StoreUnusable as `save` does."""
        self._check()
        await self._claim_it()
        try:
            await self._database.execute(
                "INSERT OR REPLACE INTO listings VALUES (?, ?)", (venue, listing_body(instruments))
            )
        except aiosqlite.Error as error:
            raise await self._unusable("instruments could not be kept", error) from error

    async def load_listings(self) -> dict[str, list[Instrument]]:
        """What was followed, by venue, without what cannot be true. Raises StoreUnusable where it cannot be read."""
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
        """Raise StoreUnusable where the log cannot be emptied and is as large as it may become."""
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
                f"its log takes {MOST_WAL_BYTES // 2**20} MiB; end that program, and they are kept"
            )

    def _check(self) -> None:
        if self._lost:
            raise StoreUnusable(self._lost)

    async def _claim_it(self) -> None:
        """Become the one that writes. Raises StoreUnusable while another program does, or where it cannot be."""
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
                "end it, and they are kept here"
            )
        try:
            database = await _connected(self.path, True)
        except (OSError, aiosqlite.Error) as error:
            claim.release()
            raise StoreUnusable(f"candles are not kept: {where}: {clean(str(error))}") from error
        except BaseException:
            claim.release()
            raise
        await self._database.close()
        self._database, self._claim = database, claim

    async def _unusable(self, what: str, error: aiosqlite.Error) -> StoreUnusable:
        """What to raise for `error`; a damaged file is set aside before, and a new one begun."""
        where, why = clean(str(self.path)), clean(str(error))
        if self._claim is None or not _is_damage(error):
            return StoreUnusable(f"{what}: {where}: {_told(error)}")
        try:
            await self._database.close()
            aside = _set_aside(self.path)
            self._database = await _connected(self.path, True)
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
        self._check()
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
            raise await self._unusable("kept candles could not be read", error) from error
        return found

    async def prune(self, before_ms: int) -> None:
        """Forget instruments whose newest bar is older than this: they ended. Left to the one that writes."""
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


async def _connected(path: Path, writes: bool) -> aiosqlite.Connection:
    """A connection to a file of this version, made where there is none. Raises aiosqlite.Error, OSError, StoreUnusable.

    Who does not write opens it read-only: SQLite before 3.51.3 can lose pages where two connections write or empty the
    log at once (sqlite.org, "The WAL-reset bug").
    """
    uri = _uri(path, writes)
    database = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    return await _prepared(database, path, writes=writes)


async def _prepared(database: aiosqlite.Connection, path: Path, *, writes: bool) -> aiosqlite.Connection:
    """A database of this version, closed where it is of a newer one or cannot be made one."""
    try:
        row = await (await database.execute("PRAGMA user_version")).fetchone()
        version = int(row[0]) if row else 0
        if version > VERSION:
            raise StoreUnusable(
                f"candles are not kept: {clean(str(path))} was written by a newer prism (version {version})"
            )
        if version < VERSION and await _holds_tables(database):
            raise _OlderLayoutError(f"it is of an older layout (version {version})")
        if writes:
            await database.execute("PRAGMA journal_mode=WAL")
            await database.execute("PRAGMA synchronous=NORMAL")
            await database.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
            await database.execute("BEGIN IMMEDIATE")
            for table in _SCHEMA:
                await database.execute(table)
            await database.execute(f"PRAGMA user_version={VERSION}")
            await database.execute("COMMIT")
    except BaseException:
        await database.close()
        raise
    return database


def _uri(path: Path, writes: bool) -> str:
    """The address of the file for SQLite, which is made where it is to be written and there is none."""
    if writes:
        # Made before SQLite does, so that nobody else may ever read it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return f"{path.absolute().as_uri()}?mode={'rw' if writes else 'ro'}"


class _OlderLayoutError(aiosqlite.DatabaseError):
    """The file was made before the first layout that is read here."""


async def _holds_tables(database: aiosqlite.Connection) -> bool:
    return await (await database.execute("SELECT 1 FROM sqlite_master LIMIT 1")).fetchone() is not None


def _is_damage(error: aiosqlite.Error) -> bool:
    """Whether the file itself is at fault, not the disk, a lock or a permission."""
    return type(error) in (aiosqlite.DatabaseError, _OlderLayoutError)


_ADVICE: Final = {
    "full": "free some space on its disk",
    "locked": "end the program that holds it",
    "readonly": "make it and its folder writable",
}


def _told(error: aiosqlite.Error) -> str:
    """What SQLite says, and what to do about it."""
    why = clean(str(error))
    return f"{why}; {next((does for word, does in _ADVICE.items() if word in why), 'look at its disk')}"


def _set_aside(path: Path) -> Path:
    """Rename it, with its log, to a name that is free; what was there before stays. Raises OSError."""
    for number in range(1, MOST_ASIDE + 1):
        aside = path.with_name(f"{path.name}.bad" + (f"-{number}" if number > 1 else ""))
        if not aside.exists():
            break
    else:
        raise FileExistsError(f"{MOST_ASIDE} damaged files lie beside it already; move them away")
    path.replace(aside)
    for ending in ("-wal", "-shm"):
        log = path.with_name(path.name + ending)
        if log.exists():
            log.replace(aside.with_name(aside.name + ending))
    return aside


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
