"""The seam to the network: what a socket and an HTTP answer are for everything above the transport's real client.

Implemented by `engine.transport.live_net` over real sockets and by `tests.engine.transport.fake_net` as a script.
Everything above asks a `Net` and nothing else, so that a simulation can drive the same code. Nothing here opens
anything, and nothing here knows a venue: hosts, budgets and bans stand in their own modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from engine.errors import PrismError
from engine.text import clean

MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
"""Largest message of a stream, inflated, where the caller names no other bound. The largest recorded is Binance's
all-market mark prices, about 0.2 MB."""
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest body of a REST answer, inflated. The largest asked for are listings, 1 to 3 MB (Binance spot only without
permission sets)."""
CONNECT_DEADLINE_S: Final = 10.0
"""Resolving, connecting, TLS and the upgrade together."""
CLOSE_DEADLINE_S: Final = 1.0
"""How long `Socket.close` waits for the other side's goodbye."""
MAX_WAITING_MESSAGES: Final = 20_000
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""What may wait for `Socket.recv` on one socket before reading pauses: a second of the whole market. TCP then holds the
other side back. What one read of the operating system brought is kept whole, so that the bound may be passed by it."""
NO_HEADERS: Final[Mapping[str, str]] = {}

FailureKind = Literal[
    "local", "resolve", "refused", "reset", "timeout", "tls", "status", "redirect", "oversize", "protocol",
]  # fmt: skip
"""Why something on the network did not work:
local     this program may open no more files: nothing was sent, and no host is to blame
resolve   the host has no address
refused   no connection: nobody listens, no route
reset     the connection broke under way
timeout   no answer within the deadline
tls       the certificate or the TLS handshake was refused; never repeated unverified
status    the upgrade was answered by another status than 101
redirect  an answer that points elsewhere; never followed
oversize  more bytes than allowed, as sent or as inflated
protocol  bytes that are no HTTP or no WebSocket"""


class NetError(PrismError):
    """Something on the network failed; `message` is cleaned and fit to show."""


class Failed(NetError):
    """A connection could not be made, or a request got no usable answer."""

    def __init__(self, kind: FailureKind, message: str, answer: HttpAnswer | None = None) -> None:
        super().__init__(clean(message, 300))
        self.kind: FailureKind = kind
        self.answer = answer
        """What the host answered instead of an upgrade; None where nothing was answered."""


class Closed(NetError):
    """A socket is closed: by the other side, by a fault, or by us."""

    def __init__(self, code: int | None, reason: str, clean_close: bool) -> None:
        self.code = code
        """The close code received, or sent where none was received; None where the connection just broke."""
        self.reason = clean(reason, 200)
        self.clean = clean_close
        """Whether a close frame came from the other side."""
        super().__init__(self.words())

    def words(self) -> str:
        """`closed by server (1001 going away)`, or how else it ended."""
        if self.code is None:
            return f"connection broke{f' ({self.reason})' if self.reason else ''}"
        said = f"{self.code} {self.reason}".strip()
        return f"closed by server ({said})" if self.clean else f"closed ({said})"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer, its body whole and inflated."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of repeated headers the last."""
    body: bytes


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One text message, whole, as it came."""

    t_ns: int
    """When the last part of it was read, nanoseconds since the epoch, UTC."""
    text: str


@dataclass(slots=True)
class Pulse:
    """What one socket has shown of being alive."""

    heard_ns: int
    """Monotonic time at which anything came from the other side, pings and pongs included; first its opening. Stands
    still while reading is paused: then we are the slow ones."""
    pings_sent: int = 0
    pongs_received: int = 0
    """Pongs that answered one of our pings."""
    round_trip_s: float | None = None
    """Of the newest answered ping; None before the first."""


@dataclass(slots=True)
class Intake:
    """What one socket has taken in, and what of it waits for `recv`."""

    messages: int = 0
    bytes: int = 0
    """Payload of all messages, as UTF-8."""
    waiting: int = 0
    """Messages that wait to be received."""
    waiting_bytes: int = 0
    most_waiting: int = 0
    """Largest `waiting` so far."""
    pauses: int = 0
    """How often reading stopped because too much was waiting."""
    paused: bool = False


class Socket(Protocol):
    """One open WebSocket. One task receives; any may send."""

    @property
    def pulse(self) -> Pulse:
        """Signs of life, kept up to date: read, never written by others."""

    @property
    def intake(self) -> Intake:
        """Counters of what came in, as of now: looked up anew each time, never written by others."""

    async def send(self, text: str) -> None:
        """Send one text frame; returns once the transport has room for more. Raises Closed."""

    async def recv(self) -> list[Arrival]:
        """All messages that came since the last call, oldest first, at least one. Raises Closed at the end, after
        everything received was handed out. A message that is not UTF-8 text ends the socket (1007, binary 1003)."""

    async def ping(self) -> None:
        """Send a protocol ping; `pulse` tells of its answer. Server pings are answered without being asked. Raises
        Closed."""

    async def close(self) -> None:
        """Say goodbye, wait `CLOSE_DEADLINE_S` for the answer, then drop the connection. Never raises; may be
        repeated. What was received and not yet taken stays to be taken."""


class Net(Protocol):
    """The way out to the network."""

    async def connect(
        self, url: str, *, max_size: int = MAX_FRAME_BYTES, headers: Mapping[str, str] = NO_HEADERS
    ) -> Socket:
        """Open a WebSocket, within `CONNECT_DEADLINE_S`. Messages over `max_size` bytes close it. Raises Failed."""

    async def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
        """One GET with a deadline for all of it. Any status is an answer, except redirects. Raises Failed."""

    async def close(self) -> None:
        """Give up what is pooled. Sockets that were handed out are their owners' to close."""
