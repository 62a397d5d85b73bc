"""Sends the engine's log to a file of the user's, bounded in size, never to the screen or standard error.

Called by every command that runs an engine, before the engine starts.
"""

from __future__ import annotations

import contextlib
import logging
import os
from logging.handlers import RotatingFileHandler
from typing import Final

from platformdirs import user_log_path

from engine.text import clean
from tui.headless import diagnostics

LOG_BYTES: Final = 2 * 2**20
MAX_LINE_CHARS: Final = 2_000


class CleanFormatter(logging.Formatter):
    """Makes every line safe to show on a terminal: a library's exception may repeat what the other side sent."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = clean(record.message, MAX_LINE_CHARS)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(clean(line, MAX_LINE_CHARS) for line in super().format(record).split("\n"))


class SharedHandler(RotatingFileHandler):
    """A rotating log file that several prism processes may write. When another process has rotated it, this one
    switches to the new file; otherwise its own rotation would overwrite the older backup with the newer lines.

    A line that cannot be written or rotated (full disk; on Windows, another program holds the file) is dropped. The
    library would print the error on the screen.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line to the current log file."""
        with contextlib.suppress(OSError):
            self._follow()
        super().emit(record)

    def _follow(self) -> None:
        """Reopen the log if its path now names another file, or none."""
        if self.stream is None:
            return
        try:
            is_moved = not os.path.samestat(os.fstat(self.stream.fileno()), os.stat(self.baseFilename))
        except FileNotFoundError:
            is_moved = True
        if is_moved:
            self.stream.close()
            self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Drop the line."""


def write_log() -> None:
    """Start the log file; a second call starts it again. If that fails, print one notice and run without a log."""
    folder = user_log_path("prism")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = SharedHandler(folder / "prism.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        diagnostics.notice(f"no log is written: {error.filename}: {error.strerror}")
        return
    handler.setFormatter(CleanFormatter("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("prism")
    for former in [one for one in log.handlers if isinstance(one, SharedHandler)]:
        log.removeHandler(former)
        former.close()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
