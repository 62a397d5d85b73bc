"""The network interface: protocols for WebSockets and HTTP requests, and their errors.

Implemented by `engine.transport.live_net` over real sockets and by `tests.engine.transport.fake_net` as a script. All
code above must use a `Net` and nothing else, so that a simulation can drive it. Nothing here opens a connection or
knows a venue: hosts, budgets and bans have their own modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from engine.errors import PrismError
from engine.text import clean

MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
"""Largest message of a stream, inflated, unless the caller sets another limit. The largest recorded is Binance's
all-market mark prices, about 0.2 MB."""
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest body of a REST answer, inflated. The largest requested are listings, 1 to 3 MB (Binance spot only without
permission sets)."""
CONNECT_DEADLINE_S: Final = 10.0
"""For resolving, connecting, TLS and the upgrade together."""
CLOSE_DEADLINE_S: Final = 1.0
"""How long `Socket.close` waits for the other side's close frame."""
MAX_WAITING_MESSAGES: Final = 20_000
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""What may wait for `Socket.recv` on one socket before reading pauses: a second of the whole market. TCP back-pressure
then holds the other side back. Data of one read of the operating system is kept whole, and may exceed the limit."""
NO_HEADERS: Final[Mapping[str, str]] = {}

FailureKind = Literal[
    "local", "resolve", "refused", "reset", "timeout", "tls", "status", "redirect", "oversize", "protocol",
]  # fmt: skip
"""Why a network operation failed:
local     this program may open no more files: nothing was sent, and no host is to blame
resolve   the host has no address
refused   no connection: nothing listens, or no route
reset     the connection broke
timeout   no answer within the deadline
tls       the certificate or the TLS handshake was refused; never repeated unverified
status    the upgrade was answered with another status than 101
redirect  an answer that points elsewhere; never followed
oversize  more bytes than allowed, as sent or as inflated
protocol  bytes that are not valid HTTP or WebSocket"""


class NetError(PrismError):
    """A network operation failed; `message` is cleaned and safe to show."""


class Failed(NetError):
    """A connection could not be made, or a request got no usable answer."""

    def __init__(self, kind: FailureKind, message: str, answer: HttpAnswer | None = None) -> None:
        super().__init__(clean(message, 300))
        self.kind: FailureKind = kind
        self.answer = answer
        """The host's answer instead of an upgrade; None if there was none."""


class Closed(NetError):
    """A socket is closed: by the other side, by a fault, or by us."""

    def __init__(self, code: int | None, reason: str, clean_close: bool) -> None:
        self.code = code
        """The close code received, or else the one sent; None if the connection just broke."""
        self.reason = clean(reason, 200)
        self.clean = clean_close
        """Whether the other side sent a close frame."""
        super().__init__(self.words())

    def words(self) -> str:
        """How it ended, such as `closed by server (1001 going away)`."""
        if self.code is None:
            return f"connection broke{f' ({self.reason})' if self.reason else ''}"
        said = f"{self.code} {self.reason}".strip()
        return f"closed by server ({said})" if self.clean else f"closed ({said})"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer, with its whole body, inflated."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; the last one of repeated headers."""
    body: bytes


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One complete text message, as received."""

    t_ns: int
    """When its last part was read, nanoseconds since the epoch, UTC."""
    text: str


@dataclass(slots=True)
class Pulse:
    """Liveness of one socket."""

    heard_ns: int
    """Monotonic time of the newest data from the other side, pings and pongs included; at first that of its opening.
    Does not advance while reading is paused: then we are the slow side."""
    pings_sent: int = 0
    pongs_received: int = 0
    """Pongs that answered one of our pings."""
    round_trip_s: float | None = None
    """Of the newest answered ping; None if none, or while an earlier ping is unanswered."""


@dataclass(slots=True)
class Intake:
    """Receive counters of one socket, and what waits for `recv`."""

    messages: int = 0
    bytes: int = 0
    """Payload of all messages, as UTF-8."""
    waiting: int = 0
    """Messages that wait for `recv`."""
    waiting_bytes: int = 0
    most_waiting: int = 0
    """Largest `waiting` so far."""
    pauses: int = 0
    """How often reading was paused because too much was waiting."""
    paused: bool = False


class Socket(Protocol):
    """One open WebSocket. One task receives; any may send."""

    @property
    def pulse(self) -> Pulse:
        """Liveness, kept up to date; read-only for others."""

    @property
    def intake(self) -> Intake:
        """Receive counters as of now: read the property each time, do not keep the object; read-only for others."""

    async def send(self, text: str) -> None:
        """Send one text frame; returns once the transport has room for more. Raises Closed."""

    async def recv(self) -> list[Arrival]:
        """All messages since the last call, oldest first, at least one. Raises Closed at the end, after everything
        received was returned. A message that is not UTF-8 text ends the socket (1007, binary 1003)."""

    async def ping(self) -> None:
        """Send a protocol ping; its answer shows in `pulse`. Pings of the server are answered automatically. Raises
        Closed."""

    async def close(self) -> None:
        """Send a close frame, wait `CLOSE_DEADLINE_S` for the answer, then drop the connection. Never raises; may be
        called again. Messages received but not yet taken can still be taken."""


class Net(Protocol):
    """Opens WebSockets and sends HTTP requests."""

    async def connect(
        self, url: str, *, max_size: int = MAX_FRAME_BYTES, headers: Mapping[str, str] = NO_HEADERS
    ) -> Socket:
        """Open a WebSocket, within `CONNECT_DEADLINE_S`. Messages over `max_size` bytes close it. Raises Failed."""

    async def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
        """One GET with a deadline for the whole of it. Any status is an answer, except redirects. Raises Failed."""

    async def close(self) -> None:
        """Close pooled connections. Sockets that were handed out must be closed by their owners."""
