"""Which rows the candidates table shows and in which order they would stand: the user's wishes, applied.

Pure functions of a sheet and a `ViewState`; the view model adds the order clock and the memory. Used headless
too, so nothing here may know the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tui.presenters.columns import BY_KEY
from tui.presenters.filter_expression import Filter
from tui.presenters.sheet import Floats, Key, Sheet

SideFilter = Literal["both", "long", "short"]
Ints = NDArray[np.int64]

_NO_MATCH: Final = 9


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the user asked the table for. Kept between runs by the app."""

    preset: str | None = None
    """None: the one in force in the snapshot."""
    sort: str = "rank"
    """Key of a column."""
    reverse: bool = False
    """Against the column's own first direction."""
    text: str = ""
    """Part of a symbol or asset."""
    expression: str = ""
    side: SideFilter = "both"
    venues: frozenset[str] = frozenset()
    """Empty: all."""
    watched: frozenset[Key] = frozenset()
    watch_only: bool = False
    pinned: tuple[Key, ...] = ()
    """On top whatever the filters and gates say."""
    vetoed: bool = False
    """Show the rows that fail a gate instead of those that pass."""
    frozen: bool = False

    @property
    def descending(self) -> bool:
        """Whether the largest value stands on top."""
        return BY_KEY[self.sort].descending != self.reverse

    @property
    def heading(self) -> str:
        """Key of the column that says the order: rows stopped by a gate have no rank and stand by what they lack."""
        return "gate" if self.vetoed and self.sort == "rank" else self.sort

    def filters(self) -> tuple[str, ...]:
        """The filters in force, in words."""
        found = []
        if self.text:
            found.append(f"`{self.text}`")
        if self.side != "both":
            found.append(f"side {self.side}")
        if self.venues:
            found.append("venue " + ", ".join(sorted(self.venues)))
        if self.watch_only:
            found.append("the watch-list")
        if self.expression:
            found.append(self.expression)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows in the order they would stand in, were there nothing to hold still."""

    rows: Ints
    """Row numbers."""
    classes: NDArray[np.int64]
    """By position: pinned rows 0, then by kind of match; rows of a smaller class stand above."""
    values: Floats
    """By position: what the margin of the sort column is measured on."""
    lacking: tuple[str, ...] = ()
    """What the expression could not judge: `12 rows lack open interest`."""


def select(sheet: Sheet, state: ViewState, expression: Filter | None) -> Selection:
    """The rows of `sheet` that `state` asks for, in order."""
    ranking = sheet.ranking
    scope = ranking.vetoed if state.vetoed or sheet.is_cached else ranking.candidates
    inside = np.zeros(sheet.rows, dtype=np.bool_)
    inside[scope] = True
    _narrow(sheet, state, inside)
    lacking: tuple[str, ...] = ()
    if expression is not None:
        outcome = expression.evaluate(sheet, inside)
        inside, lacking = outcome.kept, outcome.notices()
    match = _matches(sheet, state.text)
    inside &= match < _NO_MATCH
    pinned = _pinned(sheet, state)
    inside |= pinned
    base = np.concatenate([ranking.candidates, ranking.vetoed]).astype(np.int64)
    if state.vetoed:
        # What lacks least first: by conviction alone, rows that hardly have data and so lean far would be on top.
        nearest = np.argsort(sheet.numbers("gates_failed")[ranking.vetoed], kind="stable")
        base = np.concatenate([ranking.vetoed[nearest], ranking.candidates]).astype(np.int64)
    base = base[inside[base]]
    ordered = base[_sorted(sheet, state, base)]
    classes = np.where(pinned, 0, 1 + match)[ordered]
    by_class = np.argsort(classes, kind="stable")
    rows = ordered[by_class]
    margin_name = "conviction" if state.sort == "rank" else BY_KEY[state.sort].sort_name
    return Selection(rows, classes[by_class], sheet.numbers(margin_name)[rows], lacking)


def _narrow(sheet: Sheet, state: ViewState, inside: NDArray[np.bool_]) -> None:
    if state.side != "both":
        inside &= sheet.ranking.side == (1 if state.side == "long" else -1)
    if state.venues:
        inside &= np.array([venue in state.venues for venue in sheet.texts("venue")], dtype=np.bool_)
    if state.watch_only:
        keys = zip(sheet.texts("venue"), sheet.texts("symbol"), strict=True)
        inside &= np.array([key in state.watched for key in keys], dtype=np.bool_)


def _pinned(sheet: Sheet, state: ViewState) -> NDArray[np.bool_]:
    if not state.pinned:
        return np.zeros(sheet.rows, dtype=np.bool_)
    wanted = set(state.pinned)
    keys = zip(sheet.texts("venue"), sheet.texts("symbol"), strict=True)
    return np.array([key in wanted for key in keys], dtype=np.bool_)


def _sorted(sheet: Sheet, state: ViewState, base: Ints) -> Ints:
    """Positions of `base` in sort order; equal values keep the ranking's order and missing ones stand last."""
    if state.sort == "rank":
        positions = np.arange(len(base))
        return positions[::-1] if state.reverse else positions
    values = sheet.numbers(BY_KEY[state.sort].sort_name)[base]
    return np.argsort(-values if state.descending else values, kind="stable")


def _matches(sheet: Sheet, text: str) -> Ints:
    """How well each row's names match: 0 exact, 1 prefix, 2 suffix, 3 inside, `_NO_MATCH`; all 0 without a text."""
    wanted = text.strip().casefold()
    if not wanted:
        return np.zeros(sheet.rows, dtype=np.int64)
    found = np.full(sheet.rows, _NO_MATCH, dtype=np.int64)
    for row, instrument in enumerate(sheet.instruments):
        names = (instrument.symbol.casefold(), instrument.base.casefold(), instrument.asset.casefold())
        found[row] = min(match_class(wanted, name) for name in names)
    return found


def match_class(wanted: str, name: str) -> int:
    """0 for the same text, 1 for its beginning, 2 for its end, 3 for a part, 9 for none."""
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if name.endswith(wanted):
        return 2
    return 3 if wanted in name else _NO_MATCH
