"""Programs killed at random moments while they write: what they had finished is there, and nothing half is taken for
whole. The moments come from a seed, and the machine adds its own chance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest

from engine.clock import SystemClock
from engine.storage.bans import BanStore
from engine.storage.candle_store import CandleStore
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame
from tests.engine.storage.kept_series import kept_series
from tests.engine.storage.killed_writers import EXPORT_ROWS, MINUTE, SYMBOLS, T0_MS
from tui import state

ROOT = Path(__file__).resolve().parents[3]
LONGEST_S = 0.12
FIRST_S = 1.0
"""The first writer gets through some of its work even on a machine that is busy."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="writers are forked")
rounds = pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.long)])


class Nursery:
    """Forks writers and has them killed."""

    def __init__(self, process: subprocess.Popen[str], seed: int) -> None:
        self._process = process
        self._random = Random(seed)
        self._is_first = True

    def kill(self, first: int) -> int:
        """The last number that a writer, beginning at `first`, had finished when it was killed; `first` - 1: none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        seconds = FIRST_S if self._is_first else self._random.uniform(0.0, LONGEST_S)
        self._is_first = False
        self._process.stdin.write(f"{first} {seconds}\n")
        self._process.stdin.flush()
        finished = first - 1
        for line in self._process.stdout:
            word, _, number = line.strip().partition(" ")
            if word != "done":
                assert word == "killed", "the writer ended by itself"
                return finished
            finished = int(number)
        raise AssertionError("the nursery ended")


@contextmanager
def nursery(subject: str, path: Path, seed: int) -> Iterator[Nursery]:
    words = [sys.executable, "-m", "tests.engine.storage.killed_writers", subject, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Nursery(process, seed)
        finally:
            process.kill()


@rounds
async def test_saved_candles_are_there_and_a_batch_is_there_whole_or_not_at_all(tmp_path: Path, kills: int) -> None:
    path, found = tmp_path / "c.sqlite3", -1
    with nursery("candles", path, 1) as writers:
        for _ in range(kills):
            finished = max(found, writers.kill(found + 1))
            store = await CandleStore.open(path)
            assert store.notice == ""
            held = {
                key[1]: [(bar.open_ms - T0_MS) // MINUTE for bar in bars]
                for key, bars in await kept_series(store, {MINUTE: 0})
            }
            await store.close()
            assert len(held) in (0, SYMBOLS)
            found = max(held["S0"], default=-1) if held else -1
            # What was written when the kill came may have been finished without being told.
            assert finished <= found <= finished + 1
            assert all(minutes == list(range(found + 1))[-500:] for minutes in held.values())
    assert found > 0


@rounds
def test_a_recording_lacks_no_more_than_its_last_second_and_says_that_it_is_cut(tmp_path: Path, kills: int) -> None:
    with nursery("recording", tmp_path, 2) as writers:
        most = 0
        for number in range(kills):
            # The folder is named after the first number; the records within count from 0.
            finished = writers.kill(10**6 * number + 1)
            finished = finished if finished != 10**6 * number else -1
            files = list((tmp_path / str(10**6 * number + 1)).glob("*"))
            if not files or not files[0].stat().st_size:
                assert finished == -1
                continue
            reader = CaptureReader(files[0].parent)
            texts = [record.text.split()[0] for record in reader if isinstance(record, Frame)]
            assert texts == [str(n) for n in range(len(texts))]
            assert len(texts) > finished
            assert reader.bad_lines == 0
            assert any("ends early" in notice for notice in reader.notices)
            most = max(most, len(texts))
    assert most > 0


@rounds
def test_what_the_console_remembers_is_the_newest_or_the_one_before_never_a_part(tmp_path: Path, kills: int) -> None:
    path, found = tmp_path / "console.json", -1
    with nursery("console", path, 3) as writers:
        for _ in range(kills):
            finished = max(found, writers.kill(found + 1))
            held, notice = state.load(path)
            assert notice is None
            found = int(held.find or -1)
            assert finished <= found <= finished + 1
            assert set(held.filters.values()) <= {f"score > {found}"}
            assert not list(tmp_path.glob("*.bad*"))
    assert found > 0


@rounds
def test_bans_are_the_newest_or_those_before_never_a_part(tmp_path: Path, kills: int) -> None:
    path, found = tmp_path / "bans.json", -1
    store = BanStore(path, SystemClock())
    with nursery("bans", path, 4) as writers:
        for _ in range(kills):
            finished = max(found, writers.kill(found + 1))
            numbers = {int(rest.why) for rest in store.load()}
            assert len(numbers) <= 1
            found = max(numbers, default=-1)
            assert finished <= found <= finished + 1
    assert found > 0


@rounds
def test_an_export_under_its_name_is_whole(tmp_path: Path, kills: int) -> None:
    made = 0
    with nursery("exports", tmp_path, 5) as writers:
        for _ in range(kills):
            finished = writers.kill(made + 1)
            files = sorted(tmp_path.glob("prism-*"))
            assert finished <= len(files) <= finished + 1
            made = len(files)
            for file in files:
                assert len(msgspec.json.decode(file.read_bytes())) == EXPORT_ROWS
    assert made > 0
