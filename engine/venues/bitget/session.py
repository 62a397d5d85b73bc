"""Bitget's stream protocol: channels, subscribe messages, and telling data frames from answers. No sockets here.

Called by `live`, which exposes it through the interface that all venues share. A topic is `topic:symbol`
(`books:BTCUSDT`), for candles `kline.interval:symbol` (`kline.1m:BTCUSDT`), and `liquidation` alone for the whole
product. Sources of the limits: `engine.venues.bitget.limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import INTERVAL_MS
from engine.venues.bitget import limits, wire
from engine.venues.bitget.candles import INTERVALS
from engine.venues.bitget.parse import PONG
from engine.venues.live import Ack, Channel, Request

PATH: Final = "public"
"""The only path; it serves every topic."""
PING: Final = "ping"
LIQUIDATIONS: Final = "liquidation"
"""The only topic that is subscribed for all symbols at once."""

SNAPSHOT_S: Final = 15.0
"""Deadline for the snapshot that opens a topic. It came 0.1 s after the answer to the subscription (measured
2026-09-15)."""

_NAME_OF: Final = {length: name for name, length in INTERVALS.items()}
_ARG: Final = '"arg":{'
_ACTION_FIRST: Final = '{"action":"'
_DATA_FIRST: Final = '{"data":['
_TAIL_CHARS: Final = 256
_ARG_CHARS: Final = 200
"""Longest argument that is cut out of the text; with a longer one the frame is decoded as a whole. Symbols have at most
64 characters."""
_HEAD: Final = msgspec.json.Decoder(wire.Head, strict=False)
_CONTROL: Final = msgspec.json.Decoder(wire.Control, strict=False)
_ONE_ARG: Final = msgspec.json.Decoder(wire.Arg)
_OPS: Final[dict[str, Literal["subscribe", "unsubscribe", "error", "notice"]]] = {
    "subscribe": "subscribe",
    "unsubscribe": "unsubscribe",
    "error": "error",
}


def liquidations() -> Channel:
    """The largest liquidations of all symbols; silent while there are none."""
    return Channel(LIQUIDATIONS, PATH, "liquidations")


def ticker(instrument: Instrument) -> Channel:
    """24 h statistics, best quotes, mark, index, funding and open interest; 48 to 198 ms apart even for a symbol with
    an unchanged mark (measured 2026-09-15)."""
    return Channel(f"ticker:{instrument.symbol}", PATH, "ticker", instrument.symbol, SNAPSHOT_S, 90.0)


def candle(instrument: Instrument, interval: str = "1m") -> Channel:
    """Bars of `interval` (a name of `INTERVAL_MS`): every second with trades, else once per bar (documentation)."""
    topic = f"kline.{_NAME_OF[INTERVAL_MS[interval]]}:{instrument.symbol}"
    return Channel(topic, PATH, "candle", instrument.symbol, 90.0, 300.0)


def trades(instrument: Instrument) -> Channel:
    """Every trade, after a snapshot of some earlier ones; silent while nothing trades."""
    return Channel(f"publicTrade:{instrument.symbol}", PATH, "trades", instrument.symbol, 30.0)


def book(instrument: Instrument, topic: str = "books") -> Channel:
    """A snapshot of up to 1000 levels, then updates; thin books were silent for 7.7 s, and nothing is repeated.

    `topic` is one of `limits.BOOK_TOPICS`. Raises ValueError for one that the venue does not offer.
    """
    if topic not in limits.BOOK_TOPICS:
        raise ValueError(f"bitget offers the books {', '.join(limits.BOOK_TOPICS)}, not {topic}")
    return Channel(f"{topic}:{instrument.symbol}", PATH, "book", instrument.symbol, SNAPSHOT_S, 300.0)


def room(held: Sequence[str], topic: str) -> bool:
    """Whether one more topic fits on a connection that holds `held`, by the venue's advice."""
    return len(held) < limits.CHANNELS_PER_CONNECTION


def requests(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str]) -> list[Request]:
    """Messages that subscribe to or unsubscribe from `topics`. The venue's answers carry no id, so neither do the
    requests."""
    size = limits.ARGS_PER_REQUEST
    made: list[Request] = []
    for start in range(0, len(topics), size):
        share = tuple(topics[start : start + size])
        text = msgspec.json.encode({"op": op, "args": [_arg(topic) for topic in share]}).decode()
        made.append(Request(text, "", share))
    return made


def _arg(topic: str) -> dict[str, str]:
    name, _, symbol = topic.partition(":")
    name, _, interval = name.partition(".")
    arg = {"instType": limits.STREAM_CATEGORY, "topic": name}
    if symbol:
        arg["symbol"] = symbol
    if interval:
        arg["interval"] = interval
    return arg


def topic_of(text: str) -> str | None:
    """Topic of a push; None if the frame is not one.

    `arg` is the second key, as on the wire of 2026-09, or follows the data, as in the documentation; a frame with `arg`
    in neither place is decoded as a whole. Only pushes have an `action` or data, only answers an `event`.
    """
    if text.startswith(_ACTION_FIRST):
        start = text.find(_ARG, 16, 32)
        if start > 0 and (end := text.find("}", start, start + _ARG_CHARS)) > 0:
            return _topic_of_arg(text[start + 6 : end + 1])
    elif text.startswith(_DATA_FIRST):
        start = text.rfind(_ARG, max(0, len(text) - _TAIL_CHARS))
        if start > 0 and (end := text.find("}", start, start + _ARG_CHARS)) > 0:
            return _topic_of_arg(text[start + 6 : end + 1])
    return _topic_anywhere(text) if _ARG[:5] in text else None


def replaced(text: str) -> str | None:
    """Conflation key: topic of a frame that holds a full state, so that only the newest counts (a ticker); else None.

    Tickers are most of the venue's traffic, about 8 a second per symbol (measured 2026-09-15), and each holds all
    fields.
    """
    topic = topic_of(text)
    return topic if topic is not None and topic.startswith("ticker:") else None


@lru_cache(maxsize=8192)
def _topic_of_arg(arg: str) -> str | None:
    """Topic of an argument. A pure function, cached because the same few arguments come with every push."""
    try:
        return named(_ONE_ARG.decode(arg))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _topic_anywhere(text: str) -> str | None:
    try:
        head = _HEAD.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return None if head.arg is None or head.event is not None or head.action is None else named(head.arg)


def named(arg: wire.Arg) -> str:
    """The topic of an argument, in our form; a topic of another product is prefixed with the product's name."""
    topic = arg.topic if arg.interval is None else f"{arg.topic}.{arg.interval}"
    if arg.symbol is not None and topic != LIQUIDATIONS:
        topic = f"{topic}:{arg.symbol}"
    return topic if arg.instType == limits.STREAM_CATEGORY else f"{arg.instType}/{topic}"


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None if the frame is not an answer (market data, or neither JSON nor pong).

    Each topic of a request has its own answer. An acknowledged topic is not proof that data will follow.
    """
    if text == PONG:
        return Ack("pong", True)
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if message.event is None:
        return None
    op = _OPS.get(message.event, "notice")
    code = "" if message.code is None else str(message.code)
    said = clean(f"{code}: {message.msg or ''}") if code or message.msg else ""
    arg = message.arg if message.arg is not None else _arg_in(message.msg or "")
    topics = () if arg is None else (named(arg),)
    return Ack(op, op != "error", "", topics, said, closes=op == "error" and code in limits.CLOSING_CODES)


def _arg_in(said: str) -> wire.Arg | None:
    """The argument that an error of v3 repeats in its message: `{"instType":...,"topic":"books"} doesn't exist`."""
    end = said.find("}")
    if not said.startswith("{") or end < 0:
        return None
    try:
        return _ONE_ARG.decode(said[: end + 1])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
