"""Finding and filtering in the table: as it is typed, with what it says of it, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tui.candidate_views import with_candidates
from tests.tui.fake_source import FakeSource, make_app, relaxed, scene, settle, text_of
from tui.state import ConsoleState, save


async def test_find_narrows_as_it_is_typed_and_escape_goes_back(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash", *"btc")
        await pilot.pause()
        assert {key.symbol for key in app.main.table.model.order} <= {"BTCUSDT", "BTC-USDT-SWAP"}
        assert f"{app.main.table.status.shown} row" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.table.state.text == ""
        await pilot.press("slash", *"doge", "enter")
        await pilot.pause()
        assert app.main.table.state.text == "doge"
        await pilot.press("escape")
        assert app.main.table.state.text == ""


async def test_what_is_typed_is_written_to_the_disk_once_and_not_at_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    written: list[str] = []

    def noted(path: Path, state: ConsoleState, kept: ConsoleState | None) -> str | None:
        written.append(state.find)
        return save(path, state, kept)

    monkeypatch.setattr("tui.state.save", noted)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash", *"doge")
        await settle(app, clock, pilot)
        assert written == []
        await pilot.press("enter")
        await settle(app, clock, pilot)
        assert app.saved(60)
        assert written == ["doge"]
        await pilot.press("slash", *"x", "escape")
        await settle(app, clock, pilot)
        assert app.saved(60)
        assert written == ["doge"], "nothing was changed"


async def test_finding_says_how_many_gated_rows_match_too(tmp_path: Path) -> None:
    snapshot = scene()
    rows = [int(row) for row in snapshot.rankings["relaxed"].candidates if snapshot.instruments[row].asset != "BTC"]
    app, _, clock = make_app(tmp_path, FakeSource(with_candidates(snapshot, rows)), config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("slash", *"btc")
        await pilot.pause()
        gated = app.main.table.status.elsewhere
        assert gated > 0
        assert f"0 rows, {gated} gated" in text_of(app)
        assert f"{gated} gated rows match; press v" in text_of(app)
        await pilot.press("enter")
        await settle(app, clock, pilot)
        assert f"0 shown · {gated} gated match" in text_of(app)
        await pilot.press("v")
        await settle(app, clock, pilot)
        assert app.main.table.status.shown == gated


async def test_a_filter_that_does_not_parse_points_at_the_character(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f", *"score > 60")
        await pilot.pause()
        counted = app.main.table.status.shown
        assert app.main.table.state.expression == "score > 60"
        await pilot.press(*" and fnding > 0")
        await pilot.pause()
        lines = text_of(app).splitlines()
        input_line = next(line for line in lines if "fnding > 0" in line and "filter" in line)
        told = next(line for line in lines if "▲ there is no" in line)
        assert told.index("▲") == input_line.index("fnding")
        assert "did you mean funding" in told
        assert app.main.table.status.shown == counted
        await pilot.press("enter")
        assert app.main.prompt.display
        await pilot.press("escape")
        await pilot.pause()
        assert not app.main.prompt.is_open
        assert app.main.table.state.expression == ""


async def test_the_filter_suggests_the_rest_of_a_name(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f", *"score > 1 and fundi")
        await pilot.pause(0.1)
        await pilot.press("right")
        assert app.main.query_one(Input).value == "score > 1 and funding"
