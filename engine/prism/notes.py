"""The words beside the scores: per row, why a component does not count, or how it was read.

Used by `engine.prism.draft`. Words are made once per distinct combination, not once per row, so that
a scan of all rows stays in numpy. Nothing here decides a status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from engine.market.view import Bools, Floats, Ints

_CODES: Final = 1 << 62
"""Combinations that fit an int64."""


class Notes:
    """Collects texts over rows; `build` joins what was said of each row."""

    def __init__(self, rows: int) -> None:
        self._code: Ints = np.zeros(rows, dtype=np.int64)
        self._combinations = 1
        self._layers: list[list[str]] = []

    def add(self, mask: Bools, text: str) -> None:
        """Say `text` of the rows in `mask [rows]`."""
        if mask.any():
            self._push(mask.astype(np.int64), ["", text])

    def add_values(self, mask: Bools, values: Floats, step: float, text: Callable[[float], str]) -> None:
        """Say `text(value)` of the rows in `mask`, the value rounded down to a multiple of `step`."""
        if not mask.any():
            return
        marks, index = np.unique(np.floor(values[mask] / step), return_inverse=True)
        layer = np.zeros(mask.shape, dtype=np.int64)
        layer[mask] = index + 1
        self._push(layer, ["", *(text(mark * step) for mark in marks.tolist())])

    def add_absent(self, mask: Bools, absent: Mapping[str, Bools]) -> None:
        """Say `without a, b` of the rows in `mask`, naming the parts that are absent there."""
        names = list(absent)
        code = np.zeros(mask.shape, dtype=np.int64)
        for bit, name in enumerate(names):
            code |= (absent[name] & mask).astype(np.int64) << bit
        marks, index = np.unique(code, return_inverse=True)
        texts = [
            "without " + ", ".join(name for bit, name in enumerate(names) if mark >> bit & 1) if mark else ""
            for mark in marks.tolist()
        ]
        if any(texts):
            self._push(index.astype(np.int64), texts)

    def build(self) -> dict[int, str]:
        """What was said, by row, in row order; rows of which nothing was said are not in it."""
        if not self._layers:
            return {}
        codes, index = np.unique(self._code, return_inverse=True)
        joined = [self._decode(code) for code in codes.tolist()]
        spoken = np.array([bool(text) for text in joined])
        rows = np.flatnonzero(spoken[index])
        return dict(zip(rows.tolist(), map(joined.__getitem__, index[rows].tolist()), strict=True))

    def _push(self, index: Ints, texts: list[str]) -> None:
        if self._combinations * len(texts) >= _CODES:
            raise OverflowError("more distinct notes on one component than fit a code")
        self._code = self._code * len(texts) + index
        self._combinations *= len(texts)
        self._layers.append(texts)

    def _decode(self, code: int) -> str:
        said: list[str] = []
        for texts in reversed(self._layers):
            code, index = divmod(code, len(texts))
            if texts[index]:
                said.append(texts[index])
        return "; ".join(reversed(said))
