"""The console's side of an engine in a process of its own: starts it, forwards requests, holds its newest snapshot.

Made by `tui.launch` for the live venues and the simulator; implements `tui.source.Source`. No call except `close` may
wait for the engine, whatever it does. The engine ends when its standard input closes, so it cannot outlive this
program.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Collection
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, cast

from engine.config.schema import Config, presets_of
from engine.wishes import Wishes
from tui import child_python
from tui.engine_process.memory import sparing
from tui.engine_process.pictures import PictureReader
from tui.engine_process.wire import Kind, Orders, UnpicklingError, packed, read_frame, write_frame

if TYPE_CHECKING:
    from engine.snapshot import Snapshot

PIPE_BYTES: Final = 2**20
"""Linux's default limit for users. A snapshot takes megabytes, and each time the pipe fills or empties, a process must
be woken."""
CONTINUE: Final[signal.Signals | None] = getattr(signal, "SIGCONT", None)
"""None on Windows, which cannot stop a process."""


class EngineProcess:
    """See the module."""

    def __init__(self, config: Config, args: argparse.Namespace) -> None:
        """`args`: the command line's, for the engine's process."""
        self._orders = packed(Orders(config, args))
        self._child: subprocess.Popen[bytes] | None = None
        self._pictures = PictureReader()
        self._presets = frozenset(presets_of(config))
        self._wishes: Wishes[bytes] = Wishes()
        """A bounded queue, because the pipe may stay full while the engine does not read."""
        self._failure: str | None = None
        self._ended = threading.Event()
        self._closing = False

    def start(self) -> None:
        """Start the process; returns at once. If the system refuses, `failure` says so."""
        if self._closing:
            return
        # A session of its own: signals from the terminal (Ctrl-C, Ctrl-Z, a hang-up) are for the console, which ends
        # the engine when it ends.
        try:
            self._child = child = subprocess.Popen(
                child_python.command("tui.engine_process.child"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                env=sparing(os.environ),
            )  # fmt: skip
        except OSError as error:
            self._failure = f"the engine's process cannot be started: {error.strerror}"
            return
        _widen(child.stdout)
        for work in (self._write, self._read):
            threading.Thread(target=work, args=(child,), name=f"prism-engine{work.__name__}", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return None if self._child is None else self._child.pid

    def latest(self) -> Snapshot | None:
        if self._failure is not None:
            return None
        try:
            return self._pictures.latest()
        except UnpicklingError as error:
            self._failure = _unreadable(error)
            return None

    def focus(self, venue: str, symbol: str) -> None:
        self._wish("focus", venue, symbol)

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        self._wish("hold", frozenset((venue, symbol) for venue, symbol in keys))

    def set_preset(self, name: str) -> None:
        """Request a preset. Unknown names are ignored, so that they cannot displace a known one in the queue."""
        if name in self._presets:
            self._wish("set_preset", name)

    def pause(self, paused: bool) -> None:
        """Does nothing: a live market cannot be paused."""

    def step(self) -> None:
        """Does nothing: a live market cannot be paused."""

    def seek(self, at_ms: int) -> None:
        """Does nothing: a live market has only the present."""

    def set_speed(self, speed: float) -> None:
        """Does nothing: a live market has only one speed."""

    def close(self, timeout_s: float) -> None:
        self._closing = True
        self._wishes.close()
        if self._child is not None:
            if CONTINUE is not None:
                self._child.send_signal(CONTINUE)  # a stopped engine would never exit, nor would its simulator
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout_s)

    def alive(self) -> bool:
        return self._child is not None and not self._ended.is_set()

    def failure(self) -> str | None:
        return self._failure

    def _wish(self, name: str, *arguments: Any) -> None:
        self._wishes.ask(name, packed((name, arguments)))

    def _write(self, child: subprocess.Popen[bytes]) -> None:
        """Send the orders and every request, then close the engine's input. Runs in a thread: the pipe may be full."""
        pipe = cast("BinaryIO", child.stdin)
        with contextlib.suppress(OSError, ValueError):  # the process ended; `_read` reports it
            write_frame(pipe, Kind.ORDERS, self._orders)
            while (wish := self._wishes.wait()) is not None:
                write_frame(pipe, Kind.WISH, wish)
        with contextlib.suppress(OSError):
            pipe.close()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        """Read the engine's frames until it ends or sends invalid data. Runs in a thread."""
        try:
            self._hear(child)
        finally:
            self._ended.set()
            self._wishes.close()
            cast("BinaryIO", child.stdout).close()

    def _hear(self, child: subprocess.Popen[bytes]) -> None:
        pipe = cast("BinaryIO", child.stdout)
        try:
            while (frame := read_frame(pipe)) is not None:
                kind, body = frame
                if kind == Kind.FAILURE:
                    self._failure = body.decode()
                else:
                    self._pictures.take(kind, body)
        except UnpicklingError as error:
            self._failure = _unreadable(error)
            self._wishes.close()
            pipe.close()
        code = child.wait()
        if self._failure is None and not self._closing:
            self._failure = f"the engine's process {_end_in_words(code)} (details in the log)"


def _widen(pipe: IO[bytes] | None) -> None:
    """Ask for a larger pipe. If the user's limit for pipes is used up, the usual size stays."""
    try:
        from fcntl import F_SETPIPE_SZ, fcntl
    except ImportError:  # only Linux has it
        return
    if pipe is not None:
        with contextlib.suppress(OSError):
            fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)


def _unreadable(error: UnpicklingError) -> str:
    return f"the engine's process sent invalid data: {error}"


def _end_in_words(code: int) -> str:
    if code >= 0:
        return f"ended by itself with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    killed = f"was ended by {name}"
    return f"{killed}: perhaps the system ran out of memory" if name == "SIGKILL" and os.name == "posix" else killed
