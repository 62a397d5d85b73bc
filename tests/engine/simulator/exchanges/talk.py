"""A talk with one simulated exchange, without servers: what the server side does with it, and what was said.

Time is the world's; every step is what the servers make of one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from engine.simulator.exchange import Answer, Exchange, Reply
from engine.simulator.world import World

STEP_MS: Final = 10


class Talk:
    """Connections to one exchange, and every frame each of them got, in order."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        self.world = world
        self.exchange = exchange
        self.rest_origin = exchange.rest_origins[0]
        self.heard: dict[int, list[str]] = {}
        self.wanted: Counter[str] = Counter()
        self._topics: dict[int, set[str]] = {}

    def open(self, number: int, path: str, origin: str = "", /, **query: str) -> None:
        """A new connection, at the first of the exchange's origins unless another is named."""
        origin = origin or self.exchange.stream_origins[0]
        assert self.exchange.path_exists(origin, path)
        self.heard[number], self._topics[number] = [], set()
        self._obey(number, self.exchange.opened(number, origin, path, query, self.world.now_ms))

    def say(self, number: int, message: Any) -> Reply:
        """A message on a connection: text as it is, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        reply = self.exchange.message(number, text, self.world.now_ms)
        self._obey(number, reply)
        return reply

    def close(self, number: int) -> None:
        """The connection breaks."""
        for topic in self._topics.pop(number):
            self._leave(topic)
        self.exchange.closed(number)

    def ask(self, path: str, /, **query: str | int) -> Answer:
        """The answer to `GET path?query`."""
        return self.ask_as("one", path, **query)

    def ask_as(self, address: str, path: str, /, **query: str | int) -> Answer:
        """The same from another address."""
        asked = {key: str(value) for key, value in query.items()}
        return self.exchange.rest(self.rest_origin, path, asked, address, self.world.now_ms)

    def get(self, path: str, /, **query: str | int) -> Any:
        """The body of an answer, as JSON."""
        return json.loads(self.ask(path, **query).body)

    def run(self, ms: int, each: Callable[[], None] | None = None) -> None:
        """Let time pass; `each` is called after every step."""
        end = self.world.now_ms + ms
        while self.world.now_ms < end:
            for happening in self.world.advance(self.world.now_ms + STEP_MS):
                self._put(self.exchange.happened(happening, self.wanted))
            self._put(self.exchange.tick(self.world.now_ms, self.wanted))
            assert not self.exchange.private(self.world.now_ms)
            if each is not None:
                each()

    def until(self, condition: Callable[[], bool], ms: int) -> None:
        """Let time pass until `condition` holds, at most `ms`."""
        end = self.world.now_ms + ms
        while not condition():
            assert self.world.now_ms < end, "it did not come to pass"
            self.run(STEP_MS)

    def pushes(self, number: int) -> list[dict[str, Any]]:
        """The market data that a connection got."""
        messages = [json.loads(text) for text in self.heard[number] if text.startswith("{")]
        return [message for message in messages if "data" in message]

    def _put(self, frames: Any) -> None:
        for topic, text in frames:
            assert topic in self.wanted, f"{topic} is wanted by nobody"
            for number, topics in self._topics.items():
                if topic in topics:
                    self.heard[number].append(text)

    def _obey(self, number: int, reply: Reply) -> None:
        for topic in reply.joined:
            if topic not in self._topics[number]:
                self._topics[number].add(topic)
                self.wanted[topic] += 1
        for topic in reply.left:
            if topic in self._topics[number]:
                self._topics[number].discard(topic)
                self._leave(topic)
        self.heard[number] += reply.texts

    def _leave(self, topic: str) -> None:
        self.wanted[topic] -= 1
        if not self.wanted[topic]:
            del self.wanted[topic]
