"""A program on a pseudo-terminal whose output is read and thrown away: for `bench.table` and `bench.console`.

Nothing is drawn: what is looked for are marks that the program under test writes, or words of its own.
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
"""Bytes of the newest output that marks are looked for in."""


class Terminal:
    """The program and the terminal it writes to. Use as a context manager, which ends it."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        lines: int,
        environment: Mapping[str, str] | None = None,
        core: int | None = None,
    ) -> None:
        """`core`: the processor it shall stay on, where the system lets it."""
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
        """Read until `mark` stands in what came since the call; False after `limit_s` or where the program ended."""
        until = time.monotonic() + limit_s
        self.tail = b""
        while (left := until - time.monotonic()) > 0:
            if not self._read(left):
                return False
            if _stands(mark, self.tail):
                return True
        return False

    def drain(self, for_s: float) -> None:
        """Read and forget for a while, or until the program ended."""
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
    """The highest processor this process may run on; None where the system does not say."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least a share `q` of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
