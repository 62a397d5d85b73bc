"""What a JSON value is made of: names in their order, and the kind of every value; for holding ours against recorded.

A text is told by what it holds (decimal, whole number, nothing, other), because venues write most numbers as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_WHOLE = re.compile(r"-?\d+\Z")
_DECIMAL = re.compile(r"-?\d+\.\d+\Z")


class Shapes:
    """Every path of many values of the same form, with the kinds, the order of names and the decimals seen there."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {}
        self.orders: dict[str, set[tuple[str, ...]]] = {}
        self.decimals: dict[str, set[int]] = {}
        """How many decimals the number texts have."""
        self.padded: set[str] = set()
        """Paths of number texts that were seen with a zero behind their decimals."""

    def take(self, value: Any, path: str = "") -> None:
        """Add one value."""
        kind = kind_of(value)
        self.kinds.setdefault(path, set()).add(kind)
        if kind in ("whole text", "decimal text"):
            self.decimals.setdefault(path, set()).add(len(value.partition(".")[2]))
            if kind == "decimal text" and value.endswith("0"):
                self.padded.add(path)
        if isinstance(value, Mapping):
            self.orders.setdefault(path, set()).add(tuple(value))
            for name, inner in value.items():
                self.take(inner, f"{path}.{name}")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for inner in value:
                self.take(inner, f"{path}[]")

    def decimal_faults(self, ours: Shapes, below: str = "") -> list[str]:
        """Where numbers below a path are always written with the same decimals here, and with others in `ours`."""
        return [
            f"{path} has {sorted(ours.decimals[path])} decimals, not {sorted(seen)}"
            for path, seen in self.decimals.items()
            if path.startswith(below) and len(seen) == 1 and ours.decimals.get(path, seen) != seen
        ]

    def padding_faults(self, ours: Shapes) -> list[str]:
        """Where numbers are never written with a zero at the end of their decimals here, and are in `ours`."""
        return [
            f"{path} ends in 0" for path in sorted(ours.padded) if path in self.decimals and path not in self.padded
        ]

    def faults(self, ours: Shapes) -> list[str]:
        """In what `ours` is not what is held here."""
        found = []
        for path, kinds in ours.kinds.items():
            if path not in self.kinds:
                found.append(f"{path} is never sent")
            elif not all(any(_may_be(kind, seen) for seen in self.kinds[path]) for kind in kinds):
                found.append(f"{path} is {sorted(kinds)}, not {sorted(self.kinds[path])}")
        for path, orders in ours.orders.items():
            known = self.orders.get(path, set())
            found += [f"{path} has {order}, not {sorted(known)}" for order in orders if not _fits(order, known)]
        return found


def kind_of(value: Any) -> str:
    """`decimal`, `whole` and so on."""
    if isinstance(value, str):
        if not value:
            return "empty text"
        if _WHOLE.match(value):
            return "whole text"
        return "decimal text" if _DECIMAL.match(value) else "text"
    return type(value).__name__


def _may_be(kind: str, seen: str) -> bool:
    # A decimal text without anything behind its point is written as a whole one, so the two stand for each other.
    numbers = {"whole text", "decimal text"}
    return kind == seen or {kind, seen} <= numbers


def _fits(order: tuple[str, ...], known: set[tuple[str, ...]]) -> bool:
    """Whether the names come as in one that is known: all of them, or for a part of the fields in the same order."""
    if order in known:
        return True
    whole = max(known, key=len, default=())
    return len(known) > 1 and order == tuple(name for name in whole if name in order)
