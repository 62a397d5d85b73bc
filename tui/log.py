"""Where the engine's log goes: a file of the user's, bounded in size, never the screen and never standard error.

Called by every command that runs an engine, before it starts.
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from typing import Final

from platformdirs import user_log_path

from tui.headless import diagnostics

LOG_BYTES: Final = 2 * 2**20


def write_log() -> None:
    """Let the engine's log go to a file of the user's, bounded in size, never to the screen."""
    folder = user_log_path("prism")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = RotatingFileHandler(folder / "prism.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        diagnostics.notice(f"no log is written: {error.filename}: {error.strerror}")
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("prism")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
