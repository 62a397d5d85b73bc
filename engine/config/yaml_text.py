"""Safe YAML for configuration: text in, plain values and their lines out.

Called by the loader for the file and for values in environment variables. Control characters such as NUL, a byte order
mark and files beyond `MAX_BYTES` are refused here; `engine.config.yaml_reader` lists what else is. Nothing here knows
the schema.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from engine.text import clean

MAX_BYTES: Final = 256 * 1024
"""The example file is below 16 kB."""
MAX_SCALAR_CHARS: Final = 1000

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
NOT_PRINTABLE: Final = "holds control or invisible characters; remove them"

Path = tuple[str | int, ...]
"""Path of a value: keys, and positions in lists from 0."""


class Refused:
    """Marks a refused value, so that it is not checked a second time."""

    def __repr__(self) -> str:
        return "REFUSED"


REFUSED: Final = Refused()


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a text."""

    line: int
    """From 1; 0 if it concerns the whole text."""
    path: Path
    """The innermost key that it concerns."""
    text: str
    """What is wrong and what was expected, without line and key."""


@dataclass(slots=True)
class Document:
    """The contents of a text."""

    value: object = None
    """Mappings, lists, text, numbers, booleans and None; `REFUSED` in place of a refused value."""
    lines: dict[Path, int] = field(default_factory=dict)
    """Line of each key, from 1; for items of lists, of the value."""
    problems: list[Problem] = field(default_factory=list)


def decode(raw: bytes) -> tuple[str, list[Problem]]:
    """The text of a file's bytes; empty, with the problem, if they are too many or not plain UTF-8 text."""
    if len(raw) > MAX_BYTES:
        return "", [Problem(0, (), f"is larger than {MAX_BYTES // 1024} KiB")]
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return "", [Problem(1, (), "begins with a byte order mark; save it as UTF-8 without one")]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return "", [Problem(raw.count(b"\n", 0, error.start) + 1, (), "is not UTF-8 text")]
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        return "", [Problem(line, (), f"holds the control character U+{ord(found[0]):04X}; remove it")]
    return text, []


def read(text: str) -> Document:
    """The one document in `text`. Problems that stop the parser come last; an empty text has the value None."""
    if len(text) > MAX_BYTES:
        return Document(REFUSED, problems=[Problem(0, (), f"is larger than {MAX_BYTES // 1024} KiB")])
    # The parser takes longer to import than the rest of the configuration, and without a file it is not needed.
    from engine.config.yaml_reader import document_of

    return document_of(text)


def is_printable(text: str) -> bool:
    """Whether all of `text` may be shown: at most `MAX_SCALAR_CHARS` characters, none of which `clean` would remove."""
    return clean(text, MAX_SCALAR_CHARS) == unicodedata.normalize("NFC", text)
