"""Notes beside the scores: per row, why a component does not count, or how it was read.

Used by `engine.prism.draft` and `engine.prism.bar_components`. A scan only records masks and figures. A sentence is
built when a row's note is read, because the console shows a few dozen rows while a scan covers all. Nothing here
decides a status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.arrays import Bools, Floats

Layer = tuple[Bools, Callable[[int], str]]
"""One note: the rows it applies to `[rows]`, and its text for one of them."""


class Spoken(Mapping[int, str]):
    """Notes by row, in row order, without rows that have none. Immutable."""

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
        # A copy for another process holds the texts: the functions that make them cannot be pickled.
        return dict, (self._texts(),)

    def _texts(self) -> dict[int, str]:
        """All notes. By layer, because there may be as many layers as rows, each with a few rows."""
        said: dict[int, list[str]] = {}
        for mask, text in self._layers:
            for row in np.flatnonzero(mask).tolist():
                said.setdefault(row, []).append(text(row))
        return {row: "; ".join(texts) for row, texts in sorted(said.items())}


class Notes:
    """Collects texts over rows; `build` joins those of each row. Masks passed in must not change afterwards."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._layers: list[Layer] = []

    def add(self, mask: Bools, text: str) -> None:
        """Add `text` to the rows in `mask [rows]`."""
        if np.count_nonzero(mask):
            self._layers.append((mask, lambda _: text))

    def add_values(self, mask: Bools, values: Floats, step: float, text: Callable[[float], str]) -> None:
        """Add `text(value)` to the rows in `mask`, the value rounded down to a multiple of `step`."""
        if np.count_nonzero(mask):
            # Columns of the market change after the scan, and the text may be built later.
            held = values.copy()
            self._layers.append((mask, lambda row: text(float(np.floor(held[row] / step)) * step)))

    def add_rows(self, mask: Bools, text: Callable[[int], str]) -> None:
        """Add `text(row)` to the rows in `mask`; what it reads must not change any more."""
        if np.count_nonzero(mask):
            self._layers.append((mask, text))

    def add_absent(self, mask: Bools, absent: Mapping[str, Bools]) -> None:
        """Add `without a, b` to the rows in `mask`, naming the parts that are absent there."""
        lacking = {name: mark for name, mark in absent.items() if np.count_nonzero(mark)}
        if not lacking:
            return
        spoken = np.logical_or.reduce(list(lacking.values())) & mask
        if np.count_nonzero(spoken):
            self._layers.append(
                (spoken, lambda row: "without " + ", ".join(name for name, mark in lacking.items() if mark[row]))
            )

    def build(self) -> Spoken:
        """The notes so far."""
        return Spoken(self._rows, tuple(self._layers))
