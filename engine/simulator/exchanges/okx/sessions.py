"""Open prices of the day, in UTC and in UTC+8; every OKX ticker has both.

Used by the streams and the REST side of the exchange. Cached, because the same two bars are needed many times a second.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

DAY_MS: Final = 86_400_000
EIGHT_HOURS_MS: Final = 28_800_000


class SessionOpens:
    """The two opens of each instrument, read once per 8 hours."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int, tuple[int, int, int]] = {}

    def of(self, one: SimInstrument, now_ms: int) -> tuple[int, int]:
        """Ticks at the last midnight of UTC and of UTC+8; for a newer instrument its first price."""
        session = now_ms // EIGHT_HOURS_MS
        known = self._known.get(one.index)
        if known is None or known[0] != session:
            midnight = now_ms // DAY_MS * DAY_MS
            eastern = (now_ms + EIGHT_HOURS_MS) // DAY_MS * DAY_MS - EIGHT_HOURS_MS
            known = self._known[one.index] = (session, self._open(one, midnight), self._open(one, eastern))
        return known[1], known[2]

    def _open(self, one: SimInstrument, at_ms: int) -> int:
        bars = self._world.candles(one, "4h", 1, at_ms) or self._world.candles(one, "4h", 500)
        return bars[0].open if bars else self._world.ticker_24h(one).open
