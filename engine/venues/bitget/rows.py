"""Bitget's rows to events. Stream pushes and REST answers of the same name share their row format.

Called by `parse` for pushes and by `rest` for answers. Each function checks its rows and raises Implausible for a value
that cannot be true. Sizes are in base currency on the wire: there is no contract multiplier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.events import (
    NAN,
    BookDelta,
    BookSnapshot,
    Funding,
    LiquidatedSide,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.text import clean
from engine.venues import checks, levels
from engine.venues.bitget import wire
from engine.venues.bitget.symbols import VENUE
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable
from engine.venues.levels import TextRows

_MAX_SEQUENCE: Final = 1 << 63
_MAX_DEPTH: Final = 100_000


def trades(instrument: Instrument, rows: Sequence[wire.TradeRow], recv_ns: int) -> list[MarketEvent]:
    """Trades, oldest first. The order within a push is not documented; live pushes of 2026-09 had the newest first, so
    of two in the same millisecond the later row is the older trade."""
    ordered = rows[::-1]
    if len(rows) > 1:
        ordered = sorted(ordered, key=_traded_ms)
    return [trade(instrument, (row.T, row.p, row.v, row.S), row.i, recv_ns, is_rpi=row.isRPI) for row in ordered]


def trade(
    instrument: Instrument, what: tuple[int, float, float, wire.Side], trade_id: str, recv_ns: int,
    *, is_rpi: str | bool | None,
) -> Trade:  # fmt: skip
    """A checked trade; `what` is (time ms, price, base size, taker's side)."""
    ts_ms, price, size, side = what
    return Trade(
        VENUE,
        instrument.symbol,
        checks.time_ms(ts_ms, "T"),
        recv_ns,
        checks.price(price, "p"),
        checks.traded_size(size, "v"),
        side == "buy",
        clean(trade_id, 64),
        in_book=is_rpi not in ("yes", True),
    )


def book(symbol: str, row: wire.BookRow, push: tuple[int, bool, bool], recv_ns: int) -> BookSnapshot | BookDelta:
    """A book message; `push` is (levels per side or 0, chained, update).

    Source of the chain: Bitget UTA v3, depth channel. The `seq` of a snapshot lies in the first update's [pseq, seq].
    After that, `pseq` is the `seq` of the previous update, and `pseq` 0 on an update means that the server restarted.
    The page does not say that size 0 removes a level; that comes from classic v2, and 180,000 updates applied that way
    never crossed a book (measured 2026-09-15).
    """
    depth, chained, update = push
    ts_ms = checks.time_ms(row.ts, "ts")
    bid_values, ask_values = levels.numbers(row.b), levels.numbers(row.a)
    bids, asks = TextRows(row.b, len(bid_values) // 2), TextRows(row.a, len(ask_values) // 2)
    sequence, previous = _sequence(row.seq, "seq"), _sequence(row.pseq, "pseq")
    if not chained:
        return BookSnapshot(VENUE, symbol, ts_ms, recv_ns, bids, asks, sequence, depth, chained=False)
    if sequence is None:
        raise Implausible("a book message without seq")
    if not update:
        # The page calls `books` the full depth, yet its example has maxDepth 50: the message decides.
        depth = row.maxDepth or row.maxdepth or 0
        if not 0 <= depth <= _MAX_DEPTH:
            raise Implausible(f"maxDepth {depth} is not a number of levels")
        return BookSnapshot(VENUE, symbol, ts_ms, recv_ns, bids, asks, sequence, depth, chained=True, overlaps=True)
    if previous is None:
        raise Implausible("a book update without pseq")
    return BookDelta(
        VENUE,
        symbol,
        ts_ms,
        recv_ns,
        bids,
        asks,
        None,
        sequence,
        previous,
        None,
        bid_values,
        ask_values,
        restarts=previous == 0,
    )


def ticker(instrument: Instrument, row: wire.TickerRow, ts_ms: int, recv_ns: int) -> list[MarketEvent]:
    """The events of a ticker row: statistics, quote, mark and index, funding, open interest; each only if present."""
    where = (VENUE, instrument.symbol, ts_ms if row.ts is None else checks.time_ms(row.ts, "ts"), recv_ns)
    statistics = Ticker(
        *where,
        _price(row.lastPrice, "lastPrice"),
        _price(row.openPrice24h, "openPrice24h"),
        _price(row.highPrice24h, "highPrice24h"),
        _price(row.lowPrice24h, "lowPrice24h"),
        _size(row.volume24h, "volume24h"),
        _size(row.turnover24h, "turnover24h"),
    )
    events: list[MarketEvent] = []
    if statistics.last == statistics.last or statistics.volume_24h_quote == statistics.volume_24h_quote:
        events.append(statistics)
    if row.bid1Price is not None or row.ask1Price is not None:
        bid, ask = _price(row.bid1Price, "bid1Price"), _price(row.ask1Price, "ask1Price")
        events.append(Quote(*where, bid, _size(row.bid1Size, "bid1Size"), ask, _size(row.ask1Size, "ask1Size")))
    if row.markPrice or row.indexPrice:
        events.append(MarkPrice(*where, _price(row.markPrice, "markPrice"), _price(row.indexPrice, "indexPrice")))
    if row.fundingRate is not None:
        rate = checks.funding(row.fundingRate, "fundingRate")
        next_ms = checks.time_ms(row.nextFundingTime, "nextFundingTime") if row.nextFundingTime else None
        events.append(Funding(*where, rate, next_ms, instrument.funding_interval_h))
    if row.openInterest is not None:
        events.append(open_interest(instrument, row.openInterest, where[2], recv_ns))
    return events


def open_interest(instrument: Instrument, base: float, ts_ms: int, recv_ns: int) -> OpenInterest:
    """Open interest in base currency, as published.

    Uncertain: Bitget does not document whether it counts one side or both. One side is assumed, as at all venues but
    Bybit; if it counts both, the figure is twice too large.
    """
    return OpenInterest(VENUE, instrument.symbol, ts_ms, recv_ns, checks.size(base, "openInterest"), NAN)


def liquidations(listing: InstrumentTable, rows: Sequence[wire.LiquidationRow], recv_ns: int) -> list[MarketEvent]:
    """Liquidations, at most the largest long and the largest short of a symbol each second (documentation of 2026-08).

    `side` is that of the POSITION (Bitget UTA v3, liquidation channel): buy means that a long was liquidated. `amount`
    is in quote currency by the same page, so the size is amount / price. Uncertain: its example, 37.722858 at a price
    of 89000, looks more like base currency; an older page promises all liquidations every 20 s.
    """
    events: list[MarketEvent] = []
    for row in rows:
        instrument = listing.known(row.symbol)
        price = checks.price(row.price, "price")
        size = checks.traded_size(row.amount, "amount") / price
        side: LiquidatedSide = "long" if row.side == "buy" else "short"
        ts_ms = checks.time_ms(row.ts, "ts")
        events.append(Liquidation(VENUE, instrument.symbol, ts_ms, recv_ns, side, price, size, sampled=True))
    return events


def _traded_ms(row: wire.TradeRow) -> int:
    return row.T


def _price(value: float | None, field: str) -> float:
    """A price; NaN if it is absent, empty or 0, as for an instrument that has not traded."""
    return NAN if not value else checks.price(value, field)


def _size(value: float | None, field: str) -> float:
    return NAN if value is None else checks.size(value, field)


def _sequence(value: int | None, field: str) -> int | None:
    if value is not None and not 0 <= value < _MAX_SEQUENCE:
        raise Implausible(f"{field} is not an update id")
    return value
