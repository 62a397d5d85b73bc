"""Which prices of a row are believed: one that is far from all else that is known of it waits until others agree.

Asked by `engine.market.state` for every trade, quote, book, mark price, ticker and candle before any of it is taken.
A price within `FACTOR` of the newest believed one is the usual case and costs a few comparisons. One that is not is
withheld and counted: misplaced decimals are off by a thousand, and even what falls or rises without end moves by less
from one message to the next. What is withheld is remembered as another level: once messages of at least `LEAST` frames
over `HOLD_MS` have told of it and nothing has spoken for the old one, or little has beside two kinds of message that
speak for the new, it is taken. So a split, a redenomination or a true crash is late by seconds and never lost.
Runs on receive times, since what is withheld may be stamped as wrongly as it is priced.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

LOG: Final = logging.getLogger("prism.market")

FACTOR: Final = 10.0
"""Thin coins have moved five-fold within minutes; an error of scale is a hundred-fold or more."""
LEAST: Final = 3
HOLD_MS: Final = 3_000
OUTVOTES: Final = 3
"""How many frames of at least two kinds must speak for a new level for each message that speaks for the old one."""
LONGEST_MS: Final = 60_000
"""After so long the level that more is heard of is taken, whatever kind tells of it."""
LOG_EVERY: Final = 1_000

TRADED, QUOTED, MARKED = 1, 2, 4
"""Kinds of message, as bits."""


@dataclass(slots=True)
class _Other:
    """A level that contradicts the believed one."""

    price: float
    since_ms: int
    newest_ms: int
    kinds: int
    frames: int = 1
    against: int = 0
    """Messages since then that speak for the believed level."""


class Plausible:
    """The believed level of every row."""

    def __init__(self) -> None:
        self.withheld: dict[str, int] = {}
        """By venue, how many messages."""
        self.total = 0
        """Of all venues."""
        self._level: list[float] = []
        self._others: dict[int, _Other] = {}
        self._young: dict[int, int] = {}
        """Rows whose level was told less than `LEAST` times, and how often: nothing is withheld for its sake."""

    def add_row(self) -> None:
        """One more row, of which nothing is known."""
        self._young[len(self._level)] = 0
        self._level.append(float("nan"))

    def takes(self, row: int, price: float, recv_ms: int, kind: int) -> bool:
        """Whether a price is believed; it is the row's level from then on. What is not a price is not judged."""
        level = self._level[row]
        if level <= price * FACTOR and price <= level * FACTOR:
            self._level[row] = price
            if row in self._young or row in self._others:
                self._agrees(row, recv_ms)
            return True
        return not price > 0.0 or self._judge(row, price, recv_ms, kind)

    def is_near(self, row: int, price: float) -> bool:
        """Whether a price may be true, without learning from it."""
        level = self._level[row]
        return row in self._young or not (price * FACTOR < level or price > level * FACTOR)

    def withhold(self, venue: str, symbol: str, row: int, price: float) -> None:
        """Count what is not believed; the first of a venue is logged, and then one of many."""
        count = self.withheld.get(venue, 0)
        self.withheld[venue] = count + 1
        self.total += 1
        if count % LOG_EVERY == 0:
            LOG.warning(
                "%s: %s: a price of %g beside %g: implausible, withheld", venue, symbol, price, self._level[row]
            )

    def _agrees(self, row: int, recv_ms: int) -> None:
        """The believed level was told again."""
        if row in self._young:
            self._young[row] += 1
            if self._young[row] >= LEAST:
                del self._young[row]
        if (other := self._others.get(row)) is not None:
            other.against += 1
            if recv_ms - other.newest_ms > LONGEST_MS:
                del self._others[row]

    def _judge(self, row: int, price: float, recv_ms: int, kind: int) -> bool:
        """A price that contradicts the level, or is the first."""
        if row in self._young:
            self._young[row] = 1
            self._level[row] = price
            return True
        other = self._others.get(row)
        is_same = other is not None and price <= other.price * FACTOR and other.price <= price * FACTOR
        if other is None or not is_same or recv_ms - other.newest_ms > LONGEST_MS:
            self._others[row] = _Other(price, recv_ms, recv_ms, kind)
            return False
        other.price = price
        other.kinds |= kind
        other.frames += recv_ms > other.newest_ms
        other.newest_ms = max(other.newest_ms, recv_ms)
        if not _is_taken(other):
            return False
        self._level[row] = price
        del self._others[row]
        return True


def _is_taken(other: _Other) -> bool:
    """Whether enough speaks for a level."""
    if other.frames < LEAST or other.newest_ms - other.since_ms < HOLD_MS:
        return False
    if other.against == 0:
        return True
    if other.kinds not in (TRADED, QUOTED, MARKED) and other.frames >= OUTVOTES * other.against:
        return True
    return other.frames > other.against and other.newest_ms - other.since_ms >= LONGEST_MS
