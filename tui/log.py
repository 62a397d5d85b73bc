"""Where the engine's log goes: a file of the user's, bounded in size, never the screen and never standard error.

Called by every command that runs an engine, before it starts.
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from typing import Final

from platformdirs import user_log_path

from engine.text import clean
from tui.headless import diagnostics

LOG_BYTES: Final = 2 * 2**20
MAX_LINE_CHARS: Final = 2_000


class CleanFormatter(logging.Formatter):
    """Lines that can be shown on a terminal: an exception of a library may repeat what the other side sent."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = clean(record.message, MAX_LINE_CHARS)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(clean(line, MAX_LINE_CHARS) for line in super().format(record).split("\n"))


class SilentHandler(RotatingFileHandler):
    """A file that a full disk, or on Windows another program that holds it, keeps from being written or rotated is no
    reason to write on the screen instead, which is what the library does."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Leave the line out."""


def write_log() -> None:
    """Let the engine's log go to a file of the user's, bounded in size, never to the screen."""
    folder = user_log_path("prism")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = SilentHandler(folder / "prism.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        diagnostics.notice(f"no log is written: {error.filename}: {error.strerror}")
        return
    handler.setFormatter(CleanFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("prism")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
