"""Termination signals, on every operating system.

Used by the standalone programs that run an event loop: the simulator and the web server. The console has
`tui.lifeline`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

SIGNALS: Final = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)
"""Those that this system has: Windows has no SIGHUP, and sends SIGBREAK when the window is closed."""


def on_told_to_end(loop: asyncio.AbstractEventLoop, end: Callable[[], object]) -> None:
    """Call `end` in the running loop `loop` when one of the signals arrives. Call this from the main thread only."""
    for number in SIGNALS:
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # event loops on Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
