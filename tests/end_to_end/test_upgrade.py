"""What an earlier prism left behind, met by this one: read as it stands, or set aside and told, never lost in silence.

The files are written here as version 0.1.0 wrote them. A change that cannot read them any more needs a way for them,
and a new version in the file.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.errors import StoreUnusable
from engine.kept_bar import Kept
from engine.storage.bans import BanStore
from engine.storage.candle_store import CandleStore
from engine.transport.budgets import Rest
from engine.transport.capture import CaptureReader
from tests.engine.storage.kept_series import kept_series
from tests.engine.transport.stepped_clock import START_NS, SteppedClock
from tui.state import Instrument, load

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60_000
OPENED = 1_790_000_040_000
BARS = """
CREATE TABLE bars (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (venue, symbol, interval_ms)
) WITHOUT ROWID
"""


def database_of(path: Path, version: int, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
        database.execute(f"PRAGMA user_version={version}")
    database.close()


async def test_candles_of_the_first_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "candles.sqlite3"
    database_of(path, 1, BARS)
    figures = (1.0, 2.0, 0.5, 1.5, 10.0, 12.0, 6.0)
    bar = [OPENED, *figures, 7]
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO bars VALUES ('okx', 'BTC-USDT-SWAP', 60000, ?, ?)", (OPENED, msgspec.msgpack.encode([bar]))
        )
    database.close()
    store = await CandleStore.open(path)
    assert store.notice == ""
    assert await kept_series(store, {MINUTE: 0}) == [(("okx", "BTC-USDT-SWAP", MINUTE), [Kept(OPENED, *figures, 7)])]
    await store.close()


@pytest.mark.parametrize(
    "layout",
    ["CREATE TABLE bars (symbol TEXT, open_ms INTEGER, close REAL)", "CREATE TABLE candles (body BLOB)", BARS],
    ids=["bars of other columns", "another table", "the same without a version"],
)
async def test_a_database_from_before_the_first_version_is_set_aside_whole(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "candles.sqlite3"
    database_of(path, 0, layout)
    before = path.read_bytes()
    store = await CandleStore.open(path)
    assert store.notice == (
        f"kept candles are of an older prism: {path} is now candles.sqlite3.bad, and a new file was begun"
    )
    assert await kept_series(store, {MINUTE: 0}) == []
    await store.close()
    assert (tmp_path / "candles.sqlite3.bad").read_bytes() == before
    again = await CandleStore.open(path)
    assert again.notice == ""
    await again.close()


async def test_an_older_database_that_another_prism_holds_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "candles.sqlite3"
    first = await CandleStore.open(path)
    await first.close()
    holder = await CandleStore.open(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=0")
    database.close()
    with pytest.raises(StoreUnusable, match="of an older layout"):
        await CandleStore.open(path)
    assert not (tmp_path / "candles.sqlite3.bad").exists()
    await holder.close()


def test_what_the_console_remembered_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    kept = {
        "version": 1, "alerts": True, "greeted": True, "preset": "strict", "theme": "prism-light", "sort": "volume",
        "reverse": True, "side": "long", "find": "BTC", "expression": "score > 60", "filters": {"a": "score > 70"},
        "watched": [["okx", "BTC-USDT-SWAP"]], "watch_only": False, "pinned": [["binance-usdm", "BTCUSDT"]],
        "what a later prism adds": 5,
    }  # fmt: skip
    path.write_text(json.dumps(kept), encoding="utf-8")
    state, notice = load(path)
    assert notice is None
    assert (state.preset, state.theme, state.sort, state.reverse) == ("strict", "prism-light", "volume", True)
    assert (state.find, state.expression, state.filters) == ("BTC", "score > 60", {"a": "score > 70"})
    assert state.watched == (Instrument("okx", "BTC-USDT-SWAP"),)
    assert state.pinned == (Instrument("binance-usdm", "BTCUSDT"),)
    path.write_text('{"preset": "relaxed"}', encoding="utf-8")
    assert load(path)[0].preset == "relaxed", "of before there was a version"


def test_bans_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "bans.json"
    until_ms = START_NS // 1_000_000 + 600_000
    rests = [{"name": "https://fapi.binance.com", "until_ms": until_ms, "why": "418 banned"}]
    path.write_text(json.dumps({"version": 1, "rests": rests}), encoding="utf-8")
    found = BanStore(path, SteppedClock()).load()
    assert found == [Rest("https://fapi.binance.com", until_ms * 1_000_000, "418 banned")]


def test_a_recording_of_the_first_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    lines = [
        {"capture": 1, "created": "2026-11-01T00:00:00Z", "source": "prism record", "note": ""},
        {"t": START_NS, "v": "okx", "c": "okx/public/1", "x": "open"},
        {"t": START_NS + 1, "v": "okx", "c": "okx/public/1", "d": '{"arg":{}}'},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    reader = CaptureReader(path)
    assert [type(record).__name__ for record in reader] == ["ConnectionEvent", "Frame"]
    assert reader.bad_lines == 0


OLD = """\
version: 1
engine:
  scan_interval: 2
  taker_fee_bps: 4.5
exchanges:
  binance: true
console:
  refresh_rate: 10
venues:
  full_deph: 40
"""
TOLD = (
    ":1: version: no such key",
    ":3: engine.scan_interval: no such key; did you mean engine.scan_interval_ms?",
    ":4: engine.taker_fee_bps: no such key; did you mean engine.taker_fees?",
    ":5: exchanges: no such key; expected one of engine, presets, venues, account, console",
    ":8: console.refresh_rate: no such key; did you mean console.refresh_hz?",
    ":10: venues.full_deph: no such key; did you mean venues.full_depth?",
)


@pytest.mark.parametrize(
    "words", [("config", "check"), ("scan", "--demo"), ("record", "x", "--demo"), ("doctor",), ("demo",), ("web",)]
)
def test_a_configuration_of_an_older_form_is_told_line_by_line_with_what_to_write(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(OLD, encoding="utf-8")
    path.chmod(0o600)
    given = (*words, str(path)) if words == ("config", "check") else (*words, "--config", str(path))
    done = subprocess.run(
        [sys.executable, "-m", "tui", *given], cwd=ROOT, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "6 problems in the configuration" in said
    for told in TOLD:
        assert f"{path}{told}" in said
    assert path.read_text(encoding="utf-8") == OLD, "it is the user's, and never rewritten"
