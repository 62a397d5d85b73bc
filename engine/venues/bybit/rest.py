"""Bybit's REST answers to events and listings. No I/O; the requests are built in `queries`.

Called by the parser. Every reader takes the decoded envelope and raises msgspec errors or Implausible; the parser turns
both into a verdict. Sources: Bybit v5 documentation `docs/v5/market/*.mdx` (2026-07-24).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from engine.events import NAN, BookSnapshot, Candle, Funding, MarketEvent, OpenInterest, Ratio, Trade
from engine.instruments import Instrument
from engine.text import clean
from engine.timeframes import MINUTE_MS
from engine.venues import bars, checks
from engine.venues.base import CONTROL, Parsed, Verdict
from engine.venues.bybit import limits, tickers, wire
from engine.venues.bybit.limits import INTERVALS
from engine.venues.bybit.listing import MAX_LISTED, is_namesake, listed
from engine.venues.checks import Implausible

if TYPE_CHECKING:
    from engine.venues.bybit.parse import BybitParser

_PERIOD_MS: Final = {
    "5min": 5 * MINUTE_MS,
    "15min": 15 * MINUTE_MS,
    "30min": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}


class _Answer(NamedTuple):
    """One REST answer with what its reader needs."""

    parser: BybitParser
    query: dict[str, str]
    result: msgspec.Raw
    stated_ms: int | None
    """The venue's time of the answer; None if it states none."""
    recv_ns: int

    @property
    def ts_ms(self) -> int:
        """The venue's time, else the receive time."""
        return self.recv_ns // 1_000_000 if self.stated_ms is None else self.stated_ms


def read(parser: BybitParser, request: str, status: int, body: str, recv_ns: int) -> Parsed:
    """The outcome of one answer. An error answer of the venue is control, with the venue's message as detail."""
    _, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    reader = _READERS.get(path)
    if status != 200:
        return Parsed(Verdict.CONTROL, detail=checks.detail(parser.venue, f"HTTP {status} for {path}: {body[:300]}"))
    envelope = _ENVELOPE.decode(body)
    if envelope.retCode != 0:
        said = f"retCode {envelope.retCode} for {path}: {envelope.retMsg}"
        return Parsed(Verdict.CONTROL, detail=checks.detail(parser.venue, said))
    if path == limits.PATHS["time"]:
        return CONTROL
    if reader is None:
        return Parsed(Verdict.UNKNOWN, detail=checks.detail(parser.venue, f"not handled: answer to {path}"))
    stated_ms = None if envelope.time is None else checks.time_ms(envelope.time, "time")
    return reader(_Answer(parser, dict(parse_qsl(query)), envelope.result, stated_ms, recv_ns))


def _read_instruments(answer: _Answer) -> Parsed:
    page = _PAGE.decode(answer.result)
    listing: list[Instrument] = []
    refused: list[str] = []
    for raw in page.rows[:MAX_LISTED]:
        try:
            one = listed(answer.parser.venue, _INSTRUMENT.decode(_without_empty(raw)))
            if not is_namesake(one, answer.parser.instrument(one.symbol)):
                listing.append(one)
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


def _read_klines(answer: _Answer) -> Parsed:
    """Bars, oldest first. The venue flags no bar as closed: see `bars.is_over`."""
    name = answer.query.get("interval", "")
    interval_ms = INTERVALS.get(name)
    if interval_ms is None:
        what = f"not handled: klines of interval {name}" if name else "klines whose request names no interval"
        return Parsed(Verdict.UNKNOWN, detail=checks.detail(answer.parser.venue, what))
    page = _KLINES.decode(answer.result)
    instrument = answer.parser.known(page.symbol)
    events: list[Candle] = []
    for start, open_, high, low, close, volume, turnover in reversed(page.rows):
        base, quote = (turnover, volume) if instrument.inverse else (volume, turnover)
        bar = (open_, high, low, close, base, quote)
        closed = bars.is_over(start, interval_ms, answer.stated_ms, answer.recv_ns)
        events.append(bars.candle(instrument, answer.ts_ms, answer.recv_ns, interval_ms, start, bar, closed))
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


def _read_trades(answer: _Answer) -> Parsed:
    """The newest trades, oldest first. The venue sends the newest first, so of two in one millisecond the later row is
    the older trade."""
    events: list[Trade] = []
    rows = _TRADES.decode(answer.result).rows[::-1]
    rows.sort(key=_traded_ms)
    for row in rows:
        instrument = answer.parser.known(row.symbol)
        price = checks.price(row.price, "price")
        size = instrument.base_size(checks.traded_size(row.size, "size"), price)
        ts_ms = checks.time_ms(row.time, "time")
        trade_id = clean(row.execId, 64)
        buy, shown = row.side == "Buy", not row.isRPITrade
        events.append(
            Trade(instrument.venue, row.symbol, ts_ms, answer.recv_ns, price, size, buy, trade_id, in_book=shown)
        )
    return Parsed(Verdict.ACCEPTED, events)


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
            # `openInterest` adds up both sides (Bybit documentation, 2026-06-11).
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
    # The venue's own name of the period; 5 minutes if a recording kept no query.
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


def server_time_ms(body: str) -> int | None:
    """The venue's time in the answer to `queries.time_request`; None if the answer holds none."""
    try:
        envelope = _ENVELOPE.decode(body)
        if envelope.retCode != 0:
            return None
        return checks.time_ms(_TIME.decode(envelope.result).timeNano // 1_000_000, "timeNano")
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible):
        return None


def _traded_ms(row: wire.RecentTradeRow) -> int:
    return row.time


def _tolerant(answer: _Answer, events: Sequence[MarketEvent], rows: int, refused: Sequence[str]) -> Parsed:
    """The result of a page of many symbols: bad rows are dropped; the page is rejected only if none is left."""
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
_TRADES: Final = msgspec.json.Decoder(wire.RecentTradeList, strict=False)
_TIME: Final = msgspec.json.Decoder(wire.ServerTime, strict=False)
_OPEN_INTEREST: Final = msgspec.json.Decoder(wire.OpenInterestList, strict=False)
_FUNDING: Final = msgspec.json.Decoder(wire.FundingList, strict=False)
_ACCOUNTS: Final = msgspec.json.Decoder(wire.AccountRatioList, strict=False)

_READERS: Final[dict[str, Callable[[_Answer], Parsed]]] = {
    limits.PATHS["instruments"]: _read_instruments,
    limits.PATHS["klines"]: _read_klines,
    limits.PATHS["depth"]: _read_depth,
    limits.PATHS["trades"]: _read_trades,
    limits.PATHS["tickers"]: _read_tickers,
    limits.PATHS["open_interest_history"]: _read_open_interest,
    limits.PATHS["funding_history"]: _read_funding,
    limits.PATHS["accounts"]: _read_accounts,
}
