"""Streams that are not opened: what was answered instead, and servers that answer nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.live_socket import LiveSocket
from engine.transport.net import Failed
from tests.engine.transport.live_servers import (
    Peer,
    Script,
    on_both_loops,
    serving,
)
from tests.engine.transport.socket_talk import LIMIT_S
from tests.engine.transport.stepped_clock import SteppedClock


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
async def test_a_socket_that_opens_as_its_asker_is_cancelled_is_closed() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.until_left()
        left.set()

    class Given(LiveNet):
        """Whoever connects gives it up in the very turn in which the socket is open."""

        async def _open(self, url: str, max_size: int, headers: Mapping[str, str]) -> LiveSocket:
            opened = await super()._open(url, max_size, headers)
            connecting.cancel()
            return opened

    net = Given(SteppedClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        connecting = asyncio.create_task(net.connect(server.ws))
        await asyncio.wait({connecting})
        assert connecting.cancelled()
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
