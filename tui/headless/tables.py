"""Tables on stdout that fit the terminal without cutting a word or a number.

Columns of prose are narrowed and wrapped first, then whole columns are left out and named, and if that is not enough
every row becomes a block of its own. Used by the headless commands. Cells become Rich `Text`, never markup, so that a
symbol such as `[red]` is shown as it is. Piped output is never narrowed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

UNKNOWN: Final = "–"
UNLIMITED: Final = 10_000
"""Width in cells of output that does not go to a terminal."""
_BETWEEN: Final = 3
"""Cells that each column takes besides its text."""


class Column(NamedTuple):
    """One column."""

    heading: str
    right: bool
    """Aligned right, as numbers are."""
    rank: int
    """Columns of the highest rank are left out first; those of rank 0 always stay."""
    least: int = 0
    """Cells to which a column of prose may be narrowed, its texts wrapped at blanks; 0: it is never wrapped."""


def width() -> int:
    """The terminal's width in cells, or `UNLIMITED` if stdout is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def moment(time_ms: int | None) -> str:
    """An event time for people, in UTC; a dash if there is none."""
    if not time_ms:
        return UNKNOWN
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def fitted(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], available: int) -> list[Table | Text]:
    """A title and a table of `rows` in at most `available` cells; without room for one, a block for each row."""
    widths = [
        max(cell_len(text) for text in (column.heading, *(row[at] for row in rows)))
        for at, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    narrowed = _narrowed(columns, widths, shown, available)
    while narrowed is None:
        last = max(shown, key=lambda at: (columns[at].rank, at))
        if columns[last].rank == 0:
            break
        shown.remove(last)
        narrowed = _narrowed(columns, widths, shown, available)
    parts: list[Table | Text] = [Text(title, style="bold")]
    if narrowed is None:
        return parts + [_block(columns, row, available) for row in rows]
    parts.append(_table(columns, rows, narrowed))
    if len(shown) < len(columns):
        left_out = ", ".join(column.heading for at, column in enumerate(columns) if at not in shown)
        parts.append(Text(f"left out because the output is too narrow: {left_out}", style="italic"))
    return parts


def _narrowed(
    columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], available: int
) -> dict[int, int] | None:
    """Widths of the columns `shown` that fit together, the widest prose narrowed first; None if they cannot."""
    held = {at: widths[at] for at in shown}
    over = sum(held.values()) + _BETWEEN * len(shown) - available
    while over > 0:
        prose = [at for at in shown if 0 < columns[at].least < held[at]]
        if not prose:
            return None
        held[max(prose, key=lambda at: held[at])] -= 1
        over -= 1
    return held


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Mapping[int, int]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for at, width_cells in widths.items():
        column = columns[at]
        table.add_column(
            Text(column.heading),
            justify="right" if column.right else "left",
            width=width_cells,
            no_wrap=not column.least,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(row[at]) for at in widths))
    return table


def _block(columns: Sequence[Column], row: Sequence[str], available: int) -> Text:
    """One row as lines of `heading text`, broken between two of them, or within prose that is longer than a line."""
    lines = [row[0]]
    current = ""
    for column, text in zip(columns[1:], row[1:], strict=True):
        piece = f"{column.heading} {text}"
        longer = f"{current}  {piece}" if current else f"  {piece}"
        if current and cell_len(longer) > available:
            lines.append(current)
            longer = f"  {piece}"
        current = longer
    return Text("\n".join([*lines, current] if current else lines), overflow="fold")
