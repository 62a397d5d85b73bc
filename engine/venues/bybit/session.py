"""What to say on a Bybit stream connection, and how its answers are recognised. No sockets here.

Called by the transport with the topics a venue should carry; everything returned is text frames to send. Sources of
the limits: `engine.venues.bybit.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues.bybit import limits, wire

PING: Final = '{"req_id":"prism-ping","op":"ping"}'
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)
_CONTROL_OPS: Final = frozenset({"subscribe", "unsubscribe", "ping", "pong", "auth"})


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer to something we sent."""

    op: str
    ok: bool
    request_id: str
    message: str
    """The venue's words, cleaned; on failure they name the topic that was refused."""


@dataclass(frozen=True, slots=True)
class BybitSession:
    """The rules of one product's stream, `bybit-linear` or `bybit-spot`."""

    venue: str
    heartbeat: str = PING
    heartbeat_s: float = limits.HEARTBEAT_S

    def hosts(self) -> tuple[str, ...]:
        """Addresses to connect to, first choice first."""
        return limits.STREAM_HOSTS[self.venue]

    def topics(self, instrument: Instrument, depth: int = 50, intervals: Sequence[str] = ("1m",)) -> list[str]:
        """Topics that carry an instrument: trades, book, ticker, candles and, on linear, liquidations.

        `depth` is one of `limits.BOOK_DEPTHS`, or 0 for no book; `intervals` are names of `INTERVAL_MS`.
        """
        symbol = instrument.symbol
        topics = [f"publicTrade.{symbol}", f"tickers.{symbol}"]
        if depth:
            topics.append(book_topic(symbol, depth))
        topics += [f"kline.{INTERVAL_MS[name] // MINUTE_MS}.{symbol}" for name in intervals]
        if self.venue == "bybit-linear":
            topics.append(f"allLiquidation.{symbol}")
        return topics

    def connections(self, topics: Iterable[str]) -> list[list[str]]:
        """Topics shared out so that no connection's arguments exceed the venue's length limit, in order."""
        shares: list[list[str]] = []
        used = limits.ARGS_CHARS_PER_CONNECTION + 1
        for topic in topics:
            # Each argument costs its quotes and a comma besides its characters, and the list one more.
            cost = len(topic) + 3
            if used + cost > limits.ARGS_CHARS_PER_CONNECTION:
                shares.append([])
                used = 1
            shares[-1].append(topic)
            used += cost
        return shares

    def subscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that subscribe `topics`, within the venue's count per request; ids run from `first_id`."""
        return self._requests("subscribe", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that end the subscription of `topics`."""
        return self._requests("unsubscribe", topics, first_id)

    def resync(self, topic: str, first_id: int = 1) -> list[str]:
        """Requests that make the venue send a book's snapshot again: it sends one on each subscription."""
        return [*self.unsubscribe([topic], first_id), *self.subscribe([topic], first_id + 1)]

    def _requests(self, op: str, topics: Sequence[str], first_id: int) -> list[str]:
        size = limits.SPOT_ARGS_PER_REQUEST if self.venue == "bybit-spot" else limits.LINEAR_ARGS_PER_REQUEST
        return [
            msgspec.json.encode(
                {"req_id": str(first_id + start // size), "op": op, "args": list(topics[start : start + size])}
            ).decode()
            for start in range(0, len(topics), size)
        ]


def book_topic(symbol: str, depth: int) -> str:
    """Topic of a book; raises ValueError for a depth that the venue does not offer, which it would refuse."""
    if depth not in limits.BOOK_DEPTHS:
        raise ValueError(f"bybit offers book depths {limits.BOOK_DEPTHS}, not {depth}")
    return f"orderbook.{depth}.{symbol}"


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None where the frame is none (market data, or no JSON)."""
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if message.op not in _CONTROL_OPS if isinstance(message.op, str) else message.success is None:
        return None
    return Ack(
        op=message.op if isinstance(message.op, str) else "",
        ok=message.success is not False,
        request_id=clean(message.req_id) if isinstance(message.req_id, str) else "",
        message=clean(message.ret_msg) if isinstance(message.ret_msg, str) else "",
    )
