"""Validation of plain values against the schema: every value of a source, with all problems reported at once.

Called by the loader for each of its sources. No defaults are filled in and no sources are combined here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from engine.config.keys import annotation_of, dotted, entry_of, expected, meant, names_in, plain, section_of, takes_none
from engine.config.schema import preset_name
from engine.config.yaml_text import NOT_PRINTABLE, REFUSED, Path, is_printable
from engine.text import clean

_SHOWN_CHARS: Final = 60
_TRUTH: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""Booleans of YAML 1.1."""
_SEPARATED: Final = re.compile(r"[0-9]{1,3}([_, ][0-9]{3})+(\.[0-9]+)?", re.ASCII)

_PERCENT: Final = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,6})?) *%", re.ASCII)


@dataclass(slots=True)
class Findings:
    """The values and problems of one source."""

    values: dict[Path, object] = field(default_factory=dict)
    """Every value that the schema accepts, by its key; sections and mappings are flattened."""
    problems: list[tuple[Path, str]] = field(default_factory=list)
    """Key, and what is wrong with it."""


def check(tree: object) -> Findings:
    """The findings in a tree of sections. Values that the reader refused are skipped."""
    found = Findings()
    _walk(tree, (), found)
    return found


def _walk(value: object, path: Path, found: Findings) -> None:
    annotation = annotation_of(path)
    nested = section_of(annotation) is not None or entry_of(annotation) is not None
    if value is REFUSED:
        return
    if not nested:
        _leaf(value, annotation, path, found)
    elif isinstance(value, dict):
        _entries(value, path, found)
    elif value is not None:
        found.problems.append((path, f"expected {expected(annotation)}, not {given(value)}"))
    elif takes_none(annotation):
        found.values[path] = None
    # An empty section, such as one with all its keys commented out, changes nothing.


def _entries(mapping: dict[Any, object], path: Path, found: Findings) -> None:
    known = names_in(path)
    taken: dict[str, str] = {}
    for key, value in mapping.items():
        written = clean(str(key), _SHOWN_CHARS)
        name = (preset_name(written) or written) if path == ("presets",) else str(key)
        if known is not None and name not in known:
            near = meant(path, written)
            advice = f"did you mean {dotted(near)}?" if near else f"expected one of {', '.join(known)}"
            found.problems.append(((*path, written), f"no such key; {advice}"))
        elif name in taken:
            found.problems.append(((*path, written), f"is another name of {taken[name]}, given above; remove one"))
        else:
            taken[name] = written
            _walk(value, (*path, name), found)


def _leaf(value: object, annotation: Any, path: Path, found: Findings) -> None:
    if isinstance(value, list) and any(one is REFUSED for one in value):
        return
    if isinstance(value, str) and not is_printable(value):
        found.problems.append((path, NOT_PRINTABLE))
        return
    try:
        taken = msgspec.convert(value, annotation)
        finite = all(math.isfinite(one) for one in (taken if isinstance(taken, tuple) else (taken,)) if _is_number(one))
    except (msgspec.ValidationError, OverflowError):
        finite = False
    if finite:
        found.values[path] = value
    else:
        told = f"expected {expected(annotation)}, not {given(value)}{_advice(value, annotation)}"
        found.problems.append((path, told))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _fits(value: float, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return False
    return True


def given(value: object) -> str:
    """The value as it was written, cleaned for display."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a section"
    return clean(repr(value), _SHOWN_CHARS)


def _advice(value: object, annotation: Any) -> str:
    wanted = expected(annotation)
    if isinstance(value, str):
        if wanted == "true or false":
            word = value.strip().lower()
            word = _TRUTH.get(word, word)
            return f"; write {word}" if word in ("true", "false") else ""
        if _SEPARATED.fullmatch(value.strip()):
            return f"; write {re.sub('[_, ]', '', value.strip())}"
        if percent := _PERCENT.fullmatch(value.strip()):
            share = round(float(percent[1]) / 100, 12)
            # Only if the key is a share: 10 % is no amount of dollars.
            return f"; write {plain(share)}" if _fits(share, annotation) and not _fits(1.01, annotation) else ""
        return ""
    if wanted == "text" and value is not None and not isinstance(value, list | dict):
        return f'; put it in quotes: "{given(value)}"'
    return ""
