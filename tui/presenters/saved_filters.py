"""Saved filters: parses the text of the filter prompt, which may save, use or delete a filter by name.

`crowded: funding > 0.05%` filters and saves the expression as `crowded`; `crowded` alone uses it again; `crowded:`
deletes it. Called by the main screen; the filters themselves are in the state file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tui.presenters.sheet import LABELS, NUMBERS

_NAMED: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)\s*:\s*(.*?)\s*", re.DOTALL)
MOST_CHARS: Final = 24
"""Longest name."""
MOST: Final = 50
"""Most filters saved."""


@dataclass(frozen=True, slots=True)
class FilterWish:
    """What a text in the prompt asks for."""

    expression: str
    offset: int = 0
    """Index in the text at which the expression begins."""
    keeps: str = ""
    """Name to save it under; with an empty expression, the name to delete."""
    complaint: str = ""
    """Why the name cannot be used."""

    @property
    def forgets(self) -> bool:
        """Whether to delete a saved filter."""
        return bool(self.keeps) and not self.expression


def read_wish(text: str, kept: Mapping[str, str]) -> FilterWish:
    """Parse `text`; `kept` maps the saved names to expressions."""
    if text.strip() in kept:
        return FilterWish(kept[text.strip()])
    named = _NAMED.fullmatch(text)
    if named is None:
        return FilterWish(text)
    name, expression = named.groups()
    return FilterWish(expression, named.start(2), name, _trouble(name, expression, kept))


def _trouble(name: str, expression: str, kept: Mapping[str, str]) -> str:
    if name in NUMBERS or name in LABELS:
        return f"`{name}` is a column; choose another name"
    if len(name) > MOST_CHARS:
        return f"a name has at most {MOST_CHARS} characters"
    if not expression and name not in kept:
        return f"no filter `{name}` is saved; write an expression after the colon to save one"
    return (
        f"{MOST} filters are saved already; delete one with `NAME:`" if name not in kept and len(kept) >= MOST else ""
    )


def changed(kept: Mapping[str, str], wish: FilterWish) -> dict[str, str]:
    """The saved filters after `wish` is applied, in the order in which they were first saved."""
    if not wish.keeps or wish.complaint:
        return dict(kept)
    after = {name: expression for name, expression in kept.items() if not (wish.forgets and name == wish.keeps)}
    return after if wish.forgets else {**after, wish.keeps: wish.expression}


def next_name(kept: Mapping[str, str], expression: str) -> str:
    """The name after the saved filter `expression`; the first if it is not saved, empty after the last."""
    names = list(kept)
    # Of several names for one expression the last: going on from the first would lead back to the second for ever.
    place = max((at for at, name in enumerate(names) if kept[name] == expression), default=-1)
    return names[place + 1] if place + 1 < len(names) else ""
