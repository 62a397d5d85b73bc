"""Readings of components that are scored per timeframe from closed bars: status, words, inputs and raw value.

Called by `technical` and `volume`, which define the components; this module holds only what they share. A timeframe
that is warming, stale or missing is left out, its weight is redistributed and a note names it; a component is OK while
at least one timeframe is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.market.view import MarketView
from engine.prism.bar_bank import BarBank, Frame
from engine.prism.board import Reading, Status
from engine.prism.notes import Notes
from engine.prism.timeframes import STALE_INTERVALS, blend, conflicts, divergence, is_stale
from engine.timeframes import MINUTE_MS, SCORED

ADX_BARS: Final = 28
"""Bars before ADX14 exists: 14 to smooth the movements, 14 to smooth their index."""
RAW_ORDER: Final = (1, 0, 2)
"""The raw value is the middle timeframe's, else that of the finest timeframe that counts."""
NO_DOLLARS: Final = "its candles carry no dollar volume"
NO_TAKER: Final = "the venue's candles carry no taker volume"
NOT_FINITE: Final = "its candles give no finite value"

_OK, _WARMING, _STALE, _MISSING = (int(one) for one in (Status.OK, Status.WARMING, Status.STALE, Status.MISSING))
"""As ints, because comparing an array with an enum member goes through Python."""

Source = Literal["prices", "volumes", "taker"]
Column = Callable[[Frame], Floats]


@dataclass(frozen=True, slots=True)
class Partial:
    """A part of a component that needs more history than the component itself."""

    values: Callable[[Frame], Ints]
    """`[rows]` values in its window so far."""
    full: int
    text: Callable[[int], str]
    """Note, after the timeframe's name, for an OK timeframe whose window is not full."""


@dataclass(frozen=True, slots=True)
class BarComponent:
    """How one component is read on one timeframe."""

    name: str
    unit: str
    window: str
    bars: int
    """Closed bars a timeframe needs to count."""
    source: Source
    raw: Column
    score: Column
    """0..100 `[rows]`."""
    extras: Mapping[str, tuple[Column, str]]
    """Further inputs by name: values and unit."""
    partial: Partial | None = None

    def have(self, frame: Frame) -> Ints:
        """`[rows]` bars of `frame` that it can use."""
        return {"prices": frame.count, "volumes": frame.volumes, "taker": frame.flows}[self.source]


def read(face: str, components: Sequence[BarComponent], view: MarketView, bank: BarBank) -> dict[str, Reading]:
    """The readings of `components` at `view.at_ms`, by name.

    Raises ValueError if the bank was not advanced to this view. Readings are rebuilt only when a bar closed or a
    timeframe became stale or fresh; they are read-only.
    """
    frames = bank.frames
    if bank.epoch != view.epoch or any(len(frame.count) != view.rows for frame in frames.values()):
        raise ValueError("the bar bank stands at another view; call BarBank.advance with this one first")
    old = np.stack([is_stale(view.at_ms, frame.newest_ms, frame.interval_ms) for frame in frames.values()], axis=1)
    key = (bank.version, old.tobytes())
    known = bank.memo.get(face)
    if known is None or known[0] != key:
        closed_ms = [np.where(one.newest_ms >= 0, one.newest_ms + one.interval_ms, -1) for one in frames.values()]
        known = key, {one.name: _reading(one, frames, old, closed_ms) for one in components}
        bank.memo[face] = known
    return known[1]


def _reading(component: BarComponent, frames: dict[str, Frame], old: Bools, closed_ms: Sequence[Ints]) -> Reading:
    scores, status = _score(component, frames, old)
    high = frames[SCORED[-1]]
    adx_high = high["adx"]
    whole = _whole(status)
    return Reading(
        raw=_raw(component, frames, status),
        unit=_unit(component, RAW_ORDER[0]),
        score=blend(scores),
        status=whole,
        timeframes=scores,
        divergence=divergence(scores, adx_high),
        notes=_notes(component, frames, status, whole, conflicts(scores) & np.isnan(adx_high)),
        inputs=_inputs(component, frames, closed_ms),
        other_units=_other_units(component, status),
    )


def _unit(component: BarComponent, frame: int) -> str:
    return f"{component.unit}, {component.window} x {SCORED[frame]}"


def _other_units(component: BarComponent, status: NDArray[np.int8]) -> Mapping[int, str]:
    """By row, the unit of a raw value that is not the middle timeframe's."""
    notes = Notes(len(status))
    free = status[:, RAW_ORDER[0]] != _OK
    for frame in RAW_ORDER[1:]:
        counts = status[:, frame] == _OK
        notes.add(free & counts, _unit(component, frame))
        free = free & ~counts
    return notes.build()


def _score(component: BarComponent, frames: dict[str, Frame], old: Bools) -> tuple[Floats, NDArray[np.int8]]:
    """Scores `[rows, 3]`, NaN unless OK, and statuses `[rows, 3]`."""
    # Timeframe-major in memory, because they are read that way.
    scores = np.empty((len(SCORED), len(old)))
    status = np.empty((len(SCORED), len(old)), dtype=np.int8)
    for i, frame in enumerate(frames.values()):
        have = component.have(frame)
        enough = have >= component.bars
        score = component.score(frame)
        finite = np.isfinite(score)
        counts = enough & finite & ~old[:, i]
        # Ratios such as 100 * gain / gain may leave the scale by a rounding error.
        scores[i] = np.clip(score, 0.0, 100.0)
        status[i] = _OK
        if np.count_nonzero(counts) < counts.size:
            scores[i, ~counts] = np.nan
            status[i] = _WARMING
            status[i, (frame.count > 0) & ((have == 0) | (enough & ~finite))] = _MISSING
            status[i, enough & finite] = _STALE
            status[i, counts] = _OK
    return scores.T, status.T


def _whole(status: NDArray[np.int8]) -> NDArray[np.int8]:
    """`[rows]` OK if a timeframe is; else the first that applies of stale, missing, warming."""
    if not np.count_nonzero(status):
        return np.zeros(len(status), dtype=np.int8)
    out = np.full(len(status), _WARMING, dtype=np.int8)
    for one in (_MISSING, _STALE, _OK):
        out[(status == one).any(axis=1)] = one
    return out


def _raw(component: BarComponent, frames: dict[str, Frame], status: NDArray[np.int8]) -> Floats:
    """`[rows]` the raw value of the first timeframe of `RAW_ORDER` that is OK; NaN if none is."""
    in_order = [component.raw(list(frames.values())[i]) for i in RAW_ORDER]
    raw = np.full(len(status), np.nan)
    for i, values in zip(reversed(RAW_ORDER), reversed(in_order), strict=True):
        raw = np.where(status[:, i] == _OK, values, raw)
    return raw


def _notes(
    component: BarComponent, frames: dict[str, Frame], status: NDArray[np.int8], whole: NDArray[np.int8], unheard: Bools
) -> Mapping[int, str]:
    """Per row, every timeframe that does not count with its reason, in order, then notes on how the rest was read."""
    notes = Notes(len(status))
    if not np.count_nonzero(status):
        _add_partial(notes, component, frames, status)
        _add_unheard(notes, frames, unheard)
        return notes.build()
    missing = whole == _MISSING
    for i, (name, frame) in enumerate(frames.items()):
        absent = status[:, i] == _MISSING
        unknown = absent & (component.have(frame) == 0)
        no_dollars = unknown & (frame.volumes == 0)
        reasons = ((no_dollars, NO_DOLLARS), (unknown & ~no_dollars, NO_TAKER), (absent & ~unknown, NOT_FINITE))
        for mask, text in reasons:
            notes.add(mask & ~missing, f"{name} missing: {text}")
        warming = (status[:, i] == _WARMING) & ~missing
        have = component.have(frame).astype(np.float64)
        notes.add_values(warming, have, 1.0, _warming(name, component.bars))
        limit = STALE_INTERVALS * frame.interval_ms // MINUTE_MS
        notes.add(status[:, i] == _STALE, f"{name} stale: its newest bar closed more than {limit} min ago")
        _add_partial(notes, component, {name: frame}, status[:, i : i + 1])
    _add_missing(notes, component, frames, status, missing)
    ok = whole == _OK
    middle, finest, coarsest = (status[:, i] == _OK for i in RAW_ORDER)
    notes.add(~middle & finest, f"reading from {SCORED[RAW_ORDER[1]]}")
    notes.add(~middle & ~finest & coarsest, f"reading from {SCORED[RAW_ORDER[2]]}")
    _add_unheard(notes, frames, unheard & ok)
    return notes.build()


def _add_partial(notes: Notes, component: BarComponent, frames: dict[str, Frame], status: NDArray[np.int8]) -> None:
    """Note for OK timeframes, the columns of `status`, a part of the component that lacks history."""
    if component.partial is None:
        return
    for i, (name, frame) in enumerate(frames.items()):
        values = component.partial.values(frame).astype(np.float64)
        short = (status[:, i] == _OK) & (values < component.partial.full)
        notes.add_values(short, values, 1.0, _partly(name, component.partial))


def _add_unheard(notes: Notes, frames: dict[str, Frame], mask: Bools) -> None:
    high = frames[SCORED[-1]].count.astype(np.float64)
    text = f"no divergence: ADX14 of {SCORED[-1]}"
    notes.add_values(mask, high, 1.0, lambda count: f"{text} warming: {count:.0f}/{ADX_BARS} bars")


def _add_missing(
    notes: Notes, component: BarComponent, frames: dict[str, Frame], status: NDArray[np.int8], missing: Bools
) -> None:
    """Give missing rows one reason: that of the finest timeframe that is missing."""
    told = np.zeros(len(status), dtype=np.bool_)
    for i, frame in enumerate(frames.values()):
        here = missing & ~told & (status[:, i] == _MISSING)
        unknown = component.have(frame) == 0
        notes.add(here & unknown & (frame.volumes == 0), NO_DOLLARS)
        notes.add(here & unknown & (frame.volumes > 0), NO_TAKER)
        notes.add(here & ~unknown, NOT_FINITE)
        told |= here


def _warming(frame: str, bars: int) -> Callable[[float], str]:
    return lambda count: f"{frame} warming: {count:.0f}/{bars} bars"


def _partly(frame: str, partial: Partial) -> Callable[[float], str]:
    return lambda count: f"{frame} {partial.text(int(count))}"


def _inputs(
    component: BarComponent, frames: dict[str, Frame], closed_ms: Sequence[Ints]
) -> dict[str, tuple[Floats, str, Ints | None]]:
    """Every timeframe's raw value, its further inputs, and the ADX that weighs a conflict."""
    inputs: dict[str, tuple[Floats, str, Ints | None]] = {}
    columns = {component.name: (component.raw, f"{component.unit}, {component.window} bars"), **component.extras}
    for (name, frame), closed in zip(frames.items(), closed_ms, strict=True):
        for label, (column, unit) in columns.items():
            inputs[f"{label} {name}"] = (column(frame).copy(), unit, closed)
    inputs[f"adx {SCORED[-1]}"] = (frames[SCORED[-1]]["adx"].copy(), "index, 14 bars", closed_ms[-1])
    return inputs
