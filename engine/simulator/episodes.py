"""Episodes: scripted stretches of the simulated market whose truth is known.

Read by `engine.simulator.world`, which bends the order flow of an asset as the phases say, and by whoever judges
detection. An episode states what it is, when its phases are, which way it goes and which faces should show it.
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
    """+1 or -1: which way the episode first drives the price."""
    strength: float = 1.0
