"""One component under construction: its status, notes, inputs and parts.

Used by the live faces (orderflow, orderbook, structure, sentiment). It holds the rule they share: a row is refused for
the first reason found, a refused row has no score, and a part that is not known is left out, its weight redistributed
and its name noted. It knows nothing about any component.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.prism.board import Reading, Status
from engine.prism.notes import Notes


def blend(parts: Mapping[str, tuple[float, Floats]]) -> Floats:
    """Weighted mean `[rows]` of the known parts, weights renormalised over them; NaN if none is known.

    `parts` holds weight and values by name. Summed part by part in the given order, so that a row's result does not
    depend on the other rows.
    """
    total: Floats | float = 0.0
    weight: Floats | float = 0.0
    shape: tuple[int, ...] = ()
    for share, values in parts.values():
        shape = values.shape
        known = np.isfinite(values)
        count = np.count_nonzero(known)
        if count == known.size:
            total = total + share * values
            weight = weight + share
        elif count:
            total = total + np.where(known, share * values, 0.0)
            weight = weight + np.where(known, share, 0.0)
    if isinstance(weight, float):
        # Every part is known for all rows or for none.
        return np.asarray(total / weight) if weight > 0.0 else np.full(shape, np.nan)
    out: Floats = np.full(shape, np.nan)
    np.divide(total, weight, out=out, where=weight > 0.0)
    return out


class Draft:
    """A component over `rows` rows, each OK until it is refused. Masks passed in must not change afterwards."""

    def __init__(self, rows: int) -> None:
        self.status: NDArray[np.int8] = np.zeros(rows, dtype=np.int8)
        self.ok: Bools = np.ones(rows, dtype=np.bool_)
        """`[rows]` not refused so far; a refusal replaces the array and never writes to it."""
        self._notes = Notes(rows)
        self._inputs: dict[str, tuple[Floats, str, Ints | None]] = {}
        self._sources: dict[str, Mapping[int, str]] = {}

    def refuse(self, mask: Bools, status: Status, text: str) -> None:
        """Give the rows in `mask` that are still OK a status and its reason."""
        if np.count_nonzero(mask):
            self._notes.add(self._refuse(mask, status), text)

    def refuse_values(
        self, mask: Bools, status: Status, values: Floats, step: float, text: Callable[[float], str]
    ) -> None:
        """As `refuse`, with a reason that includes a value rounded down to `step`."""
        if np.count_nonzero(mask):
            self._notes.add_values(self._refuse(mask, status), values, step, text)

    def note(self, mask: Bools, text: str) -> None:
        """Add a note to the rows in `mask` that are still OK."""
        if np.count_nonzero(mask):
            self._notes.add(mask & self.ok, text)

    def note_values(self, mask: Bools, values: Floats, step: float, text: Callable[[float], str]) -> None:
        """As `note`, with a value rounded down to `step`."""
        if np.count_nonzero(mask):
            self._notes.add_values(mask & self.ok, values, step, text)

    def note_rows(self, mask: Bools, text: Callable[[int], str]) -> None:
        """As `note`, with `text(row)`, which may be called long after the scan."""
        if np.count_nonzero(mask):
            self._notes.add_rows(mask & self.ok, text)

    def note_absent(self, parts: Mapping[str, tuple[float, Floats]]) -> None:
        """Note, in the rows still OK, the parts that `blend` left out."""
        self._notes.add_absent(self.ok, {name: np.isnan(values) for name, (_, values) in parts.items()})

    def input(self, name: str, values: Floats, unit: str, at_ms: Ints | None) -> None:
        """Record a number the component was computed from, with its event time `[rows]`."""
        self._inputs[name] = (values, unit, at_ms)

    def source(self, mask: Bools, text: Callable[[int], str], *names: str) -> None:
        """Record, for the rows in `mask`, the source of inputs that are not the row's own.

        `text(row)` names it and may be called long after the scan, so what it reads must not change any more.
        """
        said = Notes(len(self.ok))
        said.add_rows(mask, text)
        self._sources |= dict.fromkeys(names, said.build())

    def finish(self, raw: Floats, unit: str, score: Floats) -> Reading:
        """The reading: `score` where OK, NaN elsewhere."""
        return Reading(
            raw=raw,
            unit=unit,
            score=np.where(self.ok, score, np.nan),
            status=self.status,
            notes=self._notes.build(),
            inputs=self._inputs,
            sources=self._sources,
        )

    def _refuse(self, mask: Bools, status: Status) -> Bools:
        fresh: Bools = mask & self.ok
        self.status[fresh] = int(status)
        self.ok = self.ok & ~mask
        return fresh
