"""The Bybit v5 parser: frames to events for linear and spot, in the wire format of 2026 and earlier years.

Driven by the transport and the replayer through `engine.venues.base.VenueParser`. Besides the listing it keeps only
what completes partial messages: the last ticker and, for the wire format of 2023, the last best bid and ask of
`orderbook.1`. Books are rebuilt elsewhere. A frame is decoded once: the topic found in the text hints at its kind, and
the fields are then read by name. A wrong hint costs a second decoding, never a wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from engine.events import BookDelta, BookSnapshot, LiquidatedSide, Liquidation, MarketEvent, Trade
from engine.instruments import Instrument
from engine.text import clean
from engine.venues import bars, checks, readings
from engine.venues.base import CONTROL, EMPTY, Parsed, Verdict
from engine.venues.bybit import rest, tickers, wire
from engine.venues.bybit.limits import INTERVALS
from engine.venues.bybit.symbols import infer
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable
from engine.venues.readings import UNREADABLE, with_empty_fields

Read = Callable[[Any, str, int], Sequence[MarketEvent]]
"""(decoded message, symbol of its topic, receive time ns) -> events."""

_TOPIC: Final = '"topic":"'
_ANY: Final = msgspec.json.Decoder()
_CONTROL_OPS: Final = frozenset({"subscribe", "unsubscribe", "ping", "pong", "auth"})
_MAX_SEQUENCE: Final = 1 << 63


class BybitParser:
    """Reads the messages of `bybit-linear` or `bybit-spot`."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self._table = InstrumentTable(venue, partial(infer, venue))
        self.known = self._table.known
        self._tickers: dict[str, tickers.LastTicker] = {}
        self._tops: dict[str, _Top] = {}
        self._readers: dict[str, tuple[Callable[[str], Any], Read]] = {
            "publicTrade": (msgspec.json.Decoder(wire.Trades, strict=False).decode, self._trades),
            "orderbook": (msgspec.json.Decoder(wire.Book, strict=False).decode, self._book),
            "tickers": (with_empty_fields(msgspec.json.Decoder(wire.Tickers, strict=False).decode), self._ticker),
            "kline": (msgspec.json.Decoder(wire.Klines, strict=False).decode, self._klines),
            "allLiquidation": (
                msgspec.json.Decoder(wire.AllLiquidations, strict=False).decode,
                self._all_liquidations,
            ),
            "liquidation": (
                msgspec.json.Decoder(wire.LegacyLiquidation, strict=False).decode,
                self._legacy_liquidation,
            ),
        }

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        """Read one text frame; never raises."""
        try:
            at = text.find(_TOPIC) + len(_TOPIC)
            entry = self._readers.get(text[at : text.find(".", at)])
            if entry is not None:
                decode, read = entry
                message = decode(text)
                kind, symbol = split_topic(message.topic)
                if self._readers.get(kind) is entry:
                    events = read(message, symbol, recv_ns)
                    return Parsed(Verdict.ACCEPTED, events) if events else EMPTY
            return self._read_any(text, recv_ns)
        except msgspec.ValidationError as fault:
            return readings.read_again(self.venue, lambda: self._read_any(text, recv_ns), fault)
        except UNREADABLE as fault:
            return readings.rejected(self.venue, f"not a JSON frame: {fault}")
        except Implausible as fault:
            return readings.rejected(self.venue, fault)

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        """Read the body of a REST response; never raises."""
        parsed = readings.read_answer(self.venue, rest.read, self, request, status, body, recv_ns)
        self._table.take(parsed.listing)
        return parsed

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol: as listed, or inferred from its name."""
        return self._table.instrument(symbol)

    def instruments(self) -> Iterable[Instrument]:
        """Every instrument listed, or named in a message, so far."""
        return self._table.held.values()

    def _read_any(self, text: str, recv_ns: int) -> Parsed:
        """The slow path: decode the message generically, then decide what it is. Raises what `frame` catches."""
        message = _ANY.decode(text)
        if not isinstance(message, dict):
            return readings.unknown(self.venue, "a frame that is no object")
        topic = message.get("topic")
        if not isinstance(topic, str):
            return self._control(message)
        kind, symbol = split_topic(topic)
        entry = self._readers.get(kind)
        # Before v5, `liquidation` frames had neither time nor type.
        if entry is None or (kind == "liquidation" and not ("ts" in message and "type" in message)):
            return readings.unknown(self.venue, f"topic {topic}")
        decode, read = entry
        try:
            return Parsed(Verdict.ACCEPTED, read(decode(text), symbol, recv_ns))
        except msgspec.ValidationError as fault:
            return readings.rejected(self.venue, f"{topic}: {fault}")

    def _control(self, message: dict[str, Any]) -> Parsed:
        op, success = message.get("op"), message.get("success")
        if success is None and not (isinstance(op, str) and op in _CONTROL_OPS):
            return readings.unknown(self.venue, "a frame with neither topic nor op")
        if success is False:
            said = message.get("ret_msg") or message.get("data") or "refused without a message"
            return Parsed(Verdict.CONTROL, detail=checks.detail(self.venue, said))
        return CONTROL

    def _trades(self, message: wire.Trades, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        instrument = self.known(symbol)
        venue = self.venue
        events: list[MarketEvent] = []
        for row in message.data:
            if row.s != symbol:
                raise _strange(row.s, symbol)
            price = checks.price(row.p, "p")
            size = checks.traded_size(row.v, "v")
            if instrument.inverse:
                size = instrument.base_size(size, price)
            ts_ms = checks.time_ms(row.T, "T")
            trade_id = clean(row.i, 64)
            events.append(
                Trade(venue, symbol, ts_ms, recv_ns, price, size, row.S == "Buy", trade_id, in_book=not row.RPI)
            )
        return events

    def _book(self, message: wire.Book, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        data = message.data
        if data.s != symbol:
            raise _strange(data.s, symbol)
        self.known(symbol)
        ts_ms = checks.time_ms(message.ts, "ts")
        bid_values = checks.level_rows(data.b, "b")
        ask_values = checks.level_rows(data.a, "a")
        u = data.u
        if not 0 <= u < _MAX_SEQUENCE:
            raise Implausible(f"u {u} is not an update id")
        depth = int(message.topic.split(".", 2)[1])
        if depth == 1:
            return self._top_of_book(message, symbol, ts_ms, recv_ns)
        if message.type == "snapshot":
            # A restarted service sends a snapshot with u = 1, which replaces the book like any other.
            return (BookSnapshot(self.venue, symbol, ts_ms, recv_ns, data.b, data.a, u, depth, chained=True),)
        # Bybit sends no previous id. Within one depth `u` rises by one per message (documented for the full depth,
        # without exception over 2,142 recorded deltas of depth 200), so the previous one is u - 1.
        return (
            BookDelta(self.venue, symbol, ts_ms, recv_ns, data.b, data.a, u, u, u - 1, None, bid_values, ask_values),
        )

    def _top_of_book(self, message: wire.Book, symbol: str, ts_ms: int, recv_ns: int) -> Sequence[MarketEvent]:
        """Depth 1: only snapshots today; the wire format of 2023 had deltas too, completed here from the last state."""
        data = message.data
        if message.type == "snapshot":
            top = self._tops[symbol] = _Top(data.u, data.b, data.a)
        else:
            held = self._tops.get(symbol)
            if held is None or data.u != held.u + 1:
                self._tops.pop(symbol, None)
                return ()
            top = self._tops[symbol] = held.changed(data)
        return (BookSnapshot(self.venue, symbol, ts_ms, recv_ns, top.bids, top.asks, data.u, 1, chained=False),)

    def _ticker(self, message: wire.Tickers, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        if message.data.symbol != symbol:
            raise _strange(message.data.symbol, symbol)
        instrument = self.known(symbol)
        last = self._tickers.get(symbol)
        if last is None or message.type == "snapshot":
            last = self._tickers[symbol] = tickers.LastTicker()
        ts_ms = checks.time_ms(message.ts, "ts")
        try:
            return tickers.events_of(message.data, instrument, last, ts_ms, recv_ns)
        except Implausible:
            # The refused message may have left the state half updated, and that must not complete the next one.
            del self._tickers[symbol]
            raise

    def _klines(self, message: wire.Klines, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        instrument = self.known(symbol)
        ts_ms = checks.time_ms(message.ts, "ts")
        interval = message.topic.split(".", 2)[1]
        events: list[MarketEvent] = []
        for row in message.data:
            if row.interval != interval:
                raise Implausible(f"interval {clean(row.interval, 20)} on topic kline.{interval}")
            base, quote = (row.turnover, row.volume) if instrument.inverse else (row.volume, row.turnover)
            bar = (row.open, row.high, row.low, row.close, base, quote)
            events.append(bars.candle(instrument, ts_ms, recv_ns, INTERVALS[interval], row.start, bar, row.confirm))
        return events

    def _all_liquidations(self, message: wire.AllLiquidations, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        events: list[MarketEvent] = []
        for row in message.data:
            if row.s != symbol:
                raise _strange(row.s, symbol)
            ts_ms = checks.time_ms(row.T, "T")
            events.append(self._liquidation(symbol, ts_ms, recv_ns, row.S, row.p, row.v, sampled=False))
        return events

    def _legacy_liquidation(self, message: wire.LegacyLiquidation, symbol: str, recv_ns: int) -> Sequence[MarketEvent]:
        data = message.data
        if data.symbol != symbol:
            raise _strange(data.symbol, symbol)
        ts_ms = checks.time_ms(data.updatedTime, "updatedTime")
        return (self._liquidation(symbol, ts_ms, recv_ns, data.side, data.price, data.size, sampled=True),)

    def _liquidation(
        self, symbol: str, ts_ms: int, recv_ns: int, side: wire.Side, price: float, size: float, *, sampled: bool
    ) -> Liquidation:
        """`side` is the side of the POSITION (Bybit documentation, allLiquidation): Buy, a long was liquidated."""
        instrument = self.known(symbol)
        checks.price(price, "p")
        base = instrument.base_size(checks.traded_size(size, "v"), price)
        position: LiquidatedSide = "long" if side == "Buy" else "short"
        return Liquidation(self.venue, symbol, ts_ms, recv_ns, position, price, base, sampled)


class _Top:
    """Best bid and ask of `orderbook.1` after update `u`."""

    __slots__ = ("asks", "bids", "u")

    def __init__(self, u: int, bids: wire.Rows, asks: wire.Rows) -> None:
        self.u = u
        self.bids = bids
        self.asks = asks

    def changed(self, data: wire.BookData) -> _Top:
        return _Top(data.u, _best(self.bids, data.b), _best(self.asks, data.a))


def _best(held: wire.Rows, rows: wire.Rows) -> wire.Rows:
    """One side after a delta: at depth 1 a new level replaces the old one, and its delta removes the old one."""
    gone = {price for price, size in rows if float(size) == 0.0}
    placed = [row for row in rows if row[0] not in gone]
    return placed or [row for row in held if row[0] not in gone]


def split_topic(topic: str) -> tuple[str, str]:
    """Kind and symbol of a topic; ("", "") for books and candles not read, such as `orderbook.rpi.` or `kline.3.`."""
    kind, _, rest_of = topic.partition(".")
    if kind == "orderbook":
        depth, _, symbol = rest_of.partition(".")
        return (kind, symbol) if symbol and depth.isascii() and depth.isdigit() and len(depth) <= 5 else ("", "")
    if kind == "kline":
        interval, _, symbol = rest_of.partition(".")
        return (kind, symbol) if symbol and interval in INTERVALS else ("", "")
    return kind, rest_of


def _strange(symbol: str, expected: str) -> Implausible:
    return Implausible(f"symbol {symbol[:40]} on a topic of {expected[:40]}")
