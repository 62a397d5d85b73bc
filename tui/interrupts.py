"""How an interrupt (Ctrl-C, SIGINT) ends the program while its modules load.

Python's own answer cannot be trusted then: an exception raised in a callback of an import lock is dropped, so that the
program runs on, and Python 3.11 makes a RuntimeError of one raised while a class is made. Used by `tui.__main__` and
`tui.launch`. Once the console runs, `tui.lifeline` has the signal; in a command without screens Python has it.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def end_at_once() -> Iterator[None]:
    """Let an interrupt end the process in silence, as if it had no handler. Only while there is nothing to tidy up, and
    from the main thread. A signal that is ignored, as under `nohup`, stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
