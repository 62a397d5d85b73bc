"""A terminal that closes, hangs or a signal ends the program within three seconds, and the terminal is put back."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.lifeline import Lifeline

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 3.0


class Console:
    """A console process on a pseudo terminal."""

    def __init__(self, folder: Path, ignore_hangup: bool = False) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.before = termios.tcgetattr(slave)

        def prepare() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tui.console_process", str(folder)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color"},
            preexec_fn=prepare,
        )
        self.slave = slave
        self.output = b""

    def read_until(self, wanted: bytes, seconds: float = 20) -> None:
        """Read what the console writes until `wanted` was seen."""
        end = time.monotonic() + seconds
        while wanted not in self.output:
            assert time.monotonic() < end, self.output[-2000:]
            self.read(0.2)

    def read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65_536)

    def wait(self, reading: bool = True) -> float:
        """Seconds until the process ended."""
        began = time.monotonic()
        while self.process.poll() is None and time.monotonic() < began + LIMIT_S + 5:
            if reading:
                self.read(0.05)
            else:
                time.sleep(0.05)
        return time.monotonic() - began

    def hang_up(self) -> None:
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Console]:
    made = Console(tmp_path, ignore_hangup=getattr(request, "param", False))
    yield made
    made.close()


def test_quit_ends_with_code_0_and_puts_the_terminal_back(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    os.write(console.master, b"\x11")
    assert console.wait() < LIMIT_S
    while select.select([console.master], [], [], 0.1)[0]:
        console.read(0)
    assert console.process.returncode == 0
    assert console.output.rfind(b"\x1b[?1049l") > console.output.rfind(b"\x1b[?1049h")
    assert termios.tcgetattr(console.slave) == console.before
    assert (tmp_path / "closed").exists()


def test_sigterm_ends_it_and_puts_the_terminal_back(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    console.process.send_signal(signal.SIGTERM)
    assert console.wait() < LIMIT_S
    assert console.process.returncode == 128 + signal.SIGTERM
    assert termios.tcgetattr(console.slave) == console.before
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("console", [False, True], indirect=True, ids=["hangup", "nohup"])
def test_a_closed_terminal_ends_it(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    console.hang_up()
    assert console.wait(reading=False) < LIMIT_S
    assert console.process.returncode == 128 + signal.SIGHUP
    assert (tmp_path / "closed").exists()


def test_a_terminal_that_stopped_reading_does_not_keep_it_alive(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    time.sleep(4)  # long enough for the busy screen to fill the terminal's buffer and the writer's queue
    console.process.send_signal(signal.SIGTERM)
    assert console.wait(reading=False) < LIMIT_S
    assert console.process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "closed").exists()


def test_a_storm_of_resizes_leaves_it_usable(console: Console) -> None:
    console.read_until(b"candidates")
    for step in range(60):
        size = ((step * 7) % 70 + 1, (step * 31) % 240 + 1)
        fcntl.ioctl(console.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        console.process.send_signal(signal.SIGWINCH)
        console.read(0.01)
    fcntl.ioctl(console.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    console.process.send_signal(signal.SIGWINCH)
    console.output = b""
    console.read_until(b"SYMBOL", seconds=5)
    os.write(console.master, b"\x11")
    console.wait()
    assert console.process.returncode == 0


def test_it_asks_first_and_leaves_only_if_nothing_happens() -> None:
    said: list[object] = []
    left = threading.Event()

    def leave(code: int) -> None:
        said.append(code)
        left.set()

    lifeline = Lifeline(lambda: said.append("asked"), lambda s: said.append("closed"), (), leave, grace_s=0.05)
    with lifeline.watching():
        lifeline.tell("a test", 77)
        assert left.wait(3)
    assert said == ["asked", "closed", 77]


def test_an_app_that_ends_when_asked_is_not_killed() -> None:
    said: list[object] = []
    asked = threading.Event()
    lifeline = Lifeline(asked.set, lambda s: said.append("closed"), (), said.append, grace_s=0.3)
    with lifeline.watching():
        lifeline.tell("a test", 77)
        assert asked.wait(3)
    time.sleep(0.5)
    assert said == []
