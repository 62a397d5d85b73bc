"""The database file of candles: its schema, opening it, and setting aside one that cannot be used.

Used only by `engine.storage.candle_store`, which reads and writes the rows. SQLite in write-ahead mode.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import aiosqlite

from engine.errors import StoreUnusable
from engine.text import clean

VERSION: Final = 1
"""`PRAGMA user_version` of the schema below. An additional table is not a new version: programs that do not know it
ignore it."""
BUSY_MS: Final = 2_000
WAL_BYTES: Final = 16 * 2**20
"""Size to which the write-ahead log is truncated when it restarts."""
MOST_ASIDE: Final = 20
"""Damaged files kept beside the database; more point to a problem that a new file does not solve."""

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


async def connected(path: Path, writes: bool) -> aiosqlite.Connection:
    """A connection to a file of this version, created if there is none and `writes`. Raises aiosqlite.Error, OSError,
    StoreUnusable.

    A program that does not write must open it read-only: SQLite before 3.51.3 can lose pages if two connections write
    or reset the log at once (sqlite.org, "The WAL-reset bug").
    """
    uri = _uri(path, writes)
    database = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    return await prepared(database, path, writes=writes)


async def prepared(database: aiosqlite.Connection, path: Path, *, writes: bool) -> aiosqlite.Connection:
    """Bring `database` to this version. It is closed on any error: StoreUnusable if it is of a newer version,
    OlderLayoutError for an older one, aiosqlite.Error."""
    try:
        row = await (await database.execute("PRAGMA user_version")).fetchone()
        version = int(row[0]) if row else 0
        if version > VERSION:
            raise StoreUnusable(
                f"candles are not kept: {clean(str(path))} was written by a newer prism (version {version})"
            )
        if version < VERSION and await _holds_tables(database):
            raise OlderLayoutError(f"it is of an older layout (version {version})")
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
    """The URI of the file for SQLite; a file to be written is created if there is none."""
    if writes:
        # Created here and not by SQLite, so that no other user can ever read it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return f"{path.absolute().as_uri()}?mode={'rw' if writes else 'ro'}"


class OlderLayoutError(aiosqlite.DatabaseError):
    """The file has a schema older than any that is read here."""


async def _holds_tables(database: aiosqlite.Connection) -> bool:
    return await (await database.execute("SELECT 1 FROM sqlite_master LIMIT 1")).fetchone() is not None


def is_damage(error: aiosqlite.Error) -> bool:
    """Whether the file itself is at fault, not the disk, a lock or a permission."""
    return type(error) in (aiosqlite.DatabaseError, OlderLayoutError)


_ADVICE: Final = {
    "full": "free some space on its disk",
    "locked": "end the program that holds it",
    "readonly": "make it and its folder writable",
}


def told(error: aiosqlite.Error) -> str:
    """SQLite's message, and what to do about it."""
    why = clean(str(error))
    return f"{why}; {next((does for word, does in _ADVICE.items() if word in why), 'look at its disk')}"


def set_aside(path: Path) -> Path:
    """Rename the file, with its log, to a free name and return that; never overwrites. Raises OSError."""
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
