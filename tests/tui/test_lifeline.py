"""A terminal that closes, hangs or a signal ends the program within three seconds, and the terminal is put back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.tui.fake_source import make_app
from tests.tui.processes import children_of, is_running, state_of, wait_until_gone
from tests.tui.pseudo_terminal import PseudoTerminal, busy_console
from tui.launch import CLOSING_SAVE_S, _finish_saving
from tui.lifeline import CLOSE_S, GRACE_S, WATCH_MS, Lifeline, restore
from tui.state import load

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
"""For a machine that is busy with other tests. The promise of three seconds is that of the two constants below."""


class Console:
    """A console process on a pseudo terminal."""

    def __init__(self, folder: Path, ignore_hangup: bool = False) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.before = termios.tcgetattr(slave)

        def prepare() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # Tests that run in the background of a script ignore it, and so would their children.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
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

    def read_until(self, wanted: bytes, seconds: float = PATIENCE_S) -> None:
        """Read what the console writes until `wanted` was seen."""
        end = time.monotonic() + seconds
        while wanted not in self.output:
            assert time.monotonic() < end, self.output[-2000:]
            self.read(0.2)

    def read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65_536)

    def wait(self, reading: bool = True) -> None:
        """Until the process ended."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, self.output[-2000:]
            if reading:
                self.read(0.05)
            else:
                time.sleep(0.05)

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
    console.wait()
    while select.select([console.master], [], [], 0.1)[0]:
        console.read(0)
    assert console.process.returncode == 0
    assert console.output.rfind(b"\x1b[?1049l") > console.output.rfind(b"\x1b[?1049h")
    assert termios.tcgetattr(console.slave) == console.before
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_puts_the_terminal_back(console: Console, tmp_path: Path, number: signal.Signals) -> None:
    console.read_until(b"candidates")
    console.process.send_signal(number)
    console.wait()
    assert console.process.returncode == 128 + number
    assert termios.tcgetattr(console.slave) == console.before
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("console", [False, True], indirect=True, ids=["hangup", "nohup"])
def test_a_closed_terminal_ends_it(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    console.hang_up()
    console.wait(reading=False)
    assert console.process.returncode == 128 + signal.SIGHUP
    assert (tmp_path / "closed").exists()


def test_a_terminal_that_stopped_reading_does_not_keep_it_alive(console: Console, tmp_path: Path) -> None:
    console.read_until(b"candidates")
    time.sleep(4)  # long enough for the busy screen to fill the terminal's buffer and the writer's queue
    console.process.send_signal(signal.SIGTERM)
    console.wait(reading=False)
    assert console.process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "closed").exists()


SLOW: Final = """
import os, runpy, sys, time
sync = os.fsync
os.fsync = lambda handle: (time.sleep(float(sys.argv[2])), sync(handle))[1]
runpy.run_module("tests.tui.console_process", run_name="__main__")
"""
"""A console on a disk that takes so long for each file."""


def choose_and_end(folder: Path, seconds: float, signal_number: int | None) -> tuple[int, str]:
    """Press keys that each save a choice, end the console, and return its exit code and what it said at the end."""
    with PseudoTerminal(
        [sys.executable, "-c", SLOW, str(folder), str(seconds)], {"TERM": "xterm-256color"}, folder
    ) as terminal:
        terminal.until(lambda text: "candidates" in text and "XRPUSDT" in text)
        terminal.press("ttt2+")
        terminal.until(lambda text: "volume" in text)
        if signal_number is None:
            terminal.press("\x11")
        else:
            terminal.process.send_signal(signal_number)
        terminal.read_to_the_end()
        return terminal.process.wait(PATIENCE_S), terminal.text


def test_choices_are_saved_on_a_slow_disk_before_a_signal_ends_it(tmp_path: Path) -> None:
    code, _ = choose_and_end(tmp_path, 0.3, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    state, notice = load(tmp_path / "prism" / "console.json")
    assert notice is None
    assert (state.face, state.depth_grouping) == ("volume", 1)
    assert state.theme


def test_quitting_on_a_very_slow_disk_loses_nothing_and_says_what_it_waits_for(tmp_path: Path) -> None:
    code, text = choose_and_end(tmp_path, 2.2, None)
    assert code == 0
    state, notice = load(tmp_path / "prism" / "console.json")
    assert notice is None
    assert (state.face, state.depth_grouping) == ("volume", 1)
    assert "the disk is slow" in text


def test_it_says_why_the_last_choices_are_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app, _, _ = make_app(tmp_path)
    (tmp_path / "console.json").unlink()
    (tmp_path / "file").write_text("in the way")
    app._writer._path = tmp_path / "file" / "console.json"
    app.remember(preset="strict")
    _finish_saving(app)
    assert "changes last for this run only" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is what suspends it")
@pytest.mark.parametrize("signal_name", ["TERM", "HUP"])
def test_one_that_is_suspended_ends_when_its_shell_tells_it_to(tmp_path: Path, signal_name: str) -> None:
    if signal.getsignal(getattr(signal, f"SIG{signal_name}")) == signal.SIG_IGN:
        pytest.skip(f"{signal_name} is ignored by whatever these tests inherit it from, as under nohup")
    bash = ["bash", "--norc", "--noprofile", "-i"]
    with PseudoTerminal(bash, {"TERM": "xterm-256color", "PS1": "> "}, tmp_path) as shell:
        shell.press(shlex.join(busy_console(tmp_path)) + "\n")
        shell.until(lambda text: "candidates" in text)
        (console,) = children_of(shell.process.pid)
        shell.press("\x1a")
        shell.until(lambda text: "Stopped" in text)
        shell.press(f"kill -{signal_name} %1\n")
        assert wait_until_gone(console), state_of(console)
        assert (tmp_path / "closed").exists()
        shell.press("stty -a | tr ' ' '\\n' | grep -E 'icanon|^-?echo;?$' | paste -sd+\n")
        shell.until(lambda text: "icanon+echo" in text)
        assert "-icanon" not in shell.text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is what suspends it")
def test_in_the_background_it_stops_again_until_the_shell_gives_it_the_terminal(tmp_path: Path) -> None:
    bash = ["bash", "--norc", "--noprofile", "-i"]
    with PseudoTerminal(bash, {"TERM": "xterm-256color", "PS1": "> "}, tmp_path) as shell:
        shell.press(shlex.join(busy_console(tmp_path)) + "\n")
        shell.until(lambda text: "candidates" in text)
        (console,) = children_of(shell.process.pid)
        shell.press("\x1a")
        shell.until(lambda text: "Stopped" in text)
        shell.press("clear; bg; wait %1\n")
        shell.until(lambda text: "Stopped" in text)
        assert "candidates" not in shell.text
        shell.press("fg\n")
        shell.until(lambda text: "candidates" in text and "XRPUSDT" in text)
        shell.press("\x11")
        end = time.monotonic() + PATIENCE_S
        while is_running(console):  # what it still writes must be read, or it waits
            assert time.monotonic() < end, shell.text
            shell.read(0.1)


def test_its_waits_sum_to_less_than_the_three_seconds_it_may_take() -> None:
    assert GRACE_S + CLOSE_S + CLOSING_SAVE_S + WATCH_MS / 1000 < 3.0


def test_a_full_terminal_is_left_waiting_as_before_for_the_shell_that_shares_it() -> None:
    master, slave = pty.openpty()
    os.set_blocking(slave, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(slave, b"x" * 4096):
            pass
    os.set_blocking(slave, True)
    restore({slave: termios.tcgetattr(slave)})
    assert os.get_blocking(slave)
    os.close(slave)
    os.close(master)


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
    console.read_until(b"SYMBOL")
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
        assert left.wait(PATIENCE_S)
    assert said == ["asked", "closed", 77]


def test_an_app_that_ends_when_asked_is_not_killed() -> None:
    said: list[object] = []
    asked = threading.Event()
    lifeline = Lifeline(asked.set, lambda s: said.append("closed"), (), said.append, grace_s=PATIENCE_S)
    with lifeline.watching():
        (watcher,) = [thread for thread in threading.enumerate() if thread.name == "prism-lifeline"]
        lifeline.tell("a test", 77)
        assert asked.wait(PATIENCE_S)
    watcher.join(PATIENCE_S / 2)
    assert not watcher.is_alive()
    assert said == []
