"""The view model of the market map: the order of its cells and the cursor.

Made by the market screen, which passes it snapshots and cursor moves; `tui.presenters.market` draws it. The order is
rebuilt at most once per `ORDER_PERIOD_S`, changes only as `tui.presenters.ordering` allows, and never while the user is
moving in it. The cursor belongs to a symbol, not to a position. No Textual here, and no clock: `now_s` is passed in.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.snapshot import Snapshot
from tui.presenters.ordering import Hysteresis
from tui.presenters.row import Key

ORDER_PERIOD_S: Final = 1.0
MARGIN: Final = math.log(1.05)
"""Log of the factor 1.05. By that much an asset's volume must exceed its neighbour's to overtake it at once, and
another perpetual's volume must exceed that of the one which represents the asset to replace it."""


def perpetuals(snapshot: Snapshot) -> NDArray[np.int64]:
    """Rows that are ranked or stopped by a gate: all that the table can show."""
    ranking = snapshot.ranking
    return np.concatenate([ranking.candidates, ranking.vetoed]).astype(np.int64)


class HeatMap:
    """One cell per asset, largest 24 h volume first; the asset's perpetual with the largest volume represents it."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._rows: dict[Key, int] = {}
        self._order: list[Key] = []
        self._assets: dict[Key, str] = {}
        """The asset of each cell's perpetual, as of the last order."""
        self._hysteresis = Hysteresis()
        self._ordered_s = -math.inf
        self._held_until_s = -math.inf
        self.cursor: Key | None = None
        """The perpetual of the cell under the cursor; None while there is no cell."""

    @property
    def cells(self) -> list[tuple[Key, int | None]]:
        """Every cell in order with its perpetual's row; None if the perpetual is gone while the order is held."""
        return [(key, self._rows.get(key)) for key in self._order]

    @property
    def place(self) -> int | None:
        """The position of the cell under the cursor, from 0."""
        return self._order.index(self.cursor) if self.cursor in self._order else None

    @property
    def row(self) -> int | None:
        """The row of the perpetual under the cursor; None if there is none or it is gone."""
        return None if self.cursor is None else self._rows.get(self.cursor)

    def hold(self, until_s: float) -> None:
        """Keep the order until then, because the user is reading; scores still update."""
        self._held_until_s = until_s

    def update(self, snapshot: Snapshot, now_s: float) -> None:
        """Take a newer snapshot."""
        if snapshot is not self._snapshot:
            restarted = self._snapshot is not None and snapshot.epoch != self._snapshot.epoch
            self._snapshot = snapshot
            instruments = snapshot.instruments
            rows = perpetuals(snapshot).tolist()
            self._rows = {Key(instruments[row].venue, instruments[row].symbol): row for row in rows}
            if restarted:
                self._ordered_s = self._held_until_s = -math.inf
        if not self._order or (now_s >= self._held_until_s and now_s - self._ordered_s >= ORDER_PERIOD_S):
            self._reorder(snapshot, now_s)

    def move_rows(self, count: int, across: int) -> None:
        """Move the cursor `count` rows of `across` cells down, or up if negative, keeping its column if possible."""
        place = self.place or 0
        last = len(self._order) - 1
        row = min(max(0, place // across + count), max(0, last) // across)
        self.move_to(row * across + place % across)

    def move_to(self, place: int) -> None:
        """Move the cursor to this position, or the nearest one."""
        if self._order:
            self.cursor = self._order[min(max(0, place), len(self._order) - 1)]

    def _reorder(self, snapshot: Snapshot, now_s: float) -> None:
        self._ordered_s = now_s
        volume = snapshot.columns.volume_24h_usd
        values = {
            key: math.log(size) if (size := float(volume[row])) > 0 else -math.inf for key, row in self._rows.items()
        }
        chosen = self._largest(snapshot, values)
        target = sorted(chosen.values(), key=lambda key: (-values[key], key))
        place = self.place or 0
        self._order = self._hysteresis.settle(
            self._order, target, {key: (0, value) for key, value in values.items()}, MARGIN
        )
        if self.place is None:
            self.cursor = chosen.get(self._assets.get(self.cursor, "")) if self.cursor is not None else None
            if self.cursor is None:
                self.move_to(place)
        self._assets = {key: asset for asset, key in chosen.items()}

    def _largest(self, snapshot: Snapshot, values: dict[Key, float]) -> dict[str, Key]:
        """The perpetual that represents each asset: the present one, unless another's volume is ahead by `MARGIN`."""
        stood = set(self._order)
        chosen: dict[str, Key] = {}
        for key, row in self._rows.items():
            asset = snapshot.instruments[row].asset
            held = chosen.get(asset)
            if held is None or values[key] + MARGIN * (key in stood) > values[held] + MARGIN * (held in stood):
                chosen[asset] = key
        return chosen
