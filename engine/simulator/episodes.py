"""Episodes: scripted stretches of the simulated market with known truth.

Part of the `WorldSpec`; `engine.simulator.market` bends the order flow of the asset by the phases in `market.scripts`,
which also say which faces should show them. Tests of detection use the same records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EpisodeKind = Literal[
    "spot_led_breakout", "perp_led_pump", "squeeze", "cascade_reversal", "stop_hunt", "thin_book_spike"
]


@dataclass(frozen=True, slots=True)
class Episode:
    """One scripted stretch of one asset."""

    kind: EpisodeKind
    asset: str
    start_ms: int
    """Unix time, at or after the world's start."""
    duration_ms: int
    direction: int
    """+1 or -1: the direction in which the episode drives the price."""
    strength: float = 1.0
