"""Structural levels of every row, kept between scans and recomputed only for rows with a new bar.

Owned by `engine.prism.score`, one per market state, and passed to `engine.prism.structure.structure`. Everything kept
depends only on the closed bars of one view, so a memory that followed a stream and a fresh one given the same bars hold
the same numbers. The live price is used only to place the named levels (`place`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import combinations
from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.indicators.volatility import adx as wilder_adx
from engine.indicators.volatility import atr as wilder_atr
from engine.market.view import Bars, MarketView
from engine.prism import order_blocks, swings, vwap
from engine.prism.position_heat import Heat, position_heat
from engine.prism.row_memo import ALL, Part, RowMemo
from engine.prism.structure_levels import LEVEL_NAMES, PROFILE_NAMES, Nearest, named_prices
from engine.prism.volume_profile import value_areas
from engine.timeframes import SCORED

DAY_MS: Final = 86_400_000

LOOKBACK_BARS: Final = 200
"""Newest bars in which blocks and swings are searched: 16 hours of 5m, 2 days of 15m, 33 days of 4h. Older ones are
dropped, which also bounds the work of a bar close."""

ATR_BARS: Final = 300
"""Bars the Wilder average runs over. Its weights fall by 13/14 a bar, so all earlier bars weigh below 1e-9."""

FEWEST_BARS: Final = 36
"""Bars below which a timeframe has neither blocks nor levels: ATR14 and a 20-bar mean before a displacement."""

SESSION_BARS_MS: Final = 3_600_000
"""A UTC session younger than one hour has no profile of its own yet."""

PROFILE_FEWEST_BARS: Final = 15

ALIGNED_ATR: Final = 0.5
"""Distance, in ATR14 of the level's own timeframe, within which a level of another timeframe confirms it."""


@dataclass(slots=True)
class Frame:
    """Levels of one timeframe, `[rows]` or `[rows, kept]`; NaN if there is none."""

    revision: Ints
    atr: Floats
    adx: Floats
    """ADX14, kept for the high timeframe only."""
    vwap: Floats
    bull_top: Floats
    bull_bottom: Floats
    bull_strength: Floats
    bear_top: Floats
    bear_bottom: Floats
    bear_strength: Floats
    level: Floats
    level_ascending: Floats
    """The same levels in order, NaN last."""
    level_strength: Floats
    level_aligned: Floats
    """0.5 if no other timeframe has a level within `ALIGNED_ATR` of it, 0.75 if one has, 1 if both have."""
    level_weight: Floats
    """`level_strength * level_aligned`."""


@dataclass(slots=True)
class Profiles:
    """Value areas, `[rows]`."""

    revision: Ints
    """`[rows, 2]` revisions of the 5m and the 15m bars they were computed from."""
    session_poc: Floats
    session_high: Floats
    session_low: Floats
    day_poc: Floats
    day_high: Floats
    day_low: Floats
    covered_ms: Ints
    """How much of the trailing 24 h the bars cover."""


class StructureMemory:
    """Cached levels of all rows of one epoch."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next update computes all rows."""
        self.epoch: int | None = None
        self.stack = _empty_stack(0)
        """All scored timeframes side by side, `[3, rows]` or `[3, kept, rows]`: a scan compares the live price with all
        of them at once, in one contiguous pass."""
        self.frames: dict[str, Frame] = _frames_of(self.stack)
        """The same by timeframe, `[rows]` or `[rows, kept]`, as views of the stack."""
        self.profiles = _empty_profiles(0)
        self.prices: Floats = np.zeros((0, len(LEVEL_NAMES)))
        """`[rows, LEVEL_NAMES]` named structural prices at the newest scan, NaN if there is none."""
        self._heat = RowMemo()

    def update(self, view: MarketView) -> None:
        """Update the levels to the closed bars of `view`."""
        if self.epoch != view.epoch or len(self.profiles.day_poc) > view.rows:
            self.clear()
        self.epoch = view.epoch
        if self.stack.atr.shape[1] < view.rows:
            self.stack = _grown(self.stack, view.rows)
            self.frames = _frames_of(self.stack)
        moved = np.zeros(view.rows, dtype=np.bool_)
        for name, frame in self.frames.items():
            bars = view.bars[name]
            changed = np.flatnonzero(frame.revision != bars.revision)
            if len(changed):
                _update_frame(frame, bars, changed, vwap.WINDOW_BARS[name])
                moved[changed] = True
                if name == SCORED[-1]:
                    frame.adx[changed] = _newest_adx(bars, changed)
        if moved.any():
            _align(self.stack, np.flatnonzero(moved))
        _grow(self.profiles, view.rows)
        held, fine, coarse = self.profiles.revision, view.bars["5m"].revision, view.bars["15m"].revision
        changed = np.flatnonzero((held[:, 0] != fine) | (held[:, 1] != coarse))
        if len(changed):
            self._update_profiles(view, changed)
            held[changed, 0], held[changed, 1] = fine[changed], coarse[changed]

    def heat(self, oi_usd: Floats, close: Floats) -> Heat:
        """`position_heat` of the 15m history, recomputed only for rows whose history changed."""
        return Heat(*self._heat.of((oi_usd, close), lambda part: position_heat(oi_usd[part], close[part])))

    def place(self, price: Floats, blocks: Nearest) -> None:
        """Record the named levels nearest to `price` `[rows]`."""
        self.prices = named_prices(price, self.profiles, self.stack, blocks)

    def swing(self, timeframe: int, *, above: bool) -> Floats:
        """Nearest swing level of the scored timeframe by number, `[rows]`, as last placed."""
        return self.prices[:, len(PROFILE_NAMES) + 2 * timeframe + above]

    def levels_of(self, row: int) -> tuple[tuple[str, float], ...]:
        """Named structural prices of one row at the newest scan, in quote currency; only those that exist."""
        if row >= len(self.prices):
            return ()
        found = zip(LEVEL_NAMES, self.prices[row].tolist(), strict=True)
        return tuple((name, price) for name, price in found if price == price)

    def _update_profiles(self, view: MarketView, changed: Ints) -> None:
        """Profiles from 5m bars, or from 15m bars for rows whose 15m bars cover more of the 24 h."""
        fine, coarse = _day_covered(view.bars["5m"], changed), _day_covered(view.bars["15m"], changed)
        coarser = coarse > fine
        for name, rows in (("5m", changed[~coarser]), ("15m", changed[coarser])):
            if len(rows):
                _update_profiles(self.profiles, view.bars[name], rows, self.frames[name].atr[rows])
        self.profiles.covered_ms[changed] = np.maximum(fine, coarse)


def _empty_stack(rows: int) -> Frame:
    blocks = [f"{side}_{part}" for side in ("bull", "bear") for part in ("top", "bottom", "strength")]
    shapes = dict.fromkeys(blocks, order_blocks.KEPT)
    shapes |= dict.fromkeys(
        ("level", "level_ascending", "level_strength", "level_aligned", "level_weight"), swings.KEPT
    )
    arrays = {name: np.full((len(SCORED), kept, rows), np.nan) for name, kept in shapes.items()}
    atr, adx, mean = np.full((3, len(SCORED), rows), np.nan)
    return Frame(np.full((len(SCORED), rows), -1, dtype=np.int64), atr, adx, mean, **arrays)


def _frames_of(stack: Frame) -> dict[str, Frame]:
    return {
        name: Frame(**{each.name: getattr(stack, each.name)[place].T for each in fields(stack)})
        for place, name in enumerate(SCORED)
    }


def _grown(stack: Frame, rows: int) -> Frame:
    """The stack with empty rows for instruments that appeared."""
    grown = _empty_stack(rows)
    for each in fields(stack):
        held = getattr(stack, each.name)
        getattr(grown, each.name)[..., : held.shape[-1]] = held
    return grown


def _empty_profiles(rows: int) -> Profiles:
    revision = np.full((rows, 2), -1, dtype=np.int64)
    poc, high, low, day_poc, day_high, day_low = np.full((6, rows), np.nan)
    return Profiles(revision, poc, high, low, day_poc, day_high, day_low, np.zeros(rows, dtype=np.int64))


def _grow(held: Profiles, rows: int) -> None:
    """Add empty rows for instruments that appeared."""
    missing = rows - len(held.revision)
    if missing <= 0:
        return
    fresh = _empty_profiles(missing)
    for each in fields(held):
        setattr(held, each.name, np.concatenate([getattr(held, each.name), getattr(fresh, each.name)]))


def _update_frame(frame: Frame, bars: Bars, rows: Ints, vwap_bars: int) -> None:
    recent = slice(max(0, bars.close.shape[1] - max(ATR_BARS, LOOKBACK_BARS)), None)
    chosen = _part(rows, len(bars.count))
    opened, high, low, close = (part[chosen, recent] for part in (bars.open, bars.high, bars.low, bars.close))
    volume = bars.volume_usd[chosen, recent]
    atr = wilder_atr(high, low, close, 14)
    newest = slice(max(0, close.shape[1] - LOOKBACK_BARS), None)
    candles = (opened[:, newest], high[:, newest], low[:, newest], close[:, newest])
    with np.errstate(invalid="ignore"):
        bull, bear = order_blocks.order_blocks(candles, volume[:, newest], atr[:, newest])
        price, ago = swings.newest_swings(high[:, newest], low[:, newest])
        level, strength = swings.swing_levels(price, ago, atr[:, -1])
    frame.revision[rows] = bars.revision[rows]
    frame.atr[rows] = atr[:, -1]
    frame.vwap[rows] = vwap.rolling_vwap(high, low, close, volume, vwap_bars)
    frame.bull_top[rows], frame.bull_bottom[rows], frame.bull_strength[rows] = bull.top, bull.bottom, bull.strength
    frame.bear_top[rows], frame.bear_bottom[rows], frame.bear_strength[rows] = bear.top, bear.bottom, bear.strength
    frame.level[rows], frame.level_strength[rows] = level, strength
    frame.level_ascending[rows] = np.sort(level, axis=1)


def _newest_adx(bars: Bars, rows: Ints) -> Floats:
    recent = slice(max(0, bars.close.shape[1] - ATR_BARS), None)
    chosen = _part(rows, len(bars.count))
    high, low, close = (part[chosen, recent] for part in (bars.high, bars.low, bars.close))
    return np.asarray(wilder_adx(high, low, close, 14)[:, -1])


def _align(stack: Frame, rows: Ints) -> None:
    """Count for every level the other timeframes that have a level near it."""
    chosen = _part(rows, stack.atr.shape[1])
    level, reach = stack.level[:, :, chosen], ALIGNED_ATR * stack.atr[:, chosen]
    near = np.zeros(level.shape, dtype=np.int8)
    for one, other in combinations(range(len(SCORED)), 2):
        found = np.zeros(level.shape[1:], dtype=np.bool_)
        # One level of the other at a time, so that the gaps stay in the cache; the same gap serves both directions.
        for place, each in enumerate(level[other]):
            gap = np.abs(level[one] - each)
            found |= gap <= reach[one]
            near[other, place] += (gap <= reach[other]).any(axis=0)
        near[one] += found
    aligned = 0.5 + 0.25 * near
    stack.level_aligned[:, :, chosen] = aligned
    stack.level_weight[:, :, chosen] = stack.level_strength[:, :, chosen] * aligned


def _part(rows: Ints, total: int) -> Part:
    """All rows as a slice, which copies nothing."""
    return ALL if len(rows) == total else rows


def _day_covered(bars: Bars, rows: Ints) -> Ints:
    """Milliseconds of the 24 h to the newest close that the bars cover, `[rows]`."""
    return np.minimum(bars.count[rows] * bars.interval_ms, DAY_MS)


def _update_profiles(profiles: Profiles, bars: Bars, rows: Ints, atr: Floats) -> None:
    recent = slice(max(0, bars.close.shape[1] - DAY_MS // bars.interval_ms), None)
    chosen = _part(rows, len(bars.count))
    high, low, volume = (part[chosen, recent] for part in (bars.high, bars.low, bars.volume_usd))
    opened = bars.open_ms[chosen, recent]
    newest = opened[:, -1:]
    session_start = newest - newest % DAY_MS
    old_enough = newest + bars.interval_ms - session_start >= SESSION_BARS_MS
    # The session's bars are the newest ones, so bars before the longest session need not be read.
    longest = max(1, int(((newest - session_start) // bars.interval_ms).max()) + 1)
    late = slice(max(0, opened.shape[1] - longest), None)
    today = opened[:, late]
    day, session = value_areas(
        [
            (high, low, volume, opened >= 0),
            (high[:, late], low[:, late], volume[:, late], (today >= session_start) & (today >= 0) & old_enough),
        ],
        atr,
    )
    enough = bars.count[rows] >= PROFILE_FEWEST_BARS
    profiles.day_poc[rows] = np.where(enough, day.poc, np.nan)
    profiles.day_high[rows] = np.where(enough, day.high, np.nan)
    profiles.day_low[rows] = np.where(enough, day.low, np.nan)
    profiles.session_poc[rows] = np.where(enough, session.poc, np.nan)
    profiles.session_high[rows] = np.where(enough, session.high, np.nan)
    profiles.session_low[rows] = np.where(enough, session.low, np.nan)
