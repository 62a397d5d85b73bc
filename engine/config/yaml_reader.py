"""Conversion of YAML to plain values and their lines, event by event.

Called by `engine.config.yaml_text` if there is a text. Only PyYAML's scanner and parser run here: its events become
values one by one, so no constructor exists that a tag could name. Refused, each with its line: aliases and anchors,
merge keys, tags, directives, a second document, repeated keys, keys that are not text, and nesting beyond `MAX_DEPTH`.

Plain scalars are read as in JSON: `true`, `false`, `null` (or nothing), decimal numbers; all else is text. So `no`,
`on`, `0x10`, `1_000`, `12:30` and `2026-01-01` stay the text that was written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from engine.config.yaml_text import (
    MAX_SCALAR_CHARS,
    NOT_PRINTABLE,
    REFUSED,
    Document,
    Path,
    Problem,
    Refused,
    is_printable,
)
from engine.text import clean

MAX_DEPTH: Final = 20
"""The schema needs five."""
MAX_VALUES: Final = 10_000
"""Keys, values and items together; parsing that many takes a fraction of a second."""
MAX_NUMBER_CHARS: Final = 40
MAX_PROBLEMS: Final = 100
"""A file with more of them cannot be corrected line by line."""

_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None, "~": None, "": None}


class _Stop(Exception):
    """Stops reading, with the last problem."""

    def __init__(self, line: int, path: Path, text: str) -> None:
        self.problem = Problem(line, path, text)


def document_of(text: str) -> Document:
    """The one document in `text`, whose size is already checked. Problems that stop the parser come last."""
    reader = _Reader(text)
    try:
        reader.document()
    except _Stop as stop:
        reader.out.problems.append(stop.problem)
    except yaml.MarkedYAMLError as error:
        reader.out.problems.append(_syntax(error))
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, position) + 1
        reader.out.problems.append(Problem(line, (), f"holds the character U+{_code(error.character):04X}; remove it"))
    return reader.out


def _code(character: object) -> int:
    return ord(character) if isinstance(character, str) else int(str(character))


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    told = ", ".join(clean(part) for part in (error.context, error.problem) if part)
    if "'\\t'" in told:
        told += "; indent with spaces"
    return Problem(mark.line + 1 if mark else 0, (), f"is not YAML: {told}")


class _Reader:
    """Turns events into values. Recursion is bounded by `MAX_DEPTH`."""

    def __init__(self, text: str) -> None:
        self.out = Document(REFUSED)
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._left = MAX_VALUES

    def document(self) -> None:
        next(self._events)  # the stream's start
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self.out.value = None
            return
        if start.version or start.tags:
            self._refuse(start, (), "has a % directive; remove that line")
        self.out.value = self._value(next(self._events), (), 1)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Stop(after.start_mark.line + 1, (), "begins a second document here; expected one")

    def _refuse(self, event: Any, path: Path, text: str) -> Refused:
        problem = Problem(event.start_mark.line + 1, path, text)
        if len(self.out.problems) >= MAX_PROBLEMS:
            raise _Stop(problem.line, path, f"{text}; and so on: reading stopped after {MAX_PROBLEMS} problems")
        self.out.problems.append(problem)
        return REFUSED

    def _value(self, event: Any, path: Path, depth: int) -> object:
        line = event.start_mark.line + 1
        self.out.lines.setdefault(path, line)
        self._bound(line, path, depth)
        if isinstance(event, yaml.AliasEvent):
            return self._refuse(event, path, "uses an alias (*name); write the value out")
        value: object
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, depth)
        else:
            value = self._mapping(path, depth)
        return value if self._is_bare(event, path) else REFUSED

    def _bound(self, line: int, path: Path, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Stop(line, path, f"is beyond the {MAX_VALUES} values that a configuration may hold")
        if depth > MAX_DEPTH:
            raise _Stop(line, path[:4], f"is nested deeper than {MAX_DEPTH} levels")

    def _is_bare(self, event: Any, path: Path) -> bool:
        """Whether the value has neither anchor nor tag; notes the problem otherwise."""
        if event.anchor is not None:
            self._refuse(event, path, "has an anchor (&name); remove it")
        elif event.tag is not None:
            self._refuse(event, path, f"has the tag {clean(str(event.tag), 60)}; write the plain value")
        else:
            return True
        return False

    def _sequence(self, path: Path, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values)), depth + 1))
        return values

    def _mapping(self, path: Path, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key is None:
                self._skip(next(self._events), path)
            elif key in values:
                first = self.out.lines[(*path, key)]
                self._refuse(event, (*path, key), f"is given twice, first in line {first}; remove one")
                self._skip(next(self._events), path)
            else:
                self.out.lines[(*path, key)] = event.start_mark.line + 1
                values[key] = self._value(next(self._events), (*path, key), depth + 1)
        return values

    def _key(self, event: Any, path: Path) -> str | None:
        """The key that `event` begins; None, with the problem noted, if it cannot be one."""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, path, "has a key that is not text; expected a name")
            self._skip(event, path)
            return None
        if event.style is None and event.value == "<<":
            self._refuse(event, path, "has a merge key (<<); write the values out")
            return None
        key = self._scalar(event, path)
        if isinstance(key, str) or key is REFUSED:
            return key if isinstance(key, str) else None
        self._refuse(event, path, f"has the key {event.value or 'nothing'}, which is not text; put it in quotes")
        return None

    def _skip(self, event: Any, path: Path) -> None:
        """Read past the value that `event` begins."""
        nested = 0
        while True:
            self._bound(event.start_mark.line + 1, path, nested)
            if isinstance(event, yaml.CollectionStartEvent):
                nested += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                nested -= 1
            if nested == 0:
                return
            event = next(self._events)

    def _scalar(self, event: Any, path: Path) -> object:
        text: str = event.value
        if not self._is_bare(event, path):
            return REFUSED
        if event.style is None:
            if text in _WORDS:
                return _WORDS[text]
            if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
                return self._number(event, text, path)
        if len(text) > MAX_SCALAR_CHARS:
            return self._refuse(event, path, f"is longer than {MAX_SCALAR_CHARS} characters")
        return text if is_printable(text) else self._refuse(event, path, NOT_PRINTABLE)

    def _number(self, event: Any, text: str, path: Path) -> object:
        if len(text) > MAX_NUMBER_CHARS:
            return self._refuse(event, path, f"is a number of more than {MAX_NUMBER_CHARS} characters")
        if _INT.fullmatch(text):
            return int(text)
        number = float(text)
        return number if math.isfinite(number) else self._refuse(event, path, f"is too large a number ({text})")
