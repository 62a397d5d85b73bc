"""Fair values, volatility moods and taker leans of all instruments, stepped together four times a second.

An asset's fair value is a factor walk (market, sector, own) with a pace that changes over minutes and hours, pushed by
taker flow. Each venue strays from it with its own taker flow and is drawn back by arbitrage. The hot path reads plain
lists; `engine.simulator.market.stage` bends the script fields. Vectors are over assets or instruments, flow is in
dollars.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.simulator.market.assets import SECTORS, Asset
from engine.simulator.market.chance import Chance

TICK_MS: Final = 250
_DT_S: Final = TICK_MS / 1_000
_TICKS_A_DAY: Final = 86_400 / _DT_S
MAX_STRAY: Final = 0.012
"""Farthest that a venue strays from its asset, log price."""


def _fade(seconds: float) -> float:
    return float(np.exp(-_DT_S / seconds))


class Regimes:
    """`fair` (ticks), `lean` (taker buy share above one half) and `act` (pace, 1 at rest) by instrument."""

    def __init__(
        self,
        assets: tuple[Asset, ...],
        asset_of: NDArray[np.int64],
        volume_usd: Floats,
        order_usd: Floats,
        pace: Floats,
        start_ticks: Floats,
        quote_unit: Floats,
        chance: Chance,
    ) -> None:
        count, lines = len(assets), len(asset_of)
        self._asset_of = asset_of
        self._count = count
        self._quote_unit = quote_unit
        self._log_start = np.log(start_ticks)
        self._index_log = self._log_start
        sigma = np.array([asset.daily_sigma for asset in assets])
        self.sigma_tick = sigma * _TICKS_A_DAY**-0.5
        crypto = np.array([asset.symbol_type == "crypto" for asset in assets])
        self._market = np.where(crypto, 0.72, 0.10)
        self._sector = np.where(crypto, 0.30, 0.20)
        self._own = np.sqrt(1 - self._market**2 - self._sector**2)
        self._sector_of = np.array([asset.sector for asset in assets])
        volume = np.bincount(asset_of, volume_usd, count)
        order = np.bincount(asset_of, volume_usd * order_usd, count) / np.maximum(volume, 1.0)
        # Kyle's lambda, sized so that a day's random flow alone would make about half the usual move.
        self.impact = 0.4 * sigma / np.sqrt(8.0 * np.maximum(volume * order, 1.0))
        self._own_impact = 0.35 * self.impact[asset_of] * np.sqrt(volume[asset_of] / volume_usd)
        self._arbitrage = _DT_S * np.clip(0.05 * (volume_usd / 1e6) ** 0.35, 0.05, 0.9)
        self._stray_noise = self.sigma_tick[asset_of] * np.clip(0.5 * (1e7 / volume_usd) ** 0.2, 0.05, 0.8)
        self._pace_share = np.bincount(asset_of, pace, count) / pace.sum()
        width = 1 + len(SECTORS) + 4 * count + lines
        self._rows = chance.normals(width, 1)
        edges = np.cumsum([1, len(SECTORS), count, count, count, count, lines]).tolist()
        self._parts = [slice(begin, end) for begin, end in pairwise(edges)]
        self._most_pressed = 30 * self.sigma_tick
        self.level = np.zeros(count)
        """Log fair value relative to the start."""
        self.stray = np.zeros(lines)
        """Log distance of each instrument's fair value from its asset's."""
        self.basis = np.zeros(lines)
        """Slow mean of `stray`; enters the mark price."""
        moods = next(chance.normals(1 + 3 * count, 3))
        self._market_mood = 0.6 * float(moods[0])
        self._mood, self._lean, self._drift = moods[1:].reshape(3, count)
        self._recent = np.zeros(count)
        self.premium = np.zeros(lines)
        """Level that positioning draws the stray of a perpetual to."""
        # Set by the stage.
        self.push = np.zeros(count)
        """Additional log move per tick."""
        self.script_lean = np.zeros(lines)
        self.script_free = np.ones(lines)
        """0 while the script alone sets the taker lean, else 1."""
        self.script_act = np.ones(lines)
        self.script_stray = np.zeros(lines)
        self.fair: list[float] = start_ticks.tolist()
        self.lean: list[float] = [0.0] * lines
        self.act: list[float] = [1.0] * lines
        self.move = np.zeros(count)
        """Log move of the last tick."""

    def step(self, flow: list[float]) -> None:
        """Advance by a quarter of a second; `flow` is the net taker buying since the last step, tick-steps."""
        row = next(self._rows)
        sector, own, mood, lean, drift, lines = (row[part] for part in self._parts)
        self._market_mood = 0.9996 * self._market_mood + 0.0283 * float(mood[0])
        self._mood = 0.9988 * self._mood + 0.049 * mood
        pace = 0.5 * self._market_mood + 0.45 * self._mood
        self._lean = _LEAN_FADE * self._lean + _LEAN_NEW * lean
        self._drift = _DRIFT_FADE * self._drift + _DRIFT_NEW * drift
        sigma = self.sigma_tick * np.exp(pace - 0.2)
        dollars = np.array(flow) * self._quote_unit
        pressed = self.impact * np.bincount(self._asset_of, dollars, self._count)
        pressed = np.minimum(np.maximum(pressed, -self._most_pressed), self._most_pressed)
        noise = self._market * row[0] + self._sector * sector[self._sector_of] + self._own * own + 0.035 * self._drift
        # The pull home keeps prices over weeks in a range that fits their ticks and steps.
        self.move = 0.8 * sigma * noise + pressed + self.push - _HOMING * self.level
        self.level += self.move
        self._recent = _RECENT_FADE * self._recent + self.move / self.sigma_tick
        asset_of = self._asset_of
        stray = self.stray
        stray += np.minimum(np.maximum(self._own_impact * dollars, -0.002), 0.002) + self._stray_noise * lines
        stray += self._arbitrage * (self.premium + self.script_stray - stray)
        np.minimum(np.maximum(stray, -MAX_STRAY, out=stray), MAX_STRAY, out=stray)
        self.basis += _BASIS_NEW * (stray - self.basis)
        self._index_log = self._log_start + self.level[asset_of]
        self.fair = np.exp(self._index_log + stray).tolist()
        herd = 0.03 * np.tanh(self._recent / 40.0)
        self.lean = ((0.04 * self._lean + herd)[asset_of] * self.script_free + self.script_lean).tolist()
        busy = np.minimum(np.exp(0.4 * self._mood), 6.0)
        # Moods only shift activity between assets; the total follows the market's mood alone.
        busy *= np.exp(0.15 * self._market_mood) / float(self._pace_share @ busy)
        self.act = (busy[asset_of] * self.script_act).tolist()

    def mark_ticks(self) -> Floats:
        """Current mark prices."""
        return np.asarray(np.exp(self._index_log + self.basis))

    def index_ticks(self) -> Floats:
        """Current index prices."""
        return np.asarray(np.exp(self._index_log))


_HOMING: Final = 1 - _fade(3 * 86_400.0)
_LEAN_FADE: Final = _fade(45.0)
_LEAN_NEW: Final = (1 - _LEAN_FADE**2) ** 0.5
_DRIFT_FADE: Final = _fade(1_200.0)
_DRIFT_NEW: Final = (1 - _DRIFT_FADE**2) ** 0.5
_RECENT_FADE: Final = _fade(60.0)
_BASIS_NEW: Final = 1 - _fade(20.0)
