"""Bars of one instrument in any interval, from generated history, the rings of live bars, and the forming minute.

Assembled on request for `engine.simulator.world`; the bar that contains the world's start is merged from history and
live bars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.simulator.happenings import Bar
from engine.simulator.market.history import LADDER, MINUTE_MS
from engine.simulator.market.live_bars import LiveBars
from engine.simulator.market.past import BUY, BUY_QUOTE, CLOSE, FILLS, OPEN, QUOTE, STEPS, WIDTH, Past, Rows, grouped

INTERVALS: Final[dict[str, int]] = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": 3_600_000, "2h": 7_200_000,
    "4h": 14_400_000, "1d": 86_400_000,
}  # fmt: skip


def length_of(interval: str, known: dict[str, int]) -> int:
    """Milliseconds of an interval; raises ValueError for an unknown one."""
    if (length := known.get(interval)) is None:
        raise ValueError(f"no bars or points of {interval!r}; there are {' '.join(known)}")
    return length


def base_of(length_ms: int) -> int:
    """The longest stored bar length that divides `length_ms`."""
    return next(one for one in LADDER if length_ms % one == 0)


class Candles:
    """Bars of all instruments."""

    def __init__(self, live: LiveBars, start_ms: int) -> None:
        self._live = live
        self._start = start_ms // MINUTE_MS * MINUTE_MS
        self._heads: dict[tuple[int, int], Rows] = {}

    def rows(
        self, row: int, past: Past | None, forming: Callable[[], Rows], length_ms: int, first: int, count: int
    ) -> tuple[int, Rows]:
        """(number of the first bar, `[bars, 9]`): up to `count` bars from number `first` on, the forming one included.

        `past` is None for an instrument without history; `forming()` returns the forming minute, `[1, 9]`.
        """
        base_ms = base_of(length_ms)
        by = length_ms // base_ms
        low, end = first * by, (first + count) * by
        pieces: list[Rows] = []
        if past is not None:
            low = max(low, past.oldest_ms() // base_ms)
            before = min(end, self._start // base_ms)
            if before > low:
                pieces.append(past.rows(base_ms, low, before - low))
        else:
            low = max(low, self._start // base_ms)
        live_from = max(low, self._start // base_ms)
        oldest = self._live.oldest(base_ms)
        turned = oldest > live_from
        if turned:
            # The ring has wrapped: between history and its oldest bar nothing this fine is kept.
            pieces, low = [], max(low, oldest)
            live_from = low
        closed = self._live.end_ms // base_ms
        if min(end, closed) > live_from:
            rows = self._live.closed(base_ms, row, live_from, min(end, closed) - live_from)
            if past is not None and live_from * base_ms < self._start:
                rows[:1] = grouped(np.concatenate((self._head(row, past, base_ms), rows[:1])), 2)
            pieces.append(rows)
        if live_from <= closed < end:
            parts = [self._live.forming(base_ms, row), forming()]
            if past is not None and closed * base_ms < self._start:
                parts.insert(0, self._head(row, past, base_ms))
            rows = np.concatenate(parts)
            pieces.append(grouped(rows, len(rows)))
        if not pieces:
            return first, np.empty((0, WIDTH), dtype=np.int64)
        rows = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
        if by == 1:
            return low, rows
        out: list[Rows] = []
        if ragged := min(-low % by, len(rows)):
            # An instrument's first bar may start within an interval; one cut off by the ring is incomplete: drop it.
            if not turned:
                out.append(grouped(rows[:ragged], ragged))
                low -= by
            rows, low = rows[ragged:], low + ragged
        whole = len(rows) // by * by
        out.append(grouped(rows[:whole], by))
        if whole < len(rows):
            out.append(grouped(rows[whole:], len(rows) - whole))
        return -(-low // by), np.concatenate(out)

    def head(self, row: int, past: Past, length_ms: int, number: int) -> list[int] | None:
        """The generated part of bar `number` of a length in `LADDER`; None unless the world's start lies within it."""
        if number != self._start // length_ms or self._start % length_ms == 0:
            return None
        out: list[int] = self._head(row, past, length_ms)[0].tolist()
        return out

    def _head(self, row: int, past: Past, base_ms: int) -> Rows:
        """`[1, 9]`: the part before the world's start of the bar that contains it."""
        key = (row, base_ms)
        if (head := self._heads.get(key)) is None:
            minutes = self._start % base_ms // MINUTE_MS
            if minutes == 0:
                head = np.zeros((1, WIDTH), dtype=np.int64)
                head[:, OPEN : CLOSE + 1] = past.rows(MINUTE_MS, self._start // MINUTE_MS - 1, 1)[:, CLOSE : CLOSE + 1]
            else:
                head = grouped(past.rows(MINUTE_MS, self._start // MINUTE_MS - minutes, minutes), minutes)
            self._heads[key] = head
        return head


def bars_of(rows: Rows, first: int, length_ms: int, now_ms: int) -> list[Bar]:
    """Rows as `Bar` records, closed if their interval has passed."""
    opens = range(first * length_ms, (first + len(rows)) * length_ms, length_ms)
    return [
        Bar(ms, length_ms, one[0], one[1], one[2], one[3], one[STEPS], one[BUY], one[QUOTE], one[BUY_QUOTE],
            one[FILLS], ms + length_ms <= now_ms)
        for ms, one in zip(opens, rows.tolist(), strict=True)
    ]  # fmt: skip
