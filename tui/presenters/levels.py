"""Entry, stop, targets and position size of one symbol.

Called by the prism pane, the symbol's screen, the depth ladder and the chart (for the marks).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, isnan, log10
from typing import Final

from engine.instruments import Instrument
from engine.ranking.result import Levels, LevelStatus
from engine.ranking.size import position_size
from engine.snapshot import Focus
from tui.presenters.format import MISSING, percent_text, price_text, tick_decimals, usd_text
from tui.presenters.lines import Line, right, width_of, wrapped
from tui.presenters.view import Risk, View, time_text, words

_REASONS: Final[dict[int, str]] = {
    LevelStatus.STALE: "stale: price has already reached TP1 or the stop",
    LevelStatus.WARMING: "warming: fewer than 15 closed bars for the ATR",
    LevelStatus.MISSING: "no levels: no side, price or tick to compute them from",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A price that is marked on the ladder and the chart."""

    letter: str
    title: str
    price: float
    style: str


@dataclass(frozen=True, slots=True)
class Position:
    """A size within both limits; `binding` names the one that sets it."""

    usd: float
    base: float
    loss_usd: float
    binding: str


def marks(levels: Levels, row: int) -> list[Mark]:
    """Entry, stop and targets if the levels are ok or stale, else nothing."""
    if levels.status[row] not in (LevelStatus.OK, LevelStatus.STALE):
        return []
    targets = [Mark(str(n + 1), f"TP{n + 1}", float(levels.target[row, n]), "up") for n in range(3)]
    held = [
        Mark("E", "entry", float(levels.entry[row]), "accent"),
        Mark("S", "stop", float(levels.stop[row]), "down"),
        *targets,
    ]
    return [mark for mark in held if isfinite(mark.price)]


def position(levels: Levels, row: int, risk: Risk) -> Position | None:
    """min(equity * risk / stop distance, cap * depth within 1 %), as specified in `docs/levels-and-sizing.md`.

    None if the levels cannot be used or the depth is unknown: an unknown cap must not count as no cap.
    """
    if levels.status[row] != LevelStatus.OK:
        return None
    entry, stop, depth = (float(column[row]) for column in (levels.entry, levels.stop, levels.depth_1pct_usd))
    size = position_size(risk.equity_usd, risk.risk_frac, entry, stop, depth, risk.depth_cap_frac)
    if size is None:
        return None
    shares = {"risk": f"{risk.risk_frac * 100:g}% of equity", "liquidity": f"{risk.depth_cap_frac * 100:g}% of depth"}
    return Position(size.notional_usd, size.base, size.base * abs(entry - stop), shares[size.limit])


def _nearest(focus: Focus | None, price: float, tick: float | None) -> str:
    """The structural price nearest to a target, by name and price: a second percentage beside that from the entry would
    not say from where it is counted."""
    if focus is None or not focus.structure:
        return ""
    name, near = min(focus.structure, key=lambda item: abs(item[1] - price))
    return f"{name} {price_text(near, tick, 14)}" if abs(near / price - 1) < 0.02 else ""


def _line(title: str, price: float, entry: float, tick: float | None, style: str, rest: str) -> Line:
    away = "" if title == "entry" else percent_text(price / entry - 1)
    return (
        (f"{title:<6}", style),
        (right(price_text(price, tick, 14), 12), "strong"),
        (right(away, 9), "muted"),
        (f"  {rest}" if rest else "", "muted"),
    )


def level_lines(view: View, width: int) -> list[Line]:
    """Entry, stop, TP1-3 with distance, multiple of R and net reward/risk; then the size.

    A target names the nearest structural price if the line has room for all of it.
    """
    row, instrument = view.row, view.instrument
    if row is None or instrument is None:
        return []
    levels = view.snapshot.ranking.levels
    status = int(levels.status[row])
    fixed_ms = int(levels.fixed_ms[row])
    # Until a row passes all gates, its levels follow the price; a user who writes them down must know.
    since = f" · fixed {time_text(fixed_ms, view.zone)}" if fixed_ms >= 0 else " · moving"
    heading: Line = (
        (f"LEVELS{_side(levels, row)} · {levels.atr_timeframe} ATR", "heading"),
        (since if status in (LevelStatus.OK, LevelStatus.STALE) else "", "muted"),
    )
    note = levels.notes.get(row, "")
    if status in (LevelStatus.WARMING, LevelStatus.MISSING):
        told = note if note.startswith("warming") else f"no levels: {note}" if note else _REASONS[status]
        return [heading, *wrapped(told, width, "warning")]
    lines = [heading, *_price_lines(levels, row, instrument, view.focus, width)]
    if status == LevelStatus.STALE:
        return [*lines, ((_REASONS[status], "warning"),)]
    return [*lines, *_position_lines(levels, row, view.risk, instrument), *wrapped(note, width, "muted")]


def _side(levels: Levels, row: int) -> str:
    """The side that they are for, from where the stop lies: fixed levels outlast the side of the moment."""
    entry, stop = float(levels.entry[row]), float(levels.stop[row])
    return " · long" if stop < entry else " · short" if stop > entry else ""


def trap_lines(view: View, width: int) -> list[Line]:
    """The traps raised against the side, each with what it saw; empty if there are none."""
    row, traps = view.row, view.snapshot.traps
    if row is None or traps is None:
        return []
    side = int(view.snapshot.ranking.side[row])
    raised = traps.of(row, side)
    if not raised:
        return []
    told = [line for trap in raised for line in wrapped(f"⚑ {words(trap.name)}: {trap.saw}", width, "warning")]
    return [((f"TRAPS · {'long' if side > 0 else 'short'}", "heading"),), *told]


def _price_lines(levels: Levels, row: int, instrument: Instrument, focus: Focus | None, width: int) -> list[Line]:
    entry, stop, tick = float(levels.entry[row]), float(levels.stop[row]), instrument.tick
    risk = float(levels.risk[row])
    lines = [
        _line("entry", entry, entry, tick, "accent", ""),
        _line("stop", stop, entry, tick, "down", f"R {price_text(risk, tick)}"),
    ]
    for n in range(3):
        target = float(levels.target[row, n])
        multiple = abs(target - entry) / risk if risk else float("nan")
        net = float(levels.reward_risk_net[row, n])
        told = f"{multiple:.3g}R net {MISSING if isnan(net) else f'{net:.2f}'}"
        line = _line(f"TP{n + 1}", target, entry, tick, "up", told)
        near = _nearest(focus, target, tick)
        beside: Line = ((f"  {near}", "muted"),) if near else ()
        lines.append((*line, *beside) if width_of((*line, *beside)) <= width else line)
    return lines


def _size_text(base: float, instrument: Instrument) -> str:
    """A size in base currency as an order accepts it: rounded down to the step, or to six digits if none is known."""
    size, step = base, instrument.step
    if step and instrument.contract_size and not instrument.inverse:
        step *= instrument.contract_size
        size = floor(base / step * (1 + 1e-12)) * step
        decimals = tick_decimals(float(f"{step:.12g}"))
    else:
        decimals = max(0, 5 - floor(log10(base))) if base > 0 else 0
    return f"{size:.{decimals}f}"


def _position_lines(levels: Levels, row: int, risk: Risk, instrument: Instrument) -> list[Line]:
    sized = position(levels, row, risk)
    if sized is None:
        return [(("size   not known: depth within 1% not known", "warning"),)]
    size = f"{_size_text(sized.base, instrument)} {instrument.base}"
    return [
        (("size  ", ""), (right(usd_text(sized.usd), 12), "strong"), (f"  {size}", "")),
        ((f"      loses {usd_text(sized.loss_usd)} at the stop ({sized.binding})", "muted"),),
    ]
