"""The structure face: price against order blocks, value areas, VWAP, swing levels and positions.

Called by `engine.prism.score` once a scan with the view and the memory from the previous scan. Levels come from closed
bars (`engine.prism.structure_memory`); the live price is compared with them here. The formulas of the scores are here,
those of the levels in the levels' modules. No component may read a bar that has not closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.quotes import quotes
from engine.market.view import MarketView
from engine.prism import position_heat as heat
from engine.prism import vwap
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import OPEN_INTEREST_LIMIT_MS, PRICE_LIMIT_MS, age_ms
from engine.prism.structure_levels import Nearest, nearest_blocks
from engine.prism.structure_memory import DAY_MS, FEWEST_BARS, PROFILE_FEWEST_BARS, Frame, StructureMemory
from engine.prism.timeframes import blend as over_timeframes
from engine.prism.timeframes import divergence, is_stale
from engine.timeframes import SCORED

BLOCK_REACH_ATR: Final = 3.0
"""Distance in ATR14 at which the pull of an order block has fallen to 1/e."""

LEVEL_REACH_ATR: Final = 2.0
"""The same for support and resistance."""

TOUCH_ATR: Final = 0.1
"""Half-width of the band around a level in which it turns from support into resistance, so that a cross is no jump."""

NO_INTEREST: Final = "no open interest"
HOUR_MS: Final = 3_600_000
_FINE, _COARSE = SCORED.index("5m"), SCORED.index("15m")


@dataclass(frozen=True, slots=True)
class Ground:
    """Inputs shared by the components within a scan; arrays of the scored timeframes `[3, rows]`."""

    price: Floats
    """`[rows]` the last price; the mid of the quotes if they are current and no trade was within `PRICE_LIMIT_MS`."""
    price_ms: Ints
    """`[rows]` its event time; -1 if there is none."""
    quoted: Bools
    """`[rows]` whether it is that mid."""
    count: Ints
    """Closed bars."""
    closed_ms: Ints
    """Event time at which the newest bar closed; -1 if there is none."""
    overdue: Bools
    """The bar after the newest closed one is overdue."""
    volume_known: Bools


def structure(view: MarketView, memory: StructureMemory) -> dict[str, Reading]:
    """The five components of the face for all rows; first updates `memory` to the view's closed bars."""
    memory.update(view)
    ground = _ground(view, memory)
    blocks = nearest_blocks(memory.stack, ground.price)
    memory.place(ground.price, blocks)
    return {
        "order_block": _order_block(view, memory, ground, blocks),
        "value_area": _value_area(view, memory, ground),
        "vwap": _vwap(view, memory, ground),
        "support_resistance": _support_resistance(view, memory, ground),
        "position_heat": _position_heat(view, memory),
    }


def _ground(view: MarketView, memory: StructureMemory) -> Ground:
    frames = [view.bars[name] for name in SCORED]
    newest = np.stack([bars.open_ms[:, -1] for bars in frames])
    interval = np.array([bars.interval_ms for bars in frames])[:, None]
    facts, mid = view.derivatives, quotes(view).mid
    quoted = (view.at_ms - facts.last_ms > PRICE_LIMIT_MS) & ~np.isnan(mid)
    return Ground(
        price=np.where(quoted, mid, facts.last),
        price_ms=np.where(quoted, facts.quote_ms, facts.last_ms),
        quoted=quoted,
        count=np.stack([bars.count for bars in frames]),
        closed_ms=np.where(newest >= 0, newest + interval, -1),
        overdue=is_stale(view.at_ms, newest, interval),
        volume_known=~np.isnan(memory.stack.vwap),
    )


def _remember(draft: Draft, name: str, values: Floats, unit: str, at_ms: Ints | None) -> None:
    """Record a copy of an input: readings outlive the scan, while memory and view are overwritten by the next one."""
    draft.input(name, values.copy(), unit, None if at_ms is None else at_ms.copy())


def _price_input(draft: Draft, view: MarketView, ground: Ground) -> None:
    draft.refuse(np.isnan(ground.price), Status.MISSING, "no price")
    traded = age_ms(view, view.derivatives.last_ms)
    old = traded > PRICE_LIMIT_MS
    draft.refuse_values(
        old & ~ground.quoted, Status.STALE, traded, 60_000.0, lambda ms: f"last price {ms / 60_000:.0f} min old"
    )
    draft.note(ground.quoted & np.isnan(traded), "no trade yet: price is the mid quote")
    draft.note_values(
        ground.quoted & old, traded, 60_000.0, lambda ms: f"no trade for {ms / 60_000:.0f} min: price is the mid quote"
    )
    _remember(draft, "price", ground.price, "quote", ground.price_ms)


def _usable(draft: Draft, ground: Ground, fewest: int, volume_known: Bools | None) -> Bools:
    """Which timeframes count `[3, rows]`; rows with none are refused, and rows that lack some get a note.

    A timeframe counts if it has at least `fewest` closed bars, its volume is known (None: not required) and it is not
    overdue.
    """
    warm = ground.count >= fewest
    usable = warm & ~ground.overdue
    if volume_known is not None:
        usable &= volume_known
    if np.count_nonzero(usable) == usable.size:
        return usable
    none = ~np.logical_or.reduce(usable, axis=0)
    most = ground.count.max(axis=0).astype(np.float64)
    draft.refuse(none & (most == 0), Status.MISSING, "no closed bars")
    late = np.logical_or.reduce(warm & ground.overdue, axis=0)
    draft.refuse(none & late, Status.STALE, "newest closed bar is overdue")
    draft.refuse(none & (most >= fewest), Status.MISSING, "its bars carry no dollar volume")
    draft.refuse_values(none, Status.WARMING, most, 1.0, lambda bars: f"warming: {bars:.0f}/{fewest} bars")
    for place, name in enumerate(SCORED):
        count = ground.count[place]
        _note_warming(draft, name, count.astype(np.float64), (count > 0) & ~warm[place], fewest)
        draft.note(count == 0, f"no {name} bars")
        draft.note(warm[place] & ground.overdue[place], f"{name} bars overdue")
    return usable


def _note_warming(draft: Draft, name: str, held: Floats, mask: Bools, fewest: int) -> None:
    draft.note_values(mask, held, 1.0, lambda bars: f"{name} warming: {bars:.0f}/{fewest} bars")


def _over_timeframes(usable: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """Weighted mean `[rows]` over the usable timeframes, and their scores `[rows, 3]`, NaN if not usable."""
    held = np.where(usable, scores, np.nan).T
    return over_timeframes(held), held


def _finish(draft: Draft, memory: StructureMemory, raw: Floats, unit: str, score: Floats, frames: Floats) -> Reading:
    """The reading of a component with timeframes, including their divergence."""
    aside = np.where(draft.ok, divergence(frames, memory.stack.adx[-1]), 0.0)
    return replace(draft.finish(raw, unit, score), timeframes=frames, divergence=aside)


def _or_zero(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)


def _order_block(view: MarketView, memory: StructureMemory, ground: Ground, blocks: Nearest) -> Reading:
    """Per timeframe 50 + 50 (below - above), each the pull of a block: its strength * exp(-distance / 3 ATR14).

    Below is the nearest open bullish block under or around price, above the nearest open bearish block over or around
    it. A block whose middle the live price has crossed is closed already, before its bar closes. Without an open block
    on either side the score is 50, and a note says so.
    """
    draft = Draft(view.rows)
    _price_input(draft, view, ground)
    usable = _usable(draft, ground, FEWEST_BARS, ground.volume_known)
    below = blocks.below_strength * np.exp(-blocks.below_atr / BLOCK_REACH_ATR)
    above = blocks.above_strength * np.exp(-blocks.above_atr / BLOCK_REACH_ATR)
    pulls = _or_zero(below) - _or_zero(above)
    none = np.logical_and.reduce(~usable | (np.isnan(below) & np.isnan(above)), axis=0)
    for place, name in enumerate(SCORED):
        closed = ground.closed_ms[place]
        _remember(draft, f"bull block top {name}", blocks.below_top[place], "quote", closed)
        _remember(draft, f"bear block bottom {name}", blocks.above_bottom[place], "quote", closed)
        _remember(draft, f"ATR14 {name}", memory.stack.atr[place], "quote", closed)
    draft.note(none, "no open block")
    raw, _ = _over_timeframes(usable, pulls)
    score, frames = _over_timeframes(usable, 50 + 50 * pulls)
    return _finish(draft, memory, raw, "pull", score, frames)


def _vwap(view: MarketView, memory: StructureMemory, ground: Ground) -> Reading:
    """`engine.prism.vwap.vwap_score` per timeframe; raw is the weighted distance in percent of price."""
    draft = Draft(view.rows)
    _price_input(draft, view, ground)
    price, mean = ground.price, memory.stack.vwap
    usable = _usable(draft, ground, vwap.FEWEST_BARS, ground.volume_known)
    for place, name in enumerate(SCORED):
        label = f"VWAP {name}, {vwap.WINDOW_BARS[name]} bars"
        _remember(draft, label, mean[place], "quote", ground.closed_ms[place])
    raw, _ = _over_timeframes(usable, (price - mean) / price * 100)
    score, frames = _over_timeframes(usable, vwap.vwap_score(price, mean, memory.stack.atr))
    return _finish(draft, memory, raw, "percent", score, frames)


def _level_pulls(stack: Frame, price: Floats) -> tuple[Floats, Floats]:
    """Strongest pull of a support and of a resistance by timeframe, `[3, rows]`, 0..1; 0 if there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (price - stack.level) / stack.atr[:, None, :]
        pull = stack.level_weight * np.exp(-np.abs(distance) / LEVEL_REACH_ATR)
        support = np.clip(0.5 + 0.5 * distance / TOUCH_ATR, 0.0, 1.0)
    below = np.fmax.reduce(pull * support, axis=1, initial=0.0)
    above = np.fmax.reduce(pull * (1.0 - support), axis=1, initial=0.0)
    return below, above


def _support_resistance(view: MarketView, memory: StructureMemory, ground: Ground) -> Reading:
    """Per timeframe 50 + 50 (support - resistance), each the strongest pull of a level on its side of price.

    pull = strength (touches and age) * alignment (1 if both other timeframes have the level too, 0.75 one, 0.5 none)
    * exp(-distance / 2 ATR14). Within 0.1 ATR14 of price a level is partly both, so that the score does not jump when
    price crosses it.
    """
    draft = Draft(view.rows)
    _price_input(draft, view, ground)
    usable = _usable(draft, ground, FEWEST_BARS, None)
    below, above = _level_pulls(memory.stack, ground.price)
    pulls = below - above
    none = np.logical_and.reduce(~usable | ((below == 0) & (above == 0)), axis=0)
    for place, name in enumerate(SCORED):
        closed = ground.closed_ms[place]
        _remember(draft, f"swing below {name}", memory.swing(place, above=False), "quote", closed)
        _remember(draft, f"swing above {name}", memory.swing(place, above=True), "quote", closed)
    draft.note(none, "no confirmed swing")
    raw, _ = _over_timeframes(usable, pulls)
    score, frames = _over_timeframes(usable, 50 + 50 * pulls)
    return _finish(draft, memory, raw, "pull", score, frames)


def value_area_score(price: Floats, poc: Floats, high: Floats, low: Floats) -> Floats:
    """0..100 of price against a value area: 50 at the POC, 75 at VAH, 25 at VAL, linear between.

    Beyond an edge 75 + 25 tanh(distance / height of the area): accepted above value is bullish, below it bearish.
    Continuous in price; mirroring prices mirrors it. All `[rows]`, NaN in, NaN out.
    """
    up = price >= poc
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.where(up, (price - poc) / (high - poc), (price - poc) / (poc - low))
        beyond = np.where(up, price - high, price - low) / (high - low)
    return np.asarray(50 + 25 * np.clip(within, -1, 1) + 25 * np.where(np.abs(within) > 1, np.tanh(beyond), 0.0))


def _value_area(view: MarketView, memory: StructureMemory, ground: Ground) -> Reading:
    """Mean of `value_area_score` for the UTC session and the trailing 24 h; before a session is 1 h old, 24 h alone.

    From 5m bars, or from 15m bars if those cover more of the 24 h. raw is the distance to the 24 h POC in heights of
    the 24 h value area.
    """
    draft = Draft(view.rows)
    _price_input(draft, view, ground)
    price, held = ground.price, memory.profiles
    fine, coarse = view.bars["5m"], view.bars["15m"]
    most = np.maximum(fine.count, coarse.count)
    closed = np.maximum(ground.closed_ms[_FINE], ground.closed_ms[_COARSE])
    uses_coarse = np.minimum(coarse.count * coarse.interval_ms, DAY_MS) > np.minimum(
        fine.count * fine.interval_ms, DAY_MS
    )
    overdue = np.where(uses_coarse, ground.overdue[_COARSE], ground.overdue[_FINE])
    used = np.where(uses_coarse, coarse.count, fine.count)
    draft.refuse(most == 0, Status.MISSING, "no closed bars")
    fewest = PROFILE_FEWEST_BARS
    draft.refuse_values(
        used < fewest, Status.WARMING, used.astype(np.float64), 1.0, lambda bars: f"warming: {bars:.0f}/{fewest} bars"
    )
    draft.refuse(overdue, Status.STALE, "newest closed bar is overdue")
    draft.refuse(np.isnan(held.day_poc), Status.MISSING, "its bars carry no dollar volume or no range")
    day = value_area_score(price, held.day_poc, held.day_high, held.day_low)
    session = value_area_score(price, held.session_poc, held.session_high, held.session_low)
    draft.note(np.isnan(session), "session younger than 1 h: 24 h alone")
    hours = held.covered_ms / HOUR_MS
    draft.note_values(held.covered_ms < DAY_MS, hours, 1.0, lambda h: f"bars cover {h:.0f} h of the 24 h")
    for name in ("session_poc", "session_high", "session_low", "day_poc", "day_high", "day_low"):
        word = {"poc": "POC", "high": "VAH", "low": "VAL"}[name.split("_")[1]]
        _remember(
            draft, f"{word} {'24h' if name.startswith('day') else 'session'}", getattr(held, name), "quote", closed
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = (price - held.day_poc) / (held.day_high - held.day_low)
    return draft.finish(raw, "areas", blend({"session": (0.5, session), "24h": (0.5, day)}))


def _position_heat(view: MarketView, memory: StructureMemory) -> Reading:
    """`engine.prism.position_heat.position_heat` of the 15m history; raw is z of the hour's change."""
    draft = Draft(view.rows)
    facts = view.derivatives
    known = ~np.isnan(facts.oi_history_usd).all(axis=1)
    draft.refuse(
        (facts.open_interest_ms < 0) | (np.isnan(facts.open_interest_usd) & ~known), Status.MISSING, NO_INTEREST
    )
    age = age_ms(view, facts.open_interest_ms)
    draft.refuse_values(
        age > OPEN_INTEREST_LIMIT_MS, Status.STALE, age, 60_000.0, lambda ms: f"open interest {ms / 60_000:.0f} min old"
    )
    found = memory.heat(facts.oi_history_usd, facts.oi_history_close)
    draft.refuse_values(
        found.slots < heat.FEWEST_SLOTS,
        Status.WARMING,
        found.slots.astype(np.float64),
        1.0,
        lambda slots: f"warming: {slots:.0f}/{heat.FEWEST_SLOTS} slots of 15m",
    )
    draft.note(np.isnan(found.concentration), "no estimated liquidations near")
    _remember(draft, "open interest, 1 h change", found.oi_change, "log", facts.open_interest_ms)
    _remember(draft, "price, 1 h change", found.price_change, "log", facts.last_ms)
    _remember(draft, "estimated liquidations, shorts above less longs below", found.concentration, "frac", None)
    return draft.finish(found.change_z, "z", found.score)
