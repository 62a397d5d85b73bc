"""Servers on 127.0.0.1 that do exactly what a test says, byte for byte, for the tests of the real client."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import inspect
import re
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvloop

Script = Callable[["Peer"], Awaitable[None]]
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def on_both_loops(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """Run an asynchronous test on the standard event loop and on uvloop."""

    @functools.wraps(test)
    def run(loop: str, **arguments: object) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(test(**arguments))

    given = inspect.signature(test)
    place = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = given.replace(parameters=[place, *given.parameters.values()])  # type: ignore[attr-defined]
    on_each: Callable[..., None] = pytest.mark.parametrize("loop", LOOPS)(run)
    return on_each


async def until(done: Callable[[], bool]) -> None:
    """Let the loop turn until `done()`: for what a socket brings, which no event announces."""
    turning = asyncio.get_running_loop()
    while not done():
        turn = turning.create_future()
        turning.call_soon(turn.set_result, None)
        await turn


def frame(payload: bytes | str, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0) -> bytes:
    """One frame as a server sends it."""
    data = payload.encode() if isinstance(payload, str) else payload
    first = bytes([(fin << 7) | (rsv << 4) | opcode])
    if len(data) < 126:
        return first + bytes([len(data)]) + data
    if len(data) < 65536:
        return first + struct.pack(">BH", 126, len(data)) + data
    return first + struct.pack(">BQ", 127, len(data)) + data


def close_frame(code: int | None = None, reason: str = "") -> bytes:
    """A close frame; without a code an empty one."""
    return frame(b"" if code is None else struct.pack(">H", code) + reason.encode(), CLOSE)


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: str = ""
    """Everything up to the empty line."""

    async def upgrade(self) -> None:
        """Answer the upgrade as RFC 6455 wants it."""
        key = re.search(r"(?i)sec-websocket-key: (\S+)", self.request)
        assert key is not None, self.request
        accept = base64.b64encode(hashlib.sha1(f"{key[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await self.writer.drain()

    async def write(self, *parts: bytes) -> None:
        """Send these bytes; returns once there is room for more."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def read_frame(self) -> tuple[int, bytes]:
        """Opcode and unmasked payload of the client's next frame."""
        first, second = await self.reader.readexactly(2)
        size = second & 127
        assert second & 128, "a client masks its frames"
        if size == 126:
            (size,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        return first & 15, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))

    async def until_left(self) -> None:
        """Read until the client is gone or says goodbye."""
        try:
            while data := await self.reader.read(65536):
                if data[0] == 0x80 | CLOSE:
                    return
        except ConnectionError:
            pass


@dataclass
class Server:
    """Where it listens, and whom it met."""

    port: int
    peers: list[Peer] = field(default_factory=list)
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a whole request was read."""
    faults: list[BaseException] = field(default_factory=list)

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server that runs `script` for each request, then drops the connection. Its faults fail the test."""
    found = Server(0)
    tasks: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            peer.request = (await reader.readuntil(b"\r\n\r\n")).decode()
            found.peers.append(peer)
            found.met.set()
            await script(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as fault:
            found.faults.append(fault)
            raise
        finally:
            writer.transport.abort()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(met(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not found.faults


def http_answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer; underscores in header names stand for dashes."""
    named = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
