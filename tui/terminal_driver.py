"""Textual's driver for terminals, made to bear being stopped by somebody else than its own key.

Chosen by `tui.app` where the console draws on a terminal. `ctrl+z` gives the terminal back before it stops the program,
and Textual's own driver takes it again on SIGCONT. A program that was stopped by another (`kill -STOP`, `cpulimit`, a
debugger) gave nothing back: to begin once more then would read the keys twice, and would take the terminal's drawing
modes for those to leave it with. Nothing here draws.
"""

from __future__ import annotations

import contextlib
import termios
import tty
from typing import Any, Final

from textual.drivers.linux_driver import LinuxDriver

AGAIN: Final = "\x1b[?1049h\x1b[?25l\x1b[?1004h"
"""Second screen, no cursor, reports of focus; mouse, pasting and lines have methods of the driver."""


class TerminalDriver(LinuxDriver):
    """See the module."""

    def _sigcont_application(self, *_: Any) -> None:
        if self._key_thread is None or not self._key_thread.is_alive():
            super()._sigcont_application()
            return
        # A shell that had the terminal meanwhile set it up for itself and wrote on it.
        with contextlib.suppress(termios.error):
            attributes = termios.tcgetattr(self.fileno)
            attributes[tty.LFLAG] = self._patch_lflag(attributes[tty.LFLAG])
            attributes[tty.IFLAG] = self._patch_iflag(attributes[tty.IFLAG])
            termios.tcsetattr(self.fileno, termios.TCSANOW, attributes)
        self.write(AGAIN)
        self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        self.flush()
        self._app.call_later(self._app.refresh, layout=True)
