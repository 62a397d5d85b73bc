"""Presenters: pure code that turns a snapshot into lines of text with named styles. No terminal library here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.when_used import loader_of

if TYPE_CHECKING:
    from tui.presenters import breakdown as breakdown
    from tui.presenters import candidates as candidates
    from tui.presenters import depth as depth
    from tui.presenters import depth_books as depth_books
    from tui.presenters import filter_completion as filter_completion
    from tui.presenters import filter_expression as filter_expression
    from tui.presenters import gates as gates
    from tui.presenters import levels as levels
    from tui.presenters import liquidations as liquidations
    from tui.presenters import preset_change as preset_change
    from tui.presenters import saved_filters as saved_filters
    from tui.presenters import venues as venues

LATER: Final = (
    "breakdown", "candidates", "depth", "depth_books", "filter_completion", "filter_expression", "gates", "levels",
    "liquidations", "preset_change", "saved_filters", "venues",
)  # fmt: skip
"""Modules loaded at the first snapshot or user action that needs them."""

if not TYPE_CHECKING:  # so that type checkers still report unknown names
    __getattr__ = loader_of(__name__, LATER)
