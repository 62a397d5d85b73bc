"""Which bars are missing, and in which order they are asked for: the most traded symbols first, the rest after them.

Pure bookkeeping for one venue; `engine.feeds.venue` sends the requests and the answers reach the market like everything
else. What is missing is read off the market's own bars each time, so a run that was cut short, a machine that slept and
a venue that was down are all the same case, and what an earlier run kept is not asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from engine.timeframes import INTERVAL_MS

BARS: Final[dict[str, int]] = {"4h": 300, "15m": 300, "5m": 300, "1m": 300}
"""Closed bars wanted of each timeframe, in the order in which a symbol's are asked for: the scored ones first, and the
coarser before the finer, so that nothing is summed from finer bars that the venue then sends. 300 is what OKX gives in
one answer, and more than the longest window of any component."""
BEHIND: Final[dict[str, int]] = {"1m": 5, "5m": 2, "15m": 2, "4h": 2}
"""Bars by which the newest may lag before it is missed: a venue pushes no bar for a minute without trades."""
AGAIN_MS: Final = 300_000
"""What was asked for is not asked again sooner: a young coin has no more bars, however often one asks."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is held of one symbol and timeframe."""

    newest_ms: int
    """Open time of the newest closed bar of the unbroken run; -1: none."""
    bars: int
    """Closed bars in the run."""
    hole: bool = False
    """Older bars stand before a hole that has not been filled."""


NOTHING: Final = Run(-1, 0)


@dataclass(frozen=True, slots=True)
class Job:
    """One request for bars."""

    symbol: str
    interval: str
    bars: int


class Backfill:
    """What one venue's candles still want."""

    def __init__(self, held: Callable[[str, str], Run], most: int) -> None:
        """`held(symbol, interval)` says what the market has; `most`: bars in one answer of the venue."""
        self._held = held
        self._most = most
        self._asked: dict[tuple[str, str], int] = {}
        self._queue: list[Job] = []
        self.wanted = 0
        """Jobs of the newest plan."""

    @property
    def waiting(self) -> int:
        """Jobs that were planned and not handed out yet."""
        return len(self._queue)

    def plan(self, symbols: Iterable[str], now_ms: int) -> int:
        """Plan anew for `symbols`, the most important first; how many jobs there are."""
        self._queue = [
            Job(symbol, interval, bars)
            for symbol in symbols
            for interval in BARS
            if (bars := self._missing(symbol, interval, now_ms))
        ]
        self._queue.reverse()
        self.wanted = len(self._queue)
        return self.wanted

    def take(self, now_ms: int) -> Job | None:
        """The next job, and note that it was asked for; None: nothing is missing."""
        while self._queue:
            job = self._queue.pop()
            if self._missing(job.symbol, job.interval, now_ms):
                self._asked[job.symbol, job.interval] = now_ms
                return job
        return None

    def failed(self, job: Job) -> None:
        """The request for `job` got no answer: it may be asked for again with the next plan."""
        self._asked.pop((job.symbol, job.interval), None)

    def forget(self, symbols: Iterable[str]) -> None:
        """Symbols that ended."""
        gone = set(symbols)
        self._asked = {key: when for key, when in self._asked.items() if key[0] not in gone}

    def _missing(self, symbol: str, interval: str, now_ms: int) -> int:
        """Bars to ask for, the forming one included; 0: none."""
        length = INTERVAL_MS[interval]
        held = self._held(symbol, interval)
        current = now_ms // length * length
        behind = (current - held.newest_ms) // length - 1 if held.newest_ms >= 0 else BARS[interval]
        if now_ms - self._asked.get((symbol, interval), -AGAIN_MS) < AGAIN_MS:
            return 0
        if held.bars < BARS[interval] and (held.hole or (symbol, interval) not in self._asked):
            return min(BARS[interval] + 1, self._most)
        if behind > BEHIND[interval]:
            return min(behind + 2, BARS[interval] + 1, self._most)
        return 0
