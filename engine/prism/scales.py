"""Maps from readings to the 0..100 scale, and ranks in a universe or in a history.

Called by the faces. Everything here is a pure function of arrays; NaN in gives NaN out, without a warning. The choice
of the map, and its reason, belong to the component.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Bools, Floats


def tilt(x: Floats) -> Floats:
    """50 + 50 tanh(x): 0..100, 50 at zero. Any shape."""
    return 50.0 + 50.0 * np.tanh(x)


def banded(x: Floats) -> Floats:
    """50 + 50 tanh(x^3): flat around zero, strong from |x| = 1 on.

    For readings with a neutral band: x = 0.5 (the edge of "balanced") is 56.2 and x = 1 (the edge of "strong") is 88.1.
    The cube keeps it smooth, so that nothing flickers at an edge.
    """
    return 50.0 + 50.0 * np.tanh(x * x * x)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """numerator / denominator, NaN unless the denominator is above zero. Shapes broadcast."""
    alike = np.shape(numerator) == np.shape(denominator)
    shape = np.shape(numerator) if alike else np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    out: Floats = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0)
    return out


def rank_in_universe(values: Floats, universe: Bools) -> Floats:
    """`[rows]` mid-rank of each value among `values[universe]`, 0..1; NaN if it or the whole universe is unknown.

    The mid-rank (share below plus half the share equal) does not depend on the order of the rows.
    """
    # Looked up in ascending order: the searches then walk the peers once, without branch mispredictions.
    order = values.argsort()
    ascending = values[order]
    known = np.isfinite(ascending)
    peers = ascending[universe[order] & known]
    ranks = np.full(values.shape, np.nan)
    if peers.size:
        places = peers.searchsorted(ascending, "left") + peers.searchsorted(ascending, "right")
        ranks[order] = np.where(known, places / (2.0 * peers.size), np.nan)
    return ranks


def rank_in_history(value: Floats, history: Floats) -> Floats:
    """`[rows]` mid-rank of `value` in the known part of `history [rows, H]`, 0..1; NaN if nothing is known."""
    below = (history < value[:, None]).sum(axis=1)
    equal = (history == value[:, None]).sum(axis=1)
    known = np.isfinite(history).sum(axis=1).astype(np.float64)
    return np.where(np.isfinite(value), ratio(below + 0.5 * equal, known), np.nan)
