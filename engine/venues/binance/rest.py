"""Binance's REST requests, and their answers as events.

Request builders return the path with its query; the transport knows hosts and weights. `read` is called by the
parser for live answers and recorded ones alike, so a body is understood in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from engine.events import BookSnapshot, Candle, Funding, MarketEvent, MarkPrice, OpenInterest, Ratio, RatioKind, Ticker
from engine.instruments import Instrument, Kind, asset_of
from engine.text import is_safe_symbol
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues import checks
from engine.venues.base import CONTROL, Parsed, Verdict
from engine.venues.binance import wire
from engine.venues.binance.limits import PATHS
from engine.venues.checks import Implausible

if TYPE_CHECKING:
    from engine.venues.binance.parse import BinanceParser

Query = dict[str, str]
Reader = Callable[["BinanceParser", Query, str, int], Sequence[MarketEvent]]

_TRADFI_UNDERLYINGS: Final = frozenset({"EQUITY", "STOCK", "COMMODITY", "FOREX", "METAL", "KR_EQUITY", "ETF"})
_PERIOD_MS: Final = {
    name: minutes * MINUTE_MS
    for name, minutes in (
        ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("2h", 120), ("4h", 240), ("6h", 360), ("12h", 720),
        ("1d", 1440),
    )
}  # fmt: skip


def instruments(venue: str) -> str:
    """Listing of every instrument."""
    return f"GET {PATHS[venue]['instruments']}"


def depth(venue: str, symbol: str, levels: int) -> str:
    """Book snapshot that the diff stream is aligned on."""
    return _request(venue, "depth", symbol=symbol, limit=str(levels))


def klines(venue: str, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
    """Bars, oldest first, the open one included."""
    query = {"symbol": symbol, "interval": interval, "limit": str(limit)}
    if end_ms is not None:
        query["endTime"] = str(end_ms)
    return _request(venue, "klines", **query)


def open_interest(symbol: str) -> str:
    """Open interest now; USD-M only, one symbol a call."""
    return _request("binance-usdm", "open_interest", symbol=symbol)


def history(kind: str, symbol: str, period: str, limit: int) -> str:
    """Statistics of the last 30 days; `kind` is `open_interest_history` or the name of a ratio in `limits.PATHS`."""
    return _request("binance-usdm", kind, symbol=symbol, period=period, limit=str(limit))


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
            return Parsed(Verdict.ACCEPTED, listing=_listing(parser.venue, body))
        reader = _READERS.get(kind)
        if reader is None:
            return Parsed(Verdict.UNKNOWN, detail=checks.detail(parser.venue, f"answer not handled: {path}"))
        return Parsed(Verdict.ACCEPTED, reader(parser, query, body, recv_ns))
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible) as error:
        return Parsed(Verdict.REJECTED, detail=checks.detail(parser.venue, f"{path}: {error}"))


def _request(venue: str, kind: str, **query: str) -> str:
    return f"GET {PATHS[venue][kind]}?{urlencode(query, quote_via=quote)}"


def _listing(venue: str, body: str) -> list[Instrument]:
    listed: list[Instrument] = []
    for symbol in _DECODE_INFO(body).symbols:
        if not is_safe_symbol(symbol.symbol):
            continue
        steps = {entry.filterType: entry for entry in symbol.filters}
        tick = steps.get("PRICE_FILTER")
        lot = steps.get("LOT_SIZE")
        asset, multiplier = asset_of(symbol.baseAsset)
        contract = symbol.contractType or ""
        tradfi = contract.startswith("TRADIFI") or symbol.underlyingType in _TRADFI_UNDERLYINGS
        listed.append(
            Instrument(
                venue,
                symbol.symbol,
                _kind(venue, contract),
                symbol.baseAsset,
                symbol.quoteAsset,
                asset,
                multiplier,
                tick=_step(tick.tickSize if tick else ""),
                step=_step(lot.stepSize if lot else ""),
                category="tradfi" if tradfi else "crypto",
                listed_ms=symbol.onboardDate,
            )
        )
    return listed


def _kind(venue: str, contract: str) -> Kind:
    if venue == "binance-spot":
        return "spot"
    # A perpetual announced but not yet open has an empty contract type.
    return "perp" if contract in ("", "PERPETUAL", "TRADIFI_PERPETUAL") else "future"


def _step(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 < value < checks.MAX_PRICE else None


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
    symbol = parser.instrument(_symbol(query)).symbol
    return (
        BookSnapshot(
            parser.venue, symbol, ts_ms, recv_ns, data.bids, data.asks, data.lastUpdateId, 0, chained=True, aligns=True
        ),
    )


def _klines(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    interval_ms = INTERVAL_MS.get(query.get("interval", ""))
    if interval_ms is None:
        return ()
    symbol = parser.instrument(_symbol(query)).symbol
    bars: list[MarketEvent] = []
    for row in _DECODE_KLINES(body):
        open_ms = checks.time_ms(row[0], "open time")
        first, high, low, close = (checks.price(value, "bar price") for value in row[1:5])
        closes_ms = open_ms + interval_ms
        bars.append(
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
                # The newest row is still forming unless its time is over.
                closes_ms <= recv_ns // 1_000_000,
            )
        )
    return bars


def _open_interest(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    data = _DECODE_OI(body)
    symbol = parser.instrument(_symbol(query, data.symbol)).symbol
    size = checks.size(data.openInterest, "openInterest")
    return (OpenInterest(parser.venue, symbol, checks.time_ms(data.time, "time"), recv_ns, size, wire.NAN),)


def _open_interest_history(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return [
        OpenInterest(
            parser.venue,
            parser.instrument(_symbol(query, row.symbol)).symbol,
            checks.time_ms(row.timestamp, "timestamp"),
            recv_ns,
            checks.size(row.sumOpenInterest, "sumOpenInterest"),
            checks.size(row.sumOpenInterestValue, "sumOpenInterestValue"),
        )
        for row in _DECODE_OI_HISTORY(body)
    ]


def _mark(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    rows = _DECODE_PREMIUMS(body) if body.lstrip()[:1] == "[" else [_DECODE_PREMIUM(body)]
    events: list[MarketEvent] = []
    for row in rows:
        if not is_safe_symbol(row.symbol):
            continue
        symbol = parser.instrument(row.symbol).symbol
        ts_ms = checks.time_ms(row.time, "time")
        index = wire.NAN if not row.indexPrice else checks.price(row.indexPrice, "indexPrice")
        events.append(MarkPrice(parser.venue, symbol, ts_ms, recv_ns, checks.price(row.markPrice, "markPrice"), index))
        if row.lastFundingRate and row.nextFundingTime > 0:
            rate = checks.funding(msgspec.convert(row.lastFundingRate, float, strict=False), "lastFundingRate")
            events.append(Funding(parser.venue, symbol, ts_ms, recv_ns, rate, row.nextFundingTime, None))
    return events


def _funding_history(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    return [
        Funding(
            parser.venue,
            parser.instrument(_symbol(query, row.symbol)).symbol,
            checks.time_ms(row.fundingTime, "fundingTime"),
            recv_ns,
            checks.funding(row.fundingRate, "fundingRate"),
            None,
            None,
            settled=True,
        )
        for row in _DECODE_FUNDING(body)
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
        symbol = parser.instrument(_symbol(query)).symbol
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


def _tickers(parser: BinanceParser, query: Query, body: str, recv_ns: int) -> Sequence[MarketEvent]:
    rows = _DECODE_TICKERS(body) if body.lstrip()[:1] == "[" else [_DECODE_TICKER(body)]
    return [
        Ticker(
            parser.venue,
            parser.instrument(row.symbol).symbol,
            checks.time_ms(row.closeTime, "closeTime"),
            recv_ns,
            checks.price(row.lastPrice, "lastPrice"),
            row.openPrice or wire.NAN,
            row.highPrice or wire.NAN,
            row.lowPrice or wire.NAN,
            checks.size(row.volume, "volume"),
            checks.size(row.quoteVolume, "quoteVolume"),
        )
        for row in rows
        if is_safe_symbol(row.symbol) and row.lastPrice > 0.0
    ]


_KlineRow = tuple[int, float, float, float, float, float, int, float, int, float, float, Any]
_DECODE_INFO: Final = msgspec.json.Decoder(wire.ExchangeInfo, strict=False).decode
_DECODE_DEPTH: Final = msgspec.json.Decoder(wire.Depth, strict=False).decode
_DECODE_KLINES: Final = msgspec.json.Decoder(list[_KlineRow], strict=False).decode
_DECODE_OI: Final = msgspec.json.Decoder(wire.OpenInterestNow, strict=False).decode
_DECODE_OI_HISTORY: Final = msgspec.json.Decoder(list[wire.OpenInterestPast], strict=False).decode
_DECODE_PREMIUM: Final = msgspec.json.Decoder(wire.PremiumIndex, strict=False).decode
_DECODE_PREMIUMS: Final = msgspec.json.Decoder(list[wire.PremiumIndex], strict=False).decode
_DECODE_FUNDING: Final = msgspec.json.Decoder(list[wire.FundingRate], strict=False).decode
_DECODE_RATIO: Final = msgspec.json.Decoder(list[wire.LongShort], strict=False).decode
_DECODE_TAKER: Final = msgspec.json.Decoder(list[wire.TakerRatio], strict=False).decode
_DECODE_TICKER: Final = msgspec.json.Decoder(wire.Ticker24hRest, strict=False).decode
_DECODE_TICKERS: Final = msgspec.json.Decoder(list[wire.Ticker24hRest], strict=False).decode

_READERS: Final[dict[str, Reader]] = {
    "depth": _depth,
    "klines": _klines,
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
