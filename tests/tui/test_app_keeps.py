"""What the console gives away and keeps: copies, exports, pictures, its choices of one run for the next."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.config.schema import Config, ConsoleSection
from tests.tui.fake_source import FakeSource, make_app, relaxed, scene, screen_of, settle
from tests.tui.slow_disk import HungDisk
from tui.screens.help import HelpScreen
from tui.state import ConsoleState, load, save
from tui.widgets.panes import DepthPane, LiquidationsPane

# Layout


async def test_copying_uses_the_terminal(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("y")
        assert app.key is not None
        assert app.clipboard == app.key.symbol


async def test_exports_hold_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "out")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("x", "x", "X")
        await pilot.pause()
        order = [key.symbol for key in app.main.table.model.order]
        assert "prism-candidates-0001.json" in "".join(n.message for n in app._notifications)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["prism-candidates-0001.csv", "prism-candidates-0001.json", "prism-candidates-0002.csv"]
    with (tmp_path / "out" / files[0]).open(newline="") as file:
        assert [row["symbol"] for row in csv.DictReader(file)] == order
    assert [row["symbol"] for row in json.loads((tmp_path / "out" / files[1]).read_text())] == order


async def test_a_picture_holds_the_screen_in_front_and_no_markup_of_a_symbol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = scene()
    instruments = tuple(replace(one, symbol=f"<b>&{n}") for n, one in enumerate(market.instruments))
    app, _, clock = make_app(tmp_path, FakeSource(replace(market, instruments=instruments)), relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "pictures")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("ctrl+s", "question_mark")
        await pilot.pause()
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(screen_of(app), HelpScreen), "a picture closes nothing"
    first, second = sorted((tmp_path / "pictures").iterdir())
    root = ElementTree.fromstring(first.read_text(encoding="utf-8"))
    texts = "".join(root.itertext())
    assert "<b>&" in texts
    assert "candidates" in texts
    assert root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    assert "esc goes back" in "".join(ElementTree.fromstring(second.read_bytes()).itertext()).replace("\xa0", " ")


async def test_themes_change_and_are_kept(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        before = app.theme
        await pilot.press("t")
        assert app.theme != before
    assert load(tmp_path / "console.json")[0].theme == app.theme


async def test_no_key_waits_for_the_disk_and_no_choice_is_lost_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung_disk = HungDisk(monkeypatch)
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        hung_disk.hang()
        await pilot.press(*"s3sr+w", "space")
        assert not app.saved(0.05)
        hung_disk.answer()
        state = app.main.table.state
    assert not hung_disk.gave_up, "a key waited"
    kept = load(tmp_path / "console.json")[0]
    assert (kept.sort, kept.reverse, kept.face, kept.depth_grouping) == (state.sort, state.reverse, "orderflow", 1)
    assert kept.watched
    assert kept.pinned
    assert hung_disk.writes <= 2


async def test_a_choice_that_cannot_be_saved_is_told(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        (tmp_path / "console.json").unlink()
        app._writer._path = tmp_path / "file" / "console.json"
        (tmp_path / "file").write_text("in the way")
        await pilot.press("t")
        assert app.saved(60)
        await pilot.pause()
        await pilot.pause()
        assert any("changes last for this run only" in notice.message for notice in app._notifications)
    assert "changes last for this run only" in app.unsaved


async def test_choices_are_there_again_in_the_next_run(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("j", "space", "w", "2", "f1", "plus", "m")
        pinned = app.key
    again, source, clock = make_app(tmp_path)
    async with again.run_test(size=(120, 40)) as pilot:
        await settle(again, clock, pilot)
        state = again.main.table.state
        assert state.pinned == (pinned,)
        assert state.watched == {pinned}
        assert state.sort == "face.volume"
        assert again.preset == "strict"
        assert ("set_preset", "strict") in source.calls
        assert again.main.query_one(DepthPane).group == 1
        assert again.main.query_one(LiquidationsPane).minimum_usd == 1_000


@pytest.mark.parametrize(("keys", "minimum"), [("", 50_000), ("M", 10_000), ("MMMMMMMM", 0), ("MMMMMMMMm", 1_000)])
async def test_a_chosen_minimum_counts_more_than_the_configured_one_also_if_it_is_none(
    tmp_path: Path, keys: str, minimum: float
) -> None:
    configured = Config(console=ConsoleSection(min_liquidation_usd=50_000))
    app, _, _ = make_app(tmp_path, config=configured)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*keys, "t")
        assert app.main.query_one(LiquidationsPane).minimum_usd == minimum
    again, _, _ = make_app(tmp_path, config=configured)
    async with again.run_test(size=(120, 40)):
        assert again.main.query_one(LiquidationsPane).minimum_usd == minimum


async def test_a_damaged_state_file_is_a_notice(tmp_path: Path) -> None:
    (tmp_path / "console.json").write_text("{")
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert any(".bad-1" in notice.message for notice in app._notifications)


async def test_a_sort_and_a_filter_that_do_not_exist_are_a_notice(tmp_path: Path) -> None:
    save(tmp_path / "console.json", ConsoleState(sort="moon", expression="score >"))
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        told = " ".join(notice.message for notice in app._notifications)
        assert "moon does not exist" in told
        assert "`score >` was dropped" in told
        assert app.main.table.status.shown > 0


async def test_quitting(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+c")
        assert any("ctrl" in n.message or "^q" in n.message for n in app._notifications)
        assert app._exit is False
        await pilot.press("ctrl+q")
    assert app.return_code == 0
