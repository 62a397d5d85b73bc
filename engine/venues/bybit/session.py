"""Bybit's stream protocol: channels, subscribe messages, and telling data frames from answers. No sockets here.

Called by `live`, which exposes it through the interface that all venues share. A topic is the venue's own
(`orderbook.200.BTCUSDT`). Sources of the limits: `engine.venues.bybit.limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues.bybit import limits, wire
from engine.venues.live import Ack, Channel, Request

PATH: Final = "public"
"""The only path of a product; it serves every topic."""
PING: Final = '{"req_id":"prism-ping","op":"ping"}'

SNAPSHOT_S: Final = 15.0
"""Deadline for the snapshot that opens a topic. It came within 1.4 s when 697 were subscribed at once (measured
2026-09)."""

_HEAD: Final = '{"topic":"'
_TYPE_HEAD: Final = '{"type":"'
_SECOND: Final = '","topic":"'
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)
_TITLED: Final = msgspec.json.Decoder(wire.Titled)
_NAMED: Final = ",topic:"
"""How a refusal names the topic: `error:handler not found,topic:orderbook.50.NONEUSDT`."""
_OPS: Final[dict[str, Literal["subscribe", "unsubscribe", "pong", "notice"]]] = {
    "subscribe": "subscribe",
    "unsubscribe": "unsubscribe",
    "ping": "pong",
    "pong": "pong",
    "auth": "notice",
}


def trades(instrument: Instrument) -> Channel:
    """Every trade; silent while nothing trades."""
    return Channel(f"publicTrade.{instrument.symbol}", PATH, "trades", instrument.symbol)


def book(instrument: Instrument, depth: int) -> Channel:
    """A snapshot, then deltas at the pace of the depth (see `limits.BOOK_DEPTHS`); an inactive book may be silent for
    minutes.

    `depth` is one of `limits.BOOK_DEPTHS` except 1, which is `quote`. Raises ValueError for a depth that the venue does
    not offer.
    """
    topic = book_topic(instrument.symbol, depth)
    return Channel(topic, PATH, "book", instrument.symbol, SNAPSHOT_S, 300.0)


def quote(instrument: Instrument) -> Channel:
    """Best bid and ask, repeated after 3 s without a change (documentation); silences up to 5.8 s measured 2026-09."""
    return Channel(book_topic(instrument.symbol, 1), PATH, "quote", instrument.symbol, SNAPSHOT_S, 60.0)


def ticker(instrument: Instrument) -> Channel:
    """24 h statistics; on linear also mark, index, funding, open interest and best quotes, as deltas after a snapshot.

    The mark of a linear contract moves with its index, every second or so (recorded: never silent for more than 1.1 s).
    Contracts on stocks pause with their exchange, and spot sends a ticker only when it changes.
    """
    silence = 300.0 if instrument.kind == "spot" or instrument.category == "tradfi" else 120.0
    return Channel(f"tickers.{instrument.symbol}", PATH, "ticker", instrument.symbol, SNAPSHOT_S, silence)


def candle(instrument: Instrument, interval: str = "1m") -> Channel:
    """Bars of `interval` (a name of `INTERVAL_MS`), pushed every 1 to 60 s (documentation). The documentation does not
    say what is pushed for a bar without trades, so only a silence of several bars counts."""
    minutes = INTERVAL_MS[interval] // MINUTE_MS
    return Channel(f"kline.{minutes}.{instrument.symbol}", PATH, "candle", instrument.symbol, 90.0, 300.0)


def liquidations(instrument: Instrument) -> Channel:
    """All liquidations of a linear contract; silent while there are none."""
    return Channel(f"allLiquidation.{instrument.symbol}", PATH, "liquidations", instrument.symbol)


def book_topic(symbol: str, depth: int) -> str:
    """Topic of a book. Raises ValueError for a depth that the venue does not offer and would refuse."""
    if depth not in limits.BOOK_DEPTHS:
        raise ValueError(f"bybit offers book depths {limits.BOOK_DEPTHS}, not {depth}")
    return f"orderbook.{depth}.{symbol}"


def room(held: Sequence[str], topic: str) -> bool:
    """Whether the arguments of a connection stay within their length once `topic` is added.

    The length is that of the JSON list: its brackets, and quotes and a comma per topic.
    """
    count = len(held) + 1
    return sum(map(len, held)) + len(topic) + 3 * count + 1 <= limits.ARGS_CHARS_PER_CONNECTION


def requests(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str], first_id: int) -> list[Request]:
    """Messages that subscribe to or unsubscribe from `topics`, within the count per request; ids run from
    `first_id`."""
    size = limits.ARGS_PER_REQUEST
    made: list[Request] = []
    for number, start in enumerate(range(0, len(topics), size), first_id):
        share = tuple(topics[start : start + size])
        text = msgspec.json.encode({"req_id": str(number), "op": op, "args": share}).decode()
        made.append(Request(text, str(number), share))
    return made


def topic_of(text: str) -> str | None:
    """Topic of a frame of market data; None if it is not one.

    Linear frames and most spot frames begin with it, spot candles have it second; any other frame is decoded as a
    whole.
    """
    if text.startswith(_HEAD):
        start = len(_HEAD)
    elif text.startswith(_TYPE_HEAD) and (found := text.find(_SECOND, len(_TYPE_HEAD), 32)) > 0:
        start = found + len(_SECOND)
    else:
        return _topic_anywhere(text) if '"topic"' in text else None
    end = text.find('"', start)
    if end <= start:
        return None
    topic = text[start:end]
    return topic if "\\" not in topic else _topic_anywhere(text)


def replaced_on_spot(text: str) -> str | None:
    """Conflation key: topic of a `bybit-spot` frame that holds a full state, so that only the newest counts; else None.

    Best quotes and tickers are full states on spot. On linear, tickers are deltas and every one counts.
    """
    topic = topic_of(text)
    return topic if topic is not None and topic.startswith(("orderbook.1.", "tickers.")) else None


def _topic_anywhere(text: str) -> str | None:
    try:
        topic = _TITLED.decode(text).topic
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return topic if isinstance(topic, str) and topic else None


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None if the frame is not an answer (market data, or not JSON).

    Refusing a subscribe request refuses all its topics: the venue then delivers none of them. `topics` names the one it
    objects to, so the others must be requested again without it. `already subscribed` is such a refusal too.
    """
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    named = isinstance(message.op, str)
    if named and message.op in _OPS:
        op: Literal["subscribe", "unsubscribe", "pong", "error", "notice"] = _OPS[message.op]
    elif message.success is not None:
        op = "error" if message.success is False else "notice"
    else:
        return None
    ok = message.success is not False
    said = message.ret_msg if isinstance(message.ret_msg, str) else ""
    code = message.ret_code if isinstance(message.ret_code, int) and message.ret_code else None
    return Ack(
        op,
        ok,
        clean(message.req_id) if isinstance(message.req_id, str) else "",
        () if ok else _refused(said),
        clean(said if code is None else f"{code}: {said}"),
    )


def _refused(said: str) -> tuple[str, ...]:
    _, found, topic = said.partition(_NAMED)
    return (topic,) if found and topic else ()
