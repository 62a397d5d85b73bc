"""Reads theme files written in a small subset of YAML, without a YAML parser.

Called by `themes.files` for every theme file, many times before the console's first paint; a parser would double the
time until that. A line is a comment, a name with a value, or a name above such lines indented by two blanks. Any other
text is left to the parser, and so is whatever the parser would refuse: a text read here must mean the same there.
"""

from __future__ import annotations

import re
from typing import Any, Final

_LINE: Final = re.compile(
    r"""(?P<inner>[ ]{2})? (?P<name>[a-z]+(?:-[a-z0-9]+)*):
    (?:[ ](?:"(?P<quoted>[#A-Za-z0-9]*)"|(?P<bare>[a-z-]+)))?""",
    re.VERBOSE,
)
_TRUTH: Final = {"true": True, "false": False}
_WORD: Final = re.compile(r"[a-z]{3,}-[a-z]+(?:-[a-z]+)*")
"""An unquoted value that YAML reads as text."""
_OTHERWISE: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Names that YAML may not read as text."""


def read(text: str) -> dict[str, Any] | None:
    """The contents of `text`; None if it is outside the subset."""
    found: dict[str, Any] = {}
    section: dict[str, Any] | None = None
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        entry = _LINE.fullmatch(line)
        holder = found if entry is None or entry["inner"] is None else section
        if entry is None or holder is None or entry["name"] in holder or entry["name"] in _OTHERWISE:
            return None
        if entry["quoted"] is None and entry["bare"] is None:
            if holder is section:
                return None
            section = found[entry["name"]] = {}
            continue
        value = entry["quoted"] if entry["quoted"] is not None else _TRUTH.get(entry["bare"], entry["bare"])
        if isinstance(value, str) and entry["quoted"] is None and not _WORD.fullmatch(value):
            return None
        holder[entry["name"]] = value
        section = None if holder is found else section
    return found if found and all(value != {} for value in found.values()) else None
