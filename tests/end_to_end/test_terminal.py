"""The shipped command on a pseudo-terminal: one that stops reading, one that closes, and one that is left by ctrl+z."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.transport.capture import CaptureReader, Frame
from tests.recorded import recorded
from tests.tui.processes import children_of

ROOT = Path(__file__).resolve().parents[2]
STALL_S = 20.0
"""How long the terminal does not read."""
STOPPED_S = 33.0
"""How long the program is suspended: long enough for its sockets to be out of date."""


class Terminal:
    """`prism` on a pseudo-terminal that is read only when asked to."""

    def __init__(self, home: Path, *arguments: str, ends: tuple[int, int] | None = None) -> None:
        self.master, slave = ends or pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.home = home

        def lead() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # Tests that run under nohup, or in the background of a script, ignore these, and so would their children.
            for number in (signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "HOME": str(home), "XDG_STATE_HOME": str(home),
                 "XDG_CONFIG_HOME": str(home)},
            preexec_fn=lead,
        )  # fmt: skip
        if ends is None:
            os.close(slave)
        self.output = b""

    def read_until(self, wanted: str, seconds: float = 60.0) -> None:
        """Read until `wanted` was written, escape sequences left aside."""
        end = time.monotonic() + seconds
        while wanted not in re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", self.output).decode("utf-8", "replace"):
            assert time.monotonic() < end, self.output[-1500:]
            assert self.process.poll() is None, self.output[-1500:]
            if select.select([self.master], [], [], 0.2)[0]:
                self.output += os.read(self.master, 65_536)

    def read_for(self, seconds: float, until: Callable[[Terminal], bool] = lambda _: False) -> None:
        """Read what it writes for so long, or until something holds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not until(self):
            if select.select([self.master], [], [], min(left, 0.05))[0]:
                with contextlib.suppress(OSError):
                    self.output += os.read(self.master, 65_536)

    def log(self) -> str:
        return "".join(path.read_text() for path in self.home.rglob("prism.log"))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)


@pytest.mark.recorded
def test_a_terminal_that_stops_reading_costs_the_engine_nothing(tmp_path: Path) -> None:
    """The recording lasts 120 s and is played so fast that most of it falls into the stall; all of it is taken."""
    capture = recorded("captures", "composite-four-venues.jsonl.gz")
    frames = sum(isinstance(record, Frame) for record in CaptureReader(capture))
    terminal = Terminal(tmp_path, "replay", str(capture), "--speed", "9")
    try:
        terminal.read_until("candidates")
        time.sleep(STALL_S)
        assert terminal.process.poll() is None
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.wait(60)
        assert f"frames={frames} " in terminal.log(), terminal.log()
    finally:
        terminal.end()


def test_closing_the_terminal_ends_the_program(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "demo")
    try:
        terminal.read_until("candidates")
        os.close(terminal.master)
        terminal.process.wait(60)
        end = time.monotonic() + 60
        while "engine closed" not in terminal.log():
            assert time.monotonic() < end, terminal.log()
            time.sleep(0.05)
    finally:
        terminal.end()


def test_quitting_by_key_leaves_a_clean_exit(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "demo")
    try:
        terminal.read_until("candidates")
        os.write(terminal.master, b"\x11")
        end = time.monotonic() + 60
        while terminal.process.poll() is None and time.monotonic() < end:
            if select.select([terminal.master], [], [], 0.2)[0]:
                try:
                    terminal.output += os.read(terminal.master, 65_536)
                except OSError:
                    break
        assert terminal.process.wait(60) == 0
        assert b"Traceback" not in terminal.output
        assert b"\x1b[?1049l" in terminal.output
    finally:
        terminal.end()


def began(output: bytes) -> bool:
    """Whether a line of prism had run. Before that, Python itself answers a signal, with its own words and code, or it
    drops the signal and runs on."""
    ours = (f"{ROOT}/{room}/".encode() for room in ("tui", "engine", "themes"))
    return b"Traceback" not in output or any(folder in output for folder in ours)


MOMENTS = (0.1, 0.4, 0.7, 1.0, 1.3, 1.7, 2.2)
"""Seconds after the start: the interpreter, its modules, the simulator, the engine, a screen, a market."""


def of_session(leader: int) -> set[int]:
    """Processes of a session that still run."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = re.sub(r".*\) ", "", path.read_text()).split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.add(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_any_moment_of_the_start_ends_it_whole(tmp_path: Path, number: signal.Signals) -> None:
    """By the signal itself while Python and prism load, by its code after that; in no traceback of ours."""

    def answered(one: Terminal) -> bool:
        return one.process.poll() is not None or (not began(one.output) and b"\x1b[?1049h" in one.output)

    for moment in MOMENTS:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        before = termios.tcgetattr(slave)
        terminal = Terminal(tmp_path / f"{moment}", "demo", "--rate", "200", ends=(master, slave))
        leader = terminal.process.pid
        try:
            terminal.read_for(moment)
            terminal.process.send_signal(number)
            terminal.read_for(60.0, until=answered)
            terminal.read_for(0.2)
            code = terminal.process.poll()
            if began(terminal.output):
                assert b"Traceback" not in terminal.output, terminal.output[-2000:]
                assert code in {-number, 128 + number}, (f"{number.name} after {moment} s", terminal.output[-2000:])
            else:
                assert (number, code) in {(signal.SIGINT, -number), (signal.SIGINT, 1), (signal.SIGINT, None)}
                if code is None:
                    terminal.process.send_signal(number)
                    terminal.read_for(60.0, until=lambda one: one.process.poll() is not None)
                    assert terminal.process.poll() == 128 + number
            assert termios.tcgetattr(slave) == before, f"{number.name} after {moment} s"
            assert terminal.output.rfind(b"\x1b[?1049l") >= terminal.output.rfind(b"\x1b[?1049h")
            end = time.monotonic() + 60
            while left := of_session(leader):
                assert time.monotonic() < end, f"still running: {left}"
                time.sleep(0.1)
        finally:
            terminal.end()
            os.close(slave)


def suspended(terminal: Terminal) -> None:
    """Give way to the shell."""
    os.write(terminal.master, b"\x1a")
    stat = Path(f"/proc/{terminal.process.pid}/stat")
    end = time.monotonic() + 60
    while re.sub(r".*\) ", "", stat.read_text())[0] != "T":
        assert time.monotonic() < end
        if select.select([terminal.master], [], [], 0.1)[0]:
            os.read(terminal.master, 65_536)
    terminal.output = b""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of processes are read from /proc")
def test_the_engine_follows_the_market_while_the_console_is_suspended(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "demo", "--rate", "300")
    try:
        terminal.read_until("● ")
        suspended(terminal)
        time.sleep(8.0)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until("display paused for")
        terminal.read_until("●", 60)
        assert "prism was stopped" not in terminal.log()
    finally:
        terminal.end()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of processes are read from /proc")
def test_after_the_machine_slept_it_says_so_and_follows_the_market_again_over_new_sockets(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "demo", "--rate", "300")
    try:
        terminal.read_until("● ")
        engine = children_of(terminal.process.pid)
        assert engine
        suspended(terminal)
        for pid in engine:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        for pid in engine:
            os.kill(pid, signal.SIGCONT)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until("display paused for 3")
        end = time.monotonic() + 60
        while "prism was stopped for 3" not in terminal.log():
            assert time.monotonic() < end, terminal.log()
            if select.select([terminal.master], [], [], 0.2)[0]:
                terminal.output += os.read(terminal.master, 65_536)
        terminal.output = b""
        # The header tells of each venue again that it is live.
        terminal.read_until("●", 60)
    finally:
        terminal.end()


def test_a_recording_beside_the_console_ends_with_its_time(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "record", str(tmp_path / "recording"), "--demo", "--console", "--for", "8s")
    try:
        terminal.read_for(40.0, until=lambda one: one.process.poll() is not None)
        assert terminal.process.poll() == 0
        assert sum(1 for _ in CaptureReader(tmp_path / "recording")) > 0
    finally:
        terminal.end()
