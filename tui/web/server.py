"""The HTTP server of the console in a browser: a few static files, and a WebSocket for each page.

Built and run by `tui.web.command`. Every request is checked by `tui.web.access` first; a refusal is a few words that
reveal nothing. Nothing from a page may be trusted: sizes are limited, and an unknown message closes its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from typing import Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler

from tui.web.access import Access
from tui.web.page import Page

MESSAGE_BYTES: Final = 64 << 10
"""Enough for a paste; keys, sizes and focus are far smaller."""
MAX_CELLS: Final = 500
"""Limit of width and of height: more than a wall of screens in a small font."""
HEARTBEAT_S: Final = 15.0
"""Interval of WebSocket pings; a page that does not answer is closed."""
SEND_S: Final = 20.0
"""A page that accepts no data for this long is gone; longer than the heartbeat, which detects it first."""

_FILES: Final = {
    "static/js/textual.js": ("textual_serve", "text/javascript"),
    "static/css/xterm.css": ("textual_serve", "text/css"),
    "static/fonts/RobotoMono-VariableFont_wght.ttf": ("textual_serve", "font/ttf"),
    "page.js": ("tui.web", "text/javascript"),
    "page.css": ("tui.web", "text/css"),
    "": ("tui.web", "text/html"),
}
_HEADERS: Final = {
    # The browser terminal sets inline styles; nothing may be loaded from elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _Size(msgspec.Struct):
    width: int
    height: int

    def within(self) -> tuple[int, int]:
        return max(1, min(MAX_CELLS, self.width)), max(1, min(MAX_CELLS, self.height))


class Site:
    """The server's state: who may connect, and the open consoles."""

    def __init__(
        self,
        access: Access,
        command: Sequence[str],
        pages: int = 1,
        tell: Callable[[str], None] = lambda words: None,
    ) -> None:
        """`command`: what to run for a page. `pages`: most pages at once; one more ends the oldest. `tell`: called with
        a message if a console ended with an error."""
        self._access, self._command, self._limit, self._tell = access, tuple(command), pages, tell
        self._files = {name: _file(package, name) for name, (package, _) in _FILES.items()}
        self._open: dict[Page, asyncio.Task[int]] = {}
        """Oldest first."""
        self._making_room = asyncio.Lock()

    @property
    def open_pages(self) -> int:
        """The number of running consoles."""
        return len(self._open)

    def application(self) -> web.Application:
        """The aiohttp application."""
        made = web.Application(middlewares=[self._judged], client_max_size=1 << 10)
        made.router.add_get("/{token}/ws", self._socket)
        made.router.add_get("/{token}/{name:.*}", self._static)
        made.router.add_get("/{token}", self._whole)
        made.on_shutdown.append(self._shut)
        return made

    @web.middleware
    async def _judged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._access.serves(request.headers.get("Host")):
            refused = "this address is not served here"
            return web.Response(status=421, text=refused, headers=_HEADERS)
        if not self._access.knows(request.match_info.get("token", "")):
            return web.Response(status=404, text="not found", headers=_HEADERS)
        origin = request.headers.get("Origin")
        if origin is not None and not self._access.is_own_page(origin, request.headers.get("Host")):
            return web.Response(status=403, text="not from another site", headers=_HEADERS)
        return await handler(request)

    async def _whole(self, request: web.Request) -> web.StreamResponse:
        """The address without its last slash, as a line that was copied by hand has it."""
        return web.Response(status=308, headers={**_HEADERS, "Location": f"{self._access.token}/"})

    async def _static(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._files:
            return web.Response(status=404, text="not found", headers=_HEADERS)
        kind = _FILES[name][1]
        return web.Response(
            body=self._files[name], content_type=kind, charset="utf-8" if "text" in kind else None, headers=_HEADERS
        )

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        # Here the Origin is required: a browser always sends it when it opens a WebSocket.
        if not self._access.is_own_page(request.headers.get("Origin"), request.headers.get("Host")):
            return web.Response(status=403, text="not from another site", headers=_HEADERS)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES, compress=True)
        await socket.prepare(request)

        async def send(data: bytes) -> None:
            async with asyncio.timeout(SEND_S):
                await socket.send_bytes(data)

        page = Page(self._command, send, _first_size(request.query))
        async with self._making_room:
            while len(self._open) >= self._limit:
                await self._ended(next(iter(self._open)), f"another page was opened, and --pages allows {self._limit}")
            self._open[page] = running = asyncio.create_task(page.run())
        reading = asyncio.create_task(_read(socket, page))
        try:
            await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            alone = running.done() and not page.is_told_to_end
            if alone and (problem := running.exception() or running.result()):
                self._tell(f"a console ended with {problem}" + (f": {page.last_words}" if page.last_words else ""))
            await self._ended(page)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await reading
        if not socket.closed:
            await socket.close(message=page.why_ended.encode())
        return socket

    async def _ended(self, page: Page, why: str = "") -> None:
        """End a console; its process has ended when this returns."""
        running = self._open.get(page)
        if running is not None:
            if not page.is_told_to_end:
                page.end(why)
            await asyncio.wait({running})
            self._open.pop(page, None)

    async def _shut(self, application: web.Application) -> None:
        await asyncio.gather(*(self._ended(page) for page in tuple(self._open)))


async def _read(socket: web.WebSocketResponse, page: Page) -> None:
    """Forward what the page sends until it is closed or sends an unknown message."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT or not await _understood(message.data, socket, page):
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not a message of this page")
            return


async def _understood(text: str, socket: web.WebSocketResponse, page: Page) -> bool:
    """Carry out one message, `[kind]` or `[kind, value]`; False if it is not one of the five in `_MESSAGES`."""
    try:
        kind, *values = msgspec.json.decode(text, type=list[msgspec.Raw])
        name = msgspec.json.decode(kind, type=str)
        act = _MESSAGES.get(name)
        if act is None:
            return False
        await act(values[0] if values else msgspec.Raw(b"null"), socket, page)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


async def _keys(value: msgspec.Raw, socket: web.WebSocketResponse, page: Page) -> None:
    await page.keys(msgspec.json.decode(value, type=str))


async def _resize(value: msgspec.Raw, socket: web.WebSocketResponse, page: Page) -> None:
    await page.resize(*msgspec.json.decode(value, type=_Size).within())


async def _ping(value: msgspec.Raw, socket: web.WebSocketResponse, page: Page) -> None:
    await socket.send_json(["pong", msgspec.json.decode(value, type=str)[:40]])


async def _focus(value: msgspec.Raw, socket: web.WebSocketResponse, page: Page) -> None:
    await page.focus(True)


async def _blur(value: msgspec.Raw, socket: web.WebSocketResponse, page: Page) -> None:
    await page.focus(False)


_Act = Callable[[msgspec.Raw, web.WebSocketResponse, Page], Awaitable[None]]
_MESSAGES: Final[dict[str, _Act]] = {
    "stdin": _keys,
    "resize": _resize,
    "ping": _ping,
    "focus": _focus,
    "blur": _blur,
}


def _first_size(query: Mapping[str, str]) -> tuple[int, int]:
    found = [query.get(name, "") for name in ("width", "height")]
    if not all(one.isascii() and one.isdigit() and len(one) <= 4 for one in found):
        return 80, 24
    return _Size(*map(int, found)).within()


def _file(package: str, name: str) -> bytes:
    return resources.files(package).joinpath(name or "page.html").read_bytes()
