"""Starting the console: what it needs, and what `demo` and `replay` open."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import time
from pathlib import Path

import pytest

from engine.config.schema import Config
from engine.errors import CaptureError
from tests.recorded import recorded
from tests.tui.fake_source import FakeSource, scene
from tui.launch import open_engine, run_console


def test_without_a_terminal_it_says_so_and_closes_the_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    for name, words in (
        ("__stdin__", "standard input is not one"),
        ("__stderr__", "standard error, on which it draws"),
    ):
        for other in ("__stdin__", "__stderr__"):
            monkeypatch.setattr(sys, other, io.StringIO() if other == name else terminal)
        source = FakeSource(scene())
        assert run_console(source, Config()) == 1
        assert f"the console needs a terminal, but {words}" in capsys.readouterr().err
        assert source.calls[-1][0] == "close"


def test_a_recording_that_is_not_there_is_refused_before_the_screen_opens(tmp_path: Path) -> None:
    args = argparse.Namespace(mode="replay", capture=str(tmp_path / "none.jsonl"), speed=1.0, start=None)
    with pytest.raises(CaptureError):
        open_engine(args, Config())


@pytest.mark.parametrize("free", [0, 10**8])
def test_a_disk_without_room_for_a_recording_is_told_before_the_screen_opens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: argparse.Namespace(free=free))
    args = argparse.Namespace(mode="live", demo=True, folder=str(tmp_path), max_size=10**9, console=True)
    with pytest.raises(CaptureError, match="MiB are free on its disk"):
        open_engine(args, Config())


def test_demo_and_replay_open_an_engine_that_is_not_yet_running() -> None:
    demo = open_engine(argparse.Namespace(mode="demo"), Config())
    assert not demo.alive()
    assert demo.failure() is None


@pytest.mark.recorded
def test_a_replay_opens_the_recording_named() -> None:
    path = recorded("captures", "okx-2022-05-13.jsonl.gz")
    args = argparse.Namespace(mode="replay", capture=str(path), speed=float("inf"), start=None)
    engine = open_engine(args, Config())
    engine.start()
    try:
        for _ in range(200):
            snapshot = engine.latest()
            if snapshot is not None and snapshot.instruments:
                break
            time.sleep(0.05)
        assert snapshot is not None
        assert snapshot.mode == "replay"
        assert {instrument.venue for instrument in snapshot.instruments} == {"okx"}
    finally:
        engine.close(5)
    assert not engine.alive()
