"""Quick notices: which of them may be on screen together, how many lines they take, and how many are kept.

Called by the app, which shows them, and by the venues screen, which lists them. No Textual here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tui.presenters.format import fit
from tui.presenters.lines import plain, wrapped

Severity = Literal["information", "warning", "error"]

STANDING: Final = 2
"""Most quick notices on screen at once: more would cover the rows."""
STANDS_S: Final[dict[Severity, float]] = {"information": 5.0, "warning": 8.0, "error": 12.0}
KEPT: Final = 50
"""How many of the newest quick notices the venues screen lists."""
MOST_LINES: Final = 2
"""Most lines of one quick notice: the lines above the keys that hold no rows."""
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
    oldest. On a terminal without room for two, all are removed: a second one covers the lower edge of a pane.
    """
    if not has_room:
        return list(range(len(standing)))
    others = [place for place, (old, _) in enumerate(standing) if old != text]
    kept = sorted(others, key=lambda place: (_WEIGHT[standing[place][1]], place))[-(STANDING - 1) :]
    return [place for place in range(len(standing)) if place not in kept]


def returning(displaced: Sequence[tuple[str, Severity]], text: str) -> int | None:
    """Position in `displaced` (oldest first) of the notice to show again once the one with this text has left, on a
    terminal without room for two: the most severe warning or error, and of those the newest."""
    worth = [place for place, (old, severity) in enumerate(displaced) if old != text and severity != "information"]
    return max(worth, key=lambda place: (_WEIGHT[displaced[place][1]], place), default=None)


def fitted(text: str, width: int) -> str:
    """`text` in at most `MOST_LINES` lines of at most `width` cells, cut at the end of the last one if it is longer."""
    lines = plain(wrapped(text, width)).split("\n")
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [fit(" ".join(lines[MOST_LINES - 1 :]), width)]
    return "\n".join(lines)
