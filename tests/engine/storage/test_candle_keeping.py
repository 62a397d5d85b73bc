"""Candles of a running engine: nothing is lost while the database cannot be written, and the trouble is said once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from engine.errors import StoreUnusable
from engine.events import Candle
from engine.instruments import Instrument
from engine.storage.candle_keeping import CandleKeeping
from engine.storage.candle_store import CandleStore
from engine.storage.claim import Claim, holder_of
from engine.transport.tasks import settle
from tests.engine.storage.kept_series import kept_series

MINUTE = 60_000
T0 = 1_790_000_000_000 // MINUTE * MINUTE


def candles(first: int, count: int, symbol: str = "BTCUSDT") -> list[Candle]:
    figures = (1.0, 2.0, 0.5, 1.5, 2.0, 3.0, 1.0, 7, True)
    return [Candle("okx", symbol, T0, 0, MINUTE, T0 + n * MINUTE, *figures) for n in range(first, first + count)]


async def kept(path: Path) -> list[int]:
    """Which minutes a fresh look at the file finds."""
    store = await CandleStore.open(path)
    found = await kept_series(store, {MINUTE: 0})
    await store.close()
    return [(bar.open_ms - T0) // MINUTE for _, bars in found for bar in bars]


class Engine:
    """What an engine does with its candles: hands them over, and shows what it is told."""

    def __init__(self, store: CandleStore, most: int = 10_000) -> None:
        self.store = store
        self.notices: list[str] = []
        self.keeping = CandleKeeping(store, self.notices.append, most)

    async def save(self, closed: list[Candle]) -> None:
        self.keeping.save(closed)
        await asyncio.gather(*self.keeping._tasks)

    async def fill_the_disk(self, is_full: bool) -> None:
        """As if no page more could be had, which SQLite tells with the error of a full disk."""
        await self.store._database.execute(f"PRAGMA max_page_count = {1 if is_full else 1_000_000}")


async def test_a_full_disk_loses_nothing_and_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path))
    await engine.save(candles(0, 10))
    await engine.fill_the_disk(True)
    # As many other instruments as fill the pages that are left.
    for n in range(1, 40):
        await engine.save(candles(10 * n, 10, f"FULL{n}USDT"))
    assert len(engine.notices) == 1
    told = f"candles could not be kept: {path}: database or disk is full; free some space on its disk"
    assert engine.notices[0] == told
    waiting = engine.keeping.waiting
    assert waiting > 0
    await engine.fill_the_disk(False)
    await engine.save(candles(400, 1))
    assert engine.notices[1:] == ["candles are kept again"]
    assert engine.keeping.waiting == 0
    await engine.keeping.close([])
    assert sorted(await kept(path)) == list(range(401))


async def test_what_waits_is_bounded_and_what_was_given_up_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path), most=100)
    await engine.save(candles(0, 10))
    await engine.fill_the_disk(True)
    for n in range(1, 40):
        await engine.save(candles(10 * n, 10))
    assert engine.keeping.waiting == 100
    await engine.fill_the_disk(False)
    await engine.keeping.close(candles(400, 1))
    assert engine.notices[-1] == "candles are kept again; 290 were dropped meanwhile"
    assert await kept(path) == [*range(10), *range(300, 401)]


async def test_a_locked_database_holds_up_no_scan_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.candle_file.BUSY_MS", 300)
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    began = loop.time()
    engine.keeping.save(candles(0, 5))
    engine.keeping.save(candles(5, 5))
    assert loop.time() - began < 0.1, "the scan that follows waits for no database"
    await asyncio.gather(*engine.keeping._tasks)
    await engine.save([])
    other.execute("ROLLBACK")
    other.close()
    told = f"candles could not be kept: {path}: database is locked; end the program that holds it"
    assert engine.notices == [told]
    await engine.keeping.close(candles(10, 1))
    assert engine.notices[1:] == ["candles are kept again"]
    assert await kept(path) == list(range(11))


async def test_of_two_programs_one_writes_and_the_other_takes_over_once_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    first = Engine(await CandleStore.open(path))
    await first.save(candles(0, 5))
    second = Engine(await CandleStore.open(path))
    ((_, bars),) = await kept_series(second.store, {MINUTE: 0})
    assert len(bars) == 5, "the second reads what the first has kept"
    await second.store.prune(T0 + 100 * MINUTE)
    await second.save(candles(5, 5))
    await second.save(candles(10, 5))
    assert len(second.notices) == 1
    assert f"process {os.getpid()} keeps them in {path}" in second.notices[0]
    assert "end it to keep them here" in second.notices[0]
    await first.keeping.close(candles(15, 5))
    await second.save([])
    assert second.notices[1:] == ["candles are kept again"]
    await second.keeping.close([])
    assert await kept(path) == list(range(20))


def test_a_claim_ends_with_its_holder_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    program = """
        import sys
        from pathlib import Path
        from engine.storage.claim import Claim
        held = Claim.take(Path(sys.argv[1]))
        print("held" if held else "refused", flush=True)
        sys.stdin.read()
    """
    words = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert Claim.take(path) is None
        assert holder_of(path) == f"process {child.pid}"
        child.kill()
    claim = Claim.take(path)
    assert claim is not None
    assert holder_of(path) == f"process {os.getpid()}"
    claim.release()
    claim.release()


async def test_a_database_that_is_damaged_within_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    for name in ("c.sqlite3.bad", "c.sqlite3.bad-2"):
        engine = Engine(await CandleStore.open(path))
        for n in range(60):
            await engine.save(candles(0, 60, f"S{n}USDT"))
        await engine.keeping.close([])
        raw = bytearray(path.read_bytes())
        # The pages behind the first, which holds the layout, so that the damage shows only once rows are read.
        raw[4096:] = b"\xa5" * (len(raw) - 4096)
        path.write_bytes(raw)
        engine = Engine(await CandleStore.open(path))
        with pytest.raises(StoreUnusable, match=f"was damaged, is now {name}, and a new file was begun"):
            await kept_series(engine.store, {MINUTE: 0})
        await engine.save(candles(0, 3))
        await engine.keeping.close([])
        assert await kept(path) == [0, 1, 2]
        assert (tmp_path / name).read_bytes()[4096:] == bytes(raw[4096:]), "nothing is deleted"


async def test_a_file_that_is_none_is_set_aside_in_words(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    path.write_bytes(b"no database, but long enough to be looked at as one" * 100)
    store = await CandleStore.open(path)
    assert store.notice == f"kept candles were damaged: {path} is now c.sqlite3.bad, and a new file was begun"
    await store.close()
    again = await CandleStore.open(path)
    assert again.notice == ""
    await again.close()


async def test_closing_while_a_save_is_under_way_saves_both(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path))
    engine.keeping.save(candles(0, 5))
    await engine.keeping.close(candles(5, 5))
    await settle(engine.keeping._tasks)
    assert await kept(path) == list(range(10))


async def test_what_is_followed_is_kept_once_and_again_where_it_changed_or_the_file_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path))
    first, second = (Instrument("okx", f"{base}-USDT-SWAP", "perp", base, "USDT", base) for base in ("BTC", "ETH"))
    engine.keeping.know({"okx": [second, first], "bybit-linear": []})
    await engine.save([])
    assert await engine.store.load_listings() == {"okx": [first, second]}
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM listings")
    database.close()
    engine.keeping.know({"okx": [first, second]})
    await engine.save([])
    assert await engine.store.load_listings() == {}, "nothing changed, so nothing was written"
    engine.keeping.know({"okx": [first]})
    await engine.keeping.close([])
    again = await CandleStore.open(path)
    assert await again.load_listings() == {"okx": [first]}
    await again.close()


async def test_a_save_that_fails_by_a_fault_of_ours_is_said_once_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.sqlite3"
    engine = Engine(await CandleStore.open(path))

    async def broken(_: object) -> None:
        raise KeyError("x")

    with monkeypatch.context() as fault:
        fault.setattr(engine.store, "save", broken)
        for first in (0, 5):
            engine.keeping.save(candles(first, 5))
            await asyncio.wait(list(engine.keeping._tasks))
            await asyncio.sleep(0)
    assert engine.notices == ["candles could not be kept (KeyError, details in the log); they go on waiting"]
    assert [one.exc_info is not None for one in caplog.records if one.levelname == "ERROR"] == [True, True]
    await engine.save(candles(10, 5))
    assert engine.notices[1:] == ["candles are kept again"]
    await engine.keeping.close([])
    assert await kept(path) == list(range(15))
