"""`prism doctor`: what it finds on this machine and at the venues, and what its exit code says of it."""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.clock import ManualClock, SystemClock
from engine.config.schema import Config
from engine.feeds.checkup import Finding
from engine.gauges import Gauges
from engine.storage.bans import BanStore
from engine.transport.budgets import Rest
from engine.transport.rest_client import RestClient
from tui.headless import diagnostics, doctor
from tui.live import ban_file

BYBIT = "https://api.bybit.com"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Looked:
    """Stands for the look at the venues, which needs a network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.venues: list[str] = []
        self.resting: dict[str, str] = {}
        self.findings: dict[str, list[Finding]] = {}
        self.bans = 0.0
        monkeypatch.setattr(doctor, "check", self._check)

    async def _check(
        self, language: Any, parser: Any, net: Any, rest: RestClient, clock: Any
    ) -> AsyncIterator[Finding]:
        self.venues.append(language.venue)
        assert parser.venue == language.venue
        self.resting |= {host: one.state for host, one in rest.status().items()}
        if self.bans:
            rest._budgets.rest(language.hosts[0], self.bans, "418 banned")
        for finding in self.findings.get(language.venue, [Finding(f"{language.venue} requests", True, "answers")]):
            yield finding


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Looked:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 0, 2**39))
    monkeypatch.setattr(doctor, "SCANNED_RECORDS", 200)
    # How busy the machine is that runs the tests is not what they are about.
    monkeypatch.setattr(doctor, "LATE_MS", math.inf)
    return Looked(monkeypatch)


def run(tmp_path: Path, settings: str = "") -> int:
    config = tmp_path / "config.yaml"
    config.write_text(settings)
    config.chmod(0o600)
    return doctor.run(argparse.Namespace(config_file=str(config)))


def test_all_that_is_switched_on_is_looked_at_and_all_well_is_done(
    looked: Looked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "venues: {okx: false, bitget: false}\n") == diagnostics.DONE
    assert looked.venues == ["binance-usdm", "binance-spot", "bybit-linear", "bybit-spot"]
    told, beside = capsys.readouterr()
    assert "FAIL" not in told
    assert "all is well" in beside
    for subject in ("terminal", "configuration", "state folder", "candle store", "log folder", "bybit-spot requests",
                    "engine", "process"):  # fmt: skip
        assert f"{subject}:" in told


def test_one_thing_that_is_not_well_makes_the_whole_fail_and_says_what_to_do(
    looked: Looked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looked.findings["okx"] = [
        Finding("okx requests", False, "refused \x1b[31mhere", "turn \x1b[2Jit off"),
        Finding("okx stream", True, "well"),
    ]
    assert run(tmp_path) == diagnostics.FAILED
    told, beside = capsys.readouterr()
    assert re.search(r"\b1 of \d+ checks failed", beside)
    assert "no venue can be reached" not in beside
    assert "FAIL  okx requests: refused" in told
    assert "it off" in told
    assert "\x1b[31mhere" not in told
    assert "\x1b[2J" not in told
    assert looked.venues[-1] == "bitget-usdt", "the look goes on"


def test_without_any_venue_it_says_what_works_all_the_same(
    looked: Looked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looked.findings["okx"] = [Finding("okx requests", False, "no address found"), Finding("okx stream", False, "same")]
    assert run(tmp_path, "venues: {binance: false, bybit: false, bitget: false}\n") == diagnostics.FAILED
    assert "`prism demo` and `prism replay CAPTURE` work without one" in capsys.readouterr().err


def test_a_ban_of_an_earlier_run_is_known_and_a_new_one_is_kept(looked: Looked, tmp_path: Path) -> None:
    clock = SystemClock()
    store = BanStore(ban_file(), clock)
    store.keep([Rest(BYBIT, clock.now_ns() + 600 * 10**9, "403 too frequent")])
    looked.bans = 900.0
    run(tmp_path, "venues: {binance: false, okx: false}\n")
    assert looked.resting == {BYBIT: "resting"}
    assert [one.name for one in store.load()] == ["https://api.bitget.com", BYBIT]


def test_a_damaged_ban_file_stops_nothing(looked: Looked, tmp_path: Path) -> None:
    ban_file().parent.mkdir(parents=True)
    ban_file().write_text("{")
    assert run(tmp_path) == diagnostics.DONE
    assert looked.resting == {}


def test_folders_are_left_as_they_were_found(looked: Looked, tmp_path: Path) -> None:
    run(tmp_path)
    assert ban_file().parent.is_dir()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "config.yaml"]


def test_a_disk_that_is_nearly_full_is_told(
    looked: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40, doctor.FREE_BYTES))
    assert run(tmp_path) == diagnostics.FAILED
    assert capsys.readouterr().out.count("free some space on this disk") == 3


def test_a_folder_that_cannot_be_made_is_told(
    looked: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert run(tmp_path) == diagnostics.FAILED
    assert "make the folder writable, or prism runs without it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "encoding", "ok", "words"),
    [
        ((79, 24), "utf-8", False, "needs 80x24 or more"),
        ((80, 23), "utf-8", False, "needs 80x24 or more"),
        ((80, 24), "ascii", False, "UTF-8 locale"),
        ((80, 24), "UTF-8", True, ""),
    ],
)
def test_what_the_terminal_lacks_is_told(
    size: tuple[int, int], encoding: str, ok: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def __init__(self) -> None:
            self.encoding = encoding

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size(size))
    monkeypatch.setattr(sys, "stdout", Terminal())
    found = doctor._terminal()
    assert found.ok is ok
    assert words in found.advice


def test_a_machine_that_scans_too_slowly_and_a_loop_that_wakes_late_are_told(
    looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Gauges(ManualClock(), lambda: (100.0 * 2**20, math.nan))
    for _ in range(300):
        slow.scanned(700_000_000)
    monkeypatch.setattr(slow, "scanned", lambda took_ns: None)
    found = doctor._scanning(Config(), slow)
    assert not found.ok
    assert "takes 700.0 ms, p99 700.0 ms" in found.words
    assert "the scan interval is 500 ms" in found.words
    assert "engine.scan_interval_ms" in found.advice
    monkeypatch.setattr(doctor, "LATE_MS", 250.0)
    assert doctor._upkeep(slow).ok
    assert "its event loop was not measured" in doctor._upkeep(slow).words
    slow._late.extend([300_000_000] * 10)
    late = doctor._upkeep(slow)
    assert not late.ok
    assert "woke 300.0 ms late, p99 300.0 ms; 0 garbage collection pauses" in late.words
