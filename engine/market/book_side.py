"""One side of an order book: sizes by price, written in O(changes) and sorted lazily.

Used by `engine.market.book`. Venues change far more levels than are ever read, so a written price is not sorted in at
once: new prices wait in a short list, removed ones stay behind with size 0, and both are cleared up when the order is
needed. Reads are always exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import compress
from operator import itemgetter
from typing import Final

Numbers = Sequence[float]
"""Price and size in turn, venue units."""
Texts = Sequence[tuple[str, str]]
"""The same levels as the venue's own decimal text."""

_INFINITY: Final = float("inf")
MOST_PENDING: Final = 64
"""Unsorted new prices allowed before they are sorted in; reading the top scans all of them."""


class Side:
    """Levels of one side. Prices are exact doubles: equal decimals are equal, whatever their trailing zeros."""

    __slots__ = ("_dead", "_decimals", "_ordered", "_peak", "_pending", "_sizes", "_texts", "_trough")

    def __init__(self) -> None:
        self._sizes: dict[float, float] = {}
        self._ordered: list[float] = []
        self._pending: list[float] = []
        self._peak = -_INFINITY
        """An upper bound of the unsorted prices; `_trough` is a lower bound. Either may have been removed since."""
        self._trough = _INFINITY
        self._dead = 0
        self._texts: dict[float, tuple[str, str]] | None = None
        self._decimals: tuple[int, int] | None = None
        """Decimals that the venue pads prices and sizes to; 0: it does not pad. None: not learnt yet."""

    def learn(self, texts: Texts) -> None:
        """Learn from a snapshot whether the venue pads its decimals; once, since a venue does not change that."""
        if self._decimals is None and texts:
            prices, sizes = zip(*texts, strict=True)
            self._decimals = _padding(prices), _padding(sizes)

    def replace(self, rows: Numbers, texts: Texts | None) -> None:
        """Hold exactly `rows`, without sizes of 0. `texts`: keep them too, for checksums and exact display."""
        numbers = iter(rows)
        self._sizes = {price: size for price, size in zip(numbers, numbers, strict=True) if size}
        self._ordered = sorted(self._sizes)
        self._pending = []
        self._peak, self._trough = -_INFINITY, _INFINITY
        self._dead = 0
        self._texts = None if texts is None else dict(zip(rows[::2], texts, strict=True))

    def clear(self) -> None:
        self.replace((), None)

    def write(self, rows: Numbers, texts: Texts | None, low: float, high: float) -> tuple[float, float]:
        """Set absolute sizes; 0 removes. Returns price * size added and removed at prices from `low` to `high`."""
        sizes, pending = self._sizes, self._pending
        added = removed = 0.0
        numbers = iter(rows)
        for price, size in zip(numbers, numbers, strict=True):
            held = sizes.get(price)
            if held:
                sizes[price] = size
                if not size:
                    self._dead += 1
                if low <= price <= high:
                    if size > held:
                        added += (size - held) * price
                    else:
                        removed += (held - size) * price
            elif size:
                sizes[price] = size
                if held is None:
                    pending.append(price)
                else:
                    # Its price is still in the sorted or the unsorted list from before it was removed.
                    self._dead -= 1
                if price > self._peak:
                    self._peak = price
                if price < self._trough:
                    self._trough = price
                if low <= price <= high:
                    added += size * price
        if self._texts is not None and texts is not None:
            self._texts.update(zip(rows[::2], texts, strict=True))
        if len(pending) > MOST_PENDING:
            self._settle()
        return added, removed

    @property
    def prices(self) -> list[float]:
        """Every price with a size, ascending. Read-only."""
        self._settle()
        if self._dead:
            sizes = self._sizes = {price: size for price, size in self._sizes.items() if size}
            self._ordered = [price for price in self._ordered if price in sizes]
            self._dead = 0
            if self._texts is not None:
                self._texts = {price: text for price, text in self._texts.items() if price in sizes}
        return self._ordered

    def highest(self) -> float | None:
        """The highest price with a size."""
        ordered, sizes = self._ordered, self._sizes
        while ordered and not sizes[ordered[-1]]:
            del sizes[ordered.pop()]
            self._dead -= 1
        best = ordered[-1] if ordered else -_INFINITY
        if self._peak > best:
            if not sizes.get(self._peak):
                self._peak = max((price for price in self._pending if sizes[price]), default=-_INFINITY)
            best = max(best, self._peak)
        return best if best != -_INFINITY else None

    def lowest(self) -> float | None:
        """The lowest price with a size."""
        ordered, sizes = self._ordered, self._sizes
        gone = 0
        for price in ordered:
            if sizes[price]:
                break
            del sizes[price]
            gone += 1
        if gone:
            del ordered[:gone]
            self._dead -= gone
        best = ordered[0] if ordered else _INFINITY
        if self._trough < best:
            if not sizes.get(self._trough):
                self._trough = min((price for price in self._pending if sizes[price]), default=_INFINITY)
            best = min(best, self._trough)
        return best if best != _INFINITY else None

    def high(self, count: int) -> list[tuple[float, float]]:
        """The `count` highest levels, highest first, as (price, size)."""
        found = self._first(reversed(self._ordered), count)
        least = found[-1][0] if found and len(found) == count else -_INFINITY
        if count > 0 and self._peak > least:
            sizes = self._sizes
            found += [(price, sizes[price]) for price in self._pending if price > least and sizes[price]]
            found.sort(reverse=True)
        return found[:count]

    def low(self, count: int) -> list[tuple[float, float]]:
        """The `count` lowest levels, lowest first, as (price, size)."""
        found = self._first(self._ordered, count)
        most = found[-1][0] if found and len(found) == count else _INFINITY
        if count > 0 and self._trough < most:
            sizes = self._sizes
            found += [(price, sizes[price]) for price in self._pending if price < most and sizes[price]]
            found.sort()
        return found[:count]

    def columns(self, count: int, *, highest: bool) -> tuple[Numbers, Numbers]:
        """Prices and sizes, as two sequences, of the `count` (at least 1) highest or lowest levels, best first.

        A scan reads hundreds of levels of every changed book, so the loops over levels are in C.
        """
        if self._dead > count:
            _ = self.prices
        sizes, ordered = self._sizes, self._ordered
        reach = count + self._dead
        taken = ordered[: -reach - 1 : -1] if highest else ordered[:reach]
        if self._pending:
            last = taken[-1] if len(taken) == reach else -_INFINITY if highest else _INFINITY
            fresh = [price for price in self._pending if (price > last if highest else price < last)]
            if fresh:
                taken += fresh
                taken.sort(reverse=highest)
        # One call for all of them; with a single key `itemgetter` would not return a tuple.
        held = itemgetter(*taken)(sizes) if len(taken) > 1 else tuple(sizes[price] for price in taken)
        if not all(held):
            return list(compress(taken, held))[:count], list(filter(None, held))[:count]
        return taken[:count], held[:count]

    def text(self, price: float, size: float) -> tuple[str, str]:
        """A level as decimal text: the venue's own if it was kept, else the same value with the venue's padding."""
        kept = None if self._texts is None else self._texts.get(price)
        if kept is not None:
            return kept
        price_decimals, size_decimals = self._decimals or (0, 0)
        return _plain(price, price_decimals), _plain(size, size_decimals)

    def _first(self, prices: Iterable[float], count: int) -> list[tuple[float, float]]:
        """The first `count` levels of the sorted `prices`, without the unsorted ones."""
        sizes, found = self._sizes, []
        if count > 0:
            for price in prices:
                size = sizes[price]
                if size:
                    found.append((price, size))
                    if len(found) == count:
                        break
        return found

    def _settle(self) -> None:
        if self._pending:
            self._ordered += self._pending
            # A sorted run with a short tail: one pass for the sort.
            self._ordered.sort()
            self._pending.clear()
            self._peak, self._trough = -_INFINITY, _INFINITY


def _padding(texts: Sequence[str]) -> int:
    """The number of decimals, if all `texts` have the same and at least one ends in a 0; else 0."""
    counts = {len(text.partition(".")[2]) for text in texts}
    padded = any(text.endswith("0") for text in texts if "." in text)
    return counts.pop() if len(counts) == 1 and padded else 0


def _plain(value: float, decimals: int) -> str:
    """The shortest decimal that reads back as `value`, without an exponent, zero-padded to `decimals` places."""
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    whole, _, fraction = text.partition(".")
    if fraction == "0":
        fraction = ""
    fraction = fraction.ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole
