"""The faces, their components and the component weights.

Read by all of `engine.prism`, the documents and the console. The console needs the names before it loads numpy, so
nothing here may import it.
"""

from __future__ import annotations

from typing import Final

FACES: Final[tuple[str, ...]] = ("technical", "volume", "orderflow", "orderbook", "structure", "sentiment")

COMPONENTS: Final[dict[str, dict[str, float]]] = {
    "technical": {"rsi": 0.20, "ao": 0.20, "macd": 0.15, "williams_r": 0.15, "cci": 0.15, "atr": 0.15},
    "volume": {
        "volume_delta": 0.20,
        "adl": 0.15,
        "cmf": 0.15,
        "relative_volume": 0.20,
        "obv": 0.15,
        "divergence": 0.15,
    },
    "orderflow": {"trade_flow": 0.40, "market_making": 0.30, "toxicity": 0.30},
    "orderbook": {"imbalance": 0.35, "liquidity": 0.35, "impact": 0.30},
    "structure": {
        "order_block": 0.25,
        "value_area": 0.20,
        "vwap": 0.20,
        "support_resistance": 0.20,
        "position_heat": 0.15,
    },
    "sentiment": {
        "long_short_ratio": 0.20,
        "funding": 0.15,
        "funding_volatility": 0.10,
        "liquidations": 0.15,
        "volume_sentiment": 0.10,
        "mood": 0.15,
        "risk": 0.15,
    },
}
"""Faces in order, their components in order, and each component's weight in its face (sums to 1)."""

COMPONENT_NAMES: Final[tuple[str, ...]] = tuple(name for face in FACES for name in COMPONENTS[face])
COMPONENT_INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(COMPONENT_NAMES)}
FACE_OF: Final[tuple[int, ...]] = tuple(i for i, face in enumerate(FACES) for _ in COMPONENTS[face])
TIMEFRAMES: Final[tuple[str, ...]] = ("5m", "15m", "4h")
