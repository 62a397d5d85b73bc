"""The normal distribution function for arrays; numpy has none and scipy is not a dependency."""

from __future__ import annotations

import numpy as np

from engine.arrays import Floats

_UPPER = (
    3.52624965998911e-02,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_LOWER = (
    8.83883476483184e-02,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)
_FARTHEST = 7.0
"""Beyond it the distribution is within 1.3e-12 of 0 or 1, and z is clamped."""


def normal_cdf(z: Floats) -> Floats:
    """Phi(z), accurate to 1e-12 absolute.

    Source: J. F. Hart, Computer Approximations (1968), algorithm 5666, as given by G. West, "Better approximations to
    cumulative normal functions", Wilmott (2005).
    """
    distance = np.minimum(np.abs(z), _FARTHEST)
    tail: Floats = np.exp(-distance * distance / 2.0) * np.polyval(_UPPER, distance) / np.polyval(_LOWER, distance)
    return np.where(z > 0.0, 1.0 - tail, tail)
