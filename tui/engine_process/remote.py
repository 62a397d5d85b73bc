"""The console's side of an engine in a process of its own: starts it, hands on wishes, holds its newest picture.

Made by `tui.launch` for the live venues and the simulator; implements `tui.source.Source`. No call waits for the
engine, whatever it does or does not do. The engine ends with its standard input, so it cannot outlive this program.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from engine.config.schema import Config
from engine.errors import PrismError
from tui import child_python
from tui.engine_process.wire import Kind, Orders, UnpicklingError, packed, read_frame, write_frame

if TYPE_CHECKING:
    from engine.snapshot import Snapshot
    from tui.engine_process.pictures import PictureReader


SPARSE: Final = {"NUMPY_MADVISE_HUGEPAGE": "0"}
"""numpy asks Linux for pages of 2 MiB behind large arrays. The columns of the market are large and sparse (rows for
growth, seconds in which nobody trades), and took a sixth more memory that way than what is in them."""


class EngineNotStarted(PrismError):
    """The system does not let another process be started."""


class EngineProcess:
    """See the module."""

    def __init__(self, config: Config, args: argparse.Namespace) -> None:
        """`args`: of the command line, as `tui.live` takes them."""
        self._orders = packed(Orders(config, args))
        self._child: subprocess.Popen[bytes] | None = None
        self._pictures: PictureReader | None = None
        self._wishes: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._failure: str | None = None
        self._ended = threading.Event()
        self._closing = False

    def start(self) -> None:
        """Begin; returns at once. Raises EngineNotStarted."""
        # A session of its own: what a terminal sends its programs (Ctrl-C, Ctrl-Z, a hang-up) is for the console, which
        # ends the engine when it ends itself.
        try:
            self._child = child = subprocess.Popen(
                child_python.command("tui.engine_process.child"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                env={**SPARSE, **os.environ},
            )  # fmt: skip
        except OSError as error:
            raise EngineNotStarted(f"the engine's process cannot be started: {error.strerror}") from None
        # Arrays and their types are loaded when the process they come from is loading them too.
        from tui.engine_process.pictures import PictureReader

        self._pictures = PictureReader()
        for work in (self._write, self._read):
            threading.Thread(target=work, args=(child,), name=f"prism-engine{work.__name__}", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Of the process; None before it was started."""
        return None if self._child is None else self._child.pid

    def latest(self) -> Snapshot | None:
        if self._pictures is None or self._failure is not None:
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
        self._wish("set_preset", name)

    def pause(self, paused: bool) -> None:
        """Nothing: what is live is never held."""

    def step(self) -> None:
        """Nothing: what is live is never held."""

    def seek(self, at_ms: int) -> None:
        """Nothing: what is live has one time."""

    def set_speed(self, speed: float) -> None:
        """Nothing: what is live has one speed."""

    def close(self, timeout_s: float) -> None:
        self._closing = True
        self._wishes.put(None)
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout_s)

    def alive(self) -> bool:
        return self._child is not None and not self._ended.is_set()

    def failure(self) -> str | None:
        return self._failure

    def _wish(self, name: str, *arguments: Any) -> None:
        self._wishes.put(packed((name, arguments)))

    def _write(self, child: subprocess.Popen[bytes]) -> None:
        """Hand on the orders and every wish, then end the engine's input. A thread of its own: a pipe may be full."""
        pipe = cast("BinaryIO", child.stdin)
        with contextlib.suppress(OSError, ValueError):  # it ended; `_read` says so
            write_frame(pipe, Kind.ORDERS, self._orders)
            while (wish := self._wishes.get()) is not None:
                write_frame(pipe, Kind.WISH, wish)
        with contextlib.suppress(OSError):
            pipe.close()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        """Take in what the engine says until it ends."""
        pipe, pictures = cast("BinaryIO", child.stdout), self._pictures
        assert pictures is not None
        try:
            while (frame := read_frame(pipe)) is not None:
                kind, body = frame
                if kind == Kind.FAILURE:
                    self._failure = body.decode()
                else:
                    pictures.take(kind, body)
        except UnpicklingError as error:
            self._failure = _unreadable(error)
            self._wishes.put(None)
            pipe.close()
        code = child.wait()
        if self._failure is None and not self._closing:
            self._failure = f"the engine's process {_end_in_words(code)} (details in the log)"
        self._ended.set()
        self._wishes.put(None)


def _unreadable(error: UnpicklingError) -> str:
    return f"the engine's process sent what no picture is made of: {error}"


def _end_in_words(code: int) -> str:
    if code >= 0:
        return f"ended by itself with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    killed = f"was ended by {name}"
    return f"{killed}: perhaps the system ran out of memory" if name == "SIGKILL" and os.name == "posix" else killed
