"""The candidates table goes on while something else is in front: its age, its values and its history of ranks."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.snapshot import Snapshot
from tests.tui.candidate_views import with_candidates, with_columns
from tests.tui.fake_source import make_app, relaxed, scene, screen_of, settle, text_of
from tui.screens.drilldown import DrillScreen

BASE = scene()
RANKED = [int(row) for row in BASE.rankings["relaxed"].candidates]


def at(snapshot: Snapshot, seconds: int) -> Snapshot:
    return replace(snapshot, at_ms=BASE.at_ms + seconds * 1000, sequence=BASE.sequence + 1 + seconds)


async def test_a_frozen_table_behind_another_pane_ages_and_counts(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("z", "tab")
        source.snapshot = at(with_candidates(BASE, RANKED[::-1]), 600)
        await settle(app, clock, pilot)
        assert not app.main.table.display
        assert f"table frozen 600 s ago · {len(RANKED) - 1} rows would move" in text_of(app)


async def test_an_export_from_another_pane_holds_the_newest_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "out")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("tab")
        before = app.main.table.strips_built
        source.snapshot = at(with_columns(BASE, last=BASE.columns.last * 2), 5)
        await settle(app, clock, pilot)
        await pilot.press("x")
        assert app.main.table.strips_built == before, "nothing is painted that is not on screen"
        await pilot.press("tab", "tab", "tab")
        await settle(app, clock, pilot)
        assert app.main.table.display
    (path,) = (tmp_path / "out").iterdir()
    with path.open(newline="") as file:
        prices = {(row["venue"], row["symbol"]): float(row["price"]) for row in csv.DictReader(file)}
    held = {(one.venue, one.symbol): BASE.columns.last[row] for row, one in enumerate(BASE.instruments)}
    assert prices
    assert all(price == pytest.approx(2 * held[key]) for key, price in prices.items())


@pytest.mark.parametrize("keys", [("enter",), ("tab",), ("V",)])
async def test_the_change_of_rank_is_of_five_minutes_whatever_was_in_front(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    app, source, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert isinstance(screen_of(app), DrillScreen) == (keys == ("enter",))
        for seconds in range(15, 701, 15):
            source.snapshot = at(with_candidates(BASE, RANKED[::-1] if seconds > 90 else RANKED), seconds)
            clock.advance(15 * 10**9)
            app.refresh_view()
        await pilot.press("escape")
        await settle(app, clock, pilot)
        sheet = app.main.table.model.sheet
        assert sheet is not None
        assert sheet.snapshot.at_ms == BASE.at_ms + 690_000
        changes = sheet.numbers("rank_change")[RANKED]
        assert np.array_equal(changes, np.zeros(len(RANKED))), "the order has been this one for ten minutes"
