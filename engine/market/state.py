"""The live market: every event goes in by `apply`, every scan reads one `view`.

Owned by `engine.runtime`. Everything here runs on the event time that the venues stamp, so a replay comes to the same
state as the live run it records; no clock is read. Where nothing comes, the market's time goes on by the receive times
that it is told (`present_ms`): an event that does not come makes nothing old by itself. Books are kept by
`engine.market.books`; the state allocates their rows and notes their times, and is handed their columns for the view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np

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
from engine.market.view import Books, Ints, MarketView
from engine.timeframes import INTERVAL_MS

SKEW_MS: Final = 10_000
"""How far a stamp may lie ahead of its own receive time before it is not believed."""
_SKEW_NS: Final = SKEW_MS * 1_000_000
QUIET_MS: Final = 5_000
"""By so much the present stays behind the receive clock while nothing comes: far more than the delays of venues differ
by, so that it need not go back when one of them sends again."""
LEAD_MS: Final = 240_000
"""So far ahead of the newest event sums by second and minute are read: less than what their axes keep free, so that a
receive clock which leapt costs none of what they hold."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened to the events of this epoch."""

    events: int
    skewed: int
    """Stamps over 10 s ahead of their receive time; the receive time stands in, a bar or a fetched trade is not
    taken."""
    late_trades: int
    duplicate_trades: int
    unsized_trades: int
    late_liquidations: int
    implausible: int
    """Messages withheld for a price that nothing else agrees with."""
    other_intervals: int
    """Candles of an interval that is not kept."""


class MarketState:
    """All stores of the room, by row."""

    def __init__(self) -> None:
        self.epoch = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything and begin a new epoch; rows of before mean nothing any more."""
        self.epoch += 1
        self.at_ms = 0
        """Newest event time; 0 before the first event."""
        self._risen_ns = 0
        """Receive time of the event that made it so, nanoseconds."""
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
        """Take one event of `instrument`; gives its row, new with the instrument's first event."""
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
        """Take a listing: instruments that have a row are known better now; the others get none by it."""
        for instrument in instruments:
            row = self.universe.row(instrument.venue, instrument.symbol)
            if row is not None:
                self.universe.refine(row, instrument)

    def fill_trades(self, trades: Sequence[Trade], instrument: Instrument) -> bool:
        """Take trades of one instrument that were asked for, oldest first; True where they fill a break whole.

        Those stamped over 10 s ahead of their receive time are counted as skewed and left out.
        """
        row = self.universe.by_name.get((instrument.venue, instrument.symbol))
        if row is None:
            row = self._add(instrument)
        self.events += len(trades)
        # A clamped stamp would put a trade where it never was, and one left as it is would end the present for good.
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
        """Trades that never came though their connection stands, found since the last call; at receive time `recv_ms`.

        Each is marked like a break, of its instrument alone.
        """
        return self.tape.lost(recv_ms)

    def liquidations_stand(self, venue: str, symbol: str, at_ms: int) -> None:
        """The venue reports liquidations from now on, of one instrument or with "" of all, even if none comes."""
        self.liquidations.stands(venue, symbol, at_ms)

    def liquidations_fell(self, venue: str, symbols: Iterable[str]) -> None:
        """It does not any more, or some may have been missed."""
        self.liquidations.fell(venue, symbols)

    def dropped_trades(self, venue: str, symbol: str) -> None:
        """The trades of an instrument are not followed any more."""
        row = self.universe.by_name.get((venue, symbol))
        if row is not None:
            self.tape.dropped(row)

    def present_ms(self, recv_ms: int) -> int:
        """The market's time at receive time `recv_ms`: the newest event's, and past it by how long none has come.

        0 before the first event. Stays `QUIET_MS` behind, so it is the newest event's own while events come.
        """
        if not self.at_ms:
            return 0
        return self.at_ms + max(0, recv_ms - self._risen_ns // 1_000_000 - QUIET_MS)

    def summed_ms(self, at_ms: int) -> int:
        """As of when sums by second and minute are read for a present of `at_ms`."""
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

        Raises ValueError where they have not, and for a time over 300 s before the newest trade.
        """
        rows = self.universe.rows
        if len(books.updated_ms) != rows:
            raise ValueError(
                f"books have {len(books.updated_ms)} rows, the market has {rows}: pass the state's row count"
            )
        derivatives = self.derivatives.view(at_ms, books)
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
        """Whether a whole book is near what is known of its instrument; counted where it is not. One side is enough:
        of a market that nobody makes the other may be anywhere."""
        row = self.universe.by_name.get((event.venue, event.symbol))
        if row is None:
            return True
        best = [float(side[0][0]) for side in (event.bids, event.asks) if side]
        return self._is_quote_plausible(row, event, best)

    def _plausible_trades(self, row: int, trades: list[Trade]) -> list[Trade]:
        """Trades of one answer without those that are far from what is known and from the answer's own middle: after a
        break, the market may be elsewhere."""
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

    def _is_quote_plausible(self, row: int, event: Quote | BookSnapshot, best: list[float]) -> bool:
        """Whether one of the best prices is believed."""
        takes, recv_ms = self.plausible.takes, event.recv_ns // 1_000_000
        if not best or any(takes(row, price, recv_ms, QUOTED) for price in best if price == price):
            return True
        if all(price != price for price in best):
            return True
        self.plausible.withhold(event.venue, event.symbol, row, next(price for price in best if price == price))
        return False

    def _quote(self, row: int, quote: Quote) -> None:
        if self._is_quote_plausible(row, quote, [quote.bid, quote.ask]):
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
            # A forming bar of the future would hide every real one until then.
            self.skewed += 1
            return
        # Bars of the past were at prices of the past.
        is_present = candle.open_ms + 2 * candle.interval_ms >= self.at_ms
        if is_present and not self.plausible.takes(row, candle.close, candle.recv_ns // 1_000_000, TRADED):
            self.plausible.withhold(candle.venue, candle.symbol, row, candle.close)
            return
        if candle.closed:
            end_ms = candle.open_ms + candle.interval_ms
            if end_ms * 1_000_000 > candle.recv_ns + SKEW_MS * 1_000_000:
                self.skewed += 1
                return
            # a closed bar proves that its end has come, whatever the message is stamped
            self._rise(end_ms, candle.recv_ns)
            self._newest_ms[row] = max(self._newest_ms[row], end_ms)
            self.derivatives.traded(row, candle.close, end_ms)
        self.candles.apply(row, candle)

    def _book(self, row: int, event: BookSnapshot | BookDelta) -> None:
        """Books are kept elsewhere; here they only have a row and a time."""

    def _volume_24h_usd(self, row: int) -> float:
        return self.derivatives.volume_24h_usd_of(row, self.at_ms)
