"""The tape: taker flow by second, large trades, volume buckets, and the last prints of each row.

Filled by `engine.market.state` for every trade of every symbol, so `apply` is the hottest path here: plain indexing of
preallocated memory, no allocation. Seconds are of event time; a late trade goes to its own second, and one from before
the axis is counted in `late` and left out of the sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, cast

import msgspec
import numpy as np

from engine.arrays import Floats
from engine.events import NAN, Trade
from engine.market.grid import Grid
from engine.market.known_ids import KnownIds
from engine.market.prints import Prints
from engine.market.trade_numbers import Hole, TradeNumbers
from engine.market.universe import Universe
from engine.market.view import Tape
from engine.market.volume_buckets import VolumeBuckets

SECONDS: Final = 900
SLACK_S: Final = 300
SAMPLE: Final = 2000
"""A symbol's newest trades, from which the size of a large trade is computed."""
SAMPLE_MIN: Final = 200
LARGE_QUANTILE: Final = 0.99
TOGETHER_MS: Final = 30_000
"""Gaps this close together are fetched and filled as one."""

BUY, SELL, LARGE_BUY, LARGE_SELL = range(4)
TRADES, BUYS = range(2)


def quantile(sample: Floats, q: float) -> float:
    """The q-quantile by linear interpolation between order statistics, as `numpy.quantile` does, in one partition."""
    place = q * (len(sample) - 1)
    low = math.floor(place)
    parted = np.partition(sample, low)
    at_low = float(parted[low])
    if low == place:
        return at_low
    return at_low + (float(parted[low + 1 :].min()) - at_low) * (place - low)


class Lost(msgspec.Struct, frozen=True, gc=False):
    """Trades of a row that are missing although its connection was up."""

    row: int
    holes: int
    since_ms: int
    """Event times between which they are missing; both -1 if they need not be fetched, since a later break or the start
    of the tape hides them."""
    until_ms: int


class TapeStore:
    """The tape of all rows."""

    def __init__(self, universe: Universe, volume_24h_usd: Callable[[int], float]) -> None:
        self._universe = universe
        self._grid = Grid(SECONDS, SLACK_S, values=4, counts=2)
        self._cells = self._grid.columns
        self.buckets = VolumeBuckets(volume_24h_usd)
        self.late = 0
        """Trades older than the axis."""
        self.duplicates = 0
        """Trades whose id or number the row already had: sent again, or by two connections."""
        self.unsized = 0
        """Trades without a known size; they move the last price only."""
        self.since_ms: list[int] = []
        self.newest_ms: list[int] = []
        self._in_book_ms: list[int] = []
        self.large_usd: list[float] = []
        self.prints = Prints()
        self._ids = KnownIds()
        self._broken: dict[int, tuple[int, int]] = {}
        """By interrupted row, `since_ms` and `newest_ms` before the break."""
        self.numbers = TradeNumbers()
        self._newest_number = self.numbers.newest
        self._holes: dict[int, list[Hole]] = {}
        """By row, the gaps that make up its current break."""
        self._lost: list[Lost] = []
        """Gaps that a break of the connection ended before `lost` returned them."""
        self._checked: list[int] = []
        self._seen: list[int] = []
        self._sample: Floats = np.zeros((0, SAMPLE))
        self._bind()

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        capacity = self._universe.capacity
        self.buckets.add_row(capacity)
        self._ids.add_row(capacity)
        self.prints.add_row(capacity)
        self._grid.reserve(self._universe.rows, capacity)
        if capacity > len(self._sample):
            sample, held = np.zeros((capacity, SAMPLE)), [row for row, seen in enumerate(self._seen) if seen]
            sample[held] = self._sample[held]
            self._sample = sample
            self._bind()
        self.since_ms.append(-1)
        self.newest_ms.append(-1)
        self._in_book_ms.append(-1)
        self.large_usd.append(NAN)
        self.numbers.add_row()
        self._checked.append(-1)
        self._seen.append(0)

    def apply(self, row: int, trade: Trade) -> None:
        """Take one trade."""
        number = trade.number
        if number >= 0:
            if number - trade.joined == self._newest_number[row]:
                self._newest_number[row] = number
            else:
                self.numbers.jumped(row, trade, self.newest_ms[row])
        trade_id = trade.trade_id
        if trade_id and not self._ids.take(row, trade_id):
            self.duplicates += 1
            return
        ts_ms = trade.ts_ms
        self.prints.put(row, ts_ms, trade.price, trade.size, trade.taker_buy)
        if ts_ms > self.newest_ms[row]:
            self.newest_ms[row] = ts_ms
        if trade.in_book and ts_ms > self._in_book_ms[row]:
            self._in_book_ms[row] = ts_ms
        notional = trade.price * trade.size
        if not notional >= 0.0:
            self.unsized += 1
            return
        if not self._universe.in_usd[row]:
            return
        second = ts_ms // 1000
        column = self._grid.column(second)
        if column < 0:
            self.late += 1
            return
        if self.since_ms[row] < 0:
            self.since_ms[row] = ts_ms
        if second > self._checked[row]:
            self._check(row, second)
        cell = row * self._cells + column
        buy = trade.taker_buy
        self._trades[cell] += 1
        if buy:
            self._buys[cell] += 1
            self._buy[cell] += notional
            if notional >= self.large_usd[row]:
                self._large_buy[cell] += notional
        else:
            self._sell[cell] += notional
            if notional >= self.large_usd[row]:
                self._large_sell[cell] += notional
        seen = self._seen[row]
        self._notionals[row * SAMPLE + seen % SAMPLE] = notional
        self._seen[row] = seen + 1
        self.buckets.apply(row, notional, buy)

    def interrupted(self, rows: Iterable[int]) -> None:
        """Trades of these rows may have been missed: `since_ms` starts again at the next one."""
        for row in rows:
            lost = self.numbers.broke(row)
            if lost:
                self._mark(row, lost)
                self._lost.append(Lost(row, len(lost), -1, -1))
            self._holes.pop(row, None)
            if self.since_ms[row] >= 0:
                # An earlier break that was never filled stays outside: this stretch begins after it.
                self._broken[row] = (self.since_ms[row], self.newest_ms[row])
            self.since_ms[row] = -1

    def dropped(self, row: int) -> None:
        """The row's trade subscription ended: a later trade begins a new stretch."""
        self._broken.pop(row, None)
        self._holes.pop(row, None)
        self.numbers.forget(row)
        self.since_ms[row] = -1

    def lost(self, recv_ms: int) -> list[Lost]:
        """Trades found missing since the last call, at receive time `recv_ms`; each row is marked as after a break."""
        found, self._lost = self._lost, []
        for row, holes in self.numbers.settle(recv_ms):
            is_marked = self._mark(row, holes)
            if is_marked:
                self._holes.setdefault(row, []).extend(holes)
            span = (self._broken[row][1], self.since_ms[row]) if is_marked else (-1, -1)
            found.append(Lost(row, len(holes), *span))
        return found

    def _mark(self, row: int, holes: Sequence[Hole]) -> bool:
        """Let a row's tape begin after its gaps; False if it does already."""
        since, before_ms = self.since_ms[row], min(hole.before_ms for hole in holes)
        if not 0 <= since <= before_ms:
            return False
        broken = self._broken.get(row)
        if broken is None or row not in self._holes or before_ms - broken[1] > TOGETHER_MS:
            self._broken[row] = (since, before_ms)
            self._holes.pop(row, None)
        self.since_ms[row] = max(before_ms, *(hole.after_ms for hole in holes))
        return True

    def fill(self, row: int, trades: Sequence[Trade]) -> bool:
        """Take trades fetched after a break, oldest first; True if they prove that none is missing.

        They do if they include one that was received before the break and reach the first received after it. The row
        then continues as if there had been no break. `trades` are of one row.
        """
        broken, resumed = self._broken.get(row), self.since_ms[row]
        known = broken is not None and any(
            trade.ts_ms <= broken[1] and trade.trade_id and self._ids.knows(row, trade.trade_id) for trade in trades
        )
        newest_ms = max((trade.ts_ms for trade in trades), default=-1)
        # If no trade has come since the break, the response must at least reach the newest trade before it.
        reaches = bool(trades) and newest_ms >= (resumed if resumed >= 0 or broken is None else broken[1])
        self._apply_missing(row, trades)
        if broken is None:
            return False
        # A response that does not close the break must not move the start of the tape.
        self.since_ms[row] = resumed
        if not known:
            return False
        if not reaches:
            # The next page has the rest, and begins with the last trade of this one.
            self._broken[row] = (broken[0], newest_ms)
            return False
        self.since_ms[row] = broken[0]
        del self._broken[row]
        if resumed < 0 and trades[-1].number >= 0:
            # If the connection was open but silent, its next number need not follow on the end of the response.
            self.numbers.told(row, trades[0].number, trades[-1].number)
        if self._holes.pop(row, None):
            self.numbers.proved_false(row)
        return True

    def _apply_missing(self, row: int, trades: Sequence[Trade]) -> None:
        """Take the trades of a response that did not come on the stream. A stream may join trades that a response lists
        one by one, so duplicates are recognised by number as well as by id."""
        newest_ms, holes = self.newest_ms[row], self._holes.get(row)
        for trade in trades:
            number = trade.number
            if number < 0:
                self.apply(row, trade)
                continue
            if trade.ts_ms <= newest_ms and self.numbers.came(row, number):
                self.duplicates += 1
                continue
            if holes and any(hole.first <= number <= hole.last for hole in holes):
                holes = self._holes[row] = []
            # Without its number, so that it does not advance the stream's sequence.
            self.apply(row, msgspec.structs.replace(trade, number=-1))

    def view(self, at_ms: int) -> Tape:
        """The last 900 s, up to and including that of `at_ms`. May raise ValueError over 300 s before the newest."""
        rows = self._universe.rows
        values, counts = self._grid.window(at_ms // 1000, rows)
        return Tape(
            buy_usd=values[BUY],
            sell_usd=values[SELL],
            trades=counts[TRADES],
            buys=counts[BUYS],
            since_ms=np.array(self.since_ms, dtype=np.int64),
            newest_ms=np.array(self.newest_ms, dtype=np.int64),
            in_book_ms=np.array(self._in_book_ms, dtype=np.int64),
            large_usd=np.array(self.large_usd, dtype=np.float64),
            large_buy_usd=values[LARGE_BUY],
            large_sell_usd=values[LARGE_SELL],
            bucket_imbalance=self.buckets.imbalance[:rows],
            vpin_history=self.buckets.vpin[:rows],
            buckets=np.array(self.buckets.full, dtype=np.int64),
            revision=np.array(self._seen, dtype=np.int64),
        )

    def _check(self, row: int, second: int) -> None:
        """Set the size of a large trade from the trades before this second."""
        self._checked[row] = second
        self.buckets.reopen(row)
        seen = self._seen[row]
        if seen >= SAMPLE_MIN:
            self.large_usd[row] = quantile(self._sample[row, : min(seen, SAMPLE)], LARGE_QUANTILE)

    def _bind(self) -> None:
        # a memoryview reads and writes one number several times faster than an array does
        self._buy, self._sell, self._large_buy, self._large_sell = (_flat(field) for field in self._grid.values)
        self._trades, self._buys = (field.reshape(-1).data for field in self._grid.counts)
        self._notionals = _flat(self._sample)


def _flat(array: Floats) -> memoryview[float]:
    # numpy's stubs call every buffer one of int
    return cast("memoryview[float]", array.reshape(-1).data)
