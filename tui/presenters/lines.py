"""Styled lines without a terminal library: a pane's presenter returns them, its widget paints them.

A line is a tuple of spans. A span is a text and the name of a style (`up`, `muted`, `liq-long`, ...), which the widget
resolves from the theme. Widths are in terminal cells, because symbols may contain wide characters. The text of a span
is literal and must never be read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len

from tui.presenters.format import pad

Span = tuple[str, str]
Line = tuple[Span, ...]

BLANK: Final[Line] = ()


def width_of(line: Line) -> int:
    """The line's width in cells."""
    return sum(cell_len(text) for text, _ in line)


def right(text: str, width: int) -> str:
    """`text` right-aligned in `width` cells. Longer text is not cut: a cut number would be another number."""
    return " " * max(0, width - cell_len(text)) + text


def padded(line: Line, width: int) -> Line:
    """The line filled with blanks or cut to `width` cells."""
    excess = width_of(line) - width
    if excess < 0:
        return (*line, (" " * -excess, ""))
    return cut(line, width) if excess else line


def cut(line: Line, width: int) -> Line:
    """The line's first `width` cells."""
    kept: list[Span] = []
    for text, style in line:
        length = cell_len(text)
        if length >= width:
            kept.append((pad(text, width), style))
            break
        kept.append((text, style))
        width -= length
    return tuple(kept)


def beside(left: Sequence[Line], other: Sequence[Line], left_width: int, gap: int = 2) -> list[Line]:
    """Two blocks side by side, the shorter one filled with blank lines."""
    joined = []
    for number in range(max(len(left), len(other))):
        first = left[number] if number < len(left) else BLANK
        second = other[number] if number < len(other) else BLANK
        joined.append((*padded(first, left_width + gap), *second))
    return joined


def wrapped(text: str, width: int, style: str = "", indent: str = "") -> list[Line]:
    """`text` broken at blanks into lines of at most `width` cells. A word longer than a line is cut, but a path is
    broken after its slashes, so that the name at its end stays whole."""
    lines: list[Line] = []
    current = ""
    for word in _words(text, width - cell_len(indent)):
        candidate = f"{current} {word}" if current else (indent + word if lines else word)
        if current and cell_len(candidate) > width:
            lines.append(((current, style),))
            candidate = indent + word
        current = candidate if cell_len(candidate) <= width else pad(candidate, width)
    if current:
        lines.append(((current, style),))
    return lines


def _words(text: str, width: int) -> Iterable[str]:
    for word in text.split():
        if cell_len(word) <= width or "/" not in word:
            yield word
            continue
        held = ""
        for part in re.split("(?<=/)", word):
            if held and cell_len(held + part) > width:
                yield held
                held = ""
            held += part
        yield held


def plain(lines: Iterable[Line]) -> str:
    """The text without styles, one line each."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
