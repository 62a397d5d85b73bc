"""The user's choices for the candidates table, and the status texts around it.

The app saves the choices between runs, and the table shows them from its first paint, so nothing here may load arrays.
`tui.presenters.selection` applies them to a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.text import clean
from tui.presenters.columns import BY_KEY
from tui.presenters.row import Key

SideFilter = Literal["both", "long", "short"]


@dataclass(frozen=True, slots=True)
class ViewState:
    """The user's choices. The app saves most of them between runs."""

    preset: str | None = None
    """None: the snapshot's own."""
    sort: str = "rank"
    """Key of a column."""
    reverse: bool = False
    """Reverse the column's default direction."""
    text: str = ""
    """Part of a symbol or asset."""
    expression: str = ""
    side: SideFilter = "both"
    venues: frozenset[str] = frozenset()
    """Empty: all."""
    watched: frozenset[Key] = frozenset()
    watch_only: bool = False
    pinned: tuple[Key, ...] = ()
    """Always on top, whatever the filters and gates say."""
    vetoed: bool = False
    """Show the rows that fail a gate instead of those that pass."""
    frozen: bool = False

    @property
    def column(self) -> str:
        """Key of the column that orders the rows: rank, if the chosen one is only in the view of gated rows."""
        return "rank" if BY_KEY[self.sort].views == "vetoed" and not self.vetoed else self.sort

    @property
    def descending(self) -> bool:
        """Whether the largest value is on top."""
        return BY_KEY[self.column].descending != self.reverse

    @property
    def heading(self) -> str:
        """Key of the column whose heading is marked. Gated rows have no rank: they are ordered by failed gates."""
        return "gate" if self.vetoed and self.sort == "rank" else self.column

    def filters(self) -> tuple[str, ...]:
        """The active filters in words."""
        found = []
        if self.text:
            found.append(f"`{clean(self.text)}`")
        if self.side != "both":
            found.append(f"side {self.side}")
        if self.venues:
            found.append("venue " + ", ".join(sorted(self.venues)))
        if self.watch_only:
            found.append("the watch-list")
        if self.expression:
            found.append(clean(self.expression))
        return tuple(found)

    @property
    def ordered_by(self) -> str:
        """The order in words."""
        return "gates failed" if self.heading != self.column else BY_KEY[self.column].title


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """The status texts and counts around the table."""

    preset: str
    shown: int
    candidates: int
    """Rows that pass every gate of the preset."""
    gated: int
    """Rankable rows that fail one."""
    sorted_by: str
    descending: bool
    filters: tuple[str, ...]
    notices: tuple[str, ...]
    """Rows for which the expression is unknown, because they lack a value."""
    frozen_age_s: float | None
    """Event time between the frozen snapshot and the newest one; None if not frozen."""
    would_move: int
    """Rows that would enter, leave or change places if the order were not held; counted once a second."""
    waiting: bool
    """The order is held because the user is moving in it."""
    left: str
    """Why the row under the cursor does not belong in this view; empty if it does."""
    elsewhere: int
    """Matches of text and expression in the other view (gated rows, or rows that pass)."""
    cached_age_s: float | None
    """Age of the cached candles shown because no venue sends data; None if the data is live."""
    empty: str
    """Why there is no row, or none but those held, and what to do; empty if there is one."""
