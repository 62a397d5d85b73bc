"""A venue's stream language for tests, and the other side of it: a venue that answers on the sockets of a `FakeNet`.

Topics are `kind:symbol`. Messages: `{"op":"sub","id":"1","topics":[...]}`, answered by `ok:1`, `no:1:words` or
`no:1:words:topic`; data is `topic|text`; `ping` is answered by `pong`; `bye` announces a close.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.transport.capture_records import ConnectionEvent, Frame, Record
from engine.venues.live import Ack, Channel, ChannelKind, Request, StreamLimits
from tests.engine.transport.fake_net import FakeNet, FakeSocket
from tests.engine.transport.plain_language import PlainLanguage

LIMITS = StreamLimits(
    messages_per_s=5,
    requests_per_hour=None,
    connects_per_5_min=100,
    life_s=None,
    heartbeat="ping",
    heartbeat_s=20,
    cut_s=60,
)
FIRST = "wss://one.example/ws"
SECOND = "wss://two.example/ws"


def channel(
    topic: str,
    *,
    path: str = "public",
    kind: ChannelKind | None = None,
    first_s: float | None = 15.0,
    silence_s: float | None = 30.0,
) -> Channel:
    """`book:A` and its like; kind and symbol are read off it."""
    named, _, symbol = topic.partition(":")
    kinds: dict[str, ChannelKind] = {
        "trades": "trades", "book": "book", "ticker": "ticker", "candle": "candle", "liquidations": "liquidations"
    }  # fmt: skip
    return Channel(topic, path, kind or kinds[named], symbol, first_s, silence_s)


def event(topic: str) -> Channel:
    """A channel that speaks only of events."""
    return channel(topic, first_s=None, silence_s=None)


class StreamLanguage(PlainLanguage):
    """As `engine.venues.live.VenueLive`, of venue `okx`."""

    def __init__(
        self, limits: StreamLimits = LIMITS, *, topics_per_connection: int = 100, per_request: int = 10
    ) -> None:
        self.stream_limits = limits
        self.paths: Mapping[str, tuple[str, ...]] = {"public": (FIRST, SECOND), "business": ("wss://three.example/ws",)}
        self.topics_per_connection = topics_per_connection
        self.per_request = per_request
        self.mends_by_request = False

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        return len(held) < self.topics_per_connection

    def mend(self, symbol: str) -> str | None:
        return f"GET /depth?symbol={symbol}" if self.mends_by_request else None

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        return self._requests("sub", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        return self._requests("unsub", topics, first_id)

    def _requests(self, op: str, topics: Sequence[str], first_id: int) -> list[Request]:
        size = self.per_request
        return [
            Request(json.dumps({"op": op, "id": str(number), "topics": share}), str(number), tuple(share))
            for number, start in enumerate(range(0, len(topics), size), first_id)
            for share in [list(topics[start : start + size])]
        ]

    def topic_of(self, text: str) -> str | None:
        topic, found, _ = text.partition("|")
        return topic if found else None

    def read_ack(self, text: str) -> Ack | None:
        if text == "pong":
            return Ack("pong", True)
        if text == "bye":
            return Ack("notice", True, message="64008: upgrade soon", closes=True)
        said, _, rest = text.partition(":")
        number, _, words = rest.partition(":")
        if said == "ok":
            return Ack("subscribe", True, number)
        if said == "no":
            words, _, topic = words.partition("!")
            return Ack("subscribe", False, number, (topic,) if topic else (), words)
        return None


@dataclass
class Venue:
    """The other side of every socket of a `FakeNet`: answers what was sent since it was last asked to."""

    net: FakeNet
    deaf: set[str] = field(default_factory=set)
    """Topics that are acknowledged and never sent."""
    unknown: set[str] = field(default_factory=set)
    """Topics that are refused by name, ..."""
    names_refused: bool = True
    """... or without one."""
    acks: bool = True
    frozen: bool = False
    """Nothing at all is sent."""
    answers_pings: bool = True
    silent_hosts: set[str] = field(default_factory=set)
    held: dict[int, set[str]] = field(default_factory=dict)
    """By number of the socket: what it is subscribed to."""
    read: dict[int, int] = field(default_factory=dict)
    requests: int = 0
    number: int = 0

    def answer(self) -> None:
        """Answer requests and pings."""
        for index, socket in enumerate(self.net.sockets):
            if socket.ended is not None:
                continue
            start = self.read.get(index, 0)
            self.read[index] = len(socket.sent)
            for text in socket.sent[start:]:
                if not self.frozen:
                    self._answer(index, socket, text)

    def _answer(self, index: int, socket: FakeSocket, text: str) -> None:
        if text == "ping":
            if self.answers_pings:
                socket.push("pong")
            return
        said = json.loads(text)
        self.requests += 1
        held = self.held.setdefault(index, set())
        topics = set(said["topics"])
        if said["op"] == "unsub":
            held -= topics
        elif refused := sorted(topics & self.unknown):
            named = f"60018 no such channel!{refused[0]}" if self.names_refused else "bad request"
            socket.push(f"no:{said['id']}:{named}")
            return
        else:
            held |= topics
        if self.acks:
            socket.push(f"ok:{said['id']}")

    def send(self, *topics: str) -> None:
        """The next numbered frame of each topic, on every socket that is subscribed to it; all where none is named."""
        self.number += 1
        for index, held in self.held.items():
            socket = self.net.sockets[index]
            if socket.ended is not None or self.frozen or socket.url in self.silent_hosts:
                continue
            told = sorted(held - self.deaf) if not topics else [one for one in topics if one in held - self.deaf]
            if told:
                socket.push(*(f"{topic}|{self.number}" for topic in told))


class Sink:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.events: list[ConnectionEvent] = []
        self.raises = False

    def __call__(self, record: Record) -> None:
        if self.raises:
            raise RuntimeError("the sink is broken")
        if isinstance(record, Frame):
            self.frames.append(record)
        elif isinstance(record, ConnectionEvent):
            self.events.append(record)

    def of(self, topic: str) -> list[int]:
        """Numbers of the frames of a topic, in the order in which they came."""
        return [int(one.text.partition("|")[2]) for one in self.frames if one.text.startswith(f"{topic}|")]

    def happened(self, name: str) -> list[str]:
        """Events of a connection."""
        return [one.what for one in self.events if one.connection == name]
