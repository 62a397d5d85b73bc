"""Ends the program when its terminal closes or a signal asks it to, even if the app's event loop is stuck.

Textual writes to the terminal from its loop through a bounded queue, so a terminal that stopped reading, or that is
gone, can block that loop for ever. Its input thread spins on a closed terminal. Therefore a separate thread watches: it
wakes on SIGHUP, SIGTERM or SIGINT (the handlers only set an event) and on a hang-up of the terminal itself, which also
covers `nohup`. It first asks the app to end. If the program is still running after a grace period, it closes the
engine, restores the terminal as far as it can be reached, and exits the process.

Used by `tui.launch` around the app's run; `tui.terminal_driver` asks it who has the terminal. Only this module, in the
console's process, and `tui.engine_process.child`, in the engine's, may call `os._exit`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

try:
    import termios
except ImportError:  # Windows: its console has no such attributes, and Textual restores what it changed
    termios = None  # type: ignore[assignment]

GRACE_S: Final = 1.5
"""Time for the app to end by itself after it was asked to."""
CLOSE_S: Final = 0.8
"""Time for the engine to close after that. The sum stays below the 3 s within which prism must end with its
terminal."""
WATCH_MS: Final = 250
"""Longest wait for a hang-up before the events are checked again."""

HUNG_UP: Final = 128 + 1
"""Exit code after the terminal closed: 128 plus the number of SIGHUP, also on systems without SIGHUP."""
SIGNALS: Final = tuple(
    number
    for name in ("SIGHUP", "SIGTERM", "SIGINT", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)
"""Windows sends SIGBREAK when the console window is closed."""

_MODES: Final = (1000, 1002, 1003, 1006, 1015, 1016, 2004, 1004, 2048)
RESTORE: Final = b"".join(b"\x1b[?%dl" % mode for mode in _MODES) + b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
"""Mouse, paste, focus and resize reports off, key protocol as before, main screen, cursor visible, plain text."""


class Lifeline:
    """Watches over one run of the app."""

    def __init__(
        self,
        ask: Callable[[], object],
        close: Callable[[float], object],
        terminals: tuple[int, ...],
        leave: Callable[[int], object] = os._exit,
        grace_s: float = GRACE_S,
    ) -> None:
        self._ask, self._close, self._leave = ask, close, leave
        self._grace_s = grace_s
        self._terminals = terminals
        self._told = threading.Event()
        self._done = threading.Event()
        self._before = {fd: attributes for fd in terminals if (attributes := _attributes(fd)) is not None}
        self.reason = ""
        """Why the program must end; empty until then."""
        self.code = 1

    @contextlib.contextmanager
    def watching(self) -> Iterator[Lifeline]:
        """Install the handlers and watch until the block is left. Only from the main thread."""
        # An ignored SIGHUP (nohup) stays ignored; polling the terminal covers its closing.
        kept: dict[signal.Signals, Any] = {
            number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN
        }
        for number in kept:
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch, name="prism-lifeline", daemon=True).start()
        try:
            yield self
        finally:
            self._done.set()
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self.tell(f"told to end ({signal.Signals(number).name})", 128 + number)
        else:
            self.tell("the terminal was closed", HUNG_UP)
        if is_in_background(self._terminals):
            # `kill %1` in a shell, which also continues the process. Ending the app would take the terminal again, and
            # that would stop the process once more. Nothing needs restoring: suspending gave the terminal back.
            self._close(CLOSE_S)
            self._leave(self.code)

    def tell(self, reason: str, code: int) -> None:
        """Start the shutdown. Safe from a signal handler and from any thread."""
        if not self._told.is_set():
            self.reason, self.code = reason, code
            self._told.set()

    def _watch(self) -> None:
        hung_up = self._hang_up()
        while not self._done.is_set():
            if self._told.is_set():
                self._end()
                return
            if hung_up():
                self.tell("the terminal was closed", HUNG_UP)

    def _hang_up(self) -> Callable[[], bool]:
        """A function that waits up to `WATCH_MS` for a terminal to close and returns whether one did."""
        if not self._terminals or not hasattr(select, "poll"):
            # Windows has no poll; there SIGBREAK reports it.
            return lambda: self._told.wait(WATCH_MS / 1000) and False
        poll = select.poll()
        for fd in self._terminals:
            poll.register(fd, 0)  # hang-ups and errors are always reported
        ends = select.POLLHUP | select.POLLERR | select.POLLNVAL
        return lambda: any(happened & ends for _, happened in poll.poll(WATCH_MS))

    def _end(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed or not running yet: the grace period decides
            self._ask()
        if self._done.wait(self._grace_s):
            return
        try:
            self._close(CLOSE_S)
        finally:
            restore(self._before)
            self._leave(self.code)


def is_in_background(terminals: Iterable[int]) -> bool:
    """Whether the first of these descriptors that is a terminal now belongs to another process group, as that of a
    suspended program does. False without such a terminal, and on systems without process groups."""
    if hasattr(os, "tcgetpgrp"):
        for fd in terminals:
            with contextlib.suppress(OSError):  # not a terminal, or closed
                return os.tcgetpgrp(fd) != os.getpgrp()
    return False


def _attributes(fd: int) -> list[Any] | None:
    if termios is not None:
        with contextlib.suppress(termios.error, OSError):
            return termios.tcgetattr(fd)
    return None


def restore(before: dict[int, list[Any]]) -> None:
    """Restore terminals to their former attributes, without ever blocking on one that does not read."""
    for fd, attributes in before.items():
        with contextlib.suppress(OSError):  # its buffer is full or it is gone: nobody would see the output
            blocking = os.get_blocking(fd)
            os.set_blocking(fd, False)
            try:
                os.write(fd, RESTORE)
            finally:
                os.set_blocking(fd, blocking)  # the flag belongs to the open file, which the shell shares
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(fd, termios.TCSANOW, attributes)


def terminals() -> tuple[int, ...]:
    """The standard streams that are terminals, each once."""
    streams = (stream for stream in (sys.__stdin__, sys.__stderr__) if stream is not None and not stream.closed)
    return tuple(stream.fileno() for stream in streams if stream.isatty())
