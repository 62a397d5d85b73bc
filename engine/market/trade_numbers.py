"""The venues' consecutive numbers of trades: which were had, and which never came though the connection stood.

Kept by `engine.market.tape` for the trades that carry a number (`Trade.number`). A number that is left out is waited
for, because two connections that overlap, or frames that change places, bring it a moment later; what has not come
then was lost. No clock is read here: waiting is counted in receive times.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine.events import Trade

GRACE_MS: Final = 2_000
"""So long after the trade that left numbers out they may still come: connections that overlap at a hand-over run less
than that apart."""
ANEW: Final = 100_000
"""Numbers that jump ahead by more are those of another sequence: no standing connection loses so many trades."""
BEHIND: Final = 1_000
"""A number further back than this, on a trade that is newer than all, begins the sequence anew."""
STRETCHES: Final = 64
"""Earlier stretches of numbers remembered by row, for answers that hold what was had."""
FALSE_HOLES: Final = 3
"""After so many holes in which the venue itself has no trade, the numbers of that row prove nothing any more."""


class Hole(msgspec.Struct, frozen=True, gc=False):
    """Trades of one row that were left out."""

    first: int
    """Numbers, both included."""
    last: int
    before_ms: int
    """Event time of the newest trade before it."""
    after_ms: int
    """Event time of the trade that left them out."""
    seen_ms: int
    """Receive time of that trade."""


class _Row:
    """What is known of one row besides its newest number."""

    __slots__ = ("earlier", "false", "low", "waiting")

    def __init__(self) -> None:
        self.low = -1
        """First number of the stretch that ends with the newest."""
        self.earlier: list[tuple[int, int]] = []
        """Stretches that were had before it, both ends included."""
        self.waiting: list[Hole] = []
        self.false = 0

    def had(self, first: int, last: int) -> None:
        self.earlier.append((first, last))
        del self.earlier[:-STRETCHES]

    def lacks(self, first: int, last: int) -> list[tuple[int, int]]:
        """What of these numbers is in no earlier stretch."""
        missing = [(first, last)]
        for one, other in self.earlier:
            if first <= other and one <= last:
                missing = [rest for part in missing for rest in _without(part, one, other)]
        return missing


class TradeNumbers:
    """The numbers of all rows."""

    def __init__(self) -> None:
        self.newest: list[int] = []
        """By row, the newest number of its stream; -1: none since it began or broke, so any may come."""
        self._rows: list[_Row] = []
        self._waiting: dict[int, None] = {}
        """Rows with numbers that are waited for."""

    def add_row(self) -> None:
        """One more row."""
        self.newest.append(-1)
        self._rows.append(_Row())

    def jumped(self, row: int, trade: Trade, newest_ms: int) -> None:
        """Take a trade of a stream that does not begin with the number after `newest[row]`.

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
        elif held.waiting:
            self._came(row, first, last)

    def broke(self, row: int) -> list[Hole]:
        """Any number may come next; what is still waited for is lost, and handed over."""
        held, newest = self._rows[row], self.newest[row]
        if newest >= 0:
            held.had(held.low, newest)
        held.low = self.newest[row] = -1
        lost, held.waiting = held.waiting, []
        self._waiting.pop(row, None)
        return lost if held.false < FALSE_HOLES else []

    def forget(self, row: int) -> None:
        """The trades of a row are not followed any more."""
        self.newest[row] = -1
        self._rows[row] = _Row()
        self._waiting.pop(row, None)

    def came(self, row: int, number: int) -> bool:
        """Whether the stream told a trade before, alone or as a part of a joined one."""
        held = self._rows[row]
        if held.low <= number <= self.newest[row]:
            return True
        return any(first <= number <= last for first, last in held.earlier)

    def told(self, row: int, first: int, last: int) -> None:
        """An answer told all trades from `first` to `last` of a stream that has told none since it broke."""
        if self.newest[row] < 0:
            self._begin(row, first, last)

    def settle(self, recv_ms: int) -> list[tuple[int, list[Hole]]]:
        """Holes, by row and oldest first, that were waited for long enough at `recv_ms`; each is handed over once."""
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
        """A hole of this row was asked for, and the venue has no trade in it: it left the numbers out itself."""
        self._rows[row].false += 1

    def _begin(self, row: int, first: int, last: int) -> None:
        self._rows[row].low = first
        self.newest[row] = last

    def _came(self, row: int, first: int, last: int) -> None:
        """Numbers that may be waited for have come."""
        held = self._rows[row]
        waiting: list[Hole] = []
        for hole in held.waiting:
            for one, other in _without((hole.first, hole.last), first, last):
                waiting.append(msgspec.structs.replace(hole, first=one, last=other))
        if waiting != held.waiting:
            held.had(first, last)
            held.waiting = waiting
        if not waiting:
            self._waiting.pop(row, None)


def _without(part: tuple[int, int], first: int, last: int) -> list[tuple[int, int]]:
    """What of `part` lies outside `first` to `last`, all ends included."""
    low, high = part
    return [(one, other) for one, other in ((low, min(high, first - 1)), (max(low, last + 1), high)) if one <= other]
