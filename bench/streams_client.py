"""One client of `bench.streams` on one event loop, in a process of its own.

Run only by `bench.streams`, with its task as JSON in the first argument. Prints the figures as a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

NO_LIMIT: Final = 1 << 24
Meter = Callable[[int], None]
"""Called with the number of frames received."""


class Counter:
    """Counts frames, and measures CPU time from its first call, made once connected, to the last frame."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._began: float | None = None
        self._seen = 0
        self.us: float = 0.0

    def __call__(self, count: int) -> None:
        if self._began is None:
            self._began = time.process_time()
        self._seen += count
        if self._seen == self._frames:
            self.us = (time.process_time() - self._began) / self._frames * 1e6


async def with_prism(url: str, tls: ssl.SSLContext | None, deflate: bool, meter: Meter) -> None:
    from engine.clock import SystemClock
    from engine.transport.live_net import LiveNet
    from engine.transport.net import Closed

    net = LiveNet(SystemClock(), tls=tls)
    socket = await net.connect(url)
    meter(0)
    try:
        while True:
            meter(len(await socket.recv()))
    except Closed:
        await socket.close()
    await net.close()


async def with_picows(url: str, tls: ssl.SSLContext | None, deflate: bool, meter: Meter) -> None:
    import picows

    class Listener(picows.WSListener):
        def __init__(self) -> None:
            self.frames: list[str] = []

        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            meter(0)

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            closing = frame.msg_type == picows.WSMsgType.CLOSE
            if not closing:
                self.frames.append(frame.get_payload_as_utf8_text())
            if frame.last_in_buffer:
                meter(len(self.frames))
                self.frames.clear()
            if closing:
                transport.send_close(picows.WSCloseCode.OK)
                transport.disconnect()

    transport, _ = await picows.ws_connect(Listener, url, ssl_context=tls, use_aiofastnet=False)
    await transport.wait_disconnected()


async def with_picows_websockets(url: str, tls: ssl.SSLContext | None, deflate: bool, meter: Meter) -> None:
    from picows.websockets import connect

    compression = "deflate" if deflate else None
    async with connect(url, ssl=tls, compression=compression, max_size=NO_LIMIT) as socket:
        meter(0)
        async for message in socket:
            assert isinstance(message, str)
            meter(1)


async def with_aiohttp(url: str, tls: ssl.SSLContext | None, deflate: bool, meter: Meter) -> None:
    import aiohttp

    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, ssl=tls or True, compress=15 if deflate else 0, max_msg_size=NO_LIMIT) as socket,
    ):
        meter(0)
        async for message in socket:
            assert isinstance(message.data, str)
            meter(1)


async def with_websockets(url: str, tls: ssl.SSLContext | None, deflate: bool, meter: Meter) -> None:
    from websockets.asyncio.client import connect

    compression = "deflate" if deflate else None
    async with connect(url, ssl=tls, compression=compression, max_size=NO_LIMIT) as socket:
        meter(0)
        async for message in socket:
            assert isinstance(message, str)
            meter(1)


CLIENTS: Final[dict[str, Callable[[str, ssl.SSLContext | None, bool, Meter], Awaitable[None]]]] = {
    "prism": with_prism,
    "picows": with_picows,
    "picows.websockets": with_picows_websockets,
    "aiohttp": with_aiohttp,
    "websockets": with_websockets,
}
NO_DEFLATE: Final = {"prism", "picows"}
NO_TLS: Final = {"picows.websockets"}
"""It stalls; see `bench.streams`."""


def main() -> None:
    """Run all cells of the task."""
    task = json.loads(sys.argv[1])
    factory = None
    if task["loop"] == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps([runner.run(_cell(task, cell)) for cell in task["cells"]]))


async def _cell(task: dict[str, object], cell: dict[str, object]) -> float | None:
    client, deflate, frames = str(task["client"]), bool(cell["deflate"]), cell["frames"]
    if (deflate and client in NO_DEFLATE) or (cell["tls"] and client in NO_TLS):
        return None
    ports = task["ports"]
    assert isinstance(ports, dict)
    assert isinstance(frames, int)
    scheme, port = ("wss", ports["tls"]) if cell["tls"] else ("ws", ports["tcp"])
    tls = ssl.create_default_context(cafile=str(task["ca"])) if cell["tls"] else None
    url = f"{scheme}://127.0.0.1:{port}/{cell['rate']}/{frames}/{int(deflate)}"
    found = []
    for _ in range(int(str(task["runs"]))):
        counter = Counter(frames)
        await CLIENTS[client](url, tls, deflate, counter)
        found.append(counter.us)
    return min(found)


if __name__ == "__main__":
    main()
