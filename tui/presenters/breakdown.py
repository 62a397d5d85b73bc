"""The breakdown of a symbol's score: six faces, the components of one of them, and what drives the score most.

Called by the prism pane and the symbol's screen. A column with a total is rounded as a whole, so that the figures shown
add up to the total shown. No score may be computed here: every figure is the board's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isnan
from typing import Final

import numpy as np
from rich.cells import cell_len

from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, TIMEFRAMES, Board, Status
from engine.prism.standing import Standing
from engine.prism.verdict import movers
from tui.presenters.format import MISSING, pad, share_text
from tui.presenters.gauges import score_style, signed_gauge
from tui.presenters.lines import BLANK, Line, beside, right, wrapped
from tui.presenters.readings import reading_text
from tui.presenters.view import words

STATUS_WORDS: Final[dict[int, str]] = {
    Status.OK: "ok",
    Status.WARMING: "warming",
    Status.STALE: "stale",
    Status.MISSING: "missing",
}
_NAME: Final = 18
_MINIMUM_GAUGE: Final = 7


def rounded_parts(parts: Sequence[float], total: float, decimals: int) -> list[float]:
    """`parts` rounded so that they add up to the rounded `total` exactly (largest remainder method).

    No part moves by a whole unit of the last decimal, and zeros stay zeros.
    """
    scale = 10**decimals
    floors = [floor(part * scale + 1e-9) for part in parts]
    remainders = [part * scale - low for part, low in zip(parts, floors, strict=True)]
    short = round(total * scale) - sum(floors)
    order = sorted(range(len(parts)), key=lambda i: (-remainders[i], i))
    for i in order[: max(0, short)]:
        if remainders[i] > 1e-6:
            floors[i] += 1
    return [low / scale for low in floors]


def status_text(board: Board, row: int, name: str) -> str:
    """A component's status in words: `warming: 14/34 bars`, `missing: no open interest`, or a note such as
    `from candles`; empty if it is ok and has no note."""
    status = int(board.status[row, COMPONENT_INDEX[name]])
    reading = board.readings.get(name)
    note = reading.notes.get(row, "") if reading else ""
    if status == Status.OK:
        return note
    word = STATUS_WORDS[status]
    return note if word in note else f"{word}: {note}" if note else word


def told_text(board: Board, row: int, name: str) -> str:
    """The status and, for a component that counts, the sources it was computed from besides the row's own data."""
    told = status_text(board, row, name)
    reading = board.readings.get(name)
    if reading is None or board.status[row, COMPONENT_INDEX[name]] != Status.OK:
        return told
    # Inputs name overlapping groups of the same sources.
    lists = (by_row[row] for by_row in reading.sources.values() if row in by_row)
    named = [one for one in dict.fromkeys(one for said in lists for one in said.split(", ")) if one not in told]
    return "; ".join(filter(None, (told, "read with " + ", ".join(named) if named else "")))


def _columns(width: int) -> tuple[int, int]:
    """Widths of the name and of the gauge, beside five figures."""
    gauge = min(31, width - _NAME - 34)
    gauge -= 1 - gauge % 2
    return _NAME, gauge if gauge >= _MINIMUM_GAUGE else 0


def _figures(score: float, weight: float, impact: float, divergence: float, style: str) -> Line:
    known = not isnan(score)
    return (
        (right(f"{score:.2f}" if known else MISSING, 7), style),
        (right(f"{weight * 100:.1f}%" if known else MISSING, 8), "muted"),
        (right(f"{impact:.2f}" if known else MISSING, 8), ""),
        (right(f"{divergence:+.1f}" if divergence else "0.0", 7), "muted" if not divergence else ""),
    )


def _heading(first: str, fourth: str, gauge: int) -> Line:
    head = pad(first, _NAME) + right("SCORE", 7) + right("WEIGHT", 8) + right("IMPACT", 8) + right(fourth, 7)
    return ((head, "heading"), (" GAUGE".ljust(gauge + 1) if gauge else "", "heading"))


def face_lines(board: Board, row: int, width: int, chosen: str) -> list[Line]:
    """The six faces and the score that they sum to; the chosen face is marked."""
    _, gauge = _columns(width)
    total = float(board.prism[row])
    impacts = rounded_parts([float(x) for x in board.face_impact[row]], 0.0 if isnan(total) else total, 2)
    weights = rounded_parts([float(x) for x in board.face_weight[row]], float(board.face_weight[row].sum()), 3)
    lines: list[Line] = [_heading("FACE", "COVER", gauge)]
    for f, face in enumerate(FACES):
        score = float(board.face_score[row, f])
        mark = "▸" if face == chosen else " "
        lines.append(
            (
                (f"{mark}{f + 1} ", "accent" if face == chosen else "muted"),
                (pad(face, _NAME - 3), "strong" if face == chosen else ""),
                *_figures(score, weights[f], impacts[f], 0.0, score_style(score))[:3],
                (right(share_text(float(board.face_coverage[row, f])), 7), "muted"),
                (" ", ""),
                *(signed_gauge(score, gauge) if gauge else ()),
            )
        )
    cover = share_text(float(board.coverage[row]))
    lines.append(
        (
            (pad("PRISM SCORE", _NAME), "strong"),
            (right("", 7), ""),
            (right(MISSING if isnan(total) else f"{sum(weights) * 100:.1f}%", 8), "muted"),
            (right(MISSING if isnan(total) else f"{sum(impacts):.2f}", 8), f"strong {score_style(total)}"),
            (right(cover, 7), "strong"),
            (" ", ""),
            *(signed_gauge(total, gauge) if gauge else ()),
        )
    )
    return lines


def component_lines(board: Board, row: int, face: str, width: int) -> list[Line]:
    """COMPONENT / SCORE / WEIGHT / IMPACT / DIV / GAUGE of one face, with totals that add up.

    SCORE is the component's own; IMPACT is WEIGHT * (SCORE + DIV). In the last line, SCORE is the face without
    divergence and DIV the plain sum of its column. Divergence moved the face by the difference between that SCORE and
    IMPACT.
    """
    _, gauge = _columns(width)
    f, names = FACES.index(face), list(COMPONENTS[face])
    index = [COMPONENT_INDEX[name] for name in names]
    total, spread = float(board.face_score[row, f]), float(board.face_divergence[row, f])
    impacts = rounded_parts([float(x) for x in board.impact[row, index]], 0.0 if isnan(total) else total, 2)
    ok = board.status[row, index] == Status.OK
    bare = float(board.weight[row, index][ok] @ board.score[row, index][ok]) if ok.any() else float("nan")
    counted = np.where(ok, board.divergence[row, index], 0.0)
    divergences = rounded_parts([float(x) for x in counted], spread, 1)
    weights = rounded_parts([float(x) for x in board.weight[row, index]], float(board.weight[row, index].sum()), 3)
    lines: list[Line] = [_heading("COMPONENT", "DIV", gauge)]
    for i, (name, c) in enumerate(zip(names, index, strict=True)):
        score, adjusted = float(board.score[row, c]), float(board.adjusted[row, c])
        if board.status[row, c] != Status.OK:
            told = status_text(board, row, name)
            if _NAME + 2 + cell_len(told) > width:
                told = f"{STATUS_WORDS[int(board.status[row, c])]}, reason below"
            lines.append(((pad(words(name), _NAME), "muted"), ("  " + told, "warning")))
            continue
        figures = _figures(score, weights[i], impacts[i], divergences[i], score_style(adjusted))
        drawn = signed_gauge(adjusted, gauge) if gauge else ()
        lines.append(((pad(words(name), _NAME), ""), *figures, (" ", ""), *drawn))
    lines.append(
        (
            (pad("FINAL SCORE", _NAME), "strong"),
            (right(MISSING if isnan(bare) else f"{bare:.2f}", 7), "muted"),
            (right(MISSING if isnan(total) else f"{sum(weights) * 100:.1f}%", 8), "muted"),
            (right(MISSING if isnan(total) else f"{sum(impacts):.2f}", 8), f"strong {score_style(total)}"),
            (right(f"{spread:+.1f}" if round(spread, 1) else "0.0", 7), "muted"),
            (" ", ""),
            *(signed_gauge(total, gauge) if gauge else ()),
        )
    )
    return lines


def detail_lines(board: Board, row: int, face: str, width: int, standing: Standing | None = None) -> list[Line]:
    """Raw reading, scores by timeframe and the full note of every component of one face.

    With a `standing`, also the percentiles among all symbols (ALL%) and in the symbol's own history (OWN%).
    """
    head = pad("READING", _NAME) + right("RAW", 14)
    if standing is not None:
        head += right("ALL%", 6) + right("OWN%", 6)
    head += "".join(right(frame, 6) for frame in TIMEFRAMES) + "  UNIT, NOTE"
    room = width - _NAME - (34 if standing is None else 46)
    lines: list[Line] = [((head.ljust(width), "heading"),)]
    for name in COMPONENTS[face]:
        c = COMPONENT_INDEX[name]
        reading = board.readings.get(name)
        if reading is not None and reading.timeframes is None:
            frames: Line = ((right("live", 18), "muted"),)
        else:
            shown = [float(x) for x in board.timeframes[row, c]]
            frames = tuple((right(MISSING if isnan(x) else f"{x:.0f}", 6), score_style(x)) for x in shown)
        figure, unit = reading_text(board, row, name)
        told = "; ".join(part for part in (unit, told_text(board, row, name)) if part)
        style = "warning" if board.status[row, c] != Status.OK else "muted"
        fits = cell_len(told) <= room
        lines.append(
            (
                (pad(words(name), _NAME), ""),
                (right(figure, 14), ""),
                *_ranks(standing, c),
                *frames,
                (f"  {told}" if told and fits else "", style),
            )
        )
        if not fits:
            lines += [(("  ", ""), *line) for line in wrapped(told, width - 2, style)]
    return lines


def _ranks(standing: Standing | None, component: int) -> Line:
    if standing is None:
        return ()
    shares = float(standing.universe[component]), float(standing.own[component])
    return tuple((right(MISSING if isnan(share) else f"{share * 100:.0f}", 6), "muted") for share in shares)


def driver_lines(board: Board, row: int, count: int = 5) -> list[Line]:
    """The components that move the score most, in points away from 50."""
    found = movers(board, row)[:count]
    if not found:
        return [(("nothing scored yet", "muted"),)]
    lines: list[Line] = [(("MOVES THE VERDICT MOST", "heading"),)]
    for driver in found:
        style = "up" if driver.points > 0 else "down"
        lines.append(
            (
                (right(f"{driver.points:+.2f}", 7), style),
                (" " + pad(words(driver.component), _NAME), ""),
                (driver.face, "muted"),
            )
        )
    return lines


def driver_columns(board: Board, row: int, width: int) -> list[Line]:
    """The same in two columns of `width` cells, one more component in as many lines as three take."""
    heading, *found = driver_lines(board, row, 6)
    half = (len(found) + 1) // 2
    return [heading, *beside(found[:half], found[half:], width)]


def stacked(height: int, *blocks: Sequence[Line]) -> list[Line]:
    """The blocks one below the other as by `spaced`, for a pane of `height` lines that scrolls: a block of which only
    the heading would be seen begins below the edge."""
    lines: list[Line] = []
    for block in blocks:
        if lines and block:
            room = height - len(lines) - 1
            lines += [BLANK] * (room + 1 if room == 1 < len(block) else 1)
        lines.extend(block)
    return lines


def spaced(*blocks: Sequence[Line]) -> list[Line]:
    """The blocks one below the other, with a blank line between."""
    lines: list[Line] = []
    for block in blocks:
        if lines and block:
            lines.append(BLANK)
        lines.extend(block)
    return lines
