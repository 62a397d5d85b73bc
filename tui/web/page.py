"""One console in one browser page: runs its process and speaks the protocol of Textual's web driver with it.

Used by `tui.web.server`. textual-serve has such a service too, but it starts the command through a shell, keeps
everything that the process writes to stderr, and waits for its end without a limit; so only its browser terminal is
used. The protocol is Textual's (`textual.drivers.web_driver`): packets of a letter, the length in four bytes
(big-endian), and that many bytes. `D` is terminal data, `M` is JSON about the session. Requests of the console to open
links or files in the browser must not be passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from engine.text import clean

PRELUDE: Final = b"__GANGLION__\n"
"""The first line that the web driver writes."""
PRELUDE_LINES: Final = 10
PACKET_BYTES: Final = 8 << 20
"""A screen of 500 by 500 cells, each with its own style, takes less."""
END_S: Final = 4.0
"""How long a console may take to end after each step of `_end`; it ends itself within three seconds."""
STDERR_LINES: Final = 20
LINE_BYTES: Final = 4096

Send = Callable[[bytes], Awaitable[None]]


class Page:
    """A console and the page that shows it. `run` it in a task; that returns once the console has ended."""

    def __init__(self, command: Sequence[str], send: Send, size: tuple[int, int]) -> None:
        self._command, self._send, self._size = tuple(command), send, size
        self._process: Process | None = None
        self._last_words: deque[str] = deque(maxlen=STDERR_LINES)
        self._is_leaving = False
        self._told_to_end = asyncio.Event()
        self.why_ended = ""
        """Why the server ended it, for the page; empty: it did not, or the page is gone."""

    @property
    def pid(self) -> int | None:
        """Process id of the console, once it runs."""
        return self._process.pid if self._process else None

    @property
    def last_words(self) -> str:
        """The last line that the console wrote to its stderr."""
        return self._last_words[-1] if self._last_words else ""

    @property
    def is_told_to_end(self) -> bool:
        """Whether the server ends it."""
        return self._told_to_end.is_set()

    def end(self, why: str = "") -> None:
        """Make `run` end the console and return; `why` is for the page."""
        self.why_ended = why
        self._told_to_end.set()

    async def run(self) -> int:
        """Start the console and forward its output until it ends or `end` is called; return its exit code."""
        width, height = self._size
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=1 << 16,
            env=_environment(width, height),
            # An interrupt at the server's terminal is for the server, which ends its pages itself.
            start_new_session=True,
        )
        listening, showing = asyncio.create_task(self._listen(process)), asyncio.create_task(self._show(process))
        told = asyncio.create_task(self._told_to_end.wait())
        try:
            await asyncio.wait({showing, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            showing.cancel()
            await asyncio.wait({showing})
            await self._end(process, listening)
        if not showing.cancelled() and (problem := showing.exception()) is not None:
            raise problem
        return process.returncode if process.returncode is not None else 1

    async def keys(self, text: str) -> None:
        """Send what the user typed, as a terminal would."""
        await self._write(b"D", text.encode("utf-8", "replace"))

    async def resize(self, width: int, height: int) -> None:
        """Report the page's new size, in cells."""
        await self._tell({"type": "resize", "width": width, "height": height})

    async def focus(self, has: bool) -> None:
        """Report that the page gained or lost focus."""
        await self._tell({"type": "focus" if has else "blur"})

    async def _tell(self, what: dict[str, str | int]) -> None:
        await self._write(b"M", json.dumps(what).encode())

    async def _write(self, kind: bytes, payload: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        process.stdin.write(kind + len(payload).to_bytes(4, "big") + payload)
        with contextlib.suppress(ConnectionError):  # the process has ended; `run` notices that by itself
            await process.stdin.drain()

    async def _show(self, process: Process) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            await self._pass_on(process)

    async def _pass_on(self, process: Process) -> None:
        out = process.stdout
        assert out is not None
        for _ in range(PRELUDE_LINES):
            line = await out.readuntil(b"\n")
            if line == PRELUDE:
                break
        else:
            return
        while True:
            head = await out.readexactly(5)
            length = int.from_bytes(head[1:], "big")
            if length > PACKET_BYTES:
                return
            payload = await out.readexactly(length)
            if head[:1] == b"D":
                await self._send(payload)
            elif head[:1] == b"M" and json.loads(payload).get("type") == "exit":
                self._is_leaving = True
                return

    async def _listen(self, process: Process) -> None:
        err = process.stderr
        assert err is not None
        while piece := await err.read(LINE_BYTES):
            self._last_words += [clean(line) for line in piece.decode(errors="replace").splitlines() if line.strip()]

    async def _end(self, process: Process, listening: asyncio.Task[None]) -> None:
        """End the process: close its standard input, then terminate it, then kill it, each time waiting `END_S`."""
        draining = asyncio.create_task(_drained(process))
        assert process.stdin is not None
        # A console that is ending by itself gets time first: it would take a closed input for a page that closed.
        steps = [lambda: None] if self._is_leaving else []
        for step in (*steps, process.stdin.close, process.terminate, process.kill):
            with contextlib.suppress(ProcessLookupError):
                step()
            ended, _ = await asyncio.wait({asyncio.ensure_future(process.wait())}, timeout=END_S)
            if ended:
                break
        await asyncio.wait({draining, listening}, timeout=1.0)
        for task in (draining, listening):
            task.cancel()


async def _drained(process: Process) -> None:
    """Keep reading the output, so that a console that is still painting does not block before it can end."""
    assert process.stdout is not None
    while await process.stdout.read(1 << 16):
        pass


def _environment(width: int, height: int) -> dict[str, str]:
    # The page is no pane of the multiplexer in which the server may run.
    outside = {name: value for name, value in os.environ.items() if name != "TMUX"}
    return {
        **outside,
        "TEXTUAL_DRIVER": "tui.web.driver:PageDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TERM_PROGRAM": "textual",
        "COLUMNS": str(width),
        "ROWS": str(height),
    }
