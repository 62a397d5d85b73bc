"""Takes records in and keeps the market: runs each venue message through its parser into books and state.

The lower half of `engine.pipeline`, which scores this state. It takes one record at a time, from a capture or a live
socket. Best quotes are conflated: they wait for the next scan, which reads only the newest of each stream. No threads,
sockets or clocks here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from engine.events import BookDelta, BookSnapshot, Candle, Liquidation, Trade
from engine.instruments import Instrument
from engine.kept_bar import Kept
from engine.market.books import BookStore
from engine.market.state import MarketState
from engine.notices import Notices
from engine.text import clean
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response
from engine.venues.base import VenueParser, Verdict
from engine.venues.registry import conflation_keys, make_parsers

LAG_WINDOW_MS: Final = 5_000
"""A venue's lag is the least delay within this window: a single late frame means nothing."""
TIMED: Final = (Trade, BookDelta)
"""Events that every venue stamps with the time at which they happened."""


@dataclass(slots=True)
class VenueTally:
    """Counts and connection state of one venue, from its records."""

    frames: int = 0
    verdicts: list[int] = field(default_factory=lambda: [0] * len(Verdict))
    """Number of frames by verdict."""
    newest_ms: int = -1
    """Receive time of the newest frame of market data, milliseconds; pongs and acknowledgements say nothing about the
    market."""
    detail: str = ""
    """The newest rejection or refusal, cleaned."""
    connections: set[str] = field(default_factory=set)
    """Connections that are open."""
    broken: set[str] = field(default_factory=set)
    """Connections that were open and broke."""
    trades_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose trades it has carried. They stay listed after it broke: they will arrive on it
    again, and a second break before their next trade is a gap all the same."""
    books_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose books it has carried, as for trades."""
    liquidations_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose liquidations it has carried or is confirmed to carry; "" for all."""
    answers_refused: int = 0
    """Responses with status 200 that could not be read."""
    trade_holes: int = 0
    """How often trades were lost on a connection that was up, as their consecutive numbers prove."""
    listed: dict[str, int] = field(default_factory=dict)
    """By symbol, receive time of the newest listing that named it, nanoseconds."""
    lag_ms: int | None = None
    """Receive time less event time, the least over the last full window, clocks uncorrected; None before the first."""
    lag_least_ms: int = 0
    """The least lag of the running window, ..."""
    lag_since_ms: int = -1
    """... which began at this receive time; -1: none yet."""
    dropped: set[tuple[str, str]] = field(default_factory=set)
    """(kind, symbol) of subscriptions that were given up, so that stragglers are ignored."""

    def arrived(self, recv_ms: int, ts_ms: int) -> None:
        """Measure the lag of an event that happened at `ts_ms` on the venue's clock."""
        lag_ms = recv_ms - ts_ms
        if recv_ms - self.lag_since_ms >= LAG_WINDOW_MS:
            self.lag_ms = self.lag_least_ms if self.lag_since_ms >= 0 else None
            self.lag_least_ms, self.lag_since_ms = lag_ms, recv_ms
        elif lag_ms < self.lag_least_ms:
            self.lag_least_ms = lag_ms

    def carries(self, by_connection: dict[str, set[str]], connection: str, symbol: str) -> None:
        """Note that a connection now carries a symbol and that broken connections no longer do."""
        for name in self.broken:
            if name in by_connection:
                by_connection[name].discard(symbol)
        by_connection.setdefault(connection, set()).add(symbol)


class Intake:
    """The market of one epoch, built from its records."""

    def __init__(self) -> None:
        self.state = MarketState()
        self.notices = Notices(lambda: self.clock_ms)
        self.frames = 0
        self.conflated = 0
        """Frames that were never parsed because a newer one replaced them before a scan."""
        self.clock_ms = 0
        """Receive time of the newest record, milliseconds."""
        self._quiet_until_ms = 0
        self.closed: list[Candle] | None = None
        """Candles that the venues closed since this list was last emptied; None if candles are not stored."""
        self.refused: Callable[[Frame], None] | None = None
        """Called with every frame that could not be read. `engine.feeds.market` sets it, to request again what the
        frame may have held."""
        self.gapped: Callable[[str, str, int, int], None] | None = None
        """Called with venue, symbol and the event times between which book updates were lost on a connection that is
        up. Other messages of the symbol may be lost too that carry no sequence numbers."""
        self.lost_trades: Callable[[str, str, int, int], None] | None = None
        """Called with venue, symbol and the event times between which trades were lost on a connection that is up. The
        state has marked the gap already."""
        self._begin_intake()

    def _begin_intake(self) -> None:
        self.parsers = make_parsers()
        self._key_of = conflation_keys()
        self._newest: dict[tuple[str, str], Frame] = {}
        self.books = BookStore(texts=False)
        self.tallies: dict[str, VenueTally] = {}

    def ingest(self, record: Record) -> None:
        """Take one record. Never raises, whatever a venue sent."""
        venue, recv_ns = record.venue, record.t
        self.clock_ms = recv_ns // 1_000_000
        tally = self.tallies.get(venue)
        if tally is None:
            tally = self.tallies[venue] = VenueTally()
        if isinstance(record, ConnectionEvent):
            self._connection(record, tally)
            return
        parser = self.parsers.get(venue)
        if parser is None:
            return
        if isinstance(record, Frame):
            self.frames += 1
            tally.frames += 1
            key_of = self._key_of.get(venue)
            if key_of is not None and (key := key_of(record.text)) is not None:
                if self._newest.setdefault((venue, key), record) is not record:
                    self._newest[venue, key] = record
                    self.conflated += 1
                tally.newest_ms = self.clock_ms
                return
        self._read(record, parser, tally)

    def quiet_until(self, recv_ms: int) -> None:
        """Say that no more records arrived until receive time `recv_ms`: the next scan is as of then."""
        self._quiet_until_ms = recv_ms

    def catch_up(self) -> None:
        """Read the newest conflated frames since the last call, and mark trades that were lost. A scan calls this."""
        for record in self._newest.values():
            self._read(record, self.parsers[record.venue], self.tallies[record.venue])
        self._newest.clear()
        for lost in self.state.lost_trades(self.clock_ms):
            instrument = self.state.universe.instruments[lost.row]
            self.tallies[instrument.venue].trade_holes += lost.holes
            if lost.since_ms >= 0 and self.lost_trades is not None:
                self.lost_trades(instrument.venue, instrument.symbol, lost.since_ms, lost.until_ms)

    def _read(self, record: Frame | Response, parser: VenueParser, tally: VenueTally) -> None:
        if isinstance(record, Response):
            self._read_response(record, parser, tally)
            return
        venue, connection = record.venue, record.connection
        parsed = parser.frame(record.text, connection, record.t)
        tally.verdicts[parsed.verdict] += 1
        if parsed.verdict is Verdict.REJECTED and self.refused is not None:
            self.refused(record)
        elif parsed.verdict is Verdict.ACCEPTED:
            tally.newest_ms = max(tally.newest_ms, record.t // 1_000_000)
        if parsed.detail:
            tally.detail = parsed.detail
        if parsed.listing:
            self.state.refine(parsed.listing)
        if parsed.events and isinstance(last := parsed.events[-1], TIMED):
            tally.arrived(record.t // 1_000_000, last.ts_ms)
        dropped = tally.dropped
        books, apply, instrument = self.books, self.state.apply, parser.instrument
        believes_book = self.state.believes_book
        for event in parsed.events:
            if isinstance(event, BookDelta | BookSnapshot):
                if dropped and ("book", event.symbol) in dropped:
                    continue
                if isinstance(event, BookSnapshot) and not believes_book(event):
                    continue
                broke_ms = books.apply(event)
                if broke_ms >= 0 and self.gapped is not None:
                    self.gapped(venue, event.symbol, broke_ms, event.ts_ms)
                carried = tally.books_on.get(connection)
                if carried is None or event.symbol not in carried:
                    tally.carries(tally.books_on, connection, event.symbol)
            elif isinstance(event, Trade):
                if dropped and ("trades", event.symbol) in dropped:
                    continue
                books.traded(venue, event.symbol, event.ts_ms, event.taker_buy)
                carried = tally.trades_on.get(connection)
                if carried is None or event.symbol not in carried:
                    tally.carries(tally.trades_on, connection, event.symbol)
            elif isinstance(event, Liquidation):
                tally.liquidations_on.setdefault(connection, set()).add(event.symbol)
            elif self.closed is not None and isinstance(event, Candle) and event.closed:
                self._close(event, instrument(event.symbol), self.closed)
                continue
            apply(event, instrument(event.symbol))

    def _read_response(self, record: Response, parser: VenueParser, tally: VenueTally) -> None:
        """Take a REST response: a listing, a book snapshot to align on, history, or trades that fill a gap."""
        parsed = parser.response(record.request, record.status, record.body, record.t)
        tally.answers_refused += record.status == 200 and parsed.verdict is Verdict.REJECTED
        if parsed.detail:
            tally.detail = parsed.detail
        if parsed.listing:
            self.state.refine(parsed.listing)
            tally.listed.update((one.symbol, record.t) for one in parsed.listing)
        trades: dict[str, list[Trade]] = {}
        for event in parsed.events:
            if isinstance(event, Trade):
                trades.setdefault(event.symbol, []).append(event)
                continue
            if isinstance(event, BookDelta | BookSnapshot):
                if ("book", event.symbol) in tally.dropped:
                    continue
                if isinstance(event, BookSnapshot) and not self.state.believes_book(event):
                    continue
                self.books.apply(event)
            elif self.closed is not None and isinstance(event, Candle) and event.closed:
                self._close(event, parser.instrument(event.symbol), self.closed)
                continue
            self.state.apply(event, parser.instrument(event.symbol))
        for symbol, found in trades.items():
            found.sort(key=lambda trade: trade.ts_ms)
            self.state.fill_trades(found, parser.instrument(symbol))

    def _close(self, candle: Candle, instrument: Instrument, closed: list[Candle]) -> None:
        """Apply a closed bar, and append it to `closed` unless its price was withheld as implausible."""
        withheld = self.state.plausible.total
        self.state.apply(candle, instrument)
        if self.state.plausible.total == withheld:
            closed.append(candle)

    def listing(self, venue: str) -> list[Instrument]:
        """Every instrument of one venue that was listed or named in a message."""
        return list(self.parsers[venue].instruments())

    def answers_refused(self, venue: str) -> int:
        """How many responses of a venue could not be read so far."""
        tally = self.tallies.get(venue)
        return 0 if tally is None else tally.answers_refused

    def listed_since(self, venue: str, recv_ns: int) -> set[str]:
        """Symbols of a venue that a listing received at or after `recv_ns` named."""
        return {symbol for symbol, t in self.tallies[venue].listed.items() if t >= recv_ns} if recv_ns else set()

    def ended(self, instrument: Instrument) -> None:
        """An instrument is gone from its venue's listing: stop ranking it."""
        self.state.ended(instrument)

    def broken_books(self, venue: str) -> list[str]:
        """Symbols of one venue whose full-depth book lost its sequence, or has deltas waiting for a first snapshot."""
        return [symbol for symbol, book in self.books.unproven(venue) if book.status == "resyncing" or book.waiting]

    def run_of(self, venue: str, symbol: str, interval: str) -> tuple[int, int, bool]:
        """Of a symbol's closed bars: newest open time or -1, bars in the unbroken run, whether there are older bars
        before a gap."""
        row = self.state.universe.row(venue, symbol)
        if row is None:
            return -1, 0, False
        frame = self.state.candles.frames[interval]
        return frame.newest[row], frame.count[row], frame.has_hole(row)

    def next_funding_ms(self, venue: str, symbol: str) -> int:
        """The next settlement of a contract that the venue has named; -1: it has named none."""
        row = self.state.universe.row(venue, symbol)
        return -1 if row is None else self.state.derivatives.next_funding_ms(row)

    def settled_ms(self, venue: str, symbol: str) -> int:
        """Time of a contract's newest settled funding rate; -1: none is known."""
        row = self.state.universe.row(venue, symbol)
        return -1 if row is None else self.state.derivatives.settled_ms(row)

    def restore(self, instrument: Instrument, interval_ms: int, bars: Iterable[Kept]) -> None:
        """Take closed bars of an instrument that were stored by an earlier run, oldest first."""
        for bar in bars:
            end_ms = bar.open_ms + interval_ms
            self.state.apply(
                Candle(
                    instrument.venue, instrument.symbol, end_ms, end_ms * 1_000_000, interval_ms, bar.open_ms, bar.open,
                    bar.high, bar.low, bar.close, bar.volume_base, bar.volume_quote, bar.taker_buy_quote, bar.trades,
                    closed=True,
                ),
                instrument,
            )  # fmt: skip

    def _connection(self, record: ConnectionEvent, tally: VenueTally) -> None:
        """A connection opened or broke, or (`connection#kind:symbol`) one subscription was opened ("open"), marked as
        suspect ("error") or given up ("close").

        A connection that opens while it is open was handed over to a new socket without a gap.
        """
        name, _, subscription = record.connection.partition("#")
        if subscription:
            kind, _, symbol = subscription.partition(":")
            if kind == "liquidations":
                self._liquidations(record, name, symbol, tally)
            elif record.what == "open":
                tally.dropped.discard((kind, symbol))
            elif record.what == "error":
                if kind == "book":
                    self.books.interrupted(record.venue, [symbol], "some of its messages may be missing")
                else:
                    self.state.interrupted(record.venue, [symbol], liquidations=False)
            elif kind in ("trades", "book"):
                self._drop(record.venue, kind, symbol, tally)
            return
        if record.what == "open":
            tally.connections.add(name)
            tally.broken.discard(name)
            return
        tally.connections.discard(name)
        tally.broken.add(name)
        liquidated = tally.liquidations_on.pop(name, set())
        broken = sorted(tally.trades_on.get(name, ()))
        self.state.interrupted(record.venue, broken, liquidations=bool(liquidated))
        self.state.liquidations_fell(record.venue, sorted(liquidated))
        self.books.interrupted(record.venue, sorted(tally.books_on.get(name, ())), "its connection broke")
        # A recording names its connections as it likes.
        self.notices.tell(clean(f"{record.venue}: connection {name} {record.what}"))

    def _liquidations(self, record: ConnectionEvent, connection: str, symbol: str, tally: VenueTally) -> None:
        """A liquidation subscription was confirmed or ended. While it is confirmed, silence means no liquidations."""
        carried = tally.liquidations_on.setdefault(connection, set())
        if record.what == "open":
            carried.add(symbol)
            self.state.liquidations_stand(record.venue, symbol, record.t // 1_000_000)
        else:
            carried.discard(symbol)
            self.state.liquidations_fell(record.venue, (symbol,))

    def _drop(self, venue: str, kind: str, symbol: str, tally: VenueTally) -> None:
        tally.dropped.add((kind, symbol))
        for carried in (tally.books_on if kind == "book" else tally.trades_on).values():
            carried.discard(symbol)
        if kind == "book":
            self.books.dropped(venue, symbol)
        else:
            self.state.dropped_trades(venue, symbol)
