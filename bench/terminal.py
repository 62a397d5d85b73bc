"""A program on a pseudo-terminal whose output is read and discarded: for `bench.table` and `bench.console`.

Nothing is drawn: the output is only searched for marks or words that the program under test writes.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

KEPT = 131_072
"""Bytes of the newest output that are searched for marks."""


class Terminal:
    """The program and its terminal. Use as a context manager, which closes the terminal and waits for the program."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        lines: int,
        environment: Mapping[str, str] | None = None,
        core: int | None = None,
    ) -> None:
        """`core`: pin the program to this processor, if the system supports it."""
        self.began = time.monotonic()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            _become(command, columns, lines, environment or {}, core)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.tail = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._terminal)
        os.waitpid(self.pid, 0)

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def wait_for(self, mark: bytes | re.Pattern[bytes] | Callable[[bytes], bool], limit_s: float) -> bool:
        """Read until the output since the call contains `mark`; False after `limit_s` or if the program ended."""
        until = time.monotonic() + limit_s
        self.tail = b""
        while (left := until - time.monotonic()) > 0:
            if not self._read(left):
                return False
            if _stands(mark, self.tail):
                return True
        return False

    def drain(self, for_s: float) -> None:
        """Read and discard output for this time, or until the program ends."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            if not self._read(left):
                return

    def cpu_seconds(self) -> float:
        """User and system time of the program, from /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _read(self, limit_s: float) -> bool:
        if not select.select([self._terminal], [], [], limit_s)[0]:
            return True
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:
            return False
        self.tail = (self.tail + data)[-KEPT:]
        return bool(data)


def _stands(mark: bytes | re.Pattern[bytes] | Callable[[bytes], bool], text: bytes) -> bool:
    if isinstance(mark, bytes):
        return mark in text
    return mark.search(text) is not None if isinstance(mark, re.Pattern) else mark(text)


def _become(command: Sequence[str], columns: int, lines: int, environment: Mapping[str, str], core: int | None) -> None:
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LINES=str(lines), COLUMNS=str(columns))
    os.environ.update(environment)
    try:
        os.execv(command[0], list(command))
    finally:
        sys.stderr.write(f"{command[0]} could not be run\n")
        os._exit(127)


def last_core() -> int | None:
    """The highest-numbered processor that this process may run on; None if the system does not say."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value such that more than a share `q` of the values is at most that; the largest for `q` = 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
