"""The texts that a filter may compare a label with, for labels with a fixed list: sides, gates and venues.

Used by the filter language only. A venue may be written as its id, as the mark in the table or by its usual name. A
text that is not in the list would silently match nothing, so it is refused and the error lists what exists.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from engine.ranking.result import GATES
from tui.presenters.columns import VENUE_MARKS
from tui.presenters.sheet import SIDE_WORDS
from tui.presenters.view import VENUE_TITLES

_LEGAL: Final[dict[str, tuple[str, ...]]] = {
    "side": tuple(SIDE_WORDS.values()),
    "gate": tuple(name for name, _ in GATES),
    "venue": tuple(VENUE_MARKS),
}


def spellings(label: str, text: str) -> tuple[str, ...]:
    """All spellings of a label's text, case-folded."""
    if label != "venue":
        return (text.casefold(),)
    return tuple(one.casefold() for one in (text, VENUE_MARKS.get(text, text), VENUE_TITLES.get(text, text)))


def legal(label: str) -> tuple[str, ...]:
    """The texts of a label that has a fixed list, else none; a venue by its usual name, spot venues left out."""
    if label != "venue":
        return _LEGAL.get(label, ())
    return tuple(dict.fromkeys(VENUE_TITLES[venue].lower() for venue in _LEGAL[label] if not venue.endswith("-spot")))


def refusal(label: str, text: str) -> tuple[str, str | None] | None:
    """Why no row's `label` can equal `text`, with the nearest text that exists; None if one can."""
    known = [spelled for one in _LEGAL.get(label, ()) for spelled in spellings(label, one)]
    if not known or not text or text.casefold() in known:
        return None
    near = get_close_matches(text.casefold(), legal(label), n=1, cutoff=0.5)
    marks = " (or as EX shows them)" if label == "venue" else ""
    told = f"there is no {label} `{text}`; there are {', '.join(legal(label))}{marks}"
    return told, near[0] if near else None
