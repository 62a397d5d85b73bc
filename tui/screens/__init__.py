"""The screens. Only the main one is loaded at start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.when_used import loader_of

if TYPE_CHECKING:
    from tui.screens import drilldown as drilldown
    from tui.screens import help as help
    from tui.screens import market as market
    from tui.screens import venues as venues

LATER: Final = (
    "drilldown", "help", "market", "venues",
)  # fmt: skip
"""Modules loaded at the first use, or in the background after the first paint."""

if not TYPE_CHECKING:  # so that type checkers still report unknown names
    __getattr__ = loader_of(__name__, LATER)
