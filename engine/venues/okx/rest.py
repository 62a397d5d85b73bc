"""OKX's REST answers to events and listings. No I/O; the requests are built in `queries`.

Called by the parser for live and recorded answers alike. Keep every interpretation of a body here. Every reader raises
msgspec errors or Implausible; the parser turns both into a verdict. Sources: okx.com/docs-v5 (pages of 2026-06-29 to
2026-07-22).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from engine.events import Funding, MarketEvent, OpenInterest, Ratio, RatioKind
from engine.instruments import Instrument
from engine.venues import checks
from engine.venues.base import CONTROL, Parsed, Verdict
from engine.venues.checks import Implausible
from engine.venues.okx import limits, rows, wire
from engine.venues.okx.contracts import Contracts, listed
from engine.venues.okx.symbols import VENUE

T = TypeVar("T")

MAX_LISTED: Final = 20_000
"""Most instruments accepted from one answer; OKX lists about 2,000 besides options."""
_PERIOD_MS: Final = {
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1H": 3_600_000,
    "2H": 7_200_000,
    "4H": 14_400_000,
}


class _Answer(NamedTuple):
    """One REST answer with what its reader needs."""

    contracts: Contracts
    query: dict[str, str]
    data: bytes
    recv_ns: int


def read(contracts: Contracts, request: str, status: int, body: str, recv_ns: int) -> Parsed:
    """The outcome of one answer. An error answer of the venue is control, with the venue's message as detail."""
    _, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    if status != 200:
        return Parsed(Verdict.CONTROL, detail=checks.detail(VENUE, f"HTTP {status} for {path}: {body[:300]}"))
    envelope = _ENVELOPE.decode(body)
    if envelope.code != "0":
        said = f"code {envelope.code} for {path}: {envelope.msg}"
        return Parsed(Verdict.CONTROL, detail=checks.detail(VENUE, said))
    reader = _READERS.get(path)
    if reader is None:
        return _unknown(f"answer to {path}")
    return reader(_Answer(contracts, dict(parse_qsl(query)), bytes(envelope.data), recv_ns))


def read_instruments(data: bytes) -> Parsed:
    """A listing, from REST or pushed; rows are decoded one by one, so that a bad row costs only itself."""
    raws = _RAWS.decode(data)
    listing: list[Instrument] = []
    refused: list[str] = []
    for raw in raws[:MAX_LISTED]:
        try:
            instrument = listed(_INSTRUMENT.decode(_without_empty(bytes(raw))))
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
            continue
        if instrument is not None:
            listing.append(instrument)
    detail = f"{len(refused)} of {len(raws)} listed rows refused: {refused[0]}" if refused else ""
    if len(raws) > MAX_LISTED:
        detail = f"only {MAX_LISTED} of {len(raws)} listed rows read"
    verdict = Verdict.REJECTED if refused and not listing else Verdict.ACCEPTED
    return Parsed(verdict, detail=checks.detail(VENUE, detail) if detail else "", listing=listing)


def _read_instruments(answer: _Answer) -> Parsed:
    return read_instruments(answer.data)


def _read_rows(
    decoder: msgspec.json.Decoder[T],
    convert: Callable[[Contracts, Sequence[T], str | None, int], list[MarketEvent]],
    answer: _Answer,
) -> Parsed:
    """Read an answer for many instruments. Bad rows are dropped; the answer is rejected only if none is left."""
    events: list[MarketEvent] = []
    refused: list[str] = []
    raws = _RAWS.decode(answer.data)
    for raw in raws:
        try:
            row = decoder.decode(_without_empty(bytes(raw)))
            events += convert(answer.contracts, (row,), None, answer.recv_ns)
        except (msgspec.MsgspecError, Implausible) as fault:
            refused.append(str(fault))
    if not refused:
        return Parsed(Verdict.ACCEPTED, events)
    detail = checks.detail(VENUE, f"{len(refused)} of {len(raws)} rows refused: {refused[0]}")
    return Parsed(Verdict.ACCEPTED if events else Verdict.REJECTED, events, detail)


def _read_depth(answer: _Answer) -> Parsed:
    symbol = answer.query.get("instId")
    if symbol is None:
        return _unknown("a book whose request names no instId")
    asked = answer.query.get("sz", "1")
    levels = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 5 else limits.DEPTH_MAX
    found = _BOOKS.decode(answer.data)
    events = [rows.book(answer.contracts, row, symbol, levels, False, False, answer.recv_ns) for row in found]
    return Parsed(Verdict.ACCEPTED, events)


def _read_klines(answer: _Answer) -> Parsed:
    symbol, bar = answer.query.get("instId"), answer.query.get("bar", "1m")
    if symbol is None or bar not in rows.BARS:
        return _unknown(f"candles of bar {bar}" if symbol else "candles whose request names no instId")
    found = _CANDLES.decode(answer.data)
    return Parsed(Verdict.ACCEPTED, rows.candles(answer.contracts, found, symbol, bar, answer.recv_ns, rest=True))


def _trades(
    contracts: Contracts, found: Sequence[wire.TradeRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    """Single trades, one per maker order. The stream joins those of one taker order at one price under the last id."""
    return rows.trades(contracts, found, symbol, recv_ns)


def _settled(
    contracts: Contracts, found: Sequence[wire.SettledFundingRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    """Past settlements: the rate that was paid (`realizedRate`), or `fundingRate` if that is absent."""
    events: list[MarketEvent] = []
    for row in found:
        contracts.known(row.instId)
        paid = row.fundingRate if row.realizedRate is None else row.realizedRate
        if paid is None:
            raise Implausible("a settlement with neither realizedRate nor fundingRate")
        ts_ms = checks.time_ms(row.fundingTime, "fundingTime")
        rate = checks.funding(paid, "realizedRate")
        events.append(Funding(VENUE, row.instId, ts_ms, recv_ns, rate, None, None, settled=True))
    return events


def _liquidations(
    contracts: Contracts, found: Sequence[wire.LiquidationRow], symbol: str | None, recv_ns: int
) -> list[MarketEvent]:
    return rows.liquidations(contracts, found, recv_ns)


def _read_ratio(kind: RatioKind, answer: _Answer) -> Parsed:
    """Long over short: rows of [ts, ratio]. Taker volume: rows of [ts, SELL volume, BUY volume]."""
    symbol, period = answer.query.get("instId"), answer.query.get("period", "5m")
    period_ms = _PERIOD_MS.get(period)
    if symbol is None or period_ms is None:
        return _unknown(f"ratios of period {period}" if symbol else "ratios whose request names no instId")
    answer.contracts.known(symbol)
    events: list[Ratio] = []
    for row in reversed(_CANDLES.decode(answer.data)):
        columns = 3 if kind == "taker_volume" else 2
        if len(row) != columns:
            raise Implausible(f"a ratio row of {len(row)} columns, {columns} expected")
        ts_ms = checks.time_ms(int(checks.size(row[0], "ts")), "ts")
        value = checks.size(row[-1], "buyVol" if columns == 3 else "ratio")
        if columns == 3:
            value /= checks.traded_size(row[1], "sellVol")
        events.append(Ratio(VENUE, symbol, ts_ms, answer.recv_ns, kind, value, period_ms))
    return Parsed(Verdict.ACCEPTED, events)


def _read_open_interest_history(answer: _Answer) -> Parsed:
    """Rows of [ts, contracts, base currency, dollars], newest first."""
    symbol = answer.query.get("instId")
    if symbol is None:
        return _unknown("open interest of the past whose request names no instId")
    answer.contracts.known(symbol)
    events: list[OpenInterest] = []
    for row in reversed(_CANDLES.decode(answer.data)):
        if len(row) != 4:
            raise Implausible(f"a row of open interest of {len(row)} columns, 4 expected")
        ts_ms = checks.time_ms(int(checks.size(row[0], "ts")), "ts")
        base, usd = checks.size(row[2], "oiCcy"), checks.size(row[3], "oiUsd")
        events.append(OpenInterest(VENUE, symbol, ts_ms, answer.recv_ns, base, usd))
    return Parsed(Verdict.ACCEPTED, events)


def _read_time(answer: _Answer) -> Parsed:
    return CONTROL


def server_time_ms(body: str) -> int | None:
    """The venue's time in the answer to `queries.time_request`; None if the answer holds none."""
    try:
        envelope = _ENVELOPE.decode(body)
        found = _TIMES.decode(bytes(envelope.data)) if envelope.code == "0" else []
        return checks.time_ms(found[0].ts, "ts") if found else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Implausible):
        return None


def _unknown(what: str) -> Parsed:
    return Parsed(Verdict.UNKNOWN, detail=checks.detail(VENUE, f"not handled: {what}"))


def _without_empty(raw: bytes) -> bytes:
    """A row with its empty fields as null: the venue sends "" for a value it does not have."""
    return _EMPTY_TEXT.sub(b":null", raw)


def _rows_of(shape: Any, convert: Callable[..., list[MarketEvent]]) -> Callable[[_Answer], Parsed]:
    return partial(_read_rows, msgspec.json.Decoder(shape, strict=False), convert)


_EMPTY_TEXT: Final = re.compile(rb':\s*""')
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_INSTRUMENT: Final = msgspec.json.Decoder(wire.InstrumentRow, strict=False)
_BOOKS: Final = msgspec.json.Decoder(list[wire.BookRow], strict=False)
_TIMES: Final = msgspec.json.Decoder(list[wire.ServerTime], strict=False)
_CANDLES: Final = msgspec.json.Decoder(list[list[float]], strict=False)

_READERS: Final[dict[str, Callable[[_Answer], Parsed]]] = {
    limits.PATHS["instruments"]: _read_instruments,
    limits.PATHS["klines"]: _read_klines,
    limits.PATHS["klines_history"]: _read_klines,
    limits.PATHS["depth"]: _read_depth,
    limits.PATHS["tickers"]: _rows_of(wire.TickerRow, rows.tickers),
    limits.PATHS["ticker"]: _rows_of(wire.TickerRow, rows.tickers),
    limits.PATHS["open_interest"]: _rows_of(wire.OpenInterestRow, rows.open_interest),
    limits.PATHS["open_interest_history"]: _read_open_interest_history,
    limits.PATHS["trades"]: _rows_of(wire.TradeRow, _trades),
    limits.PATHS["trades_history"]: _rows_of(wire.TradeRow, _trades),
    limits.PATHS["index_tickers"]: _rows_of(wire.IndexRow, rows.indices),
    limits.PATHS["time"]: _read_time,
    limits.PATHS["funding"]: _rows_of(wire.FundingRow, rows.funding),
    limits.PATHS["funding_history"]: _rows_of(wire.SettledFundingRow, _settled),
    limits.PATHS["mark"]: _rows_of(wire.MarkRow, rows.marks),
    limits.PATHS["liquidations"]: _rows_of(wire.LiquidationRow, _liquidations),
    limits.PATHS["accounts"]: partial(_read_ratio, "accounts"),
    limits.PATHS["top_accounts"]: partial(_read_ratio, "top_accounts"),
    limits.PATHS["top_positions"]: partial(_read_ratio, "top_positions"),
    limits.PATHS["taker_volume"]: partial(_read_ratio, "taker_volume"),
}
