"""Chooses the keys shown in the footer: the most important ones available now, each complete or not at all.

Called by the footer bar. All others are on the help screen, whose key has first claim on the room. A key whose effect
depends on the moment is named by what it does now, and left out while it does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from tui.actions import Action, Keymap
from tui.presenters.lines import Line

if TYPE_CHECKING:
    from engine.snapshot import ReplayStatus

FIRST: Final = 0
"""Rank of the key that is never left out if any fits."""
AT_END: Final = frozenset({"replay_pause", "replay_step", "replay_slower", "replay_faster", "replay_forward"})
"""What has no effect on a recording that has ended."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One key of the footer."""

    key: str
    """As written on screen."""
    label: str
    does: str = ""
    """The action that a click runs, in Textual's form; empty: none."""
    rank: int = 1
    """1 first: both the place and the claim on the room."""


def hints_line(hints: Sequence[Hint], width: int) -> tuple[Line, list[tuple[int, int, str]]]:
    """The line, and for clicks each key's first cell, the cell after its last, and what it does."""
    kept: set[Hint] = set()
    room = width - 1
    for hint in sorted(hints, key=lambda hint: hint.rank):
        needed = cell_len(hint.key) + 1 + cell_len(hint.label) + 2
        if needed <= room:
            kept.add(hint)
            room -= needed
    spans: list[tuple[str, str]] = [(" ", "")]
    places: list[tuple[int, int, str]] = []
    x = 1
    for hint in hints:
        if hint in kept:
            spans += [(hint.key, "strong accent"), (f" {hint.label}  ", "muted")]
            length = cell_len(hint.key) + 1 + cell_len(hint.label)
            places.append((x, x + length, hint.does))
            x += length + 2
    return tuple(spans), places


def footer_line(actions: Sequence[Action], keymap: Keymap, width: int) -> tuple[Line, list[tuple[int, int, str]]]:
    """The line of those `actions` that have a place in the footer; what a click does is an action's id."""
    shown = sorted((action for action in actions if action.footer), key=lambda action: action.footer)
    return hints_line(
        [
            Hint(keymap.text(action.id), action.label, action.id, FIRST if action.id == "help" else action.footer)
            for action in shown
        ],
        width,
    )


def called(actions: Sequence[Action], labels: Mapping[str, str]) -> list[Action]:
    """`actions` with other labels for some ids; an empty label takes the action out of the footer."""
    return [
        action
        if (label := labels.get(action.id)) is None
        else replace(action, label=label)
        if label
        else replace(action, footer=0)
        for action in actions
    ]


def on_recording(actions: Sequence[Action], replay: ReplayStatus | None) -> list[Action]:
    """`actions` as they apply to a recording in this state; None: no recording."""
    if replay is None:
        return list(actions)
    if replay.finished:
        left = called(actions, dict.fromkeys(AT_END, ""))
        return [replace(action, footer=3) if action.id == "replay_back" else action for action in left]
    return called(actions, {"replay_pause": "resume"}) if replay.paused else list(actions)
