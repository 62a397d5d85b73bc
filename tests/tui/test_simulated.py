"""The simulator as a child process: where it listens, and that it never outlives its parent."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from engine.config.schema import Config
from engine.prism.board import COMPONENT_INDEX, Status
from engine.snapshot import Snapshot
from tests.tui.processes import is_running, wait_until_gone
from tui.headless import market
from tui.live import live_engine
from tui.simulated import Simulator, SimulatorFailed


def test_it_listens_on_the_loopback_alone_and_answers_for_every_venue() -> None:
    with Simulator(seed=3, rate=100.0) as simulator:
        routes = simulator.routes()
        assert {urlsplit(other).hostname for other in routes.values()} == {"127.0.0.1"}
        for origin in (
            "https://fapi.binance.com",
            "https://api.bybit.com",
            "https://openapi.okx.com",
            "https://api.bitget.com",
        ):
            assert origin in routes
        with urlopen(routes["https://fapi.binance.com"] + "/fapi/v1/time", timeout=60) as answer:
            assert b"serverTime" in answer.read()
        pid = simulator.pid
        assert is_running(pid)
    assert wait_until_gone(pid)


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    program = """
        import time
        from tui.simulated import Simulator
        simulator = Simulator(seed=3, rate=100.0)
        simulator.routes()
        print(simulator.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert wait_until_gone(pid)


def test_what_is_read_of_a_live_market_was_read_while_it_was_connected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    # A busy machine may need longer until the books are there; what was read after the end would never have any.
    for seconds in (12.0, 40.0, 120.0):
        args = argparse.Namespace(replay=None, demo=True, for_seconds=seconds, seed=3, rate=500.0, record=None)
        counted = components_of_btc(market.run(args, Config()).snapshot())
        if counted == LIVE:
            break
    assert counted == LIVE


LIVE = {"imbalance", "liquidity", "impact", "market_making"}


def components_of_btc(snapshot: Snapshot) -> set[str]:
    """Which of `LIVE` are not missing on the perpetuals of the asset that is followed first."""
    leaders = [
        row for row, one in enumerate(snapshot.instruments) if one.asset == "BTC" and snapshot.board.prism[row] > 0
    ]
    return {
        name for name in LIVE for row in leaders if snapshot.board.status[row, COMPONENT_INDEX[name]] != Status.MISSING
    }


def test_one_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Simulator(seed=1) as simulator, pytest.raises(SimulatorFailed, match="it ended with 1"):
        simulator.routes()


def test_the_screen_does_not_wait_for_it_and_the_engine_says_where_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Simulator(seed=1) as simulator:
        engine = live_engine(Config(), simulator)
        assert engine.failure() is None
        engine.start()
        end = time.monotonic() + 60
        while engine.alive() and time.monotonic() < end:
            time.sleep(0.02)
        assert "it ended with 1" in (engine.failure() or "")


def test_a_headless_command_names_a_simulator_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Simulator(seed=1) as simulator, pytest.raises(SimulatorFailed, match="it ended with 1"):
        live_engine(Config(), simulator).run_for(1.0)


def test_one_that_says_much_on_standard_error_goes_on_and_its_last_words_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = """
        import sys
        sys.stderr.write("a warning of a library\\n" * 100_000 + "and the last one\\n")
        print(sys.argv[-1], flush=True)
    """
    routes = '{"routes": {"https://one.example": "http://127.0.0.1:1"}}'
    command = [sys.executable, "-c", textwrap.dedent(program), routes]
    monkeypatch.setattr("tui.child_python.command", lambda module, *_: command)
    monkeypatch.setattr("tui.simulated.READY_S", 10.0)
    with Simulator(seed=1) as simulator:
        assert simulator.routes() == {"https://one.example": "http://127.0.0.1:1"}
    assert simulator._last_words() == "and the last one"
