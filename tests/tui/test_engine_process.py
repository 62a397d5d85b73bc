"""The engine in a process of its own: it follows, it obeys, it never outlives the console, and its end is told."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config.schema import Config
from tests.tui.processes import children_of, wait_until_gone
from tui.engine_process.remote import EngineNotStarted, EngineProcess
from tui.engine_process.wire import Kind

DEMO = argparse.Namespace(mode="demo", seed=3, rate=300.0)
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@contextlib.contextmanager
def started(args: argparse.Namespace = DEMO) -> Iterator[EngineProcess]:
    engine = EngineProcess(Config(), args)
    engine.start()
    try:
        yield engine
    finally:
        engine.close(10.0)


def until(seen: Callable[[], object], engine: EngineProcess | None = None) -> None:
    """`engine`: one that must not fail meanwhile."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end
        assert engine is None or engine.failure() is None
        time.sleep(0.02)


def test_it_follows_the_market_and_does_what_is_wished() -> None:
    with started() as engine:
        assert (engine.latest(), engine.failure(), engine.alive()) == (None, None, True)

        def has_market() -> bool:
            snapshot = engine.latest()
            return snapshot is not None and len(snapshot.instruments) > 100 and snapshot.health.frames > 0

        until(has_market, engine)
        first = engine.latest()
        assert first is not None
        assert first.mode == "demo"
        one = first.instruments[0]
        engine.focus(one.venue, one.symbol)
        engine.hold([(one.venue, one.symbol)])
        engine.set_preset("relaxed")

        def has_obeyed() -> bool:
            snapshot = engine.latest()
            assert snapshot is not None
            shown = snapshot.focus
            return snapshot.preset == "relaxed" and shown is not None and snapshot.instruments[shown.row] == one

        until(has_obeyed, engine)
        pid = engine.pid
        assert pid is not None
        simulator = children_of(pid)
        assert simulator, "the invented exchanges are its own child"
        engine.close(10.0)
        assert wait_until_gone(pid)
        assert all(wait_until_gone(child) for child in simulator)
        until(lambda: not engine.alive())
        assert engine.failure() is None, "it ended because it was told to"


def test_one_that_is_killed_is_told_with_the_reason() -> None:
    with started() as engine:
        assert engine.pid is not None
        pid = engine.pid
        until(lambda: children_of(pid))
        simulators = children_of(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not engine.alive())
        assert "was ended by SIGKILL: perhaps the system ran out of memory" in (engine.failure() or "")
        assert all(wait_until_gone(child) for child in simulators)
        engine.focus("okx", "BTC-USDT-SWAP")  # what is wished of one that is gone is nobody's trouble
        engine.close(0.1)


def test_neither_it_nor_its_exchanges_outlive_a_console_that_is_killed() -> None:
    program = """
        import argparse, time
        from engine.config.schema import Config
        from tui.engine_process.remote import EngineProcess
        engine = EngineProcess(Config(), argparse.Namespace(mode="demo", seed=3, rate=100.0))
        engine.start()
        while engine.latest() is None:
            time.sleep(0.02)
        print(engine.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        simulator = children_of(pid)
        parent.send_signal(signal.SIGKILL)
    assert wait_until_gone(pid)
    assert all(wait_until_gone(child) for child in simulator)


def test_one_that_stands_still_holds_nobody() -> None:
    with started() as engine:
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for number in range(20_000):
                engine.focus("okx", f"SYMBOL-{number}-USDT-SWAP")
            engine.latest()
            engine.close(0.2)
            assert time.monotonic() - began < 30.0, "a pipe that is full is another thread's trouble"
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        assert wait_until_gone(engine.pid, 30.0)


def library(folder: Path, text: str) -> None:
    """What opens the engine's connections, replaced by this."""
    folder.mkdir()
    (folder / "picows.py").write_text(textwrap.dedent(text))


def test_what_a_library_prints_is_not_between_the_pictures_and_its_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library(tmp_path / "bad", "print('said ' * 100_000, flush=True)\nraise RuntimeError('secret words')")
    monkeypatch.syspath_prepend(str(tmp_path / "bad"))
    with started(argparse.Namespace(mode="live")) as engine:
        until(lambda: not engine.alive())
        assert engine.failure() == "the engine failed: RuntimeError (details in the log)"
    log = next(tmp_path.rglob("prism.log")).read_text()
    assert "RuntimeError: secret words" in log


def test_one_that_hangs_does_not_stay_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(tmp_path / "bad", "import time\ntime.sleep(3600)")
    monkeypatch.syspath_prepend(str(tmp_path / "bad"))
    with started(argparse.Namespace(mode="live")) as engine:
        assert engine.pid is not None
        engine.close(0.2)
        assert wait_until_gone(engine.pid, 30.0)


@pytest.mark.parametrize("kind", [Kind.PART, Kind.PICTURE])
def test_a_picture_that_is_none_is_told_as_the_engines_failure(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    picture = """
        import os, pickle, sys
        class Bad:
            def __reduce__(self):
                return os.getcwd, ()
        body = pickle.dumps(Bad(), 5)
        with open(1, "wb") as pipe:
            pipe.write(bytes([KIND]) + len(body).to_bytes(8, "big") + body)
        sys.stdin.buffer.read()
    """
    words = [sys.executable, "-c", textwrap.dedent(picture).replace("KIND", str(int(kind)))]
    monkeypatch.setattr("tui.child_python.command", lambda module: words)
    with started() as engine:
        until(lambda: engine.latest() is not None or engine.failure() is not None)
        assert "sent what no picture is made of: posix.getcwd" in (engine.failure() or "")
        assert engine.latest() is None


def test_a_system_without_room_for_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    engine = EngineProcess(Config(), DEMO)
    with pytest.raises(EngineNotStarted, match="cannot be started: No such file"):
        engine.start()
    engine.close(0.1)
    assert not engine.alive()


def test_a_folder_with_modules_of_the_same_names_is_not_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('this is somebody else')")
    monkeypatch.chdir(tmp_path)
    with started() as engine:
        until(lambda: engine.latest() is not None or not engine.alive())
        assert (engine.failure(), engine.alive()) == (None, True)
