"""Starting the console: what it needs, and what `demo` and `replay` open."""

from __future__ import annotations

import argparse
import io
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
    monkeypatch.setattr(sys, "__stdin__", io.StringIO())
    source = FakeSource(scene())
    assert run_console(source, Config()) == 1
    assert "needs a terminal" in capsys.readouterr().err
    assert source.calls[-1][0] == "close"


def test_a_recording_that_is_not_there_is_refused_before_the_screen_opens(tmp_path: Path) -> None:
    args = argparse.Namespace(mode="replay", capture=str(tmp_path / "none.jsonl"), speed=1.0, start=None)
    with pytest.raises(CaptureError):
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
