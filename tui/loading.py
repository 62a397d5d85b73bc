"""Loads in the background, after the first paint, the modules that the first snapshot and first keys will need.

Started by `tui.launch`. It runs in a thread of its own, so the screen stays responsive. Code that needs a module
earlier imports it itself or waits for that import alone: Python's import locks see to that.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import Final

from tui import collecting, presenters, screens

REST: Final = (
    "engine.snapshot",
    *(f"{presenters.__name__}.{name}" for name in presenters.LATER),
    *(f"{screens.__name__}.{name}" for name in screens.LATER),
    "tui.export",
)
"""In the order in which they will be needed."""


def begin() -> None:
    """Start loading; returns at once."""
    threading.Thread(target=load_rest, name="prism-loading", daemon=True).start()


def load_rest() -> None:
    """Load all of them and exempt them from garbage collection, like the modules loaded before."""
    for name in REST:
        with contextlib.suppress(ImportError):  # the code that needs the module meets the same error and reports it
            importlib.import_module(name)
    collecting.collect_seldom()
