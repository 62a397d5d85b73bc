"""A socket of the real client at a server of the test, and all that it heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.net import Arrival, Closed, Socket
from tests.engine.transport.live_servers import (
    Peer,
    Script,
    Server,
    serving,
)

LIMIT_S = 60
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
