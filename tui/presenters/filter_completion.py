"""Completions for a filter expression while it is typed.

Called by the main screen for the filter prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tui.presenters.filter_nodes import FUNCTIONS, KEYWORDS
from tui.presenters.filter_words import legal
from tui.presenters.sheet import LABELS, NUMBERS

_NAME_AT_END: Final = re.compile(r"(?<![A-Za-z0-9_.])[A-Za-z_][A-Za-z0-9_.]*$")
_VALUE_AT_END: Final = re.compile(r"([A-Za-z_]+)\s*(?:==?|!=|!?~)\s*([A-Za-z0-9_-]*)$")
_NUMBER_AT_END: Final = re.compile(r"[0-9.][A-Za-z0-9_.%]*$")


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion."""

    text: str
    start: int
    """Replace the source from here to its end."""


def complete(source: str, limit: int = 20) -> tuple[Completion, ...]:
    """Names and keywords that complete the word at the end of `source`; all of them if there is no word.

    After a label and its operator: the texts that it may be compared with. Within a number or a text: nothing.
    """
    if source.count('"') % 2 or source.count("'") % 2:
        return ()
    value = _VALUE_AT_END.search(source)
    if value and value[1].lower() in LABELS:
        known, start = legal(value[1].lower()), value.start(2)
        typed = value[2].lower()
        return tuple(Completion(one, start) for one in known if one.startswith(typed) and one != typed)[:limit]
    found = _NAME_AT_END.search(source)
    if not found and _NUMBER_AT_END.search(source):
        return ()
    prefix, start = (found.group(), found.start()) if found else ("", len(source))
    lowered = prefix.lower()
    offered = (*NUMBERS, *LABELS, *FUNCTIONS, *KEYWORDS)
    return tuple(Completion(name, start) for name in offered if name.startswith(lowered) and name != lowered)[:limit]
