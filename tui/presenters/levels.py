"""Entry, stop, targets and position size of one symbol.

Called by the prism pane, the symbol's screen, the depth ladder and the chart (for the marks).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, isnan, log10
from typing import Final

from engine.instruments import Instrument
from engine.ranking.result import Levels, LevelStatus
from engine.snapshot import Focus
from tui.presenters.format import MISSING, percent_text, price_text, tick_decimals, usd_text
from tui.presenters.lines import Line, right, wrapped
from tui.presenters.view import Risk, View

_REASONS: Final[dict[int, str]] = {
    LevelStatus.STALE: "stale: price already ran past TP1 or the stop",
    LevelStatus.WARMING: "warming: fewer than 15 closed bars for the ATR",
    LevelStatus.MISSING: "no levels: no side, price or tick to lay them from",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A price worth a mark on the ladder and the chart."""

    letter: str
    title: str
    price: float
    style: str


@dataclass(frozen=True, slots=True)
class Position:
    """A size that respects both limits; `binding` names the one that holds it."""

    usd: float
    base: float
    loss_usd: float
    binding: str


def marks(levels: Levels, row: int) -> list[Mark]:
    """Entry, stop and targets where the levels can be used, else nothing."""
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
    """min(equity * risk / stop distance, cap * depth within 1 %), as the specification of the levels has it.

    None where the levels cannot be used or the depth is not known: a cap that is not known is not no cap.
    """
    entry, stop = float(levels.entry[row]), float(levels.stop[row])
    depth = float(levels.depth_1pct_usd[row])
    if levels.status[row] != LevelStatus.OK or isnan(depth) or not entry or entry == stop:
        return None
    by_risk = risk.equity_usd * risk.risk_frac / (abs(entry - stop) / entry)
    by_depth = risk.depth_cap_frac * depth
    usd = min(by_risk, by_depth)
    binding = f"{risk.risk_frac * 100:g}% of equity" if by_risk <= by_depth else (
        f"{risk.depth_cap_frac * 100:g}% of depth"
    )  # fmt: skip
    return Position(usd, usd / entry, usd * abs(entry - stop) / entry, binding)


def _nearest(focus: Focus | None, price: float) -> str:
    if focus is None or not focus.structure:
        return ""
    name, near = min(focus.structure, key=lambda item: abs(item[1] - price))
    distance = near / price - 1
    return f"{name} {percent_text(distance)}" if abs(distance) < 0.02 else ""


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

    Where `width` has room each target names the nearest structural price.
    """
    row, instrument = view.row, view.instrument
    if row is None or instrument is None:
        return []
    levels = view.snapshot.ranking.levels
    status = int(levels.status[row])
    heading: Line = ((f"LEVELS · {levels.atr_timeframe} ATR", "heading"),)
    note = levels.notes.get(row, "")
    if status in (LevelStatus.WARMING, LevelStatus.MISSING):
        told = note if note.startswith("warming") else f"no levels: {note}" if note else _REASONS[status]
        return [heading, *wrapped(told, width, "warning")]
    lines = [heading, *_price_lines(levels, row, instrument, view.focus if width >= 66 else None)]
    if status == LevelStatus.STALE:
        return [*lines, ((_REASONS[status], "warning"),)]
    return [*lines, *_position_lines(levels, row, view.risk, instrument), *wrapped(note, width, "muted")]


def _price_lines(levels: Levels, row: int, instrument: Instrument, focus: Focus | None) -> list[Line]:
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
        near = _nearest(focus, target)
        lines.append(_line(f"TP{n + 1}", target, entry, tick, "up", f"{told}  {near}".rstrip()))
    return lines


def _size_text(base: float, instrument: Instrument) -> str:
    """A size in base currency as an order takes it: rounded down to the step, or to six digits where none is known."""
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
