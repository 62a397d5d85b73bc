"""Room for rows that are not there costs nothing, and a row that takes it begins blank."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from engine.market.columns import roomier
from engine.market.grid import Grid
from engine.market.history import History
from engine.market.volume_buckets import VolumeBuckets
from tests.engine.market.market_events import T0

COUNT = 40
SPARSE = {"NUMPY_MADVISE_HUGEPAGE": "0", "MALLOC_MMAP_THRESHOLD_": "1048576"}
"""Large arrays begin on pages of their own, and small ones."""

FILLED = """
from pathlib import Path
from engine.market.state import MarketState
from tests.engine.market.market_events import T0, instrument, no_books, trade

def resident_kib() -> int:
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("RssAnon"))

state = MarketState()
before = resident_kib()
for number in range(257):
    listed = instrument(f"S{number}USDT")
    state.apply(trade(T0, of=listed), listed)
state.view(T0, no_books(257))
print(state.universe.capacity, resident_kib() - before)
"""
"""Prints the rows that there is room for and what 257 of them took, KiB."""


def test_what_is_in_use_is_kept_along_either_axis() -> None:
    column = np.arange(6.0).reshape(2, 3)
    assert roomier(column, 4, 2)[:2].tolist() == column.tolist()
    assert roomier(column, 8, 3, axis=1).shape == (2, 8)
    assert roomier(column, 8, 2, axis=1)[:, :2].tolist() == [[0.0, 1.0], [3.0, 4.0]]


def test_rows_begin_blank_in_room_that_held_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def dirty(prototype: Any, shape: list[int]) -> Any:
        return np.full(shape, 7, dtype=prototype.dtype)

    monkeypatch.setattr(np, "empty_like", dirty)
    history, buckets, grid = History(3), VolumeBuckets(lambda row: 1.0), Grid(4, 2, values=1, fill=np.nan)
    for row in range(COUNT):
        room = 4 ** (row // 4 + 1)
        history.add_row(room)
        buckets.add_row(room)
        grid.reserve(row + 1, room)
        if row % 5 == 0:
            history.put(row, T0 + row, 1.0 + row)
            grid.values[0, row, 2] = row
    for row in range(COUNT):
        held = [1.0 + row] if row % 5 == 0 else []
        assert history.values[row, 0][~np.isnan(history.values[row, 0])].tolist() == held
        assert (history.times[row] >= 0).sum() == len(held)
        assert np.isnan(buckets.imbalance[row]).all()
        assert np.isnan(buckets.vpin[row]).all()
        assert np.isnan(grid.values[0, row]).sum() == (7 if held else 8)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux tells it")
def test_room_for_rows_that_are_not_there_takes_no_memory() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FILLED], capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, **SPARSE, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    capacity, taken_kib = (int(word) for word in told.stdout.split())
    assert capacity == 1024
    # Four timeframes of bars take 127 KiB a row, three of the tape's six columns 24, histories 16, what is begun for
    # whatever comes the rest: 199. Blanks in the room for others would be 60 more, in the tape's other columns 35.
    assert taken_kib < 257 * 215
