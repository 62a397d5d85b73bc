"""Names and lengths of the bar intervals that prism keeps.

Used by the venues (to name the interval of a candle frame), the candle store and the faces. Prices do not belong here.
"""

from __future__ import annotations

from typing import Final

MINUTE_MS: Final = 60_000

INTERVAL_MS: Final[dict[str, int]] = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
}
"""Every interval that the state keeps, by name, in milliseconds; finest first."""

PARENT: Final[dict[str, str]] = {"5m": "1m", "15m": "5m", "4h": "15m"}
"""The finer interval from which each one is resampled if the venue does not send it."""

SCORED: Final[tuple[str, str, str]] = ("5m", "15m", "4h")
"""Low, middle and high timeframe of every multi-timeframe component."""

WEIGHTS: Final[dict[str, float]] = {"5m": 0.25, "15m": 0.35, "4h": 0.40}
"""Share of each scored timeframe in a component; sums to 1."""
