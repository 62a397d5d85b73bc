"""Ends the program when its terminal is gone or it is told to end, even if the screen's loop is stuck.

Textual writes to the terminal from its loop through a bounded queue, so a terminal that stopped reading, or that is
gone, can block that loop for ever; its input thread spins on a closed terminal. Therefore a thread of its own
watches: it wakes on SIGHUP or SIGTERM (the handlers only set an event) and on a hang-up of the terminal itself,
which also covers `nohup`. It first asks the app to end; if the program is not gone in time it closes the engine,
puts the terminal back as far as it can be reached, and leaves the process.

Used by `tui.launch` around the app's run. Nothing else may call `os._exit`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

try:
    import termios
except ImportError:  # Windows: its console keeps no such attributes, and Textual puts back what it changed
    termios = None  # type: ignore[assignment]

GRACE_S: Final = 1.5
"""For the app to end by itself after it was asked."""
CLOSE_S: Final = 0.8
"""For the engine to close after that; the sum stays below the 3 s in which a closed terminal must end prism."""
WATCH_MS: Final = 250
"""How long one look at the terminal may last before the events are looked at again."""

HUNG_UP: Final = 128 + 1
"""Exit code of a program that ended with its terminal: 128 and the number of SIGHUP, on systems without it too."""
SIGNALS: Final = tuple(
    number for name in ("SIGHUP", "SIGTERM", "SIGBREAK") if (number := getattr(signal, name, None)) is not None
)
"""Windows sends SIGBREAK where its window is closed."""

_MODES: Final = (1000, 1002, 1003, 1006, 1015, 1016, 2004, 1004, 2048)
RESTORE: Final = b"".join(b"\x1b[?%dl" % mode for mode in _MODES) + b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
"""Mouse, paste, focus and resize reports off, keys as before, main screen, cursor, plain text."""


class Lifeline:
    """One watch over one run of the app."""

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
        """Why the program was told to end; empty while it was not."""
        self.code = 1

    @contextlib.contextmanager
    def watching(self) -> Iterator[Lifeline]:
        """Install the handlers and watch until the block is left. Only from the main thread."""
        # A SIGHUP that was set to be ignored (nohup) stays so; the look at the terminal covers its closing.
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
        if number == signal.SIGTERM:
            self.tell("told to end (SIGTERM)", 128 + number)
        else:
            self.tell("the terminal was closed", HUNG_UP)

    def tell(self, reason: str, code: int) -> None:
        """Begin to end; safe from a signal handler and from any thread."""
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
        """What waits a moment for a terminal to be closed, and says whether one was."""
        if not self._terminals or not hasattr(select, "poll"):
            # Windows cannot be asked; its signal says it.
            return lambda: self._told.wait(WATCH_MS / 1000) and False
        poll = select.poll()
        for fd in self._terminals:
            poll.register(fd, 0)  # hang-ups and errors are reported without being asked for
        ends = select.POLLHUP | select.POLLERR | select.POLLNVAL
        return lambda: any(happened & ends for _, happened in poll.poll(WATCH_MS))

    def _end(self) -> None:
        with contextlib.suppress(RuntimeError):  # a loop that is closed, or not open yet: the time limit decides
            self._ask()
        if self._done.wait(self._grace_s):
            return
        try:
            self._close(CLOSE_S)
        finally:
            restore(self._before)
            self._leave(self.code)


def _attributes(fd: int) -> list[Any] | None:
    if termios is not None:
        with contextlib.suppress(termios.error, OSError):
            return termios.tcgetattr(fd)
    return None


def restore(before: dict[int, list[Any]]) -> None:
    """Put terminals back as they were, without ever waiting for one that does not read."""
    for fd, attributes in before.items():
        with contextlib.suppress(OSError):  # full or gone: nobody would see it
            blocking = os.get_blocking(fd)
            os.set_blocking(fd, False)
            os.write(fd, RESTORE)
            os.set_blocking(fd, blocking)
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(fd, termios.TCSANOW, attributes)


def terminals() -> tuple[int, ...]:
    """The standard streams that are terminals, each once."""
    streams = (stream for stream in (sys.__stdin__, sys.__stderr__) if stream is not None and not stream.closed)
    return tuple(stream.fileno() for stream in streams if stream.isatty())
