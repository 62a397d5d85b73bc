"""Small worlds for the tests of the simulated market, and what they need to read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.simulator.episodes import Episode
from engine.simulator.happenings import BookChange, BookState, Happening
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World, WorldSpec

START: Final = 1_790_000_123_456
"""In the middle of a minute, of a quarter and of a block of four hours."""
MINUTE: Final = 60_000
HOUR: Final = 3_600_000


def small(
    assets: int = 3,
    rate: float = 150.0,
    seed: int = 5,
    episodes: Sequence[Episode] | None = (),
    *,
    listings: bool = False,
) -> World:
    """A world of few assets, without episodes and listings unless asked for."""
    planned = None if episodes is None else tuple(episodes)
    return World(WorldSpec(seed, assets, rate_frames_per_s=rate, episodes=planned, listings=listings), START)


def plain(happening: Happening) -> tuple[object, ...]:
    """What happened as values that compare across worlds."""
    fields = {name: getattr(happening, name) for name in happening.__struct_fields__}
    return (type(happening).__name__, fields.pop("instrument").index, *fields.values())


def found(world: World, venue: str, symbol: str) -> SimInstrument:
    """An instrument that must be there."""
    one = world.find(venue, symbol)
    assert one is not None
    return one


class Rebuilt:
    """A book put together from a snapshot and changes, as a client would."""

    def __init__(self, state: BookState) -> None:
        self.bids = dict(state.bids)
        self.asks = dict(state.asks)
        self.last = state.update_id

    def apply(self, change: BookChange) -> None:
        """One change; fails on a gap, a level told twice, the removal of nothing, and a crossed book."""
        assert change.first == self.last + 1
        assert change.last >= change.first
        self.last = change.last
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            assert len({ticks for ticks, _ in levels}) == len(levels)
            for ticks, steps in levels:
                assert ticks > 0
                assert steps >= 0
                if steps:
                    side[ticks] = steps
                else:
                    del side[ticks]
        if self.bids and self.asks:
            assert max(self.bids) < min(self.asks)
