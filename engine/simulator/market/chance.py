"""All randomness of the simulated market: streams drawn in batches from a seed, and noise that depends only on its key.

Used by the rest of `engine.simulator.market`, which must draw random numbers nowhere else. Streams are consumed in the
order of events, which does not depend on the time steps. Queries (history) must use keyed noise, never a stream, or
asking would change what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats

Keys = NDArray[np.uint64]

BATCH: Final = 8_192
SIZE_SIGMA: Final = 1.25
"""Standard deviation of log order sizes; trades of liquid coins have 1.2 to 1.6."""
_GOLD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_LOW: Final = np.uint64(0xFFFF)


class Chance:
    """The streams of one world. Every attribute is a function that returns the next number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.uniform = _stream(lambda rng: rng.random(BATCH), seed, 1)
        """0 to 1."""
        self.wait = _stream(lambda rng: rng.standard_exponential(BATCH), seed, 2)
        """Exponential, mean 1."""
        self.order = _stream(lambda rng: np.exp(rng.standard_normal(BATCH) * SIZE_SIGMA - SIZE_SIGMA**2 / 2), seed, 3)
        """Sizes of taker orders, mean 1."""
        self.resting = _stream(lambda rng: np.exp(rng.standard_normal(BATCH) * 0.7 - 0.245), seed, 4)
        """Sizes of resting orders, mean 1."""

    def normals(self, width: int, salt: int) -> Iterator[Floats]:
        """An endless iterator of rows of `width` standard normals."""
        rng = np.random.default_rng([self._seed, 100 + salt])
        while True:
            yield from rng.standard_normal((64, width))


def _stream(draw: Callable[[np.random.Generator], Floats], seed: int, salt: int) -> Callable[[], float]:
    rng = np.random.default_rng([seed, salt])

    def batches() -> Iterator[list[float]]:
        while True:
            yield draw(rng).tolist()

    return chain.from_iterable(batches()).__next__


def key_of(seed: int, *words: str | int) -> int:
    """A 64-bit key from a seed and names."""
    text = "\x1f".join(str(word) for word in words)
    key = seed & 0xFFFF_FFFF_FFFF_FFFF
    for salt in ("", "+"):
        key = (key * 0x9E3779B97F4A7C15 + crc32((text + salt).encode())) & 0xFFFF_FFFF_FFFF_FFFF
        key ^= key >> 29
    return key


def share_of(seed: int, *words: str | int) -> float:
    """A number between 0 and 1 from a key, for tables that are built once."""
    return float(unit(keys_of(key_of(seed, *words), np.zeros(1, dtype=np.int64)))[0])


def keys_of(key: int | Keys, at: NDArray[np.int64]) -> Keys:
    """One key for each index `at`, derived from one `key` or from one key each."""
    return _mixed(at.astype(np.uint64) * _GOLD + (np.uint64(key) if isinstance(key, int) else key))


def unit(keys: Keys, salt: int = 0) -> Floats:
    """Uniform on 0 to 1."""
    mixed = _mixed(keys + _salted(salt + 1))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def gauss(keys: Keys, salt: int = 0) -> Floats:
    """Approximately standard normal: the sum of four uniform numbers, so never beyond 3.5."""
    mixed = _mixed(keys + _salted(salt))
    total = (
        (mixed & _LOW)
        + ((mixed >> np.uint64(16)) & _LOW)
        + ((mixed >> np.uint64(32)) & _LOW)
        + (mixed >> np.uint64(48))
    )
    return np.asarray((total.astype(np.float64) * 2.0**-16 - 2.0) * 3.0**0.5)


def _salted(salt: int) -> np.uint64:
    return np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFF_FFFF_FFFF_FFFF)


def _mixed(keys: Keys) -> Keys:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_1
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_2
    return keys ^ (keys >> np.uint64(31))
