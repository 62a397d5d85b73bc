"""Records in, market out: what a venue sent goes through its parser into books and state.

The lower half of `engine.pipeline`, which scores what stands here. One record of a capture, or live of a socket, at a
time; best quotes wait for the next scan, and only the newest of a stream is read then. No threads, sockets or clocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from engine.events import BookDelta, BookSnapshot, Candle, Liquidation, Trade
from engine.instruments import Instrument
from engine.market.books import BookStore
from engine.market.state import MarketState
from engine.text import clean
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response
from engine.venues.base import VenueParser, Verdict
from engine.venues.registry import conflation_keys, make_parsers

MAX_NOTICES: Final = 50

LAG_WINDOW_MS: Final = 5_000
"""How late a venue's data comes is the least delay within so long: a single late frame means nothing."""
TIMED: Final = (Trade, BookDelta)
"""Events that every venue stamps with the moment at which they happened."""

Kept = tuple[int, float, float, float, float, float, float, float, int]
"""A kept bar: open time, open, high, low, close, base and quote volume, taker buys in quote, trades."""


@dataclass(slots=True)
class VenueTally:
    """What one venue's frames turned out to be."""

    frames: int = 0
    verdicts: list[int] = field(default_factory=lambda: [0] * len(Verdict))
    """By verdict, how many frames."""
    newest_ms: int = -1
    """Receive time of the newest frame of market data, milliseconds: pongs and answers prove nothing of the market."""
    detail: str = ""
    """The newest rejection or refusal, cleaned."""
    connections: set[str] = field(default_factory=set)
    """Those that are open."""
    broken: set[str] = field(default_factory=set)
    """Those that were, and are not."""
    trades_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose trades it has carried: also before it broke, since they come on it again, and a
    break before their next trade is a break all the same."""
    books_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose books it has carried, as for trades."""
    liquidations_on: dict[str, set[str]] = field(default_factory=dict)
    """By connection, the symbols whose liquidations it has carried or will, as confirmed; "" for all."""
    answers_refused: int = 0
    """Answers to requests that were successes and could not be read."""
    trade_holes: int = 0
    """How often trades never came though the connection stood, as their numbers prove."""
    listed: dict[str, int] = field(default_factory=dict)
    """By symbol, receive time of the newest listing that named it, nanoseconds."""
    lag_ms: int | None = None
    """Receive time less event time, at the least over a window, both clocks as they are; None before there was one."""
    lag_least_ms: int = 0
    """Of the window that still runs, ..."""
    lag_since_ms: int = -1
    """... which began here; -1: none yet."""
    dropped: set[tuple[str, str]] = field(default_factory=set)
    """(kind, symbol) of what is not followed any more, so that stragglers are left aside."""

    def arrived(self, recv_ms: int, ts_ms: int) -> None:
        """Note when something arrived that happened at `ts_ms` on the venue's clock."""
        lag_ms = recv_ms - ts_ms
        if recv_ms - self.lag_since_ms >= LAG_WINDOW_MS:
            self.lag_ms = self.lag_least_ms if self.lag_since_ms >= 0 else None
            self.lag_least_ms, self.lag_since_ms = lag_ms, recv_ms
        elif lag_ms < self.lag_least_ms:
            self.lag_least_ms = lag_ms

    def carries(self, by_connection: dict[str, set[str]], connection: str, symbol: str) -> None:
        """Note that a connection carries a symbol from now on, and those that broke do not any more."""
        for name in self.broken:
            if name in by_connection:
                by_connection[name].discard(symbol)
        by_connection.setdefault(connection, set()).add(symbol)


class Intake:
    """The market of one epoch as its records make it."""

    def __init__(self) -> None:
        self.state = MarketState()
        self.notices: deque[str] = deque(maxlen=MAX_NOTICES)
        self.frames = 0
        self.conflated = 0
        """Frames that were never read because a newer one replaced them before a scan."""
        self.clock_ms = 0
        """Receive time of the newest record, milliseconds."""
        self._quiet_until_ms = 0
        self.closed: list[Candle] | None = None
        """Where somebody keeps candles, those that the venues closed since it was last emptied."""
        self.refused: Callable[[Frame], None] | None = None
        """Told of every frame that could not be read, by whoever can ask again for what it may have held."""
        self.gapped: Callable[[str, str, int, int], None] | None = None
        """Told venue, symbol and the event times between which changes of a book were lost on a connection that stands:
        other things of the symbol may be gone too, which nobody numbers."""
        self.lost_trades: Callable[[str, str, int, int], None] | None = None
        """Told venue, symbol and the event times between which trades never came on a connection that stands; that they
        are missing is marked already."""
        self._begin_intake()

    def _begin_intake(self) -> None:
        self.parsers = make_parsers()
        self._key_of = conflation_keys()
        self._newest: dict[tuple[str, str], Frame] = {}
        self.books = BookStore(texts=False)
        self.tallies: dict[str, VenueTally] = {}

    def ingest(self, record: Record) -> None:
        """Take one record. Whatever a venue sent, this does not raise."""
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
        """Tell that no more records came until receive time `recv_ms`: the next scan is as of then."""
        self._quiet_until_ms = recv_ms

    def catch_up(self) -> None:
        """Read the newest of what was conflated since the last time, and mark trades that never came; a scan does so
        itself."""
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
        """Take an answer to a request: a listing, a book to align on, history, or trades that fill a break."""
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
        """Take a closed bar, and hand it to who keeps them unless its price is not believed."""
        withheld = self.state.plausible.total
        self.state.apply(candle, instrument)
        if self.state.plausible.total == withheld:
            closed.append(candle)

    def listing(self, venue: str) -> list[Instrument]:
        """Every instrument of one venue that was listed or spoken of."""
        return list(self.parsers[venue].instruments())

    def answers_refused(self, venue: str) -> int:
        """How many answers of a venue could not be read so far."""
        tally = self.tallies.get(venue)
        return 0 if tally is None else tally.answers_refused

    def listed_since(self, venue: str, recv_ns: int) -> set[str]:
        """Symbols of a venue that a listing received at or after `recv_ns` named."""
        return {symbol for symbol, t in self.tallies[venue].listed.items() if t >= recv_ns} if recv_ns else set()

    def ended(self, instrument: Instrument) -> None:
        """An instrument is gone from its venue's listing: it is ranked no more."""
        self.state.refine([replace(instrument, status="ended")])

    def broken_books(self, venue: str) -> list[str]:
        """Symbols of one venue whose whole book lost its chain, or has changes waiting for a first snapshot."""
        return [symbol for symbol, book in self.books.unproven(venue) if book.status == "resyncing" or book.waiting]

    def run_of(self, venue: str, symbol: str, interval: str) -> tuple[int, int, bool]:
        """Of a symbol's closed bars: newest open time or -1, bars in the run, if older ones stand before a hole."""
        row = self.state.universe.row(venue, symbol)
        if row is None:
            return -1, 0, False
        frame = self.state.candles.frames[interval]
        return frame.newest[row], frame.count[row], frame.has_hole(row)

    def restore(self, instrument: Instrument, interval_ms: int, bars: Iterable[Kept]) -> None:
        """Take closed bars of an instrument that were kept from an earlier run, oldest first."""
        for opened, first, high, low, last, base, quote, taker, trades in bars:
            end_ms = opened + interval_ms
            self.state.apply(
                Candle(
                    instrument.venue, instrument.symbol, end_ms, end_ms * 1_000_000, interval_ms, opened, first, high,
                    low, last, base, quote, taker, trades, closed=True,
                ),
                instrument,
            )  # fmt: skip

    def _connection(self, record: ConnectionEvent, tally: VenueTally) -> None:
        """A connection opened or broke, or (`connection#kind:symbol`) one subscription was taken up, doubted, given up.

        One that opens while it is open was handed over to a new socket without a break.
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
                    self.books.interrupted(record.venue, [symbol])
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
        self.books.interrupted(record.venue, sorted(tally.books_on.get(name, ())))
        # A recording names its connections as it likes.
        self.notices.appendleft(clean(f"{record.venue}: connection {name} {record.what}"))

    def _liquidations(self, record: ConnectionEvent, connection: str, symbol: str, tally: VenueTally) -> None:
        """A subscription of liquidations was confirmed, or stands no more: in between, silence is a measurement."""
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
