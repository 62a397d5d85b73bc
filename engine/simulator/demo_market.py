"""The invented market of the demo recording: prices, bars, books and trades, from one seed.

Used only by `engine.simulator.demo_recording` and `demo_venues`, which turn it into venues' frames. Do not calibrate
anything on it: it only moves like a market, so that every part of the console has something to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.simulator.demo_assets import Asset, Episode

STEP_S: Final = 0.25
DAY_S: Final = 86_400
LEVELS: Final = 24
"""Levels per side of every book."""
SPACING: Final = 0.0006
"""Distance between levels behind the best, as a share of the price."""

TREND_DAYS: Final = 7
TREND: Final = 0.45
"""Maximum drift of a trend of 1, in standard deviations per bar of the finest interval."""

_DRIFT: Final[dict[Episode, float]] = {
    "calm": 0.0, "spot_led": 5.0, "perp_led": 6.0, "cascade": -9.0, "squeeze": 8.0, "grind_up": 2.5, "grind_down": -2.5,
}  # fmt: skip
"""Drift while the episode lasts, in daily standard deviations per hour."""
_PERP_BIAS: Final[dict[Episode, float]] = {
    "calm": 0.0, "spot_led": 0.06, "perp_led": 0.24, "cascade": -0.24, "squeeze": 0.20, "grind_up": 0.08,
    "grind_down": -0.08,
}  # fmt: skip
"""Share of taker buys above one half."""
_SPOT_BIAS: Final[dict[Episode, float]] = {**_PERP_BIAS, "spot_led": 0.26, "perp_led": -0.10, "squeeze": 0.02}


@dataclass(frozen=True, slots=True)
class History:
    """Bars before the live part, oldest first; each array is `[bars]`."""

    interval_ms: int
    open_ms: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume_usd: Floats
    buy_usd: Floats


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade."""

    price: float
    usd: float
    taker_buy: bool


def live_path(asset: Asset, common: Floats, rng: np.random.Generator) -> Floats:
    """Mid prices of the live part by step; `common` holds the market factor, one standard normal per step."""
    steps = len(common)
    sigma = asset.daily_volatility * np.sqrt(STEP_S / DAY_S)
    at = np.arange(steps) / steps
    during = (at > 0.12) & (at < 0.75)
    drift = np.where(during, _DRIFT[asset.episode], 0.0) * asset.daily_volatility * STEP_S / 3600
    after = np.where(at >= 0.75, -0.3 * _DRIFT[asset.episode], 0.0) * asset.daily_volatility * STEP_S / 3600
    own = rng.standard_normal(steps)
    moves = sigma * (0.55 * common + 0.84 * own) + drift + after
    path: Floats = asset.price * np.exp(np.cumsum(moves))
    return path


def history(asset: Asset, start_ms: int, counts: dict[int, int], rng: np.random.Generator) -> dict[int, History]:
    """Bars by interval that end at `start_ms` at the asset's price; `counts[interval_ms]` bars of each interval."""
    finest = min(counts)
    total = max(count * interval for interval, count in counts.items()) // finest
    sigma = asset.daily_volatility * np.sqrt(finest / 1000 / DAY_S)
    regime = np.repeat(rng.standard_normal(total // 48 + 1), 48)[:total] * 0.12
    # The trend builds up over the last week, so that it shows in all timeframes.
    lately = np.clip(1.0 - np.arange(total, 0, -1) * finest / (TREND_DAYS * DAY_S * 1000), 0.0, 1.0)
    moves = sigma * (rng.standard_normal(total) + regime + asset.trend * lately * TREND)
    close = asset.price * np.exp(np.cumsum(moves[::-1])[::-1] * -1 + moves)
    close[-1] = asset.price
    opened = np.concatenate(([close[0] * np.exp(-moves[0])], close[:-1]))
    reach = sigma * np.abs(rng.standard_normal((2, total))) * 0.7
    high = np.maximum(opened, close) * np.exp(reach[0])
    low = np.minimum(opened, close) * np.exp(-reach[1])
    busy = np.exp(rng.standard_normal(total) * 0.5) * (0.6 + np.abs(moves) / sigma)
    volume = asset.volume_24h_usd * finest / 1000 / DAY_S * busy / busy.mean()
    share = np.clip(0.5 + 0.12 * np.tanh(moves / sigma) + 0.04 * rng.standard_normal(total), 0.05, 0.95)
    fine = (opened, high, low, close, volume, volume * share)
    return {interval: _resampled(fine, interval // finest, interval, start_ms, counts[interval]) for interval in counts}


def fills(asset: Asset, mid: float, moved: float, *, spot: bool, busy: float, rng: np.random.Generator) -> list[Fill]:
    """Trades of one step at the best quotes around `mid`, after a move of `moved` standard deviations."""
    rate = busy * (0.04 + (asset.volume_24h_usd / 9e9) ** 0.5 * 0.6)
    bias = (_SPOT_BIAS if spot else _PERP_BIAS)[asset.episode]
    half = asset.spread_bps / 2e4
    mean_usd = asset.volume_24h_usd / DAY_S * STEP_S / rate
    trades: list[Fill] = []
    for _ in range(int(rng.poisson(rate))):
        buy = bool(rng.random() < 0.5 + bias + 0.18 * np.tanh(moved))
        usd = mean_usd * float(np.exp(rng.standard_normal() * 1.4 - 1.0))
        trades.append(Fill(mid * (1 + half if buy else 1 - half), usd, buy))
    return trades


class Ladder:
    """A book that follows a price: levels in ticks, sizes in dollars."""

    def __init__(self, asset: Asset, share: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._tick = 10.0**-asset.decimals
        self._spread = asset.spread_bps / 1e4
        self._usd = asset.depth_1pct_usd * share * SPACING / 0.01
        self._lean = 0.25 * float(np.tanh(_SPOT_BIAS[asset.episode] * 4))
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}

    def move(self, mid: float) -> tuple[dict[int, float], dict[int, float]]:
        """Move the book to `mid`; returns the changed levels of each side in dollars, 0 for removed ones."""
        bid = int(np.floor(mid * (1 - self._spread / 2) / self._tick + 1e-9))
        ask = max(bid + 1, int(np.ceil(mid * (1 + self._spread / 2) / self._tick - 1e-9)))
        gap = max(1, round(mid * SPACING / self._tick))
        behind = np.arange(1, LEVELS)
        bids = [bid, *((bid // gap - behind) * gap).tolist()]
        asks = [ask, *((ask // gap + behind) * gap).tolist()]
        return self._changed(self.bids, bids, 1 + self._lean), self._changed(self.asks, asks, 1 - self._lean)

    def _changed(self, held: dict[int, float], wanted: list[int], lean: float) -> dict[int, float]:
        changes = {tick: 0.0 for tick in held if tick not in set(wanted)}
        for tick in wanted:
            if tick > 0 and (tick not in held or self._rng.random() < 0.07):
                changes[tick] = self._usd * lean * float(np.exp(self._rng.standard_normal() * 0.6))
        for tick, usd in changes.items():
            if usd:
                held[tick] = usd
            else:
                del held[tick]
        return changes


def _resampled(fine: tuple[Floats, ...], by: int, interval_ms: int, start_ms: int, count: int) -> History:
    opened, high, low, close, volume, buys = (column[-by * count :].reshape(count, by) for column in fine)
    return History(
        interval_ms,
        start_ms - interval_ms * np.arange(count, 0, -1),
        opened[:, 0],
        high.max(axis=1),
        low.min(axis=1),
        close[:, -1],
        volume.sum(axis=1),
        buys.sum(axis=1),
    )
