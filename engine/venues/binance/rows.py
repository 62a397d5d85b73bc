"""Binance's stream messages to events, one function per kind of message.

Called by `parse` with the instrument table, the decoded message, the name of its stream and the receive time in
nanoseconds. Each function returns the events of the message, none if it belongs to another product, and raises
Implausible for a value that cannot be true.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from engine.timeframes import INTERVAL_MS
from engine.venues import bars, checks, levels
from engine.venues.binance import wire
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable
from engine.venues.levels import TextRows

Events = Sequence[MarketEvent]


def agg_trade(table: InstrumentTable, data: wire.AggTrade, stream: str, recv_ns: int) -> Events:
    """A trade of `aggTrade`; its ids count up by one, so a gap shows."""
    if data.st != wire.USD_M:
        return ()
    in_book = data.nq != 0.0
    if data.a is None:
        return (_trade(table, data, "", -1, recv_ns, in_book),)
    return (_trade(table, data, str(data.a), data.a, recv_ns, in_book),)


def raw_trade(table: InstrumentTable, data: wire.RawTrade, stream: str, recv_ns: int) -> Events:
    """A trade of `trade`."""
    # Insurance fund and ADL transfers come on the same stream, at prices that are no market prices.
    if data.st != wire.USD_M or data.X != "MARKET":
        return ()
    # No number: ids of transfers lie in between, so a jump in the ids does not prove a gap.
    return (_trade(table, data, str(data.t), -1, recv_ns),)


def _trade(
    table: InstrumentTable, data: wire.AggTrade | wire.RawTrade, trade_id: str, number: int, recv_ns: int,
    in_book: bool = True,
) -> Trade:  # fmt: skip
    symbol = data.s
    if symbol not in table.held:
        table.known(symbol)
    return Trade(table.venue, symbol, data.T, recv_ns, data.p, data.q, not data.m, trade_id, number, 1, in_book)


def depth_update(table: InstrumentTable, data: wire.DepthUpdate, stream: str, recv_ns: int) -> Events | None:
    """An update of the full book, or a snapshot of the top levels on a partial depth stream; None for streams that are
    not read."""
    if data.st != wire.USD_M:
        return ()
    symbol = data.s
    if symbol not in table.held:
        table.known(symbol)
    ts_ms = data.E if data.T is None else data.T
    bid_values, ask_values = levels.numbers(data.b), levels.numbers(data.a)
    bids, asks = TextRows(data.b, len(bid_values) // 2), TextRows(data.a, len(ask_values) // 2)
    depth = partial_levels(stream)
    if depth:
        return (BookSnapshot(table.venue, symbol, ts_ms, recv_ns, bids, asks, data.u, depth, chained=False),)
    if "@rpiDepth" in stream:
        return None
    if data.u < data.U:
        raise Implausible(f"U {data.U} is after u {data.u}")
    return (
        BookDelta(
            table.venue,
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


def partial_depth(table: InstrumentTable, data: wire.Depth, stream: str, recv_ns: int) -> Events | None:
    """Spot `<symbol>@depth<N>`: only the stream name holds the symbol."""
    depth = partial_levels(stream)
    if not depth:
        return None
    symbol = table.known(stream.split("@", 1)[0].upper()).symbol
    checks.level_rows(data.bids, "bids")
    checks.level_rows(data.asks, "asks")
    ts_ms = recv_ns // 1_000_000
    return (
        BookSnapshot(
            table.venue, symbol, ts_ms, recv_ns, data.bids, data.asks, data.lastUpdateId, depth, chained=False
        ),
    )


def book_ticker(table: InstrumentTable, data: wire.BookTicker, stream: str, recv_ns: int) -> Events:
    """Best bid and ask."""
    if data.st != wire.USD_M:
        return ()
    symbol = data.s
    if symbol not in table.held:
        table.known(symbol)
    # Spot sends no time of its own.
    ts_ms = data.T or recv_ns // 1_000_000
    # A side without orders is sent as price 0.
    return (Quote(table.venue, symbol, ts_ms, recv_ns, data.b or NAN, data.B, data.a or NAN, data.A),)


def kline(table: InstrumentTable, data: wire.Kline, stream: str, recv_ns: int) -> Events | None:
    """A bar; None for an interval that is not kept."""
    if data.st != wire.USD_M:
        return ()
    bar = data.k
    interval_ms = INTERVAL_MS.get(bar.i)
    if interval_ms is None:
        return None
    bars.check_span(bar.o, bar.h, bar.l, bar.c)
    return (
        Candle(
            table.venue,
            table.known(data.s).symbol,
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


def mark_price(table: InstrumentTable, data: wire.MarkPriceUpdate, stream: str, recv_ns: int) -> Events:
    """Mark, index and the predicted funding rate."""
    if data.st != wire.USD_M:
        return ()
    symbol = table.known(data.s).symbol
    ts_ms = checks.time_ms(data.E, "E")
    index = NAN if data.i is None else checks.price(data.i, "i")
    mark = MarkPrice(table.venue, symbol, ts_ms, recv_ns, checks.price(data.p, "p"), index)
    # Dated futures send no rate, or a rate of 0 without a next settlement.
    if not data.r or data.T <= 0:
        return (mark,)
    rate = checks.funding(_number(data.r, "r"), "r")
    return (mark, Funding(table.venue, symbol, ts_ms, recv_ns, rate, checks.time_ms(data.T, "T"), None))


def ticker(table: InstrumentTable, data: wire.Ticker24h, stream: str, recv_ns: int) -> Events:
    """24 h statistics."""
    if data.st != wire.USD_M:
        return ()
    return (
        Ticker(
            table.venue,
            table.known(data.s).symbol,
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


def force_order(table: InstrumentTable, data: wire.ForceOrder, stream: str, recv_ns: int) -> Events:
    """A liquidation; the venue publishes only a part of them."""
    order = data.o
    if data.st != wire.USD_M or order.st != wire.USD_M:
        return ()
    if order.S not in ("BUY", "SELL"):
        raise Implausible(f"S {order.S!r} is neither BUY nor SELL")
    # `o.S` is the side of the closing order: a long is closed by selling. `p` is the bankruptcy price and can be
    # far from the market, `ap` is what was filled.
    return (
        Liquidation(
            table.venue,
            table.known(order.s).symbol,
            checks.time_ms(order.T, "T"),
            recv_ns,
            "long" if order.S == "SELL" else "short",
            checks.price(order.ap or order.p, "ap"),
            checks.traded_size(order.z or order.q, "z"),
            sampled=True,
        ),
    )


def partial_levels(stream: str) -> int:
    """N of `<symbol>@depth<N>[@speed]`; 0 for diff streams, which share the event name."""
    _, _, kind = stream.partition("@depth")
    levels, _, _ = kind.partition("@")
    return int(levels) if levels in ("5", "10", "20") else 0


def _number(text: str, field: str) -> float:
    try:
        return msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        raise Implausible(f"{field} is not a number: {text[:40]}") from None
