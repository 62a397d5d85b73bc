"""Gap detection by the venues' consecutive trade numbers: which were received, and which are missing.

Used by `engine.market.tape` for trades that carry a number (`Trade.number`). A missing number is waited for, because
overlapping connections or reordered frames may bring it a moment later; after that it counts as lost. No clock is read
here: waiting is measured in receive times.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine.events import Trade

GRACE_MS: Final = 2_000
"""How long missing numbers are waited for: connections that overlap at a hand-over are less than that apart."""
ANEW: Final = 100_000
"""A jump ahead by more than this starts a new sequence: no open connection loses so many trades."""
BEHIND: Final = 1_000
"""A number further back than this, on a trade newer than all others, starts a new sequence."""
STRETCHES: Final = 64
"""Earlier stretches of numbers remembered by row, to recognise duplicates in REST responses."""
FALSE_HOLES: Final = 3
"""After this many gaps in which the venue itself has no trade, the row's numbers are no longer used as proof."""


class Hole(msgspec.Struct, frozen=True, gc=False):
    """A gap: trades of one row that were skipped."""

    first: int
    """Numbers, both included."""
    last: int
    before_ms: int
    """Event time of the newest trade before it."""
    after_ms: int
    """Event time of the trade that skipped them."""
    seen_ms: int
    """Receive time of that trade."""


class _Row:
    """One row's state besides its newest number."""

    __slots__ = ("earlier", "false", "low", "waiting")

    def __init__(self) -> None:
        self.low = -1
        """First number of the stretch that ends with the newest."""
        self.earlier: list[tuple[int, int]] = []
        """Stretches received before it, both ends included."""
        self.waiting: list[Hole] = []
        self.false = 0

    def had(self, first: int, last: int) -> None:
        if self.earlier and self.earlier[-1][1] + 1 == first:
            self.earlier[-1] = (self.earlier[-1][0], last)
        else:
            self.earlier.append((first, last))
            del self.earlier[:-STRETCHES]

    def lacks(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of this range that are in no earlier stretch."""
        missing = [(first, last)]
        for one, other in self.earlier:
            if first <= other and one <= last:
                missing = [rest for part in missing for rest in _without(part, one, other)]
        return missing


class TradeNumbers:
    """The numbers of all rows."""

    def __init__(self) -> None:
        self.newest: list[int] = []
        """By row, the newest number of its stream; -1: none since it began or broke, so any number may be next."""
        self._rows: list[_Row] = []
        self._waiting: dict[int, None] = {}
        """Rows that wait for missing numbers."""

    def add_row(self) -> None:
        """One more row."""
        self.newest.append(-1)
        self._rows.append(_Row())

    def jumped(self, row: int, trade: Trade, newest_ms: int) -> None:
        """Take a trade whose numbers do not continue at `newest[row]` + 1.

        `newest_ms` is the event time of the newest trade before it.
        """
        held, newest = self._rows[row], self.newest[row]
        first, last = trade.number - trade.joined + 1, trade.number
        highest = newest if newest >= 0 or not held.earlier else held.earlier[-1][1]
        if first - highest > ANEW or (highest - last > BEHIND and trade.ts_ms > newest_ms):
            held.earlier = []
            self._begin(row, first, last)
        elif newest < 0:
            self._begin(row, first, last)
        elif first > newest:
            missing = held.lacks(newest + 1, first - 1)
            seen_ms = trade.recv_ns // 1_000_000
            held.waiting += [Hole(one, other, newest_ms, trade.ts_ms, seen_ms) for one, other in missing]
            if missing:
                self._waiting[row] = None
            held.had(held.low, newest)
            self._begin(row, first, last)
        else:
            self._came(row, first, last)

    def broke(self, row: int) -> list[Hole]:
        """The stream broke, so any number may be next. Returns the gaps still waited for, which are now lost."""
        held, newest = self._rows[row], self.newest[row]
        if newest >= 0:
            held.had(held.low, newest)
        held.low = self.newest[row] = -1
        lost, held.waiting = held.waiting, []
        self._waiting.pop(row, None)
        return lost if held.false < FALSE_HOLES else []

    def forget(self, row: int) -> None:
        """The row's trade subscription ended."""
        self.newest[row] = -1
        self._rows[row] = _Row()
        self._waiting.pop(row, None)

    def came(self, row: int, number: int) -> bool:
        """Whether the stream sent this trade before, alone or as part of a joined one."""
        held = self._rows[row]
        if held.low <= number <= self.newest[row]:
            return True
        return any(first <= number <= last for first, last in held.earlier)

    def told(self, row: int, first: int, last: int) -> None:
        """A response had all trades from `first` to `last`; used only if the stream has sent none since it broke."""
        if self.newest[row] < 0:
            self._begin(row, first, last)

    def settle(self, recv_ms: int) -> list[tuple[int, list[Hole]]]:
        """Gaps, by row and oldest first, whose grace period is over at `recv_ms`; each is returned once."""
        found: list[tuple[int, list[Hole]]] = []
        for row in list(self._waiting):
            held = self._rows[row]
            lost = [hole for hole in held.waiting if recv_ms - hole.seen_ms >= GRACE_MS]
            if not lost:
                continue
            held.waiting = [hole for hole in held.waiting if recv_ms - hole.seen_ms < GRACE_MS]
            if not held.waiting:
                del self._waiting[row]
            if held.false < FALSE_HOLES:
                found.append((row, sorted(lost, key=lambda hole: hole.first)))
        return found

    def proved_false(self, row: int) -> None:
        """A gap was fetched and the venue has no trade in it: the venue skipped the numbers itself."""
        self._rows[row].false += 1

    def _begin(self, row: int, first: int, last: int) -> None:
        self._rows[row].low = first
        self.newest[row] = last

    def _came(self, row: int, first: int, last: int) -> None:
        """Take numbers that arrived late: remove them from the gaps waited for, and remember them even if the gap was
        already counted as lost, because a response may list one by one what the stream joined."""
        held = self._rows[row]
        waiting: list[Hole] = []
        for hole in held.waiting:
            for one, other in _without((hole.first, hole.last), first, last):
                waiting.append(msgspec.structs.replace(hole, first=one, last=other))
        held.waiting = waiting
        if first < held.low and held.lacks(first, last):
            held.had(first, last)
        if not waiting:
            self._waiting.pop(row, None)


def _without(part: tuple[int, int], first: int, last: int) -> list[tuple[int, int]]:
    """The parts of `part` outside `first` to `last`, all ends included."""
    low, high = part
    return [(one, other) for one, other in ((low, min(high, first - 1)), (max(low, last + 1), high)) if one <= other]
