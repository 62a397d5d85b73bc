"""Entry, stop and targets of every row for one preset, computed from the current price.

Pure functions called by `engine.ranking.ranker`. For a long, stop < entry < tp1 < tp2 < tp3 with every price above zero
must hold, mirrored for a short; otherwise the row has no levels and a reason. Levels of earlier scans are kept by the
ranker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Ints
from engine.config.presets import Preset
from engine.market.quotes import Quotes
from engine.ranking.result import LevelStatus
from engine.ranking.ticks import round_to_tick

Sides = NDArray[np.int8]

ATR_BARS_NEEDED: Final = 15
"""14 true ranges need 15 bars."""

NEAR_STRUCTURE_ATR: Final = 0.5
"""A structure level at most this far beyond the stop pulls the stop behind it."""

BEYOND_STRUCTURE_ATR: Final = 0.05
"""How far behind the level the stop then is."""

NO_QUOTE: Final = "no quote: entry is the last price"
NO_TICK: Final = "tick not known: prices are not rounded"


@dataclass(frozen=True, slots=True)
class Ground:
    """Inputs of the levels, `[rows]`; NaN if not known."""

    quotes: Quotes
    last: Floats
    tick: Floats
    fee_frac: Floats
    structure: Floats
    """`[rows, K]` structural prices; no columns if there are none."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Levels of one scan; NaN unless `status` is OK, apart from `atr`."""

    status: NDArray[np.int8]
    entry: Floats
    stop: Floats
    target: Floats
    risk: Floats
    atr: Floats
    reward_risk_net: Floats
    notes: dict[int, str]


def lay(ground: Ground, side: Sides, atr: Floats, bars: Ints, preset: Preset) -> Laid:
    """Levels for `side` (+1, -1, 0) `[rows]` from ATR14 `atr` of a timeframe with `bars` closed bars.

    Entry is the best ask (bid for a short), without quotes the last price. stop = entry - k ATR14; a structure level at
    most 0.5 ATR14 beyond that pulls it 0.05 ATR14 behind the level. R = entry - stop after rounding; targets are entry
    plus the preset's multiples of R. Rounding is against the trader: entry towards the worse price, stop away from
    entry, targets towards it.
    """
    sign = side.astype(np.float64)
    quoted = np.where(side > 0, ground.quotes.ask, ground.quotes.bid)
    entry = round_to_tick(np.where(np.isnan(quoted), ground.last, quoted), ground.tick, sign)
    raw_stop = _behind_structure(entry - sign * preset.stop_atr * atr, sign, atr, ground.structure)
    stop = round_to_tick(raw_stop, ground.tick, -sign)
    risk = round_to_tick((entry - stop) * sign, ground.tick, np.ones(len(sign)))
    ladder = np.array(preset.targets_r)
    wanted = entry[:, None] + (sign * risk)[:, None] * ladder
    target = round_to_tick(wanted, ground.tick[:, None], -sign[:, None])
    status, notes = _judge(side, entry, stop, target, atr, bars, preset.level_timeframe)
    ok = status == LevelStatus.OK
    quoteless, tickless = ok & np.isnan(quoted), ok & np.isnan(ground.tick)
    notes |= dict.fromkeys(np.flatnonzero(quoteless).tolist(), NO_QUOTE)
    notes |= dict.fromkeys(np.flatnonzero(tickless).tolist(), NO_TICK)
    notes |= dict.fromkeys(np.flatnonzero(quoteless & tickless).tolist(), f"{NO_QUOTE}; {NO_TICK}")
    spread = ground.quotes.ask - ground.quotes.bid
    return Laid(
        status=status,
        entry=np.where(ok, entry, np.nan),
        stop=np.where(ok, stop, np.nan),
        target=np.where(ok[:, None], target, np.nan),
        risk=np.where(ok, risk, np.nan),
        atr=atr,
        reward_risk_net=np.where(
            ok[:, None], net_reward_risk(entry, stop, target, ground.fee_frac, spread / 2), np.nan
        ),
        notes=notes,
    )


def net_reward_risk(entry: Floats, stop: Floats, target: Floats, fee_frac: Floats, half_spread: Floats) -> Floats:
    """Reward over risk to each target `[rows, 3]` after a taker fee on both fills and half the spread at the exit.

    Costs are subtracted from the reward and added to the risk. NaN if the spread is not known: a trade of unknown cost
    has no net figure. The reward is negative if costs exceed it.
    """
    exit_cost = half_spread[:, None] + fee_frac[:, None] * (entry[:, None] + target)
    stop_cost = half_spread + fee_frac * (entry + stop)
    reward = np.abs(target - entry[:, None]) - exit_cost
    risk = np.abs(entry - stop) + stop_cost
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(reward / risk[:, None], dtype=np.float64)


def _behind_structure(stop: Floats, sign: Floats, atr: Floats, structure: Floats) -> Floats:
    """`stop`, moved behind the nearest structural price that is at most 0.5 ATR14 beyond it."""
    if structure.shape[1] == 0:
        return stop
    with np.errstate(invalid="ignore"):
        beyond = (stop[:, None] - structure) * sign[:, None]
        near = (beyond >= 0) & (beyond <= NEAR_STRUCTURE_ATR * atr[:, None])
    least = np.where(near, beyond, np.inf).min(axis=1)
    pushed = np.where(np.isfinite(least), least + BEYOND_STRUCTURE_ATR * atr, 0.0)
    return stop - sign * pushed


def _judge(
    side: Sides, entry: Floats, stop: Floats, target: Floats, atr: Floats, bars: Ints, timeframe: str
) -> tuple[NDArray[np.int8], dict[int, str]]:
    """Status and reason by row; the first reason that applies is given."""
    status = np.full(len(side), LevelStatus.OK, dtype=np.int8)
    notes: dict[int, str] = {}
    sign = side.astype(np.float64)[:, None]
    chain = np.column_stack([stop, entry, target]) * sign
    with np.errstate(invalid="ignore"):
        rising = (np.diff(chain, axis=1) > 0).all(axis=1)
        positive = (np.column_stack([stop, target]) > 0).all(axis=1)
        reasons = (
            (side == 0, LevelStatus.MISSING, "no side"),
            (np.isnan(entry), LevelStatus.MISSING, "no price"),
            (np.isnan(atr), LevelStatus.WARMING, ""),
            (~(atr > 0), LevelStatus.MISSING, f"no range on {timeframe}"),
            (~positive, LevelStatus.MISSING, "stop or target at or below zero"),
            (~rising, LevelStatus.MISSING, "tick too coarse for these levels"),
        )
    for mask, code, text in reasons:
        fresh = np.flatnonzero(mask & (status == LevelStatus.OK))
        status[fresh] = code
        if text:
            notes |= dict.fromkeys(fresh.tolist(), text)
        else:
            words = f"/{ATR_BARS_NEEDED} bars of {timeframe}"
            held = np.minimum(bars[fresh], ATR_BARS_NEEDED).tolist()
            notes |= {row: f"warming: {count}{words}" for row, count in zip(fresh.tolist(), held, strict=True)}
    return status, notes
