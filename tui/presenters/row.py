"""The key of a candidates row, and the constants that its values and its cells share.

Imported before the first paint, so nothing here may load numpy or the snapshot's types. The values are in
`tui.presenters.sheet`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

NEW_LISTING_H: Final = 24.0
"""A symbol that began to trade within these hours is young and marked as new."""
TREND_LEVELS: Final = 8
"""Number of heights of a sparkline."""
TREND_BASE: Final = TREND_LEVELS + 1
"""The heights and one more digit for an unknown point."""


class Key(NamedTuple):
    """The identity of a row. Rows move and are renumbered; this stays."""

    venue: str
    symbol: str
