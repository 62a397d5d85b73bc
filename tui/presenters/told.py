"""Quick notices: which of them may be on screen together, and how many are kept.

Called by the app, which shows them, and by the venues screen, which lists them. No Textual here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["information", "warning", "error"]

STANDING: Final = 2
"""Most quick notices on screen at once: more would cover the rows."""
STANDS_S: Final[dict[Severity, float]] = {"information": 5.0, "warning": 8.0, "error": 12.0}
KEPT: Final = 50
"""How many of the newest quick notices the venues screen lists."""
_WEIGHT: Final[dict[Severity, int]] = {"information": 0, "warning": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class Told:
    """One quick notice."""

    at_ms: int
    """Event time in demo and replay, the machine's in live; 0: before the first snapshot."""
    text: str
    severity: Severity


def leaving(standing: Sequence[tuple[str, Severity]], text: str, *, has_room: bool = True) -> list[int]:
    """Positions in `standing` (oldest first) of the notices to remove before a new one with this text is shown.

    Older notices with the same text are removed, then those beyond `STANDING`: the least severe first, and of those the
    oldest. On a terminal without room for two, only warnings and errors stay beside the new one: a second line covers
    the lower edge of a pane.
    """
    others = [
        place
        for place, (old, severity) in enumerate(standing)
        if old != text and (has_room or severity != "information")
    ]
    kept = sorted(others, key=lambda place: (_WEIGHT[standing[place][1]], place))[-(STANDING - 1) :]
    return [place for place in range(len(standing)) if place not in kept]
