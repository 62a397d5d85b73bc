"""The scripts of the episodes, phase by phase. Data only.

Read by `engine.simulator.market.stage`, which executes them. Shares and moves are for strength 1 and direction +1; for
-1 everything directional is mirrored. `faces` names the faces that should show the phase, with the side they should
lean to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.simulator.episodes import EpisodeKind


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of an episode."""

    name: str
    until: float
    """End of the phase, as a share of the episode's duration."""
    move: float
    """Log price at the end of the phase, relative to the episode's start."""
    perp_lean: float = 0.0
    """Taker buy share of perpetuals above one half."""
    spot_lean: float = 0.0
    perp_act: float = 1.0
    """Pace of perpetuals relative to usual."""
    spot_act: float = 1.0
    stray: float = 0.0
    """Premium of perpetuals over the asset, in log price."""
    build: float = 0.0
    """Share of traded size by which open interest grows."""
    skew: float = 0.0
    """The crowd's positioning (positive: long), on top of the usual."""
    tilt: float = 0.0
    """Imbalance of resting sizes, -1 to 1: positive favours bids."""
    depth: float = 1.0
    """Sizes of makers' orders relative to usual."""
    crowd: int = 0
    """1 or -1: adds leveraged positions on the episode's side or against it, to be squeezed; 0: none."""
    drawn: bool = True
    """Whether takers follow fair value; if not, only makers move quotes. Perpetuals with a `perp_lean` always do."""
    faces: Mapping[str, int] = field(default_factory=dict)


SCRIPTS: Final[dict[EpisodeKind, tuple[Phase, ...]]] = {
    "spot_led_breakout": (
        Phase("accumulation", 0.55, 0.006, -0.02, 0.26, 1.1, 2.6, -0.0003, 0.05, -0.2, 0.25, drawn=False,
              faces={"orderflow": 1, "orderbook": 1}),
        Phase("breakout", 0.80, 0.072, 0.16, 0.28, 4.0, 4.5, 0.0002, 0.25, 0.2, 0.2,
              faces={"technical": 1, "volume": 1, "orderflow": 1, "structure": 1}),
        Phase("hold", 1.0, 0.064, 0.0, 0.06, 1.6, 1.6, 0.0, 0.0, 0.2, 0.05, faces={"technical": 1, "structure": 1}),
    ),
    "perp_led_pump": (
        Phase("pump", 0.50, 0.068, 0.30, -0.01, 5.0, 1.0, 0.0045, 0.45, 1.6, -0.10, drawn=False,
              faces={"technical": 1, "volume": 1, "sentiment": -1}),
        Phase("stall", 0.68, 0.064, 0.02, -0.10, 2.5, 1.6, 0.0035, 0.05, 1.9, -0.30, drawn=False,
              faces={"orderflow": -1, "orderbook": -1, "sentiment": -1}),
        Phase("unwind", 1.0, 0.004, -0.24, -0.12, 4.0, 2.0, -0.0008, -0.35, 0.2, -0.15, crowd=1,
              faces={"technical": -1, "volume": -1, "orderflow": -1}),
    ),
    "squeeze": (
        Phase("crowding", 0.45, -0.004, -0.10, 0.03, 1.8, 1.1, -0.0030, 0.40, -1.6, 0.10, drawn=False,
              faces={"sentiment": 1}),
        Phase("squeeze", 0.75, 0.085, 0.22, 0.12, 4.5, 2.5, 0.0, -0.30, -0.6, 0.10, crowd=-1,
              faces={"technical": 1, "volume": 1, "orderflow": 1, "sentiment": 1}),
        Phase("settle", 1.0, 0.075, 0.0, 0.0, 1.5, 1.3, 0.0008, 0.0, 0.4, faces={"technical": 1}),
    ),
    "cascade_reversal": (
        Phase("crowding", 0.25, -0.006, -0.04, -0.02, 1.4, 1.2, -0.0025, 0.30, -1.1, faces={"sentiment": 1}),
        Phase("cascade", 0.50, 0.088, 0.26, 0.14, 6.0, 3.0, 0.0030, -0.45, -0.4, 0.0, 0.45, crowd=-1,
              faces={"technical": 1, "volume": 1, "orderflow": 1}),
        Phase("exhaustion", 0.62, 0.086, 0.0, -0.06, 3.0, 2.2, 0.0015, -0.05, 0.2, -0.2, faces={"sentiment": -1}),
        Phase("reversal", 1.0, 0.034, -0.14, -0.10, 2.4, 2.0, 0.0, 0.05, 0.2, -0.1,
              faces={"orderflow": -1, "orderbook": -1}),
    ),
    "stop_hunt": (
        Phase("calm", 0.40, -0.002, 0.0, 0.0, 0.8, 0.9, faces={}),
        Phase("sweep", 0.48, -0.030, -0.34, -0.10, 6.0, 2.0, -0.0025, -0.20, 0.0, 0.0, 0.5, crowd=1,
              faces={"technical": -1, "sentiment": 1}),
        Phase("reclaim", 0.62, 0.012, 0.26, 0.22, 5.0, 3.0, 0.0, 0.05, 0.0, 0.3,
              faces={"orderflow": 1, "orderbook": 1, "structure": 1}),
        Phase("drive", 1.0, 0.056, 0.14, 0.14, 2.6, 2.2, 0.0003, 0.20, 0.2, 0.15,
              faces={"technical": 1, "orderflow": 1}),
    ),
    "thin_book_spike": (
        Phase("withdrawal", 0.40, 0.0, 0.0, 0.0, 0.7, 0.7, depth=0.10, faces={"orderbook": 0}),
        Phase("spike", 0.48, 0.075, 0.38, 0.20, 5.0, 2.0, 0.004, 0.05, 0.2, 0.0, 0.08, faces={"technical": 1}),
        Phase("return", 1.0, 0.008, -0.10, -0.08, 1.6, 1.4, 0.0, -0.05, 0.0, 0.0, 0.8, faces={"technical": -1}),
    ),
}  # fmt: skip
"""Every kind moves the price by 5 % or more from its low to its high at strength 1."""
