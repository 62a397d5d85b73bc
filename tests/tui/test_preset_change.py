"""The line that says what a switch of presets did: every row that came or went is counted, the best placed is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tui.presenters.preset_change import preset_change


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(40)


def told(snapshot: Snapshot, before: list[int], after: list[int]) -> str:
    strict, relaxed = snapshot.rankings["strict"], snapshot.rankings["relaxed"]
    return preset_change(
        replace(strict, candidates=np.array(before, dtype=np.int64)),
        replace(relaxed, candidates=np.array(after, dtype=np.int64)),
        snapshot.instruments,
    )


def test_what_enters_is_counted_and_the_best_placed_named(snapshot: Snapshot) -> None:
    name = snapshot.instruments[5].symbol.removesuffix("-SWAP")
    assert told(snapshot, [3, 4], [3, 5, 4, 6]) == f"relaxed: +2 symbols, -0; {name} enters at 2"
    assert told(snapshot, [3, 9], [3, 5]) == f"relaxed: +1 symbol, -1; {name} enters at 2"


def test_where_none_enters_the_best_that_leaves_is_named(snapshot: Snapshot) -> None:
    name = snapshot.instruments[4].symbol.removesuffix("-SWAP")
    assert told(snapshot, [3, 4, 5], [3]) == f"relaxed: +0 symbols, -2; {name} leaves, was 2"


def test_nothing_changed(snapshot: Snapshot) -> None:
    assert told(snapshot, [3, 4], [4, 3]) == "relaxed: +0 symbols, -0"
    assert told(snapshot, [], []) == "relaxed: +0 symbols, -0"
