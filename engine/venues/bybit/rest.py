"""Bybit's REST requests and what their answers mean. No I/O: the transport sends what is built here.

Requests are `GET /path?query`, the form a capture records them in, so that a replay reads answers the way live does.
Every reader takes the decoded envelope and raises msgspec errors or Implausible; the parser turns both into a verdict.
Sources: Bybit v5 documentation `docs/v5/market/*.mdx` (2026-07-24).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from engine.events import NAN, BookSnapshot, Candle, Funding, MarketEvent, OpenInterest, Ratio
from engine.instruments import Instrument, Kind, asset_of
from engine.text import is_safe_symbol
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues import checks
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit import limits, tickers, wire
from engine.venues.bybit.candles import INTERVALS, candle
from engine.venues.checks import Implausible

if TYPE_CHECKING:
    from engine.venues.bybit.parse import BybitParser

MAX_LISTED: Final = 20_000
"""Instruments accepted from one listing page; Bybit lists about 1,400."""

_TRADFI: Final = frozenset({"stock", "commodity", "forex", "xstocks"})
_GONE: Final = frozenset({"Closed", "Delivering"})
_KINDS: Final[dict[str, Kind]] = {
    "LinearPerpetual": "perp",
    "InversePerpetual": "perp",
    "LinearFutures": "future",
    "InverseFutures": "future",
}
_PERIOD_MS: Final = {
    "5min": 5 * MINUTE_MS,
    "15min": 15 * MINUTE_MS,
    "30min": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}


def instruments_request(venue: str, cursor: str = "", status: str = "") -> str:
    """One page of the listing; `cursor` from `next_cursor`, `status` PreLaunch for what is announced."""
    return _request("instruments", venue, status=status, limit=limits.INSTRUMENTS_PAGE, cursor=cursor)


def klines_request(venue: str, symbol: str, interval: str, limit: int, start_ms: int = 0, end_ms: int = 0) -> str:
    """Bars of `interval` (a name of `INTERVAL_MS`), newest first, the forming one included; at most 1000."""
    name = str(INTERVAL_MS[interval] // MINUTE_MS)
    count = min(limit, limits.KLINES_MAX)
    return _request("klines", venue, symbol=symbol, interval=name, start=start_ms, end=end_ms, limit=count)


def depth_request(venue: str, symbol: str, levels: int) -> str:
    """A book as it stands; the stream sends its own snapshots, so this is for looking, not for splicing."""
    return _request("depth", venue, symbol=symbol, limit=min(levels, limits.DEPTH_MAX))


def tickers_request(venue: str, symbol: str = "") -> str:
    """All symbols in one call, or one: statistics, quote, mark, open interest now and funding now."""
    return _request("tickers", venue, symbol=symbol)


def open_interest_request(symbol: str, period: str, limit: int) -> str:
    """History of open interest of a linear symbol; `period` 5min 15min 30min 1h 4h 1d, at most 200 rows."""
    count = min(limit, limits.OPEN_INTEREST_MAX)
    return _request("open_interest_history", "bybit-linear", symbol=symbol, intervalTime=period, limit=count)


def funding_history_request(symbol: str, limit: int) -> str:
    """The newest settlements of a linear symbol, at most 200."""
    return _request("funding_history", "bybit-linear", symbol=symbol, limit=min(limit, limits.FUNDING_MAX))


def accounts_request(symbol: str, period: str, limit: int) -> str:
    """Long and short accounts of a linear symbol; `period` as for open interest, at most 500 rows."""
    return _request("accounts", "bybit-linear", symbol=symbol, period=period, limit=min(limit, limits.ACCOUNTS_MAX))


def _request(name: str, venue: str, **query: str | int) -> str:
    given = {"category": limits.CATEGORY[venue]} | {key: value for key, value in query.items() if value}
    return f"GET {limits.PATHS[name]}?{urlencode(given)}"


def next_cursor(body: str) -> str:
    """Cursor of the listing's next page; empty where this is the last or the body is no listing."""
    try:
        return _PAGE.decode(_ENVELOPE.decode(body).result).nextPageCursor or ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


class _Answer(NamedTuple):
    """One REST answer on its way to events."""

    parser: BybitParser
    query: dict[str, str]
    result: msgspec.Raw
    ts_ms: int
    recv_ns: int


def read(parser: BybitParser, request: str, status: int, body: str, recv_ns: int) -> Parsed:
    """Outcome of one answer. An error the venue states in words is control, with those words as detail."""
    _, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    reader = _READERS.get(path)
    if status != 200:
        return Parsed(Verdict.CONTROL, detail=checks.detail(parser.venue, f"HTTP {status} for {path}: {body[:300]}"))
    envelope = _ENVELOPE.decode(body)
    if envelope.retCode != 0:
        said = f"retCode {envelope.retCode} for {path}: {envelope.retMsg}"
        return Parsed(Verdict.CONTROL, detail=checks.detail(parser.venue, said))
    if reader is None:
        return Parsed(Verdict.UNKNOWN, detail=checks.detail(parser.venue, f"not handled: answer to {path}"))
    ts_ms = recv_ns // 1_000_000 if envelope.time is None else checks.time_ms(envelope.time, "time")
    return reader(_Answer(parser, dict(parse_qsl(query)), envelope.result, ts_ms, recv_ns))


def _read_instruments(answer: _Answer) -> Parsed:
    page = _PAGE.decode(answer.result)
    listing: list[Instrument] = []
    refused: list[str] = []
    for raw in page.rows[:MAX_LISTED]:
        try:
            row = _INSTRUMENT.decode(_without_empty(raw))
            if row.status not in _GONE:
                listing.append(_instrument(answer.parser.venue, row))
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    detail = f"{len(refused)} of {len(page.rows)} listed rows refused: {refused[0]}" if refused else ""
    if len(page.rows) > MAX_LISTED:
        detail = f"only {MAX_LISTED} of {len(page.rows)} listed rows read"
    if refused and not listing:
        return Parsed(Verdict.REJECTED, detail=checks.detail(answer.parser.venue, detail))
    return Parsed(
        Verdict.ACCEPTED, detail=checks.detail(answer.parser.venue, detail) if detail else "", listing=listing
    )


def _instrument(venue: str, row: wire.InstrumentRow) -> Instrument:
    for name in (row.symbol, row.baseCoin, row.quoteCoin):
        if not is_safe_symbol(name):
            raise Implausible(f"a listed name of {len(name)} characters cannot be kept: {name[:40]}")
    kind = "spot" if venue == "bybit-spot" else _KINDS.get(row.contractType)
    if kind is None:
        raise Implausible(f"contractType {row.contractType[:40]} of {row.symbol}")
    asset, multiplier = asset_of(row.baseCoin)
    step = row.lotSizeFilter.qtyStep or row.lotSizeFilter.basePrecision
    return Instrument(
        venue,
        row.symbol,
        kind,
        row.baseCoin,
        row.quoteCoin,
        asset,
        multiplier,
        tick=None if row.priceFilter.tickSize is None else checks.price(row.priceFilter.tickSize, "tickSize"),
        step=None if step is None else checks.traded_size(step, "qtyStep"),
        inverse=row.contractType.startswith("Inverse"),
        category="tradfi" if row.symbolType in _TRADFI else "crypto",
        listed_ms=checks.time_ms(row.launchTime, "launchTime") if row.launchTime else None,
        funding_interval_h=row.fundingInterval / 60.0 if row.fundingInterval else None,
    )


def _read_klines(answer: _Answer) -> Parsed:
    """A row is closed if its interval has passed when we received it; the venue does not say."""
    name = answer.query.get("interval", "")
    interval_ms = INTERVALS.get(name)
    if interval_ms is None:
        what = f"not handled: klines of interval {name}" if name else "klines whose request names no interval"
        return Parsed(Verdict.UNKNOWN, detail=checks.detail(answer.parser.venue, what))
    page = _KLINES.decode(answer.result)
    instrument = answer.parser.known(page.symbol)
    now_ms = answer.recv_ns // 1_000_000
    events: list[Candle] = []
    for start, open_, high, low, close, volume, turnover in reversed(page.rows):
        base, quote = (turnover, volume) if instrument.inverse else (volume, turnover)
        bar = (open_, high, low, close, base, quote)
        closed = start + interval_ms <= now_ms
        events.append(candle(instrument, answer.ts_ms, answer.recv_ns, interval_ms, start, bar, closed))
    return Parsed(Verdict.ACCEPTED, events)


def _read_depth(answer: _Answer) -> Parsed:
    book = _DEPTH.decode(answer.result)
    instrument = answer.parser.known(book.s)
    checks.level_rows(book.b, "b")
    checks.level_rows(book.a, "a")
    ts_ms = checks.time_ms(book.ts, "ts")
    asked = answer.query.get("limit", "")
    levels = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 5 else max(len(book.b), len(book.a))
    event = BookSnapshot(instrument.venue, book.s, ts_ms, answer.recv_ns, book.b, book.a, book.u, levels, chained=False)
    return Parsed(Verdict.ACCEPTED, (event,))


def _read_tickers(answer: _Answer) -> Parsed:
    page = _PAGE.decode(answer.result)
    events: list[MarketEvent] = []
    refused: list[str] = []
    for raw in page.rows:
        try:
            row = _TICKER.decode(_without_empty(raw))
            instrument = answer.parser.known(row.symbol)
            events += tickers.events_of(row, instrument, tickers.LastTicker(), answer.ts_ms, answer.recv_ns)
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    return _tolerant(answer, events, len(page.rows), refused)


def _read_open_interest(answer: _Answer) -> Parsed:
    page = _OPEN_INTEREST.decode(answer.result)
    instrument = answer.parser.known(page.symbol)
    events: list[OpenInterest] = []
    for row in reversed(page.rows):
        ts_ms = checks.time_ms(row.timestamp, "timestamp")
        if row.singleOpenInterest is not None:
            contracts = checks.size(row.singleOpenInterest, "singleOpenInterest")
        elif row.openInterest is not None:
            # `openInterest` sums both sides (Bybit documentation, 2026-06-11).
            contracts = checks.size(row.openInterest, "openInterest") / 2.0
        else:
            raise Implausible("a row of open interest with neither openInterest nor singleOpenInterest")
        base, usd = (NAN, contracts) if instrument.inverse else (contracts, NAN)
        events.append(OpenInterest(instrument.venue, page.symbol, ts_ms, answer.recv_ns, base, usd))
    return Parsed(Verdict.ACCEPTED, events)


def _read_funding(answer: _Answer) -> Parsed:
    events: list[Funding] = []
    for row in reversed(_FUNDING.decode(answer.result).rows):
        instrument = answer.parser.known(row.symbol)
        ts_ms = checks.time_ms(row.fundingRateTimestamp, "fundingRateTimestamp")
        rate = checks.funding(row.fundingRate, "fundingRate")
        hours = instrument.funding_interval_h
        events.append(Funding(instrument.venue, row.symbol, ts_ms, answer.recv_ns, rate, None, hours, settled=True))
    return Parsed(Verdict.ACCEPTED, events)


def _read_accounts(answer: _Answer) -> Parsed:
    # The venue's own name of the period; 5 minutes where a recording kept no query.
    period_ms = _PERIOD_MS.get(answer.query.get("period", "5min"))
    if period_ms is None:
        return Parsed(
            Verdict.UNKNOWN, detail=checks.detail(answer.parser.venue, "not handled: period of account-ratio")
        )
    events: list[Ratio] = []
    for row in reversed(_ACCOUNTS.decode(answer.result).rows):
        instrument = answer.parser.known(row.symbol)
        ts_ms = checks.time_ms(row.timestamp, "timestamp")
        ratio = checks.size(row.buyRatio, "buyRatio") / checks.traded_size(row.sellRatio, "sellRatio")
        events.append(Ratio(instrument.venue, row.symbol, ts_ms, answer.recv_ns, "accounts", ratio, period_ms))
    return Parsed(Verdict.ACCEPTED, events)


def _tolerant(answer: _Answer, events: Sequence[MarketEvent], rows: int, refused: Sequence[str]) -> Parsed:
    """A page of many symbols stands although some rows do not; one with nothing left is rejected."""
    if not refused:
        return Parsed(Verdict.ACCEPTED, events)
    detail = checks.detail(answer.parser.venue, f"{len(refused)} of {rows} rows refused: {refused[0]}")
    return Parsed(Verdict.ACCEPTED if events else Verdict.REJECTED, events, detail)


def _without_empty(raw: msgspec.Raw) -> bytes:
    """A row with its empty fields as null: the venue sends "" for a number it does not have."""
    return _EMPTY_TEXT.sub(b":null", bytes(raw))


_EMPTY_TEXT: Final = re.compile(rb':\s*""')
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)
_PAGE: Final = msgspec.json.Decoder(wire.Page, strict=False)
_INSTRUMENT: Final = msgspec.json.Decoder(wire.InstrumentRow, strict=False)
_TICKER: Final = msgspec.json.Decoder(wire.TickerRow, strict=False)
_KLINES: Final = msgspec.json.Decoder(wire.KlineList, strict=False)
_DEPTH: Final = msgspec.json.Decoder(wire.DepthResult, strict=False)
_OPEN_INTEREST: Final = msgspec.json.Decoder(wire.OpenInterestList, strict=False)
_FUNDING: Final = msgspec.json.Decoder(wire.FundingList, strict=False)
_ACCOUNTS: Final = msgspec.json.Decoder(wire.AccountRatioList, strict=False)

_READERS: Final[dict[str, Callable[[_Answer], Parsed]]] = {
    limits.PATHS["instruments"]: _read_instruments,
    limits.PATHS["klines"]: _read_klines,
    limits.PATHS["depth"]: _read_depth,
    limits.PATHS["tickers"]: _read_tickers,
    limits.PATHS["open_interest_history"]: _read_open_interest,
    limits.PATHS["funding_history"]: _read_funding,
    limits.PATHS["accounts"]: _read_accounts,
}
