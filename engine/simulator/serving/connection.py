"""One client on a stream of a simulated exchange: its topics, its send queue and its message rate.

Owned by `engine.simulator.serving.streams`. The frames of one step are written together, already encoded: a server's
frames are not masked, so a message to many clients is framed once (RFC 6455, section 5.2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable
from typing import Final, Protocol

from websockets.protocol import State

MAX_UNSENT_BYTES: Final = 32 * 2**20
"""A client with more unread data than this is closed, as real exchanges do."""


def framed(text: str) -> bytes:
    """One text message as a server's WebSocket frame."""
    payload = text.encode("utf-8", "surrogatepass")
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


class Wire(Protocol):
    """The transport to a client: an `asyncio.Transport`, or a simulated one."""

    def write(self, data: bytes, /) -> None:
        """Send bytes."""

    def get_write_buffer_size(self) -> int:
        """Bytes that have not been sent yet."""

    def abort(self) -> None:
        """Break the connection without a close frame."""


class Peer(Protocol):
    """The server's end of a stream: websockets' `ServerConnection`, or a simulated one. Raises `ConnectionClosed`."""

    @property
    def transport(self) -> Wire:
        """The transport below the protocol."""

    @property
    def state(self) -> State:
        """State of the connection."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection with a close frame."""

    async def ping(self) -> Awaitable[float]:
        """Send a ping; the returned awaitable completes with the pong."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The client's messages, until it disconnects."""


class Client:
    """One open stream."""

    def __init__(self, number: int, origin: str, socket: Peer, now_ms: int) -> None:
        self.number = number
        self.origin = origin
        self.socket = socket
        self.opened_ms = now_ms
        self.heard_ms = now_ms
        """When the client last sent anything, pongs included."""
        self.pinged_ms = now_ms
        self.topics: set[str] = set()
        self.frames = 0
        self.is_half_open = False
        """The connection stays open, but nothing is written or answered any more."""
        self._said: deque[int] = deque()
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._flushed_ms = now_ms
        self._credit = 0.0
        """Bytes that a narrow connection may carry now; negative while a long frame is being paid off."""

    def put(self, frame: bytes) -> None:
        """Queue a frame for the next flush."""
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        self.frames += 1

    def flush(self, now_ms: int, bytes_per_s: float = 0.0) -> bool:
        """Write the queued frames, all of them unless `bytes_per_s` bounds it; False if the client does not keep up and
        must be closed."""
        passed_ms, self._flushed_ms = now_ms - self._flushed_ms, now_ms
        if not self._unsent:
            self._credit = 0.0
            return True
        if self.is_half_open or self.socket.state is not State.OPEN:
            self._unsent.clear()
            self._unsent_bytes = 0
            return True
        transport = self.socket.transport
        if transport.get_write_buffer_size() + self._unsent_bytes > MAX_UNSENT_BYTES:
            return False
        transport.write(self._next_block(passed_ms * bytes_per_s / 1000 if bytes_per_s else None))
        return True

    def _next_block(self, more: float | None) -> bytes:
        """Remove and return the frames to write now. On a narrow connection, `more` bytes of credit are added and limit
        them; None: all frames."""
        if more is None:
            block = b"".join(self._unsent)
            self._unsent.clear()
        else:
            self._credit += more
            taken = []
            while self._unsent and self._credit > 0:
                taken.append(self._unsent.popleft())
                self._credit -= len(taken[-1])
            block = b"".join(taken)
        self._unsent_bytes -= len(block)
        return block

    def says_too_much(self, now_ms: int, per_s: float | None) -> bool:
        """Note a message; returns whether the client exceeds `per_s` messages in a second."""
        self.heard_ms = now_ms
        if per_s is None:
            return False
        self._said.append(now_ms)
        while self._said and now_ms - self._said[0] >= 1000:
            self._said.popleft()
        return len(self._said) > per_s
