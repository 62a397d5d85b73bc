"""Plausibility filter for prices: one far from a row's accepted level is withheld until others confirm it.

Called by `engine.market.state` for every trade, quote, book, mark price, ticker and candle before it is applied. A
price within `FACTOR` of the accepted level is the usual case and costs a few comparisons. Any other is withheld and
counted: misplaced decimals are off by a thousand, and even in a crash prices move by less from one message to the next.
A withheld price is kept as a rival level. It is accepted once at least `LEAST` frames over `HOLD_MS` support it and no
message supports the old one, or few do and two kinds of message support the new one. So a split, a redenomination or a
real crash is delayed by seconds and never lost. Runs on receive times, since a message with a wrong price may have a
wrong time too.
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
"""Frames, of at least two kinds, that must support a new level for each message that supports the old one."""
LONGEST_MS: Final = 60_000
"""After this time the level with more support is accepted, whatever kind of message it comes from."""
LOG_EVERY: Final = 1_000

TRADED, QUOTED, MARKED = 1, 2, 4
"""Kinds of message, as bits."""


@dataclass(slots=True)
class _Other:
    """A rival of the accepted level."""

    price: float
    since_ms: int
    newest_ms: int
    kinds: int
    frames: int = 1
    against: int = 0
    """Messages since then that support the accepted level."""


class Plausible:
    """The accepted level of every row."""

    def __init__(self) -> None:
        self.withheld: dict[str, int] = {}
        """Messages by venue."""
        self.total = 0
        """Of all venues."""
        self._level: list[float] = []
        self._others: dict[int, _Other] = {}
        self._young: dict[int, int] = {}
        """Rows whose level has less than `LEAST` messages, and how many it has: it is too young to withhold others."""

    def add_row(self) -> None:
        """One more row, of which nothing is known."""
        self._young[len(self._level)] = 0
        self._level.append(float("nan"))

    def level(self, row: int) -> float:
        """The row's accepted price; NaN before the first."""
        return self._level[row]

    def takes(self, row: int, price: float, recv_ms: int, kind: int) -> bool:
        """Whether a price is accepted; if so, it becomes the row's level. NaN and 0 or less are not judged."""
        level = self._level[row]
        if level <= price * FACTOR and price <= level * FACTOR:
            self._level[row] = price
            if row in self._young or row in self._others:
                self._agrees(row, recv_ms)
            return True
        return not price > 0.0 or self._judge(row, price, recv_ms, kind)

    def is_near(self, row: int, price: float) -> bool:
        """Whether a price is near the level, without updating the level."""
        level = self._level[row]
        return row in self._young or not (price * FACTOR < level or price > level * FACTOR)

    def withhold(self, venue: str, symbol: str, row: int, price: float) -> None:
        """Count a withheld message; a venue's first is logged, and then one in every `LOG_EVERY`."""
        count = self.withheld.get(venue, 0)
        self.withheld[venue] = count + 1
        self.total += 1
        if count % LOG_EVERY == 0:
            LOG.warning(
                "%s: %s: a price of %g beside %g: implausible, withheld", venue, symbol, price, self._level[row]
            )

    def _agrees(self, row: int, recv_ms: int) -> None:
        """A message supports the accepted level."""
        if row in self._young:
            self._young[row] += 1
            if self._young[row] >= LEAST:
                del self._young[row]
        if (other := self._others.get(row)) is not None:
            other.against += 1
            if recv_ms - other.newest_ms > LONGEST_MS:
                del self._others[row]

    def _judge(self, row: int, price: float, recv_ms: int, kind: int) -> bool:
        """Whether to accept a price that is far from the level, or the first."""
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
    """Whether a rival level has enough support."""
    if other.frames < LEAST or other.newest_ms - other.since_ms < HOLD_MS:
        return False
    if other.against == 0:
        return True
    if other.kinds not in (TRADED, QUOTED, MARKED) and other.frames >= OUTVOTES * other.against:
        return True
    return other.frames > other.against and other.newest_ms - other.since_ms >= LONGEST_MS
