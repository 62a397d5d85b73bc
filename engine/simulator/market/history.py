"""An asset's price history before the world began: generated on demand, reproducible, consistent over all intervals.

A random walk over blocks of four hours goes back from the start. Each block is split into hours, those into quarters,
and so on down to minutes, by Brownian bridges that stay within their parent and keep its open, high, low and close.
Volumes are running totals over time, split along with the bars. An instrument's bars are one monotone map of the
asset's (see `engine.simulator.market.past`), so that bars of all intervals add up. Never draw from a stream here: all
noise is keyed by place and time, so that queries change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.simulator.market.chance import gauss, key_of, keys_of

MINUTE_MS: Final = 60_000
BLOCK_MS: Final = 14_400_000
LADDER: Final[tuple[int, ...]] = (BLOCK_MS, 3_600_000, 900_000, 300_000, MINUTE_MS)
"""Lengths of the generated bars, each a multiple of the next."""
MAX_BLOCKS: Final = 16_384
"""Seven years, the reach of history."""
KEPT_BLOCKS: Final = 1_024
"""A longer history is rebuilt on each query: it is rarely requested, and there are hundreds of assets."""
_PULL: Final = 0.996
"""Autocorrelation of the price from block to block, which keeps it near its start over weeks."""


@dataclass(frozen=True, slots=True)
class Path:
    """Consecutive bars of one length; prices are logarithms, anchored near the price at the world's start (see
    `AssetHistory.level`)."""

    first: int
    """Number of the first bar, counted from the epoch."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    sigma: Floats
    """Expected move of each bar."""
    sums: Floats
    """`[4, bars + 1]` running totals at the bars' edges: bought, sold, and both valued at their price, in units of a
    day's volume."""

    def __len__(self) -> int:
        return len(self.open)

    def cut(self, first: int, count: int) -> Path:
        """`count` bars from number `first` on."""
        at = first - self.first
        end = at + count
        return Path(first, self.open[at:end], self.high[at:end], self.low[at:end], self.close[at:end],
                    self.sigma[at:end], self.sums[:, at : end + 1])  # fmt: skip


class AssetHistory:
    """The history of one asset up to the minute in which the world starts."""

    def __init__(self, name: str, seed: int, daily_sigma: float, market_weight: float, start_ms: int) -> None:
        self.end_ms = start_ms // MINUTE_MS * MINUTE_MS
        self._key = key_of(seed, name, "path")
        self._market = key_of(seed, "market", "path")
        self._daily_sigma = daily_sigma
        self._weight = market_weight
        self._anchor = start_ms // BLOCK_MS
        self._blocks: Path | None = None
        self._held: dict[int, Path] = {}
        last = self.bars(MINUTE_MS, self.end_ms // MINUTE_MS, 1)
        self._shift = float(last.open[0])
        self._ends = last.sums[:, 0].copy()

    @property
    def level(self) -> float:
        """Log price at the world's start, on the scale of `bars`."""
        return self._shift

    @property
    def ends(self) -> Floats:
        """`sums` at the world's start."""
        return self._ends

    def bars(self, length_ms: int, first: int, count: int) -> Path:
        """`count` bars of a length in `LADDER` from number `first` (from the epoch) on."""
        held = self._held.get(length_ms)
        if held is not None and held.first <= first and first + count <= held.first + len(held):
            return held.cut(first, count)
        step = LADDER.index(length_ms)
        if step == 0:
            return self._block_bars(first, count)
        parent_ms = LADDER[step - 1]
        parts = parent_ms // length_ms
        above = first // parts
        parents = self.bars(parent_ms, above, (first + count - 1) // parts - above + 1)
        made = self._split(parents, parts, length_ms)
        self._held[length_ms] = made
        return made.cut(first, count)

    def _block_bars(self, first: int, count: int) -> Path:
        needed = self._anchor - first + 1
        if needed > MAX_BLOCKS:
            raise ValueError(f"history reaches {MAX_BLOCKS} blocks of four hours back, not {needed}")
        held = self._blocks
        if held is None or len(held) < needed:
            size = 64
            while size < needed:
                size *= 2
            held = self._walk(size)
            if size <= KEPT_BLOCKS:
                self._blocks = held
        return held.cut(first, count)

    def _walk(self, size: int) -> Path:
        """The last `size` blocks up to and including the one with the world's start."""
        back = self._anchor - np.arange(size, dtype=np.int64)
        own, market = keys_of(self._key, back), keys_of(self._market, back)
        day = keys_of(self._key, back // 6)
        mood = 0.75 * gauss(keys_of(self._market, back // 12), 5) + 0.5 * gauss(day, 6)
        sigma = self._daily_sigma * 6**-0.5 * np.exp(0.3 * mood - 0.06)
        weight = self._weight
        # A drift that changes every six days makes the larger trends that long timeframes show.
        lean = 0.18 * gauss(keys_of(self._key, back // 36), 7)
        moves = sigma * (weight * gauss(market, 1) + (1 - weight**2) ** 0.5 * gauss(own, 1) + lean)
        grown = _PULL ** np.arange(1, size + 1)
        opens = grown * np.cumsum(-moves / grown)
        closes = np.concatenate(([0.0], opens[:-1]))
        high = np.maximum(opens, closes) + 0.5 * sigma * np.abs(gauss(own, 2))
        low = np.minimum(opens, closes) - 0.5 * sigma * np.abs(gauss(own, 3))
        moved = (closes - opens) / sigma
        busy = np.exp(0.35 * gauss(own, 4) + 0.3 * mood - 0.15) * (0.6 + 0.5 * np.abs(moved)) / 6.0
        parts = _parts(busy, moved, gauss(day, 8), (opens + high + low + closes) / 4)
        sums = np.concatenate((np.cumsum(-parts, axis=1)[:, ::-1], np.zeros((4, 1))), axis=1)
        return Path(self._anchor - size + 1, opens[::-1], high[::-1], low[::-1], closes[::-1], sigma[::-1], sums)

    def _split(self, parents: Path, parts: int, length_ms: int) -> Path:
        count = len(parents)
        first = parents.first * parts
        numbers = np.arange(first, first + count * parts, dtype=np.int64)
        keys = keys_of(self._key ^ length_ms, numbers)
        noise = gauss(np.stack((keys, keys + np.uint64(1), keys + np.uint64(2), keys + np.uint64(3))), 1)
        noise = noise.reshape(4, count, parts)
        # 1.14: clipping to the parent's range removes some of the moves.
        sigma = (1.14 * parents.sigma * parts**-0.5)[:, None] * np.exp(0.3 * noise[1] - 0.045)
        walk = np.cumsum(sigma * noise[0], axis=1)
        start, end = parents.open[:, None], parents.close[:, None]
        along = np.arange(1, parts + 1) / parts
        close = start + walk + (end - start - walk[:, -1:]) * along
        np.clip(close, parents.low[:, None], parents.high[:, None], out=close)
        close[:, -1] = parents.close
        opened = np.concatenate((start, close[:, :-1]), axis=1)
        rows = np.arange(count)
        high = np.minimum(np.maximum(opened, close) + 0.5 * sigma * np.abs(noise[2]), parents.high[:, None])
        low = np.maximum(np.minimum(opened, close) - 0.5 * sigma * np.abs(noise[3]), parents.low[:, None])
        high[rows, high.argmax(axis=1)] = parents.high
        low[rows, low.argmin(axis=1)] = parents.low
        moved = (close - opened) / sigma
        busy = np.exp(0.45 * (noise[2] - noise[3])) * (0.5 + np.abs(moved))
        weights = np.cumsum(_parts(busy, moved, noise[3], (opened + high + low + close) / 4), axis=2)
        lower, upper = parents.sums[:, :-1, None], parents.sums[:, 1:, None]
        edges = lower + (upper - lower) * (weights / weights[:, :, -1:])
        edges[:, :, -1] = parents.sums[:, 1:]
        sums = np.concatenate((parents.sums[:, :1], edges.reshape(4, -1)), axis=1)
        return Path(first, opened.ravel(), high.ravel(), low.ravel(), close.ravel(), sigma.ravel(), sums)


def _parts(busy: Floats, moved: Floats, leaning: Floats, typical: Floats) -> Floats:
    """`[4, ...]`: bought, sold, and both valued, of bars with activity `busy` that moved by `moved` sigmas."""
    share = np.clip(0.5 + 0.14 * np.tanh(moved) + 0.03 * leaning, 0.05, 0.95)
    bought, sold, price = busy * share, busy * (1 - share), np.exp(typical)
    return np.stack((bought, sold, bought * price, sold * price))
