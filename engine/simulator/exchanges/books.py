"""Depth-limited books for the simulated exchanges: snapshots, and the levels changed since the last push.

Used by the exchanges, at each venue's own depth and cadence. A push holds the final sizes of everything that changed,
so that a snapshot and the pushes after it always give the matching engine's book, cut at the depth of the channel.
"""

from __future__ import annotations

from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

Level = tuple[int, int]
"""(ticks, steps); steps 0 removes."""


class TopBook:
    """The best `depth` levels of one book as a subscriber of a depth-limited channel holds them."""

    def __init__(self, world: World, instrument: SimInstrument, depth: int) -> None:
        self.instrument = instrument
        self._world = world
        self._depth = depth
        self.is_dirty = False
        """The book changed since the last push."""
        self.pushed_ms = 0
        self.ms = 0
        """Time of the newest change in the last push or snapshot."""
        self.update_id = 0
        """The matching engine's update id, as of the last push or snapshot."""
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def snapshot(self) -> tuple[list[Level], list[Level]]:
        """Bids and asks, best first; the following changes are relative to this."""
        book = self._world.book(self.instrument, self._depth)
        self._bids, self._asks = dict(book.bids), dict(book.asks)
        self.update_id, self.ms = book.update_id, book.ms
        self.is_dirty = False
        return book.bids, book.asks

    def held(self) -> tuple[list[Level], list[Level]]:
        """The book as of the last push, best first: the snapshot for a client that subscribes now, so that the next
        push is valid for it too."""
        return sorted(self._bids.items(), reverse=True), sorted(self._asks.items())

    def changes(self) -> tuple[list[Level], list[Level]]:
        """Differences from the last push; levels that left the depth are removed. Both lists are empty if there are
        none."""
        book = self._world.book(self.instrument, self._depth)
        bids, asks = dict(book.bids), dict(book.asks)
        changed = _differences(self._bids, bids), _differences(self._asks, asks)
        self._bids, self._asks = bids, asks
        self.update_id, self.ms = book.update_id, book.ms
        self.is_dirty = False
        return changed


def _differences(before: dict[int, int], after: dict[int, int]) -> list[Level]:
    changed = [(ticks, steps) for ticks, steps in after.items() if before.get(ticks) != steps]
    changed += [(ticks, 0) for ticks in before if ticks not in after]
    return changed


def rows(instrument: SimInstrument, levels: list[Level]) -> list[list[str]]:
    """`[price, size]` texts in the venue's unit."""
    price, size = instrument.price_text, instrument.size_text
    return [[price(ticks), size(steps) if steps else "0"] for ticks, steps in levels]
