"""Candles of all timeframes: the venues' closed bars, and bars derived from finer ones if a venue sends none.

Filled by `engine.market.state`; read by the scores through `MarketView.bars` and by the snapshot for charts. Only
bars that a venue flagged as closed enter the columns. A forming bar that is overtaken by a newer one without that flag
is not assumed closed (all venues here send the flag): it leaves a gap until a backfill brings it. A derived bar exists
only if all of its children do, and never replaces a bar that the venue sent.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.events import NAN, Candle
from engine.market.bar import Bar
from engine.market.bars import OPEN, VOLUME, BarFrame, Change
from engine.market.universe import Universe
from engine.market.view import Bars
from engine.timeframes import INTERVAL_MS, PARENT

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

WINDOW: Final = 500
"""Bars of each timeframe in a view."""

CAPACITY: Final = WINDOW + 20
"""Closed bars kept of each timeframe. At 61 bytes a bar they are most of the program's memory: 0.13 MB a row."""

CHANGE_FRAMES: Final = ("1m", "5m", "15m")
"""Timeframes from which price changes are read, and 24 h volumes if they keep a day: the finest that covers the span
is used."""

COARSER: Final[dict[str, str]] = {child: parent for parent, child in PARENT.items()}


class DayVolume:
    """Sum of the newest 24 h of one timeframe's bars by row, recomputed only for rows that changed.

    ValueError for a timeframe that keeps less than a day: all of its bars would be taken for one.
    """

    def __init__(self, frame: BarFrame) -> None:
        if not _holds_day(frame):
            raise ValueError(f"{frame.capacity} bars of {frame.interval_ms} ms are less than the day to be summed")
        self._frame = frame
        self._bars = DAY_MS // frame.interval_ms
        self._version = -1
        self._sum: Floats = np.zeros(0)
        self._revision: Ints = np.zeros(0, dtype=np.int64)

    def all(self, at_ms: int) -> Floats:
        """`[rows]` dollars; NaN without 24 consecutive hours of bars, or if they end two bars before `at_ms`."""
        frame = self._frame
        rows = len(frame.count)
        self._grow(rows)
        if frame.version != self._version:
            self._refresh(np.flatnonzero(frame.heads().revisions != self._revision[:rows]))
            self._version = frame.version
        return np.where(at_ms - frame.heads().newest < 3 * frame.interval_ms, self._sum[:rows], np.nan)

    def of(self, row: int, at_ms: int) -> float:
        """The same for one row."""
        frame = self._frame
        if at_ms - frame.newest[row] >= 3 * frame.interval_ms:
            return NAN
        self._grow(len(frame.count))
        if frame.revision[row] != self._revision[row]:
            self._refresh(np.array([row], dtype=np.int64))
        return float(self._sum[row])

    def _grow(self, rows: int) -> None:
        short = rows - len(self._sum)
        if short > 0:
            self._sum = np.concatenate((self._sum, np.full(short, np.nan)))
            self._revision = np.concatenate((self._revision, np.zeros(short, dtype=np.int64)))
            self._version = -1

    def _refresh(self, rows: Ints) -> None:
        frame = self._frame
        # missing bars are NaN, and so is every sum that includes one
        self._sum[rows] = frame.values[rows, VOLUME, -self._bars :].sum(axis=1)
        self._revision[rows] = np.array(frame.revision, dtype=np.int64)[rows]


class CandleStore:
    """The bars of all rows and timeframes."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.frames: dict[str, BarFrame] = {name: BarFrame(ms, CAPACITY) for name, ms in INTERVAL_MS.items()}
        self.ignored = 0
        """Candles of an interval that is not kept."""
        self._names = {ms: name for name, ms in INTERVAL_MS.items()}
        self._forming: dict[str, list[Candle | None]] = {name: [] for name in INTERVAL_MS}
        self._days = [DayVolume(frame) for frame in map(self.frames.__getitem__, CHANGE_FRAMES) if _holds_day(frame)]

    def add_row(self) -> None:
        """One more row, as the universe has just allocated it."""
        for name, frame in self.frames.items():
            frame.add_row(self._universe.capacity)
            self._forming[name].append(None)

    def apply(self, row: int, candle: Candle) -> None:
        """Take a candle, and update the columns with what it closes, corrects or completes."""
        name = self._names.get(candle.interval_ms)
        if name is None:
            self.ignored += 1
            return
        if not candle.closed:
            self._form(row, name, candle)
            return
        self._put(row, name, self._bar(row, candle))

    def window(self, timeframe: str, width: int = WINDOW) -> Bars:
        """Closed bars of one timeframe, `[rows, width]`; `width` at most `CAPACITY`."""
        if not 0 < width <= CAPACITY:
            raise ValueError(f"{timeframe} keeps {CAPACITY} bars, {width} were asked for")
        return self.frames[timeframe].window(self._universe.rows, width)

    def forming(self, row: int, timeframe: str) -> Bar | None:
        """The bar that is still forming; None if nothing of it is known or it has closed.

        The newer of what the venue last sent of it and the sum of its finer bars so far: venues push only the finest
        bars, and a coarser one fetched by REST does not update afterwards.
        """
        found = self._formed(row, timeframe)
        return None if found is None else found[1]

    def change(self, span_ms: int, at_ms: int, last: Floats, last_ms: Ints) -> Floats:
        """`[rows]` last price over the price `span_ms` before `at_ms`, less 1.

        The earlier price is the open of the closed bar that covers that instant, of the finest timeframe that reaches
        it. NaN if none does, or if `last` is itself from before that instant.
        """
        then_ms = at_ms - span_ms
        then = np.full(self._universe.rows, np.nan)
        for name in CHANGE_FRAMES:
            frame = self.frames[name]
            heads = frame.heads()
            back = -((then_ms - heads.newest) // frame.interval_ms)
            known = (back >= 0) & (back < heads.counts) & np.isnan(then)
            rows = np.flatnonzero(known)
            then[rows] = frame.values[rows, OPEN, frame.capacity - 1 - back[rows]]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((last_ms > then_ms) & (then > 0), last / then - 1.0, np.nan)

    def volume_24h_usd(self, at_ms: int) -> Floats:
        """`[rows]` dollars over exactly 24 h of consecutive closed bars that end less than two bars ago; else NaN."""
        total = self._days[0].all(at_ms)
        for day in self._days[1:]:
            total = np.where(np.isnan(total), day.all(at_ms), total)
        return total

    def volume_24h_usd_of(self, row: int, at_ms: int) -> float:
        """The same for one row."""
        for day in self._days:
            total = day.of(row, at_ms)
            if total == total:
                return total
        return NAN

    def closes_at(self, timeframe: str, open_ms: Ints) -> Floats:
        """`[rows, len(open_ms)]` closes of the bars that opened at the given times; NaN if a row has none."""
        frame = self.frames[timeframe]
        rows = self._universe.rows
        heads = frame.heads()
        back, rest = np.divmod(heads.newest[:, None] - open_ms[None, :], frame.interval_ms)
        known = (rest == 0) & (back >= 0) & (back < heads.counts[:, None])
        columns = np.where(known, frame.capacity - 1 - back, 0)
        closes = frame.values[np.arange(rows)[:, None], 3, columns]
        return np.where(known, closes, np.nan)

    def _form(self, row: int, name: str, candle: Candle) -> None:
        forming = self._forming[name]
        known = forming[row]
        if known is None or (candle.open_ms, candle.ts_ms) >= (known.open_ms, known.ts_ms):
            forming[row] = candle

    def _formed(self, row: int, name: str) -> tuple[int, Bar] | None:
        """The forming bar and the event time it is known up to, milliseconds."""
        summed, candle = self._summed(row, name), self._forming[name][row]
        if candle is None or candle.open_ms <= self.frames[name].newest[row]:
            return summed
        if summed is not None and (summed[1].open_ms, summed[0]) >= (candle.open_ms, candle.ts_ms):
            return summed
        return candle.ts_ms, self._bar(row, candle)

    def _summed(self, row: int, name: str) -> tuple[int, Bar] | None:
        """The same from the finer bars, closed and forming; None if one of them is missing."""
        finer = PARENT.get(name)
        if finer is None:
            return None
        frame, live = self.frames[finer], self._formed(row, finer)
        newest = frame.newest[row]
        if live is None and newest < 0:
            return None
        last_ms = newest if live is None else live[1].open_ms
        start_ms = last_ms - last_ms % INTERVAL_MS[name]
        if start_ms <= self.frames[name].newest[row]:
            return None
        ended_ms = last_ms + (frame.interval_ms if live is None else 0)
        closed = [frame.get(row, open_ms) for open_ms in range(start_ms, ended_ms, frame.interval_ms)]
        children = [bar for bar in (*closed, None if live is None else live[1]) if bar is not None]
        if None in closed or children[0].open_ms != start_ms:
            return None
        return ended_ms if live is None else live[0], _sum(start_ms, children)

    def _bar(self, row: int, candle: Candle) -> Bar:
        in_usd = self._universe.in_usd[row]
        return Bar(
            candle.open_ms,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume_quote if in_usd else NAN,
            candle.taker_buy_quote if in_usd else NAN,
            candle.trades,
            derived=False,
        )

    def _put(self, row: int, name: str, bar: Bar) -> None:
        frame = self.frames[name]
        change = frame.put(row, bar)
        coarser = COARSER.get(name)
        if change is Change.NONE or coarser is None or bar.open_ms % frame.interval_ms:
            return
        length = INTERVAL_MS[coarser]
        start = bar.open_ms - bar.open_ms % length
        if change is Change.APPENDED and bar.open_ms + frame.interval_ms != start + length:
            return  # a newest bar that is not its parent's last child cannot complete it
        known = self.frames[coarser].get(row, start)
        if known is not None and not known.derived:
            return  # the venue's own bar is kept
        derived = self._derive(row, frame, start, length)
        if derived is not None:
            self._put(row, coarser, derived)

    @staticmethod
    def _derive(row: int, frame: BarFrame, start_ms: int, length_ms: int) -> Bar | None:
        """The bar from `start_ms` summed from its children; None if one is missing."""
        children: list[Bar] = []
        for open_ms in range(start_ms, start_ms + length_ms, frame.interval_ms):
            child = frame.get(row, open_ms)
            if child is None:
                return None
            children.append(child)
        return _sum(start_ms, children)


def _holds_day(frame: BarFrame) -> bool:
    return frame.capacity * frame.interval_ms >= DAY_MS


def _sum(start_ms: int, children: list[Bar]) -> Bar:
    """One bar of consecutive ones, oldest first."""
    trades = [child.trades for child in children]
    return Bar(
        start_ms,
        children[0].open,
        max(child.high for child in children),
        min(child.low for child in children),
        children[-1].close,
        sum(child.volume_usd for child in children),
        sum(child.buy_usd for child in children),
        -1 if min(trades) < 0 else sum(trades),
        derived=True,
    )
