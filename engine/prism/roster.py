"""Properties of the instruments that the scores need, as arrays over rows.

Built by `engine.prism.score` when the view's instruments change and passed to the live faces. No market value belongs
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument
from engine.prism.asset_groups import Groups, grouped

LEADERS: Final = ("BTC", "ETH")
"""Assets whose mood is the market's."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The instruments of one view. All arrays `[rows]`."""

    instruments: tuple[Instrument, ...]
    venue: Ints
    """Index of the row's venue in `venues`, which is in alphabetical order."""
    venues: tuple[str, ...]
    usd: Bools
    """Quoted in dollars, so that amounts may be called dollars."""
    perp: Bools
    funding_interval_h: Floats
    """As listed; NaN if the listing has none."""
    max_leverage: Floats
    """As listed; NaN if the venue does not publish it."""
    order: Ints
    """Rank by venue and symbol, for ties that must not depend on row numbers."""
    leaders: dict[str, Ints]
    """Rows of the rankable perpetuals on each of `LEADERS`."""
    groups: Groups
    """Perpetuals on one asset on several venues."""

    def newest_of_venue(self, times_ms: Ints) -> Ints:
        """`[rows]` newest of `times_ms` over all rows of the row's venue; -1 if there is none."""
        newest = np.full(len(self.venues), -1, dtype=np.int64)
        np.maximum.at(newest, self.venue, times_ms)
        return newest[self.venue]


WHOLE_MARKET: Final = "all ranked symbols"
"""The source of a rank or a share of the universe."""


def named(instrument: Instrument) -> str:
    """The name of an instrument as the source of a figure."""
    return f"{instrument.venue} {instrument.symbol}"


def enrol(instruments: tuple[Instrument, ...]) -> Roster:
    """The roster of `instruments`, in row order."""
    venues = tuple(sorted({one.venue for one in instruments}))
    number = {venue: i for i, venue in enumerate(venues)}
    by_name = sorted(range(len(instruments)), key=lambda row: (instruments[row].venue, instruments[row].symbol))
    order = np.empty(len(instruments), dtype=np.int64)
    order[by_name] = np.arange(len(instruments))
    intervals = [np.nan if one.funding_interval_h is None else one.funding_interval_h for one in instruments]
    return Roster(
        instruments=instruments,
        venue=np.array([number[one.venue] for one in instruments], dtype=np.int64),
        venues=venues,
        usd=np.array([one.quote_is_usd for one in instruments], dtype=np.bool_),
        perp=np.array([one.kind == "perp" for one in instruments], dtype=np.bool_),
        funding_interval_h=np.array(intervals, dtype=np.float64),
        max_leverage=np.array([one.max_leverage or np.nan for one in instruments], dtype=np.float64),
        order=order,
        leaders={
            asset: np.array([i for i, x in enumerate(instruments) if x.asset == asset and x.is_rankable], np.int64)
            for asset in LEADERS
        },
        groups=grouped(instruments),
    )
