"""The sensitivity presets: what a candidate must pass and how its levels are laid.

Data, read by the ranking and shown by the console; a user's configuration may override any field.
Names say what they do: strict passes fewest, relaxed most.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sensitivity: gates, then levels."""

    min_conviction: Annotated[float, Meta(ge=0, le=100)]
    """Least |score - 50| * 2."""
    min_coverage: Fraction
    """Least share of the score's weight that rests on good data."""
    min_faces: Annotated[int, Meta(ge=0, le=6)]
    """Least number of faces that agree with the side."""
    max_spread_bps: Positive
    """Widest spread, basis points of mid."""
    min_depth_usd: NotNegative
    """Least notional within 1 % of mid, the thinner side, US dollars."""
    min_volume_24h_usd: NotNegative
    """Least 24 h volume, US dollars; 0 lets microcaps through."""
    min_reward_risk: NotNegative
    """Least reward/risk to TP2, net of taker fees and half the spread."""
    persistence: Annotated[int, Meta(ge=1, le=1000)]
    """Scans in a row that all other gates must have passed."""
    stop_atr: Positive
    """Stop distance in ATR14 of the level timeframe."""
    targets_r: tuple[Positive, Positive, Positive] = (1.5, 3.0, 5.0)
    """TP1 to TP3 in R, rising."""
    level_timeframe: Annotated[str, Meta(pattern="^(5m|15m|4h)$")] = "15m"
    """Bars the ATR is taken from."""
    face_weights: dict[str, NotNegative] | None = None
    """Weights of the six faces, summing to 1, where this preset wants its own."""


PRESETS: Final[dict[str, Preset]] = {
    "strict": Preset(
        min_conviction=40, min_coverage=0.8, min_faces=4, max_spread_bps=10, min_depth_usd=500_000,
        min_volume_24h_usd=20_000_000, min_reward_risk=2.0, persistence=3, stop_atr=2.2,
    ),
    "balanced": Preset(
        min_conviction=25, min_coverage=0.65, min_faces=3, max_spread_bps=20, min_depth_usd=100_000,
        min_volume_24h_usd=5_000_000, min_reward_risk=1.5, persistence=2, stop_atr=2.0,
    ),
    "relaxed": Preset(
        min_conviction=12, min_coverage=0.5, min_faces=2, max_spread_bps=50, min_depth_usd=20_000,
        min_volume_24h_usd=0, min_reward_risk=1.0, persistence=1, stop_atr=1.5,
    ),
}  # fmt: skip
"""Strictest first."""

ALIASES: Final[dict[str, str]] = {"high": "strict", "medium": "balanced", "low": "relaxed"}
"""Names other tools use, where high means strictest."""

FACE_WEIGHTS: Final[dict[str, float]] = {
    "technical": 0.150,
    "volume": 0.150,
    "orderflow": 0.225,
    "orderbook": 0.225,
    "structure": 0.150,
    "sentiment": 0.100,
}
"""Default share of each face in the score; sums to 1."""
