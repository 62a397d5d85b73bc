"""Sides, gates, levels and order of every row for every preset, once a scan.

Owned by the runtime, one per market state; reads the board and the view of the scan and what it remembers of the scans
before: how often in a row a row passed, and the levels a candidate was given. All presets are ranked each scan, so that
switching shows what is already there.

Levels are laid anew each scan while a row is no candidate. At the scan in which it becomes one they are fixed, and they
stay until it ceases to be a candidate or changes side: a user who acts on them must not see them creep after the price.
Fixed levels are STALE from the moment price touches TP1 or the stop, and remain so even if it comes back. The
reward/risk gate always judges the levels an entry now would get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.config.presets import Preset
from engine.config.schema import TAKER_FEES
from engine.instruments import Instrument
from engine.market.view import MarketView
from engine.prism.account import reweigh
from engine.prism.board import Board
from engine.ranking.average_range import AverageRanges
from engine.ranking.fees import taker_fees
from engine.ranking.gates import GATE_INDEX, GATE_NAMES, faces_agreeing, limits, passed, side_of
from engine.ranking.levels import Ground, Laid, lay
from engine.ranking.liquidity import depth_near_mid, price_age_s, quotes
from engine.ranking.result import Levels, LevelStatus, Ranking

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Sides = NDArray[np.int8]

RUN: Final = "price has reached TP1 or the stop"


@dataclass(slots=True)
class _Kept:
    """What one preset remembers, over rows."""

    streak: Ints
    """Scans in a row in which all gates but persistence passed on one side."""
    streak_side: Sides
    fixed_side: Sides
    """Side of the fixed levels; 0: none."""
    stale: Bools
    entry: Floats
    stop: Floats
    target: Floats
    risk: Floats
    atr: Floats
    reward_risk_net: Floats


def _nothing_kept(rows: int) -> _Kept:
    sides = np.zeros((2, rows), dtype=np.int8)
    entry, stop, risk, atr = np.full((4, rows), np.nan)
    target, net = np.full((2, rows, 3), np.nan)
    return _Kept(
        np.zeros(rows, dtype=np.int64),
        sides[0],
        sides[1],
        np.zeros(rows, dtype=np.bool_),
        entry,
        stop,
        target,
        risk,
        atr,
        net,
    )


@dataclass(frozen=True, slots=True)
class _Scan:
    """What all presets share within one scan."""

    view: MarketView
    ground: Ground
    age_s: Floats
    depth_usd: Floats
    by_name: Ints


class Ranker:
    """Ranks every scan; remembers persistence and fixed levels by preset."""

    def __init__(self, fees: Mapping[str, float] = TAKER_FEES) -> None:
        """`fees`: taker fee by venue as a fraction of notional; see `engine.ranking.fees`."""
        self._fees = dict(fees)
        self._ranges = AverageRanges()
        self._kept: dict[str, tuple[Preset, _Kept]] = {}
        self._epoch: int | None = None
        self._instruments: tuple[Instrument, ...] = ()
        self._facts: tuple[Floats, Floats, Ints] = _facts((), {})

    def clear(self) -> None:
        """Forget all scans: the next one is the first."""
        self._ranges.clear()
        self._kept = {}

    def rank(
        self, board: Board, view: MarketView, presets: Mapping[str, Preset], structure: Floats | None = None
    ) -> dict[str, Ranking]:
        """Every preset's verdict on the scan, by preset name in the order given.

        `structure` holds structural prices `[rows, K]` (`StructureMemory.prices`), NaN where there are none; without it
        stops are not moved behind structure. A preset whose settings changed since the last scan starts anew; so does
        everything when the view's epoch did. Call once a scan: every call counts as one towards persistence.
        """
        if view.epoch != self._epoch:
            self.clear()
            self._epoch = view.epoch
        if view.instruments is not self._instruments:
            self._instruments, self._facts = view.instruments, _facts(view.instruments, self._fees)
        tick, fee, by_name = self._facts
        none = np.full((view.rows, 0), np.nan)
        ground = Ground(quotes(view), view.derivatives.last, tick, fee, none if structure is None else structure)
        scan = _Scan(view, ground, price_age_s(view), depth_near_mid(view.books), by_name)
        return {name: self._rank_one(name, preset, board, scan) for name, preset in presets.items()}

    def _rank_one(self, name: str, preset: Preset, board: Board, scan: _Scan) -> Ranking:
        if preset.face_weights is not None:
            board = reweigh(board, preset.face_weights)
        view = scan.view
        kept = self._recall(name, preset, view.rows)
        side = side_of(board.prism)
        bars = view.bars[preset.level_timeframe]
        ranges, stand_ins = self._ranges.standing_in(preset.level_timeframe, view.bars)
        laid = _with_notes(lay(scan.ground, side, ranges, bars.count, preset), stand_ins)
        conviction = np.abs(board.prism - 50) * 2
        agreeing = faces_agreeing(board.face_score, side)
        measured = {
            "age": scan.age_s,
            "data": (~np.isnan(board.prism)).astype(np.float64),
            "conviction": conviction,
            "coverage": board.coverage,
            "faces": agreeing.astype(np.float64),
            "spread": scan.ground.quotes.spread_bps,
            "depth": scan.depth_usd,
            "volume_24h": view.derivatives.volume_24h_usd,
            "reward_risk": laid.reward_risk_net[:, 1],
            "persistence": np.zeros(view.rows),
        }
        value = np.column_stack([measured[gate] for gate in GATE_NAMES])
        limit = limits(preset)
        last = GATE_INDEX["persistence"]
        _count(kept, np.asarray(passed(value, limit)[:, :last].all(axis=1)), side)
        value[:, last] = kept.streak
        gates = passed(value, limit)
        candidate = gates.all(axis=1) & view.rankable
        _fix(kept, laid, candidate, side)
        _spoil(kept, scan.ground)
        order = np.lexsort((scan.by_name, -np.where(np.isnan(conviction), -1.0, conviction)))
        return Ranking(
            preset=name,
            side=side,
            conviction=conviction,
            faces_agreeing=agreeing,
            gate_value=value,
            gate_limit=limit,
            gate_passed=gates,
            levels=_levels(kept, laid, preset.level_timeframe, scan.depth_usd),
            candidates=order[candidate[order]].astype(np.int64),
            vetoed=order[(view.rankable & ~candidate)[order]].astype(np.int64),
            board=None if preset.face_weights is None else board,
        )

    def _recall(self, name: str, preset: Preset, rows: int) -> _Kept:
        known, kept = self._kept.get(name, (preset, _nothing_kept(0)))
        if known != preset or len(kept.streak) > rows:
            kept = _nothing_kept(0)
        missing = rows - len(kept.streak)
        if missing:
            fresh = _nothing_kept(missing)
            for each in fields(kept):
                setattr(kept, each.name, np.concatenate([getattr(kept, each.name), getattr(fresh, each.name)]))
        self._kept[name] = (preset, kept)
        return kept


def _facts(instruments: tuple[Instrument, ...], fees: Mapping[str, float]) -> tuple[Floats, Floats, Ints]:
    """Ticks (NaN: not known), taker fees, and each row's place by venue and symbol, `[rows]`."""
    tick = np.array([np.nan if one.tick is None else one.tick for one in instruments], dtype=np.float64)
    by_name = sorted(range(len(instruments)), key=lambda row: (instruments[row].venue, instruments[row].symbol))
    place = np.empty(len(instruments), dtype=np.int64)
    place[by_name] = np.arange(len(instruments))
    return tick, taker_fees(instruments, fees), place


def _count(kept: _Kept, passing: Bools, side: Sides) -> None:
    """Count the scan towards persistence; a change of side starts again at one."""
    same = passing & (kept.streak_side == side)
    kept.streak = np.where(same, kept.streak + 1, passing.astype(np.int64))
    kept.streak_side = np.where(passing, side, 0).astype(np.int8)


def _fix(kept: _Kept, laid: Laid, candidate: Bools, side: Sides) -> None:
    """Fix the levels of new candidates and let go of those of the rows that are none any more."""
    stays = candidate & (kept.fixed_side == side)
    enters = candidate & ~stays
    for name in ("entry", "stop", "target", "risk", "atr", "reward_risk_net"):
        held, fresh = getattr(kept, name), getattr(laid, name)
        setattr(kept, name, np.where(enters if held.ndim == 1 else enters[:, None], fresh, held))
    kept.stale = kept.stale & stays
    kept.fixed_side = np.where(candidate, side, 0).astype(np.int8)


def _spoil(kept: _Kept, ground: Ground) -> None:
    """Mark fixed levels whose TP1 or stop the price (mid, without quotes the last trade) has reached."""
    price = np.where(np.isnan(ground.quotes.mid), ground.last, ground.quotes.mid)
    sign = kept.fixed_side.astype(np.float64)
    with np.errstate(invalid="ignore"):
        run = ((price - kept.target[:, 0]) * sign >= 0) | ((price - kept.stop) * sign <= 0)
    kept.stale = kept.stale | (run & (kept.fixed_side != 0))


def _with_notes(laid: Laid, notes: Mapping[int, str]) -> Laid:
    """Levels that hold, with what is to be minded of their ATR."""
    said = {row: text for row, text in notes.items() if laid.status[row] == LevelStatus.OK}
    joined = {row: f"{laid.notes[row]}; {text}" if row in laid.notes else text for row, text in said.items()}
    return replace(laid, notes=laid.notes | joined) if joined else laid


def _levels(kept: _Kept, laid: Laid, timeframe: str, depth_usd: Floats) -> Levels:
    """Fixed levels for candidates, the fresh ones for the rest."""
    fixed = kept.fixed_side != 0
    status = np.where(fixed, np.where(kept.stale, LevelStatus.STALE, LevelStatus.OK), laid.status).astype(np.int8)
    # A candidate passed the reward/risk gate, so its fresh levels are OK and their note holds for the fixed ones too.
    notes = laid.notes | dict.fromkeys(np.flatnonzero(fixed & kept.stale).tolist(), RUN)
    return Levels(
        status=status,
        entry=np.where(fixed, kept.entry, laid.entry),
        stop=np.where(fixed, kept.stop, laid.stop),
        target=np.where(fixed[:, None], kept.target, laid.target),
        risk=np.where(fixed, kept.risk, laid.risk),
        atr=np.where(fixed, kept.atr, laid.atr),
        atr_timeframe=timeframe,
        reward_risk_net=np.where(fixed[:, None], kept.reward_risk_net, laid.reward_risk_net),
        depth_1pct_usd=depth_usd,
        notes=notes,
    )
