"""Trades as they come: aggressive flow by second, large trades, volume buckets, and the last prints of each row.

Filled by `engine.market.state` for every trade of every symbol, so `apply` is the hottest path of the room: plain
indexing of preallocated memory, no allocation. Seconds are of event time; a late trade goes to its own second, and
one from before the axis is counted in `late` and otherwise left out of the sums.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from engine.events import NAN, Trade
from engine.market.grid import Grid
from engine.market.universe import Universe
from engine.market.view import Tape
from engine.market.volume_buckets import VolumeBuckets

Floats = NDArray[np.float64]

SECONDS: Final = 900
SLACK_S: Final = 300
RECENT: Final = 200
IDS: Final = 2_000
"""Trade ids remembered by row: after a break the venue is asked for its last 1,000 trades, some of which were had."""
SAMPLE: Final = 2000
"""Trades of a symbol's own past against which a trade is large."""
SAMPLE_MIN: Final = 200
LARGE_QUANTILE: Final = 0.99

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
        """Trades whose id is among the last `IDS` of the same row: sent again, or by two connections."""
        self.unsized = 0
        """Trades without a known size; they move the last price only."""
        self.since_ms: list[int] = []
        self.newest_ms: list[int] = []
        self.large_usd: list[float] = []
        self._recent: list[deque[Trade]] = []
        self._ids: list[dict[str, None]] = []
        self._broken: dict[int, tuple[int, int]] = {}
        """By interrupted row, `since_ms` and `newest_ms` before the break."""
        self._checked: list[int] = []
        self._seen: list[int] = []
        self._sample: Floats = np.zeros((0, SAMPLE))
        self._bind()

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        capacity = self._universe.capacity
        self.buckets.add_row(capacity)
        self._grid.reserve(self._universe.rows, capacity)
        if capacity > len(self._sample):
            sample = np.zeros((capacity, SAMPLE))
            sample[: len(self._sample)] = self._sample
            self._sample = sample
            self._bind()
        self.since_ms.append(-1)
        self.newest_ms.append(-1)
        self.large_usd.append(NAN)
        self._recent.append(deque(maxlen=RECENT))
        self._ids.append({})
        self._checked.append(-1)
        self._seen.append(0)

    def apply(self, row: int, trade: Trade) -> None:
        """Take one trade."""
        trade_id = trade.trade_id
        if trade_id:
            ids = self._ids[row]
            if trade_id in ids:
                self.duplicates += 1
                return
            ids[trade_id] = None
            if len(ids) > IDS:
                del ids[next(iter(ids))]
        self._recent[row].appendleft(trade)
        ts_ms = trade.ts_ms
        if ts_ms > self.newest_ms[row]:
            self.newest_ms[row] = ts_ms
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

    def recent(self, row: int) -> tuple[Trade, ...]:
        """200 trades of a row, newest first: the last to arrive, which after a break is filled are not the newest."""
        return tuple(sorted(self._recent[row], key=lambda trade: -trade.ts_ms))

    def interrupted(self, rows: Iterable[int]) -> None:
        """Trades of these rows may have been missed: `since_ms` starts again at the next one."""
        for row in rows:
            if self.since_ms[row] >= 0:
                # A hole before this stretch that was never filled stays where it is: the stretch begins after it.
                self._broken[row] = (self.since_ms[row], self.newest_ms[row])
            self.since_ms[row] = -1

    def dropped(self, row: int) -> None:
        """Trades of a row are not followed any more: what comes later, if anything does, is a new beginning."""
        self._broken.pop(row, None)
        self.since_ms[row] = -1

    def fill(self, row: int, trades: Sequence[Trade]) -> bool:
        """Take trades that were asked for after a break, oldest first; True where they prove that none is missing.

        They do where they begin with one that was had before the break and reach the first that came after it. A
        proven row stands as if there had been no break. `trades` are of one row.
        """
        broken, resumed = self._broken.get(row), self.since_ms[row]
        ids = self._ids[row]
        known = broken is not None and any(
            trade.ts_ms <= broken[1] and trade.trade_id and trade.trade_id in ids for trade in trades
        )
        reaches = bool(trades) and (resumed < 0 or max(trade.ts_ms for trade in trades) >= resumed)
        for trade in trades:
            self.apply(row, trade)
        if broken is None or not known:
            return False
        if not reaches:
            # The rest comes with the next page, which begins with the last trade of this one.
            self._broken[row] = (broken[0], max(trade.ts_ms for trade in trades))
            return False
        self.since_ms[row] = broken[0]
        del self._broken[row]
        return True

    def view(self, at_ms: int) -> Tape:
        """The last 900 s up to and with the second of `at_ms`. ValueError where that lies 300 s before the newest."""
        rows = self._universe.rows
        values, counts = self._grid.window(at_ms // 1000, rows)
        return Tape(
            buy_usd=values[BUY],
            sell_usd=values[SELL],
            trades=counts[TRADES],
            buys=counts[BUYS],
            since_ms=np.array(self.since_ms, dtype=np.int64),
            newest_ms=np.array(self.newest_ms, dtype=np.int64),
            large_usd=np.array(self.large_usd, dtype=np.float64),
            large_buy_usd=values[LARGE_BUY],
            large_sell_usd=values[LARGE_SELL],
            bucket_imbalance=self.buckets.imbalance[:rows],
            vpin_history=self.buckets.vpin[:rows],
            buckets=np.array(self.buckets.full, dtype=np.int64),
            revision=np.array(self._seen, dtype=np.int64),
        )

    def _check(self, row: int, second: int) -> None:
        """Set what counts as large from the trades before this second."""
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
