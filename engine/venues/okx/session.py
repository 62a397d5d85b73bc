"""What to say on an OKX stream connection, and how its answers are recognised. No sockets here.

Called by the transport with the topics a venue should carry; everything returned is text frames to send. A topic is
`channel:instId`, or `channel:instType` for channels of a whole product (`liquidation-orders:SWAP`). Sources of the
limits: `engine.venues.okx.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS
from engine.venues.okx import limits, rows, wire

PING: Final = "ping"
PONG: Final = "pong"
PRODUCT_CHANNELS: Final = frozenset({"liquidation-orders", "instruments"})
"""Channels that are subscribed for a product rather than an instrument."""

_BAR_OF: Final = {length: name for name, length in rows.BARS.items()}
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)
_DEEP: Final = frozenset(channel for channel, (_, chained) in limits.BOOK_CHANNELS.items() if chained)


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer to something we sent, or a notice."""

    op: str
    """`subscribe`, `unsubscribe`, `error`, `notice` or `pong`."""
    ok: bool
    topic: str
    """The topic it speaks of; empty for pongs, notices and errors (whose message names it)."""
    message: str
    """The venue's words, cleaned, with its code in front."""
    closes: bool = False
    """The venue announces that it closes this connection in about a minute: open another one now."""


@dataclass(frozen=True, slots=True)
class OkxSession:
    """The rules of OKX's streams."""

    venue: str = "okx"
    heartbeat: str = PING
    heartbeat_s: float = limits.HEARTBEAT_S

    def hosts(self, path: str) -> tuple[str, ...]:
        """Addresses to connect to for `path`, public or business, first choice first."""
        return limits.STREAM_HOSTS[path]

    def topics(self, instrument: Instrument, book: str = "books", intervals: Sequence[str] = ("1m",)) -> list[str]:
        """Topics of an instrument: trades, ticker, book, candles and for perpetuals mark, index, funding and OI.

        `book` is one of `limits.BOOK_CHANNELS`, or "" for none; `intervals` are names of `INTERVAL_MS`. Liquidations
        come for all swaps at once, on `liquidation-orders:SWAP`.
        """
        symbol = instrument.symbol
        topics = [f"trades:{symbol}", f"tickers:{symbol}"]
        if book:
            if book not in limits.BOOK_CHANNELS:
                raise ValueError(f"okx offers the books {', '.join(limits.BOOK_CHANNELS)}, not {book}")
            topics.append(f"{book}:{symbol}")
        topics += [f"candle{_BAR_OF[INTERVAL_MS[name]]}:{symbol}" for name in intervals]
        if instrument.kind == "perp":
            topics += [f"mark-price:{symbol}", f"funding-rate:{symbol}", f"open-interest:{symbol}"]
            topics.append(f"index-tickers:{instrument.base}-{instrument.quote}")
        return topics

    def connections(self, topics: Iterable[str]) -> list[tuple[str, list[str]]]:
        """Topics shared out as (path, topics): by path, under the bound of books and of topics each, in order."""
        shares: list[tuple[str, list[str]]] = []
        open_shares: dict[str, tuple[list[str], int]] = {}
        for topic in topics:
            path = path_of(topic)
            deep = topic.partition(":")[0] in _DEEP
            held, books = open_shares.get(path, ([], 0))
            full = len(held) >= limits.TOPICS_PER_CONNECTION or (deep and books + 1 >= limits.BOOKS_PER_CONNECTION)
            if not held or full:
                held, books = [], 0
                shares.append((path, held))
            held.append(topic)
            open_shares[path] = (held, books + deep)
        return shares

    def subscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that subscribe `topics`, each within the venue's length limit; ids run from `first_id`."""
        return _requests("subscribe", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int = 1) -> list[str]:
        """Requests that end the subscription of `topics`."""
        return _requests("unsubscribe", topics, first_id)

    def resync(self, topic: str, first_id: int = 1) -> list[str]:
        """Requests that make the venue send a book's snapshot again: it sends one on each subscription."""
        return [*self.unsubscribe([topic], first_id), *self.subscribe([topic], first_id + 1)]


def path_of(topic: str) -> str:
    """The path that serves a topic: `business` for candles and trades-all, else `public`."""
    channel = topic.partition(":")[0]
    return "business" if channel.startswith("candle") or channel == "trades-all" else "public"


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
    topic = ""
    if message.arg is not None:
        topic = clean(f"{message.arg.channel}:{message.arg.instId or message.arg.instType or ''}")
    closes = message.event == "notice" and message.code == limits.NOTICE_CLOSING
    return Ack(clean(message.event, 40), message.event != "error", topic, said, closes)


def _requests(op: str, topics: Sequence[str], first_id: int) -> list[str]:
    requests: list[str] = []
    batch: list[dict[str, str]] = []
    used = 0
    # Braces, id and op of the request itself.
    room = limits.REQUEST_BYTES - 128
    for topic in topics:
        channel, _, name = topic.partition(":")
        arg = {"channel": channel, "instType" if channel in PRODUCT_CHANNELS else "instId": name}
        cost = len(msgspec.json.encode(arg)) + 1
        if batch and used + cost > room:
            requests.append(_request(op, batch, first_id + len(requests)))
            batch, used = [], 0
        batch.append(arg)
        used += cost
    if batch:
        requests.append(_request(op, batch, first_id + len(requests)))
    return requests


def _request(op: str, args: list[dict[str, str]], number: int) -> str:
    return msgspec.json.encode({"id": str(number), "op": op, "args": args}).decode()
