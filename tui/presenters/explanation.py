"""One symbol's score in sentences: what drives it, what is missing and why, which gates stop it.

Called by the symbol's screen and by `prism explain`. Nothing is computed here: every figure is the board's or the
ranking's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, Board, Status
from engine.prism.past import Change
from engine.prism.verdict import Mover, flip, movers
from engine.prism.wording import sentence
from engine.ranking.result import GATES
from tui.presenters.breakdown import status_text
from tui.presenters.disagreement import disagreement
from tui.presenters.format import score_text, share_text
from tui.presenters.gates import FAINT_CONVICTION, failed_gates, side_text
from tui.presenters.lines import BLANK, Line, wrapped
from tui.presenters.view import View, count_text, venue_title, words

MOST_NAMED: Final = 4
"""Most components named in `If ... were neutral, the score would be ...`; a longer list would say nothing."""


def explanation(view: View) -> list[tuple[str, str]]:
    """Sentences with the style each is shown in."""
    row, instrument = view.row, view.instrument
    if row is None or instrument is None:
        return []
    board, ranking = view.board, view.snapshot.ranking
    prism = float(board.prism[row])
    name = f"{instrument.symbol} on {venue_title(instrument.venue)}"
    if isnan(prism):
        return [(f"{name} has no score yet: no face has a component with good data.", "warning"), *_gaps(board, row)]
    side, _ = side_text(ranking, board, row)
    leans = "hardly leans" if float(ranking.conviction[row]) < FAINT_CONVICTION else "leans"
    lean = {
        "LONG": f"{leans} long",
        "SHORT": f"{leans} short",
        "FLAT": "leans neither way",
    }.get(side, "has too little data for a side")
    told = [
        (
            f"{name} {lean}: score {score_text(prism)} of 100 (50 is neutral), conviction "
            f"{float(ranking.conviction[row]):.1f}, resting on {share_text(float(board.coverage[row]))} of its weight; "
            f"{int(ranking.faces_agreeing[row])} of {len(FACES)} faces agree.",
            "strong",
        )
    ]
    told += _moving(board, row, prism)
    if view.focus is not None and view.focus.change is not None:
        told.append((_changed(view.focus.change, prism, view.snapshot.at_ms), ""))
    if view.snapshot.traps is not None:
        flags = view.snapshot.traps.of(row, int(ranking.side[row]))
        told += [(f"Trap: {words(trap.name)}: {trap.saw}.", "warning") for trap in flags]
    failed = failed_gates(ranking, row)
    if failed:
        count = count_text(len(failed), "gate")
        told.append(
            (f"Not a candidate under {ranking.preset}: {count} of {len(GATES)} failed: {'; '.join(failed)}.", "warning")
        )
    else:
        told.append((f"A candidate under {ranking.preset}: all {len(GATES)} gates passed.", "up"))
    return [*told, *_disagreements(view), *_gaps(board, row)]


def _disagreements(view: View) -> list[tuple[str, str]]:
    """Venues whose figures for the asset differ from the other venues'."""
    focus = view.snapshot.focus
    if focus is None or focus.row != view.row:
        return []
    return [(disagreement(one, voice), "warning") for one in focus.across for voice in one.voices if voice.marked]


def _moving(board: Board, row: int, prism: float) -> list[tuple[str, str]]:
    found = movers(board, row)
    direction = 1 if prism >= 50 else -1
    with_it = [mover for mover in found if mover.points * direction > 0][:3]
    against = [mover for mover in found if mover.points * direction < 0][:2]
    told = []
    if with_it:
        told.append((f"Most for it, in points of the score: {_listed(with_it)}.", ""))
    told.append(
        (f"Most against it, in points: {_listed(against)}.", "") if against else ("No component speaks against it.", "")
    )
    for mover in found[:3]:
        said = sentence(mover.component, board.readings[mover.component], row)
        if said:
            told.append((f"{words(mover.component)}: {said}.", ""))
    turned = flip(found, prism)
    if turned is not None and len(turned.components) <= MOST_NAMED:
        names = [words(name) for name in turned.components]
        listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        told.append((f"If {listed} were neutral, the score would be {score_text(turned.score)}.", "muted"))
    return told


def _changed(change: Change, prism: float, at_ms: int) -> str:
    minutes = (at_ms - change.at_ms) / 60_000
    ago = f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"
    return (
        f"{ago} ago the score was {score_text(change.score)}, now {score_text(prism)}; since then "
        f"{_listed(change.movers[:3])}."
    )


def _listed(found: Sequence[Mover]) -> str:
    return ", ".join(f"{words(mover.component)} {mover.points:+.1f}" for mover in found)


def _gaps(board: Board, row: int) -> list[tuple[str, str]]:
    """Components without good data, grouped by reason, so that one missing book is one sentence."""
    reasons: dict[str, list[str]] = {}
    for face in FACES:
        for name in COMPONENTS[face]:
            if board.status[row, COMPONENT_INDEX[name]] != Status.OK:
                reasons.setdefault(status_text(board, row, name), []).append(words(name))
    if not reasons:
        return [("Nothing is missing.", "muted")]
    return [(f"Not counted: {', '.join(names)} ({reason}).", "warning") for reason, names in reasons.items()]


def explanation_lines(view: View, width: int, height: int) -> tuple[list[Line], int]:
    """The sentences wrapped to a pane's width, and how many of them begin below its `height`.

    A sentence that would end below the edge begins there, unless it is longer than the pane.
    """
    lines: list[Line] = []
    below = 0
    for text, style in explanation(view):
        told = wrapped(text, width, style, indent="  ")
        if len(lines) < height < len(lines) + len(told) and len(told) <= height:
            lines += [BLANK] * (height - len(lines))
        below += len(lines) >= height
        lines.extend(told)
    return lines, below
