"""Where every row ranked a few minutes ago, for the change of rank.

Fed by the candidates view model with each snapshot; runs on event time, so a replay shows what live showed. A
step back in time or another run of the engine forgets everything.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.snapshot import Snapshot
from tui.presenters.sheet import Floats, Key, rank_array

WINDOW_MS: Final = 300_000
"""Changes of rank are against this long ago."""
SAMPLE_MS: Final = 15_000
"""How often ranks are kept; the reference is at most this much older than the window."""
LEAST_MS: Final = 60_000
"""Younger references are not used: in the first minute everything is new and says nothing."""


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
        """Keep the ranks of `snapshot` if the newest kept are old enough."""
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
        # The second oldest must not reach the window's start, or the oldest is no longer needed.
        while len(self._samples) > 1 and snapshot.at_ms - self._samples[1].at_ms >= WINDOW_MS:
            self._samples.popleft()

    def before(self, snapshot: Snapshot, preset: str) -> Floats | None:
        """Each row's rank at the start of the window, NaN where it had none; None while there is no such past."""
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
