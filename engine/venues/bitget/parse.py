"""The Bitget UTA v3 parser: frames of USDT-FUTURES to events.

Driven by the transport and the replayer through `engine.venues.base.VenueParser`. Besides the listing it keeps only the
newest bar of each candle topic, because the venue does not say when a bar is closed. Books are rebuilt elsewhere. A
frame is decoded once: the topic found in the text hints at its kind, and the fields are then read by name. A wrong hint
costs a second decoding, never a wrong result.

The format follows the documentation (UTA v3 pages of early 2026, read again 2026-08-08), corrected by live frames that
others published (2026-09-15 and 21). It has not been checked against a recording. If the pages are silent or contradict
themselves, the code that decides says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from engine.events import MarketEvent
from engine.instruments import Instrument
from engine.venues import checks, readings
from engine.venues.base import CONTROL, EMPTY, Parsed, Verdict
from engine.venues.bitget import limits, rest, rows, wire
from engine.venues.bitget.candles import INTERVALS, Forming
from engine.venues.bitget.symbols import VENUE, infer
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable
from engine.venues.readings import UNREADABLE, with_empty_fields

Read = Callable[[Any, int, str], Sequence[MarketEvent]]
"""(decoded push, receive time ns, connection) -> events."""

PONG: Final = "pong"

_TOPIC: Final = '"topic":"'
_ANY: Final = msgspec.json.Decoder()
_EVENTS: Final = frozenset({"subscribe", "unsubscribe", "login", "error"})


class BitgetParser:
    """Reads the messages of `bitget-usdt`."""

    def __init__(self) -> None:
        self.venue = VENUE
        self.listing = InstrumentTable(VENUE, infer)
        self._forming = Forming()
        book = _decoder(wire.BookRow)
        self._readers: dict[str, tuple[Callable[[str], Any], Read]] = {
            "publicTrade": (_decoder(wire.TradeRow), self._trades),
            "ticker": (_decoder(wire.TickerRow), self._tickers),
            "kline": (_decoder(wire.KlineRow), self._klines),
            "liquidation": (_decoder(wire.LiquidationRow), self._liquidations),
        }
        self._readers |= dict.fromkeys(limits.BOOK_TOPICS, (book, self._books))

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        """Read one text frame; never raises."""
        try:
            at = text.find(_TOPIC) + len(_TOPIC)
            topic = text[at : text.find('"', at)]
            entry = self._readers.get(topic)
            if entry is not None:
                decode, read = entry
                push = decode(text)
                arg = push.arg
                if arg.topic == topic and arg.instType == limits.STREAM_CATEGORY and _is_read(arg):
                    self._forming.heard(connection, recv_ns)
                    events = read(push, recv_ns, connection)
                    return Parsed(Verdict.ACCEPTED, events) if events else EMPTY
            return self._read_any(text, recv_ns, connection)
        except msgspec.ValidationError as fault:
            return readings.read_again(self.venue, lambda: self._read_any(text, recv_ns, connection), fault)
        except UNREADABLE as fault:
            return CONTROL if text == PONG else readings.rejected(self.venue, f"not a JSON frame: {fault}")
        except Implausible as fault:
            return readings.rejected(self.venue, fault)

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        """Read the body of a REST response; never raises."""
        parsed = readings.read_answer(self.venue, rest.read, self.listing, request, status, body, recv_ns)
        self.listing.take(parsed.listing)
        return parsed

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol: as listed, or inferred from its name."""
        return self.listing.instrument(symbol)

    def instruments(self) -> Iterable[Instrument]:
        """Every instrument listed, or named in a message, so far."""
        return self.listing.held.values()

    def _read_any(self, text: str, recv_ns: int, connection: str) -> Parsed:
        """The slow path: decode the message generically, then decide what it is. Raises what `frame` catches."""
        message = _ANY.decode(text)
        if not isinstance(message, dict):
            return readings.unknown(self.venue, "a frame that is no object")
        if isinstance(message.get("event"), str):
            return self._control(message)
        arg = message.get("arg")
        topic = arg.get("topic") if isinstance(arg, dict) else None
        if not isinstance(topic, str):
            return readings.unknown(self.venue, f"a frame of {', '.join(map(str, list(message)[:4]))}")
        entry = self._readers.get(topic)
        if entry is None:
            return readings.unknown(self.venue, f"topic {topic}")
        decode, read = entry
        try:
            push = decode(text)
        except msgspec.ValidationError as fault:
            return readings.rejected(self.venue, f"{topic}: {fault}")
        if push.arg.instType != limits.STREAM_CATEGORY:
            return readings.unknown(self.venue, f"instType {push.arg.instType}")
        if not _is_read(push.arg):
            return readings.unknown(self.venue, f"kline of interval {push.arg.interval}")
        self._forming.heard(connection, recv_ns)
        return Parsed(Verdict.ACCEPTED, read(push, recv_ns, connection))

    def _control(self, message: dict[str, Any]) -> Parsed:
        event = message["event"]
        if event not in _EVENTS:
            return readings.unknown(self.venue, f"event {event}")
        if event == "error":
            said = f"error {message.get('code', '')}: {message.get('msg', '')} {_named(message.get('arg'))}"
            return Parsed(Verdict.CONTROL, detail=checks.detail(self.venue, said.rstrip()))
        return CONTROL

    def _trades(self, push: wire.Push[wire.TradeRow], recv_ns: int, _connection: str) -> Sequence[MarketEvent]:
        """New trades. The snapshot that opens a subscription repeats earlier trades, which a reconnected stream has
        counted already: it is checked like an update but yields nothing. Trades missed by a break are fetched by
        REST."""
        instrument = self.listing.known(_symbol(push.arg))
        events = rows.trades(instrument, push.data, recv_ns)
        return events if push.action == "update" else ()

    def _books(self, push: wire.Push[wire.BookRow], recv_ns: int, _connection: str) -> Sequence[MarketEvent]:
        depth, chained = limits.BOOK_TOPICS[push.arg.topic]
        symbol = _symbol(push.arg)
        update = push.action == "update"
        if update and not chained:
            raise Implausible(f"action update on topic {push.arg.topic}, which sends snapshots only")
        self.listing.known(symbol)
        return [rows.book(symbol, row, (depth, chained, update), recv_ns) for row in push.data]

    def _tickers(self, push: wire.Push[wire.TickerRow], recv_ns: int, _connection: str) -> Sequence[MarketEvent]:
        symbol = _symbol(push.arg)
        ts_ms = checks.time_ms(push.ts, "ts")
        events: list[MarketEvent] = []
        for row in push.data:
            if row.symbol is not None and row.symbol != symbol:
                raise Implausible(f"symbol {row.symbol[:40]} on a topic of {symbol[:40]}")
            events += rows.ticker(self.listing.known(symbol), row, ts_ms, recv_ns)
        return events

    def _klines(self, push: wire.Push[wire.KlineRow], recv_ns: int, connection: str) -> Sequence[MarketEvent]:
        instrument = self.listing.known(_symbol(push.arg))
        ts_ms = checks.time_ms(push.ts, "ts")
        interval_ms = INTERVALS[push.arg.interval or ""]
        begins = push.action == "snapshot"
        return self._forming.push(instrument, push.data, interval_ms, (ts_ms, recv_ns, begins, connection))

    def _liquidations(
        self, push: wire.Push[wire.LiquidationRow], recv_ns: int, _connection: str
    ) -> Sequence[MarketEvent]:
        """New liquidations. A snapshot would be history, as for trades, and is dropped; none is documented here."""
        events = rows.liquidations(self.listing, push.data, recv_ns)
        return events if push.action == "update" else ()


def _is_read(arg: wire.Arg) -> bool:
    """Whether prism keeps the topic of `arg`: every topic with a reader, but candles only of the intervals it uses."""
    return arg.topic != "kline" or arg.interval in INTERVALS


def _symbol(arg: wire.Arg) -> str:
    if arg.symbol is None:
        raise Implausible(f"topic {arg.topic} without a symbol")
    return arg.symbol


def _named(arg: object) -> str:
    """Topic, interval and symbol of a refused subscription, as far as the venue repeats them."""
    if not isinstance(arg, dict):
        return ""
    named = ", ".join(str(arg[key]) for key in ("topic", "interval", "symbol") if key in arg)
    return f"({named})" if named else ""


def _decoder(row: Any) -> Callable[[str], Any]:
    """Decoder of a topic's pushes."""
    return with_empty_fields(msgspec.json.Decoder(wire.Push[row], strict=False).decode)
