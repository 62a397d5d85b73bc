"""The network of a run: a `Net` whose far end is the simulated exchanges' own servers, without a socket between.

Made by `tests.simulation.run`. Both ends talk through pipes in memory with a delay drawn from the seed; order is kept
within a pipe, as TCP does, and with nothing else. `Weather` is what is wrong with the way to an exchange, besides what
the exchange itself does (`engine.simulator.faults`).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.exceptions import ConnectionClosedError
from websockets.protocol import State

from engine.simulator.serving.requests import Requests
from engine.simulator.serving.streams import Streams
from engine.simulator.serving.venues import SimulatedVenues
from engine.transport.net import (
    CLOSE_DEADLINE_S,
    CONNECT_DEADLINE_S,
    MAX_FRAME_BYTES,
    NO_HEADERS,
    Arrival,
    Closed,
    Failed,
    FailureKind,
    HttpAnswer,
    Intake,
    Pulse,
)
from engine.transport.tasks import Owned, settle, sleep, spawn, within
from tests.simulation.loop import SimClock

TOO_BIG: Final = 1009
NOT_TEXT: Final = 1007


@dataclass(slots=True)
class Weather:
    """The way to one exchange."""

    least_ms: float = 1.0
    most_ms: float = 40.0
    """Delay of a message one way."""
    dark_until_ns: int = 0
    """Nothing gets through before this (monotonic); what was sent meanwhile arrives then, as TCP repeats it."""
    fails: FailureKind | None = None
    fails_until_ns: int = 0
    """What comes of every new connection and request before this."""
    resets: float = 0.0
    """Share of requests that break before they are answered."""


class Pipe:
    """One way of one connection: what goes in comes out later, in order."""

    def __init__(self, clock: SimClock, weather: Weather, rng: random.Random) -> None:
        self._clock, self._weather, self._rng = clock, weather, rng
        self._under_way: deque[tuple[int, Callable[[], None]]] = deque()
        self._last_ns = 0

    def carry(self, arrive: Callable[[], None]) -> None:
        """Have `arrive` happen at the other end."""
        delay_ms = self._rng.uniform(self._weather.least_ms, self._weather.most_ms)
        self._last_ns = max(self._clock.monotonic_ns() + round(delay_ms * 1e6), self._last_ns)
        self._under_way.append((self._last_ns, arrive))
        if len(self._under_way) == 1:
            self._clock.call_at(self._last_ns, self._pump)

    def _pump(self) -> None:
        now_ns = self._clock.monotonic_ns()
        while self._under_way:
            due_ns = max(self._under_way[0][0], self._weather.dark_until_ns)
            if due_ns > now_ns:
                self._clock.call_at(due_ns, self._pump)
                return
            self._under_way.popleft()[1]()


class Client:
    """The engine's end of a stream: a `Socket`."""

    def __init__(self, clock: SimClock, max_size: int, stamp: Callable[[], int]) -> None:
        self.pulse = Pulse(heard_ns=clock.monotonic_ns())
        self.intake = Intake()
        self.server: Server
        self.ended: Closed | None = None
        self._clock = clock
        self._stamp = stamp
        self._max_size = max_size
        self._waiting: list[Arrival] = []
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()

    async def send(self, text: str) -> None:
        self._opened()
        self.server.inbound.carry(lambda: self.server.hear(text))
        await asyncio.sleep(0)

    async def recv(self) -> list[Arrival]:
        while not self._waiting:
            self._opened()
            self._changed.clear()
            await self._changed.wait()
        taken, self._waiting = self._waiting, []
        self.intake.waiting = self.intake.waiting_bytes = 0
        return taken

    async def ping(self) -> None:
        self._opened()
        self.pulse.pings_sent += 1
        asked_ns = self._clock.monotonic_ns()

        def answered() -> None:
            self.heard()
            self.pulse.pongs_received += 1
            self.pulse.round_trip_s = (self._clock.monotonic_ns() - asked_ns) / 1e9

        self.server.inbound.carry(lambda: self.server.answer(answered))

    async def close(self) -> None:
        if self.ended is None:
            self.end(Closed(1000, "", False))
            self.server.inbound.carry(self.server.left)
            self.server.inbound.carry(lambda: self.server.outbound.carry(self._gone.set))
        try:
            await within(self._clock, CLOSE_DEADLINE_S, self._gone.wait(), "goodbye")
        except TimeoutError:
            self._gone.set()

    # What comes from the other end.

    def heard(self) -> None:
        """Something came."""
        self.pulse.heard_ns = self._clock.monotonic_ns()

    def arrive(self, block: bytes) -> None:
        """Frames came, in one read."""
        self.heard()
        now_ns = self._stamp()
        for payload in unframed(block):
            if self.ended is not None:
                return
            if len(payload) > self._max_size:
                self._refuse(TOO_BIG, f"a message of {len(payload):,} bytes")
                return
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                self._refuse(NOT_TEXT, "a message is not UTF-8")
                return
            self._waiting.append(Arrival(now_ns, text))
            self.intake.messages += 1
            self.intake.bytes += len(payload)
        self.intake.waiting = len(self._waiting)
        self.intake.most_waiting = max(self.intake.most_waiting, self.intake.waiting)
        self._changed.set()

    def end(self, how: Closed) -> None:
        """It is over."""
        if self.ended is None:
            self.ended = how
            self._changed.set()

    def gone(self, how: Closed) -> None:
        """The other side left."""
        self.end(how)
        self._gone.set()

    def _refuse(self, code: int, why: str) -> None:
        self.end(Closed(code, why, False))
        self._gone.set()
        self.server.inbound.carry(self.server.left)

    def _opened(self) -> None:
        if self.ended is not None:
            raise Closed(self.ended.code, self.ended.reason, self.ended.clean)


class Server:
    """The exchange's end: what `Streams` takes for its `Peer`."""

    def __init__(self, client: Client, inbound: Pipe, outbound: Pipe) -> None:
        self.client = client
        self.inbound, self.outbound = inbound, outbound
        self.state = State.OPEN
        self.transport = self
        self._said: deque[str] = deque()
        self._changed = asyncio.Event()
        self._pings: list[asyncio.Future[float]] = []

    # What is below the protocol.

    def write(self, data: bytes, /) -> None:
        if self.state is State.OPEN:
            self.outbound.carry(lambda: self.client.arrive(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self._leave(Closed(None, "", False))

    # What the server does.

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._leave(Closed(code, reason, True))
        await asyncio.sleep(0)

    async def ping(self) -> Awaitable[float]:
        if self.state is not State.OPEN:
            raise ConnectionClosedError(None, None)
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._pings.append(answered)

        def ask() -> None:
            self.client.heard()
            if self.client.ended is None:
                self.inbound.carry(lambda: self._answered(answered))

        self.outbound.carry(ask)
        return answered

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            while self._said:
                yield self._said.popleft()
            if self.state is not State.OPEN:
                return
            self._changed.clear()
            await self._changed.wait()

    # What comes from the other end.

    def hear(self, text: str) -> None:
        """The client said something."""
        if self.state is State.OPEN:
            self._said.append(text)
            self._changed.set()

    def answer(self, arrive: Callable[[], None]) -> None:
        """Answer a ping."""
        if self.state is State.OPEN:
            self.outbound.carry(arrive)

    def left(self) -> None:
        """The client said goodbye."""
        self._end()

    def _answered(self, ping: asyncio.Future[float]) -> None:
        if not ping.done():
            ping.set_result(0.0)
            self._pings.remove(ping)

    def _leave(self, how: Closed) -> None:
        if self.state is State.OPEN:
            self.outbound.carry(lambda: self.client.gone(how))
            self._end()

    def _end(self) -> None:
        self.state = State.CLOSED
        self._changed.set()
        for ping in self._pings:
            if not ping.done():
                ping.set_exception(ConnectionClosedError(None, None))
        self._pings.clear()


class SimNet:
    """The way out of one engine; `close` is the engine's. The far ends stay until `leave`."""

    def __init__(self, clock: SimClock, venues: SimulatedVenues, weather: Mapping[str, Weather], seed: int) -> None:
        self.sockets: list[Client] = []
        """Every one that was opened."""
        self.asked = 0
        self.under_way = 0
        self.stamp = clock.now_ns
        """The engine's receive clock."""
        self._clock = clock
        self._weather = weather
        self._rng = random.Random(f"net {seed}")
        self.far: Owned = {}
        """The exchanges' ends, which may stand longer than ours where no goodbye gets through."""
        self._streams: dict[str, Streams] = {}
        self._requests: dict[str, Requests] = {}
        for streams in venues.streams.values():
            self._streams |= dict.fromkeys(streams.exchange.stream_origins, streams)
        for requests in venues.requests.values():
            self._requests |= dict.fromkeys(requests.exchange.rest_origins, requests)

    async def connect(
        self, url: str, *, max_size: int = MAX_FRAME_BYTES, headers: Mapping[str, str] = NO_HEADERS
    ) -> Client:
        self.under_way += 1
        try:
            return await within(self._clock, CONNECT_DEADLINE_S, self._opened(url, max_size), f"connecting to {url}")
        except TimeoutError:
            raise Failed("timeout", f"{url}: no connection within {CONNECT_DEADLINE_S:g} s") from None
        finally:
            self.under_way -= 1

    async def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
        self.asked += 1
        self.under_way += 1
        try:
            return await within(self._clock, timeout_s, self._fetched(url), f"asking {url}")
        except TimeoutError:
            raise Failed("timeout", f"{url}: no answer within {timeout_s:g} s") from None
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        """Nothing is pooled."""

    async def leave(self) -> None:
        """End what stands at the far end."""
        await settle(self.far)

    async def _opened(self, url: str, max_size: int) -> Client:
        origin, target = _parted(url)
        streams = self._streams[origin]
        weather = self._weather[streams.exchange.name]
        await self._travel(weather, url)
        refused = streams.refusal(origin, target)
        await self._travel(weather, url)
        if refused is not None:
            status, body = refused
            answer = HttpAnswer(status.value, {}, body.encode())
            raise Failed("status", f"{url}: answered {status.value} instead of opening a stream", answer)
        client = Client(self._clock, max_size, self.stamp)
        pipes = (Pipe(self._clock, weather, self._rng), Pipe(self._clock, weather, self._rng))
        client.server = Server(client, *pipes)
        self.sockets.append(client)
        spawn(self.far, streams.serve(client.server, origin, target), f"{origin} serves")
        return client

    async def _fetched(self, url: str) -> HttpAnswer:
        origin, target = _parted(url)
        requests = self._requests[origin]
        weather = self._weather[requests.exchange.name]
        await self._travel(weather, url)
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = await requests.answer(origin, unquote(parts.path), query, "127.0.0.1")
        await self._travel(weather, url)
        if weather.resets and self._rng.random() < weather.resets:
            raise Failed("reset", f"{url}: the connection broke")
        return HttpAnswer(answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.body)

    async def _travel(self, weather: Weather, url: str) -> None:
        await sleep(self._clock, self._rng.uniform(weather.least_ms, weather.most_ms) / 1000)
        while weather.dark_until_ns > self._clock.monotonic_ns():
            await self._clock.sleep_until(weather.dark_until_ns)
        if weather.fails is not None and weather.fails_until_ns > self._clock.monotonic_ns():
            raise Failed(weather.fails, f"{url}: {weather.fails}")


def unframed(block: bytes) -> list[bytes]:
    """The payloads of whole, unmasked text frames (RFC 6455, section 5.2)."""
    found: list[bytes] = []
    place = 0
    while place < len(block):
        assert block[place] == 0x81, "the simulator writes whole text frames"
        length, begin = block[place + 1], place + 2
        if length >= 126:
            width = 2 if length == 126 else 8
            length, begin = int.from_bytes(block[begin : begin + width]), begin + width
        found.append(block[begin : begin + length])
        place = begin + length
    return found


def _parted(url: str) -> tuple[str, str]:
    """Origin, and path with query."""
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{parts.netloc}",
        f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
    )
