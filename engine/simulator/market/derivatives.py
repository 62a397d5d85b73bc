"""Time series of perpetuals: funding settlements, open interest and ratios, before the world's start and since.

Queried by `engine.simulator.world`. Before the start the series are keyed noise, since then what the driver recorded;
the two join without a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.simulator.happenings import FundingSettled, InterestPoint, RatioName, RatioPoint
from engine.simulator.market.candles import length_of
from engine.simulator.market.driver import DAY_MS, HOUR_MS, Driver
from engine.simulator.market.history import LADDER
from engine.simulator.market.past import Past
from engine.simulator.market.positioning import POINT_MS, Points, Positioning, long_shares
from engine.simulator.sim_instrument import SimInstrument

PERIODS: Final[dict[str, int]] = {
    "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000,
}  # fmt: skip
PAST_MS: Final = 2_000 * DAY_MS
"""Longest reach of open interest and ratios before the start."""


def funding_ms(instrument: SimInstrument) -> int:
    """Time between two settlements; raises ValueError for an instrument without funding."""
    if not instrument.funding_interval_h:
        raise ValueError(f"{instrument.venue} {instrument.symbol} is no perpetual and has no funding")
    return instrument.funding_interval_h * HOUR_MS


class Derivatives:
    """Series of all perpetuals."""

    def __init__(
        self,
        driver: Driver,
        positioning: Positioning,
        points: Points,
        past: Callable[[int], Past | None],
        start_ms: int,
    ) -> None:
        self._driver = driver
        self._positioning = positioning
        self._points = points
        self._past = past
        self._start_ms = start_ms

    def funding_history(self, instrument: SimInstrument, count: int, end_ms: int | None) -> list[FundingSettled]:
        """Up to `count` settlements at or before `end_ms`, oldest first."""
        if count <= 0:
            return []
        row, period = instrument.index, funding_ms(instrument)
        end = self._driver.now_ms if end_ms is None else end_ms
        lived = [FundingSettled(instrument, *one) for one in self._driver.settled(row) if one[0] <= end]
        missing = count - len(lived)
        past = self._past(row)
        if missing <= 0 or past is None:
            return lived[-count:]
        last = min(end, self._start_ms) // period
        first = max(last - missing + 1, -(-instrument.listed_ms // period), past.oldest_ms() // period + 1)
        times = np.arange(first, last + 1, dtype=np.int64) * period
        rates = self._positioning.past_rates(row, times).tolist()
        marks = self._marks(past, times, period)
        before = [FundingSettled(instrument, *one) for one in zip(times.tolist(), rates, marks, strict=True)]
        return before + lived

    def open_interest_history(
        self, instrument: SimInstrument, start_oi: int, period: str, count: int, end_ms: int | None
    ) -> list[InterestPoint]:
        """Up to `count` points at period ends, oldest first; `start_oi` is the open interest at the world's start."""
        row = instrument.index
        length = length_of(period, PERIODS)
        before, after = self._times(instrument, length, count, end_ms)
        out: list[InterestPoint] = []
        past = self._past(row)
        if len(before) and past is not None:
            steps = np.rint(start_oi * self._positioning.past_interest(row, before)).astype(np.int64).tolist()
            marks = self._marks(past, before, length)
            out = [InterestPoint(*one) for one in zip(before.tolist(), steps, marks, strict=True)]
        for ms in after:
            if (point := self._points.at(ms, row)) is not None:
                out.append(InterestPoint(ms, point[0], point[1]))
        return out

    def ratios(
        self, instrument: SimInstrument, kind: RatioName, period: str, count: int, end_ms: int | None
    ) -> list[RatioPoint]:
        """Up to `count` long/short ratios at period ends, oldest first."""
        row = instrument.index
        before, after = self._times(instrument, length_of(period, PERIODS), count, end_ms)
        shares = self._positioning.past_ratios(row, kind, before).tolist()
        out = [RatioPoint(ms, share, 10_000 - share) for ms, share in zip(before.tolist(), shares, strict=True)]
        for ms in after:
            if (point := self._points.at(ms, row)) is not None:
                share = int(long_shares(kind, np.array(point[2]), np.array(point[3])))
                out.append(RatioPoint(ms, share, 10_000 - share))
        return out

    @staticmethod
    def _marks(past: Past, times: NDArray[np.int64], step: int) -> list[int]:
        """Mark prices in hundredths of a tick at `times`, which are `step` apart and before the start."""
        if not len(times):
            return []
        length = next(one for one in LADDER if step % one == 0 and int(times[0]) % one == 0)
        length = max(length, POINT_MS)
        first, last = int(times[0]) // length, int(times[-1]) // length
        opens = past.history.bars(length, first, last - first + 1).open[:: step // length]
        marks: list[int] = past.fine_ticks(opens).tolist()
        return marks

    def _times(
        self, instrument: SimInstrument, length: int, count: int, end_ms: int | None
    ) -> tuple[NDArray[np.int64], list[int]]:
        """Period ends before the world's start, and those since."""
        now = self._driver.now_ms
        last = (now if end_ms is None else min(end_ms, now)) // length
        oldest = max(instrument.listed_ms, self._start_ms - PAST_MS)
        first = max(last - count + 1, -(-oldest // length))
        split = min(last, (self._start_ms - 1) // length)
        before = np.arange(first, split + 1, dtype=np.int64) * length
        after = [at * length for at in range(max(first, split + 1), last + 1)]
        return before, after
