"""Which keys the footer names: the most important of those that work now, whole or not at all.

Called by the footer bar. What does not fit is in the help screen, whose key is always there.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.actions import Action, Keymap
from tui.presenters.lines import Line


def footer_line(actions: Sequence[Action], keymap: Keymap, width: int) -> tuple[Line, list[tuple[int, int, str]]]:
    """The line, and for each key its first cell, the cell after its last and the action's id, for clicks."""
    wanted = sorted((a for a in actions if a.footer), key=lambda action: (action.id != "help", action.footer))
    kept: set[str] = set()
    room = width - 1
    for action in wanted:
        needed = cell_len(keymap.text(action.id)) + 1 + cell_len(action.label) + 2
        if needed <= room:
            kept.add(action.id)
            room -= needed
    spans: list[tuple[str, str]] = [(" ", "")]
    places: list[tuple[int, int, str]] = []
    x = 1
    for action in sorted((a for a in wanted if a.id in kept), key=lambda action: action.footer):
        key = keymap.text(action.id)
        spans += [(key, "strong accent"), (f" {action.label}  ", "muted")]
        length = cell_len(key) + 1 + cell_len(action.label)
        places.append((x, x + length, action.id))
        x += length + 2
    return tuple(spans), places
