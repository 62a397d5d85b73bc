"""Binance's stream protocol: channels, subscribe messages, and telling data frames from answers. No sockets here.

Called by `live`, which exposes it through the interface that all venues share. A topic is the venue's own stream name
(`btcusdt@aggTrade`, `!ticker@arr`). Binance pings by protocol frame, so there is no application heartbeat. Sources of
the limits: `engine.venues.binance.limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from engine.instruments import Instrument
from engine.text import clean
from engine.venues.binance import limits, wire
from engine.venues.live import Ack, Channel, Request

SHUTDOWN: Final = "!serverShutdown"
"""Stream name of the notice before a planned restart (spot, since 2026-05-08)."""

_HEAD: Final = '{"stream":"'
_START: Final = len(_HEAD)
_NAMED: Final = msgspec.json.Decoder(wire.Named)
_CONTROL: Final = msgspec.json.Decoder(wire.Control)
_SHUTDOWN_EVENT: Final = "serverShutdown"

MARKET: Final[dict[str, tuple[Channel, ...]]] = {
    "binance-usdm": (
        Channel("!markPrice@arr@1s", "market", "mark", "", 10.0, 10.0),
        Channel("!ticker@arr", "market", "ticker", "", 15.0, 30.0),
        Channel("!forceOrder@arr", "market", "liquidations"),
        Channel("!contractInfo", "market", "listings"),
    ),
    "binance-spot": (Channel("!miniTicker@arr", "public", "ticker", "", 15.0, 30.0),),
}
"""Market-wide subscriptions. Since 2026-06-30 those of USD-M carry COIN-M too, which the parser drops;
`!ticker@arr` of spot was retired on 2026-03-26."""


def candle(instrument: Instrument, interval: str = "1m") -> Channel:
    """Bars of `interval` (a name of `INTERVAL_MS`), pushed while the instrument trades, silent otherwise."""
    # A stream on the wrong path is acknowledged and then stays silent, so a contract expected to trade has a deadline.
    watched = instrument.kind == "perp" and instrument.category == "crypto"
    return _channel(instrument, f"kline_{interval}", "candle", 300.0 if watched else None)


def quote(instrument: Instrument) -> Channel:
    """Best bid and ask on every change; silent while the quotes do not change."""
    return _channel(instrument, "bookTicker", "quote")


def trades(instrument: Instrument) -> Channel:
    """Aggregate trades: the fills of one taker order at one price, joined; silent while nothing trades."""
    return _channel(instrument, "aggTrade", "trades")


def book(instrument: Instrument) -> Channel:
    """Updates every 100 ms, to be aligned on a REST snapshot; an inactive book may be silent for minutes."""
    return _channel(instrument, "depth@100ms", "book", 60.0, 300.0)


def _channel(
    instrument: Instrument,
    stream: str,
    kind: Literal["candle", "quote", "trades", "book"],
    first_s: float | None = None,
    silence_s: float | None = None,
) -> Channel:
    topic = f"{instrument.symbol.lower()}@{stream}"
    return Channel(topic, path_of(instrument.venue, topic), kind, instrument.symbol, first_s, silence_s)


def path_of(venue: str, stream: str) -> str:
    """The path whose connections serve a stream. On the wrong one Binance acknowledges it and sends nothing."""
    if venue == "binance-spot":
        return "public"
    kind = stream.lstrip("!").partition("@")[0] if stream.startswith("!") else stream.partition("@")[2]
    name = kind.partition("@")[0].rstrip("0123456789")
    return "public" if name in limits.PUBLIC_STREAMS else "market"


def room(path: str, held: Sequence[str]) -> bool:
    """Whether one more stream fits on a connection of `path` that holds `held`."""
    return len(held) < limits.STREAMS_PER_CONNECTION[path]


def requests(method: Literal["SUBSCRIBE", "UNSUBSCRIBE"], topics: Sequence[str], first_id: int) -> list[Request]:
    """Messages that subscribe to or unsubscribe from `topics`, within the count per request; ids run from
    `first_id`."""
    size = limits.STREAMS_PER_REQUEST
    made: list[Request] = []
    for number, start in enumerate(range(0, len(topics), size), first_id):
        share = tuple(topics[start : start + size])
        text = msgspec.json.encode({"method": method, "params": share, "id": number}).decode()
        made.append(Request(text, str(number), share))
    return made


def topic_of(text: str) -> str | None:
    """Stream name of a frame of market data; None if it is not one.

    Combined frames begin with it; a frame that does not, or whose name is escaped, is decoded as a whole.
    """
    if text.startswith(_HEAD):
        end = text.find('"', _START)
        if end <= _START:
            return None
        topic = text[_START:end]
        if "\\" in topic:
            return _topic_anywhere(text)
        return topic if topic != SHUTDOWN else None
    return _topic_anywhere(text) if '"stream"' in text else None


def _topic_anywhere(text: str) -> str | None:
    try:
        topic = _NAMED.decode(text).stream
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return topic if topic and topic != SHUTDOWN else None


def read_ack(text: str) -> Ack | None:
    """The answer in a frame, None if the frame is not an answer (market data, or not JSON).

    An answer names the request but no stream. A success looks the same for subscribe and unsubscribe, and only the
    sender of the request knows which it was, so both are returned as `subscribe` without topics.
    """
    try:
        message = _CONTROL.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if _SHUTDOWN_EVENT in (message.e, None if message.data is None else message.data.e):
        return Ack("notice", True, message=f"{_SHUTDOWN_EVENT}: the venue restarts this server", closes=True)
    number = "" if message.id is None else clean(str(message.id))
    fault = message.error
    if fault is None and message.code is not None:
        fault = wire.Fault(message.code, message.msg)
    if fault is not None:
        return Ack("error", False, number, message=clean(f"{fault.code}: {fault.msg}"))
    # Any `result` counts as success: only `LIST_SUBSCRIPTIONS` answers with a list, and it is never sent.
    if message.id is None or not bytes(message.result):
        return None
    return Ack("subscribe", True, number)
