"""Sides, gates, levels and order of every row for every preset, once a scan.

Owned by `engine.pipeline`, one per market state. It reads the board and the view of the scan, and remembers two things
between scans: how many scans in a row each row passed, and the levels of each candidate. All presets are ranked in
each scan, so that switching needs no computation.

While a row is not a candidate, its levels are recomputed in each scan. When it becomes one they are fixed, until it
changes side or has not been a candidate for `LINGER_MS`: a user who acts on them must not see them follow the price, or
jump because the row narrowly missed a gate for one scan. Fixed levels are STALE from the moment price touches TP1 or
the stop, and remain so even if it comes back; stale levels are dropped when the row is no candidate any more. The
reward/risk gate always uses the levels that an entry now would get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.config.presets import Preset
from engine.config.schema import TAKER_FEES
from engine.instruments import Instrument
from engine.market.quotes import quotes
from engine.market.view import MarketView
from engine.prism.account import reweigh
from engine.prism.board import Board
from engine.prism.roster import enrol
from engine.ranking.average_range import AverageRanges
from engine.ranking.fees import taker_fees
from engine.ranking.gates import GATE_INDEX, GATE_NAMES, faces_agreeing, limits, passed, side_of
from engine.ranking.levels import Ground, Laid, lay
from engine.ranking.liquidity import current_depth, price_age_s
from engine.ranking.result import Levels, LevelStatus, Ranking

Sides = NDArray[np.int8]

LINGER_MS: Final = 30_000
"""How long a row keeps its fixed levels after it was last a candidate, in event time."""
LINGERS: Final = "as fixed when the row was last a candidate"
RUN: Final = "price has reached TP1 or the stop"


@dataclass(slots=True)
class _Kept:
    """State of one preset between scans, over rows."""

    streak: Ints
    """Scans in a row in which all gates but persistence passed on one side."""
    streak_side: Sides
    fixed_side: Sides
    """Side of the fixed levels; 0: none."""
    fixed_ms: Ints
    """Event time at which they were fixed."""
    last_ms: Ints
    """Event time of the last scan in which it was a candidate."""
    stale: Bools
    entry: Floats
    stop: Floats
    target: Floats
    risk: Floats
    atr: Floats
    reward_risk_net: Floats
    notes: dict[int, str]
    """Notes of the fixed levels."""


def _nothing_kept(rows: int) -> _Kept:
    sides = np.zeros((2, rows), dtype=np.int8)
    entry, stop, risk, atr = np.full((4, rows), np.nan)
    target, net = np.full((2, rows, 3), np.nan)
    return _Kept(
        np.zeros(rows, dtype=np.int64),
        sides[0],
        sides[1],
        np.full(rows, -1, dtype=np.int64),
        np.full(rows, -1, dtype=np.int64),
        np.zeros(rows, dtype=np.bool_),
        entry,
        stop,
        target,
        risk,
        atr,
        net,
        {},
    )


@dataclass(frozen=True, slots=True)
class _Scan:
    """Inputs shared by all presets within one scan."""

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
        self._roster = enrol(())

    def clear(self) -> None:
        """Forget all scans: the next one is the first."""
        self._ranges.clear()
        self._kept = {}

    def rank(
        self, board: Board, view: MarketView, presets: Mapping[str, Preset], structure: Floats | None = None
    ) -> dict[str, Ranking]:
        """Every preset's ranking of the scan, by preset name in the given order.

        `structure` holds structural prices `[rows, K]` (`StructureMemory.prices`), NaN if there is none; without it
        stops are not moved behind structure. A preset starts afresh if its settings changed since the last scan, and
        all do at a new epoch of the view. Call once a scan: every call counts towards persistence.
        """
        if view.epoch != self._epoch:
            self.clear()
            self._epoch = view.epoch
        if view.instruments is not self._instruments:
            self._instruments, self._facts = view.instruments, _facts(view.instruments, self._fees)
            self._roster = enrol(view.instruments)
        tick, fee, by_name = self._facts
        none = np.full((view.rows, 0), np.nan)
        ground = Ground(quotes(view), view.derivatives.last, tick, fee, none if structure is None else structure)
        scan = _Scan(view, ground, price_age_s(view), current_depth(view, self._roster), by_name)
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
        _fix(kept, laid, candidate, side, view.at_ms)
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
            levels=_levels(kept, laid, candidate, preset.level_timeframe, scan.depth_usd),
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
                if each.name == "notes":
                    continue
                setattr(kept, each.name, np.concatenate([getattr(kept, each.name), getattr(fresh, each.name)]))
        self._kept[name] = (preset, kept)
        return kept


def _facts(instruments: tuple[Instrument, ...], fees: Mapping[str, float]) -> tuple[Floats, Floats, Ints]:
    """Ticks (NaN: not known), taker fees, and each row's rank by venue and symbol, `[rows]`."""
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


def _fix(kept: _Kept, laid: Laid, candidate: Bools, side: Sides, at_ms: int) -> None:
    """Fix the levels of new candidates, and drop those of rows that are none any more and no longer linger."""
    lingers = ~candidate & ~kept.stale & (side != -kept.fixed_side) & (at_ms - kept.last_ms <= LINGER_MS)
    stays = candidate & (kept.fixed_side == side)
    enters = candidate & ~stays
    kept.notes = {row: text for row, text in kept.notes.items() if stays[row] or lingers[row]}
    kept.notes |= {row: laid.notes[row] for row in np.flatnonzero(enters).tolist() if row in laid.notes}
    for name in ("entry", "stop", "target", "risk", "atr", "reward_risk_net"):
        held, fresh = getattr(kept, name), getattr(laid, name)
        setattr(kept, name, np.where(enters if held.ndim == 1 else enters[:, None], fresh, held))
    kept.stale = kept.stale & (stays | lingers)
    kept.fixed_ms = np.where(enters, at_ms, kept.fixed_ms)
    kept.last_ms = np.where(candidate, at_ms, kept.last_ms)
    kept.fixed_side = np.where(candidate, side, np.where(lingers, kept.fixed_side, 0)).astype(np.int8)


def _spoil(kept: _Kept, ground: Ground) -> None:
    """Mark fixed levels as stale if the price (mid, without quotes the last trade) has reached TP1 or the stop."""
    price = np.where(np.isnan(ground.quotes.mid), ground.last, ground.quotes.mid)
    sign = kept.fixed_side.astype(np.float64)
    with np.errstate(invalid="ignore"):
        run = ((price - kept.target[:, 0]) * sign >= 0) | ((price - kept.stop) * sign <= 0)
    kept.stale = kept.stale | (run & (kept.fixed_side != 0))


def _with_notes(laid: Laid, notes: Mapping[int, str]) -> Laid:
    """`laid` with the ATR notes added to rows whose levels are OK."""
    said = {row: text for row, text in notes.items() if laid.status[row] == LevelStatus.OK}
    joined = {row: f"{laid.notes[row]}; {text}" if row in laid.notes else text for row, text in said.items()}
    return replace(laid, notes=laid.notes | joined) if joined else laid


def _levels(kept: _Kept, laid: Laid, candidate: Bools, timeframe: str, depth_usd: Floats) -> Levels:
    """Fixed levels for candidates, and for other rows that have them while fresh ones are OK; else the fresh ones."""
    fixed = (kept.fixed_side != 0) & (candidate | (laid.status == LevelStatus.OK))
    status = np.where(fixed, np.where(kept.stale, LevelStatus.STALE, LevelStatus.OK), laid.status).astype(np.int8)
    notes = {row: text for row, text in laid.notes.items() if not fixed[row]}
    for row in np.flatnonzero(fixed).tolist():
        why = RUN if kept.stale[row] else "" if candidate[row] else LINGERS
        if said := "; ".join(filter(None, (why, kept.notes.get(row, "")))):
            notes[row] = said
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
        fixed_ms=np.where(fixed, kept.fixed_ms, -1),
        notes=notes,
    )
