"""Indicators of every row on every scored timeframe, updated bar by bar: the input of the bar faces.

`engine.prism.score` calls `BarBank.advance` once a scan; `technical` and `volume` read `frames`. A row that closed bars
since the last scan is stepped. A row that is new, has little history, had older bars changed or missed too many bars is
recomputed from the bars in the view. Both ways give the same figures to rounding: ATR100, the only one that would
remember bars which the view has dropped, is restarted from its last 400 bars at every 64th. Nothing here scores.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.indicators import running
from engine.indicators.alignment import ratio
from engine.indicators.momentum import awesome_oscillator
from engine.indicators.participation import flow_share, signed_volume
from engine.indicators.rolling import newest_trend, rolling_sum, z_among
from engine.indicators.running import Running, fill, of_rows, put
from engine.indicators.volatility import atr, in_atr, true_range
from engine.market.view import Bars, MarketView
from engine.prism.board import Reading
from engine.timeframes import SCORED

REVISED: Final = 1_000_000
"""A jump of a row's revision by this much or more means that older bars changed."""
AO_BARS: Final = 34
AO_Z_VALUES: Final = 100
OBV_WINDOW: Final = 20
OBV_Z_VALUES: Final = 100
OBV_Z_LEAST: Final = 30
STEPPED_BARS: Final = AO_BARS - 1 + AO_Z_VALUES
"""Bars a row must have to be stepped: all windows are then full, so a step never has to seed anything."""
STEPPED_VOLUMES: Final = OBV_WINDOW + OBV_Z_VALUES
MAX_STEPS: Final = 64
"""Beyond this many missed bars, recomputing costs no more than stepping."""
SLOW_BARS: Final = 400
"""Bars from which ATR100 is computed at an anchor: 100 seed it, and after the 300 others the seed weighs below 5 %."""
ANCHOR_BARS: Final = 64
"""A bar whose number is a multiple of this is an anchor; ATR100 therefore depends on at most 463 bars."""
WINDOW: Final = 25
"""Bars that the windowed figures need: relative volume's 5 and the 20 before them."""
WIDEST_MOVE: Final = 10.0
"""Bound of the logarithm of relative volume: about a thousandfold, and for no volume minus that."""


class Frame:
    """Readings of one timeframe, `[rows]` each; a figure is NaN until its window is full.

    The bank overwrites the arrays in place: copy what must outlast the scan.
    """

    NAMES: Final = (
        "rsi", "ao", "ao_change", "ao_z", "macd", "williams_r", "cci", "atr_excess", "move_14", "atr", "adx",
        "delta_share", "money_flow", "cmf", "relative_volume", "move_5", "obv_z", "trend_gap",
        "obv_usd", "adl_usd",
    )  # fmt: skip

    def __init__(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms
        self.values: dict[str, Floats] = {name: np.empty(0) for name in self.NAMES}
        self.count: Ints = np.empty(0, dtype=np.int64)
        """Closed bars."""
        self.volumes: Ints = np.empty(0, dtype=np.int64)
        """Consecutive newest bars whose dollar volume is known."""
        self.flows: Ints = np.empty(0, dtype=np.int64)
        """Consecutive newest bars whose taker volume is known too."""
        self.newest_ms: Ints = np.empty(0, dtype=np.int64)
        """Open time of the newest bar; -1: none."""

    def __getitem__(self, name: str) -> Floats:
        return self.values[name]


class FrameBank:
    """One timeframe: its published `frame` and the state behind it."""

    def __init__(self, interval_ms: int) -> None:
        self.frame = Frame(interval_ms)
        self._running = Running()
        self._revision: Ints = np.empty(0, dtype=np.int64)
        self._oscillations: Floats = np.empty((AO_Z_VALUES, 0))
        self._obv_changes: Floats = np.empty((OBV_Z_VALUES, 0))

    def advance(self, bars: Bars) -> bool:
        """Bring every row up to `bars`; returns whether anything changed."""
        self._grow(len(bars.count))
        moved = np.flatnonzero(bars.revision != self._revision)
        if not moved.size:
            return False
        by = bars.revision[moved] - self._revision[moved]
        steppable = self._steppable(bars, moved, by)
        self._seed(bars, moved[~steppable])
        stepped, by = moved[steppable], by[steppable]
        for back in range(int(by.max(initial=0)), 0, -1):
            self._step(bars, stepped[by >= back], bars.close.shape[1] - back)
        self._revision[moved] = bars.revision[moved]
        self.frame.count[moved] = bars.count[moved]
        self.frame.newest_ms[moved] = bars.open_ms[moved, -1]
        return True

    def _steppable(self, bars: Bars, rows: Ints, by: Ints) -> Bools:
        """Which of `rows` can be stepped: no older bar changed, and every window is full."""
        frame, width = self.frame, bars.close.shape[1]
        few = (by > 0) & (by <= min(MAX_STEPS, width - STEPPED_BARS)) & (by < REVISED)
        held = (frame.count[rows] >= STEPPED_BARS) & (bars.count[rows] >= STEPPED_BARS)
        follows = bars.open_ms[rows, -1] == frame.newest_ms[rows] + by * bars.interval_ms
        steppable: Bools = few & held & follows
        if steppable.any():
            # A volume that becomes known or unknown restarts its windows, which only seeding can do.
            unknown = np.isnan(bars.volume_usd[rows, width - int(by[steppable].max()) :])
            volumes = frame.volumes[rows]
            steppable &= np.where(
                volumes == 0, unknown.all(axis=1), (volumes >= STEPPED_VOLUMES) & ~unknown.any(axis=1)
            )
        return steppable

    def _grow(self, rows: int) -> None:
        added = rows - len(self._revision)
        if added <= 0:
            return
        frame = self.frame
        for name, values in frame.values.items():
            frame.values[name] = np.append(values, np.full(added, np.nan))
        zeros = np.zeros(added, dtype=np.int64)
        frame.count, frame.volumes = np.append(frame.count, zeros), np.append(frame.volumes, zeros)
        frame.flows, frame.newest_ms = np.append(frame.flows, zeros), np.append(frame.newest_ms, zeros - 1)
        # No revision is negative, so a new row always counts as moved.
        self._revision = np.append(self._revision, zeros - 1)
        self._oscillations = np.append(self._oscillations, np.full((AO_Z_VALUES, added), np.nan), axis=1)
        self._obv_changes = np.append(self._obv_changes, np.full((OBV_Z_VALUES, added), np.nan), axis=1)
        self._running.grow(rows)

    def _seed(self, bars: Bars, rows: Ints) -> None:
        """Compute `rows` from all bars in the view."""
        empty = rows[bars.count[rows] == 0]
        if empty.size:
            self._forget(empty)
            rows = rows[bars.count[rows] > 0]
        if not rows.size:
            return
        width = max(int(bars.count[rows].max()), WINDOW)
        high, low, close = bars.high[rows, -width:], bars.low[rows, -width:], bars.close[rows, -width:]
        volume, buy = _since_newest_gap(bars.volume_usd[rows, -width:]), bars.buy_usd[rows, -width:]
        numbers = bars.open_ms[rows, -1] // bars.interval_ms
        average = self._running.seed(rows, numbers, high, low, close, volume)
        self._settle_slow(bars, rows, numbers)
        oscillation = in_atr(awesome_oscillator(high, low), average, close)
        changes = rolling_sum(signed_volume(close, volume), OBV_WINDOW)
        fill(self._oscillations, rows, numbers + 1, oscillation)
        fill(self._obv_changes, rows, numbers + 1, changes)
        frame = self.frame
        frame["ao_change"][rows] = oscillation[:, -1] - oscillation[:, -2]
        frame.volumes[rows] = _trailing_known(volume)
        frame.flows[rows] = _trailing_known(volume + buy)
        self._publish(rows, oscillation[:, -1], changes[:, -1])
        self._publish_windows(rows, close[:, -WINDOW:], volume[:, -WINDOW:], buy[:, -WINDOW:])

    def _step(self, bars: Bars, rows: Ints, column: int) -> None:
        """Move `rows` on by the bar in `column`."""
        every = len(rows) == len(self._revision)
        chosen: Ints | slice = slice(None) if every else rows
        some = None if every else rows
        close, volume, buy = (
            values[chosen, column - WINDOW + 1 : column + 1] for values in (bars.close, bars.volume_usd, bars.buy_usd)
        )
        self._running.step(some, bars.high[chosen, column], bars.low[chosen, column], close[:, -1], volume[:, -1])
        numbers = bars.open_ms[chosen, column] // bars.interval_ms
        self._settle_anchors(bars, rows, column, numbers)
        frame, read = self.frame, self._running.read
        oscillation = in_atr(read(running.AO, some), read(running.ATR, some), close[:, -1])
        changes = (np.sign(close[:, -20:] - close[:, -21:-1]) * volume[:, -20:]).sum(axis=1)
        frame["ao_change"][chosen] = oscillation - frame["ao"][chosen]
        put(self._oscillations, some, numbers, oscillation)
        put(self._obv_changes, some, numbers, changes)
        frame.volumes[chosen] = np.where(np.isnan(volume[:, -1]), 0, frame.volumes[chosen] + 1)
        frame.flows[chosen] = np.where(np.isnan(volume[:, -1] + buy[:, -1]), 0, frame.flows[chosen] + 1)
        self._publish(some, oscillation, changes)
        self._publish_windows(chosen, close, volume, buy)

    def _settle_anchors(self, bars: Bars, rows: Ints, column: int, numbers: Ints) -> None:
        """Restart ATR100 of those `rows` whose bar in `column` is an anchor with enough bars before it."""
        held = bars.count[rows] - (bars.close.shape[1] - 1 - column)
        due = rows[(numbers % ANCHOR_BARS == 0) & (held >= SLOW_BARS)]
        if due.size:
            self._running.put_slow_atr(due, _slow_atr(bars, due, column))

    def _settle_slow(self, bars: Bars, rows: Ints, numbers: Ints) -> None:
        """Set ATR100 of seeded `rows` to the value that stepping from their last anchor would give."""
        since = numbers % ANCHOR_BARS
        long = bars.count[rows] - since >= SLOW_BARS
        for steps in np.unique(since[long]).tolist():
            group = rows[long & (since == steps)]
            column = bars.close.shape[1] - 1 - steps
            average = _slow_atr(bars, group, column)
            later = slice(column, None)
            spans = true_range(bars.high[group, later], bars.low[group, later], bars.close[group, later])
            for step in range(1, steps + 1):
                average = (average * (running.SLOW_ATR - 1) + spans[:, step]) / running.SLOW_ATR
            self._running.put_slow_atr(group, average)

    def _publish(self, some: Ints | None, oscillation: Floats, obv_change: Floats) -> None:
        """Fill the figures of the running state and the two rings, for some rows or (None) for all."""
        frame = self.frame
        rows: Ints | slice = slice(None) if some is None else some

        def read(column: int) -> Floats:
            return self._running.read(column, some)

        close, average = read(running.CLOSE), read(running.ATR)
        frame["ao"][rows] = oscillation
        history = of_rows(self._oscillations, some)
        full = ~np.isnan(history.sum(axis=0))
        frame["ao_z"][rows] = np.where(full, z_among(oscillation, history), np.nan)
        frame["obv_z"][rows] = _obv_z(obv_change, of_rows(self._obv_changes, some))
        frame["macd"][rows] = in_atr(read(running.MACD), average, close)
        slow = read(running.ATR_100)
        frame["atr_excess"][rows] = in_atr(average - slow, slow, close)
        frame["money_flow"][rows] = flow_share(read(running.FLOW_SUM), read(running.VOLUME_SUM))
        for name, column in _COPIED.items():
            frame[name][rows] = read(column)

    def _publish_windows(self, rows: Ints | slice, close: Floats, volume: Floats, buy: Floats) -> None:
        """Fill the figures that depend only on the newest `WINDOW` bars."""
        frame = self.frame
        delta = 2.0 * buy[:, -20:] - volume[:, -20:]
        frame["delta_share"][rows] = flow_share(delta.sum(axis=1), volume[:, -20:].sum(axis=1))
        frame["relative_volume"][rows] = _log_ratio(volume[:, -5:].sum(axis=1) / 5, volume[:, -25:-5].sum(axis=1) / 20)
        frame["move_5"][rows] = np.sign(close[:, -1] - close[:, -6])
        frame["move_14"][rows] = np.sign(close[:, -1] - close[:, -15])
        frame["trend_gap"][rows] = newest_trend(np.cumsum(delta, axis=1)) - newest_trend(close[:, -20:])

    def _forget(self, rows: Ints) -> None:
        for values in self.frame.values.values():
            values[rows] = np.nan
        self.frame.volumes[rows] = self.frame.flows[rows] = 0
        self._running.clear(rows)


_COPIED: Final = {
    "rsi": running.RSI,
    "williams_r": running.WILLIAMS_R,
    "cci": running.CCI,
    "atr": running.ATR,
    "adx": running.ADX,
    "cmf": running.CMF,
    "obv_usd": running.OBV,
    "adl_usd": running.ADL,
}


class BarBank:
    """All scored timeframes; `frames` by name. One bank belongs to one engine."""

    def __init__(self) -> None:
        self.version = 0
        """Rises whenever any row of any timeframe changed."""
        self.memo: dict[str, tuple[tuple[int, bytes], dict[str, Reading]]] = {}
        """By face, the key and readings of the last scan, so that a scan without a closed bar computes nothing."""
        self.epoch: int | None = None
        """Epoch of the last view; None before the first."""
        self._banks: dict[str, FrameBank] = {}

    @property
    def frames(self) -> dict[str, Frame]:
        """By timeframe, finest first."""
        return {name: bank.frame for name, bank in self._banks.items()}

    def advance(self, view: MarketView) -> None:
        """Take in every bar that closed since the last call; a new epoch starts empty."""
        if view.epoch != self.epoch:
            self.epoch = view.epoch
            self._banks = {name: FrameBank(view.bars[name].interval_ms) for name in SCORED}
            self.version += 1
        changed = [bank.advance(view.bars[name]) for name, bank in self._banks.items()]
        if any(changed):
            self.version += 1


def _slow_atr(bars: Bars, rows: Ints, column: int) -> Floats:
    """ATR100 at the bar in `column`, from the `SLOW_BARS` bars that end with it."""
    held = slice(column + 1 - SLOW_BARS, column + 1)
    return atr(bars.high[rows, held], bars.low[rows, held], bars.close[rows, held], running.SLOW_ATR)[:, -1]


def _since_newest_gap(volume: Floats) -> Floats:
    """Volumes after each row's newest bar of unknown volume; NaN up to it."""
    unbroken = np.logical_and.accumulate(~np.isnan(volume[:, ::-1]), axis=1)[:, ::-1]
    return np.where(unbroken, volume, np.nan)


def _trailing_known(values: Floats) -> Ints:
    """`[rows]` number of consecutive newest values that are known."""
    unbroken: Ints = np.logical_and.accumulate(~np.isnan(values[:, ::-1]), axis=1).sum(axis=1)
    return unbroken


def _obv_z(change: Floats, history: Floats) -> Floats:
    """z of the newest OBV change among the known ones, NaN below `OBV_Z_LEAST` of them."""
    enough = (~np.isnan(history)).sum(axis=0) >= OBV_Z_LEAST
    return np.where(enough, z_among(change, history), np.nan)


def _log_ratio(recent: Floats, before: Floats) -> Floats:
    """log2(recent / before) within +-`WIDEST_MOVE`; 0 if neither period traded."""
    bound = 2.0**WIDEST_MOVE
    quotient = ratio(recent, before, before > 0.0, bound)
    quotient = np.where((recent == 0.0) & (before == 0.0), 1.0, quotient)
    return np.log2(np.clip(quotient, 1.0 / bound, bound))
