"""Confirmed swing highs and lows, and the support and resistance levels they cluster into.

Pure functions on `[rows, bars]`, called by `engine.prism.structure_memory` for rows with a new bar. A swing is an
extreme that `WING` later closed bars did not exceed, so it exists only from the close of the last of them. Nothing here
may read a bar that has not closed, and a swing at the newest bars must never be reported.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints

WING: Final = 3
"""Bars on each side that a swing must exceed: 7-bar fractals, between Williams' 5 and the 11 that would confirm a 4h
swing only a day later."""

KEPT: Final = 24
"""Newest swings of each row that form levels: about 10 hours of 5m, 2 days of 15m and 3 weeks of 4h bars."""

CLUSTER_ATR: Final = 0.25
"""Swings within this many ATR14 of one another are touches of one level."""

AGE_BARS: Final = 100.0
"""Bars after which the freshness of a level has fallen to 1/e."""


def confirmed_swings(high: Floats, low: Floats, wing: int = WING) -> tuple[Bools, Bools]:
    """Masks `[rows, bars]` of swing highs and swing lows that are confirmed at the newest bar.

    A swing high is above every high of the `wing` bars before it and not below any of the `wing` bars after it, so of
    equal highs the first is the swing. Lows mirror. NaN compares false, so a swing needs `2 * wing + 1` real bars.
    """
    highs, lows = np.zeros(high.shape, dtype=np.bool_), np.zeros(low.shape, dtype=np.bool_)
    width = high.shape[1]
    if width < 2 * wing + 1:
        return highs, lows
    middle = slice(wing, width - wing)
    is_high = np.ones((high.shape[0], width - 2 * wing), dtype=np.bool_)
    is_low = is_high.copy()
    for step in range(1, wing + 1):
        before, after = slice(wing - step, width - wing - step), slice(wing + step, width - wing + step)
        is_high &= (high[:, middle] > high[:, before]) & (high[:, middle] >= high[:, after])
        is_low &= (low[:, middle] < low[:, before]) & (low[:, middle] <= low[:, after])
    highs[:, middle], lows[:, middle] = is_high, is_low
    return highs, lows


def newest_places(row: Ints, rows: int, kept: int) -> tuple[Bools, Ints]:
    """For finds listed by row and then by bar: whether each is among the newest `kept` of its row, and its place there.

    `row` is the row of each find, ascending. Place 0 is the newest of a row.
    """
    ends = np.cumsum(np.bincount(row, minlength=rows))
    place = ends[row] - 1 - np.arange(len(row))
    return place < kept, place


def newest_where(mask: Bools, values: Floats, kept: int) -> tuple[Floats, Floats]:
    """The newest `kept` values under `mask` and their ages in bars, `[rows, kept]`, newest first, NaN-padded."""
    row, bar = np.nonzero(mask)
    new, place = newest_places(row, len(mask), kept)
    found = np.full((mask.shape[0], kept), np.nan)
    ago = np.full((mask.shape[0], kept), np.nan)
    found[row[new], place[new]] = values[row[new], bar[new]]
    ago[row[new], place[new]] = mask.shape[1] - 1 - bar[new]
    return found, ago


def newest_swings(high: Floats, low: Floats, kept: int = KEPT) -> tuple[Floats, Floats]:
    """Prices and ages in bars of each row's newest swings, highs and lows alike, `[rows, kept]`, NaN-padded.

    A level works from both sides (broken resistance is support), so the kind of a swing is not kept. Half of the places
    are for highs and half for lows, so that a trend with few swings of one kind still has both.
    """
    is_high, is_low = confirmed_swings(high, low)
    tops, tops_ago = newest_where(is_high, high, kept // 2)
    bottoms, bottoms_ago = newest_where(is_low, low, kept // 2)
    return np.hstack([tops, bottoms]), np.hstack([tops_ago, bottoms_ago])


def swing_levels(price: Floats, ago: Floats, atr: Floats) -> tuple[Floats, Floats]:
    """Levels and strengths 0..1 of clustered swings, `[rows, kept]`, NaN-padded.

    Each swing gives the level of its neighbourhood: the mean of the swings within `CLUSTER_ATR` of it, with their
    number n as touches and the age of the newest touch. strength = (1 - 0.5^n) * (0.5 + 0.5 exp(-age / 100 bars)): one
    touch is worth half of many, and an old level at least half of a fresh one. Neighbourhoods are used instead of
    chains of small gaps, because chains merge a whole range into one level. `price`, `ago` `[rows, kept]`; `atr`
    `[rows]`.
    """
    gap = np.abs(price[:, :, None] - price[:, None, :])
    near = gap <= CLUSTER_ATR * atr[:, None, None]
    touches = near.sum(axis=2)
    known = touches > 0
    total = np.where(near, price[:, None, :], 0.0).sum(axis=2)
    level = np.where(known, total / np.maximum(touches, 1), np.nan)
    newest = np.where(near, ago[:, None, :], np.inf).min(axis=2, initial=np.inf)
    strength = (1.0 - 0.5**touches) * (0.5 + 0.5 * np.exp(-newest / AGE_BARS))
    return level, np.where(known, strength, np.nan)
