"""The volume face: participation behind the move, six components on three timeframes.

Called by `engine.prism.score` after it has advanced the bank. Volumes are dollars; an instrument without dollar volumes
is missing here, and `volume_delta` and `divergence` are missing if candles carry no taker volume. If nothing traded or
nothing moved there is no information: the component scores 50 with a raw value of 0.

The slopes of `divergence` are both in standard deviations of their own window (their correlation with time), which
makes them independent of scale and of the CVD's arbitrary origin, and so comparable.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.indicators.normal import normal_cdf
from engine.market.view import MarketView
from engine.prism.bar_bank import OBV_WINDOW, OBV_Z_LEAST, OBV_Z_VALUES, BarBank, Frame
from engine.prism.bar_components import ADX_BARS, BarComponent, Partial, read
from engine.prism.board import Reading
from engine.prism.scales import tilt
from engine.prism.timeframes import STRONG_ADX


def _delta(frame: Frame) -> Floats:
    """Taker imbalance, halved without a trend."""
    return frame["delta_share"] * (0.5 + 0.5 * np.minimum(1.0, frame["adx"] / STRONG_ADX))


def _relative(frame: Frame) -> Floats:
    return 50.0 + 50.0 * np.tanh(frame["relative_volume"]) * frame["move_5"]


def _obv_values(frame: Frame) -> Ints:
    return np.clip(frame.volumes - OBV_WINDOW, 0, OBV_Z_VALUES)


COMPONENTS: Final = (
    BarComponent(
        "volume_delta", "share of volume, trend-weighted", "20", ADX_BARS, "taker", _delta,
        lambda f: tilt(4.0 * _delta(f)),
        {
            "taker delta": (lambda f: f["delta_share"], "share of volume, 20 bars"),
            "adx": (lambda f: f["adx"], "index, 14 bars"),
        },
    ),
    BarComponent(
        "adl", "share of volume", "20", 20, "volumes", lambda f: f["money_flow"],
        lambda f: tilt(2.0 * f["money_flow"]), {},
    ),
    BarComponent(
        "cmf", "share of volume, EMA 0.5", "20", 22, "volumes", lambda f: f["cmf"], lambda f: tilt(4.0 * f["cmf"]), {},
    ),
    BarComponent(
        "relative_volume", "log2", "5 over 20 before", 25, "volumes", lambda f: f["relative_volume"], _relative,
        {"direction": (lambda f: f["move_5"], "sign, 5 bars")},
    ),
    BarComponent(
        "obv", "standard deviations", "20-bar change of 100", OBV_WINDOW + OBV_Z_LEAST, "volumes",
        lambda f: f["obv_z"], lambda f: 100.0 * normal_cdf(f["obv_z"]), {},
        Partial(_obv_values, OBV_Z_VALUES, lambda n: f"z over {n} of {OBV_Z_VALUES} values"),
    ),
    BarComponent(
        "divergence", "standard deviations of slope", "20", 20, "taker", lambda f: f["trend_gap"],
        lambda f: tilt(f["trend_gap"]), {},
    ),
)  # fmt: skip
"""The least bars follow from the windows: ADX14 (volume_delta), 20 (adl, divergence), 20 + 3 - 1 (cmf), 5 + 20
(relative_volume), and 20 + 30 (obv; its z runs over the known changes, at least 30 and at most 100)."""

MIN_BARS: Final[dict[str, int]] = {one.name: one.bars for one in COMPONENTS}
"""Closed bars (with the volumes it needs) that a timeframe needs for each component to count."""


def volume(view: MarketView, bank: BarBank) -> dict[str, Reading]:
    """Readings of the face's components, by name. `bank` must have been advanced with this view (else ValueError)."""
    return read("volume", COMPONENTS, view, bank)
