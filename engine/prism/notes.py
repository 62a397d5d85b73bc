"""The words beside the scores: per row, why a component does not count, or how it was read.

Used by `engine.prism.draft` and `engine.prism.bar_components`. A scan only notes masks and figures; a sentence is made
when somebody asks for a row's, because a screen shows a few dozen rows while a scan speaks of all. Nothing here decides
a status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.market.view import Bools, Floats

Layer = tuple[Bools, Callable[[int], str]]
"""What was said at once: of which rows `[rows]`, and the text of one of them."""


class Spoken(Mapping[int, str]):
    """What was said, by row, in row order; rows of which nothing was said are not in it. Never changes."""

    __slots__ = ("_layers", "_rows")

    def __init__(self, rows: int, layers: Sequence[Layer]) -> None:
        self._rows = rows
        self._layers = layers

    def __getitem__(self, row: int) -> str:
        if not 0 <= row < self._rows:
            raise KeyError(row)
        said = [text(row) for mask, text in self._layers if mask[row]]
        if not said:
            raise KeyError(row)
        return "; ".join(said)

    def __iter__(self) -> Iterator[int]:
        if not self._layers:
            return iter(())
        return iter(np.flatnonzero(np.logical_or.reduce([mask for mask, _ in self._layers])).tolist())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy for another process is the plain words: the functions that make them do not travel.
        return dict, (dict(self),)


class Notes:
    """Collects texts over rows; `build` joins what was said of each row. Masks that are handed in must not change."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._layers: list[Layer] = []

    def add(self, mask: Bools, text: str) -> None:
        """Say `text` of the rows in `mask [rows]`."""
        if np.count_nonzero(mask):
            self._layers.append((mask, lambda _: text))

    def add_values(self, mask: Bools, values: Floats, step: float, text: Callable[[float], str]) -> None:
        """Say `text(value)` of the rows in `mask`, the value rounded down to a multiple of `step`."""
        if np.count_nonzero(mask):
            # Columns of the market go on changing after the scan, and the text may be asked for later.
            held = values.copy()
            self._layers.append((mask, lambda row: text(float(np.floor(held[row] / step)) * step)))

    def add_rows(self, mask: Bools, text: Callable[[int], str]) -> None:
        """Say `text(row)` of the rows in `mask`; what it reads must not change any more."""
        if np.count_nonzero(mask):
            self._layers.append((mask, text))

    def add_absent(self, mask: Bools, absent: Mapping[str, Bools]) -> None:
        """Say `without a, b` of the rows in `mask`, naming the parts that are absent there."""
        lacking = {name: mark for name, mark in absent.items() if np.count_nonzero(mark)}
        if not lacking:
            return
        spoken = np.logical_or.reduce(list(lacking.values())) & mask
        if np.count_nonzero(spoken):
            self._layers.append(
                (spoken, lambda row: "without " + ", ".join(name for name, mark in lacking.items() if mark[row]))
            )

    def build(self) -> Spoken:
        """What was said so far."""
        return Spoken(self._rows, tuple(self._layers))
