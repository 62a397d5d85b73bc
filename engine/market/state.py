"""The live market: every event goes in by `apply`, every scan reads one `view`.

Owned by `engine.intake`. Everything here runs on the event time stamped by the venues and no clock is read, so a replay
reaches the same state as the live run it records. While no event arrives, market time advances by the receive times
that the owner passes in (`present_ms`); otherwise nothing would grow stale. Books are kept by `engine.market.books`:
the state allocates their rows and notes their times, and gets their columns for the view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np

from engine.arrays import Ints
from engine.events import (
    NAN,
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Ratio,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.market.candles import CandleStore
from engine.market.derivatives import DerivativesStore
from engine.market.liquidations import LiquidationStore
from engine.market.plausible import FACTOR, LEAST, MARKED, QUOTED, TRADED, Plausible
from engine.market.tape import Lost, TapeStore
from engine.market.universe import Universe
from engine.market.view import Books, MarketView
from engine.timeframes import INTERVAL_MS, MINUTE_MS

SKEW_MS: Final = 10_000
"""How far a stamp may be ahead of its own receive time before it is rejected."""
_SKEW_NS: Final = SKEW_MS * 1_000_000
QUIET_MS: Final = 5_000
"""While no event arrives, market time stays this far behind the receive clock: far more than the venues' delays differ
by, so that it need not go back when one of them sends again."""
WIDE: Final = 2.0
"""If the ask is more than this many times the bid, the spread says nothing about the price between them."""
LEAD_MS: Final = 240_000
"""Sums by second and minute are read at most this far ahead of the newest event: less than their axes keep free, so
that a leap of the receive clock drops none of their data."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened to the events of this epoch."""

    events: int
    skewed: int
    """Stamps over 10 s ahead of their receive time. The receive time is used instead; a bar or a fetched trade is
    dropped."""
    late_trades: int
    duplicate_trades: int
    unsized_trades: int
    late_liquidations: int
    implausible: int
    """Messages withheld for an implausible price."""
    other_intervals: int
    """Candles of an interval that is not kept."""


class MarketState:
    """All stores of `engine.market` except the books, by row."""

    def __init__(self) -> None:
        self.epoch = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything and begin a new epoch; earlier row numbers are void."""
        self.epoch += 1
        self.at_ms = 0
        """Newest event time; 0 before the first event."""
        self._risen_ns = 0
        """Receive time of that event, nanoseconds."""
        self.events = 0
        self.skewed = 0
        self.universe = Universe()
        self.candles = CandleStore(self.universe)
        self.derivatives = DerivativesStore(self.universe, self.candles)
        self.tape = TapeStore(self.universe, self._volume_24h_usd)
        self.liquidations = LiquidationStore(self.universe)
        self.plausible = Plausible()
        self._newest_ms: list[int] = []
        # each handler takes exactly the event type that is its key
        self._handlers: dict[type, Callable[[int, Any], None]] = {
            Trade: self._trade,
            Quote: self._quote,
            BookSnapshot: self._book,
            BookDelta: self._book,
            Candle: self._candle,
            MarkPrice: self._mark,
            Funding: self.derivatives.funding,
            OpenInterest: self.derivatives.interest,
            Ratio: self.derivatives.ratio,
            Liquidation: self._liquidation,
            Ticker: self._ticker,
        }

    def apply(self, event: MarketEvent, instrument: Instrument) -> int:
        """Apply one event of `instrument`; returns its row, which is added on the instrument's first event."""
        universe = self.universe
        row = universe.by_name.get((event.venue, event.symbol))
        if row is None:
            row = self._add(instrument)
        elif universe.instruments[row] is not instrument:
            universe.refine(row, instrument)
        self.events += 1
        ts_ms = event.ts_ms
        if ts_ms * 1_000_000 > event.recv_ns + _SKEW_NS:
            self.skewed += 1
            ts_ms = event.recv_ns // 1_000_000
            event = msgspec.structs.replace(event, ts_ms=ts_ms)
        if ts_ms > self.at_ms:
            self.at_ms = ts_ms
            self._risen_ns = event.recv_ns
        if ts_ms > self._newest_ms[row]:
            self._newest_ms[row] = ts_ms
        self._handlers[type(event)](row, event)
        return row

    def refine(self, instruments: Iterable[Instrument]) -> None:
        """Apply a listing to the instruments that have a row; the others get none from it."""
        for instrument in instruments:
            row = self.universe.row(instrument.venue, instrument.symbol)
            if row is not None:
                self.universe.refine(row, instrument)

    def ended(self, instrument: Instrument) -> None:
        """An instrument is gone from its venue's listing."""
        row = self.universe.row(instrument.venue, instrument.symbol)
        if row is not None:
            self.universe.end(row, instrument)

    def fill_trades(self, trades: Sequence[Trade], instrument: Instrument) -> bool:
        """Apply fetched trades of one instrument, oldest first; True if they fill a break completely.

        Those stamped over 10 s ahead of their receive time are counted as skewed and left out.
        """
        row = self.universe.by_name.get((instrument.venue, instrument.symbol))
        if row is None:
            row = self._add(instrument)
        self.events += len(trades)
        # Clamping the stamp would misplace the trade in time, and keeping it would push market time into the future.
        believed = [trade for trade in trades if trade.ts_ms * 1_000_000 <= trade.recv_ns + _SKEW_NS]
        self.skewed += len(trades) - len(believed)
        believed = self._plausible_trades(row, believed)
        for trade in believed:
            self.derivatives.traded(row, trade.price, trade.ts_ms)
            self._newest_ms[row] = max(self._newest_ms[row], trade.ts_ms)
            self._rise(trade.ts_ms, trade.recv_ns)
        return self.tape.fill(row, believed)

    def interrupted(self, venue: str, symbols: Iterable[str], *, liquidations: bool) -> None:
        """A connection broke: trades of these symbols, and liquidations of the venue, may have been missed."""
        by_name = self.universe.by_name
        self.tape.interrupted(row for symbol in symbols if (row := by_name.get((venue, symbol))) is not None)
        if liquidations:
            self.liquidations.interrupted((venue,))

    def lost_trades(self, recv_ms: int) -> list[Lost]:
        """Trades missing from a connection that is up, found since the last call; at receive time `recv_ms`.

        Each is marked like a break, but for its instrument alone.
        """
        return self.tape.lost(recv_ms)

    def liquidations_stand(self, venue: str, symbol: str, at_ms: int) -> None:
        """The venue has confirmed its liquidation feed, of one instrument or with "" of all, even if none arrives."""
        self.liquidations.stands(venue, symbol, at_ms)

    def liquidations_fell(self, venue: str, symbols: Iterable[str]) -> None:
        """The feed of these symbols is down, or some liquidations may have been missed."""
        self.liquidations.fell(venue, symbols)

    def dropped_trades(self, venue: str, symbol: str) -> None:
        """The instrument's trade subscription ended."""
        row = self.universe.by_name.get((venue, symbol))
        if row is not None:
            self.tape.dropped(row)

    def present_ms(self, recv_ms: int) -> int:
        """Market time at receive time `recv_ms`: the newest event's, plus the silence since then beyond `QUIET_MS`.

        0 before the first event. While events arrive it is the newest event's own time.
        """
        if not self.at_ms:
            return 0
        return self.at_ms + max(0, recv_ms - self._risen_ns // 1_000_000 - QUIET_MS)

    def summed_ms(self, at_ms: int) -> int:
        """The time at which sums by second and minute are read when market time is `at_ms`."""
        return min(at_ms, self.at_ms + LEAD_MS)

    def newest_ms(self) -> Ints:
        """`[rows]` event time of the newest message of any kind."""
        return np.array(self._newest_ms, dtype=np.int64)

    def counters(self) -> Counters:
        """What happened to the events so far."""
        return Counters(
            events=self.events,
            skewed=self.skewed,
            late_trades=self.tape.late,
            duplicate_trades=self.tape.duplicates,
            unsized_trades=self.tape.unsized,
            late_liquidations=self.liquidations.late,
            implausible=self.plausible.total,
            other_intervals=self.candles.ignored,
        )

    def view(self, at_ms: int, books: Books) -> MarketView:
        """The market at `at_ms` (normally `present_ms`) with the given books, whose arrays have one row per row here.

        Raises ValueError if they do not, and may for a time over 300 s before the newest trade.
        """
        rows = self.universe.rows
        if len(books.updated_ms) != rows:
            raise ValueError(
                f"books have {len(books.updated_ms)} rows, the market has {rows}: pass the state's row count"
            )
        derivatives = self.derivatives.view(at_ms, self.at_ms, books)
        links = self.universe.links(derivatives.volume_24h_usd)
        return MarketView(
            epoch=self.epoch,
            at_ms=at_ms,
            instruments=self.universe.frozen(),
            rankable=self.universe.rankable(),
            bars={name: self.candles.window(name) for name in INTERVAL_MS},
            tape=self.tape.view(self.summed_ms(at_ms)),
            books=books,
            derivatives=derivatives,
            liquidations=self.liquidations.view(self.summed_ms(at_ms)),
            spot_rows=links.spot_rows,
            peers=links.peers,
        )

    def _rise(self, ts_ms: int, recv_ns: int) -> None:
        if ts_ms > self.at_ms:
            self.at_ms, self._risen_ns = ts_ms, recv_ns

    def _add(self, instrument: Instrument) -> int:
        row = self.universe.add(instrument)
        self.candles.add_row()
        self.derivatives.add_row()
        self.tape.add_row()
        self.liquidations.add_row()
        self.plausible.add_row()
        self._newest_ms.append(-1)
        return row

    def believes_book(self, event: BookSnapshot) -> bool:
        """Whether a book snapshot is near its instrument's level; it is counted if not. One near side is enough: in a
        market without makers the other may be anywhere."""
        row = self.universe.by_name.get((event.venue, event.symbol))
        if row is None:
            return True
        bid, ask = (float(side[0][0]) if side else NAN for side in (event.bids, event.asks))
        return self._is_quote_plausible(row, event, bid, ask)

    def _plausible_trades(self, row: int, trades: list[Trade]) -> list[Trade]:
        """Fetched trades without those that are far both from the level and from their own median: after a break, the
        market may have moved."""
        near = self.plausible.is_near
        if all(near(row, trade.price) for trade in trades):
            return trades
        middle = median(trade.price for trade in trades)
        taken = []
        for trade in trades:
            if near(row, trade.price) or (len(trades) >= LEAST and middle / FACTOR <= trade.price <= middle * FACTOR):
                taken.append(trade)
            else:
                self.plausible.withhold(trade.venue, trade.symbol, row, trade.price)
        return taken

    def _is_quote_plausible(self, row: int, event: Quote | BookSnapshot, bid: float, ask: float) -> bool:
        """Whether the best prices are plausible: of two the nearer is judged. NaN: that side is empty. A level within a
        wide spread, or beyond the only side there is, is neither supported nor contradicted."""
        plausible, recv_ms = self.plausible, event.recv_ns // 1_000_000
        level = plausible.level(row)
        known = [price for price in (bid, ask) if price == price]
        if len(known) == 2 and bid <= ask:
            if bid <= level <= ask and ask > WIDE * bid:
                return True
            known = [ask if level > ask else bid]
        elif len(known) == 1 and (bid <= level or level <= ask) and plausible.is_near(row, known[0]):
            return True
        if not known or any(plausible.takes(row, price, recv_ms, QUOTED) for price in known):
            return True
        plausible.withhold(event.venue, event.symbol, row, known[0])
        return False

    def _quote(self, row: int, quote: Quote) -> None:
        if self._is_quote_plausible(row, quote, quote.bid, quote.ask):
            self.derivatives.quote(row, quote)

    def _mark(self, row: int, mark: MarkPrice) -> None:
        plausible = self.plausible
        if mark.mark == mark.mark and not plausible.takes(row, mark.mark, mark.recv_ns // 1_000_000, MARKED):
            plausible.withhold(mark.venue, mark.symbol, row, mark.mark)
            return
        if not plausible.is_near(row, mark.index):
            plausible.withhold(mark.venue, mark.symbol, row, mark.index)
            mark = msgspec.structs.replace(mark, index=NAN)
        self.derivatives.mark(row, mark)

    def _ticker(self, row: int, ticker: Ticker) -> None:
        last = ticker.last
        if last == last and not self.plausible.takes(row, last, ticker.recv_ns // 1_000_000, TRADED):
            self.plausible.withhold(ticker.venue, ticker.symbol, row, last)
            return
        self.derivatives.ticker(row, ticker)

    def _liquidation(self, row: int, liquidation: Liquidation) -> None:
        if not self.plausible.is_near(row, liquidation.price):
            self.plausible.withhold(liquidation.venue, liquidation.symbol, row, liquidation.price)
            return
        self.liquidations.apply(row, liquidation)

    def _trade(self, row: int, trade: Trade) -> None:
        if not self.plausible.takes(row, trade.price, trade.recv_ns // 1_000_000, TRADED):
            self.plausible.withhold(trade.venue, trade.symbol, row, trade.price)
            return
        self.derivatives.traded(row, trade.price, trade.ts_ms)
        self.tape.apply(row, trade)

    def _candle(self, row: int, candle: Candle) -> None:
        if candle.open_ms * 1_000_000 > candle.recv_ns + _SKEW_NS:
            # A bar of the future would hide every real one until then.
            self.skewed += 1
            return
        # Bars of the past have prices of the past, which must not be compared with the present level.
        ended_ms = candle.open_ms + candle.interval_ms
        is_present = ended_ms + (MINUTE_MS if candle.closed else candle.interval_ms) >= self.at_ms
        if is_present and not self.plausible.takes(row, candle.close, candle.recv_ns // 1_000_000, TRADED):
            self.plausible.withhold(candle.venue, candle.symbol, row, candle.close)
            return
        if candle.closed:
            if ended_ms * 1_000_000 > candle.recv_ns + SKEW_MS * 1_000_000:
                self.skewed += 1
                return
            # a closed bar proves that its end has come, whatever the message is stamped
            self._rise(ended_ms, candle.recv_ns)
            self._newest_ms[row] = max(self._newest_ms[row], ended_ms)
            self.derivatives.traded(row, candle.close, ended_ms)
        self.candles.apply(row, candle)

    def _book(self, row: int, event: BookSnapshot | BookDelta) -> None:
        """Books are kept by `engine.market.books`; here they only have a row and a time."""

    def _volume_24h_usd(self, row: int) -> float:
        return self.derivatives.volume_24h_usd_of(row, self.at_ms)
