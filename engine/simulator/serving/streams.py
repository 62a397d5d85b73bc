"""The stream servers of one simulated exchange: connections, subscriptions, pings, disconnects and writing of frames.

Driven by `engine.simulator.serving.venues`, which moves the world. An error in one connection must never stop the
others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from engine.simulator.exchange import Exchange, Reply
from engine.simulator.faults import Faults
from engine.simulator.serving.connection import Client, Peer, framed
from engine.simulator.serving.time import WorldTime

LOG: Final = logging.getLogger("prism.simulator")

HOST: Final = "127.0.0.1"
LIFE_MS: Final = 24 * 3_600_000
PONG_MS: Final = 600_000
"""A client that answered no ping for this long is disconnected."""
SUBJECT_CHARS: Final = 200
"""The beginning of a first snapshot, which contains its topic."""
GOING_AWAY: Final = 1001
TOO_MUCH: Final = 1008
KILL: Final = 1006


class Streams:
    """All stream connections of one exchange."""

    def __init__(self, exchange: Exchange, faults: Faults, time: WorldTime) -> None:
        self.exchange = exchange
        self.clients: dict[int, Client] = {}
        self.wanted: dict[str, int] = {}
        """Number of subscribers by topic."""
        self.sent = 0
        self.opened = 0
        """Connections opened so far."""
        self.failures = 0
        """Connections that ended with an error of the simulator itself."""
        self._of: dict[str, set[int]] = {}
        self._faults = faults
        self._time = time
        self._servers: list[Server] = []
        self._later: list[tuple[int, int, str]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> dict[str, str]:
        """Listen; returns the loopback origin of each real one."""
        routes = {}
        for origin in self.exchange.stream_origins:
            server = await serve(
                partial(self._accept, origin=origin),
                HOST,
                0,
                compression=None,
                ping_interval=None,
                max_size=2**20,
                process_request=partial(self._look, origin=origin),
            )
            self._servers.append(server)
            port = next(iter(server.sockets)).getsockname()[1]
            routes[origin] = f"ws://{HOST}:{port}"
        return routes

    async def close(self) -> None:
        """Break every connection and stop listening."""
        self.break_all()
        for server in self._servers:
            server.close()
        await asyncio.gather(*(server.wait_closed() for server in self._servers))

    def put(self, frames: Iterable[tuple[str, str]], now_ms: int) -> None:
        """Queue (topic, frame) pairs for the subscribers of each topic, faults applied."""
        name = self.exchange.name
        for topic, text in frames:
            receivers = self._of.get(topic)
            if not receivers:
                continue
            for later_ms, sent in self._faults.frames(name, topic, text, now_ms):
                if later_ms:
                    self._later.append((now_ms + later_ms, len(self._later), topic + "\0" + sent))
                else:
                    self._write(receivers, sent)

    def put_private(self, frames: Iterable[tuple[int, str]]) -> None:
        """Queue (connection, frame) pairs."""
        for number, text in frames:
            client = self.clients.get(number)
            if client is not None:
                client.put(framed(text))

    def step(self, now_ms: int) -> None:
        """Once per step: delayed frames that are due, pings, disconnects, and writing."""
        if self._later:
            due = sorted(one for one in self._later if one[0] <= now_ms)
            self._later = [one for one in self._later if one[0] > now_ms]
            for _, _, held in due:
                topic, _, text = held.partition("\0")
                self._write(self._of.get(topic, ()), text)
        for client in list(self.clients.values()):
            self._tend(client, now_ms)

    def break_all(self) -> None:
        """Break every connection without a close frame."""
        for client in list(self.clients.values()):
            client.socket.transport.abort()

    def kick_all(self) -> None:
        """Close every connection as at the end of its life."""
        for client in list(self.clients.values()):
            self._close(client, GOING_AWAY, "connection has reached its life of 24 hours")

    def half_open_all(self, on: bool) -> None:
        """Make open connections half-open (silent), or normal again."""
        for client in self.clients.values():
            client.is_half_open = on

    def subscriptions(self) -> dict[int, set[str]]:
        """Topics by connection."""
        return {number: set(client.topics) for number, client in self.clients.items()}

    def _write(self, receivers: Iterable[int], text: str) -> None:
        frame = framed(text)
        for number in receivers:
            self.clients[number].put(frame)
            self.sent += 1

    def refusal(self, origin: str, target: str) -> tuple[HTTPStatus, str] | None:
        """Status and body with which an upgrade at `target` (path and query) is refused; None: it is accepted."""
        now_ms, name = self._time.now_ms(), self.exchange.name
        path = urlsplit(target).path
        for status in (451, 403):
            if self._faults.is_on(str(status), name, now_ms, "stream"):  # type: ignore[arg-type]
                return HTTPStatus(status), "Service unavailable from a restricted location\n"
        if self._faults.is_on("refuse", name, now_ms, path):
            return HTTPStatus.SERVICE_UNAVAILABLE, "refused\n"
        if not self.exchange.path_exists(origin, path):
            return HTTPStatus.NOT_FOUND, "no such path\n"
        return None

    def _look(self, socket: ServerConnection, request: Request, origin: str) -> Response | None:
        refused = self.refusal(origin, request.path)
        return None if refused is None else socket.respond(*refused)

    async def _accept(self, socket: ServerConnection, origin: str) -> None:
        await self.serve(socket, origin, socket.request.path if socket.request is not None else "/")

    async def serve(self, socket: Peer, origin: str, target: str) -> None:
        """Serve one client at `target` (path and query) until it disconnects."""
        now_ms = self._time.now_ms()
        self.opened += 1
        client = Client(self.opened, origin, socket, now_ms)
        self.clients[client.number] = client
        client.is_half_open = self._faults.is_on("half_open", self.exchange.name, now_ms)
        parts = urlsplit(target)
        try:
            query = dict(parse_qsl(parts.query))
            self._obey(client, self.exchange.opened(client.number, origin, parts.path, query, now_ms))
            async for message in socket:
                self._hear(client, message if isinstance(message, str) else message.decode("utf-8", "replace"))
        except ConnectionClosed:
            pass
        except Exception:
            # An error in an exchange's code ends this one connection, as a crash of a venue's front end would, and must
            # not stop the server; tests check the count.
            self.failures += 1
            LOG.exception("a connection of %s failed", self.exchange.name)
        finally:
            self._leave(client, list(client.topics))
            self.exchange.closed(client.number)
            del self.clients[client.number]

    def _hear(self, client: Client, text: str) -> None:
        now_ms = self._time.now_ms()
        if client.is_half_open:
            return
        if client.says_too_much(now_ms, self.exchange.messages_per_s):
            self._close(client, TOO_MUCH, "too many messages")
            return
        reply = self.exchange.message(client.number, text, now_ms)
        if reply.joined and self._faults.is_on("ack_error", self.exchange.name, now_ms, " ".join(reply.joined)):
            # The subscription is dropped, and its acknowledgement is turned into a refusal.
            reply = Reply(texts=[_refused(one) for one in reply.texts[:1]])
        self._obey(client, reply)

    def _obey(self, client: Client, reply: Reply) -> None:
        for topic in reply.joined:
            if topic not in client.topics:
                client.topics.add(topic)
                self._of.setdefault(topic, set()).add(client.number)
                self.wanted[topic] = self.wanted.get(topic, 0) + 1
        self._leave(client, reply.left)
        now_ms, name = self._time.now_ms(), self.exchange.name
        for text in reply.texts:
            # First snapshots come with the answer and get faults like all data; the answers themselves do not.
            if '"data":' in text:
                for sent in self._faults.first(name, text[:SUBJECT_CHARS], text, now_ms):
                    client.put(framed(sent))
            else:
                client.put(framed(text))
        client.flush(now_ms, self._width(now_ms))
        if reply.close is not None:
            self._close(client, *reply.close)

    def _leave(self, client: Client, topics: Iterable[str]) -> None:
        for topic in topics:
            if topic in client.topics:
                client.topics.discard(topic)
                self._of[topic].discard(client.number)
                self.wanted[topic] -= 1
                if not self.wanted[topic]:
                    del self.wanted[topic], self._of[topic]

    def _width(self, now_ms: int) -> float:
        """Bytes per second that a connection carries; 0: no limit."""
        return self._faults.value("narrow", self.exchange.name, now_ms)

    def _tend(self, client: Client, now_ms: int) -> None:
        exchange = self.exchange
        if not client.flush(now_ms, self._width(now_ms)):
            self._close(client, TOO_MUCH, "slow consumer")
            return
        if client.is_half_open:
            return
        cut_s = exchange.silence_cut_s
        if cut_s is not None and now_ms - client.heard_ms > cut_s * 1000:
            self._close(client, GOING_AWAY, "no message within the time allowed")
        elif now_ms - client.opened_ms > LIFE_MS:
            self._close(client, GOING_AWAY, "connection has reached its life of 24 hours")
        elif exchange.pings_s is not None and now_ms - client.pinged_ms > exchange.pings_s * 1000:
            if now_ms - client.heard_ms > PONG_MS:
                self._close(client, GOING_AWAY, "no pong")
                return
            client.pinged_ms = now_ms
            self._spawn(self._ping(client))

    async def _ping(self, client: Client) -> None:
        try:
            await (await client.socket.ping())
            client.heard_ms = self._time.now_ms()
        except ConnectionClosed:
            return

    def _close(self, client: Client, code: int, reason: str) -> None:
        self._spawn(client.socket.close(code, reason))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refused(text: str) -> str:
    """An acknowledgement turned into a refusal, in the venue's format."""
    for good, bad in (
        ('"result":null', '"error":{"code":2,"msg":"Invalid request: injected"}'),
        ('"success":true', '"success":false'),
        ('"event":"subscribe"', '"event":"error","code":"60018","msg":"injected"'),
    ):
        if good in text:
            return text.replace(good, bad)
    return text
