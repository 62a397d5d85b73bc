"""Being told to end from outside, on every system.

Used by programs of their own around an event loop: the simulator and the web server. The console has `tui.lifeline`.
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
"""Those that this system has: Windows knows no hang-up, and sends SIGBREAK where its window is closed."""


def on_told_to_end(loop: asyncio.AbstractEventLoop, end: Callable[[], object]) -> None:
    """Call `end` in the running loop when one of the signals comes. Only from the main thread."""
    for number in SIGNALS:
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # the loops of Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
