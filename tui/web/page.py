"""One console in one browser page: a process of its own, and the wire to the web driver that Textual runs there in.

Used by `tui.web.server`. textual-serve has such a service too; it starts the command through a shell, keeps all that
the process writes to stderr, and waits for its end without a limit, so only its terminal for the browser is used. The
wire is Textual's (`textual.drivers.web_driver`): packets of a letter, the length in four bytes, big-endian, and that
many bytes; `D` is what a terminal would be sent, `M` is JSON about the session. What a page may ask for ends here:
links and files that a program would open in the browser are not passed on.
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
"""What the web driver writes first."""
PRELUDE_LINES: Final = 10
PACKET_BYTES: Final = 8 << 20
"""A screen of 500 by 500 cells, each with a style of its own, takes less."""
END_S: Final = 4.0
"""How long a console may take to end after it was asked; a console ends itself within three."""
STDERR_LINES: Final = 20
LINE_BYTES: Final = 4096

Send = Callable[[bytes], Awaitable[None]]


class Page:
    """A console and the page it is shown in. `run` it in a task; it returns when either has ended."""

    def __init__(self, command: Sequence[str], send: Send, size: tuple[int, int]) -> None:
        self._command, self._send, self._size = tuple(command), send, size
        self._process: Process | None = None
        self._last_words: deque[str] = deque(maxlen=STDERR_LINES)
        self._is_leaving = False
        self._told_to_end = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Of the console's process, once it runs."""
        return self._process.pid if self._process else None

    @property
    def last_words(self) -> str:
        """The last line that the console wrote to its stderr."""
        return self._last_words[-1] if self._last_words else ""

    def end(self) -> None:
        """Let `run` end the console and return."""
        self._told_to_end.set()

    async def run(self) -> int:
        """Start the console and pass on what it shows until it ends or is told to; its exit code."""
        width, height = self._size
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=1 << 16,
            env=_environment(width, height),
            # An interrupt at the server's terminal is the server's; it ends its pages one by one.
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
        """What the user typed, as a terminal would send it."""
        await self._write(b"D", text.encode("utf-8", "replace"))

    async def resize(self, width: int, height: int) -> None:
        """The page has another size, cells."""
        await self._tell({"type": "resize", "width": width, "height": height})

    async def focus(self, has: bool) -> None:
        """The page has the focus, or has it no more."""
        await self._tell({"type": "focus" if has else "blur"})

    async def _tell(self, what: dict[str, str | int]) -> None:
        await self._write(b"M", json.dumps(what).encode())

    async def _write(self, kind: bytes, payload: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        process.stdin.write(kind + len(payload).to_bytes(4, "big") + payload)
        with contextlib.suppress(ConnectionError):  # it has ended; `run` notices by itself
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
        """Ask, then tell, then kill; the process is gone when this returns."""
        draining = asyncio.create_task(_drained(process))
        assert process.stdin is not None
        # A console ends with its standard input; one that ends by itself shall not take that for a page that closed.
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
    """Read on, so that a console that is still painting can come to its end."""
    assert process.stdout is not None
    while await process.stdout.read(1 << 16):
        pass


def _environment(width: int, height: int) -> dict[str, str]:
    return {
        **os.environ,
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TERM_PROGRAM": "textual",
        "COLUMNS": str(width),
        "ROWS": str(height),
    }
