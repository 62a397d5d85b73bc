"""How streams of the real client end: breaches of protocol, close codes, breaks, and our own goodbye."""

from __future__ import annotations

import asyncio

import pytest

from engine.transport.live_net import LiveNet
from engine.transport.net import Closed
from tests.engine.transport.live_servers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    Peer,
    close_frame,
    frame,
    on_both_loops,
    serving,
    until,
)
from tests.engine.transport.socket_talk import LIMIT_S, connected, texts
from tests.engine.transport.stepped_clock import SteppedClock

BAD = {
    "not UTF-8": ([frame(b"\xff\xfe{}")], 1007),
    "half a character": ([frame("€".encode()[:2])], 1007),
    "not UTF-8 across fragments": ([frame(b"\xe2", fin=False), frame(b"ab", CONTINUATION)], 1007),
    "binary": ([frame(b"\x1f\x8b", BINARY)], 1003),
    "compressed though never agreed on": ([frame(b"\xaa\x56\x4a", rsv=4)], 1002),
    "reserved bit on a ping": ([frame(b"", PING, rsv=1)], 1002),
    "unknown opcode": ([frame(b"", 3)], 1002),
    "a continuation of nothing": ([frame(b"x", CONTINUATION)], 1002),
    "a message within a message": ([frame(b"x", fin=False), frame(b"y")], 1002),
    "a fragmented ping": ([frame(b"x", PING, fin=False)], 1002),
    "a masked frame": ([b"\x81\x81\x00\x00\x00\x00x"], 1002),
    "a length that is not the shortest": ([b"\x81\x7e\x00\x05hello"], 1002),
    "garbage": ([b"\x00\x91\xfe\x13 this is no websocket at all" * 50], 1002),
    "a long length that is not the shortest": ([b"\x81\x7f" + (5000).to_bytes(8, "big")], 1002),
    "a frame beyond the bound": ([frame("x" * 1001)], 1009),
    "a frame far beyond the bound": ([b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 100_000], 1009),
    "fragments beyond the bound": ([frame(b"x" * 600, fin=False), frame(b"x" * 600, CONTINUATION)], 1009),
    "a last fragment beyond the bound": ([frame(b"x", fin=False), frame(b"x" * 1000, CONTINUATION)], 1009),
}


@pytest.mark.parametrize("name", BAD)
@on_both_loops
async def test_a_breach_of_protocol_ends_the_socket_with_its_code_after_what_was_good(name: str) -> None:
    wire, code = BAD[name]
    answered: list[tuple[int, bytes]] = []

    async def script(peer: Peer) -> None:
        await peer.write(frame("good"))
        await peer.write(*wire)
        answered.append(await peer.read_frame())
        await peer.until_left()

    async with connected(script, max_size=1000) as (socket, _):
        received, closed = await texts(socket)

        assert received == ["good"]
        assert (closed.code, closed.clean) == (code, False)
        await until(lambda: bool(answered))
        opcode, payload = answered[0]
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2]) == code


@on_both_loops
async def test_a_whole_message_at_the_bound_passes() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(frame("x" * 1000), frame("y" * 400, fin=False), frame("y" * 600, CONTINUATION), close_frame())
        await peer.until_left()

    async with connected(script, max_size=1000) as (socket, _):
        received, closed = await texts(socket)

    assert received == ["x" * 1000, "y" * 1000]
    assert (closed.code, closed.clean) == (1005, True)


@pytest.mark.parametrize("code", [1000, 1008, 1011, 1012, 1013, 3000, 4001])
@on_both_loops
async def test_close_codes_are_passed_on(code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(close_frame(code, "why \u202ereally"))
        await peer.until_left()

    async with connected(script) as (socket, _):
        _, closed = await texts(socket)

    assert (closed.code, closed.reason, closed.clean) == (code, "why really", True)


@on_both_loops
async def test_a_connection_that_breaks_is_no_clean_close() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(frame("last words"))

    async with connected(script) as (socket, _):
        received, closed = await texts(socket)

    assert received == ["last words"]
    assert (closed.code, closed.clean) == (None, False)
    assert closed.words() == "connection broke"


@on_both_loops
async def test_a_socket_that_is_paused_can_be_closed() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.write(frame("x" * 1000))

    async with connected(script, max_waiting=10) as (socket, _):
        await until(lambda: socket.intake.paused)
        await socket.close()
        received, closed = await texts(socket)

    assert len(received) >= 10
    assert closed.words() == "closed (1000)"


@on_both_loops
async def test_a_silent_other_side_cannot_hold_up_our_goodbye() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await asyncio.Event().wait()

    clock = SteppedClock()
    net = LiveNet(clock)
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        socket = await net.connect(server.ws)
        closing = asyncio.create_task(socket.close())
        await clock.advance(0.9)
        assert not closing.done()
        await clock.advance(0.2)
        await closing
        await socket.close()
        with pytest.raises(Closed, match="1000"):
            await socket.recv()
        await net.close()
