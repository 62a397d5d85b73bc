"""How the engine's process ends: with its console, by its own fault, late, or not at all."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from engine.config.schema import Config, VenuesSection
from engine.live import LiveEngine
from engine.transport.capture import CaptureReader
from tests.tui.engine_processes import PATIENCE_S, library, started, until
from tests.tui.processes import children_of, wait_until_gone
from tui import child_python
from tui.engine_process import child as child_process
from tui.engine_process.wire import Kind, Orders, packed, read_frame, write_frame


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


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


def test_one_that_is_told_to_end_finishes_what_it_writes(tmp_path: Path) -> None:
    """As everything is when the machine shuts down."""
    folder = tmp_path / "recording"
    folder.mkdir()
    recorded = argparse.Namespace(
        mode="record", demo=True, seed=3, rate=300.0, folder=str(folder), max_size=10**9, console=True
    )
    with started(recorded) as engine:
        assert engine.pid is not None

        def has_market() -> bool:
            snapshot = engine.latest()
            return snapshot is not None and snapshot.health.frames > 1_000

        until(has_market, engine)
        os.kill(engine.pid, signal.SIGTERM)
        until(lambda: not engine.alive())
        assert "was ended by SIGTERM" in (engine.failure() or "")
    reader = CaptureReader(folder)
    assert sum(1 for _ in reader) > 1_000
    assert reader.notices == []


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


def test_one_that_was_stopped_holds_nobody_and_does_not_stay_behind() -> None:
    with started() as engine:
        assert engine.pid is not None
        pid = engine.pid
        until(lambda: children_of(pid))
        simulators = children_of(pid)
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for number in range(20_000):
                engine.focus("okx", f"SYMBOL-{number}-USDT-SWAP")
            engine.latest()
            engine.close(0.2)
            assert time.monotonic() - began < 30.0, "a pipe that is full is another thread's trouble"
            assert all(wait_until_gone(one) for one in (pid, *simulators))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_one_that_fails_ends_in_order_though_it_still_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(tmp_path / "bad", "raise RuntimeError('none of it')")
    monkeypatch.syspath_prepend(str(tmp_path / "bad"))
    words = child_python.command("tui.engine_process.child")
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        told, tell = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
        assert child.stderr is not None
        write_frame(told, Kind.ORDERS, packed(Orders(Config(), argparse.Namespace(mode="live"))))
        while (frame := read_frame(tell)) is not None:
            kind = frame[0]
        assert (kind, child.wait(PATIENCE_S), child.stderr.read()) == (Kind.FAILURE, 1, b"")


@pytest.mark.parametrize("wish", [b"no pickle", packed(("focus", ("okx",))), packed(("hold", (7,))), packed(5)])
def test_a_wish_that_cannot_be_carried_out_ends_it_with_the_reason(wish: bytes, tmp_path: Path) -> None:
    nowhere = Config(venues=VenuesSection(binance=False, bybit=False, okx=False, bitget=False))
    words = child_python.command("tui.engine_process.child")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        told, tell = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
        write_frame(told, Kind.ORDERS, packed(Orders(nowhere, argparse.Namespace(mode="live"))))
        write_frame(told, Kind.WISH, wish)
        kind, body = Kind.PICTURE, b""
        while (frame := read_frame(tell)) is not None:
            kind, body = frame
        assert (kind, child.wait(PATIENCE_S)) == (Kind.FAILURE, 1)
    assert b"the engine was asked for what it does not know: " in body
    assert "a wish of the console could not be read" in next(tmp_path.rglob("prism.log")).read_text()


class Ending:
    """An engine that takes its time to end."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.ends_s = float("inf")

    def close(self, timeout_s: float) -> None:
        self.ends_s = min(self.ends_s, time.monotonic() + self.takes_s)

    def alive(self) -> bool:
        return time.monotonic() < self.ends_s


@pytest.mark.parametrize(
    ("takes_s", "after_s", "least_s", "most_s"),
    [(0.25, 0.6, 0.9, 60.0), (90.0, 60.0, 0.3, 30.0)],
    ids=["late", "hangs"],
)
def test_what_closes_after_an_engine_that_ends_late_has_a_time_of_its_own(
    monkeypatch: pytest.MonkeyPatch, takes_s: float, after_s: float, least_s: float, most_s: float
) -> None:
    left: list[float] = []
    monkeypatch.setattr(child_process, "CLOSE_S", 0.3)
    monkeypatch.setattr(child_process, "AFTER_S", after_s)
    monkeypatch.setattr("os._exit", lambda code: left.append(time.monotonic()))
    began = time.monotonic()
    child_process._end(cast("LiveEngine", Ending(takes_s)))
    until(lambda: left)
    assert least_s - 0.01 <= left[0] - began < most_s


def test_one_that_hangs_does_not_stay_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(tmp_path / "bad", "import time\ntime.sleep(3600)")
    monkeypatch.syspath_prepend(str(tmp_path / "bad"))
    with started(argparse.Namespace(mode="live")) as engine:
        assert engine.pid is not None
        engine.close(0.2)
        assert wait_until_gone(engine.pid)
