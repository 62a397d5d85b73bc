"""Servers that never end what they say: every request and stream ends by a limit, in words that name host and limit.

Each server sends until it is left; what it may send at most is many times what the limit lets through, so that a limit
that does not hold shows as an answer, another failure, or memory.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import struct
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from engine.text import clean
from engine.transport import live_socket
from engine.transport.live_net import LiveNet
from engine.transport.live_socket import MAX_IN_ONE_READ
from engine.transport.net import Closed, Failed
from tests.engine.transport.live_servers import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Peer,
    frame,
    serving,
    until,
)
from tests.engine.transport.stepped_clock import SteppedClock

LIMIT_S = 60.0
MOST = 64 << 20
"""Bytes that a server gives up after."""
OK = b"HTTP/1.1 200 OK\r\n"
GZIP = b"Content-Encoding: gzip\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def without_end(head: bytes, part: bytes) -> Callable[[Peer], Awaitable[None]]:
    """A script that sends `head`, then `part` again and again."""
    block = part * max(1, 65_536 // len(part))

    async def script(peer: Peer) -> None:
        await peer.write(head)
        for _ in range(MOST // len(block)):
            await peer.write(block)
        await peer.until_left()

    return script


ANSWERS = {
    "a body": (OK + b"\r\n", b"a", "oversize", "1,048,576 bytes"),
    "a body in chunks": (OK + CHUNKED, b"1000\r\n" + b"a" * 4096 + b"\r\n", "oversize", "1,048,576 bytes"),
    "members of nothing": (OK + GZIP, gzip.compress(b"", mtime=0), "oversize", "1,000 gzip members"),
    "members of a little": (OK + GZIP, gzip.compress(b"[]", mtime=0), "oversize", "1,000 gzip members"),
    "blocks of nothing": (
        OK + b"Content-Encoding: deflate\r\n\r\n\x78\x9c",
        b"\x00\x00\x00\xff\xff",
        "oversize",
        "1,048,576 bytes",
    ),
    "a header line": (OK + b"X: ", b"a", "oversize", "8,190 bytes"),
    "a status line": (b"HTTP/1.1 200 ", b"a", "oversize", "8,190 bytes"),
    "header lines": (OK, b"X-Long: " + b"a" * 4000 + b"\r\n", "oversize", "128 lines"),
    "short header lines": (OK, b"X: a\r\n", "oversize", "128 lines"),
    "lines after the body": (OK + CHUNKED + b"0\r\n", b"X: a\r\n", "oversize", "128 lines"),
    "no HTTP": (b"", b"\x1b]52;c;eA==\x07", "protocol", ""),
    "a length beyond all": (OK + b"Content-Length: 9" + b"9" * 30 + b"\r\n\r\n", b"a", "protocol", ""),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_without_end_ends_by_a_limit(name: str) -> None:
    head, part, kind, limit = ANSWERS[name]
    net = LiveNet(SteppedClock(), max_body_bytes=1 << 20)
    tracemalloc.start()
    async with asyncio.timeout(LIMIT_S), serving(without_end(head, part)) as server:
        with pytest.raises(Failed) as failed:
            await net.get(server.http, timeout_s=10.0)
        await net.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failed.value.kind == kind, failed.value.message
    assert "127.0.0.1" in failed.value.message
    assert limit in failed.value.message
    assert clean(failed.value.message, 300) == failed.value.message
    assert peak < 16 << 20


@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 100 Continue\r\n\r\n", OK + CHUNKED + b"1;" + b"x" * 1000], ids=["100", "ext"]
)
async def test_what_never_adds_up_to_an_answer_ends_at_the_deadline(part: bytes) -> None:
    clock = SteppedClock()
    net = LiveNet(clock)
    sending = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.write(part)
        sending.set()
        while True:
            await peer.write(part * 100 if part.startswith(b"HTTP/1.1 100") else b"x" * 1000)

    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        asked = asyncio.create_task(net.get(server.http, timeout_s=5.0))
        await sending.wait()
        await clock.advance(5.1)
        with pytest.raises(Failed, match=r"127\.0\.0\.1.*no answer within 5 s"):
            await asked
        await net.close()


UPGRADES = {
    "a header line": (b"HTTP/1.1 101 Switching Protocols\r\nX: ", b"a", "protocol", "16384"),
    "header lines": (b"HTTP/1.1 101 Switching Protocols\r\n", b"X: a\r\n", "protocol", "16384"),
    "a status line": (b"HTTP/1.1 ", b"a", "protocol", "16384"),
    "the body of a refusal": (b"HTTP/1.1 503 No\r\nContent-Length: 9999999999\r\n\r\n", b"a", "status", "503"),
    "the body of a refusal in chunks": (b"HTTP/1.1 429 No\r\n" + CHUNKED, b"1\r\na\r\n", "status", "429"),
}


@pytest.mark.parametrize("name", UPGRADES)
async def test_an_answer_to_an_upgrade_without_end_ends_by_a_limit(name: str) -> None:
    head, part, kind, limit = UPGRADES[name]
    net = LiveNet(SteppedClock())
    async with asyncio.timeout(LIMIT_S), serving(without_end(head, part)) as server:
        with pytest.raises(Failed) as failed:
            await net.connect(server.ws)
        await net.close()
    assert failed.value.kind == kind, failed.value.message
    assert "127.0.0.1" in failed.value.message
    assert limit in failed.value.message
    assert len((failed.value.answer and failed.value.answer.body) or b"") <= 4096


STREAMS = {
    "messages of nothing": (b"", frame(""), 1008, "200,000 messages"),
    "messages of one byte": (b"", frame("7"), 1008, "200,000 messages"),
    "fragments of nothing": (frame("", fin=False), frame("", CONTINUATION, fin=False), 1009, "4,096 fragments"),
    "fragments of one byte": (frame("a", fin=False), frame("a", CONTINUATION, fin=False), 1009, "4,096 fragments"),
    "fragments": (frame("a", fin=False), frame("a" * 9000, CONTINUATION, fin=False), 1009, "1,000,000 bytes"),
    "one frame": (bytes([0x80 | TEXT, 127]) + (1 << 62).to_bytes(8, "big"), b"a", 1009, ""),
}


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_of_nothing_but_weight_is_held_back_or_closed_with_a_reason(name: str) -> None:
    head, part, code, limit = STREAMS[name]

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await without_end(head, part)(peer)

    net = LiveNet(SteppedClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        socket = await net.connect(server.ws, max_size=1_000_000)
        # Nobody receives, as when the engine is busy: that is when it piles up.
        await until(lambda: socket._ended is not None or socket.intake.paused)
        assert socket.intake.waiting <= MAX_IN_ONE_READ + 1
        if socket._ended is not None:
            assert socket._ended.code == code, socket._ended.message
            assert limit in socket._ended.message
        assert socket._transport is not None
        socket._transport.disconnect(graceful=False)
        await net.close()


async def test_one_read_of_more_messages_than_can_be_meant_ends_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "MAX_IN_ONE_READ", 500)

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(frame("") * 2_000)
        await peer.until_left()

    net = LiveNet(SteppedClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        socket = await net.connect(server.ws)
        assert len(await socket.recv()) == 501
        with pytest.raises(Closed, match="1008 over 500 messages at once"):
            await socket.recv()
        await net.close()


@pytest.mark.parametrize(
    "reason", [b"\xff\xfe", "\x1b[2J\u202e[red]x".encode(), b"\x9b31m", b"x" * 123, "é".encode()[:1], b""]
)
async def test_the_reason_of_a_goodbye_is_shown_clean_or_not_at_all(reason: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(frame("good"), frame(struct.pack(">H", 1000) + reason, CLOSE))
        await peer.until_left()

    net = LiveNet(SteppedClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        socket = await net.connect(server.ws)
        assert [one.text for one in await socket.recv()] == ["good"]
        with pytest.raises(Closed) as closed:
            await socket.recv()
        await net.close()
    assert clean(closed.value.message, 300) == closed.value.message
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", closed.value.message)


async def test_pings_without_end_hold_up_no_message() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for at in range(200):
            await peer.write(frame(b"p" * 125, PING) * 100, frame(str(at)))
        await received_all.wait()

    net = LiveNet(SteppedClock())
    received_all = asyncio.Event()
    received: list[str] = []
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        socket = await net.connect(server.ws)
        while len(received) < 200:
            received += [one.text for one in await socket.recv()]
        received_all.set()
        await net.close()
    assert received == [str(at) for at in range(200)]
