"""Decides which symbols get full depth and trades: the top of the ranking, pins, watch-list and the open symbol.

Pure bookkeeping; called by `engine.feeds.market` once a second (`STEER_EVERY_MS`) with the newest ranking.
Subscriptions cost messages that the venues ration, so places have hysteresis: a symbol must stay among the first for a
while to enter, and keeps its place until it has been outside a wider circle for longer. Symbols that the user asked for
enter at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

Key = tuple[str, str]
"""(venue, symbol)."""

ENTER_AFTER_MS: Final = 4_000
"""How long a symbol must have been among the first to enter, once all places have been filled for the first time."""
LEAVE_AFTER_MS: Final = 120_000
"""How long it must have been outside the wider circle to leave."""
CIRCLE: Final = 1.5
"""The wider circle, as a multiple of the places."""


@dataclass(slots=True)
class _Place:
    wanted_ms: int
    """Last time it was among the first, or inside the wider circle once it had its place."""


class Tiers:
    """The places of one venue's perpetuals."""

    def __init__(self, places: int) -> None:
        """`places`: how many symbols get full depth besides those the user asked for."""
        self._places = places
        self._held: dict[Key, _Place] = {}
        self._waiting: dict[Key, int] = {}
        self._filled = False
        self.changes = 0
        """How many places were given or taken, to measure the churn."""

    def limit(self, places: int) -> None:
        """Change the number of places. If there are fewer now, the next `deep` removes the lowest ranked at once."""
        if places != self._places:
            self._places = places
            self._filled = len(self._held) >= places

    def deep(self, order: Sequence[Key], asked: Collection[Key], now_ms: int) -> list[Key]:
        """The symbols with a place now: those the user `asked` for first, then by `order`, the ranking."""
        first, circle = order[: self._places], order[: int(self._places * CIRCLE)]
        for key in circle:
            if key in self._held:
                self._held[key].wanted_ms = now_ms
        self._let_go(now_ms)
        rank = {key: place for place, key in enumerate(order)}
        self._crowd_out(rank)
        self._take_in(first, now_ms)
        ranked = sorted((key for key in self._held if key not in asked), key=lambda key: rank.get(key, len(rank)))
        return [*dict.fromkeys(asked), *ranked]

    def drop(self, keys: Collection[Key]) -> None:
        """Forget delisted symbols."""
        for key in keys:
            self._held.pop(key, None)
            self._waiting.pop(key, None)

    def _let_go(self, now_ms: int) -> None:
        for key in [key for key, place in self._held.items() if now_ms - place.wanted_ms >= LEAVE_AFTER_MS]:
            del self._held[key]
            self.changes += 1

    def _crowd_out(self, rank: dict[Key, int]) -> None:
        """Remove symbols that exceed the number of places, the lowest ranked first."""
        over = len(self._held) - self._places
        if over > 0:
            for key in sorted(self._held, key=lambda key: rank.get(key, len(rank)))[-over:]:
                del self._held[key]
                self.changes += 1

    def _take_in(self, first: Sequence[Key], now_ms: int) -> None:
        self._waiting = {key: self._waiting.get(key, now_ms) for key in first if key not in self._held}
        for key, since_ms in list(self._waiting.items()):
            if self._filled and now_ms - since_ms < ENTER_AFTER_MS:
                continue
            if len(self._held) >= self._places and not self._displace(now_ms):
                return
            self._held[key] = _Place(now_ms)
            del self._waiting[key]
            self.changes += 1
            self._filled |= len(self._held) >= self._places

    def _displace(self, now_ms: int) -> bool:
        """Free the place of a symbol that has been outside the circle for a quarter of `LEAVE_AFTER_MS`; False: none
        has."""
        oldest = min(self._held, key=lambda key: self._held[key].wanted_ms, default=None)
        if oldest is None or now_ms - self._held[oldest].wanted_ms < LEAVE_AFTER_MS // 4:
            return False
        del self._held[oldest]
        self.changes += 1
        return True
