"""One order book, rebuilt from snapshots and deltas and used only while its sequence is unbroken.

Used by `engine.market.books`; knows neither venues nor columns. The rules are those of the venues' documentation: a
snapshot replaces everything, a delta is applied only if its ids (or its checksum) prove that nothing was missed, and
the first failure empties the book until the next snapshot. A book whose status is not `synced` has no levels to read.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final, Literal
from zlib import crc32

from engine.events import BookDelta, BookSnapshot
from engine.market.book_flow import BookFlow
from engine.market.book_side import Numbers, Side, Texts

BookStatus = Literal["absent", "syncing", "resyncing", "synced"]
MAX_WAITING: Final = 5_000
"""Deltas buffered while waiting for a snapshot, about eight minutes at one every 100 ms; the oldest are dropped
first."""

_INFINITY: Final = float("inf")

CHECKSUM_LEVELS: Final = 25
"""OKX computes its CRC32 over this many levels a side (OKX v5 documentation, order book channel, 2022)."""


class Book:
    """A book in venue units. `apply_*` return whether the levels changed."""

    __slots__ = (
        "asks",
        "bids",
        "checksum_failures",
        "crossings",
        "depth",
        "duplicates",
        "flow",
        "fresh",
        "from_rest",
        "gaps",
        "keeps_texts",
        "reason",
        "resyncs",
        "sequence",
        "status",
        "synced_ms",
        "updated_ms",
        "updates",
        "waiting",
    )

    def __init__(self, *, flow: bool = True, texts: bool = True) -> None:
        """`flow`: also measure activity at the top. `texts`: keep every level's decimal text.

        A book whose messages carry a checksum always keeps the texts, since the checksum is computed from them.
        """
        self.bids = Side()
        self.asks = Side()
        self.status: BookStatus = "syncing"
        self.reason = "waiting for its snapshot"
        self.sequence: int | None = None
        self.depth = 0
        """Most levels a side its channel carries; 0: all."""
        self.updates = 0
        """Messages applied: snapshots and deltas."""
        self.updated_ms = -1
        self.synced_ms = -1
        """Event time since which the book has been synced without a break; -1 while it is not."""
        self.gaps = 0
        self.resyncs = 0
        self.checksum_failures = 0
        self.crossings = 0
        self.duplicates = 0
        self.flow = BookFlow() if flow else None
        self.keeps_texts = texts
        self.fresh = False
        """No delta applied yet after a snapshot whose first delta may begin before it."""
        self.from_rest = False
        """The newest snapshot came by REST, so deltas may have arrived before it."""
        self.waiting: deque[BookDelta] = deque(maxlen=MAX_WAITING)

    @property
    def best_bid(self) -> float | None:
        return self.bids.highest()

    @property
    def best_ask(self) -> float | None:
        return self.asks.lowest()

    def top(self, count: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """The best `count` levels a side as (price text, size text) in venue units, best first."""
        bids, asks = self.bids, self.asks
        return (
            [bids.text(price, size) for price, size in bids.high(count)],
            [asks.text(price, size) for price, size in asks.low(count)],
        )

    def apply_snapshot(self, event: BookSnapshot) -> bool:
        """Replace the book. A REST snapshot no newer than a synced book is ignored."""
        if event.aligns and self.status == "synced" and self.sequence is not None:
            assert event.sequence is not None
            if event.sequence <= self.sequence:
                return False
        self.keeps_texts |= event.checksum is not None
        self.bids.learn(event.bids)
        self.asks.learn(event.asks)
        self.bids.replace(_numbers(event.bids, None), self._texts(event.bids))
        self.asks.replace(_numbers(event.asks, None), self._texts(event.asks))
        self.sequence = event.sequence
        self.depth = event.depth
        self.fresh = event.aligns or event.overlaps
        self.from_rest = event.aligns
        self._synced(event.ts_ms)
        if event.checksum is not None and event.checksum != self.checksum():
            self.checksum_failures += 1
            return self._lost("its snapshot fails the venue's checksum")
        if self._is_crossed():
            return self._lost("its snapshot is crossed")
        self.updates += 1
        if self.flow is not None:
            self.flow.observe(event.ts_ms, self.bids, self.asks)
        if event.aligns:
            self._replay_waiting()
        else:
            self.waiting.clear()
        return True

    def apply_delta(self, event: BookDelta) -> bool:
        """Apply changed levels if they continue the sequence; otherwise wait for a snapshot."""
        if self.status != "synced":
            self.waiting.append(event)
            return False
        if event.restarts:
            return self._gap(event, "the venue restarted its ids")
        if not self._follows(event):
            return False
        self._write(event)
        self.sequence = event.last
        self.updated_ms = event.ts_ms
        self.fresh = False
        if event.checksum is not None and event.checksum != self.checksum():
            self.checksum_failures += 1
            return self._lost("a delta fails the venue's checksum")
        if self._is_crossed():
            return self._lost("bid and ask crossed")
        self.updates += 1
        if self.flow is not None:
            self.flow.observe(event.ts_ms, self.bids, self.asks)
        return True

    def interrupted(self, why: str) -> None:
        """Messages may have been missed: the book is empty until the next snapshot. `why` is shown instead of it."""
        if self.status == "synced":
            self._lost(why)
        self.waiting.clear()

    def checksum(self) -> int:
        """CRC32 over `bid:size:ask:size:...` of the top 25 levels, signed, as OKX computed it until 2026-06."""
        bids, asks = self.top(CHECKSUM_LEVELS)
        parts: list[str] = []
        for index in range(max(len(bids), len(asks))):
            if index < len(bids):
                parts += bids[index]
            if index < len(asks):
                parts += asks[index]
        value = crc32(":".join(parts).encode())
        return value - (1 << 32) if value >= 1 << 31 else value

    def _write(self, event: BookDelta) -> None:
        flow = self.flow
        if event.bids:
            least = _INFINITY if flow is None else flow.least_bid
            numbers = _numbers(event.bids, event.bid_values)
            changed = self.bids.write(numbers, self._texts(event.bids), least, _INFINITY)
            if flow is not None:
                flow.changed_bids(event.ts_ms, *changed)
        if event.asks:
            most = -_INFINITY if flow is None else flow.most_ask
            numbers = _numbers(event.asks, event.ask_values)
            changed = self.asks.write(numbers, self._texts(event.asks), -_INFINITY, most)
            if flow is not None:
                flow.changed_asks(event.ts_ms, *changed)

    def _texts(self, rows: Texts) -> Texts | None:
        return rows if self.keeps_texts else None

    def _follows(self, event: BookDelta) -> bool:
        """Whether `event` is next in the sequence. A gap empties the book; a duplicate is counted and ignored."""
        held, last = self.sequence, event.last
        if held is None or last is None:
            if event.checksum is not None:
                return True
            return self._gap(event, "its messages carry neither ids nor a checksum")
        if event.previous is not None:
            # The first delta after a snapshot may begin before it (Binance: U <= lastUpdateId <= u; Bitget:
            # pseq <= seq of the snapshot <= seq).
            if event.previous == held or (self.fresh and event.previous <= held <= last):
                return True
            starts = event.previous
        else:
            starts = (event.first if event.first is not None else last) - 1
            if starts <= held < last:
                return True
        if last <= held:
            self.duplicates += 1
            return False
        if self.fresh and self.from_rest:
            return self._too_old(event)
        return self._gap(event, f"a change after update {starts} came while {held} is held")

    def _gap(self, event: BookDelta, reason: str) -> bool:
        self.gaps += 1
        self._lost(reason)
        self.waiting.append(event)
        return False

    def _too_old(self, event: BookDelta) -> bool:
        """The REST snapshot ends before the buffered deltas begin: no gap in the stream, but a newer one is needed."""
        self._empty("its snapshot is older than the buffered updates")
        self.status = "syncing"
        self.waiting.append(event)
        return False

    def _replay_waiting(self) -> None:
        """Apply the deltas buffered before the snapshot, starting with the one that joins it.

        Those before it are older or belong to another sequence, and must not make the attempt fail.
        """
        waiting, self.waiting = self.waiting, deque(maxlen=MAX_WAITING)
        held = self.sequence
        assert held is not None
        first = next((place for place, event in enumerate(waiting) if _joins(event, held)), 0)
        for event in islice(waiting, first, None):
            if self.sequence is not None and event.last is not None and event.last < self.sequence:
                continue
            self.apply_delta(event)

    def _synced(self, ts_ms: int) -> None:
        self.status = "synced"
        self.reason = ""
        self.updated_ms = ts_ms
        self.synced_ms = ts_ms

    def _lost(self, reason: str) -> bool:
        self._empty(reason)
        self.status = "resyncing"
        self.resyncs += 1
        return True

    def _empty(self, reason: str) -> None:
        """Drop all levels until the next snapshot."""
        self.reason = reason
        self.sequence = None
        self.synced_ms = -1
        self.bids.clear()
        self.asks.clear()

    def _is_crossed(self) -> bool:
        bid, ask = self.bids.highest(), self.asks.lowest()
        if bid is not None and ask is not None and bid >= ask:
            self.crossings += 1
            return True
        return False


def _joins(event: BookDelta, held: int) -> bool:
    """Whether a delta continues a snapshot of update id `held`."""
    if event.last is None:
        return False
    if event.previous is not None:
        return event.previous <= held <= event.last
    return (event.first if event.first is not None else event.last) - 1 <= held < event.last


def _numbers(rows: Texts, values: Numbers | None) -> Numbers:
    return values if values is not None else [float(text) for row in rows for text in row]
