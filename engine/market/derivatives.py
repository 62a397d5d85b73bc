"""Reference prices, quotes, funding, open interest, ratios and 24 h statistics of all rows.

Filled by `engine.market.state`. NaN in an event's field means that the message did not carry it, so the known value
stays; a message older than the known value changes nothing but histories. A settled funding rate is only what a venue
reported as settled: the last estimate before a settlement is never taken for one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.events import NAN, Funding, MarkPrice, OpenInterest, Quote, Ratio, RatioKind, Ticker
from engine.market.candles import DAY_MS, HOUR_MS, CandleStore
from engine.market.history import History
from engine.market.open_interest import OpenInterestStore
from engine.market.universe import Universe
from engine.market.view import Books, Derivatives

HISTORY: Final = 96
RATIO_KINDS: Final[tuple[RatioKind, ...]] = ("accounts", "top_accounts", "top_positions", "taker_volume")
TICKER_FRESH_MS: Final = HOUR_MS
"""How long a ticker's 24 h volume is preferred to the sum of the candles."""
TICKER_OPEN_FRESH_MS: Final = 300_000
"""How long a ticker's price of 24 h ago is used if the bars do not reach back; an older one is of another instant."""


class DerivativesStore:
    """One list per column, by row: plain lists are the fastest to write one number into, and are read once a scan."""

    def __init__(self, universe: Universe, candles: CandleStore) -> None:
        self._universe = universe
        self._candles = candles
        self.open_interest = OpenInterestStore(universe, candles)
        self._funding = History(HISTORY)
        self._ratios = History(HISTORY, series=len(RATIO_KINDS))
        self._series = {kind: i for i, kind in enumerate(RATIO_KINDS)}
        self.last: list[float] = []
        self.last_ms: list[int] = []
        self._bid: list[float] = []
        self._ask: list[float] = []
        self._quote_ms: list[int] = []
        self._mark: list[float] = []
        self._index: list[float] = []
        self._mark_ms: list[int] = []
        self._rate: list[float] = []
        self._interval: list[float] = []
        self._next: list[int] = []
        self._funding_ms: list[int] = []
        self._ticker_ms: list[int] = []
        self._open_24h: list[float] = []
        self._volume: list[float] = []
        self._volume_ms: list[int] = []

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        for prices in (self.last, self._bid, self._ask, self._mark, self._index):
            prices.append(NAN)
        for figures in (self._rate, self._interval, self._open_24h, self._volume):
            figures.append(NAN)
        for times in (self.last_ms, self._quote_ms, self._mark_ms, self._next, self._funding_ms, self._ticker_ms):
            times.append(-1)
        self._volume_ms.append(-1)
        self._funding.add_row(self._universe.capacity)
        self._ratios.add_row(self._universe.capacity)
        self.open_interest.add_row()

    def traded(self, row: int, price: float, ts_ms: int) -> None:
        """A price at which the row traded, from a trade, ticker or candle; the newest is kept."""
        if ts_ms >= self.last_ms[row] and price > 0.0:
            self.last[row] = price
            self.last_ms[row] = ts_ms

    def quote(self, row: int, event: Quote) -> None:
        """Best bid and ask. Here a NaN side does replace the known price: that side of the book is empty."""
        if event.ts_ms >= self._quote_ms[row]:
            self._bid[row] = event.bid
            self._ask[row] = event.ask
            self._quote_ms[row] = event.ts_ms

    def mark(self, row: int, event: MarkPrice) -> None:
        """Mark and index price."""
        if event.ts_ms < self._mark_ms[row]:
            return
        if event.mark == event.mark:
            self._mark[row] = event.mark
            self._mark_ms[row] = event.ts_ms
        if event.index == event.index:
            self._index[row] = event.index

    def funding(self, row: int, event: Funding) -> None:
        """The running estimate, or a settlement of the past."""
        if event.settled:
            if event.rate_frac == event.rate_frac:
                self._funding.put(row, event.ts_ms, event.rate_frac)
            return
        if event.ts_ms < self._funding_ms[row]:
            return
        if event.rate_frac == event.rate_frac:
            self._rate[row] = event.rate_frac
            self._funding_ms[row] = event.ts_ms
        if event.next_ms is not None:
            self._next[row] = event.next_ms
        if event.interval_h is not None:
            self._interval[row] = event.interval_h

    def next_funding_ms(self, row: int) -> int:
        """The next settlement that the venue has named; -1: it has named none."""
        return self._next[row]

    def settled_ms(self, row: int) -> int:
        """Time of the newest settled funding rate; -1: none is known."""
        return int(self._funding.times[row, 0, -1])

    def interest(self, row: int, event: OpenInterest) -> None:
        """Open interest, now or of the past."""
        mark = self._mark[row]
        mark_ms = self._mark_ms[row]
        if mark != mark:
            mark, mark_ms = self.last[row], self.last_ms[row]
        self.open_interest.apply(row, event, mark, mark_ms, self.last[row], self.last_ms[row])

    def ratio(self, row: int, event: Ratio) -> None:
        """A long/short or taker ratio, now or of the past."""
        if event.value == event.value:
            self._ratios.put(row, event.ts_ms, event.value, self._series[event.kind])

    def ticker(self, row: int, event: Ticker) -> None:
        """Rolling 24 h statistics. If no quote volume is sent, the base volume is valued at the last price."""
        if event.last == event.last:
            self.traded(row, event.last, event.ts_ms)
        if event.ts_ms < self._ticker_ms[row]:
            return
        self._ticker_ms[row] = event.ts_ms
        if event.open_24h == event.open_24h:
            self._open_24h[row] = event.open_24h
        if not self._universe.in_usd[row]:
            return
        volume = event.volume_24h_quote
        if volume != volume:
            volume = event.volume_24h_base * self.last[row]
        if volume == volume:
            self._volume[row] = volume
            self._volume_ms[row] = event.ts_ms

    def volume_24h_usd_of(self, row: int, at_ms: int) -> float:
        """Dollars, one row: a fresh ticker's, else the sum of the candles, else an older ticker's; NaN if unknown."""
        stated = self._volume[row]
        if stated == stated and at_ms - self._volume_ms[row] <= TICKER_FRESH_MS:
            return stated
        summed = self._candles.volume_24h_usd_of(row, at_ms)
        return summed if summed == summed else stated

    def view(self, at_ms: int, newest_ms: int, books: Books) -> Derivatives:
        """All columns at `at_ms`; `newest_ms` is the time of the newest event. Quotes are the synced book's if there is
        one, else the quote feed's."""
        last, last_ms, mark = _floats(self.last), _ints(self.last_ms), _floats(self._mark)
        proven = books.updated_ms >= 0
        volume, source = self._volumes(at_ms)
        interest = self.open_interest.view(at_ms, newest_ms, np.where(np.isnan(mark), last, mark))
        rows = self._universe.rows
        settled, settled_ms = self._funding.frozen(rows)
        return Derivatives(
            last=last,
            last_ms=last_ms,
            bid=np.where(proven, books.bid[:, 0], _floats(self._bid)),
            ask=np.where(proven, books.ask[:, 0], _floats(self._ask)),
            quote_ms=np.where(proven, books.updated_ms, _ints(self._quote_ms)),
            mark=mark,
            index=_floats(self._index),
            mark_ms=_ints(self._mark_ms),
            funding_frac=_floats(self._rate),
            funding_interval_h=self._intervals(),
            next_funding_ms=_ints(self._next),
            funding_ms=_ints(self._funding_ms),
            funding_history=settled,
            funding_history_ms=settled_ms,
            open_interest_usd=interest.usd,
            open_interest_ms=interest.ms,
            oi_history_usd=interest.history_usd,
            oi_history_close=interest.history_close,
            ratios=self._ratios.values[:rows],
            ratios_ms=self._ratios.times[:rows, :, -1].copy(),
            volume_24h_usd=volume,
            volume_24h_source=source,
            change_1h_frac=self._candles.change(HOUR_MS, at_ms, last, last_ms),
            change_24h_frac=self._change_24h(at_ms, last, last_ms),
            oi_change_1h_frac=interest.change_1h_frac,
        )

    def volumes(self, at_ms: int) -> Floats:
        """`[rows]` trailing 24 h volume in dollars, by the rule of `volume_24h_usd_of`."""
        return self._volumes(at_ms)[0]

    def _volumes(self, at_ms: int) -> tuple[Floats, tuple[str, ...]]:
        stated = _floats(self._volume)
        summed = self._candles.volume_24h_usd(at_ms)
        fresh = at_ms - _ints(self._volume_ms) <= TICKER_FRESH_MS
        from_ticker = ~np.isnan(stated) & (fresh | np.isnan(summed))
        volume = np.where(from_ticker, stated, summed)
        source = np.where(from_ticker, "ticker", np.where(np.isnan(summed), "", "candles"))
        return volume, tuple(source.tolist())

    def _change_24h(self, at_ms: int, last: Floats, last_ms: Ints) -> Floats:
        from_bars = self._candles.change(DAY_MS, at_ms, last, last_ms)
        opened = _floats(self._open_24h)
        usable = (opened > 0) & (at_ms - _ints(self._ticker_ms) <= TICKER_OPEN_FRESH_MS)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(np.isnan(from_bars) & usable, last / opened - 1.0, from_bars)

    def _intervals(self) -> Floats:
        """Hours between settlements: from the feed, else from the listing."""
        listed = [NAN if i.funding_interval_h is None else i.funding_interval_h for i in self._universe.frozen()]
        said = _floats(self._interval)
        return np.where(np.isnan(said), _floats(listed), said)


def _floats(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
