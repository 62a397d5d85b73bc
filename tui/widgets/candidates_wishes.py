"""The user's wishes as methods: what the app's table of actions calls on the candidates table.

Mixed into `tui.widgets.candidates.CandidatesTable`; each method says one wish in terms of `change`. Nothing here
paints or keeps anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.presenters.columns import Column
from tui.presenters.filter_expression import FilterError
from tui.presenters.selection import SideFilter, ViewState
from tui.presenters.sheet import Key

_SIDES: Final[tuple[SideFilter, ...]] = ("both", "long", "short")


class Wishes:
    """Sorting, filtering, pinning, freezing."""

    if TYPE_CHECKING:

        @property
        def state(self) -> ViewState:
            """The wishes in force."""

        @property
        def columns(self) -> tuple[Column, ...]:
            """The columns shown."""

        @property
        def cursor_key(self) -> Key | None:
            """The instrument under the cursor."""

        def change(self, **wishes: Any) -> None:
            """Set fields of `ViewState`."""

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the one sorted already: turn it round."""
        if column == self.state.sort:
            self.reverse()
        else:
            self.change(sort=column, reverse=False)

    def sort_next(self) -> None:
        """Sort by the next column to the right."""
        self._sort_step(1)

    def sort_previous(self) -> None:
        """Sort by the next column to the left."""
        self._sort_step(-1)

    def reverse(self) -> None:
        """Turn the order round."""
        self.change(reverse=not self.state.reverse)

    def toggle_pin(self) -> None:
        """Keep the row under the cursor on top, or let it go."""
        self._toggle("pinned")

    def toggle_watch(self) -> None:
        """Put the row under the cursor on the watch-list, or take it off."""
        self._toggle("watched")

    def toggle_watch_only(self) -> None:
        """Show the watch-list alone, or everything."""
        self.change(watch_only=not self.state.watch_only)

    def toggle_freeze(self) -> None:
        """Hold order and values while data keeps arriving, or go on."""
        self.change(frozen=not self.state.frozen)

    def toggle_vetoed(self) -> None:
        """Show the rows that fail a gate, or those that pass."""
        self.change(vetoed=not self.state.vetoed)

    def cycle_side(self) -> None:
        """Both sides, long only, short only."""
        self.change(side=_SIDES[(_SIDES.index(self.state.side) + 1) % len(_SIDES)])

    def set_preset(self, preset: str | None) -> None:
        """Show another preset's verdict, which every snapshot already holds."""
        self.change(preset=preset)

    def set_text_filter(self, text: str) -> None:
        """Show only symbols and assets that contain `text`, best match first."""
        self.change(text=text)

    def set_expression(self, source: str) -> FilterError | None:
        """Filter by an expression; returns what is wrong with it, and then nothing has changed."""
        try:
            self.change(expression=source)
        except FilterError as error:
            return error
        return None

    def clear_filters(self) -> None:
        """Drop text, expression, side, venues and the watch-list filter."""
        self.change(text="", expression="", side="both", venues=frozenset(), watch_only=False)

    def _sort_step(self, step: int) -> None:
        keys = [column.key for column in self.columns]
        at = keys.index(self.state.sort) if self.state.sort in keys else -1 if step > 0 else 0
        self.change(sort=keys[(at + step) % len(keys)], reverse=False)

    def _toggle(self, field: str) -> None:
        key = self.cursor_key
        if key is None:
            return
        if field == "pinned":
            pinned = self.state.pinned
            self.change(pinned=tuple(k for k in pinned if k != key) if key in pinned else (*pinned, key))
        else:
            self.change(watched=self.state.watched ^ {key})
