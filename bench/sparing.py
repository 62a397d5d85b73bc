"""Restarts a benchmark with the memory settings of the engine's process, so that it measures what users run."""

from __future__ import annotations

import os
import sys

from tui.engine_process.memory import sparing


def run_sparingly() -> None:
    """Restart this program unless its environment has those settings: the C library reads them before Python starts."""
    environment = sparing(os.environ)
    if environment != os.environ:
        os.execve(sys.executable, sys.orig_argv, environment)
