"""The structure face: where price stands among the levels and positions that matter.

Called by `engine.prism.score` once a scan with the view and the memory of the scan before. Levels come from closed bars
(`engine.prism.structure_memory`); the live price is compared with them here. Formulas of the levels stand beside them,
those of the scores stand here. No component may read a bar that has not closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from engine.market.view import Bars, Bools, Floats, Ints, MarketView
from engine.prism import position_heat as heat
from engine.prism import vwap
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import OPEN_INTEREST_LIMIT_MS, age_ms
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


def structure(view: MarketView, memory: StructureMemory) -> dict[str, Reading]:
    """The five components of the face for all rows; brings `memory` up to the view's closed bars on the way."""
    memory.update(view)
    price = view.derivatives.last
    blocks = {name: nearest_blocks(memory.frames[name], price) for name in SCORED}
    memory.place(price, blocks)
    return {
        "order_block": _order_block(view, memory, blocks),
        "value_area": _value_area(view, memory),
        "vwap": _vwap(view, memory),
        "support_resistance": _support_resistance(view, memory),
        "position_heat": _position_heat(view, memory),
    }


def _closed_ms(bars: Bars) -> Ints:
    """Event time `[rows]` at which the newest bar closed; -1 where there is none."""
    newest = bars.open_ms[:, -1]
    return np.where(newest >= 0, newest + bars.interval_ms, -1)


def _overdue(view: MarketView, bars: Bars) -> Bools:
    return is_stale(view.at_ms, bars.open_ms[:, -1], bars.interval_ms)


def _remember(draft: Draft, name: str, values: Floats, unit: str, at_ms: Ints | None) -> None:
    """An input as it stands now: readings outlive the scan, while memory and view are written to by the next one."""
    draft.input(name, values.copy(), unit, None if at_ms is None else at_ms.copy())


def _price_input(draft: Draft, view: MarketView) -> None:
    draft.refuse(np.isnan(view.derivatives.last), Status.MISSING, "no price")
    _remember(draft, "last price", view.derivatives.last, "quote", view.derivatives.last_ms)


def _usable(draft: Draft, view: MarketView, fewest: int, volume_known: dict[str, Bools]) -> dict[str, Bools]:
    """Which timeframes count per row; rows with none are refused, and those that lack some are told so.

    A timeframe counts with `fewest` closed bars or more whose volume is known and whose newest is not overdue.
    """
    counts = {name: view.bars[name].count for name in SCORED}
    old = {name: _overdue(view, view.bars[name]) for name in SCORED}
    warm = {name: counts[name] >= fewest for name in SCORED}
    usable = {name: warm[name] & ~old[name] & volume_known[name] for name in SCORED}
    none = ~np.logical_or.reduce(list(usable.values()))
    most = np.maximum.reduce(list(counts.values())).astype(np.float64)
    draft.refuse(none & (most == 0), Status.MISSING, "no closed bars")
    overdue = np.logical_or.reduce([warm[name] & old[name] for name in SCORED])
    draft.refuse(none & overdue, Status.STALE, "newest closed bar is overdue")
    draft.refuse(none & (most >= fewest), Status.MISSING, "its bars carry no dollar volume")
    draft.refuse_values(none, Status.WARMING, most, 1.0, lambda bars: f"warming: {bars:.0f}/{fewest} bars")
    for name in SCORED:
        held = counts[name].astype(np.float64)
        _note_warming(draft, name, held, (counts[name] > 0) & ~warm[name], fewest)
        draft.note(counts[name] == 0, f"no {name} bars")
        draft.note(warm[name] & old[name], f"{name} bars overdue")
    return usable


def _note_warming(draft: Draft, name: str, held: Floats, mask: Bools, fewest: int) -> None:
    draft.note_values(mask, held, 1.0, lambda bars: f"{name} warming: {bars:.0f}/{fewest} bars")


def _over_timeframes(usable: dict[str, Bools], scores: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Weighted mean `[rows]` over the usable timeframes, and their scores `[rows, 3]`, NaN where not usable."""
    held = np.column_stack([np.where(usable[name], scores[name], np.nan) for name in SCORED])
    return over_timeframes(held), held


def _finish(draft: Draft, memory: StructureMemory, raw: Floats, unit: str, score: Floats, frames: Floats) -> Reading:
    """The reading of a component with timeframes, and what their disagreement adds to it."""
    aside = np.where(draft.ok, divergence(frames, memory.frames[SCORED[-1]].adx), 0.0)
    return replace(draft.finish(raw, unit, score), timeframes=frames, divergence=aside)


def _volume_known(memory: StructureMemory) -> dict[str, Bools]:
    return {name: ~np.isnan(memory.frames[name].vwap) for name in SCORED}


def _order_block(view: MarketView, memory: StructureMemory, blocks: dict[str, Nearest]) -> Reading:
    """Per timeframe 50 + 50 (below - above), a pull being the block's strength * exp(-distance / 3 ATR14).

    Below is the nearest open bullish block that price stands on or in, above the nearest open bearish one. Price beyond
    the middle of a block has closed it already, whatever the bar will say. No open block on either side is 50: looked
    for and not there, which the note says.
    """
    draft = Draft(view.rows)
    _price_input(draft, view)
    usable = _usable(draft, view, FEWEST_BARS, _volume_known(memory))
    pulls, none = {}, np.ones(view.rows, dtype=np.bool_)
    for name in SCORED:
        near = blocks[name]
        below = near.below_strength * np.exp(-near.below_atr / BLOCK_REACH_ATR)
        above = near.above_strength * np.exp(-near.above_atr / BLOCK_REACH_ATR)
        pulls[name] = np.nan_to_num(below) - np.nan_to_num(above)
        none &= ~usable[name] | (np.isnan(below) & np.isnan(above))
        closed = _closed_ms(view.bars[name])
        _remember(draft, f"bull block top {name}", near.below_top, "quote", closed)
        _remember(draft, f"bear block bottom {name}", near.above_bottom, "quote", closed)
        _remember(draft, f"ATR14 {name}", memory.frames[name].atr, "quote", closed)
    draft.note(none, "no open block")
    raw, _ = _over_timeframes(usable, pulls)
    score, frames = _over_timeframes(usable, {name: 50 + 50 * pulls[name] for name in SCORED})
    return _finish(draft, memory, raw, "pull", score, frames)


def _vwap(view: MarketView, memory: StructureMemory) -> Reading:
    """`engine.prism.vwap.vwap_score` per timeframe; the reading is the weighted distance in percent of price."""
    draft = Draft(view.rows)
    _price_input(draft, view)
    price = view.derivatives.last
    usable = _usable(draft, view, vwap.FEWEST_BARS, _volume_known(memory))
    scores, distances = {}, {}
    for name in SCORED:
        frame = memory.frames[name]
        scores[name] = vwap.vwap_score(price, frame.vwap, frame.atr)
        distances[name] = (price - frame.vwap) / price * 100
        _remember(
            draft, f"VWAP {name}, {vwap.WINDOW_BARS[name]} bars", frame.vwap, "quote", _closed_ms(view.bars[name])
        )
    raw, _ = _over_timeframes(usable, distances)
    score, frames = _over_timeframes(usable, scores)
    return _finish(draft, memory, raw, "percent", score, frames)


def _level_pulls(frame: Frame, price: Floats) -> tuple[Floats, Floats]:
    """Strongest pull of a support and of a resistance, `[rows]`, 0..1; 0 where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (price[:, None] - frame.level) / frame.atr[:, None]
        pull = frame.level_strength * frame.level_aligned * np.exp(-np.abs(distance) / LEVEL_REACH_ATR)
        support = np.clip(0.5 + 0.5 * distance / TOUCH_ATR, 0.0, 1.0)
    below = np.nan_to_num(pull * support).max(axis=1, initial=0.0)
    above = np.nan_to_num(pull * (1.0 - support)).max(axis=1, initial=0.0)
    return below, above


def _support_resistance(view: MarketView, memory: StructureMemory) -> Reading:
    """Per timeframe 50 + 50 (support - resistance), each the strongest pull of a level on its side of price.

    pull = strength (touches and age) * alignment (1 where both other timeframes have the level too, 0.75 one, 0.5 none)
    * exp(-distance / 2 ATR14). Within 0.1 ATR14 of a level it is both in part, so that a cross does not jump.
    """
    draft = Draft(view.rows)
    _price_input(draft, view)
    usable = _usable(draft, view, FEWEST_BARS, {name: np.ones(view.rows, dtype=np.bool_) for name in SCORED})
    pulls, none = {}, np.ones(view.rows, dtype=np.bool_)
    for place, name in enumerate(SCORED):
        below, above = _level_pulls(memory.frames[name], view.derivatives.last)
        pulls[name] = below - above
        none &= ~usable[name] | ((below == 0) & (above == 0))
        closed = _closed_ms(view.bars[name])
        _remember(draft, f"swing below {name}", memory.swing(place, above=False), "quote", closed)
        _remember(draft, f"swing above {name}", memory.swing(place, above=True), "quote", closed)
    draft.note(none, "no confirmed swing")
    raw, _ = _over_timeframes(usable, pulls)
    score, frames = _over_timeframes(usable, {name: 50 + 50 * pulls[name] for name in SCORED})
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


def _value_area(view: MarketView, memory: StructureMemory) -> Reading:
    """Mean of `value_area_score` for the UTC session and the trailing 24 h; before a session is 1 h old, 24 h alone.

    Made of 5m bars, or of 15m bars where those cover more of the 24 h. The reading is the distance to the 24 h POC in
    heights of the 24 h value area.
    """
    draft = Draft(view.rows)
    _price_input(draft, view)
    price, held = view.derivatives.last, memory.profiles
    fine, coarse = view.bars["5m"], view.bars["15m"]
    most = np.maximum(fine.count, coarse.count)
    closed = np.maximum(_closed_ms(fine), _closed_ms(coarse))
    uses_coarse = coarse.count * coarse.interval_ms > np.minimum(fine.count * fine.interval_ms, DAY_MS)
    overdue = np.where(uses_coarse, _overdue(view, coarse), _overdue(view, fine))
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
    """`engine.prism.position_heat.position_heat` of the 15m history; the reading is z of the hour's change."""
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
