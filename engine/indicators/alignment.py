"""Alignment of rows of different lengths to a common start, for recursions seeded with a row's first values.

Called by the recursive indicators only, except `ratio`, which all use. Rolling windows need no alignment because NaN
propagates through them.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Bools, Floats, Ints

NEGLIGIBLE = 1e-12
"""Share of the price below which a range or a sum of moves counts as no movement. The smallest tick traded is about
1e-7 of its price, while the Wilder average of a market without movement shrinks without end and never reaches 0."""


def first_bars(values: Floats) -> Ints:
    """`[rows]` column of each row's first value; the number of columns if a row has none."""
    known = ~np.isnan(values)
    first: Ints = np.where(known.any(axis=1), known.argmax(axis=1), values.shape[1])
    return first


def _alike(first: Ints) -> bool:
    """Whether all rows begin at the same column, so that a slice aligns them."""
    return len(first) > 0 and bool((first == first[0]).all())


def from_first(values: Floats, first: Ints) -> Floats:
    """`[bars, rows]`: the same rows with each first value at index 0, NaN after the newest."""
    bars = values.shape[1]
    if _alike(first):
        aligned = np.full((bars, len(values)), np.nan)
        aligned[: bars - first[0]] = values[:, first[0] :].T
        return aligned
    source = np.arange(bars)[:, None] + first
    taken = np.take_along_axis(values.T, np.minimum(source, bars - 1), axis=0)
    return np.where(source < bars, taken, np.nan)


def to_newest(aligned: Floats, first: Ints) -> Floats:
    """The inverse of `from_first`: `[rows, bars]` with each newest value in column -1."""
    bars = aligned.shape[0]
    if _alike(first):
        out = np.full((aligned.shape[1], bars), np.nan)
        out[:, first[0] :] = aligned[: bars - first[0]].T
        return out
    source = np.arange(bars)[:, None] - first
    taken = np.take_along_axis(aligned, np.maximum(source, 0), axis=0)
    return np.ascontiguousarray(np.where(source >= 0, taken, np.nan).T)


def ratio(numerator: Floats, denominator: Floats, defined: Bools, neutral: float = 0.0) -> Floats:
    """`numerator / denominator` where `defined`, NaN if the denominator is NaN, else `neutral`."""
    if defined.all():
        return numerator / denominator
    out = numerator / np.where(defined, denominator, 1.0)
    np.copyto(out, neutral, where=~defined & ~np.isnan(out))
    np.copyto(out, np.nan, where=np.isnan(denominator))
    return out
