"""Open interest against price: which side builds positions, and where they would be liquidated.

Pure functions on the 15m open-interest history, called by `engine.prism.structure_memory` and `engine.prism.risk`.
Everything here is an estimate from public totals: no venue publishes the entry prices or the leverage of positions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Ints

CHANGE_SLOTS: Final = 4
"""15m slots over which open interest and price are compared: one hour."""

FEWEST_SLOTS: Final = 24
"""Slots of history (6 hours) needed for the deviation of the change."""

WEAK: Final = 0.4
"""Weight of a move on falling open interest (positions closing), against 1 on rising (positions opening)."""

QUADRANT_SHARE: Final = 0.7
"""The rest is the concentration near estimated liquidations."""

LEVERAGES: Final[tuple[float, ...]] = (10.0, 25.0, 50.0)
"""Assumed leverages of opened positions, in equal parts."""

NEAR_FRAC: Final = 0.02
"""Distance of an estimated liquidation from price, as a fraction, at which its weight has fallen to 1/e."""


class Heat(NamedTuple):
    """`[rows]`."""

    score: Floats
    """0..100; NaN below 24 slots."""
    change_z: Floats
    """Change of open interest over one hour, in its own standard deviations."""
    oi_change: Floats
    """Log change of open interest in base units over one hour."""
    price_change: Floats
    """Log change of price over the same hour."""
    concentration: Floats
    """-1..1: (estimated liquidations of shorts above price - those of longs below) / both; NaN: none near."""
    slots: Ints
    """Slots with both readings, counted back from the newest to the first gap."""


def position_heat(oi_usd: Floats, close: Floats) -> Heat:
    """Score of `[rows, slots]` open interest in dollars and price at the same instants, right-aligned.

    Open interest is taken in base units (dollars / price), since its dollar value rises with price by itself. With z
    its one-hour change in standard deviations of such changes (about zero) and p the same for price,

        quadrant = tanh(|z| / 2) * (1 if open interest rose, 0.4 if it fell) * tanh(p)
        score    = 50 + 50 * (0.7 * quadrant + 0.3 * concentration)

    so price rising on rising interest is bullish, falling on rising interest bearish, and both are weak on falling
    interest. If no estimated liquidation is near, the quadrant counts alone. Mirroring prices mirrors the score.
    """
    slots = consecutive(~np.isnan(oi_usd) & ~np.isnan(close) & (close > 0) & (oi_usd > 0))
    inside = np.arange(close.shape[1])[None, :] >= close.shape[1] - slots[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(inside, np.log(close), np.nan)
        interest = np.where(inside, np.log(oi_usd / close), np.nan)
    change = interest[:, CHANGE_SLOTS:] - interest[:, :-CHANGE_SLOTS]
    move = price[:, CHANGE_SLOTS:] - price[:, :-CHANGE_SLOTS]
    change_z, move_z = _newest_z(change), _newest_z(move)
    quadrant = np.tanh(np.abs(change_z) / 2) * np.where(change_z >= 0, 1.0, WEAK) * np.tanh(move_z)
    concentration = liquidation_concentration(interest, price)
    near = ~np.isnan(concentration)
    blend = np.where(near, QUADRANT_SHARE * quadrant + (1 - QUADRANT_SHARE) * _or_zero(concentration), quadrant)
    enough = slots >= FEWEST_SLOTS
    return Heat(
        score=np.where(enough, 50 + 50 * np.clip(blend, -1, 1), np.nan),
        change_z=np.where(enough, change_z, np.nan),
        oi_change=change[:, -1],
        price_change=move[:, -1],
        concentration=concentration,
        slots=slots,
    )


def consecutive(known: NDArray[np.bool_]) -> Ints:
    """Number of consecutive known columns, counted back from the newest, `[rows]`."""
    return np.asarray(np.logical_and.accumulate(known[:, ::-1], axis=1).sum(axis=1), dtype=np.int64)


def _newest_z(change: Floats) -> Floats:
    """Newest change over the root mean square of all of them; 0 if nothing ever changed."""
    known = ~np.isnan(change)
    square = np.where(known, change, 0.0) ** 2
    spread = np.sqrt(square.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, change[:, -1] / spread, np.where(np.isnan(change[:, -1]), np.nan, 0.0))


def _or_zero(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)


def liquidation_concentration(interest: Floats, price: Floats) -> Floats:
    """(short - long) / (short + long) of estimated liquidations near price, `[rows]`; NaN if there are none.

    A slot in which open interest rose is taken to have opened that much, long and short alike, at the slot's price. At
    leverage L the longs are liquidated 1/L below (in log price) and the shorts 1/L above; those that price has crossed
    since are gone. Weight exp(-distance / 2 %). Inputs are logarithms `[rows, slots]`. Maintenance margin differs by
    venue and is left out.
    """
    size = np.exp(interest - np.where(np.isnan(interest), -np.inf, interest).max(axis=1, keepdims=True))
    opened = np.zeros(price.shape)
    opened[:, 1:] = np.maximum(_or_zero(size[:, 1:] - size[:, :-1]), 0.0)
    lowest = np.minimum.accumulate(np.where(np.isnan(price), np.inf, price)[:, ::-1], axis=1)[:, ::-1]
    highest = np.maximum.accumulate(np.where(np.isnan(price), -np.inf, price)[:, ::-1], axis=1)[:, ::-1]
    now = price[:, -1:]
    longs, shorts = np.zeros(len(price)), np.zeros(len(price))
    for leverage in LEVERAGES:
        below, above = price - 1 / leverage, price + 1 / leverage
        weight_below = np.where(lowest > below, opened * np.exp(-np.abs(now - below) / NEAR_FRAC), 0.0)
        weight_above = np.where(highest < above, opened * np.exp(-np.abs(above - now) / NEAR_FRAC), 0.0)
        longs += _or_zero(weight_below).sum(axis=1)
        shorts += _or_zero(weight_above).sum(axis=1)
    total = longs + shorts
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (shorts - longs) / total, np.nan)
