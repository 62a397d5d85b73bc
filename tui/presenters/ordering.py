"""Hysteresis for ranked lists: the order shown changes only if there is a reason.

Called by the view models of the candidates table and of the market map when they reorder, at most once a second. Works
on keys and positions; it must know nothing of columns, presets or the screen.

A row overtakes the one above it if it is ahead by the column's margin, or if it has been ahead for `PATIENCE` order
ticks in a row. New rows enter at their position at once; rows that left disappear at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from tui.presenters.row import Key

PATIENCE: Final = 3
"""Order ticks for which a row must be ahead, if by less than the margin, before it overtakes."""

Pair = tuple[Key, Key]
"""(the lower row, the row above it)."""


class Hysteresis:
    """Remembers the pairs that are out of order by less than the margin, and for how many ticks."""

    def __init__(self) -> None:
        self._waiting: dict[Pair, int] = {}

    def forget(self) -> None:
        """Start over, after the user chose another order."""
        self._waiting.clear()

    def copy(self) -> Hysteresis:
        """A copy, to try out an order without changing this one."""
        other = Hysteresis()
        other._waiting = dict(self._waiting)
        return other

    def settle(
        self, held: Sequence[Key], target: Sequence[Key], values: Mapping[Key, tuple[int, float]], margin: float
    ) -> list[Key]:
        """The order to show: `held` moved towards `target` where the margin or patience allows.

        `values` gives each key of `target` its class (pinned, kind of match) and its value in the sort column. Rows of
        different classes, and rows without a value (NaN), never wait.
        """
        place = {key: position for position, key in enumerate(target)}
        kept = [key for key in held if key in place]
        settled: list[Key] = []
        for key in kept:
            at = len(settled)
            while at and self._overtakes(key, settled[at - 1], place, values, margin):
                at -= 1
            settled.insert(at, key)
        if len(kept) < len(target):
            settled = _with_newcomers(settled, target)
        waiting: dict[Pair, int] = {}
        for above, below in pairwise(settled):
            if place[below] < place[above]:
                waiting[below, above] = self._waiting.get((below, above), 0) + 1
        self._waiting = waiting
        return settled

    def _overtakes(
        self,
        key: Key,
        above: Key,
        place: Mapping[Key, int],
        values: Mapping[Key, tuple[int, float]],
        margin: float,
    ) -> bool:
        if place[key] > place[above]:
            return False
        own_class, own = values[key]
        other_class, other = values[above]
        # A NaN on either side makes this False: not within the margin.
        within = own_class == other_class and abs(own - other) < margin
        return not within or self._waiting.get((key, above), 0) >= PATIENCE


def _with_newcomers(settled: list[Key], target: Sequence[Key]) -> list[Key]:
    known = set(settled)
    after: dict[Key | None, list[Key]] = {}
    last: Key | None = None
    for key in target:
        if key in known:
            last = key
        else:
            after.setdefault(last, []).append(key)
    merged = after.get(None, [])
    for key in settled:
        merged.append(key)
        merged.extend(after.get(key, ()))
    return merged


def moves(held: Sequence[Key], target: Sequence[Key]) -> int:
    """How many rows enter, leave or change their order between two lists.

    Of rows in both lists, it counts the fewest that must be moved; rows that only shift because of others do not count.
    """
    place = {key: position for position, key in enumerate(target)}
    known = [place[key] for key in held if key in place]
    tails: list[int] = []
    for position in known:
        at = bisect_left(tails, position)
        tails[at : at + 1] = [position]
    return (len(held) - len(known)) + (len(target) - len(known)) + (len(known) - len(tails))
