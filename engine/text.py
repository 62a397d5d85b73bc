"""The one place where text from outside becomes safe to keep and to show.

Called at decode by the venue parsers and the capture reader, for every string that
did not originate in this program. Nothing downstream cleans again, and nothing
upstream may be shown.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_SYMBOL_CHARS: Final = 64
"""Longest instrument symbol accepted. The longest seen in recordings is 33 characters; a frame whose symbol is
longer is rejected rather than cut, because a cut symbol would be another instrument."""

_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_REPLACEMENT: Final = "\ufffd"


def clean(text: str, limit: int = 200) -> str:
    """`text` in NFC without control, format, bidi, zero-width, surrogate or unassigned characters.

    ESC and the C1 controls become U+FFFD so that the reader sees that something stood there. At most two
    combining marks stay on one base character, and the result is at most `limit` characters, ending in an
    ellipsis where it was cut.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text[: 4 * limit]):
        if char == "\x1b" or "\x80" <= char <= "\x9f":
            kept.append(_REPLACEMENT)
            continue
        category = unicodedata.category(char)
        if category in _DROPPED_CATEGORIES or char in _INVISIBLE_LETTERS:
            continue
        if category in ("Mn", "Me"):
            marks += 1
            if marks > 2:
                continue
        else:
            marks = 0
        kept.append(char)
    cleaned = "".join(kept)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def is_safe_symbol(symbol: str) -> bool:
    """Whether a venue's symbol can be kept as it came: not empty, bounded, and unchanged by `clean`."""
    if not symbol or len(symbol) > MAX_SYMBOL_CHARS:
        return False
    if symbol.isascii():
        return symbol.isprintable()
    return clean(symbol, MAX_SYMBOL_CHARS) == unicodedata.normalize("NFC", symbol) == symbol
