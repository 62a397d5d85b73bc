"""Binance's REST answers to events and listings. No I/O; the requests are built in `queries`.

The parser calls `read` for live and recorded answers alike. Keep every interpretation of a body here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from engine.events import (
    BookSnapshot,
    Candle,
    Funding,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Ratio,
    RatioKind,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.text import is_safe_symbol
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues import bars, checks
from engine.venues.base import CONTROL, Parsed, Verdict
from engine.venues.binance import listing, wire
from engine.venues.binance.limits import PATHS
from engine.venues.checks import Count, Implausible

if TYPE_CHECKING:
    from engine.venues.binance.parse import BinanceParser

Query = dict[str, str]
Reader = Callable[["BinanceParser", Query, str, int], Sequence[MarketEvent]]

MAX_LISTED: Final = 20_000
"""Most instruments accepted from one listing; spot lists about 3,500, most of them delisted."""

_PERIOD_MS: Final = {
    name: minutes * MINUTE_MS
    for name, minutes in (
        ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("2h", 120), ("4h", 240), ("6h", 360), ("12h", 720),
        ("1d", 1440),
    )
}  # fmt: skip


def read(parser: BinanceParser, request: str, status: int, body: str, recv_ns: int) -> Parsed:
    """The outcome of an answer to `request` (`GET /path?query`). Never raises."""
    path, _, query_text = request.removeprefix("GET ").partition("?")
    query = dict(parse_qsl(query_text))
    kind = next((name for name, known in PATHS[parser.venue].items() if known == path), "")
    try:
        if status != 200:
            return Parsed(
                Verdict.CONTROL, detail=checks.detail(parser.venue, f"{path} answered {status}: {body[:120]}")
            )
        if kind == "time":
            return CONTROL
        if kind == "instruments":
            return _listing(parser, body)
        if kind == "funding_config":
            return _funding_config(parser, body)
        if kind in _WHOLE and body.lstrip()[:1] == "[":
            return _many(parser, kind, body, recv_ns)
        reader = _READERS.get(kind)
        if reader is None:
            return Parsed(Verdict.UNKNOWN, detail=checks.detail(parser.venue, f"answer not handled: {path}"))
        return Parsed(Verdict.ACCEPTED, reader(parser, query, body, recv_ns))
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible) as error:
        return Parsed(Verdict.REJECTED, detail=checks.detail(parser.venue, f"{path}: {error}"))


def server_time_ms(body: str) -> int | None:
    """The venue's time in the answer to `queries.time_request`; None if the answer holds none."""
    try:
        return checks.time_ms(_DECODE_TIME(body).serverTime, "serverTime")
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible):
        return None


def _listing(parser: BinanceParser, body: str) -> Parsed:
    """A listing; rows are decoded one by one, so that a bad row costs only itself."""
    raws = _DECODE_INFO(body).symbols
    listed: list[Instrument] = []
    refused: list[str] = []
    for raw in raws[:MAX_LISTED]:
        try:
            instrument = listing.listed(parser.venue, _DECODE_SYMBOL(raw), parser.intervals_h)
        except msgspec.MsgspecError as fault:
            refused.append(str(fault))
            continue
        if instrument is not None:
            listed.append(instrument)
    detail = _refused(parser.venue, refused, len(raws))
    if len(raws) > MAX_LISTED:
        detail = checks.detail(parser.venue, f"only {MAX_LISTED} of {len(raws)} listed rows read")
    return Parsed(Verdict.REJECTED if refused and not listed else Verdict.ACCEPTED, detail=detail, listing=listed)


def _funding_config(parser: BinanceParser, body: str) -> Parsed:
    """Funding intervals; yields the listed contracts that get a different interval."""
    found: dict[str, float] = {}
    for row in _DECODE_FUNDING_INFO(body)[:MAX_LISTED]:
        if is_safe_symbol(row.symbol) and 0.0 < row.fundingIntervalHours <= _MAX_INTERVAL_H:
            found[row.symbol] = row.fundingIntervalHours
    parser.intervals_h = found
    refined = [
        better
        for held in parser.instruments()
        if not held.inferred and (better := listing.with_interval(held, found)) is not held
    ]
    return Parsed(Verdict.ACCEPTED, listing=refined)


def _many(parser: BinanceParser, kind: str, body: str, recv_ns: int) -> Parsed:
    """Read an answer for all symbols. Bad rows are dropped; the answer is rejected only if none is left."""
    decode, read_row = _WHOLE[kind]
    events: list[MarketEvent] = []
    refused: list[str] = []
    raws = _DECODE_RAWS(body)
    for raw in raws:
        try:
            events += read_row(parser, decode(raw), recv_ns)
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    verdict = Verdict.REJECTED if refused and not events else Verdict.ACCEPTED
    return Parsed(verdict, events, _refused(parser.venue, refused, len(raws)))


def _refused(venue: str, refused: Sequence[str], rows: int) -> str:
    return checks.detail(venue, f"{len(refused)} of {rows} rows refused: {refused[0]}") if refused else ""


def _symbol(query: Query, symbol: str = "") -> str:
    name = symbol or query.get("symbol", "")
    if not is_safe_symbol(name):
        raise Implausible("neither the request nor the answer names a symbol that can be kept")
    return name


def _depth(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    data = _DECODE_DEPTH(body)
    checks.level_rows(data.bids, "bids")
    checks.level_rows(data.asks, "asks")
    ts_ms = recv_ns // 1_000_000 if data.T is None else checks.time_ms(data.T, "T")
    symbol = parser.known(_symbol(query))
    return (
        BookSnapshot(
            parser.venue, symbol, ts_ms, recv_ns, data.bids, data.asks, data.lastUpdateId, 0, chained=True, aligns=True
        ),
    )


def _klines(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    interval_ms = INTERVAL_MS.get(query.get("interval", ""))
    if interval_ms is None:
        return ()
    symbol = parser.known(_symbol(query))
    found: list[MarketEvent] = []
    for row in _DECODE_KLINES(body):
        open_ms = checks.time_ms(row[0], "open time")
        first, high, low, close = row[1:5]
        bars.check_span(first, high, low, close)
        closes_ms = open_ms + interval_ms
        found.append(
            Candle(
                parser.venue,
                symbol,
                min(closes_ms, recv_ns // 1_000_000),
                recv_ns,
                interval_ms,
                open_ms,
                first,
                high,
                low,
                close,
                checks.size(row[5], "volume"),
                checks.size(row[7], "quote volume"),
                checks.size(row[10], "taker buy quote volume"),
                row[8],
                bars.is_over(open_ms, interval_ms, None, recv_ns),
            )
        )
    return found


def _open_interest(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    data = _DECODE_OI(body)
    symbol = parser.known(_symbol(query, data.symbol))
    size = checks.size(data.openInterest, "openInterest")
    return (OpenInterest(parser.venue, symbol, checks.time_ms(data.time, "time"), recv_ns, size, wire.NAN),)


def _open_interest_history(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return [
        OpenInterest(
            parser.venue,
            parser.known(_symbol(query, row.symbol)),
            checks.time_ms(row.timestamp, "timestamp"),
            recv_ns,
            checks.size(row.sumOpenInterest, "sumOpenInterest"),
            checks.size(row.sumOpenInterestValue, "sumOpenInterestValue"),
        )
        for row in _DECODE_OI_HISTORY(body)
    ]


def _trades(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    symbol = parser.known(_symbol(query))
    return [
        Trade(parser.venue, symbol, row.T, recv_ns, row.p, row.q, not row.m, str(row.a), row.a, 1, row.nq != 0.0)
        for row in _DECODE_TRADES(body)
    ]


def _mark_row(parser: BinanceParser, row: wire.PremiumIndex, recv_ns: int) -> Sequence[MarketEvent]:
    if not is_safe_symbol(row.symbol):
        return ()
    ts_ms = checks.time_ms(row.time, "time")
    index = wire.NAN if not row.indexPrice else checks.price(row.indexPrice, "indexPrice")
    price = checks.price(row.markPrice, "markPrice")
    symbol = parser.known(row.symbol)
    mark = MarkPrice(parser.venue, symbol, ts_ms, recv_ns, price, index)
    if not row.lastFundingRate or row.nextFundingTime <= 0:
        return (mark,)
    rate = checks.funding(msgspec.convert(row.lastFundingRate, float, strict=False), "lastFundingRate")
    next_ms = checks.time_ms(row.nextFundingTime, "nextFundingTime")
    return (mark, Funding(parser.venue, symbol, ts_ms, recv_ns, rate, next_ms, None))


def _mark(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return _mark_row(parser, _DECODE_PREMIUM(body), recv_ns)


def _funding_history(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return [
        Funding(
            parser.venue,
            parser.known(_symbol(query, row.symbol)),
            checks.time_ms(row.fundingTime, "fundingTime"),
            recv_ns,
            checks.funding(row.fundingRate, "fundingRate"),
            None,
            None,
            settled=True,
        )
        for row in _DECODE_FUNDING(body)
        # A special settlement off the schedule would make the intervals of its neighbours look shorter than they are.
        if row.rateType != "Special"
    ]


def _ratio(kind: RatioKind) -> Reader:
    def reader(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
        period_ms = _PERIOD_MS.get(query.get("period", ""), 0)
        if not period_ms:
            raise Implausible("the request names no known period")
        if kind == "taker_volume":
            rows = [(row.timestamp, row.buySellRatio) for row in _DECODE_TAKER(body)]
        else:
            rows = [(row.timestamp, row.longShortRatio) for row in _DECODE_RATIO(body)]
        symbol = parser.known(_symbol(query))
        return [
            Ratio(
                parser.venue,
                symbol,
                checks.time_ms(ts_ms, "timestamp"),
                recv_ns,
                kind,
                checks.size(value, kind),
                period_ms,
            )
            for ts_ms, value in rows
        ]

    return reader


def _ticker_row(parser: BinanceParser, row: wire.Ticker24hRest, recv_ns: int) -> Sequence[MarketEvent]:
    """24 h statistics of a symbol; nothing for one that has not traded, which has a last price of 0."""
    if not is_safe_symbol(row.symbol) or not row.lastPrice:
        return ()
    ts_ms, last = checks.time_ms(row.closeTime, "closeTime"), checks.price(row.lastPrice, "lastPrice")
    volume, quote_volume = checks.size(row.volume, "volume"), checks.size(row.quoteVolume, "quoteVolume")
    open_, high = checks.size(row.openPrice, "openPrice"), checks.size(row.highPrice, "highPrice")
    low = checks.size(row.lowPrice, "lowPrice")
    return (
        Ticker(
            parser.venue,
            parser.known(row.symbol),
            ts_ms,
            recv_ns,
            last,
            open_ or wire.NAN,
            high or wire.NAN,
            low or wire.NAN,
            volume,
            quote_volume,
        ),
    )


def _tickers(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return _ticker_row(parser, _DECODE_TICKER(body), recv_ns)


_MAX_INTERVAL_H: Final = 24.0
_KlineRow = tuple[int, float, float, float, float, float, int, float, Count, float, float, Any]
_DECODE_INFO: Final = msgspec.json.Decoder(wire.ExchangeInfo, strict=False).decode
_DECODE_SYMBOL: Final = msgspec.json.Decoder(wire.Symbol, strict=False).decode
_DECODE_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_DECODE_TIME: Final = msgspec.json.Decoder(wire.ServerTime).decode
_DECODE_FUNDING_INFO: Final = msgspec.json.Decoder(list[wire.FundingInfo], strict=False).decode
_DECODE_TRADES: Final = msgspec.json.Decoder(list[wire.AggTradeRow], strict=False).decode
_DECODE_DEPTH: Final = msgspec.json.Decoder(wire.Depth, strict=False).decode
_DECODE_KLINES: Final = msgspec.json.Decoder(list[_KlineRow], strict=False).decode
_DECODE_OI: Final = msgspec.json.Decoder(wire.OpenInterestNow, strict=False).decode
_DECODE_OI_HISTORY: Final = msgspec.json.Decoder(list[wire.OpenInterestPast], strict=False).decode
_DECODE_PREMIUM: Final = msgspec.json.Decoder(wire.PremiumIndex, strict=False).decode
_DECODE_FUNDING: Final = msgspec.json.Decoder(list[wire.FundingRate], strict=False).decode
_DECODE_RATIO: Final = msgspec.json.Decoder(list[wire.LongShort], strict=False).decode
_DECODE_TAKER: Final = msgspec.json.Decoder(list[wire.TakerRatio], strict=False).decode
_DECODE_TICKER: Final = msgspec.json.Decoder(wire.Ticker24hRest, strict=False).decode

_READERS: Final[dict[str, Reader]] = {
    "depth": _depth,
    "klines": _klines,
    "trades": _trades,
    "open_interest": _open_interest,
    "open_interest_history": _open_interest_history,
    "mark": _mark,
    "funding_history": _funding_history,
    "accounts": _ratio("accounts"),
    "top_accounts": _ratio("top_accounts"),
    "top_positions": _ratio("top_positions"),
    "taker_volume": _ratio("taker_volume"),
    "tickers": _tickers,
}

_ReadRow = Callable[["BinanceParser", Any, int], Sequence[MarketEvent]]
_WHOLE: Final[dict[str, tuple[Callable[[msgspec.Raw], Any], _ReadRow]]] = {
    "mark": (_DECODE_PREMIUM, _mark_row),
    "tickers": (_DECODE_TICKER, _ticker_row),
}
"""Endpoints that answer for one symbol, or with a list for all: decoder and reader of a row."""
