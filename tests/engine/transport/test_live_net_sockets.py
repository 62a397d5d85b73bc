"""The real client's streams against real servers on loopback, on both event loops: what comes, and how fast."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection, serve

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.net import Closed
from tests.engine.transport.live_servers import (
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Peer,
    close_frame,
    frame,
    on_both_loops,
    until,
)
from tests.engine.transport.socket_talk import LIMIT_S, connected, everything, texts
from tests.engine.transport.stepped_clock import settled


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
