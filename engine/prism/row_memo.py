"""Memo of figures that rarely change (a bar closes, a rate is settled, a slot ends), recomputed only for changed rows.

Used by the live faces, which read such slow sources beside live ones at every scan; owned by `engine.prism.score`. Keys
are compared by content (or by the bars' revision), never by time, so a memo cannot be stale. Nothing here knows what it
keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Ints

Array = NDArray[Any]
Part = Ints | slice
"""Rows to compute: numbers, or all of them."""
ALL: Part = slice(None)


class RowMemo:
    """Results of one function over the rows of some arrays."""

    def __init__(self) -> None:
        self._keys: tuple[Array, ...] = ()
        self._held: tuple[Array, ...] = ()

    def of(self, keys: tuple[Array, ...], compute: Callable[[Part], tuple[Array, ...]]) -> tuple[Array, ...]:
        """The result of `compute` for all rows, computed only for rows whose keys changed.

        `keys` are arrays `[rows]` or `[rows, n]` of 8-byte numbers or bools; a row's result must depend on its keys
        alone. A read-only key is recognised by identity and not compared. `compute(part)` returns arrays `[rows of the
        part]`. The result is read-only for the caller and does not change afterwards.
        """
        if [key.shape for key in keys] != [key.shape for key in self._keys]:
            self._keys = tuple(_kept(key) for key in keys)
            self._held = compute(ALL)
            return self._held
        rows = np.flatnonzero(_changed(self._keys, keys))
        if rows.size == len(keys[0]):
            self._keys = tuple(_kept(key) for key in keys)
            self._held = compute(ALL)
        elif rows.size:
            self._keys = tuple(_brought_up(kept, key, rows) for kept, key in zip(self._keys, keys, strict=True))
            # Into copies: readings of earlier scans still refer to the earlier results.
            held = tuple(values.copy() for values in self._held)
            for values, fresh in zip(held, compute(rows), strict=True):
                values[rows] = fresh
            self._held = held
        return self._held


class Memory:
    """The memos of one scorer, by name. They are dropped at a new epoch, where rows are other instruments."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._memos: dict[str, RowMemo] = {}

    def enter(self, epoch: int) -> None:
        """Start a scan of this epoch."""
        if epoch != self._epoch:
            self._epoch, self._memos = epoch, {}

    def __getitem__(self, name: str) -> RowMemo:
        memo = self._memos.get(name)
        if memo is None:
            memo = self._memos[name] = RowMemo()
        return memo


def _is_frozen(key: Array) -> bool:
    """Whether it is read-only and not a view, so that it cannot change through another array either."""
    return key.base is None and not key.flags.writeable


def _kept(key: Array) -> Array:
    return key if _is_frozen(key) else key.copy()


def _brought_up(kept: Array, key: Array, rows: Ints) -> Array:
    """The kept copy of `key`, brought up to date; it differs from `key` only in `rows`."""
    if key is kept or _is_frozen(key):
        return key
    if _is_frozen(kept):
        return key.copy()
    kept[rows] = key[rows]
    return kept


def _changed(kept: tuple[Array, ...], keys: tuple[Array, ...]) -> NDArray[np.bool_]:
    changed = np.zeros(len(keys[0]), dtype=np.bool_)
    for old, new in zip(kept, keys, strict=True):
        if old is new:
            continue
        # Floats are compared as bits: NaN then equals itself, and the comparison is cheaper.
        unequal = old.view(np.int64) != new.view(np.int64) if new.dtype.kind == "f" else old != new
        changed |= unequal.any(axis=1) if unequal.ndim > 1 else unequal
    return changed
