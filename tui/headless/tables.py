"""Tables on stdout that fit the terminal without cutting a word: whole columns are left out instead.

Used by the headless commands. Cells become Rich `Text`, never markup, so that a symbol such as `[red]` stays
what it is. Piped output is never narrowed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

UNKNOWN: Final = "–"
UNLIMITED: Final = 10_000
"""Width of output that is no terminal, in cells."""
_BETWEEN: Final = 3
"""Cells that each column takes beside its text."""


class Column(NamedTuple):
    """One column."""

    heading: str
    right: bool
    """Aligned right, as numbers are."""
    rank: int
    """Columns of the highest rank are left out first; those of rank 0 always stay."""


def width() -> int:
    """Cells across: the terminal's, or `UNLIMITED` where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def moment(time_ms: int | None) -> str:
    """A point of event time for people, in UTC; a dash where there is none."""
    if not time_ms:
        return UNKNOWN
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def fitted(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], available: int) -> list[Table | Text]:
    """A title and a table of `rows` in at most `available` cells, as far as leaving out columns can do it."""
    widths = [
        _BETWEEN + max(cell_len(text) for text in (column.heading, *(row[at] for row in rows)))
        for at, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    while sum(widths[at] for at in shown) > available:
        last = max(shown, key=lambda at: (columns[at].rank, at))
        if columns[last].rank == 0:
            break
        shown.remove(last)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for at in shown:
        table.add_column(Text(columns[at].heading), justify="right" if columns[at].right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(row[at]) for at in shown))
    parts: list[Table | Text] = [Text(title, style="bold"), table]
    if len(shown) < len(columns):
        left_out = ", ".join(column.heading for at, column in enumerate(columns) if at not in shown)
        parts.append(Text(f"left out for want of width: {left_out}", style="italic"))
    return parts
