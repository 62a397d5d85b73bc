"""Textual's terminal driver, extended to tell escape from alt and to survive being stopped from outside.

`tui.app` chooses it when the console draws on a terminal. Nothing here draws.

`ctrl+z` restores the terminal before it stops the program, and Textual's own driver sets it up again on SIGCONT. A
program stopped from outside (`kill -STOP`, `cpulimit`, a debugger) has restored nothing. Starting application mode a
second time would then read the keys twice and save the drawing modes as the modes to restore at exit.

A suspended program may also be continued without its terminal: by `bg`, or by `kill %1`, which sends SIGTERM and then
SIGCONT. It may not draw, so it stops again, as Textual's own driver does. But the kernel may give the two signals to
two threads, and then Python can see SIGCONT first; stopping at once would leave the program stopped, SIGTERM unseen.

A terminal sends alt and a key as escape and that key in one write; pressing escape and then a key sends two. Textual
takes a key that follows escape within 100 ms (longer if its thread was late to read) for alt, and both keys are lost.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import termios
import time
import tty
from codecs import getincrementaldecoder
from typing import Any, Final

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.joined_keys import JoinedKeys
from tui.lifeline import is_in_background

AGAIN: Final = "\x1b[?1049h\x1b[?25l\x1b[?1004h"
"""Alternate screen, cursor hidden, focus reports on; the driver has methods for mouse, paste and line wrap."""
ALT_S: Final = constants.ESCAPE_DELAY if "ESCDELAY" in os.environ else 0.025
"""A byte that arrives later than this after escape is another key. What a terminal sends in one write arrives at once;
25 ms also allow for a network that splits it. On a slower link set ESCDELAY (ms), as for other programs."""
OTHER_SIGNALS_S: Final = 0.25
"""How long a program that was continued in the background lets other signals arrive before it stops again."""
LEAST_S: Final = 0.01
"""Python calls a handler between two such pauses."""
LOOK_S: Final = 0.1
"""Longest wait for input before the thread checks whether the program is ending."""


def stop_again() -> None:
    """Stop this process after it was continued without its terminal. The handler of a signal that came with SIGCONT
    runs before that, and may end the process."""
    for _ in range(round(OTHER_SIGNALS_S / LEAST_S)):
        time.sleep(LEAST_S)
    os.kill(os.getpid(), signal.SIGSTOP)


class TerminalDriver(LinuxDriver):
    """See the module."""

    def run_input_thread(self) -> None:
        """Read the terminal until the driver stops or the terminal is gone; keys go to the app."""
        # Textual offers no other way: it reads the delay from the environment once, at import.
        constants.ESCAPE_DELAY = ALT_S  # type: ignore[misc]
        parser, joined = XTermParser(self._debug), JoinedKeys()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                is_begun = parser._timeout_time is not None
                ready = selector.select(min(ALT_S, LOOK_S) if is_begun else LOOK_S)
                # First end a sequence that timed out: the bytes read now are not part of it.
                messages = [*parser.tick()]
                data = self._read() if ready else b""
                if ready and not data:
                    # Nothing will come any more. This thread keeps the process alive, and would never wait again.
                    return
                if text := decode(data):
                    for piece in joined.apart(text):
                        messages += parser.feed(piece) if isinstance(piece, str) else [piece]
                for message in messages:
                    self.process_message(message)

    def _read(self) -> bytes:
        """What the terminal has sent; nothing if it is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _sigcont_application(self, *_: Any) -> None:
        if is_in_background((self.fileno,)):
            stop_again()
            return
        if self._key_thread is None or not self._key_thread.is_alive():
            super()._sigcont_application()
        else:
            self._take_again()
        self._app.call_later(self._app.refresh, layout=True)

    def _take_again(self) -> None:
        """Set the drawing modes again: a shell may have used the terminal in the meantime and changed them."""
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
