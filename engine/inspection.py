"""The document of `prism inspect`: what the parsers and the market state make of a capture.

Called by the headless command and by the conformance tests. It runs a recording through the same code that runs live,
from the frame parser up. Nothing may be scored or printed here.

Besides the fields documented for the command, a venue carries `rest`: REST responses are not frames, so they and their
events are counted separately; `events` and `by_type` count text frames only. Both feed the state (books, candles, mark,
index, funding, open interest).
"""

from __future__ import annotations

import math
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from engine.events import (
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarkPrice,
    OpenInterest,
    Quote,
    Ratio,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.market.book import Book
from engine.market.books import BookStore
from engine.market.ledger import Flow, Ledger, Tally, interval_name
from engine.market.size_text import base_text
from engine.transport.capture import CaptureReader, Frame, Response
from engine.venues.base import Parsed, VenueParser, Verdict
from engine.venues.registry import make_parsers

SCHEMA: Final = "prism.inspect/1"
_TYPE_NAMES: Final = (
    (Trade, "trade"),
    (BookDelta, "book_delta"),
    (BookSnapshot, "book_snapshot"),
    (Candle, "candle"),
    (MarkPrice, "mark"),
    (Funding, "funding"),
    (OpenInterest, "open_interest"),
    (Ratio, "ratio"),
    (Liquidation, "liquidation"),
    (Ticker, "ticker"),
    (Quote, "ticker"),
)
"""Names of the kinds in `by_type`, in order; best quotes count as tickers."""
_EVERY_LEVEL: Final = 2**31
_NO_PARSER: Final = Parsed(Verdict.UNKNOWN, detail="prism does not read this venue's messages")


class _Counts:
    """Messages of one kind (frames or responses) from one venue, by verdict, and the events in them."""

    __slots__ = ("kinds", "total", "verdicts")

    def __init__(self) -> None:
        self.total = 0
        self.verdicts = [0] * len(Verdict)
        self.kinds: dict[type, int] = {kind: 0 for kind, _ in _TYPE_NAMES}

    @property
    def events(self) -> int:
        return sum(self.kinds.values())

    def by_type(self) -> dict[str, int]:
        named: dict[str, int] = {}
        for kind, name in _TYPE_NAMES:
            named[name] = named.get(name, 0) + self.kinds[kind]
        return named


class _Venue:
    __slots__ = ("first_details", "frames", "ledger", "parser", "responses")

    def __init__(self, parser: VenueParser | None) -> None:
        self.parser = parser
        self.ledger = Ledger(_unread if parser is None else parser.instrument)
        self.frames = _Counts()
        self.responses = _Counts()
        self.first_details: dict[Verdict, str] = {}

    def take(self, counts: _Counts, parsed: Parsed) -> None:
        """Count one parsed message."""
        counts.total += 1
        counts.verdicts[parsed.verdict] += 1
        if parsed.detail:
            self.first_details.setdefault(parsed.verdict, parsed.detail)


def _unread(symbol: str) -> Instrument:
    raise AssertionError("a venue without a parser yields no events")


class Inspection:
    """One capture, read to its end. Raises CaptureError if it cannot be read at all."""

    def __init__(self, path: Path | str) -> None:
        self._reader = CaptureReader(path)
        self._parsers = make_parsers()
        self._venues: dict[str, _Venue] = {}
        self._books = BookStore(flow=False, texts=False)
        self._read()

    @property
    def notices(self) -> list[str]:
        """Notices for the user beside the document: about the file, then about rejected messages. Cleaned."""
        notices = self._reader.notices
        for name in sorted(self._venues):
            venue = self._venues[name]
            for verdict, what in ((Verdict.REJECTED, "rejected"), (Verdict.UNKNOWN, "of an unknown kind")):
                messages = venue.frames.verdicts[verdict] + venue.responses.verdicts[verdict]
                if messages:
                    notices.append(f"{name}: {messages} messages {what}, the first: {venue.first_details[verdict]}")
        return notices

    def document(self, depth: int = 10, symbol: str | None = None) -> dict[str, Any]:
        """The document of `prism inspect --format json`, its keys in a fixed order, with `depth` book levels per side.

        `symbol` keeps only instruments of that name, in upper or lower case.
        """
        reader = self._reader
        wanted = [
            (name, known)
            for name in sorted(self._venues)
            for known, tally in sorted(self._venues[name].ledger.tallies.items(), key=itemgetter(0))
            if tally.in_frames and (symbol is None or known.casefold() == symbol.casefold())
        ]
        return {
            "schema": SCHEMA,
            "capture": {
                "files": reader.files,
                "lines": reader.lines,
                "bad_lines": reader.bad_lines,
                "first_ms": None if reader.first_ns is None else reader.first_ns // 1_000_000,
                "last_ms": None if reader.last_ns is None else reader.last_ns // 1_000_000,
                "unknown_venue_lines": sum(reader.unknown_venues.values()),
            },
            "venues": [self._venue_document(name) for name in sorted(self._venues)],
            "instruments": [self._instrument_document(*key, depth) for key in wanted],
        }

    def _read(self) -> None:
        venues = self._venues
        for record in self._reader:
            venue = venues.get(record.venue)
            if venue is None:
                venue = venues[record.venue] = _Venue(self._parsers.get(record.venue))
            if type(record) is Frame:
                self._frame(venue, record)
            elif isinstance(record, Response):
                self._response(venue, record)

    def _frame(self, venue: _Venue, frame: Frame) -> None:
        parser, counts = venue.parser, venue.frames
        parsed = _NO_PARSER if parser is None else parser.frame(frame.text, frame.connection, frame.t)
        venue.take(counts, parsed)
        kinds, enter = counts.kinds, venue.ledger.apply
        for event in parsed.events:
            kind = type(event)
            kinds[kind] += 1
            enter(event).in_frames = True
            if kind is BookDelta or kind is BookSnapshot:
                self._books.apply(event)  # type: ignore[arg-type]

    def _response(self, venue: _Venue, response: Response) -> None:
        parser, counts = venue.parser, venue.responses
        parsed = (
            _NO_PARSER
            if parser is None
            else parser.response(response.request, response.status, response.body, response.t)
        )
        venue.take(counts, parsed)
        for event in parsed.events:
            counts.kinds[type(event)] += 1
            if isinstance(event, Trade | Liquidation):
                # A REST body repeats what the stream has sent or will send.
                continue
            venue.ledger.apply(event)
            if isinstance(event, BookDelta | BookSnapshot):
                self._books.apply(event)

    def _venue_document(self, name: str) -> dict[str, Any]:
        frames, responses = self._venues[name].frames, self._venues[name].responses
        books = self._books.counts(name)
        return {
            "venue": name,
            "frames": frames.total,
            "control": frames.verdicts[Verdict.CONTROL],
            "events": frames.events,
            "rejected": frames.verdicts[Verdict.REJECTED],
            "unknown": frames.verdicts[Verdict.UNKNOWN],
            "by_type": frames.by_type(),
            "sequence_gaps": books.sequence_gaps,
            "resyncs": books.resyncs,
            "checksum_failures": books.checksum_failures,
            "rest": {
                "responses": responses.total,
                "accepted": responses.verdicts[Verdict.ACCEPTED],
                "rejected": responses.verdicts[Verdict.REJECTED],
                "unknown": responses.verdicts[Verdict.UNKNOWN],
                "events": responses.events,
                "by_type": responses.by_type(),
            },
        }

    def _instrument_document(self, venue: str, symbol: str, depth: int) -> dict[str, Any]:
        tally = self._venues[venue].ledger.tallies[symbol]
        instrument = self._parsers[venue].instrument(symbol)
        tick, step = instrument.tick, instrument.step
        if instrument.inferred:
            book = self._books.get(venue, symbol)
            held = () if book is None else chain(*book.top(_EVERY_LEVEL))
            seen_tick, seen_step = tally.inferred_steps(instrument, held)
            tick, step = seen_tick or tick, seen_step or step
        return {
            "venue": venue,
            "symbol": symbol,
            "asset": instrument.asset,
            "kind": instrument.kind,
            "quote": instrument.quote,
            "tick": tick,
            "step": step,
            "contract_size": instrument.contract_size,
            "inferred": instrument.inferred,
            "trades": _trades(tally, instrument),
            "book": _book(self._books.get(venue, symbol), instrument, depth),
            "liquidations": {
                "count": len(tally.longs.sizes) + len(tally.shorts.sizes),
                "long_usd": _usd(tally.longs, instrument),
                "short_usd": _usd(tally.shorts, instrument),
            },
            "candles": {
                interval_name(interval): _candles(tally, interval, instrument) for interval in sorted(tally.candles)
            },
            "mark": tally.mark,
            "index": tally.index,
            "funding_frac": tally.funding_frac,
            "open_interest_usd": _open_interest_usd(tally, instrument),
        }


def inspect(path: Path | str, depth: int = 10, symbol: str | None = None) -> dict[str, Any]:
    """Read a capture and return its document; see `Inspection`."""
    return Inspection(path).document(depth, symbol)


def _trades(tally: Tally, instrument: Instrument) -> dict[str, Any]:
    return {
        "count": len(tally.buys.sizes) + len(tally.sells.sizes),
        "buy_base": _number(tally.buys.base),
        "sell_base": _number(tally.sells.base),
        "buy_usd": _usd(tally.buys, instrument),
        "sell_usd": _usd(tally.sells, instrument),
        "last_price": tally.last_price,
    }


def _book(book: Book | None, instrument: Instrument, depth: int) -> dict[str, Any]:
    if book is None:
        return {"status": "absent", "bids": [], "asks": [], "updates": 0}
    bids, asks = book.top(depth)
    return {
        "status": book.status,
        "bids": _levels(bids, instrument),
        "asks": _levels(asks, instrument),
        "updates": book.updates,
    }


def _levels(rows: list[tuple[str, str]], instrument: Instrument) -> list[list[str | None]]:
    """[price, size in base currency]; the size is null if the contract size is not known."""
    return [[price, base_text(instrument, price, size) or None] for price, size in rows]


def _candles(tally: Tally, interval: int, instrument: Instrument) -> dict[str, Any]:
    last = tally.candles[interval]
    in_dollars = instrument.quote_is_usd
    return {
        "closed": len(tally.closed.get(interval, ())),
        "last": {
            "open_ms": last.open_ms,
            "open": last.open,
            "high": last.high,
            "low": last.low,
            "close": last.close,
            "volume_usd": _number(last.volume_quote) if in_dollars else None,
            "buy_usd": _number(last.taker_buy_quote) if in_dollars else None,
        },
    }


def _open_interest_usd(tally: Tally, instrument: Instrument) -> float | None:
    if tally.interest is None:
        return None
    stated = _number(tally.interest.usd)
    if stated is not None or not instrument.quote_is_usd:
        return stated
    price = tally.mark if tally.mark is not None else tally.last_price
    return None if price is None else _number(tally.interest.base * price)


def _usd(flow: Flow, instrument: Instrument) -> float | None:
    """Notional in dollars; None if the quote currency is not the dollar."""
    return _number(flow.quote) if instrument.quote_is_usd else None


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
