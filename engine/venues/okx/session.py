"""OKX's stream protocol: channels, subscribe messages, and telling data frames from answers. No sockets here.

Called by `live`, which exposes it through the interface that all venues share. A topic is `channel:instId`, or
`channel:instType` for channels of a whole product (`liquidation-orders:SWAP`). Sources of the limits:
`engine.venues.okx.limits`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS
from engine.venues.live import Ack, Channel, ChannelKind, Request
from engine.venues.okx import limits, rows, wire

PING: Final = "ping"
PONG: Final = "pong"
PRODUCT_CHANNELS: Final = frozenset({"liquidation-orders", "instruments"})
"""Channels subscribed for a product instead of an instrument."""

MARKET: Final = (
    Channel("liquidation-orders:SWAP", "public", "liquidations"),
    Channel("instruments:SWAP", "public", "listings"),
)
FIRST_S: Final = 20.0
"""Deadline for the first frame of channels that send their current state on subscription, even if hundreds of topics
are subscribed at once."""

_HEAD: Final = '{"arg":{"channel":"'
_START: Final = len(_HEAD)
_INSTRUMENT: Final = '","instId":"'
_PRODUCT: Final = '","instType":"'
_ACKED: Final = '"},"event"'
_BAR_OF: Final = {length: name for name, length in rows.BARS.items()}
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)
_TITLED: Final = msgspec.json.Decoder(wire.Titled)
_DEEP: Final = tuple(f"{channel}:" for channel, (_, chained) in limits.BOOK_CHANNELS.items() if chained)
_NAMED: Final = re.compile(r"channel:([A-Za-z0-9-]+),inst(?:Id|Type):([^\s,\"}]+)")
"""How a refusal names the topic: `Wrong URL or channel:books,instId:NONE-USDT doesn't exist. Please use ...`."""
_OPS: Final[dict[str, Literal["subscribe", "unsubscribe", "error", "notice"]]] = {
    "subscribe": "subscribe",
    "unsubscribe": "unsubscribe",
    "error": "error",
    "notice": "notice",
    "login": "notice",
    "channel-conn-count": "notice",
    "channel-conn-count-error": "error",
}


def trades(instrument: Instrument) -> Channel:
    """Trades, the fills of one taker order at one price joined; silent while nothing trades."""
    return _channel("trades", instrument, "trades")


def book(instrument: Instrument) -> Channel:
    """A snapshot of 400 levels, then updates every 100 ms; an empty update after a minute without changes
    (documentation)."""
    return _channel("books", instrument, "book", FIRST_S, 180.0)


def ticker(instrument: Instrument) -> Channel:
    """24 h statistics and best quotes on every trade or quote change; an inactive pair may be silent for long."""
    return _channel("tickers", instrument, "ticker", FIRST_S)


def mark(instrument: Instrument) -> Channel:
    """Mark price every 200 ms while it changes, else every 10 s: the first channel to reveal a dead connection."""
    return _channel("mark-price", instrument, "mark", FIRST_S, 30.0)


def funding(instrument: Instrument) -> Channel:
    """The predicted funding rate, every 30 to 90 s."""
    return _channel("funding-rate", instrument, "funding", 100.0, 300.0)


def open_interest(instrument: Instrument) -> Channel:
    """Open interest every 3 s while it changes."""
    return _channel("open-interest", instrument, "open_interest", 60.0)


def candle(instrument: Instrument, interval: str = "1m") -> Channel:
    """Bars of `interval` (a name of `INTERVAL_MS`), pushed while the instrument trades."""
    return _channel(f"candle{_BAR_OF[INTERVAL_MS[interval]]}", instrument, "candle", 90.0)


def _channel(
    name: str, instrument: Instrument, kind: ChannelKind, first_s: float | None = None, silence_s: float | None = None
) -> Channel:
    topic = f"{name}:{instrument.symbol}"
    return Channel(topic, path_of(topic), kind, instrument.symbol, first_s, silence_s)


def path_of(topic: str) -> str:
    """The path that serves a topic: `business` for candles and trades-all, else `public`."""
    channel = topic.partition(":")[0]
    return "business" if channel.startswith("candle") or channel == "trades-all" else "public"


def room(held: Sequence[str], topic: str) -> bool:
    """Whether `topic` still fits on a connection that holds `held`, within the bounds of topics and of books."""
    if len(held) >= limits.TOPICS_PER_CONNECTION:
        return False
    return not topic.startswith(_DEEP) or sum(one.startswith(_DEEP) for one in held) + 1 < limits.BOOKS_PER_CONNECTION


def requests(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str], first_id: int) -> list[Request]:
    """Messages that subscribe to or unsubscribe from `topics`, within the count and length per request; ids run from
    `first_id`."""
    made: list[Request] = []
    batch: list[str] = []
    used = 0
    # Braces, id and op of the request itself.
    room_bytes = limits.REQUEST_BYTES - 128
    for topic in topics:
        cost = len(msgspec.json.encode(_arg(topic))) + 1
        if batch and (used + cost > room_bytes or len(batch) >= limits.TOPICS_PER_REQUEST):
            made.append(_request(op, batch, first_id + len(made)))
            batch, used = [], 0
        batch.append(topic)
        used += cost
    if batch:
        made.append(_request(op, batch, first_id + len(made)))
    return made


def _request(op: str, topics: Sequence[str], number: int) -> Request:
    text = msgspec.json.encode({"id": str(number), "op": op, "args": [_arg(topic) for topic in topics]}).decode()
    return Request(text, str(number), tuple(topics))


def _arg(topic: str) -> dict[str, str]:
    channel, _, name = topic.partition(":")
    return {"channel": channel, "instType" if channel in PRODUCT_CHANNELS else "instId": name}


def topic_of(text: str) -> str | None:
    """Topic of a frame of market data; None if it is not one.

    Pushes begin with their channel and instrument; a frame with another key order is decoded as a whole.
    """
    if not text.startswith(_HEAD):
        return _topic_anywhere(text) if '"arg"' in text and '"event"' not in text else None
    end = text.find('"', _START)
    begin = end + 12
    if text[end:begin] != _INSTRUMENT:
        begin = end + 14
        if text[end:begin] != _PRODUCT:
            return _topic_anywhere(text)
    last = text.find('"', begin)
    name = text[begin:last]
    if last <= begin or "\\" in name or text.startswith(_ACKED, last):
        return _topic_anywhere(text)
    return f"{text[_START:end]}:{name}"


def _topic_anywhere(text: str) -> str | None:
    try:
        found = _TITLED.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return None if found.arg is None or found.event is not None else _topic(found.arg)


def _topic(arg: wire.Arg) -> str:
    name = arg.instType if arg.channel in PRODUCT_CHANNELS else arg.instId
    return f"{arg.channel}:{name or arg.instId or arg.instType or ''}"


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None if the frame is not an answer (market data, or neither JSON nor pong).

    Each topic of a request has its own answer. A refusal names the refused topic in its message; the request's other
    topics are not affected.
    """
    if text == PONG:
        return Ack("pong", True)
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    op = _OPS.get(message.event or "")
    if op is None:
        return None
    said = clean(f"{message.code}: {message.msg}") if message.code or message.msg else ""
    topics: tuple[str, ...] = ()
    if message.arg is not None:
        topics = (clean(_topic(message.arg)),)
    elif op == "error":
        topics = tuple(f"{channel}:{clean(name)}" for channel, name in _NAMED.findall(message.msg or ""))
    closes = op == "notice" and message.code == limits.NOTICE_CLOSING
    return Ack(op, op != "error", clean(message.id or ""), topics, said, closes)
