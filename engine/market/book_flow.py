"""Activity at the top of one book: sizes added and removed, refills of the best quotes, imbalance, microprice.

Fed by `engine.market.book` with every applied message and by `engine.market.books` with trades; read by
`engine.market.book_columns`. All in venue units and event time, over the last minute in slots of one second. It costs
a few additions a message, so it runs for every book.

Removed size is not cancelled size: trades remove too. `book_columns` subtracts the traded notional of the same second
and side.
"""

from __future__ import annotations

from math import exp2
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.market.book_side import Side

TOP_LEVELS: Final = 10
"""Levels a side that count as the top of the book, as of the newest sample."""
SECONDS: Final = 60
HALF_LIFE_MS: Final = 10_000
"""Of the time-weighted imbalance."""
SAMPLE_MS: Final = 250
"""Least event time between two samples of the imbalance; books change far more often than a half-life of 10 s shows."""
REFILL_MS: Final = 1_000
"""A best quote taken counts as refilled when the price is quoted again within this time."""
TAKEN_WITHIN_MS: Final = 500
"""A best quote that vanished was taken if a trade on its side came this shortly before."""

NAN: Final = float("nan")


class BookFlow:
    """One minute of activity at the top of a book."""

    __slots__ = (
        "added_asks",
        "added_bids",
        "best_ask",
        "best_bid",
        "drift",
        "imbalance",
        "imbalance_ema",
        "last_buy_ms",
        "last_sell_ms",
        "least_bid",
        "most_ask",
        "pending",
        "removed_asks",
        "removed_bids",
        "sampled_ms",
        "second",
        "takes",
    )

    def __init__(self) -> None:
        self.second = -1
        """Newest second written, event time / 1000; the rings below end at it."""
        self.added_bids = [0.0] * SECONDS
        self.removed_bids = [0.0] * SECONDS
        self.added_asks = [0.0] * SECONDS
        self.removed_asks = [0.0] * SECONDS
        self.drift = [NAN] * SECONDS
        """Last (microprice - mid) / mid of each second, basis points."""
        self.takes: list[tuple[int, int, bool]] = []
        """(event ms, 0 bid or 1 ask, refilled) of the last minute."""
        self.pending: list[tuple[int, float] | None] = [None, None]
        self.best_bid = NAN
        self.best_ask = NAN
        self.imbalance = NAN
        self.imbalance_ema = NAN
        self.sampled_ms = -1
        self.last_buy_ms = -1
        self.last_sell_ms = -1
        self.least_bid = 0.0
        """Lowest bid and highest ask that count as the top; before the first sample, everything does."""
        self.most_ask = float("inf")

    def traded(self, ts_ms: int, taker_buy: bool) -> None:
        """Remember when each side was last hit."""
        if taker_buy:
            self.last_buy_ms = ts_ms
        else:
            self.last_sell_ms = ts_ms

    def changed_bids(self, ts_ms: int, added: float, removed: float) -> None:
        slot = self._slot(ts_ms)
        self.added_bids[slot] += added
        self.removed_bids[slot] += removed

    def changed_asks(self, ts_ms: int, added: float, removed: float) -> None:
        slot = self._slot(ts_ms)
        self.added_asks[slot] += added
        self.removed_asks[slot] += removed

    def observe(self, ts_ms: int, bids: Side, asks: Side) -> None:
        """Measure the book after a message."""
        best_bid, best_ask = bids.highest(), asks.lowest()
        if best_bid is None or best_ask is None:
            return
        if best_bid != self.best_bid:
            hit = ts_ms - self.last_sell_ms <= TAKEN_WITHIN_MS
            self._best_moved(0, ts_ms, best_bid < self.best_bid, best_bid >= self._pending_price(0), hit, self.best_bid)
            self.best_bid = best_bid
        if best_ask != self.best_ask:
            hit = ts_ms - self.last_buy_ms <= TAKEN_WITHIN_MS
            self._best_moved(1, ts_ms, best_ask > self.best_ask, best_ask <= self._pending_price(1), hit, self.best_ask)
            self.best_ask = best_ask
        if ts_ms - self.sampled_ms >= SAMPLE_MS:
            self._sample(ts_ms, bids, asks)

    def refills(self, at_ms: int) -> tuple[float, float]:
        """(refilled - not refilled) / takes of the best bid and best ask over the last minute; NaN: none taken."""
        if not self.takes and self.pending[0] is None and self.pending[1] is None:
            return NAN, NAN
        self._expire(at_ms)
        result = []
        for side in (0, 1):
            outcomes = [refilled for _, taken_side, refilled in self.takes if taken_side == side]
            result.append(NAN if not outcomes else (2 * sum(outcomes) - len(outcomes)) / len(outcomes))
        return result[0], result[1]

    def minute(self, ring: list[float], at_ms: int, empty: float) -> list[float]:
        """A ring in order of time, newest second last, as of `at_ms`; seconds without a message hold `empty`."""
        behind = at_ms // 1000 - self.second
        if self.second < 0 or behind >= SECONDS:
            return [empty] * SECONDS
        start = (self.second + 1) % SECONDS
        ordered = ring[start:] + ring[:start]
        return ordered[behind:] + [empty] * behind if behind > 0 else ordered

    def _slot(self, ts_ms: int) -> int:
        second = ts_ms // 1000
        if second > self.second:
            first = max(self.second + 1, second - SECONDS + 1)
            for passed in range(first, second + 1):
                slot = passed % SECONDS
                self.added_bids[slot] = self.removed_bids[slot] = 0.0
                self.added_asks[slot] = self.removed_asks[slot] = 0.0
                self.drift[slot] = NAN
            self.second = second
        return self.second % SECONDS

    def _pending_price(self, side: int) -> float:
        pending = self.pending[side]
        return NAN if pending is None else pending[1]

    def _best_moved(self, side: int, ts_ms: int, away: bool, back: bool, hit: bool, before: float) -> None:
        self._expire(ts_ms)
        pending = self.pending[side]
        if pending is not None and back:
            self.takes.append((pending[0], side, True))
            self.pending[side] = None
        elif pending is None and away and hit:
            self.pending[side] = (ts_ms, before)

    def _expire(self, at_ms: int) -> None:
        for side in (0, 1):
            pending = self.pending[side]
            if pending is not None and at_ms - pending[0] > REFILL_MS:
                self.takes.append((pending[0], side, False))
                self.pending[side] = None
        if self.takes and at_ms - self.takes[0][0] > SECONDS * 1000:
            self.takes = [take for take in self.takes if at_ms - take[0] <= SECONDS * 1000]

    def _sample(self, ts_ms: int, bids: Side, asks: Side) -> None:
        top_bids, top_asks = bids.high(TOP_LEVELS), asks.low(TOP_LEVELS)
        self.least_bid = top_bids[-1][0] if len(top_bids) == TOP_LEVELS else 0.0
        self.most_ask = top_asks[-1][0] if len(top_asks) == TOP_LEVELS else float("inf")
        bid, ask = sum(size for _, size in top_bids), sum(size for _, size in top_asks)
        imbalance = (bid - ask) / (bid + ask)
        if self.imbalance_ema != self.imbalance_ema:
            self.imbalance_ema = imbalance
        else:
            # The previous imbalance held until now, so the elapsed time is its weight.
            share = 1.0 - exp2(-(ts_ms - self.sampled_ms) / HALF_LIFE_MS)
            self.imbalance_ema += share * (self.imbalance - self.imbalance_ema)
        self.imbalance = imbalance
        self.sampled_ms = ts_ms
        (best_bid, bid_size), (best_ask, ask_size) = top_bids[0], top_asks[0]
        mid = (best_bid + best_ask) / 2
        microprice = (best_bid * ask_size + best_ask * bid_size) / (bid_size + ask_size)
        self.drift[self._slot(ts_ms)] = (microprice - mid) / mid * 1e4
