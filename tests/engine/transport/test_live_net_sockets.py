"""The real client's streams against real servers on loopback, good ones and bad ones, on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.net import Arrival, Closed, Failed, Socket
from tests.engine.transport.live_servers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Peer,
    Script,
    Server,
    close_frame,
    frame,
    on_both_loops,
    serving,
    until,
)
from tests.engine.transport.stepped_clock import SteppedClock, settled

LIMIT_S = 20
"""Real seconds after which a test that hangs is failed; none comes near it."""


@asynccontextmanager
async def connected(script: Script, **options: int) -> AsyncIterator[tuple[Socket, Server]]:
    """A socket to a server that answered the upgrade and then does as `script` says."""

    async def upgraded(peer: Peer) -> None:
        await peer.upgrade()
        await script(peer)

    max_size = options.pop("max_size", 1 << 22)
    net = LiveNet(SystemClock(), **options)  # type: ignore[arg-type]
    async with asyncio.timeout(LIMIT_S), serving(upgraded) as server:
        socket = await net.connect(server.ws + "/ws", max_size=max_size)
        try:
            yield socket, server
        finally:
            await socket.close()
            await net.close()


async def everything(socket: Socket) -> tuple[list[Arrival], Closed]:
    """All that arrives, and how it ended."""
    arrivals: list[Arrival] = []
    try:
        while True:
            arrivals += await socket.recv()
    except Closed as closed:
        return arrivals, closed


async def texts(socket: Socket) -> tuple[list[str], Closed]:
    arrivals, closed = await everything(socket)
    return [arrival.text for arrival in arrivals], closed


@on_both_loops
async def test_messages_come_in_order_with_their_times_and_an_end() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(frame("a"), frame("über"), frame("x" * 70_000), close_frame(1001, "going away"))
        await peer.until_left()

    clock = SystemClock()
    before_ns = clock.now_ns()
    async with connected(script) as (socket, _):
        arrivals, closed = await everything(socket)

        assert [arrival.text for arrival in arrivals] == ["a", "über", "x" * 70_000]
        times = [before_ns, *(arrival.t_ns for arrival in arrivals), clock.now_ns()]
        assert times == sorted(times)
        assert (closed.code, closed.reason, closed.clean) == (1001, "going away", True)
        assert closed.words() == "closed by server (1001 going away)"
        assert (socket.intake.messages, socket.intake.bytes, socket.intake.waiting) == (3, 70_006, 0)
        with pytest.raises(Closed, match="1001"):
            await socket.recv()
        with pytest.raises(Closed, match="1001"):
            await socket.send("too late")


@on_both_loops
async def test_what_came_in_one_read_is_handed_out_in_one_go() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(*(frame(str(number)) for number in range(1000)))
        await peer.until_left()

    async with connected(script) as (socket, _):
        received, calls = 0, 0
        while received < 1000:
            received += len(await socket.recv())
            calls += 1

        assert calls < 20


@on_both_loops
async def test_our_texts_arrive_and_the_upgrade_says_who_we_are() -> None:
    heard: list[tuple[int, bytes]] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.read_frame())
        await peer.write(frame("thanks"))
        await peer.until_left()

    async with connected(script) as (socket, server):
        await socket.send('{"op":"subscribe","ü":1}')
        assert [arrival.text for arrival in await socket.recv()] == ["thanks"]
        assert heard == [(TEXT, '{"op":"subscribe","ü":1}'.encode())]
        request = server.peers[0].request
        assert request.startswith("GET /ws HTTP/1.1\r\n")
        assert "\r\nUser-Agent: prism/" in request
        assert "Extensions" not in request


@on_both_loops
async def test_fragments_become_one_message_with_pings_between_them() -> None:
    answered: list[tuple[int, bytes]] = []

    async def script(peer: Peer) -> None:
        euro = "€".encode()
        await peer.write(frame(b"1" + euro[:1], fin=False), frame(b"p", PING), frame(b"", CONTINUATION, fin=False))
        answered.append(await peer.read_frame())
        await peer.write(frame(euro[1:] + b"2", CONTINUATION), frame("next"), close_frame(1000))
        await peer.until_left()

    async with connected(script) as (socket, _):
        received, closed = await texts(socket)

    assert received == ["1€2", "next"]
    assert answered == [(PONG, b"p")]
    assert closed.code == 1000


@on_both_loops
async def test_pings_measure_the_round_trip_and_only_answers_count() -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        opcode, payload = await peer.read_frame()
        assert opcode == PING
        await go.wait()
        await peer.write(frame(b"unasked", PONG), frame(payload, PONG), frame("after"))
        await peer.until_left()

    async with connected(script) as (socket, _):
        opened_ns = socket.pulse.heard_ns
        await socket.ping()
        assert (socket.pulse.pings_sent, socket.pulse.pongs_received, socket.pulse.round_trip_s) == (1, 0, None)
        go.set()
        await socket.recv()

        assert socket.pulse.pongs_received == 1
        assert socket.pulse.round_trip_s is not None
        assert 0 < socket.pulse.round_trip_s < LIMIT_S
        assert socket.pulse.heard_ns > opened_ns
        await socket.ping()
        assert socket.pulse.round_trip_s is not None, "nothing newer is known yet"
        await socket.ping()
        assert socket.pulse.round_trip_s is None, "the one before was never answered"


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
async def test_too_much_waiting_holds_the_other_side_back_and_loses_nothing() -> None:
    total, size = 3000, 4000
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        for number in range(total):
            await peer.write(frame(f"{number:>{size}}"))
            sent = number + 1
        await peer.write(close_frame(1000))
        await peer.until_left()

    async with connected(script, max_waiting=100) as (socket, _):
        await until(lambda: socket.intake.paused)
        waiting = socket.intake.waiting
        for _ in range(2000):
            await asyncio.sleep(0)
        assert 100 <= waiting < total / 2
        assert socket.intake.waiting == waiting
        assert sent < total
        received, closed = await texts(socket)

        assert [int(text) for text in received] == list(range(total))
        assert closed.code == 1000
        intake = socket.intake
        assert intake.messages == total
        assert intake.most_waiting >= 100
        assert intake.pauses >= 1
        assert (intake.waiting, intake.waiting_bytes, intake.paused) == (0, 0, False)


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
async def test_sending_waits_for_a_reader_that_does_not_read_and_ends_with_the_socket() -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with connected(script) as (socket, _):

        async def flood() -> None:
            while True:
                await socket.send("x" * 1_000_000)

        sending = asyncio.create_task(flood())
        for _ in range(500):
            await asyncio.sleep(0)
        assert not sending.done()
        await socket.close()
        with pytest.raises(Closed):
            await sending


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


@on_both_loops
async def test_a_cancelled_receiver_loses_nothing() -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await go.wait()
        await peer.write(frame("a"), frame("b"))
        await peer.until_left()

    async with connected(script) as (socket, _):
        receiving = asyncio.create_task(socket.recv())
        await settled()
        receiving.cancel()
        await settled()
        assert receiving.cancelled()
        go.set()
        received = 0
        while received < 2:
            received += len(await socket.recv())

        assert received == 2


@on_both_loops
async def test_a_second_receiver_is_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.until_left()

    async with connected(script) as (socket, _):
        receiving = asyncio.create_task(socket.recv())
        await settled()
        with pytest.raises(RuntimeError, match="one task receives"):
            await socket.recv()
        receiving.cancel()


@on_both_loops
async def test_a_server_of_the_websockets_library_is_understood() -> None:
    async def talk(peer: ServerConnection) -> None:
        async for message in peer:
            await peer.send(["ec", "ho ", str(message)])
        assert peer.close_code == 1000

    async with asyncio.timeout(LIMIT_S), serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        net = LiveNet(SystemClock())
        socket = await net.connect(f"ws://127.0.0.1:{port}/ws")
        await socket.send("hello")
        assert [arrival.text for arrival in await socket.recv()] == ["echo hello"]
        await socket.ping()
        await socket.close()
        await net.close()


# Opening.


async def _refused(script: Script, url: str = "") -> Failed:
    net = LiveNet(SystemClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        with pytest.raises(Failed) as refused:
            await net.connect(url or server.ws)
        await net.close()
    return refused.value


@pytest.mark.parametrize("status", ["403 Forbidden", "429 Too Many Requests", "503 Busy", "520 Unknown"])
@on_both_loops
async def test_an_upgrade_that_is_answered_otherwise_says_what_was_answered(status: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nno \x1b".encode())

    refused = await _refused(script)

    assert refused.kind == "status"
    assert status[:3] in refused.message
    assert refused.answer is not None
    assert refused.answer.status == int(status[:3])


@on_both_loops
async def test_an_upgrade_that_points_elsewhere_is_not_followed() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n")

    assert (await _refused(script)).kind == "redirect"


@pytest.mark.parametrize(
    "said", [b"220 ready for mail\r\n\r\n", b"\x16\x03\x01\x00\x05" * 9 + b"\r\n\r\n", b"x" * 40_000]
)
@on_both_loops
async def test_an_upgrade_answered_by_no_http_is_a_breach_of_protocol(said: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(said)
        await peer.until_left()

    assert (await _refused(script)).kind == "protocol"


@on_both_loops
async def test_a_wrong_accept_key_is_a_breach_of_protocol() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
        )
        await peer.until_left()

    assert (await _refused(script)).kind == "protocol"


@on_both_loops
async def test_a_server_that_leaves_before_the_upgrade_is_a_reset() -> None:
    async def script(peer: Peer) -> None:
        return

    assert (await _refused(script)).kind == "reset"


@on_both_loops
async def test_an_upgrade_that_is_never_answered_is_given_up_at_the_deadline_and_the_connection_dropped() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.until_left()
        left.set()

    clock = SteppedClock()
    net = LiveNet(clock)
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        connecting = asyncio.create_task(net.connect(server.ws))
        await server.met.wait()
        await clock.advance(9.9)
        assert not connecting.done()
        await clock.advance(0.2)
        with pytest.raises(Failed, match="no connection within 10 s") as failed:
            await connecting
        assert failed.value.kind == "timeout"
        await left.wait()
        await net.close()


@on_both_loops
async def test_nobody_listens() -> None:
    async def script(peer: Peer) -> None:
        return

    async with serving(script) as server:
        url = server.ws
    net = LiveNet(SystemClock())
    with pytest.raises(Failed) as failed:
        await net.connect(url)
    assert failed.value.kind == "refused"
    with pytest.raises(Failed) as failed:
        await net.connect("https://127.0.0.1/")
    assert failed.value.kind == "protocol"
    await net.close()
