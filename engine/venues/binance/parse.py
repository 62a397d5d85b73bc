"""Binance's frames as events: USD-M futures and spot, the wire of 2026 and of the years before.

Driven by the transport and the replayer through `engine.venues.base.VenueParser`. Keeps the listing and nothing
else; books are rebuilt elsewhere. A frame is decoded once: the stream's name at its start hints at the kind, the
fields are then read by name, and a wrong hint costs a second reading, never a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from engine.events import (
    NAN,
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    MarkPrice,
    Quote,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.text import is_safe_symbol
from engine.timeframes import INTERVAL_MS
from engine.venues import checks, levels
from engine.venues.base import CONTROL, EMPTY, Parsed, Verdict
from engine.venues.binance import listing, rest, wire
from engine.venues.binance.symbols import infer
from engine.venues.checks import Implausible
from engine.venues.levels import TextRows

Read = Callable[[Any, str, int], Sequence[MarketEvent] | None]
"""(message, stream name, receive time ns) -> events; None where the kind is not handled."""

_PREFIX: Final = '{"stream":"'
_NAME: Final = len(_PREFIX)
MAX_INFERRED: Final = 5_000
"""Instruments accepted beyond the listing; Binance lists about 700 contracts and 3,500 pairs. More is a fault or an
attack, and is refused."""
_MAX_ROUTES: Final = 20_000
"""Stream names remembered; a venue has a few thousand."""


def quote_stream(text: str) -> str | None:
    """Name of the stream whose newest best quotes a combined frame carries; None for every other frame."""
    if not text.startswith(_PREFIX):
        return None
    name = text[_NAME : text.find('"', _NAME)]
    return name if name.endswith("@bookTicker") else None


class BinanceParser:
    """Reads the messages of `binance-usdm` or `binance-spot`."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.intervals_h: dict[str, float] | None = None
        """Hours between settlements by symbol, as the funding configuration said; None while it was not read."""
        self._instruments: dict[str, Instrument] = {}
        self._inferred = 0
        self._routes: dict[str, tuple[Callable[[str], Any], Read, str]] = {}
        """By stream, the decoder and reader of its messages, and the symbol that they are of."""
        self._readers: dict[str, tuple[type, Read]] = {
            "aggTrade": (wire.AggTrade, self._agg_trade),
            "trade": (wire.RawTrade, self._raw_trade),
            "depthUpdate": (wire.DepthUpdate, self._depth_update),
            "bookTicker": (wire.BookTicker, self._book_ticker),
            "kline": (wire.Kline, self._kline),
            "markPriceUpdate": (wire.MarkPriceUpdate, self._mark_price),
            "24hrTicker": (wire.Ticker24h, self._ticker),
            "24hrMiniTicker": (wire.Ticker24h, self._ticker),
            "forceOrder": (wire.ForceOrder, self._force_order),
            "depthSnapshot": (wire.Depth, self._partial_depth),
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
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            return Parsed(Verdict.REJECTED, detail=checks.detail(self.venue, f"not a JSON frame: {error}"))
        except Implausible as error:
            return Parsed(Verdict.REJECTED, detail=checks.detail(self.venue, error))

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        parsed = rest.read(self, request, status, body, recv_ns)
        for instrument in parsed.listing:
            self._instruments[instrument.symbol] = instrument
        return parsed

    def instrument(self, symbol: str) -> Instrument:
        held = self._instruments.get(symbol)
        return infer(self.venue, symbol) if held is None else held

    def instruments(self) -> Iterable[Instrument]:
        return self._instruments.values()

    def _read_any(self, text: str, recv_ns: int) -> Parsed:
        """The slow way: look at the message before deciding what it is."""
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
        except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible) as error:
            return Parsed(Verdict.REJECTED, detail=checks.detail(self.venue, error))

    def _read_rows(self, rows: list[Any], stream: str, recv_ns: int) -> Parsed:
        """A frame of many symbols stands although some rows do not; one with nothing left is rejected."""
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
        """A push of `!contractInfo`: a contract was announced, opened, changed or ended."""
        row = msgspec.convert(data, wire.ContractInfo, strict=False)
        held = self._instruments.get(row.s)
        instrument = listing.pushed(row, held)
        if instrument is None:
            return EMPTY
        if held is None:
            self._count_inferred(instrument.symbol)
        self._instruments[instrument.symbol] = instrument
        return Parsed(Verdict.ACCEPTED, listing=(instrument,))

    def _read_row(self, row: Any, stream: str, recv_ns: int) -> Sequence[MarketEvent] | None:
        kind = _kind_of(row, stream)
        entry = self._readers.get(kind)
        if entry is None:
            return None
        shape, read = entry
        return read(_converted(row, shape), stream, recv_ns)

    def _remember(self, stream: str, data: Any, symbol: str) -> None:
        """Let the next frame of this stream be decoded straight into its type. Implausible where it is of another
        symbol than its stream."""
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
        """`symbol`, kept from now on; Implausible for one that cannot be kept."""
        if symbol not in self._instruments:
            self._meet(symbol)
        return symbol

    def _meet(self, symbol: str) -> None:
        """Take in a symbol that no listing named."""
        if not is_safe_symbol(symbol):
            raise Implausible(f"symbol of {len(symbol)} characters is not one that can be kept: {symbol[:40]}")
        self._count_inferred(symbol)
        self._instruments[symbol] = infer(self.venue, symbol)

    def _count_inferred(self, symbol: str) -> None:
        if self._inferred >= MAX_INFERRED:
            raise Implausible(f"more than {MAX_INFERRED} symbols that the listing lacks, {symbol} among them")
        self._inferred += 1

    def _agg_trade(self, data: wire.AggTrade, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        if data.st != wire.USD_M:
            return ()
        if data.a is None:
            return (self._trade(data, "", -1, recv_ns),)
        return (self._trade(data, str(data.a), data.a, recv_ns),)

    def _raw_trade(self, data: wire.RawTrade, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        # Insurance fund and ADL transfers come on the same stream at prices that nobody traded at.
        if data.st != wire.USD_M or data.X != "MARKET":
            return ()
        # Their numbers prove nothing, since those of the transfers lie between them.
        return (self._trade(data, str(data.t), -1, recv_ns),)

    def _trade(self, data: wire.AggTrade | wire.RawTrade, trade_id: str, number: int, recv_ns: int) -> Trade:
        symbol = data.s
        if symbol not in self._instruments:
            self._meet(symbol)
        return Trade(self.venue, symbol, data.T, recv_ns, data.p, data.q, not data.m, trade_id, number)

    def _depth_update(self, data: wire.DepthUpdate, stream: str, recv_ns: int) -> Sequence[MarketEvent] | None:
        if data.st != wire.USD_M:
            return ()
        symbol = self.known(data.s)
        ts_ms = data.E if data.T is None else data.T
        bid_values, ask_values = levels.numbers(data.b), levels.numbers(data.a)
        bids, asks = TextRows(data.b, len(bid_values) // 2), TextRows(data.a, len(ask_values) // 2)
        depth = _partial_levels(stream)
        if depth:
            return (BookSnapshot(self.venue, symbol, ts_ms, recv_ns, bids, asks, data.u, depth, chained=False),)
        if "@rpiDepth" in stream:
            return None
        if data.u < data.U:
            raise Implausible(f"U {data.U} is after u {data.u}")
        return (
            BookDelta(
                self.venue,
                symbol,
                ts_ms,
                recv_ns,
                bids,
                asks,
                data.U,
                data.u,
                data.pu,
                None,
                bid_values,
                ask_values,
            ),
        )

    def _partial_depth(self, data: wire.Depth, stream: str, recv_ns: int) -> Sequence[MarketEvent] | None:
        """Spot `<symbol>@depth<N>`: the symbol stands in the stream's name only."""
        depth = _partial_levels(stream)
        if not depth:
            return None
        symbol = self.known(stream.split("@", 1)[0].upper())
        checks.level_rows(data.bids, "bids")
        checks.level_rows(data.asks, "asks")
        ts_ms = recv_ns // 1_000_000
        return (
            BookSnapshot(
                self.venue, symbol, ts_ms, recv_ns, data.bids, data.asks, data.lastUpdateId, depth, chained=False
            ),
        )

    def _book_ticker(self, data: wire.BookTicker, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        if data.st != wire.USD_M:
            return ()
        symbol = data.s
        if symbol not in self._instruments:
            self._meet(symbol)
        # Spot sends no time of its own.
        ts_ms = data.T or recv_ns // 1_000_000
        # A side without orders comes as price 0.
        return (Quote(self.venue, symbol, ts_ms, recv_ns, data.b or NAN, data.B, data.a or NAN, data.A),)

    def _kline(self, data: wire.Kline, stream: str, recv_ns: int) -> Sequence[MarketEvent] | None:
        if data.st != wire.USD_M:
            return ()
        bar = data.k
        interval_ms = INTERVAL_MS.get(bar.i)
        if interval_ms is None:
            return None
        if not (bar.l <= bar.o <= bar.h and bar.l <= bar.c <= bar.h and checks.price(bar.l, "l")):
            raise Implausible("a bar whose high and low do not span its open and close")
        return (
            Candle(
                self.venue,
                self.known(data.s),
                checks.time_ms(data.E, "E"),
                recv_ns,
                interval_ms,
                checks.time_ms(bar.t, "t"),
                bar.o,
                bar.h,
                bar.l,
                bar.c,
                checks.size(bar.v, "v"),
                checks.size(bar.q, "q"),
                checks.size(bar.Q, "Q"),
                bar.n,
                bar.x,
            ),
        )

    def _mark_price(self, data: wire.MarkPriceUpdate, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        if data.st != wire.USD_M:
            return ()
        symbol = self.known(data.s)
        ts_ms = checks.time_ms(data.E, "E")
        index = NAN if data.i is None else checks.price(data.i, "i")
        mark = MarkPrice(self.venue, symbol, ts_ms, recv_ns, checks.price(data.p, "p"), index)
        # Dated futures send no rate, or a rate of 0 without a settlement to come.
        if not data.r or data.T <= 0:
            return (mark,)
        rate = checks.funding(_number(data.r, "r"), "r")
        return (mark, Funding(self.venue, symbol, ts_ms, recv_ns, rate, checks.time_ms(data.T, "T"), None))

    def _ticker(self, data: wire.Ticker24h, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        if data.st != wire.USD_M:
            return ()
        return (
            Ticker(
                self.venue,
                self.known(data.s),
                checks.time_ms(data.E, "E"),
                recv_ns,
                checks.price(data.c, "c"),
                checks.size(data.o, "o") or NAN,
                checks.size(data.h, "h") or NAN,
                checks.size(data.l, "l") or NAN,
                checks.size(data.v, "v"),
                checks.size(data.q, "q"),
            ),
        )

    def _force_order(self, data: wire.ForceOrder, stream: str, recv_ns: int) -> Sequence[MarketEvent]:
        order = data.o
        if data.st != wire.USD_M or order.st != wire.USD_M:
            return ()
        if order.S not in ("BUY", "SELL"):
            raise Implausible(f"S {order.S!r} is neither BUY nor SELL")
        # `o.S` is the side of the closing order: a long is closed by selling. `p` is the bankruptcy price and can be
        # far from the market, `ap` is what was filled.
        return (
            Liquidation(
                self.venue,
                self.known(order.s),
                checks.time_ms(order.T, "T"),
                recv_ns,
                "long" if order.S == "SELL" else "short",
                checks.price(order.ap or order.p, "ap"),
                checks.traded_size(order.z or order.q, "z"),
                sampled=True,
            ),
        )


def _strange(symbol: str, stream: str) -> Implausible:
    return Implausible(f"symbol {symbol[:40]} on a stream named {stream[:60]}")


def _kind_of(row: Any, stream: str) -> str:
    """Name of a payload's kind: its `e`, or what its fields say where the venue names none."""
    if not isinstance(row, dict):
        return ""
    kind = row.get("e")
    if isinstance(kind, str):
        return kind
    if "b" in row and "B" in row and "s" in row:
        return "bookTicker"
    if "lastUpdateId" in row and _partial_levels(stream):
        return "depthSnapshot"
    return ""


def _partial_levels(stream: str) -> int:
    """N of `<symbol>@depth<N>[@speed]`; 0 for diff streams, which share the event name."""
    _, _, kind = stream.partition("@depth")
    levels, _, _ = kind.partition("@")
    return int(levels) if levels in ("5", "10", "20") else 0


def _number(text: str, field: str) -> float:
    try:
        return msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        raise Implausible(f"{field} is not a number: {text[:40]}") from None


def _converted(row: Any, shape: type) -> Any:
    """`row` as a message of its kind; book rows are read from bytes, so that kind goes through them once more."""
    if shape is wire.DepthUpdate:
        return _DECODE_DEPTH(msgspec.json.encode(row))
    return msgspec.convert(row, shape, strict=False)


_DECODE_DEPTH: Final = msgspec.json.Decoder(wire.DepthUpdate, strict=False).decode
_DECODE_ANY: Final = msgspec.json.Decoder().decode


def _decoder(shape: type) -> Callable[[str], Any]:
    return msgspec.json.Decoder(wire.Combined[shape], strict=False).decode  # type: ignore[valid-type]
