"""Exponential backoff with full jitter, capped, without end.

Used by connections, the REST client and the supervision of loops. The random generator must be passed in, so that a
simulation is reproducible. Full jitter (a uniform share of the exponential ceiling) spreads the reconnects of many
connections best: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (2015).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

FIRST_S: Final = 1.0
CAP_S: Final = 30.0


class Rng(Protocol):
    """A random generator; `random.Random` and `numpy.random.Generator` both match."""

    def random(self) -> float:
        """A number in [0, 1), uniform."""


def delays_s(rng: Rng, *, first_s: float = FIRST_S, cap_s: float = CAP_S) -> Iterator[float]:
    """Seconds to wait before attempt 1, 2, 3 and so on: the n-th is uniform in [0, min(cap_s, first_s * 2**(n-1)))."""
    if not 0 < first_s <= cap_s:
        raise ValueError(f"a first ceiling of {first_s} s does not lie in (0, {cap_s}]")
    ceiling_s = first_s
    while True:
        yield rng.random() * ceiling_s
        ceiling_s = min(cap_s, ceiling_s * 2)
