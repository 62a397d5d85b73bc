"""Bitget's REST answers to events and listings. No I/O; the requests are built in `queries`.

Called by the parser. Every reader raises msgspec errors or Implausible; the parser turns both into a verdict. Sources:
Bitget UTA v3 REST pages (early 2026, read again 2026-08-08), for ratios and the clock the classic v2 pages. They have
not been checked against recorded answers. If a page leaves open whether an answer is one row or a list, both are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from engine.events import BookSnapshot, Candle, Funding, MarketEvent, Ratio, RatioKind
from engine.instruments import Instrument
from engine.venues import bars, checks, levels
from engine.venues.base import CONTROL, Parsed, Verdict
from engine.venues.bitget import limits, ratios, rows, wire
from engine.venues.bitget.candles import INTERVALS, candle
from engine.venues.bitget.listing import hours, listed
from engine.venues.bitget.symbols import VENUE
from engine.venues.checks import Implausible
from engine.venues.instrument_table import InstrumentTable

T = TypeVar("T")

MAX_LISTED: Final = 20_000
"""Most instruments accepted from one answer; Bitget lists about 600."""


class _Answer(NamedTuple):
    """One REST answer with what its reader needs."""

    listing: InstrumentTable
    query: dict[str, str]
    data: bytes
    stated_ms: int | None
    """The venue's time of the answer; None if it states none."""
    recv_ns: int

    @property
    def ts_ms(self) -> int:
        """The venue's time, for rows without one; else the receive time."""
        return self.recv_ns // 1_000_000 if self.stated_ms is None else self.stated_ms


def read(listing: InstrumentTable, request: str, status: int, body: str, recv_ns: int) -> Parsed:
    """The outcome of one answer. An error answer of the venue is control, with the venue's message as detail."""
    _, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    if status != 200:
        return Parsed(Verdict.CONTROL, detail=checks.detail(VENUE, f"HTTP {status} for {path}: {body[:300]}"))
    envelope = _ENVELOPE.decode(body)
    if str(envelope.code) != limits.SUCCESS_CODE:
        said = f"code {envelope.code} for {path}: {envelope.msg or 'no message'}"
        return Parsed(Verdict.CONTROL, detail=checks.detail(VENUE, said))
    if path == limits.PATHS["time"]:
        return CONTROL
    reader = _READERS.get(path)
    if reader is None:
        return _unknown(f"answer to {path}")
    asked = dict(parse_qsl(query))
    if asked.get("category", limits.REST_CATEGORY) != limits.REST_CATEGORY:
        return _unknown(f"category {asked['category']}")
    stated_ms = None if envelope.requestTime is None else checks.time_ms(envelope.requestTime, "requestTime")
    return reader(_Answer(listing, asked, bytes(envelope.data), stated_ms, recv_ns))


def _read_instruments(answer: _Answer) -> Parsed:
    """A listing; rows are decoded one by one, so that a bad row costs only itself."""
    raws = _RAWS.decode(answer.data)
    listing: list[Instrument] = []
    refused: list[str] = []
    for raw in raws[:MAX_LISTED]:
        try:
            listing.append(listed(_INSTRUMENT.decode(_without_empty(bytes(raw)))))
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    detail = f"{len(refused)} of {len(raws)} listed rows refused: {refused[0]}" if refused else ""
    if len(raws) > MAX_LISTED:
        detail = f"only {MAX_LISTED} of {len(raws)} listed rows read"
    verdict = Verdict.REJECTED if refused and not listing else Verdict.ACCEPTED
    return Parsed(verdict, detail=checks.detail(VENUE, detail) if detail else "", listing=listing)


def _read_klines(answer: _Answer) -> Parsed:
    """Bars, oldest first. The venue flags no bar as closed: see `bars.is_over`."""
    symbol, name = answer.query.get("symbol"), answer.query.get("interval", "")
    interval_ms = INTERVALS.get(name)
    if symbol is None or interval_ms is None:
        return _unknown(f"candles of interval {name or 'none'}" if symbol else "candles whose request names no symbol")
    if answer.query.get("type", "market").lower() != "market":
        return _unknown(f"candles of type {answer.query['type']}")
    instrument = answer.listing.known(symbol)
    events: list[Candle] = []
    for row in sorted(_KLINES.decode(answer.data), key=_opened_ms):
        closed = bars.is_over(row[0], interval_ms, answer.stated_ms, answer.recv_ns)
        events.append(candle(instrument, answer.ts_ms, answer.recv_ns, interval_ms, row, closed))
    return Parsed(Verdict.ACCEPTED, events)


def _read_depth(answer: _Answer) -> Parsed:
    symbol = answer.query.get("symbol")
    if symbol is None:
        return _unknown("a book whose request names no symbol")
    found = _DEPTH.decode(answer.data)
    bids, asks = (levels.TextRows(raw, len(levels.numbers(raw)) // 2) for raw in (found.b, found.a))
    answer.listing.known(symbol)
    asked = answer.query.get("limit", "")
    depth = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 5 else max(len(bids), len(asks))
    ts_ms = checks.time_ms(found.ts, "ts")
    event = BookSnapshot(VENUE, symbol, ts_ms, answer.recv_ns, bids, asks, None, depth, chained=False)
    return Parsed(Verdict.ACCEPTED, (event,))


def _read_trades(answer: _Answer) -> Parsed:
    symbol = answer.query.get("symbol")
    if symbol is None:
        return _unknown("fills whose request names no symbol")
    instrument = answer.listing.known(symbol)
    # Of two rows in the same millisecond the later one is the older trade, as in the stream's pushes.
    fills = _FILLS.decode(_without_empty(answer.data))[::-1]
    fills.sort(key=_filled_ms)
    ns = answer.recv_ns
    return Parsed(
        Verdict.ACCEPTED,
        [
            rows.trade(instrument, (row.ts, row.price, row.size, row.side), row.execId, ns, is_rpi=row.isRPI)
            for row in fills
        ],
    )


def _read_tickers(answer: _Answer) -> Parsed:
    def convert(row: wire.TickerRow) -> Sequence[MarketEvent]:
        instrument = answer.listing.known(_named(answer, row.symbol))
        return rows.ticker(instrument, row, answer.ts_ms, answer.recv_ns)

    return _tolerant(_RAWS.decode(answer.data), _TICKER, convert)


def _read_open_interest(answer: _Answer) -> Parsed:
    found = _OPEN_INTERESTS.decode(answer.data)
    ts_ms = answer.ts_ms if found.ts is None else checks.time_ms(found.ts, "ts")

    def convert(row: wire.OpenInterestRow) -> Sequence[MarketEvent]:
        instrument = answer.listing.known(row.symbol)
        return (rows.open_interest(instrument, row.openInterest, ts_ms, answer.recv_ns),)

    return _tolerant(found.rows, _OPEN_INTEREST, convert)


def _read_funding(answer: _Answer) -> Parsed:
    """The predicted rate; rows without a rate yield nothing.

    An answer for all symbols holds some that are not listed, such as the venue's own tests, which would be taken for
    instruments. They all lack a maximum rate (12 of 798 rows on 2026-09-15), so rows without one are skipped.
    """
    of_all = "symbol" not in answer.query

    def convert(row: wire.FundingRow) -> Sequence[MarketEvent]:
        if of_all and row.maxFundingRate is None:
            return ()
        instrument = answer.listing.known(_named(answer, row.symbol))
        if row.fundingRate is None:
            return ()
        rate = checks.funding(row.fundingRate, "fundingRate")
        next_ms = checks.time_ms(row.nextUpdate, "nextUpdate") if row.nextUpdate else None
        interval_h = instrument.funding_interval_h
        if row.fundingRateInterval:
            interval_h = hours(row.fundingRateInterval, "fundingRateInterval")
        return (Funding(VENUE, instrument.symbol, answer.ts_ms, answer.recv_ns, rate, next_ms, interval_h),)

    rows_or_row = answer.data if answer.data.lstrip().startswith(b"[") else b"[%b]" % answer.data
    return _tolerant(_RAWS.decode(rows_or_row), _FUNDING, convert)


def _read_settled(answer: _Answer) -> Parsed:
    """Past settlements, oldest first."""

    def convert(row: wire.SettledFundingRow) -> Sequence[MarketEvent]:
        instrument = answer.listing.known(_named(answer, row.symbol))
        ts_ms = checks.time_ms(row.fundingRateTimestamp, "fundingRateTimestamp")
        rate = checks.funding(row.fundingRate, "fundingRate")
        hours_between = instrument.funding_interval_h
        return (Funding(VENUE, instrument.symbol, ts_ms, answer.recv_ns, rate, None, hours_between, settled=True),)

    parsed = _tolerant(_SETTLED_LIST.decode(answer.data).resultList, _SETTLED, convert)
    return Parsed(parsed.verdict, sorted(parsed.events, key=_event_ms), parsed.detail)


def _read_ratio(kind: RatioKind, answer: _Answer) -> Parsed:
    """Rows of a ratio, oldest first; the period is 5 minutes if the request names none, as the venue documents."""
    symbol, period = answer.query.get("symbol"), answer.query.get("period", "5m")
    period_ms = ratios.PERIOD_MS.get(period)
    if symbol is None or period_ms is None:
        return _unknown(f"ratios of period {period}" if symbol else "ratios whose request names no symbol")
    found = ratios.values(kind, _without_empty(answer.data))
    instrument = answer.listing.known(symbol)
    return Parsed(
        Verdict.ACCEPTED,
        [
            Ratio(VENUE, instrument.symbol, ts_ms, answer.recv_ns, kind, value, period_ms)
            for ts_ms, value in sorted(found)
        ],
    )


def server_time_ms(body: str) -> int | None:
    """The venue's time in the answer to `queries.time_request`; None if the answer holds none."""
    try:
        envelope = _ENVELOPE.decode(body)
        return checks.time_ms(_TIME.decode(envelope.data).serverTime, "serverTime")
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible):
        return None


def _named(answer: _Answer, symbol: str | None) -> str:
    """The symbol of a row: its own, which must match the request, or else that of the request."""
    asked = answer.query.get("symbol")
    if symbol is None and asked is None:
        raise Implausible("neither the row nor its request names a symbol")
    if symbol is not None and asked is not None and symbol != asked:
        raise Implausible(f"symbol {symbol[:40]} in an answer about {asked[:40]}")
    return symbol or asked or ""


def _tolerant(
    raws: Sequence[msgspec.Raw], decoder: msgspec.json.Decoder[T], convert: Callable[[T], Sequence[MarketEvent]]
) -> Parsed:
    """Read an answer of many rows. Bad rows are dropped; the answer is rejected only if none is left."""
    events: list[MarketEvent] = []
    refused: list[str] = []
    for raw in raws:
        try:
            events += convert(decoder.decode(_without_empty(bytes(raw))))
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    if not refused:
        return Parsed(Verdict.ACCEPTED, events)
    detail = checks.detail(VENUE, f"{len(refused)} of {len(raws)} rows refused: {refused[0]}")
    return Parsed(Verdict.ACCEPTED if events else Verdict.REJECTED, events, detail)


def _unknown(what: str) -> Parsed:
    return Parsed(Verdict.UNKNOWN, detail=checks.detail(VENUE, f"not handled: {what}"))


def _without_empty(raw: bytes) -> bytes:
    """Rows with their empty fields as null: the venue sends "" for a value it does not have."""
    return _EMPTY_TEXT.sub(b":null", raw)


def _opened_ms(row: wire.Bar) -> int:
    return row[0]


def _filled_ms(row: wire.FillRow) -> int:
    return row.ts


def _event_ms(event: MarketEvent) -> int:
    return event.ts_ms


_EMPTY_TEXT: Final = re.compile(rb':\s*""')
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_INSTRUMENT: Final = msgspec.json.Decoder(wire.InstrumentRow, strict=False)
_KLINES: Final = msgspec.json.Decoder(list[wire.Bar], strict=False)
_DEPTH: Final = msgspec.json.Decoder(wire.DepthResult, strict=False)
_FILLS: Final = msgspec.json.Decoder(list[wire.FillRow], strict=False)
_TICKER: Final = msgspec.json.Decoder(wire.TickerRow, strict=False)
_OPEN_INTERESTS: Final = msgspec.json.Decoder(wire.OpenInterestResult, strict=False)
_OPEN_INTEREST: Final = msgspec.json.Decoder(wire.OpenInterestRow, strict=False)
_FUNDING: Final = msgspec.json.Decoder(wire.FundingRow, strict=False)
_SETTLED_LIST: Final = msgspec.json.Decoder(wire.SettledFundingResult, strict=False)
_SETTLED: Final = msgspec.json.Decoder(wire.SettledFundingRow, strict=False)
_TIME: Final = msgspec.json.Decoder(wire.ServerTime, strict=False)

_READERS: Final[dict[str, Callable[[_Answer], Parsed]]] = {
    limits.PATHS["instruments"]: _read_instruments,
    limits.PATHS["klines"]: _read_klines,
    limits.PATHS["klines_history"]: _read_klines,
    limits.PATHS["depth"]: _read_depth,
    limits.PATHS["trades"]: _read_trades,
    limits.PATHS["tickers"]: _read_tickers,
    limits.PATHS["open_interest"]: _read_open_interest,
    limits.PATHS["funding"]: _read_funding,
    limits.PATHS["funding_history"]: _read_settled,
    limits.PATHS["accounts"]: partial(_read_ratio, "accounts"),
    limits.PATHS["top_positions"]: partial(_read_ratio, "top_positions"),
    limits.PATHS["taker_volume"]: partial(_read_ratio, "taker_volume"),
}
