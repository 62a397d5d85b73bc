"""Filters kept by name: what a text in the filter prompt asks for, given those that are kept.

`crowded: funding > 0.05%` filters and keeps the expression as `crowded`; `crowded` alone uses it again; `crowded:` with
nothing after it forgets it. Called by the main screen; what is kept lies in the state file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tui.presenters.sheet import LABELS, NUMBERS

_NAMED: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)\s*:\s*(.*?)\s*", re.DOTALL)
MOST_CHARS: Final = 24
"""Of a name."""
MOST: Final = 50
"""Filters kept."""


@dataclass(frozen=True, slots=True)
class FilterWish:
    """What a text asks for."""

    expression: str
    offset: int = 0
    """Character of the text at which the expression begins."""
    keeps: str = ""
    """Name to keep it under; with an empty expression, the name to forget."""
    complaint: str = ""
    """Why the name cannot be used."""

    @property
    def forgets(self) -> bool:
        """Whether a kept filter shall go."""
        return bool(self.keeps) and not self.expression


def read_wish(text: str, kept: Mapping[str, str]) -> FilterWish:
    """What `text` asks for; `kept` maps names to expressions."""
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
        return f"no filter `{name}` is kept; write an expression after the colon to keep one"
    return f"{MOST} filters are kept already; forget one with `NAME:`" if name not in kept and len(kept) >= MOST else ""


def changed(kept: Mapping[str, str], wish: FilterWish) -> dict[str, str]:
    """The filters kept after `wish` was taken, in the order in which they were first kept."""
    if not wish.keeps or wish.complaint:
        return dict(kept)
    after = {name: expression for name, expression in kept.items() if not (wish.forgets and name == wish.keeps)}
    return after if wish.forgets else {**after, wish.keeps: wish.expression}


def next_name(kept: Mapping[str, str], expression: str) -> str:
    """The kept filter after the one that is `expression`; the first after any other, none after the last."""
    names = list(kept)
    place = next((at for at, name in enumerate(names) if kept[name] == expression), None)
    following = 0 if place is None else place + 1
    return names[following] if following < len(names) else ""
