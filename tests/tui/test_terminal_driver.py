"""A program that is continued without its terminal stops again, but not before it has seen the other signals."""

from __future__ import annotations

import os
import pty
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from tui import terminal_driver
from tui.lifeline import is_in_background
from tui.terminal_driver import TerminalDriver

Noted = list[str]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Noted]:
    """What happened, in order: SIGTERM was handled, the process would have stopped."""
    happened: Noted = []

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        happened.append("SIGTERM")

    def kill(pid: int, number: int) -> None:
        assert (pid, number) == (os.getpid(), signal.SIGSTOP)
        happened.append("SIGSTOP")

    before = signal.signal(signal.SIGTERM, on_sigterm)
    monkeypatch.setattr(os, "kill", kill)
    yield happened
    signal.signal(signal.SIGTERM, before)


def test_a_signal_that_comes_after_sigcont_is_handled_before_it_stops_again(
    monkeypatch: pytest.MonkeyPatch, noted: Noted
) -> None:
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:  # as from another thread, which took it before this one took SIGCONT
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(time, "sleep", sleep)
    terminal_driver.stop_again()
    assert noted == ["SIGTERM", "SIGSTOP"]
    assert sum(waits) == pytest.approx(terminal_driver.OTHER_SIGNALS_S)


def test_without_another_signal_it_only_stops(monkeypatch: pytest.MonkeyPatch, noted: Noted) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    terminal_driver.stop_again()
    assert noted == ["SIGSTOP"]


def test_what_is_no_terminal_or_not_ours_to_ask_about_is_not_the_background() -> None:
    reading, writing = os.pipe()
    master, slave = pty.openpty()  # of no session
    try:
        assert not is_in_background(())
        assert not is_in_background((reading, writing))
        assert not is_in_background((reading, slave))
    finally:
        for fd in (reading, writing, master, slave):
            os.close(fd)


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_the_thread_that_reads_keys_ends_with_the_terminal(kind: str) -> None:
    """Also if SIGCONT starts it once more while the program ends, as when a terminal's whole session is closed."""
    ours, theirs = os.pipe() if kind == "pipe" else pty.openpty()[::-1]
    driver = TerminalDriver.__new__(TerminalDriver)
    driver.fileno, driver.exit_event, driver._debug = ours, threading.Event(), False
    reader = threading.Thread(target=driver.run_input_thread, daemon=True)
    reader.start()
    os.close(theirs)
    reader.join(60)
    assert not reader.is_alive()
    os.close(ours)
