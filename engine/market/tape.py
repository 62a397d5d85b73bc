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

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.events import NAN, Trade
from engine.market.grid import Grid
from engine.market.known_ids import KnownIds
from engine.market.trade_numbers import Hole, TradeNumbers
from engine.market.universe import Universe
from engine.market.view import Tape
from engine.market.volume_buckets import VolumeBuckets

Floats = NDArray[np.float64]

SECONDS: Final = 900
SLACK_S: Final = 300
RECENT: Final = 200
SAMPLE: Final = 2000
"""Trades of a symbol's own past against which a trade is large."""
SAMPLE_MIN: Final = 200
LARGE_QUANTILE: Final = 0.99
TOGETHER_MS: Final = 30_000
"""Holes that follow one another so closely are asked for, and healed, as one."""

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
    """Trades of a row that never came though its connection stood."""

    row: int
    holes: int
    since_ms: int
    """Event times between which they are missing; both -1 where they need not be asked for, since a break that came
    after them, or the tape's beginning, hides them."""
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
        """Trades whose id is known of the same row: sent again, or by two connections."""
        self.unsized = 0
        """Trades without a known size; they move the last price only."""
        self.since_ms: list[int] = []
        self.newest_ms: list[int] = []
        self.large_usd: list[float] = []
        self._recent: list[deque[Trade]] = []
        self._ids = KnownIds()
        self._broken: dict[int, tuple[int, int]] = {}
        """By interrupted row, `since_ms` and `newest_ms` before the break."""
        self.numbers = TradeNumbers()
        self._newest_number = self.numbers.newest
        self._holes: dict[int, list[Hole]] = {}
        """By row, the holes that the present break of it consists of."""
        self._lost: list[Lost] = []
        """Holes that a break of the connection came upon before they were handed over."""
        self._checked: list[int] = []
        self._seen: list[int] = []
        self._sample: Floats = np.zeros((0, SAMPLE))
        self._bind()

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        capacity = self._universe.capacity
        self.buckets.add_row(capacity)
        self._ids.add_row(capacity)
        self._grid.reserve(self._universe.rows, capacity)
        if capacity > len(self._sample):
            sample, held = np.zeros((capacity, SAMPLE)), [row for row, seen in enumerate(self._seen) if seen]
            sample[held] = self._sample[held]
            self._sample = sample
            self._bind()
        self.since_ms.append(-1)
        self.newest_ms.append(-1)
        self.large_usd.append(NAN)
        self._recent.append(deque(maxlen=RECENT))
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
            lost = self.numbers.broke(row)
            if lost:
                self._mark(row, lost)
                self._lost.append(Lost(row, len(lost), -1, -1))
            self._holes.pop(row, None)
            if self.since_ms[row] >= 0:
                # A hole before this stretch that was never filled stays where it is: the stretch begins after it.
                self._broken[row] = (self.since_ms[row], self.newest_ms[row])
            self.since_ms[row] = -1

    def dropped(self, row: int) -> None:
        """Trades of a row are not followed any more: what comes later, if anything does, is a new beginning."""
        self._broken.pop(row, None)
        self._holes.pop(row, None)
        self.numbers.forget(row)
        self.since_ms[row] = -1

    def lost(self, recv_ms: int) -> list[Lost]:
        """What was found missing since the last call, at receive time `recv_ms`; each is marked like a break."""
        found, self._lost = self._lost, []
        for row, holes in self.numbers.settle(recv_ms):
            is_marked = self._mark(row, holes)
            if is_marked:
                self._holes.setdefault(row, []).extend(holes)
            span = (self._broken[row][1], self.since_ms[row]) if is_marked else (-1, -1)
            found.append(Lost(row, len(holes), *span))
        return found

    def _mark(self, row: int, holes: Sequence[Hole]) -> bool:
        """Let a row begin after its holes; False where it does so anyway."""
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
        """Take trades that were asked for after a break, oldest first; True where they prove that none is missing.

        They do where they begin with one that was had before the break and reach the first that came after it. A
        proven row stands as if there had been no break. `trades` are of one row.
        """
        broken, resumed = self._broken.get(row), self.since_ms[row]
        known = broken is not None and any(
            trade.ts_ms <= broken[1] and trade.trade_id and self._ids.knows(row, trade.trade_id) for trade in trades
        )
        newest_ms = max((trade.ts_ms for trade in trades), default=-1)
        # Of a row that is still quiet, an answer from before the break would end before what was had.
        reaches = bool(trades) and newest_ms >= (resumed if resumed >= 0 or broken is None else broken[1])
        self._apply_missing(row, trades)
        if broken is None:
            return False
        # Trades of an answer that proves nothing begin nothing either.
        self.since_ms[row] = resumed
        if not known:
            return False
        if not reaches:
            # The rest comes with the next page, which begins with the last trade of this one.
            self._broken[row] = (broken[0], newest_ms)
            return False
        self.since_ms[row] = broken[0]
        del self._broken[row]
        if resumed < 0 and trades[-1].number >= 0:
            # What the connection brings next, if it stood open and mute, need not begin where the answer ends.
            self.numbers.told(row, trades[0].number, trades[-1].number)
        if self._holes.pop(row, None):
            self.numbers.proved_false(row)
        return True

    def _apply_missing(self, row: int, trades: Sequence[Trade]) -> None:
        """Take of an answer what did not come on the stream. A stream may join what an answer tells one by one, so what
        was had is known by its number too."""
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
            # It says nothing of what the stream has come to.
            self.apply(row, msgspec.structs.replace(trade, number=-1))

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
