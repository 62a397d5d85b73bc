"""Plans the candle backfill: which bars are missing and in which order to request them, most important symbols first.

Pure bookkeeping for one venue; `engine.feeds.venue` sends the requests, and the answers reach the market like all
records. Missing bars are found by comparing with the market's own bars each time, so an aborted run, a machine that
slept and a venue that was down are all the same case, and bars stored by an earlier run are not requested again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.timeframes import INTERVAL_MS, SCORED

BARS: Final[dict[str, int]] = {"4h": 463, "15m": 463, "5m": 463, "1m": 300}
"""Closed bars wanted of each timeframe, in the order of requests for a symbol: scored timeframes first, and coarser
before finer, so that no bar is summed from finer ones that the venue then sends. 463 are the most that a component
rests on (ATR100, see `engine.prism.bar_bank`); a request for them weighs no more than one for 300 at Binance, and one
answer of Bybit and Bitget holds them. OKX returns 300, so it is asked for older bars once all symbols have the newest.
"""
BEHIND: Final[dict[str, int]] = {"1m": 5, "5m": 2, "15m": 2, "4h": 2}
"""Bars by which the newest may lag before it counts as missing: venues push no bar for a minute without trades."""
AGAIN_MS: Final = 300_000
"""Least time between two requests for the same bars: a young coin has no more of them."""
DOUBT_MS: Final = 12_000
"""An answer received this soon after a bar closed may have been made before, and the parsers then leave the bar open:
their longest doubt (`engine.venues.bars`) and a margin."""


@dataclass(frozen=True, slots=True)
class Run:
    """The bars held of one symbol and timeframe."""

    newest_ms: int
    """Open time of the newest closed bar of the unbroken run; -1: none."""
    bars: int
    """Closed bars in the run."""
    hole: bool = False
    """There are older bars before a gap that has not been filled."""


NOTHING: Final = Run(-1, 0)


@dataclass(frozen=True, slots=True)
class Job:
    """One request for bars."""

    symbol: str
    interval: str
    bars: int
    end_ms: int | None = None
    """Open time of the newest bar wanted; None: the newest that there are."""


class Backfill:
    """The backfill queue of one venue."""

    def __init__(self, held: Callable[[str, str], Run], most: int) -> None:
        """`held(symbol, interval)` returns the bars that the market has; `most`: bars in one answer of the venue."""
        self._held = held
        self._most = most
        self._asked: dict[tuple[str, str], int] = {}
        self._doubtful: dict[tuple[str, str], int] = {}
        """Open time of the bar that had just closed when an answer was received."""
        self._older: dict[tuple[str, str], int] = {}
        """`end_ms` of the newest request for older bars."""
        self._queue: list[Job] = []
        self.wanted = 0
        """Jobs of the newest plan."""

    @property
    def waiting(self) -> int:
        """Jobs planned but not yet taken."""
        return len(self._queue)

    def plan(self, symbols: Sequence[str], now_ms: int, scored: Collection[str] = ()) -> int:
        """Replan for `symbols`, the most important first; returns the number of jobs. Those of them in `scored` also
        get the older bars that did not fit into one answer, after everything else."""
        self._queue = [
            Job(symbol, interval, bars)
            for symbol in symbols
            for interval in BARS
            if (bars := self._missing(symbol, interval, now_ms))
        ]
        older = [
            self._before(symbol, name) for symbol in symbols if symbol in scored for name in BARS if name in SCORED
        ]
        self._queue += [job for job in older if job is not None]
        self._queue.reverse()
        self.wanted = len(self._queue)
        return self.wanted

    def take(self, now_ms: int) -> Job | None:
        """Take the next job, which then counts as requested; None: nothing is missing."""
        while self._queue:
            job = self._queue.pop()
            if job.end_ms is not None:
                if (older := self._before(job.symbol, job.interval)) is not None and older.end_ms is not None:
                    self._older[job.symbol, job.interval] = older.end_ms
                    return older
            elif self._missing(job.symbol, job.interval, now_ms):
                self._asked[job.symbol, job.interval] = now_ms
                return job
        return None

    def failed(self, job: Job) -> None:
        """The request for `job` got no answer: the next plan may include it again."""
        (self._asked if job.end_ms is None else self._older).pop((job.symbol, job.interval), None)

    def answered(self, job: Job, now_ms: int) -> None:
        """The answer to `job` was received: if its newest closed bar may be missing, a later plan asks for that bar."""
        if job.end_ms is not None:
            return
        length = INTERVAL_MS[job.interval]
        if now_ms % length < DOUBT_MS:
            self._doubtful[job.symbol, job.interval] = now_ms // length * length - length
        else:
            self._doubtful.pop((job.symbol, job.interval), None)

    def forget(self, symbols: Iterable[str]) -> None:
        """Forget symbols that are no longer followed."""
        gone = set(symbols)
        self._asked = {key: when for key, when in self._asked.items() if key[0] not in gone}
        self._doubtful = {key: open_ms for key, open_ms in self._doubtful.items() if key[0] not in gone}
        self._older = {key: end_ms for key, end_ms in self._older.items() if key[0] not in gone}

    def _missing(self, symbol: str, interval: str, now_ms: int) -> int:
        """Bars to request, including the forming one; 0: none."""
        length = INTERVAL_MS[interval]
        held = self._held(symbol, interval)
        current = now_ms // length * length
        behind = (current - held.newest_ms) // length - 1 if held.newest_ms >= 0 else BARS[interval]
        if self._is_due(symbol, interval, held, now_ms):
            return min(behind + 2, BARS[interval] + 1, self._most)
        if now_ms - self._asked.get((symbol, interval), -AGAIN_MS) < AGAIN_MS:
            return 0
        # An answer includes the forming bar, and may leave open the one before it, which a later request brings.
        if held.bars < min(BARS[interval], self._most - 1) - 1 and (held.hole or (symbol, interval) not in self._asked):
            return min(BARS[interval] + 1, self._most)
        if behind > BEHIND[interval]:
            return min(behind + 2, BARS[interval] + 1, self._most)
        return 0

    def _before(self, symbol: str, interval: str) -> Job | None:
        """The request for bars before those of a full answer; None: none are wanted, or the venue has none."""
        held = self._held(symbol, interval)
        # A full answer holds the forming bar, and may hold one in doubt.
        if not self._most - 2 <= held.bars < BARS[interval]:
            return None
        end_ms = held.newest_ms - held.bars * INTERVAL_MS[interval]
        if end_ms == self._older.get((symbol, interval)):
            return None
        return Job(symbol, interval, min(BARS[interval] - held.bars, self._most), end_ms)

    def _is_due(self, symbol: str, interval: str, held: Run, now_ms: int) -> bool:
        """Whether a bar that was in doubt is still missing, and no longer in doubt."""
        doubtful_ms = self._doubtful.get((symbol, interval))
        if doubtful_ms is None or held.newest_ms >= doubtful_ms:
            return False
        return now_ms >= doubtful_ms + INTERVAL_MS[interval] + DOUBT_MS
