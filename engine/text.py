"""Cleans text from outside: the one place where it becomes safe to keep and to show.

Called when decoding, by the venue parsers and the capture reader, for every string that did not originate in this
program. Nothing downstream cleans again, and nothing upstream may be shown.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_SYMBOL_CHARS: Final = 64
"""Longest instrument symbol accepted. The longest in recordings is 33 characters. A frame with a longer symbol is
rejected rather than cut, because a cut symbol would be another instrument."""

_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mc"})
"""Spacing marks (Mc) are included, because terminals disagree on whether they take a cell."""
_REPLACEMENT: Final = "\ufffd"
_MARKS: Final = frozenset({"Mn", "Me"})
_MAX_MARKS: Final = 2
_JOINING: Final = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\u1160-\u11ff\ud7b0-\ud7ff\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)
"""Invisible joiners, single Hangul vowels and finals, variation selectors, flag letters and skin tones: how many cells
they take depends on the character before them, and terminals disagree on it."""


def clean(text: str, limit: int = 200) -> str:
    """`text` in NFC without control, format, bidi, zero-width, surrogate or unassigned characters.

    ESC and the C1 controls become U+FFFD, so that the reader sees that something was there; blanks of any width become
    an ordinary space, except the no-break space. At most two combining marks stay on one base character and none before
    the first, so that nothing reaches into another cell. The result is at most `limit` characters, ending in an
    ellipsis if it was cut.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    kept: list[str] = []
    marks = 0
    for char in _JOINING.sub("", unicodedata.normalize("NFC", text[: 4 * limit])):
        if char == "\x1b" or "\x80" <= char <= "\x9f":
            kept.append(_REPLACEMENT)
            continue
        category = unicodedata.category(char)
        if category in _DROPPED_CATEGORIES or char in _INVISIBLE_LETTERS:
            continue
        if category in _MARKS:
            marks += 1
            if marks > _MAX_MARKS or not kept:
                continue
        else:
            marks = 0
        kept.append(" " if category == "Zs" and char != "\u00a0" else char)
    # A dropped character may have separated a letter from its mark.
    cleaned = unicodedata.normalize("NFC", "".join(kept))
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def is_safe_symbol(symbol: str) -> bool:
    """Whether a venue's symbol can be kept as received: not empty, within `MAX_SYMBOL_CHARS`, no blanks at its ends,
    and unchanged by `clean`."""
    if not symbol or len(symbol) > MAX_SYMBOL_CHARS or symbol.strip() != symbol:
        return False
    if symbol.isascii():
        return symbol.isprintable()
    return clean(symbol, MAX_SYMBOL_CHARS) == unicodedata.normalize("NFC", symbol) == symbol
