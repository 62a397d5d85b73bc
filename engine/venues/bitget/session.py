"""What to say on a Bitget stream connection, and how its answers are recognised. No sockets here.

Called by the transport with the topics a venue should carry; everything returned is text frames to send. A topic is
`topic:symbol` (`books:BTCUSDT`), for candles `kline.interval:symbol` (`kline.1m:BTCUSDT`), and `liquidation` alone for
the whole product. Sources of the limits: `engine.venues.bitget.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS
from engine.venues.bitget import limits, wire
from engine.venues.bitget.candles import INTERVALS
from engine.venues.bitget.parse import PONG
from engine.venues.bitget.symbols import VENUE

PING: Final = "ping"
LIQUIDATIONS: Final = "liquidation"
"""The one topic that is subscribed for all symbols at once."""

_NAME_OF: Final = {length: name for name, length in INTERVALS.items()}
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer to something we sent."""

    op: str
    """`subscribe`, `unsubscribe`, `error`, `pong` or another event of the venue's."""
    ok: bool
    topic: str
    """The topic it speaks of, in our form; empty where the venue names none."""
    message: str
    """The venue's words, cleaned, with its code in front."""


@dataclass(frozen=True, slots=True)
class BitgetSession:
    """The rules of Bitget's streams. Its requests carry no id: an answer names its topic instead."""

    venue: str = VENUE
    heartbeat: str = PING
    heartbeat_s: float = limits.HEARTBEAT_S

    def hosts(self, path: str = "public") -> tuple[str, ...]:
        """Addresses to connect to, first choice first; every topic is on the one path."""
        return limits.STREAM_HOSTS[path]

    def topics(self, instrument: Instrument, book: str = "books", intervals: Sequence[str] = ("1m",)) -> list[str]:
        """Topics of an instrument: trades, ticker (with mark, index, funding and open interest), book and candles.

        `book` is one of `limits.BOOK_TOPICS`, or "" for none; `intervals` are names of `INTERVAL_MS`. Liquidations
        come for all symbols at once, on `LIQUIDATIONS`.
        """
        symbol = instrument.symbol
        topics = [f"publicTrade:{symbol}", f"ticker:{symbol}"]
        if book:
            if book not in limits.BOOK_TOPICS:
                raise ValueError(f"bitget offers the books {', '.join(limits.BOOK_TOPICS)}, not {book}")
            topics.append(f"{book}:{symbol}")
        topics += [f"kline.{_NAME_OF[INTERVAL_MS[name]]}:{symbol}" for name in intervals]
        return topics

    def connections(
        self, topics: Iterable[str], per_connection: int = limits.CHANNELS_PER_CONNECTION
    ) -> list[list[str]]:
        """Topics shared out in order, at most `per_connection` each; ValueError for more than the venue allows."""
        if not 0 < per_connection <= limits.CHANNELS_PER_CONNECTION_MAX:
            most = limits.CHANNELS_PER_CONNECTION_MAX
            raise ValueError(f"bitget carries 1 to {most} channels on a connection, not {per_connection}")
        held = list(topics)
        return [held[start : start + per_connection] for start in range(0, len(held), per_connection)]

    def subscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that subscribe `topics`. `first_id` is taken as at the other venues and has no place to go here."""
        return _requests("subscribe", topics)

    def unsubscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that end the subscription of `topics`."""
        return _requests("unsubscribe", topics)

    def resync(self, topic: str, first_id: int = 1) -> list[str]:
        """Requests that make the venue send a book's snapshot again: it sends one on each subscription."""
        return [*self.unsubscribe([topic]), *self.subscribe([topic])]


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None where the frame is none (market data, or neither JSON nor pong)."""
    if text == PONG:
        return Ack("pong", True, "", "")
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if message.event is None:
        return None
    said = clean(f"{message.code}: {message.msg}") if message.code or message.msg else ""
    topic = "" if message.arg is None else clean(topic_of(message.arg))
    return Ack(clean(message.event, 40), message.event != "error", topic, said)


def topic_of(arg: wire.Arg) -> str:
    """The topic that an argument names, in our form."""
    topic = arg.topic if arg.interval is None else f"{arg.topic}.{arg.interval}"
    return topic if arg.symbol is None else f"{topic}:{arg.symbol}"


def _arg(topic: str) -> dict[str, str]:
    name, _, symbol = topic.partition(":")
    name, _, interval = name.partition(".")
    arg = {"instType": limits.STREAM_CATEGORY, "topic": name}
    if symbol:
        arg["symbol"] = symbol
    if interval:
        arg["interval"] = interval
    return arg


def _requests(op: str, topics: Sequence[str]) -> list[str]:
    size = limits.ARGS_PER_REQUEST
    return [
        msgspec.json.encode({"op": op, "args": [_arg(topic) for topic in topics[start : start + size]]}).decode()
        for start in range(0, len(topics), size)
    ]
