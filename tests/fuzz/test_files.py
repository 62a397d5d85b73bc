"""Damaged files: captures, configuration, what the console remembers, kept candles. Each is read as far as it can be.

Only the documented errors may come out, with words that are fit to show; what is good in a damaged capture is read
exactly as it stands in the whole one.
"""

from __future__ import annotations

import gzip
import json
import math
import sqlite3
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.config import yaml_text
from engine.config.loading import load as load_config
from engine.errors import CaptureError, ConfigError, StoreUnusable
from engine.events import Candle
from engine.storage.candle_rows import ended
from engine.storage.candle_store import CandleStore
from engine.text import clean
from engine.transport import capture as capture_module
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tests.engine.storage.kept_series import kept_series
from tests.fuzz.damage import DEEP, TOKENS, damaged
from tui import state as console_state
from tui.presenters import filter_expression
from tui.presenters.filter_completion import complete
from tui.presenters.filter_expression import FilterError

SEEDS = st.integers(0, 2**32)
HEADER = b'{"capture":1,"created":"2026-01-01","source":"test","note":""}\n'
PACK = {"jsonl": lambda data: data, "jsonl.gz": lambda data: gzip.compress(data, mtime=0),
        "jsonl.zst": zstandard.ZstdCompressor().compress}  # fmt: skip
in_a_folder = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines_of(count: int) -> list[bytes]:
    made = []
    for at in range(1, count + 1):
        line: dict[str, Any] = {"t": at, "v": ("okx", "binance-usdm")[at % 2]}
        if at % 5 == 0:
            line |= {"c": "a", "x": "open"}
        elif at % 7 == 0:
            line |= {"r": "GET /x", "s": 200, "d": "[]"}
        else:
            line |= {"c": "a", "d": f'{{"n":{at}}}'}
        made.append(json.dumps(line, separators=(",", ":")).encode())
    return made


def broken_bytes(random: Random, data: bytes) -> bytes:
    """Bytes lost, added, changed or repeated."""
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + random.choice((1, 1, 4, 64, 4096)))
        data = random.choice((
            data[:at], data[:at] + data[end:], data[:at] + random.randbytes(end - at) + data[end:],
            data[:at] + data[at:end] * 3 + data[end:], data[:at] + b"\0" * 50 + data[at:],
            data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :] if at < len(data) else data,
        ))  # fmt: skip
    return data


def say_cleanly(words: str) -> None:
    assert clean(words, 10_000) == words


def read(path: Path) -> tuple[list[Record], CaptureReader] | None:
    """What a capture holds; None where it cannot be read at all, which is then said cleanly."""
    try:
        reader = CaptureReader(path)
    except CaptureError as error:
        say_cleanly(error.message)
        return None
    records = list(reader)
    for notice in reader.notices:
        assert clean(notice, 10_000) == notice
        assert len(notice) < 1_000
    return records, reader


@pytest.mark.parametrize("ending", PACK)
@in_a_folder
@given(seed=SEEDS)
def test_a_damaged_capture_is_read_as_far_as_it_can_be(tmp_path: Path, ending: str, seed: int) -> None:
    random = Random(seed)
    path = tmp_path / f"some.{ending}"
    path.write_bytes(broken_bytes(random, PACK[ending](HEADER + b"\n".join(lines_of(60)) + b"\n")))
    read(path)


@settings(in_a_folder, max_examples=12)
@given(seed=SEEDS)
def test_good_lines_among_bad_ones_are_read_as_if_alone(tmp_path: Path, seed: int) -> None:
    random, good = Random(seed), lines_of(40)
    path = tmp_path / "some.jsonl"
    path.write_bytes(HEADER + b"\n".join(good) + b"\n")
    alone = read(path)
    bad = [damaged(random, line.decode()).encode("utf-8", "surrogatepass").replace(b"\n", b" ") for line in good]
    bad = [line for line in bad if is_refused(path, line)]
    mixed = list(good)
    for line in bad:
        mixed.insert(random.randrange(len(mixed) + 1), line)
    path.write_bytes(HEADER + b"\n".join(mixed) + b"\n" + good[-1] + b"\n")
    among = read(path)
    assert alone is not None
    assert among is not None
    assert among[0][:-1] == alone[0]
    assert among[1].bad_lines == len(bad)


def is_refused(path: Path, line: bytes) -> bool:
    path.write_bytes(HEADER + line + b"\n" + lines_of(1)[0] + b"\n")
    found = read(path)
    assert found is not None
    return found[1].bad_lines == 1


@in_a_folder
@given(seed=SEEDS)
def test_a_header_that_is_none_is_refused_in_words(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "some.jsonl"
    text = damaged(Random(seed), HEADER.decode().strip())
    path.write_bytes(text.encode("utf-8", "surrogatepass") + b"\n" + b"\n".join(lines_of(3)))
    if (found := read(path)) is not None:
        header = found[1].header
        assert all(clean(text) == text for text in (header.created, header.source, header.note))


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst"])
def test_a_few_kilobytes_of_empty_lines_do_not_hold_up_a_start(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "MAX_BAD_RUN", 10_000)
    path = tmp_path / f"some.{ending}"
    path.write_bytes(PACK[ending](HEADER + b"\n" * (1 << 23)))
    assert path.stat().st_size < 20_000
    started = process_time()
    found = read(path)
    assert process_time() - started < 10.0
    assert found is not None
    assert found[1].bad_lines < 3_000_000
    assert any("not read beyond line" in notice for notice in found[1].notices)
    # A folder is merged by the first time in each of its files.
    (tmp_path / f"other.{ending}").write_bytes(PACK[ending](HEADER + lines_of(1)[0] + b"\n"))
    folder = read(tmp_path)
    assert folder is not None
    assert len(folder[0]) == 1


# Configuration


CONFIG = Path(__file__).parents[2] / "config.example.yaml"
BOMBS = {
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
    "merges": "a: &a {x: 1}\n" + "".join(
        f"b{n}: &b{n} {{<<: [{','.join(['*a'] * 50)}]}}\n" for n in range(40)),
    "itself": "a: &a [*a]",
    "flow": "[" * 200_000,
    "maps": "{a: " * 60_000,
    "dashes": "- " * 120_000,
    "indents": "".join(" " * n + "a:\n" for n in range(700)),
    "keys": "".join(f"k{n}: 1\n" for n in range(30_000)),
    "one key": "? " * 100_000,
    "quoted": '"' + "\\" * 250_000,
    "number": "engine: {scan_interval_ms: " + "9" * 200_000 + "}",
    "digits": "engine: {scan_interval_ms: " + "9" * 39 + "}",
    "exponent": "engine: {scan_interval_ms: 1e999}",
    "nan": "engine: {scan_interval_ms: .nan}",
    "tag": "!!python/object/apply:os.system ['true']",
    "long tag": "!" + "a" * 250_000 + " x",
    "comment": "#" * 250_000,
    "anchor": "&" + "a" * 250_000 + " x",
    "block": "a: |\n" + "  x\n" * 60_000,
    "colons": ":" * 250_000,
    "percent": "%YAML " + "1." * 100_000,
    "tabs": "\t" * 200_000,
    "blanks": "a:" + " " * 250_000,
    "commas": "[" + "," * 200_000,
    "questions": "{" + "?," * 100_000,
}  # fmt: skip


def check_config(path: Path) -> None:
    """Either a configuration or problems that name the file and are fit to show."""
    try:
        load_config(path, {})
    except ConfigError as error:
        check_problems(error.problems, path.name)


def check_problems(problems: tuple[str, ...], name: str) -> None:
    assert problems
    for problem in problems:
        say_cleanly(problem)
        assert name in problem


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_the_configuration_is_refused_with_bounded_work(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(BOMBS[name])
    path.chmod(0o600)
    started = process_time()
    check_config(path)
    assert process_time() - started < 10.0


@in_a_folder
@given(seed=SEEDS)
def test_a_damaged_configuration_is_refused_in_words(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    path = tmp_path / "config.yaml"
    # The example explains every key in a comment; without the marks all of them are set.
    lines = [line.replace("# ", "", 1) if random.random() < 0.5 else line for line in CONFIG.read_text().splitlines()]
    for _ in range(random.choice((1, 3, 10))):
        at = random.randrange(len(lines))
        key = lines[at].partition(":")[0]
        lines[at] = random.choice(
            (f"{key}: {random.choice(TOKENS)[:3_000]}", damaged(random, lines[at]), lines[at] * 2)
        )
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    path.write_bytes(broken_bytes(random, data) if random.random() < 0.3 else data)
    path.chmod(0o600)
    check_config(path)


@settings(max_examples=60)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_plain_values_or_problems(data: bytes) -> None:
    text, broken = yaml_text.decode(data)
    for problem in (*broken, *yaml_text.read(text).problems):
        assert clean(problem.text, 2_000) == problem.text


# What the console remembers


@in_a_folder
@given(seed=SEEDS)
def test_a_damaged_state_file_starts_the_console_with_defaults_or_with_what_is_fit_to_show(
    tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "console.json"
    for aside in tmp_path.iterdir():
        aside.unlink()
    kept = console_state.ConsoleState(
        preset="strict", theme="dark", find="PEPE", expression="score > 1",
        filters={"crowded": "funding > 0.05%", "quiet": "symbol ~ 'PEPE'"},
        watched=(console_state.Instrument("okx", "BTC-USDT-SWAP"),) * 2,
        pinned=(console_state.Instrument("okx", "X"),), liquidation_minimum_usd=5.0,
    )  # fmt: skip
    text = damaged(Random(seed), msgspec.json.encode(kept).decode())
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found, notice = console_state.load(path)
    assert isinstance(found, console_state.ConsoleState)
    assert notice is None or clean(notice, 2_000) == notice
    texts = [found.preset or "", found.theme or "", found.sort or "", found.side, found.find, found.expression]
    texts += [found.face, found.timeframe, *(one.symbol for one in (*found.watched, *found.pinned))]
    texts += [text for named in found.filters.items() for text in named]
    assert all(clean(one, 1_000) == one for one in texts)
    assert math.isfinite(found.liquidation_minimum_usd)
    assert abs(found.depth_grouping) < 1 << 31


# Kept candles

MINUTE = 60_000
T0 = 1_790_000_000_000 // MINUTE * MINUTE


def bar(at: int) -> tuple[Any, ...]:
    return (T0 + at * MINUTE, 1.0, 2.0, 0.5, 1.5, 2.0, 3.0, float("nan"), 7)


BODIES: dict[str, object] = {
    "text": "no bytes",
    "number": 7,
    "nothing": b"",
    "cut": msgspec.msgpack.encode([bar(0), bar(1)])[:-3],
    "garbage": b"\xff" * 100,
    "deep": b"\x91" * DEEP,
    "announced length": b"\xdd\xff\xff\xff\xff",
    "too many": msgspec.msgpack.encode([bar(0)] * 6_000),
    "a time of another unit": msgspec.msgpack.encode([(bar(0)[0] * 1_000, *bar(0)[1:])]),
    "a time off the grid": msgspec.msgpack.encode([(bar(0)[0] + 1, *bar(0)[1:])]),
    "a time below zero": msgspec.msgpack.encode([(-MINUTE, *bar(0)[1:])]),
    "a price of nothing": msgspec.msgpack.encode([(bar(0)[0], 1.0, 2.0, 0.0, *bar(0)[4:])]),
    "a price that is none": msgspec.msgpack.encode([(bar(0)[0], 1.0, math.inf, *bar(0)[3:])]),
    "a range that does not span": msgspec.msgpack.encode([(bar(0)[0], 9.0, *bar(0)[2:])]),
    "a volume below zero": msgspec.msgpack.encode([(*bar(0)[:5], -1.0, *bar(0)[6:])]),
    "a count beyond all": msgspec.msgpack.encode([(*bar(0)[:8], (1 << 64) - 1)]),
    "a figure too many": msgspec.msgpack.encode([(*bar(0), 1.0)]),
    "a figure too few": msgspec.msgpack.encode([bar(0)[:8]]),
    "a bar of the future": msgspec.msgpack.encode([bar(10_000)]),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_row_of_kept_candles_that_cannot_be_true_is_left_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / "candles.sqlite3"
    store = await CandleStore.open(path)
    await store.close()
    with sqlite3.connect(path) as database:
        rows = [("okx", "BAD", MINUTE, T0, BODIES[name]), ("okx", "GOOD", MINUTE, T0, msgspec.msgpack.encode([bar(0)]))]
        database.executemany("INSERT INTO bars VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    store = await CandleStore.open(path)
    found = await kept_series(store, {MINUTE: 0})
    assert [key[1] for key, bars in found if ended(bars, MINUTE, T0 + 100 * MINUTE)] == ["GOOD"]
    # Nor does it stand in the way of what is kept next.
    fresh = Candle("okx", "BAD", T0 + MINUTE, 0, MINUTE, T0, 1.0, 2.0, 0.5, 1.5, 1.0, 1.0, 1.0, 1, closed=True)
    await store.save([fresh])
    held = dict(await kept_series(store, {MINUTE: 0}))
    await store.close()
    bars = ended(held["okx", "BAD", MINUTE], MINUTE, T0 + 100 * MINUTE)
    assert [one.open_ms for one in bars][-1:] == [T0]


@pytest.mark.parametrize("part", range(12))
async def test_a_damaged_database_is_set_aside_or_told_of(tmp_path: Path, part: int) -> None:
    random, path = Random(part), tmp_path / "candles.sqlite3"
    store = await CandleStore.open(path)
    figures = (1.0, 2.0, 0.5, 1.5, 1.0, 1.0, 1.0, 1, True)
    candles = [Candle("okx", f"S{n % 50}", T0, 0, MINUTE, T0 + n // 50 * MINUTE, *figures) for n in range(2_000)]
    await store.save(candles)
    await store.close()
    whole = path.read_bytes()
    path.write_bytes(broken_bytes(random, whole))
    try:
        store = await CandleStore.open(path)
    except StoreUnusable as error:
        say_cleanly(error.message)
        return
    try:
        held = await kept_series(store, {MINUTE: 0})
        await store.save(candles[:50])
        assert all(one.open > 0.0 for _, bars in held for one in bars)
    except StoreUnusable as error:
        say_cleanly(error.message)
    finally:
        await store.close()


# Expressions


@settings(max_examples=150)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(
    ["score", "symbol", "face.volume", "and", "or", "not", "(", ")", "<", "=", "~", "-", "+", "*", "/", "1", "2.5k",
     "9e9", '"x"', "'*'", "abs(", "min(", ",", "9" * 400, "\x1b[2J", "\u202e", "%", "`", "nan", "inf", "__class__",
     "."]),
    max_size=30).map(" ".join))  # fmt: skip
@example(text="(" * 900)
@example(text="not " * 240)
@example(text="-" * 900)
@example(text="score > " + "1+" * 450 + "1")
@example(text="'" * 1_000)
@example(text='symbol ~ "' + "*a" * 480 + '"')
@example(text="score > " + "9" * 900)
def test_any_expression_chooses_rows_or_says_what_is_wrong_where(text: str) -> None:
    sheet = sheet_of_a_market()
    try:
        outcome = filter_expression.parse(text).evaluate(sheet)
    except FilterError as error:
        say_cleanly(error.message)
        refused_at = error.position
    else:
        assert outcome.kept.shape == (sheet.rows,)
        return
    assert 0 <= refused_at <= len(text)


SHEETS: list[Any] = []


def sheet_of_a_market() -> Any:
    if not SHEETS:
        from tests.engine.builders import make_snapshot
        from tui.presenters.sheet import Sheet

        SHEETS.append(Sheet(make_snapshot(40), "balanced"))
    return SHEETS[0]


@settings(max_examples=60)
@given(text=st.text(max_size=80))
def test_any_text_can_be_completed(text: str) -> None:
    for one in complete(text):
        assert one.text.isascii()
        assert 0 <= one.start <= len(text)


def test_a_long_text_is_completed_with_bounded_work() -> None:
    started = process_time()
    complete("a" * 5_000 + "!")
    complete("a." * 2_500 + "!")
    assert process_time() - started < 5.0
