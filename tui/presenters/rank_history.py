"""The rank of every row a few minutes ago, for the change of rank.

Every snapshot is added, whatever is on screen. It runs on event time, so a replay shows what live showed. A step back
in time or a new run of the engine clears it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.snapshot import Snapshot
from tui.presenters.row import Key
from tui.presenters.sheet import rank_array

WINDOW_MS: Final = 300_000
"""Changes of rank compare with this long ago."""
SAMPLE_MS: Final = 15_000
"""How often ranks are sampled; so the reference is at most about this much older than the window."""
_OLDEST_MS: Final = WINDOW_MS + 2 * SAMPLE_MS
"""Ranks older than this are forgotten."""
LEAST_MS: Final = 60_000
"""Least age of a reference: in the first minute all rows are new, which says nothing."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    snapshot_instruments: tuple[object, ...]
    rows: dict[Key, int]
    ranks: dict[str, Floats]


class RankHistory:
    """Ranks of the last five minutes, by preset."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()
        self._epoch: int | None = None

    def add(self, snapshot: Snapshot) -> None:
        """Keep the ranks of `snapshot` if the newest sample is old enough."""
        newest = self._samples[-1] if self._samples else None
        if snapshot.epoch != self._epoch or (newest and snapshot.at_ms < newest.at_ms):
            self._samples.clear()
            self._epoch, newest = snapshot.epoch, None
        if newest and snapshot.at_ms - newest.at_ms < SAMPLE_MS:
            return
        rows = len(snapshot.instruments)
        if newest and newest.snapshot_instruments == snapshot.instruments:
            numbers = newest.rows
        else:
            numbers = {Key(i.venue, i.symbol): row for row, i in enumerate(snapshot.instruments)}
        ranks = {preset: rank_array(ranking, rows) for preset, ranking in snapshot.rankings.items()}
        self._samples.append(_Sample(snapshot.at_ms, snapshot.instruments, numbers, ranks))
        # Once the second oldest is as old as the window, the oldest is no longer needed. After a pause without
        # snapshots (a suspended console, a machine that slept), the older ones are not a reference for this window.
        samples, at_ms = self._samples, snapshot.at_ms
        while (len(samples) > 1 and at_ms - samples[1].at_ms >= WINDOW_MS) or at_ms - samples[0].at_ms > _OLDEST_MS:
            samples.popleft()

    def before(self, snapshot: Snapshot, preset: str) -> Floats | None:
        """Each row's rank at the start of the window, NaN if it had none; None while there is no reference."""
        if not self._samples or snapshot.at_ms - self._samples[0].at_ms < LEAST_MS:
            return None
        sample = self._samples[0]
        ranks = sample.ranks.get(preset)
        if ranks is None:
            return None
        if sample.snapshot_instruments == snapshot.instruments:
            return ranks
        then = np.full(len(snapshot.instruments), np.nan)
        for row, instrument in enumerate(snapshot.instruments):
            number = sample.rows.get(Key(instrument.venue, instrument.symbol))
            if number is not None:
                then[row] = ranks[number]
        return then
