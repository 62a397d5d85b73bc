"""One real WebSocket: implements the `Socket` of `engine.transport.net` on picows.

Made only by `engine.transport.live_net`. The callback that picows runs for every frame must do the least possible:
decode, stamp, append. The receiving task is woken once for all messages of one read. Nothing here may know a venue,
open a connection or retry.

picows answers the protocol violations that it detects (opcodes, masks, lengths, close codes) with a close frame and
drops the connection 100 ms later. What it leaves to its user is done here: fragments, reserved bits, UTF-8, pings.
Section numbers in comments are those of RFC 6455.
"""

from __future__ import annotations

import asyncio
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from engine.clock import Clock
from engine.transport.net import (
    CLOSE_DEADLINE_S,
    MAX_WAITING_BYTES,
    MAX_WAITING_MESSAGES,
    Arrival,
    Closed,
    Intake,
    Pulse,
)
from engine.transport.tasks import NS_PER_S, within

MAX_IN_ONE_READ: Final = 200_000
"""Most messages that may wait, whatever the other limits: reading cannot pause within one read, and a read with so many
holds messages of a few bytes, which no venue sends."""
MAX_FRAGMENTS: Final = 4_096
"""Most fragments of one message; empty ones do not add to its size and could go on for ever."""
MAX_OPEN_PINGS: Final = 8
"""Unanswered pings whose send times are kept."""
NO_CODE: Final = 1005
"""The code that stands for a close frame without one (7.1.5)."""

_TEXT: Final = WSMsgType.TEXT
_CONTINUATION: Final = WSMsgType.CONTINUATION
_PING: Final = WSMsgType.PING
_PONG: Final = WSMsgType.PONG
_CLOSE: Final = WSMsgType.CLOSE


class LiveSocket(WSListener):
    """Both the listener that picows calls and the owner's `Socket`, in one object, because every frame passes here."""

    def __init__(
        self,
        clock: Clock,
        max_size: int,
        max_waiting: int = MAX_WAITING_MESSAGES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.pulse = Pulse(heard_ns=clock.monotonic_ns())
        self._intake = Intake()
        self._clock = clock
        self._now_ns = clock.now_ns
        self._monotonic_ns = clock.monotonic_ns
        self._max_size = max_size
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._transport: WSTransport | None = None
        self._waiting: list[Arrival] = []
        self._waiting_bytes = 0
        self._fragments: bytearray | None = None
        """The fragments received so far of an incomplete message."""
        self._fragment_count = 0
        self._receiver: asyncio.Future[None] | None = None
        self._ended: Closed | None = None
        self._room = asyncio.Event()
        """Set while the transport has room to send more, and once the socket has ended."""
        self._room.set()
        self._gone = asyncio.Event()
        """Set once the underlying connection is closed."""
        self._open_pings: dict[bytes, int] = {}

    # What picows calls.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade succeeded."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame; the memory it points to is invalid once this returns."""
        if self._ended is not None:
            if frame.msg_type == _CLOSE:
                transport.disconnect()
            return
        if (
            frame.msg_type == _TEXT
            and frame.fin
            and self._fragments is None
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
            and frame.payload_size <= self._max_size
        ):
            try:
                self._waiting.append(Arrival(self._now_ns(), frame.get_payload_as_utf8_text()))
            except UnicodeDecodeError:
                self._fail(transport, WSCloseCode.INVALID_TEXT, "a message is not UTF-8")
            else:
                self._waiting_bytes += frame.payload_size
                if len(self._waiting) > MAX_IN_ONE_READ:
                    self._fail(transport, WSCloseCode.POLICY_VIOLATION, f"over {MAX_IN_ONE_READ:,} messages at once")
        else:
            self._rare_frame(transport, frame)
        if frame.last_in_buffer:
            self.pulse.heard_ns = self._monotonic_ns()
            if self._waiting:
                self._wake()
                if len(self._waiting) >= self._max_waiting or self._waiting_bytes >= self._max_waiting_bytes:
                    self._pause_reading(transport)
            if transport.is_close_frame_sent and self._ended is None:
                self._end(_closed_by_picows(transport))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The underlying connection is closed."""
        if self._ended is None:
            self._end(_closed_by_picows(transport))
        self._gone.set()

    def pause_writing(self) -> None:
        """The transport's send buffer is full."""
        self._room.clear()

    def resume_writing(self) -> None:
        """The transport's send buffer has room again."""
        self._room.set()

    # What the owner calls.

    @property
    def intake(self) -> Intake:
        """See `Socket.intake`; updated when it is read, not with every frame."""
        self._count()
        return self._intake

    async def send(self, text: str) -> None:
        """See `Socket.send`."""
        self._opened().send(_TEXT, text)
        await self._room.wait()
        if self._ended is not None:
            raise _again(self._ended)

    async def recv(self) -> list[Arrival]:
        """See `Socket.recv`."""
        if self._receiver is not None:
            raise RuntimeError("one task receives from a socket, and another one already does")
        while not self._waiting:
            if self._ended is not None:
                raise _again(self._ended)
            self._receiver = asyncio.get_running_loop().create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        self._count()
        taken, self._waiting = self._waiting, []
        self._waiting_bytes = self._intake.waiting = self._intake.waiting_bytes = 0
        if self._intake.paused:
            self._resume_reading()
        return taken

    async def ping(self) -> None:
        """See `Socket.ping`."""
        transport = self._opened()
        if self._open_pings:
            self.pulse.round_trip_s = None  # a measurement from before an unanswered ping is out of date
        self.pulse.pings_sent += 1
        payload = b"%d" % self.pulse.pings_sent
        if len(self._open_pings) >= MAX_OPEN_PINGS:
            del self._open_pings[next(iter(self._open_pings))]
        self._open_pings[payload] = self._clock.monotonic_ns()
        transport.send_ping(payload)

    async def close(self) -> None:
        """See `Socket.close`."""
        transport = self._transport
        if transport is None:
            return
        try:
            if self._ended is None:
                self._end(Closed(1000, "", False))
                transport.send_close(WSCloseCode.OK)
            await within(self._clock, CLOSE_DEADLINE_S, self._gone.wait(), "goodbye")
        except TimeoutError:
            pass
        finally:
            if not self._gone.is_set():
                transport.disconnect(graceful=False)

    def abandon(self) -> None:
        """Break off the connection at once, without a close frame, because no owner received this socket."""
        if self._ended is None:
            self._end(Closed(None, "", False))
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # Within.

    def _opened(self) -> WSTransport:
        if self._ended is not None:
            raise _again(self._ended)
        assert self._transport is not None
        return self._transport

    def _count(self) -> None:
        """Update the counters; must be called before waiting messages are taken."""
        intake = self._intake
        intake.messages += len(self._waiting) - intake.waiting
        intake.bytes += self._waiting_bytes - intake.waiting_bytes
        intake.waiting = len(self._waiting)
        intake.waiting_bytes = self._waiting_bytes
        intake.most_waiting = max(intake.most_waiting, intake.waiting)

    def _rare_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Handle every frame other than an unfragmented text message."""
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(transport, WSCloseCode.PROTOCOL_ERROR, "a frame uses an extension that was not agreed on")
        elif kind == _PING:
            # Only the newest ping need be answered (5.5.3), and none while the send buffer is full.
            if self._room.is_set():
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind == _PONG:
            self._answered(frame.get_payload_as_bytes())
        elif kind == _CLOSE:
            self._closed_by_server(transport, frame)
        elif kind in (_CONTINUATION, _TEXT):
            self._fragment(transport, frame)
        else:
            self._fail(transport, WSCloseCode.UNSUPPORTED_DATA, "a binary message where text was expected")

    def _fragment(self, transport: WSTransport, frame: WSFrame) -> None:
        if (frame.msg_type == _CONTINUATION) == (self._fragments is None):
            self._fail(transport, WSCloseCode.PROTOCOL_ERROR, "fragments of a message out of order")
            return
        if self._fragments is None:
            self._fragments, self._fragment_count = bytearray(), 0
        fragments = self._fragments
        self._fragment_count += 1
        if self._fragment_count > MAX_FRAGMENTS:
            self._fail(transport, WSCloseCode.MESSAGE_TOO_BIG, f"a message of more than {MAX_FRAGMENTS:,} fragments")
            return
        if len(fragments) + frame.payload_size > self._max_size:
            self._fail(transport, WSCloseCode.MESSAGE_TOO_BIG, f"a message of more than {self._max_size:,} bytes")
            return
        fragments += frame.get_payload_as_bytes()
        if not frame.fin:
            return
        self._fragments = None
        try:
            text = fragments.decode()
        except UnicodeDecodeError:
            self._fail(transport, WSCloseCode.INVALID_TEXT, "a message is not UTF-8")
            return
        self._waiting.append(Arrival(self._now_ns(), text))
        self._waiting_bytes += len(fragments)

    def _answered(self, payload: bytes) -> None:
        sent_ns = self._open_pings.pop(payload, None)
        if sent_ns is not None:
            self.pulse.pongs_received += 1
            self.pulse.round_trip_s = (self._clock.monotonic_ns() - sent_ns) / NS_PER_S

    def _closed_by_server(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        self._end(Closed(int.from_bytes(payload[:2]) or NO_CODE, payload[2:].decode(), True))
        transport.send_close(WSCloseCode.OK)
        transport.disconnect()

    def _fail(self, transport: WSTransport, code: WSCloseCode, reason: str) -> None:
        """Close because of an invalid frame from the other side (7.1.7)."""
        self._end(Closed(code.value, reason, False))
        transport.send_close(code, reason)
        transport.disconnect()

    def _end(self, how: Closed) -> None:
        self._ended = how
        self._fragments = None
        self._room.set()
        self._wake()
        if self._intake.paused:
            self._resume_reading()

    def _wake(self) -> None:
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)

    def _pause_reading(self, transport: WSTransport) -> None:
        if not self._intake.paused and self._ended is None:
            self._intake.paused = True
            self._intake.pauses += 1
            transport.underlying_transport.pause_reading()

    def _resume_reading(self) -> None:
        self._intake.paused = False
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.underlying_transport.resume_reading()


def _closed_by_picows(transport: WSTransport) -> Closed:
    """How it ended if picows closed it, or if it broke without a close frame."""
    sent = transport.close_handshake.sent if transport.close_handshake is not None else None
    return Closed(None, "", False) if sent is None else Closed(sent.code.value, sent.reason, False)


def _again(ended: Closed) -> Closed:
    """A copy of the exception: raising the same one again would make its traceback grow each time."""
    return Closed(ended.code, ended.reason, ended.clean)
