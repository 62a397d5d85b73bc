"""Syntax tree of a filter expression; each node is evaluated over all rows at once.

Built only by `tui.presenters.filter_expression`, which checks the kinds, so a node never gets a value of another kind.
Logic is three-valued: a comparison with a missing value is unknown, and unknown keeps no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from engine.arrays import Bools, Floats
from tui.presenters.filter_words import spellings
from tui.presenters.sheet import Sheet

Truth = tuple[Bools, Bools]
"""(is true, is known), `[rows]` each; an unknown result is not true."""

FUNCTIONS: Final[dict[str, tuple[int, int]]] = {"abs": (1, 1), "min": (2, 8), "max": (2, 8)}
"""Function names with the least and the most arguments."""

KEYWORDS: Final = ("and", "or", "not")


class Kind(Enum):
    """What a node yields; the value is its name in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "a comparison"


class Node:
    """Base of the nodes; each yields numbers or truth values, never both."""

    __slots__ = ()

    def numbers(self, sheet: Sheet) -> Floats:
        """Values `[rows]`, or one element for all rows; NaN if not known."""
        raise TypeError(f"{type(self).__name__} has no numbers")

    def truth(self, sheet: Sheet) -> Truth:
        """Truth values by row."""
        raise TypeError(f"{type(self).__name__} has no truth")


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal."""

    value: float

    def numbers(self, sheet: Sheet) -> Floats:
        return np.full(1, self.value)


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A literal in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A quantity or a label."""

    name: str
    kind: Kind

    def numbers(self, sheet: Sheet) -> Floats:
        return sheet.numbers(self.name)


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic. The result of a division by zero is unknown, not infinite."""

    operator: str
    left: Node
    right: Node

    def numbers(self, sheet: Sheet) -> Floats:
        left, right = self.left.numbers(sheet), self.right.numbers(sheet)
        if self.operator == "+":
            result = left + right
        elif self.operator == "-":
            result = left - right
        elif self.operator == "*":
            result = left * right
        else:
            result = left / right
        return np.where(np.isfinite(result), result, np.nan)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A call of one of `FUNCTIONS`; unknown if any argument is."""

    function: str
    arguments: tuple[Node, ...]

    def numbers(self, sheet: Sheet) -> Floats:
        values = [argument.numbers(sheet) for argument in self.arguments]
        if self.function == "abs":
            return np.abs(values[0])
        result = values[0]
        for value in values[1:]:
            result = np.minimum(result, value) if self.function == "min" else np.maximum(result, value)
        return result


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A comparison of two numbers."""

    operator: str
    left: Node
    right: Node

    def truth(self, sheet: Sheet) -> Truth:
        left, right = np.broadcast_arrays(self.left.numbers(sheet), self.right.numbers(sheet), np.empty(sheet.rows))[:2]
        known = ~(np.isnan(left) | np.isnan(right))
        if self.operator == "<":
            result = left < right
        elif self.operator == "<=":
            result = left <= right
        elif self.operator == ">":
            result = left > right
        elif self.operator == ">=":
            result = left >= right
        elif self.operator == "=":
            result = left == right
        else:
            result = left != right
        return result & known, known


@dataclass(frozen=True, slots=True)
class Match(Node):
    """A label compared with a text, ignoring case. A venue matches by any of its names."""

    label: Node
    operator: str
    pattern: str

    def truth(self, sheet: Sheet) -> Truth:
        assert isinstance(self.label, Name)
        name, texts = self.label.name, sheet.texts(self.label.name)
        # Many rows share few venues, sides and gates: match each distinct text once.
        met = {text: any(self._meets(spelled) for spelled in spellings(name, text)) for text in dict.fromkeys(texts)}
        result = np.array([met[text] for text in texts], dtype=np.bool_)
        return ~result if self.operator.startswith("!") else result, np.ones(sheet.rows, dtype=np.bool_)

    def _meets(self, text: str) -> bool:
        """Whether a case-folded text equals or matches the pattern."""
        pattern = self.pattern.casefold()
        if self.operator in ("=", "!="):
            return text == pattern
        return glob(pattern, text) if "*" in pattern else pattern in text


@dataclass(frozen=True, slots=True)
class Both(Node):
    """`and` if `every` is set, else `or`."""

    every: bool
    left: Node
    right: Node

    def truth(self, sheet: Sheet) -> Truth:
        left, left_known = self.left.truth(sheet)
        right, right_known = self.right.truth(sheet)
        if self.every:
            false = (left_known & ~left) | (right_known & ~right)
            return left & right, (left & right) | false
        true = left | right
        return true, true | (left_known & right_known)


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """`not`."""

    inner: Node

    def truth(self, sheet: Sheet) -> Truth:
        true, known = self.inner.truth(sheet)
        return known & ~true, known


def kind_of(node: Node) -> Kind:
    """What `node` yields."""
    if isinstance(node, Name):
        return node.kind
    if isinstance(node, Number | Binary | Call):
        return Kind.NUMBER
    if isinstance(node, Text):
        return Kind.TEXT
    return Kind.TRUTH


def glob(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern` with each `*` standing for any characters. Linear in the text per star."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(text) - position >= len(rest[-1]) and text.endswith(rest[-1])
