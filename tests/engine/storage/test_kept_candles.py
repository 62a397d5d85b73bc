"""Kept candles: what was saved is there after a restart, and a file that cannot be used stops nothing."""

from __future__ import annotations

import math
import sqlite3
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import StoreUnusable
from engine.events import NAN, Candle
from engine.instruments import Instrument
from engine.kept_bar import Kept
from engine.storage.candle_file import VERSION
from engine.storage.candle_rows import ENCODE, KEPT_BARS, bars_of
from engine.storage.candle_store import CandleStore
from engine.storage.listing_rows import listing_body
from tests.engine.storage.kept_series import kept_series

MINUTE = 60_000
T0 = 1_790_000_000_000 // MINUTE * MINUTE


def candle(n: int, symbol: str = "BTCUSDT", venue: str = "okx", close: float = 1.0, base: float = 2.0) -> Candle:
    opened = T0 + n * MINUTE
    prices = (1.0, 2.0, 0.5, close)
    return Candle(venue, symbol, opened + MINUTE, 0, MINUTE, opened, *prices, base, 3.0, NAN, 7, closed=True)


def opens(bars: list[Kept]) -> list[int]:
    return [(bar.open_ms - T0) // MINUTE for bar in bars]


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "candles.sqlite3"
    store = await CandleStore.open(path)
    assert await store.save([candle(0), candle(1), candle(0, "ETHUSDT")]) == 2
    await store.save([candle(2), candle(1, close=1.5)])
    await store.close()
    store = await CandleStore.open(path)
    held = dict(await kept_series(store, {MINUTE: 0}))
    await store.close()
    bars = held["okx", "BTCUSDT", MINUTE]
    assert opens(bars) == [0, 1, 2]
    assert [bar.close for bar in bars] == [1.0, 1.5, 1.0]
    first = bars[0]
    assert (first.open_ms, first.open, first.high, first.low, first.close) == (T0, 1.0, 2.0, 0.5, 1.0)
    assert (first.volume_base, first.volume_quote) == (2.0, 3.0)
    assert math.isnan(first.taker_buy_quote)
    assert set(held) == {("okx", "BTCUSDT", MINUTE), ("okx", "ETHUSDT", MINUTE)}


async def test_only_the_newest_bars_are_kept_and_only_current_ones_are_loaded(tmp_path: Path) -> None:
    store = await CandleStore.open(tmp_path / "c.sqlite3")
    await store.save(candle(n) for n in range(KEPT_BARS + 50))
    await store.save([candle(0, "OLDUSDT")])
    ((key, bars),) = await kept_series(store, {MINUTE: T0 + MINUTE})
    assert key[1] == "BTCUSDT"
    assert opens(bars) == list(range(50, KEPT_BARS + 50))
    assert await kept_series(store, {5 * MINUTE: 0}) == []
    await store.prune(T0 + MINUTE)
    assert [key[1] for key, _ in await kept_series(store, {MINUTE: 0})] == ["BTCUSDT"]
    await store.close()


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    store = await CandleStore.open(path)
    await store.save([candle(0)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await store.close()


async def test_a_damaged_file_is_set_aside_and_a_new_one_made(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    path.write_bytes(b"no database, but long enough to be looked at as one" * 100)
    store = await CandleStore.open(path)
    assert await store.save([candle(0)]) == 1
    await store.close()
    assert (tmp_path / "c.sqlite3.bad").read_bytes().startswith(b"no database")


def test_a_bar_is_written_as_an_array_in_the_order_of_its_fields() -> None:
    """Files of earlier versions hold no names."""
    body = msgspec.msgpack.encode([(T0, 1.0, 2.0, 0.5, 1.5, 3.0, 4.0, 2.5, 7)])
    bar = Kept(
        open_ms=T0, open=1.0, high=2.0, low=0.5, close=1.5, volume_base=3.0, volume_quote=4.0, taker_buy_quote=2.5,
        trades=7,
    )  # fmt: skip
    assert bars_of(body, MINUTE) == [bar]
    assert ENCODE([bar]) == body


async def test_a_row_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    store = await CandleStore.open(path)
    await store.save([candle(0), candle(0, "ETHUSDT")])
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE bars SET body = x'c1' WHERE symbol = 'BTCUSDT'")
    database.close()
    store = await CandleStore.open(path)
    assert [key[1] for key, _ in await kept_series(store, {MINUTE: 0})] == ["ETHUSDT"]
    assert await store.save([candle(1)]) == 1
    await store.close()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version={VERSION + 1}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="written by a newer prism"):
        await CandleStore.open(path)
    assert path.read_bytes() == before


async def test_a_locked_file_says_so_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.storage.candle_file.BUSY_MS", 1)
    path = tmp_path / "c.sqlite3"
    store = await CandleStore.open(path)
    await store.save([candle(0)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreUnusable, match="locked"):
            await store.save([candle(1)])
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert await store.save([candle(1)]) == 1
    ((_, bars),) = await kept_series(store, {MINUTE: 0})
    assert opens(bars) == [0, 1]
    await store.close()


async def test_a_reader_that_stays_bounds_the_log_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.candle_store.MOST_WAL_BYTES", 512 * 1024)
    monkeypatch.setattr("engine.storage.candle_file.BUSY_MS", 1)
    path = tmp_path / "c.sqlite3"
    log = path.with_name("c.sqlite3-wal")
    store = await CandleStore.open(path)
    await store.save([candle(0)])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM bars").fetchone() == (1,)
    saved, told = 0, ""
    try:
        for n in range(1, 400):
            try:
                await store.save(candle(n, f"S{symbol}USDT") for symbol in range(20))
            except StoreUnusable as error:
                told = error.message
                break
            saved = n
        assert "another program has been reading" in told
        assert "end that program" in told
        size = log.stat().st_size
        assert 512 * 1024 < size < 1024 * 1024
        for _ in range(5):
            with pytest.raises(StoreUnusable):
                await store.save([candle(saved + 1)])
        assert log.stat().st_size == size
    finally:
        reader.execute("ROLLBACK")
        reader.close()
    await store.save([candle(saved + 1)])
    assert log.stat().st_size < size
    held = dict(await kept_series(store, {MINUTE: 0}))
    assert opens(held["okx", "S7USDT", MINUTE]) == list(range(1, saved + 1))
    assert opens(held["okx", "BTCUSDT", MINUTE]) == [0, saved + 1]
    await store.close()


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="candles are not kept"):
        await CandleStore.open(tmp_path / "file" / "c.sqlite3")


def perp(symbol: str = "BTCUSDT", venue: str = "okx", **facts: Any) -> Instrument:
    return Instrument(venue, symbol, "perp", symbol.removesuffix("USDT"), "USDT", symbol.removesuffix("USDT"), **facts)


async def test_what_is_followed_is_kept_by_venue_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    store = await CandleStore.open(path)
    listed = perp(tick=0.1, listed_ms=T0, funding_interval_h=8.0)
    await store.save_listing("okx", [listed, perp("OLDUSDT")])
    await store.save_listing("bybit-linear", [perp(venue="bybit-linear")])
    await store.save_listing("okx", [listed, perp("币安USDT")])
    await store.close()
    store = await CandleStore.open(path)
    held = await store.load_listings()
    await store.close()
    assert held == {"okx": [listed, perp("币安USDT")], "bybit-linear": [perp(venue="bybit-linear")]}


async def test_a_file_of_before_that_may_only_be_read_has_no_listing(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    first = await CandleStore.open(path)
    await first.save([candle(0)])
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE listings")
    database.close()
    second = await CandleStore.open(path)
    assert await second.load_listings() == {}
    assert len(await kept_series(second, {MINUTE: 0})) == 1
    with pytest.raises(StoreUnusable, match="are read but not kept here"):
        await second.save_listing("okx", [perp()])
    await second.close()
    await first.close()


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1", "text", msgspec.msgpack.encode({"a": 1}), b"\x91" * 100_000,
        listing_body([perp(venue="bybit-linear")]), listing_body([perp("A\x1b[31mUSDT")]),
        listing_body([perp("A\u202eUSDT")]), listing_body([perp("A" * 65)]), listing_body([perp(tick=math.inf)]),
        listing_body([perp(multiplier=0.0)]), listing_body([perp(step=-1.0)]),
    ],
    ids=lambda body: repr(body)[:24],
)  # fmt: skip
async def test_instruments_that_cannot_be_true_are_left_out(tmp_path: Path, body: object) -> None:
    path = tmp_path / "c.sqlite3"
    store = await CandleStore.open(path)
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO listings VALUES ('okx', ?)", (body,))
    database.close()
    store = await CandleStore.open(path)
    assert await store.load_listings() == {"okx": []}
    await store.close()
