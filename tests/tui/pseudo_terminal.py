"""A console on a pseudo-terminal whose other end is read by a terminal emulator, for tests of what a user would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

import pyte

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 60.0
_QUERIES: Final = re.compile(rb"\x1b\[\?\d+\$p|\x1b\[>[0-9;]*[a-zA-Z]|\x1b\[<?[0-9;]*u|\x1b\[=[0-9;]*u|\x1bP.*?\x1b\\")
"""Questions to the terminal, which the emulator would take for text."""
COLOURS: Final = (
    "NO_COLOR", "COLORTERM", "TERM", "TERM_PROGRAM", "TEXTUAL_COLOR_SYSTEM", "FORCE_COLOR", "TMUX", "COLUMNS", "LINES",
)  # fmt: skip


class PseudoTerminal:
    """`words` run in a session of their own on a terminal of this size and environment. Use as a context manager."""

    def __init__(
        self, words: list[str], environment: Mapping[str, str], home: Path, size: tuple[int, int] = (120, 40),
        folder: Path = ROOT,
    ) -> None:  # fmt: skip
        width, height = size
        self.screen = pyte.Screen(width, height)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

        def lead() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        kept = {name: value for name, value in os.environ.items() if name not in COLOURS}
        self.process = subprocess.Popen(
            words,
            stdin=slave, stdout=slave, stderr=slave, cwd=folder, preexec_fn=lead,
            env={**kept, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), **environment},
        )  # fmt: skip
        self.slave = slave

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        os.close(self.slave)
        os.close(self.master)

    @property
    def text(self) -> str:
        """What stands on the terminal."""
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> None:
        """Let the terminal take what comes within this time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                return
            try:
                data = os.read(self.master, 65_536)
            except OSError:
                return
            self.raw += data
            self._stream.feed(_QUERIES.sub(b"", data))

    def read_to_the_end(self) -> None:
        """Read until the program has ended and nothing more comes."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text
            self.read(0.2)
        self.read(0.2)

    def until(self, holds: Callable[[str], object]) -> None:
        """Read until what stands there satisfies `holds`."""
        end = time.monotonic() + PATIENCE_S
        while not holds(self.text):
            assert time.monotonic() < end, self.text
            self.read(0.1)

    def press(self, text: str) -> None:
        """Type it."""
        os.write(self.master, text.encode())


def busy_console(home: Path) -> list[str]:
    """A console on a fake engine whose market changes at every look."""
    return [sys.executable, "-m", "tests.tui.console_process", str(home)]
