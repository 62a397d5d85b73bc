"""The seam to the network: what a socket and an HTTP answer are for everything above the transport's real client.

Implemented by `engine.transport.live_net` over real sockets and by fakes in the tests. Everything above asks a `Net`
and nothing else, so that a simulation can drive the same code. Nothing here opens anything, and nothing here knows a
venue: hosts, budgets and bans stand in their own modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

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
NO_HEADERS: Final[Mapping[str, str]] = {}

FailureKind = Literal["resolve", "refused", "reset", "timeout", "tls", "status", "redirect", "oversize", "protocol"]
"""Why something on the network did not work:
resolve   the host has no address
refused   no connection: nobody listens, no route, no descriptors left
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


@dataclass(slots=True)
class Pulse:
    """What protocol pings have shown of one socket."""

    pings_sent: int = 0
    pongs_received: int = 0
    """Pongs that answered one of our pings."""
    round_trip_s: float | None = None
    """Of the newest answered ping; None before the first."""


class Socket(Protocol):
    """One open WebSocket. One task receives; any may send."""

    @property
    def pulse(self) -> Pulse:
        """Counters of protocol pings, alive: read, never written by others."""

    async def send(self, text: str) -> None:
        """Send one text frame; returns once the transport has room for more. Raises Closed."""

    async def recv(self) -> str:
        """The next text message. Raises Closed at the end, after everything received was handed out."""

    async def ping(self) -> None:
        """Send a protocol ping; `pulse` tells of its answer. Server pings are answered without being asked."""

    async def close(self) -> None:
        """Say goodbye, wait a bounded time for the answer, then drop the connection. Never raises; may be repeated."""


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
