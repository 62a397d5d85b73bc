"""The user's choices as methods of the candidates table: sort, filter, pin, watch, freeze.

Mixed into `tui.widgets.candidates.CandidatesTable` and called for the actions of the main screen. Each method is a call
of `change`. Nothing here paints or keeps state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui import presenters
from tui.presenters.view_state import SideFilter, ViewState

if TYPE_CHECKING:
    from tui.presenters.columns import Column
    from tui.presenters.filter_expression import FilterError
    from tui.presenters.row import Key

_SIDES: Final[tuple[SideFilter, ...]] = ("both", "long", "short")


class Wishes:
    """Sorting, filtering, pinning, freezing."""

    if TYPE_CHECKING:

        @property
        def state(self) -> ViewState:
            """The user's current choices."""

        @property
        def columns(self) -> tuple[Column, ...]:
            """The columns shown."""

        @property
        def cursor_key(self) -> Key | None:
            """The instrument under the cursor."""

        def change(self, *, keep_row: bool = False, **wishes: Any) -> None:
            """Set fields of `ViewState`."""

        def hold_row(self) -> None:
            """Keep the row under the cursor in the view."""

    def sort_by(self, column: str) -> None:
        """Sort by a column; if it is sorted by that already, reverse the order."""
        if column == self.state.column:
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
        """Reverse the order."""
        self.change(reverse=not self.state.reverse)

    def toggle_pin(self) -> None:
        """Pin the row under the cursor to the top, or unpin it."""
        key, pinned = self.cursor_key, self.state.pinned
        if key is not None:
            self.hold_row()
            self.change(pinned=tuple(k for k in pinned if k != key) if key in pinned else (*pinned, key))

    def toggle_watch(self, key: Key) -> bool:
        """Put an instrument on the watch-list, or take it off; True if it is on it now."""
        self.hold_row()
        self.change(watched=self.state.watched ^ {key})
        return key in self.state.watched

    def toggle_watch_only(self) -> None:
        """Show only the watch-list, or all rows."""
        self.change(watch_only=not self.state.watch_only)

    def toggle_freeze(self) -> None:
        """Freeze order and values while data keeps arriving, or resume."""
        self.change(frozen=not self.state.frozen)

    def toggle_vetoed(self) -> None:
        """Show the rows that fail a gate, or those that pass."""
        self.change(vetoed=not self.state.vetoed)

    def cycle_side(self) -> None:
        """Switch between both sides, long only and short only."""
        self.change(side=_SIDES[(_SIDES.index(self.state.side) + 1) % len(_SIDES)])

    def set_preset(self, preset: str | None, *, keep_row: bool = False) -> None:
        """Show the ranking of another preset, which every snapshot already holds; `keep_row` as in `change`."""
        self.change(keep_row=keep_row, preset=preset)

    def set_text_filter(self, text: str) -> None:
        """Show only symbols and assets that contain `text`, best match first."""
        self.change(text=text)

    def set_expression(self, source: str) -> FilterError | None:
        """Filter by an expression. If it cannot be parsed, returns the error and changes nothing."""
        try:
            self.change(expression=source)
        except presenters.filter_expression.FilterError as error:
            return error
        return None

    def clear_filters(self) -> None:
        """Drop text, expression, side, venues and the watch-list filter."""
        self.change(text="", expression="", side="both", venues=frozenset(), watch_only=False)

    def _sort_step(self, step: int) -> None:
        keys = [column.key for column in self.columns]
        at = keys.index(self.state.column) if self.state.column in keys else -1 if step > 0 else 0
        self.change(sort=keys[(at + step) % len(keys)], reverse=False)
