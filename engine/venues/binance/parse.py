"""The Binance parser: frames to events for USD-M futures and spot, in the wire format of 2026 and earlier years.

Driven by the transport and the replayer through `engine.venues.base.VenueParser`. It keeps the listing, the funding
intervals and a decoder per stream, but no market data; books are rebuilt elsewhere. A frame is decoded once: the stream
name at its start hints at the kind, and the fields are then read by name. A wrong hint costs a second decoding, never
a wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from engine.events import MarketEvent
from engine.instruments import Instrument
from engine.venues import checks, readings
from engine.venues.base import CONTROL, EMPTY, Parsed, Verdict
from engine.venues.binance import listing, rest, rows, wire
from engine.venues.binance.symbols import infer
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable
from engine.venues.readings import UNREADABLE

Read = Callable[[Any, str, int], Sequence[MarketEvent] | None]
"""(message, stream name, receive time ns) -> events; None if the kind is not handled."""

_PREFIX: Final = '{"stream":"'
_NAME: Final = len(_PREFIX)
_MAX_ROUTES: Final = 20_000
"""Stream names remembered; a venue has a few thousand."""


def quote_stream(text: str) -> str | None:
    """Stream name of a combined frame that carries best quotes; None for every other frame."""
    if not text.startswith(_PREFIX):
        return None
    name = text[_NAME : text.find('"', _NAME)]
    return name if name.endswith("@bookTicker") else None


class BinanceParser:
    """Reads the messages of `binance-usdm` or `binance-spot`."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.intervals_h: dict[str, float] | None = None
        """Hours between settlements by symbol, from the funding configuration; None until it has been read."""
        self._table = InstrumentTable(venue, partial(infer, venue))
        self._routes: dict[str, tuple[Callable[[str], Any], Read, str]] = {}
        """By stream: the decoder and reader of its messages, and their symbol."""
        self._readers: dict[str, tuple[type, Read]] = {
            name: (shape, partial(read, self._table)) for name, (shape, read) in _KINDS.items()
        }

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        try:
            if text.startswith(_PREFIX):
                name = text[_NAME : text.find('"', _NAME)]
                route = self._routes.get(name)
                if route is not None:
                    message = route[0](text)
                    if message.stream == name:
                        events = route[1](message.data, name, recv_ns)
                        if events:
                            if events[0].symbol != route[2]:
                                raise _strange(events[0].symbol, name)
                            return Parsed(Verdict.ACCEPTED, events)
                        if events is not None:
                            return EMPTY
            return self._read_any(text, recv_ns)
        except msgspec.ValidationError:
            return self._read_any(text, recv_ns)
        except UNREADABLE as error:
            return readings.rejected(self.venue, f"not a JSON frame: {error}")
        except Implausible as error:
            return readings.rejected(self.venue, error)

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        parsed = rest.read(self, request, status, body, recv_ns)
        self._table.take(parsed.listing)
        return parsed

    def instrument(self, symbol: str) -> Instrument:
        return self._table.instrument(symbol)

    def instruments(self) -> Iterable[Instrument]:
        return self._table.held.values()

    def _read_any(self, text: str, recv_ns: int) -> Parsed:
        """The slow path: decode the message generically, then decide what it is."""
        try:
            message = _DECODE_ANY(text)
            stream, data = "", message
            if isinstance(message, dict) and "data" in message and "stream" in message:
                stream, data = str(message["stream"]), message["data"]
            elif (
                isinstance(message, dict)
                and "e" not in message
                and ("result" in message or "error" in message or "code" in message)
            ):
                return self._acknowledgement(message)
            if isinstance(data, list):
                return self._read_rows(data, stream, recv_ns)
            kind = _kind_of(data, stream)
            if kind == "contractInfo":
                return self._contract(data)
            if kind == "serverShutdown":
                return Parsed(Verdict.CONTROL, detail=checks.detail(self.venue, "the venue restarts this server"))
            events = self._read_row(data, stream, recv_ns)
            if events is None:
                return self._not_handled(stream)
            if events:
                self._remember(stream, data, events[0].symbol)
            return Parsed(Verdict.ACCEPTED, events)
        except (*UNREADABLE, Implausible) as error:
            return readings.rejected(self.venue, error)

    def _read_rows(self, rows: list[Any], stream: str, recv_ns: int) -> Parsed:
        """Read a frame of many symbols. Bad rows are dropped; the frame is rejected only if none is left."""
        events: list[MarketEvent] = []
        refused: list[str] = []
        handled = not rows
        for row in rows:
            try:
                read = self._read_row(row, stream, recv_ns)
            except (msgspec.MsgspecError, Implausible) as fault:
                refused.append(str(fault))
                continue
            handled |= read is not None
            events += read or ()
        if not handled and not refused:
            return self._not_handled(stream)
        if not refused:
            return Parsed(Verdict.ACCEPTED, events)
        detail = checks.detail(self.venue, f"{len(refused)} of {len(rows)} rows refused: {refused[0]}")
        return Parsed(Verdict.ACCEPTED if events else Verdict.REJECTED, events, detail)

    def _not_handled(self, stream: str) -> Parsed:
        return Parsed(Verdict.UNKNOWN, detail=checks.detail(self.venue, f"kind of frame not handled: {stream}"))

    def _contract(self, data: Any) -> Parsed:
        """A push of `!contractInfo`: a contract was announced, opened, changed or has ended."""
        row = msgspec.convert(data, wire.ContractInfo, strict=False)
        instrument = listing.pushed(row, self._table.held.get(row.s))
        if instrument is None:
            return EMPTY
        self._table.take_pushed(instrument)
        return Parsed(Verdict.ACCEPTED, listing=(instrument,))

    def _read_row(self, row: Any, stream: str, recv_ns: int) -> Sequence[MarketEvent] | None:
        kind = _kind_of(row, stream)
        entry = self._readers.get(kind)
        if entry is None:
            return None
        shape, read = entry
        return read(_converted(row, shape), stream, recv_ns)

    def _remember(self, stream: str, data: Any, symbol: str) -> None:
        """Have the next frames of this stream decoded straight into their type. Raises Implausible if the symbol does
        not match the stream."""
        if not stream or stream.startswith("!"):
            return
        if stream.partition("@")[0] != symbol.lower():
            raise _strange(symbol, stream)
        entry = self._readers.get(_kind_of(data, stream))
        if entry is not None and len(self._routes) < _MAX_ROUTES:
            shape, read = entry
            self._routes[stream] = (_decoder(shape), read, symbol)

    def _acknowledgement(self, message: dict[str, Any]) -> Parsed:
        if "code" in message or "error" in message:
            return Parsed(Verdict.CONTROL, detail=checks.detail(self.venue, f"refused: {message}"))
        return CONTROL

    def known(self, symbol: str) -> str:
        """`symbol`, its instrument stored from now on; raises Implausible for one that cannot be stored."""
        return self._table.known(symbol).symbol


def _strange(symbol: str, stream: str) -> Implausible:
    return Implausible(f"symbol {symbol[:40]} on a stream named {stream[:60]}")


def _kind_of(row: Any, stream: str) -> str:
    """Name of a payload's kind: its `e`, or inferred from its fields if it has none."""
    if not isinstance(row, dict):
        return ""
    kind = row.get("e")
    if isinstance(kind, str):
        return kind
    if "b" in row and "B" in row and "s" in row:
        return "bookTicker"
    if "lastUpdateId" in row and rows.partial_levels(stream):
        return "depthSnapshot"
    return ""


def _converted(row: Any, shape: type) -> Any:
    """`row` as a message of its kind; book rows are read from bytes, so a depth update is encoded and decoded again."""
    if shape is wire.DepthUpdate:
        return _DECODE_DEPTH(msgspec.json.encode(row))
    return msgspec.convert(row, shape, strict=False)


_DECODE_DEPTH: Final = msgspec.json.Decoder(wire.DepthUpdate, strict=False).decode
_DECODE_ANY: Final = msgspec.json.Decoder().decode


def _decoder(shape: type) -> Callable[[str], Any]:
    return msgspec.json.Decoder(wire.Combined[shape], strict=False).decode  # type: ignore[valid-type]


_KINDS: Final[dict[str, tuple[type, Callable[[InstrumentTable, Any, str, int], Sequence[MarketEvent] | None]]]] = {
    "aggTrade": (wire.AggTrade, rows.agg_trade),
    "trade": (wire.RawTrade, rows.raw_trade),
    "depthUpdate": (wire.DepthUpdate, rows.depth_update),
    "bookTicker": (wire.BookTicker, rows.book_ticker),
    "kline": (wire.Kline, rows.kline),
    "markPriceUpdate": (wire.MarkPriceUpdate, rows.mark_price),
    "24hrTicker": (wire.Ticker24h, rows.ticker),
    "24hrMiniTicker": (wire.Ticker24h, rows.ticker),
    "forceOrder": (wire.ForceOrder, rows.force_order),
    "depthSnapshot": (wire.Depth, rows.partial_depth),
}
"""By kind of message: its struct and the function that converts it to events."""
