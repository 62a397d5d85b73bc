"""What to say on a Bybit stream connection, and how what comes back is told apart. No sockets here.

Called by `live`, which offers it to the driver in the form that all venues share. A topic is the venue's own
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
"""The one path of a product: every topic is on it."""
PING: Final = '{"req_id":"prism-ping","op":"ping"}'

SNAPSHOT_S: Final = 15.0
"""Topics that open with a snapshot sent it within 1.4 s when 697 were subscribed at once (measured 2026-09)."""

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
    """Every trade; quiet where nothing trades."""
    return Channel(f"publicTrade.{instrument.symbol}", PATH, "trades", instrument.symbol)


def book(instrument: Instrument, depth: int) -> Channel:
    """A snapshot, then changes every 100 ms or slower; a dead book may be silent for minutes.

    `depth` is one of `limits.BOOK_DEPTHS` but 1, which is `quote`; ValueError for one that the venue does not offer.
    """
    topic = book_topic(instrument.symbol, depth)
    return Channel(topic, PATH, "book", instrument.symbol, SNAPSHOT_S, 300.0)


def quote(instrument: Instrument) -> Channel:
    """Best bid and ask, sent anew after 3 s without a change (documentation); gaps up to 5.8 s measured in 2026-09."""
    return Channel(book_topic(instrument.symbol, 1), PATH, "quote", instrument.symbol, SNAPSHOT_S, 60.0)


def ticker(instrument: Instrument) -> Channel:
    """Statistics; on linear the mark, index, funding, open interest and best quotes too, as changes after a snapshot.

    The mark of a linear contract moves with its index, every second or so (recorded: never silent for more than 1.1 s);
    contracts on stocks rest with their exchange, and spot sends what changes.
    """
    silence = 300.0 if instrument.kind == "spot" or instrument.category == "tradfi" else 120.0
    return Channel(f"tickers.{instrument.symbol}", PATH, "ticker", instrument.symbol, SNAPSHOT_S, silence)


def candle(instrument: Instrument, interval: str = "1m") -> Channel:
    """Bars of `interval` (a name of `INTERVAL_MS`), pushed every 1 to 60 s (documentation). What is pushed of a bar in
    which nothing trades is not said, so a silence means something only after several bars."""
    minutes = INTERVAL_MS[interval] // MINUTE_MS
    return Channel(f"kline.{minutes}.{instrument.symbol}", PATH, "candle", instrument.symbol, 90.0, 300.0)


def liquidations(instrument: Instrument) -> Channel:
    """All liquidations of a linear contract; quiet where nobody is liquidated."""
    return Channel(f"allLiquidation.{instrument.symbol}", PATH, "liquidations", instrument.symbol)


def book_topic(symbol: str, depth: int) -> str:
    """Topic of a book; raises ValueError for a depth that the venue does not offer, which it would refuse."""
    if depth not in limits.BOOK_DEPTHS:
        raise ValueError(f"bybit offers book depths {limits.BOOK_DEPTHS}, not {depth}")
    return f"orderbook.{depth}.{symbol}"


def room(held: Sequence[str], topic: str) -> bool:
    """Whether the arguments of a connection stay within their length with `topic` among them.

    The length is that of the JSON list: quotes and a comma for each topic, and its brackets.
    """
    count = len(held) + 1
    return sum(map(len, held)) + len(topic) + 3 * count + 1 <= limits.ARGS_CHARS_PER_CONNECTION


def requests(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str], first_id: int) -> list[Request]:
    """Messages that subscribe or end `topics`, within the count per request; ids run from `first_id`."""
    size = limits.ARGS_PER_REQUEST
    made: list[Request] = []
    for number, start in enumerate(range(0, len(topics), size), first_id):
        share = tuple(topics[start : start + size])
        text = msgspec.json.encode({"req_id": str(number), "op": op, "args": share}).decode()
        made.append(Request(text, str(number), share))
    return made


def topic_of(text: str) -> str | None:
    """Topic of a frame of market data; None where it is none.

    Linear frames and most of spot begin with it, spot candles have it second; elsewhere the frame is read as a whole.
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
    """Topic of a frame of `bybit-spot` that says all of what it speaks of, so that only the newest counts; else None.

    Best quotes and tickers are whole there; on linear the tickers are changes, and every one counts.
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
    """The answer in a frame, None where the frame is none (market data, or no JSON).

    A refusal of a subscribe request is one of all its topics: the venue then carries none of them. `topics` names the
    one it objects to, so the others are to be asked for again without it. `already subscribed` is such a refusal too.
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
