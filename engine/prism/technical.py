"""The technical face: speed and direction of price, six components on three timeframes.

Called by `engine.prism.score` after it has advanced the bank. Formulas are the specification's. If price did not move
in a window there is no information: the component scores 50 with a raw value of 0 (RSI 50, Williams %R -50).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.market.view import MarketView
from engine.prism.bar_bank import AO_BARS, AO_Z_VALUES, BarBank, Frame
from engine.prism.bar_components import BarComponent, Partial, read
from engine.prism.board import Reading
from engine.prism.draft import blend as blend_parts
from engine.prism.scales import tilt

AO_CHANGE_SCALE: Final = 0.2
"""ATR14 per bar at which a change of the oscillator scores 88."""


def _ao_values(frame: Frame) -> Ints:
    return np.clip(frame.count - (AO_BARS - 1), 0, AO_Z_VALUES)


def _ao(frame: Frame) -> Floats:
    """Level, change and z; the z part joins once it has 100 values, so that a young symbol is scored without it."""
    return blend_parts(
        {
            "level": (0.5, tilt(frame["ao"])),
            "change": (0.3, tilt(frame["ao_change"] / AO_CHANGE_SCALE)),
            "z": (0.2, tilt(frame["ao_z"])),
        }
    )


def _atr(frame: Frame) -> Floats:
    return 50.0 + 50.0 * np.tanh(2.0 * frame["atr_excess"]) * frame["move_14"]


COMPONENTS: Final = (
    BarComponent("rsi", "index", "14", 15, "prices", lambda f: f["rsi"], lambda f: f["rsi"], {}),
    BarComponent(
        "ao", "ATR14", "5/34", AO_BARS + 1, "prices", lambda f: f["ao"], _ao,
        {
            "ao change": (lambda f: f["ao_change"], "ATR14 per bar"),
            "ao z": (lambda f: f["ao_z"], "standard deviations, 100 bars"),
        },
        Partial(_ao_values, AO_Z_VALUES, lambda n: f"without z: {n}/{AO_Z_VALUES} values"),
    ),
    BarComponent("macd", "ATR14", "12/26/9", 34, "prices", lambda f: f["macd"], lambda f: tilt(2.0 * f["macd"]), {}),
    BarComponent(
        "williams_r", "index", "14", 14, "prices", lambda f: f["williams_r"], lambda f: 100.0 + f["williams_r"], {},
    ),
    BarComponent(
        "cci", "index", "20", 20, "prices", lambda f: f["cci"],
        lambda f: np.clip(50.0 + f["cci"] / 4.0, 0.0, 100.0), {},
    ),
    BarComponent(
        "atr", "fraction over ATR100", "14", 101, "prices", lambda f: f["atr_excess"], _atr,
        {"direction": (lambda f: f["move_14"], "sign, 14 bars")},
    ),
)  # fmt: skip
"""The least bars follow from the seeds: 14 changes (rsi), a 34-bar mean and one change of it (ao), 26 + 9 - 1 (macd),
plain windows (williams_r, cci) and 100 true ranges (atr)."""

MIN_BARS: Final[dict[str, int]] = {one.name: one.bars for one in COMPONENTS}
"""Closed bars a timeframe needs for each component to count."""


def technical(view: MarketView, bank: BarBank) -> dict[str, Reading]:
    """Readings of the face's components, by name. `bank` must have been advanced with this view (else ValueError)."""
    return read("technical", COMPONENTS, view, bank)
