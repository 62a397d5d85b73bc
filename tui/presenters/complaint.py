"""Lays out the error in a text being typed, below the character at fault, in two lines at most.

Called by the prompt. Pure functions of the message, a column and a width in cells.
"""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, chop_cells

from tui.presenters.format import ELLIPSIS
from tui.presenters.lines import Line, Span

HERE: Final = "▲"
EARLIER: Final = "◀"
LATER: Final = "▶"


def complaint_lines(text: str, at: int, left: int, right: int, width: int) -> list[Line]:
    """A mark at column `at` of the first line with `text` beside it; the rest of `text` goes on the second line.

    The input shows columns `left` to `right`; for a character outside them, the mark points beyond that end. If two
    lines of `width` cells are too short, the middle is cut out: a message begins with what is wrong and ends with what
    was meant.
    """
    mark: Span = (EARLIER if at < left else LATER if at > right else HERE, "down")
    at = min(max(left, at), right)
    after, before = width - at - 2, at - 1
    if cell_len(text) <= after:
        return [((" " * at, ""), mark, (f" {text}", "warning"))]
    if cell_len(text) <= before:
        return [_before(text, at, mark)]
    room = cell_len(text)
    while True:
        first, rest = _split(elided(text, room), max(after, before))
        if cell_len(rest) < width or room <= 1:
            break
        room -= 1
    head = ((" " * at, ""), mark, (f" {first}", "warning")) if after >= before else _before(first, at, mark)
    return [head, ((f" {rest}", "warning"),)]


def elided(text: str, room: int) -> str:
    """`text` shortened to `room` cells by cutting out its middle."""
    if cell_len(text) <= room:
        return text
    end = max(0, room - 1) // 2
    return f"{_first(text, room - 1 - end)}{ELLIPSIS}{_first(text[::-1], end)[::-1]}"


def _first(text: str, room: int) -> str:
    """As many of the first characters as fit into `room` cells."""
    return chop_cells(text, room)[0] if room > 0 and text else ""


def _split(text: str, room: int) -> tuple[str, str]:
    """As many of the first words as fit into `room` cells, and the others."""
    words = text.split()
    count = 0
    while count < len(words) and cell_len(" ".join(words[: count + 1])) <= room:
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])


def _before(text: str, at: int, mark: Span) -> Line:
    return ((" " * max(0, at - 1 - cell_len(text)), ""), (f"{text} ", "warning"), mark)
