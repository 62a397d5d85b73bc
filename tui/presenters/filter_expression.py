"""The filter language: `score > 70 and funding < 0.0001 and symbol ~ "PEPE"`.

Parsed once and evaluated over whole columns; used by the candidates table and by `prism scan --filter`. An expression
can only read the names of `tui.presenters.sheet`, compare and calculate: no attributes, no indexing, no powers, no
calls except `abs`, `min` and `max`, and limits on length, nodes and depth. So no text that a user pastes can do more
than choose rows.

    expression  := both ("or" both)*
    both        := negation ("and" negation)*
    negation    := "not" negation | comparison
    comparison  := sum (("<" | "<=" | ">" | ">=" | "=" | "==" | "!=" | "~" | "!~") (sum | word))?
    sum         := product (("+" | "-") product)*
    product     := factor (("*" | "/") factor)*
    factor      := ("-" | "+") factor | number | text | name | function "(" expression, ... ")" | "(" expression ")"

A word is a text without quotes, up to the next blank or parenthesis. It is allowed only where a text is expected.

Numbers may end in `k`, `m`, `b` (thousand, million, billion) or `%` (hundredths). `~` matches a part of a text,
ignoring case; with a `*` it matches the whole text. A comparison with an unknown value is neither true nor false: it
keeps no row, and neither does its negation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.text import clean
from tui.presenters.filter_nodes import (
    FUNCTIONS,
    KEYWORDS,
    Binary,
    Both,
    Call,
    Compare,
    Kind,
    Match,
    Name,
    Negate,
    Node,
    Number,
    Text,
    kind_of,
)
from tui.presenters.filter_words import refusal
from tui.presenters.sheet import ALIASES, LABELS, NUMBERS, Sheet

MAX_CHARS: Final = 1000
MAX_MESSAGE_CHARS: Final = 300
MAX_NODES: Final = 200
MAX_DEPTH: Final = 20

_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[kKmMbB%](?![A-Za-z0-9_]))?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]*)?)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<op><=|>=|==|!=|!~|[<>=~+\-*/(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_SUFFIXES: Final = {"k": 1e3, "m": 1e6, "b": 1e9, "%": 0.01}
_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "=", "==", "!=", "~", "!~"})
_BARE: Final = re.compile(r"[^\s()\"',=<>~!]+", re.ASCII)


class FilterError(ConfigError):
    """An expression that cannot be parsed: where, what was expected, and the nearest existing name."""

    def __init__(self, source: str, position: int, message: str, suggestion: str | None = None) -> None:
        # Cleaned because it quotes what was typed or pasted.
        super().__init__(clean(message + (f"; did you mean {suggestion}?" if suggestion else ""), MAX_MESSAGE_CHARS))
        self.source = source
        self.position = position
        """Index of the character at fault, from 0; `len(source)` for the end."""
        self.suggestion = suggestion

    def pointed(self) -> str:
        """Three lines: the expression, a caret under the character, and the message."""
        return f"{self.source}\n{' ' * self.position}^\n{self.message}"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which rows an expression keeps."""

    kept: NDArray[np.bool_]
    """`[rows]`."""
    lacking: tuple[tuple[str, int], ...]
    """(words, rows): how many rows in scope were not kept and lack a value that the expression reads."""

    def notices(self) -> tuple[str, ...]:
        """`12 rows lack open interest`, one per quantity, most rows first."""
        ordered = sorted(self.lacking, key=lambda item: (-item[1], item[0]))
        return tuple(f"{count} {'row lacks' if count == 1 else 'rows lack'} {words}" for words, count in ordered)


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed expression."""

    source: str
    root: Node
    names: tuple[str, ...]
    """Quantities it reads, in order of appearance."""

    def evaluate(self, sheet: Sheet, scope: NDArray[np.bool_] | None = None) -> Outcome:
        """Rows of `sheet` that match; only rows in `scope` `[rows]` are kept or counted as lacking a value."""
        inside = np.ones(sheet.rows, dtype=np.bool_) if scope is None else scope
        with np.errstate(all="ignore"):
            true, _known = self.root.truth(sheet)
        kept = true & inside
        lacking = []
        for name in self.names:
            count = int((np.isnan(sheet.numbers(name)) & inside & ~kept).sum())
            if count:
                lacking.append((NUMBERS[name].words, count))
        return Outcome(kept, tuple(lacking))


def parse(source: str) -> Filter:
    """Parse an expression. Raises FilterError with the position of the first error."""
    return _Parser(source).parse()


class _Parser:
    """A recursive-descent parser with limits, for one use."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens: list[_Token] = []
        self._at = 0
        self._nodes = 0
        self._depth = 0
        self._names: dict[str, None] = {}

    def parse(self) -> Filter:
        if len(self._source) > MAX_CHARS:
            raise self._error(MAX_CHARS, f"an expression has at most {MAX_CHARS} characters")
        self._tokenize()
        root = self._either()
        if self._peek().kind != "end":
            raise self._unexpected("`and`, `or` or the end")
        if kind_of(root) is not Kind.TRUTH:
            expected = f"a comparison was expected, as in `{self._source.strip()} > 0`"
            raise self._error(len(self._source), expected)
        return Filter(self._source, root, tuple(self._names))

    def _tokenize(self) -> None:
        position, end = 0, len(self._source.rstrip())
        while position < end:
            found = _TOKEN.match(self._source, position)
            if found is None or found.lastgroup is None:
                rest = self._source[position:]
                raise self._refused(position + len(rest) - len(rest.lstrip()))
            self._tokens.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            position = found.end()
        self._tokens.append(_Token("end", "", end))

    def _refused(self, position: int) -> FilterError:
        char = self._source[position]
        if char in "\"'":
            return self._error(position, f"a closing {char} was expected")
        return self._error(position, f"`{char}` means nothing here; a name, a number or an operator was expected")

    def _error(self, position: int, message: str, suggestion: str | None = None) -> FilterError:
        return FilterError(self._source, position, message, suggestion)

    def _unexpected(self, expected: str) -> FilterError:
        token = self._peek()
        seen = "the end" if token.kind == "end" else f"`{token.text}`"
        return self._error(token.position, f"{expected} was expected, not {seen}")

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take(self, *texts: str) -> _Token | None:
        token = self._peek()
        if token.kind in ("op", "name") and token.text.lower() in texts:
            return self._next()
        return None

    def _made(self, node: Node, position: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(position, f"an expression has at most {MAX_NODES} terms and operators")
        return node

    def _deeper(self, position: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(position, f"an expression nests at most {MAX_DEPTH} deep")

    def _need(self, node: Node, kind: Kind, position: int, use: str) -> Node:
        if kind_of(node) is not kind:
            raise self._error(position, f"{use} {kind.value}, not {kind_of(node).value}")
        return node

    def _either(self) -> Node:
        return self._joined("or")

    def _both(self) -> Node:
        return self._joined("and")

    def _joined(self, word: str) -> Node:
        start = self._peek().position
        node = self._both() if word == "or" else self._negation()
        while taken := self._take(word):
            self._need(node, Kind.TRUTH, start, f"`{word}` joins")
            right_at = self._peek().position
            right = self._both() if word == "or" else self._negation()
            self._need(right, Kind.TRUTH, right_at, f"`{word}` joins")
            node = self._made(Both(word == "and", node, right), taken.position)
        return node

    def _negation(self) -> Node:
        if taken := self._take("not"):
            self._deeper(taken.position)
            inner_at = self._peek().position
            inner = self._need(self._negation(), Kind.TRUTH, inner_at, "`not` negates")
            self._depth -= 1
            return self._made(Negate(inner), taken.position)
        return self._comparison()

    def _comparison(self) -> Node:
        left_at = self._peek().position
        left = self._sum()
        token = self._peek()
        if token.kind != "op" or token.text not in _COMPARISONS:
            return left
        self._next()
        right_at = self._peek().position
        right = (self._bare() if kind_of(left) is Kind.TEXT else None) or self._sum()
        after = self._peek()
        if after.kind == "op" and after.text in _COMPARISONS:
            raise self._error(after.position, "one comparison at a time: write `a < b and b < c`")
        return self._made(self._compared(token, left, left_at, right, right_at), token.position)

    def _bare(self) -> Node | None:
        """A text without quotes, as written in the source; None if there is none, for example a number alone."""
        token = self._peek()
        found = _BARE.match(self._source, token.position)
        if token.kind not in ("name", "number") or token.text.lower() in KEYWORDS or found is None:
            return None
        if not any(char.isalpha() for char in found[0]):
            return None
        while self._peek().kind != "end" and self._peek().position < found.end():
            self._next()
        return self._made(Text(found[0]), token.position)

    def _compared(self, token: _Token, left: Node, left_at: int, right: Node, right_at: int) -> Node:
        operator = "=" if token.text == "==" else token.text
        if kind_of(left) is Kind.TEXT and not isinstance(left, Text):
            if operator not in ("=", "!=", "~", "!~"):
                raise self._error(token.position, f"a text is compared with =, !=, ~ or !~, not with {operator}")
            if isinstance(right, Text):
                assert isinstance(left, Name)
                refused = refusal(left.name, right.value) if operator in ("=", "!=") else None
                if refused:
                    raise self._error(right_at, *refused)
                return Match(left, operator, right.value)
            raise self._error(right_at, 'a text in quotes was expected, as in symbol ~ "PEPE"')
        if operator in ("~", "!~"):
            raise self._error(left_at, f"{operator} matches a text: one of {', '.join(LABELS)} was expected before it")
        self._need(left, Kind.NUMBER, left_at, f"{operator} compares")
        self._need(right, Kind.NUMBER, right_at, f"{operator} compares")
        return Compare(operator, left, right)

    def _sum(self) -> Node:
        at = self._peek().position
        node = self._product()
        while taken := self._take("+", "-"):
            node = self._calculated(taken, node, at)
        return node

    def _product(self) -> Node:
        at = self._peek().position
        node = self._factor()
        while taken := self._take("*", "/"):
            if self._peek().text == "*":
                raise self._error(taken.position, "there are no powers in this language; * multiplies")
            node = self._calculated(taken, node, at)
        return node

    def _calculated(self, taken: _Token, left: Node, left_at: int) -> Node:
        right_at = self._peek().position
        right = self._product() if taken.text in "+-" else self._factor()
        self._need(left, Kind.NUMBER, left_at, f"{taken.text} calculates with")
        self._need(right, Kind.NUMBER, right_at, f"{taken.text} calculates with")
        return self._made(Binary(taken.text, left, right), taken.position)

    def _factor(self) -> Node:
        token = self._peek()
        if token.kind == "number":
            self._next()
            scale = _SUFFIXES.get(token.text[-1].lower(), 1.0)
            digits = token.text[:-1] if token.text[-1].lower() in _SUFFIXES else token.text
            return self._made(Number(float(digits) * scale), token.position)
        if token.kind == "text":
            self._next()
            return self._made(Text(token.text[1:-1]), token.position)
        if token.kind == "name" and token.text.lower() not in KEYWORDS:
            return self._named(self._next())
        self._deeper(token.position)
        node = self._signed_or_grouped()
        self._depth -= 1
        return node

    def _signed_or_grouped(self) -> Node:
        if taken := self._take("-", "+"):
            inner_at = self._peek().position
            inner = self._need(self._factor(), Kind.NUMBER, inner_at, f"{taken.text} precedes")
            return self._made(Binary(taken.text, Number(0.0), inner), taken.position)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._unexpected("a closing )")
            return inner
        raise self._unexpected("a name, a number or (")

    def _named(self, token: _Token) -> Node:
        name = token.text.lower()
        if self._peek().text == "(" and self._peek().kind == "op":
            return self._called(token, name)
        name = ALIASES.get(name, name)
        if name in LABELS:
            return self._made(Name(name, Kind.TEXT), token.position)
        if name in NUMBERS:
            self._names[name] = None
            return self._made(Name(name, Kind.NUMBER), token.position)
        near = [known for known in NUMBERS if known.endswith(f".{name}")]
        near = near or get_close_matches(name, [*NUMBERS, *LABELS, *ALIASES, *FUNCTIONS], n=1, cutoff=0.5)
        raise self._error(token.position, f"there is no `{token.text}`", near[0] if near else None)

    def _called(self, token: _Token, name: str) -> Node:
        if name not in FUNCTIONS:
            near = get_close_matches(name, FUNCTIONS, n=1)
            known = ", ".join(FUNCTIONS)
            raise self._error(token.position, f"the functions are {known}", near[0] if near else None)
        self._deeper(token.position)
        self._next()
        arguments: list[Node] = []
        while True:
            at = self._peek().position
            arguments.append(self._need(self._sum(), Kind.NUMBER, at, f"{name} takes"))
            if not self._take(","):
                break
        if not self._take(")"):
            raise self._unexpected("a comma or a closing )")
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            count = f"{least} value" if least == most == 1 else f"{least} to {most} values"
            raise self._error(token.position, f"{name} takes {count}, not {len(arguments)}")
        self._depth -= 1
        return self._made(Call(name, tuple(arguments)), token.position)
