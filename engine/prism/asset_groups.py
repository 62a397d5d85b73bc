"""Rows grouped by asset, so that venues can be compared. Built by `engine.prism.roster` from the instruments.

No market value belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats, Ints
from engine.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows grouped by asset."""

    members: Ints
    """`[assets, most]` rows by venue and symbol, -1 to the right."""
    of_row: Ints
    """`[rows]` place in `members`; -1: the row is not compared."""
    beside: Ints
    """`[rows, most]` the rows of the row's asset, including itself; itself alone if it is not compared. -1-padded."""
    multiplier: Floats
    """`[rows]` units of the asset in one of the row's base currency: 1000 for 1000PEPE."""


def grouped(instruments: tuple[Instrument, ...]) -> Groups:
    """Groups of perpetuals quoted in dollars that trade, for assets on at least two venues."""
    by_asset: dict[tuple[str, str], list[int]] = {}
    for row, one in enumerate(instruments):
        if one.kind == "perp" and one.quote_is_usd and one.status == "trading":
            by_asset.setdefault((one.asset, one.category), []).append(row)
    several = [rows for rows in by_asset.values() if len({instruments[row].venue for row in rows}) > 1]
    for rows in several:
        rows.sort(key=lambda row: (instruments[row].venue, instruments[row].symbol))
    width = max(map(len, several), default=1)
    members = np.full((len(several), width), -1, dtype=np.int64)
    of_row = np.full(len(instruments), -1, dtype=np.int64)
    for place, rows in enumerate(several):
        members[place, : len(rows)] = rows
        of_row[rows] = place
    alone = np.full((len(instruments), width), -1, dtype=np.int64)
    alone[:, 0] = np.arange(len(instruments))
    beside = np.where((of_row >= 0)[:, None], members[of_row], alone) if several else alone
    return Groups(members, of_row, beside, np.array([one.multiplier for one in instruments], dtype=np.float64))
