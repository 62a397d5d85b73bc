"""OKX's rows to events. Stream pushes and REST answers of the same name share their row format.

Called by `parse` for pushes and by `rest` for answers. Each function checks its rows and raises Implausible for a value
that cannot be true. Some also derive contract sizes that the listing lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.events import (
    NAN,
    BookDelta,
    BookSnapshot,
    Candle,
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
from engine.venues import bars, checks
from engine.venues.checks import Implausible
from engine.venues.okx import wire
from engine.venues.okx.contracts import Contracts
from engine.venues.okx.symbols import VENUE

HOUR_MS: Final = 3_600_000
BARS: Final = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "4H": 14_400_000}
"""Length in milliseconds by OKX's name, for each interval that prism keeps. Four-hour bars open at the same times in
UTC and UTC+8."""

_MAX_INTERVAL_H: Final = 168.0
_MAX_SEQUENCE: Final = 1 << 63
_MAX_DIGITS: Final = 19
_MAX_JOINED: Final = 1_000_000
_CANDLE_COLUMNS: Final = (7, 9)
"""Until 2022-09 [ts, o, h, l, c, vol, volCcy]; since then also volCcyQuote and confirm."""


def trades(contracts: Contracts, rows: Sequence[wire.TradeRow], symbol: str | None, recv_ns: int) -> list[MarketEvent]:
    """Trades; sizes are in contracts on the wire, and become NaN while the contract size is unknown.

    Ids count up by one per instrument, joined trades included (okx.com/docs-v5, WS trades channel).
    """
    events: list[MarketEvent] = []
    for row in rows:
        instrument = contracts.known(_expected(row.instId, symbol))
        price = checks.price(row.px, "px")
        size = instrument.base_size(checks.traded_size(row.sz, "sz"), price)
        ts_ms = checks.time_ms(row.ts, "ts")
        trade_id = clean(row.tradeId, 64)
        number = _number(trade_id)
        joined = 1 if row.count is None else row.count
        if not 1 <= joined <= _MAX_JOINED:
            raise Implausible(f"count {joined} of the trades in one")
        buy = row.side == "buy"
        shown = str(row.source) != "1"
        events.append(Trade(VENUE, row.instId, ts_ms, recv_ns, price, size, buy, trade_id, number, joined, shown))
    return events


def _number(trade_id: str) -> int:
    """A trade's id as a number; -1 if it is not a decimal number."""
    return int(trade_id) if trade_id.isdecimal() and len(trade_id) < _MAX_DIGITS else -1


def book(
    contracts: Contracts, row: wire.BookRow, symbol: str, depth: int, chained: bool, update: bool, recv_ns: int
) -> BookSnapshot | BookDelta:
    """A book message; level sizes stay in contracts, as text."""
    contracts.known(_expected(symbol, row.instId))
    ts_ms = checks.time_ms(row.ts, "ts")
    bids = [(price, size) for price, size, _, _ in row.bids]
    asks = [(price, size) for price, size, _, _ in row.asks]
    bid_values, ask_values = checks.level_rows(bids, "bids"), checks.level_rows(asks, "asks")
    sequence, previous = _sequence(row.seqId, "seqId"), _sequence(row.prevSeqId, "prevSeqId")
    checksum = _checksum(row.checksum)
    if update:
        return BookDelta(
            VENUE, symbol, ts_ms, recv_ns, bids, asks, None, sequence, previous, checksum, bid_values, ask_values
        )
    return BookSnapshot(VENUE, symbol, ts_ms, recv_ns, bids, asks, sequence, depth, chained, checksum)


def tickers(
    contracts: Contracts, rows: Sequence[wire.TickerRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    """24 h statistics and, if the row has them, the best bid and ask."""
    events: list[MarketEvent] = []
    for row in rows:
        instrument = contracts.known(_expected(row.instId, symbol))
        where = (VENUE, row.instId, checks.time_ms(row.ts, "ts"), recv_ns)
        if instrument.contract_size is None:
            instrument = contracts.learn(instrument, row.vol24h, row.volCcy24h, row.last)
        base, quote = _volumes(row, instrument)
        events.append(
            Ticker(
                *where,
                NAN if row.last is None else checks.price(row.last, "last"),
                _price(row.open24h, "open24h"),
                _price(row.high24h, "high24h"),
                _price(row.low24h, "low24h"),
                base,
                quote,
            )
        )
        if row.bidPx is not None or row.askPx is not None:
            bid, ask = _price(row.bidPx, "bidPx"), _price(row.askPx, "askPx")
            bid_size = instrument.base_size(_size(row.bidSz, "bidSz"), bid)
            events.append(Quote(*where, bid, bid_size, ask, instrument.base_size(_size(row.askSz, "askSz"), ask)))
    return events


def _volumes(row: wire.TickerRow, instrument: Instrument) -> tuple[float, float]:
    """Base and quote volume of 24 h. Derivatives publish no quote volume: it is base x last, or exact for inverse."""
    volume, currency = _size(row.vol24h, "vol24h"), _size(row.volCcy24h, "volCcy24h")
    if instrument.kind == "spot":
        return volume, currency
    if instrument.kind == "option":
        return currency, NAN
    if instrument.inverse and instrument.contract_size is not None:
        return currency, volume * instrument.contract_size
    return currency, currency * _price(row.last, "last")


def candles(
    contracts: Contracts, rows: Sequence[Sequence[float]], symbol: str, bar: str, recv_ns: int, *, rest: bool
) -> list[MarketEvent]:
    """Candles, oldest first. REST rows of the old format without `confirm` are closed if `bars.is_over`.

    A pushed row of that format never counts as closed: its last push may precede its last trade.
    """
    interval_ms = BARS[bar]
    instrument = contracts.known(symbol)
    events: list[MarketEvent] = []
    for row in reversed(rows) if rest else rows:
        if len(row) not in _CANDLE_COLUMNS:
            raise Implausible(f"a candle of {len(row)} columns, 7 or 9 expected")
        open_ms = checks.time_ms(int(checks.size(row[0], "ts")), "ts")
        prices = (row[1], row[2], row[3], row[4])
        instrument = contracts.learn(instrument, row[5], row[6], row[4])
        closed = row[8] == 1.0 if len(row) == 9 else rest and bars.is_over(open_ms, interval_ms, None, recv_ns)
        events.append(_candle(instrument, recv_ns, interval_ms, open_ms, prices, row[5:], closed))
    return events


def _candle(
    instrument: Instrument,
    recv_ns: int,
    interval_ms: int,
    open_ms: int,
    prices: tuple[float, float, float, float],
    volumes: Sequence[float],
    closed: bool,
) -> Candle:
    """`volumes` is (vol, volCcy[, volCcyQuote, confirm]). Candle rows carry no time but their open."""
    volume, currency = checks.size(volumes[0], "vol"), checks.size(volumes[1], "volCcy")
    base, quote = (volume, currency) if instrument.kind == "spot" else (currency, None)
    if instrument.kind != "spot" and len(volumes) == 4:
        quote = volumes[2]
    return bars.candle(instrument, recv_ns // 1_000_000, recv_ns, interval_ms, open_ms, (*prices, base, quote), closed)


def funding(
    contracts: Contracts, rows: Sequence[wire.FundingRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    """The predicted rate of the next settlement; rows without a rate yield nothing."""
    events: list[MarketEvent] = []
    for row in rows:
        contracts.known(_expected(row.instId, symbol))
        # Before 2023 the venue sent no time.
        ts_ms = recv_ns // 1_000_000 if row.ts is None else checks.time_ms(row.ts, "ts")
        next_ms = checks.time_ms(row.fundingTime, "fundingTime") if row.fundingTime else None
        interval_h: float | None = None
        if next_ms is not None and row.nextFundingTime:
            interval_h = (checks.time_ms(row.nextFundingTime, "nextFundingTime") - next_ms) / HOUR_MS
            if not 0.0 < interval_h <= _MAX_INTERVAL_H:
                raise Implausible(f"nextFundingTime is {interval_h:g} hours after fundingTime")
        if row.fundingRate is not None:
            rate = checks.funding(row.fundingRate, "fundingRate")
            events.append(Funding(VENUE, row.instId, ts_ms, recv_ns, rate, next_ms, interval_h))
    return events


def open_interest(
    contracts: Contracts, rows: Sequence[wire.OpenInterestRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    """Open interest in base currency and, if published, dollars."""
    events: list[MarketEvent] = []
    for row in rows:
        instrument = contracts.known(_expected(row.instId, symbol))
        ts_ms = checks.time_ms(row.ts, "ts")
        count, base, usd = _size(row.oi, "oi"), _size(row.oiCcy, "oiCcy"), _size(row.oiUsd, "oiUsd")
        if instrument.contract_size is None:
            instrument = contracts.learn_usd(instrument, row.oi, row.oiUsd)
            instrument = contracts.learn(instrument, row.oi, row.oiCcy, contracts.marks.get(row.instId))
        if base != base and not instrument.inverse:
            base = instrument.base_size(count, 1.0)
        if base == base or usd == usd:
            events.append(OpenInterest(VENUE, row.instId, ts_ms, recv_ns, base, usd))
    return events


def marks(contracts: Contracts, rows: Sequence[wire.MarkRow], symbol: str | None, recv_ns: int) -> list[MarketEvent]:
    """Mark prices, each with the newest index price of its pair if one was received."""
    events: list[MarketEvent] = []
    for row in rows:
        instrument = contracts.known(_expected(row.instId, symbol))
        ts_ms = checks.time_ms(row.ts, "ts")
        mark = contracts.marks[row.instId] = checks.price(row.markPx, "markPx")
        # An option's mark is in its settlement currency, its index is not, so the two do not belong together.
        pair = "" if instrument.kind == "option" else f"{instrument.base}-{instrument.quote}"
        events.append(MarkPrice(VENUE, row.instId, ts_ms, recv_ns, mark, contracts.indices.get(pair, NAN)))
    return events


def indices(contracts: Contracts, rows: Sequence[wire.IndexRow], symbol: str | None, recv_ns: int) -> list[MarketEvent]:
    """Index prices, as `MarkPrice` of the perpetual on that index; its mark is NaN until one was received."""
    events: list[MarketEvent] = []
    for row in rows:
        swap = f"{_expected(row.instId, symbol)}-SWAP"
        ts_ms = checks.time_ms(row.ts, "ts")
        index = contracts.keep_index(row.instId, checks.price(row.idxPx, "idxPx"))
        if contracts.has_listing and swap not in contracts.held:
            continue
        contracts.known(swap)
        events.append(MarkPrice(VENUE, swap, ts_ms, recv_ns, contracts.marks.get(swap, NAN), index))
    return events


def liquidations(contracts: Contracts, rows: Sequence[wire.LiquidationRow], recv_ns: int) -> list[MarketEvent]:
    """Liquidations, only a part of all ("does not represent the total number", OKX documentation).

    `side` is that of the closing order: sell means that a long was liquidated. Margin and spot rows do not concern a
    contract and are dropped.
    """
    events: list[MarketEvent] = []
    for row in rows:
        if row.instType in ("MARGIN", "SPOT"):
            continue
        instrument = contracts.known(row.instId)
        for one in row.details:
            if one.bkPx is None:
                raise Implausible("bkPx is empty, a price above 0 expected")
            price = checks.price(one.bkPx, "bkPx")
            size = instrument.base_size(checks.traded_size(one.sz, "sz"), price)
            side: LiquidatedSide = "long" if one.side == "sell" else "short"
            ts_ms = checks.time_ms(one.ts, "ts")
            events.append(Liquidation(VENUE, row.instId, ts_ms, recv_ns, side, price, size, sampled=True))
    return events


def _expected(symbol: str, channel: str | None) -> str:
    """`symbol`, if it is the one that its channel is subscribed for; else raises Implausible."""
    if channel is not None and channel != symbol:
        raise Implausible(f"instId {symbol[:40]} on a channel of {channel[:40]}")
    return symbol


def _price(value: float | None, field: str) -> float:
    """A price; NaN if it is absent, empty or 0, as for an instrument that has not traded."""
    return NAN if not value else checks.price(value, field)


def _size(value: float | None, field: str) -> float:
    return NAN if value is None else checks.size(value, field)


def _sequence(value: int | None, field: str) -> int | None:
    if value is not None and not -1 <= value < _MAX_SEQUENCE:
        raise Implausible(f"{field} is not an update id")
    return value


def _checksum(value: int | None) -> int | None:
    """The CRC32 as a signed 32-bit number; None if the venue sends none or (since 2026-06-23) a constant 0."""
    if not value:
        return None
    if not -(1 << 31) <= value < 1 << 31:
        raise Implausible("checksum is not a signed 32-bit number")
    return value
