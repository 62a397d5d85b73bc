"""The trading traits of each instrument: spread, depth, order sizes and pace, derived from its volume.

Called once by `engine.simulator.market.founding`. The larger a market, the tighter, deeper and faster; exponents are
fitted by eye to what venues show for BTC, for coins of about 100 million dollars a day, and for the smallest ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.simulator.market.line import Line

PACE: Final = 0.6
"""The number of messages grows as volume to this power."""
TAKERS: Final = 0.36
"""Share of events that are taker orders."""
TOLD_PER_EVENT: Final = 1.37
"""Trades and book changes per event, on average; measured."""
BRANCHING: Final = 0.5
"""Share of events triggered by other events."""
MEMORY_S: Final = 0.8
"""Time constant of the decay of excitement (heat)."""


def rates(volumes: Sequence[float], total: float) -> list[float]:
    """Trades and book changes per second for each instrument."""
    weights = [volume**PACE for volume in volumes]
    whole = sum(weights)
    return [total * weight / whole for weight in weights]


def shape(line: Line, price_usd: float, volume_usd: float, rate: float) -> None:
    """Set the traits of `line`, which trades `volume_usd` a day at about `price_usd` a base unit."""
    instrument = line.instrument
    ticks = line.start_ticks
    step_usd = instrument.step_base * price_usd
    events = rate / TOLD_PER_EVENT
    # Heat is bounded, so it triggers slightly fewer events than BRANCHING says.
    line.base = events * (1 - 0.93 * BRANCHING)
    line.jump = BRANCHING / max(1e-9, line.base * TAKERS * MEMORY_S)
    line.most_heat = max(6.0, 2.5 * line.jump)
    # 0.65: triggered orders are larger; with them the overall mean comes out right.
    line.order_steps = max(1.5, 0.65 * volume_usd / 86_400 / (events * TAKERS) / step_usd)
    half_bps = 0.05 * (1e10 / volume_usd) ** 0.55
    line.half = max(0.5, ticks * half_bps / 1e4)
    line.scale = max(1.0, line.half * 2.0)
    line.gap = max(1, int(line.half * 1.2))
    line.levels = 200 if volume_usd > 8e8 else 120 if volume_usd > 8e7 else 70 if volume_usd > 1e7 else 42
    line.span = max(float(line.levels) * 1.3, ticks * min(0.12, 0.028 * (1e9 / volume_usd) ** 0.12))
    # Depth within 1 % of mid, spread over the levels in that range.
    depth_usd = 1.3 * volume_usd**0.75
    within = max(1.0, line.levels * min(1.0, (0.01 * ticks / line.span)) ** (1 / 2.2))
    line.size = max(1.0, depth_usd / within / step_usd / 1.5)
