"""What the console says when something is missing, silent, broken or hostile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config.schema import Config, ConsoleSection
from engine.snapshot import Feed, LiquidationLine
from tests.engine.builders import AT_MS
from tests.tui.fake_source import (
    SIZES,
    FakeSource,
    cached_scene,
    make_app,
    recording,
    relaxed,
    scene,
    screen_of,
    settle,
    text_of,
)
from tests.tui.table_host import move_to
from tui.console import SILENT_S
from tui.presenters.row import Key
from tui.screens.main import MainScreen
from tui.state import ConsoleState, save


@pytest.mark.parametrize("size", SIZES)
async def test_before_the_first_snapshot_every_pane_says_what_it_waits_for(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, FakeSource(None))
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        assert "starting the engine" in text_of(app)
        feed = Feed("okx", "connecting", "resolving the name", None, 0, 0, 0, 0, 0)
        app.source.snapshot = scene(at_ms=0, feeds=(feed,))  # type: ignore[attr-defined]
        await settle(app, clock, pilot)
        text = " ".join(text_of(app).split())
        assert "OKX connecting (resolving the name)" in text
        assert "DEMO" in text


@pytest.mark.parametrize("size", SIZES)
async def test_without_a_network_it_says_so_and_what_works_meanwhile(tmp_path: Path, size: tuple[int, int]) -> None:
    detail = "stream.example: no address found; attempt 7 in 14 s"
    feeds = tuple(Feed(venue, "down", detail, None, 0, 0, 0, 0, 0) for venue in ("okx", "bybit-linear"))
    app, _, clock = make_app(tmp_path, FakeSource(scene("live", at_ms=0, feeds=feeds)))
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        rows = text_of(app).split("\n")
        text = " ".join(text_of(app).split())
        assert "LIVE" in rows[0]
        assert "○ OKX down" in rows[1]
        assert "nothing received: 2 of 2 streams down" in text
        assert "prism keeps trying by itself; V follows it venue by venue" in text
        assert "`prism demo` needs no network" in text
        assert detail in text
        app.source.snapshot = scene("live")  # type: ignore[attr-defined]
        await settle(app, clock, pilot)
        assert "nothing received" not in text_of(app)


@pytest.mark.parametrize("size", SIZES)
async def test_without_a_network_cached_candles_are_shown_as_what_they_are(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    source = FakeSource(cached_scene(11_520_000))
    app, _, clock = make_app(tmp_path, source, relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        rows = text_of(app).split("\n")
        assert "CACHED  3 h 12 m old" in rows[0]
        assert "LIVE" not in rows[0]
        assert "BTC" not in rows[0], "the mood is of then"
        assert "○ OKX down" in rows[1]
        table, status = app.main.table, app.main.table.status
        assert (status.shown, status.candidates) == (39, 0)
        text = text_of(app)
        assert "cached candles" in text
        assert "39 shown · none ranked · 3 h 12 m old" in text
        assert "CACHED candles, 3 h 12 m old, nothing here is live" in text
        assert any(market_symbol in text for market_symbol in ("BTC-USDT", "BTCUSDT"))
        assert table.model.sheet is not None
        shown = table.model.prepare(0, 39, table.columns, app.now_s())
        assert all(view.stale for view in shown)
        assert table.model.sheet.number("age", 0) >= 11_520
        for keys in ("v", "enter", "escape", "a"):
            await pilot.press(keys)
            await settle(app, clock, pilot)
            assert "CACHED" in text_of(app), keys
        await pilot.press("escape", "v")
        source.snapshot = scene("live")
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "CACHED" not in text
        assert "cached" not in text
        assert "LIVE" in text.split("\n")[0]
        assert app.main.table.status.candidates > 0
        assert not app._notifications, "nobody is told of candidates that are new only to the screen"


async def test_cached_rows_can_be_filtered_sorted_and_left(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, FakeSource(cached_scene(40_000)), relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        table = app.main.table
        table.change(text="btc")
        assert 0 < table.status.shown < 39
        table.change(text="nonesuch")
        assert "none of 39 rows matches" in table.status.empty
        table.change(text="", sort="score")
        scores = [table.model.sheet.number("score", table.model._rows[key]) for key in table.model.order]  # type: ignore[union-attr]
        assert scores == sorted(scores, reverse=True)


async def test_an_engine_that_is_silent_is_said_to_be(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for _ in range(6):
            await settle(app, clock, pilot, 1.0)
        assert "engine silent for 6 s" in text_of(app)
        assert source.snapshot is not None
        source.snapshot = replace(source.snapshot, sequence=99)
        await settle(app, clock, pilot, 1.0)
        assert "engine silent" not in text_of(app)


@pytest.mark.parametrize("held", [{"paused": True}, {"finished": True}])
async def test_a_held_recording_is_not_a_silent_engine(tmp_path: Path, held: dict[str, bool]) -> None:
    source = FakeSource(scene("replay", replay=recording(**held)))
    app, _, clock = make_app(tmp_path, source)
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(8):
            await settle(app, clock, pilot, 1.0)
        text = text_of(app)
        assert "engine silent" not in text
        assert "REPLAY" in text
        assert ("ended 4x" if "finished" in held else "paused 4x") in text
        assert "33%" in text


async def test_a_display_that_stood_still_says_for_how_long(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await settle(app, clock, pilot, SILENT_S + 55)
        assert any("display paused for 60 s" in n.message for n in app._notifications)
        assert "engine silent" not in text_of(app)


async def test_a_failed_engine_is_told_and_ends_the_program(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        source.failed = "the recording \x1b[31mbroke"
        await settle(app, clock, pilot)
        assert "engine failed: the recording" in text_of(app)
        assert "\x1b" not in text_of(app)
        await pilot.pause(2)
    assert app.return_code == 1
    assert app.failed is not None
    assert "the recording" in app.failed


async def test_an_engine_that_is_gone_ends_the_program(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        source.running = False
        await settle(app, clock, pilot)
        await pilot.pause(2)
    assert app.return_code == 1


async def test_an_error_of_the_screens_own_is_one_line_and_a_file(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path)

    def broken(*_: object) -> None:
        raise RuntimeError("broken widget")

    async def run_into_it() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(app, clock, pilot)
            app.main.presenting = broken  # type: ignore[assignment,method-assign]
            app.call_later(app.refresh_view)
            await pilot.pause()

    with pytest.raises(RuntimeError, match="broken widget"):
        await run_into_it()
    assert app.failed is not None
    assert "crash.log" in app.failed
    assert "broken widget" in (tmp_path / "crash.log").read_text()
    assert app.return_code == 1


HOSTILE = ("[/x]", "[", "[@click=app.quit]X[/]", "[link=file:///]", "=cmd|' /C calc'!A0", "币安人生USDT", "../../etc/x")


async def test_hostile_symbols_are_shown_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = scene()
    named = tuple(
        replace(instrument, symbol=HOSTILE[row], base=HOSTILE[row]) if row < len(HOSTILE) else instrument
        for row, instrument in enumerate(market.instruments)
    )
    forced = tuple(
        LiquidationLine(AT_MS, named[row].venue, HOSTILE[row], "long", 1.0, 1.0, 5e5, False)
        for row in range(len(HOSTILE))
    )
    source = FakeSource(replace(market, instruments=named, liquidations=forced))
    app, _, clock = make_app(tmp_path, source, relaxed())
    monkeypatch.setattr(app, "export_folder", lambda: tmp_path / "out")
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(app, clock, pilot)
        app.main.table.change(pinned=tuple(Key(named[row].venue, HOSTILE[row]) for row in range(len(HOSTILE))))
        for row in range(len(HOSTILE)):
            move_to(app.main.table, Key(named[row].venue, HOSTILE[row]))
            await pilot.pause()  # the app hears where the cursor is before all is shown once more
            await settle(app, clock, pilot)
            text = text_of(app)
            assert f"prism · {HOSTILE[row]} · " in text
            await pilot.press("y", "w", "enter")
            await settle(app, clock, pilot)
            assert f"chart · {HOSTILE[row]} · " in text_of(app)
            await pilot.press("escape")
            await settle(app, clock, pilot)
        assert "[@click=app.quit]X[/]"[:13] in text
        await pilot.press("x")
        await pilot.pause()
        assert app._exit is False
    written = (tmp_path / "out" / "prism-candidates-0001.csv").read_text()
    assert "'=cmd" in written
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["prism-candidates-0001.csv"]


async def test_an_unknown_theme_and_key_in_the_configuration_are_notices(tmp_path: Path) -> None:
    config = Config(console=ConsoleSection(theme="nonesuch", keys={"nonesuch": "x"}))
    app, _, _ = make_app(tmp_path, config=config)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        told = " ".join(notice.message for notice in app._notifications)
        assert "no theme 'nonesuch'" in told
        assert "keys.nonesuch: no such action" in told


async def test_an_unknown_theme_is_a_notice_even_if_another_was_chosen_before(tmp_path: Path) -> None:
    save(tmp_path / "console.json", ConsoleState(theme="prism-light"))
    app, _, _ = make_app(tmp_path, config=Config(console=ConsoleSection(theme="nonesuch")))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        told = " ".join(notice.message for notice in app._notifications)
        assert "console.theme: no theme 'nonesuch'; prism-light, which you chose, stays" in told


async def test_an_empty_table_gives_its_reason_and_the_panes_theirs(tmp_path: Path) -> None:
    market = scene()
    none = {
        name: replace(r, candidates=np.array([], dtype=np.int64), vetoed=np.arange(39))
        for name, r in market.rankings.items()
    }
    app, _, clock = make_app(tmp_path, FakeSource(replace(market, rankings=none)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "no row passes balanced (39 gated; press v)" in text
        assert "no symbol under the cursor" in text
        await pilot.press("enter", "y", "space", "w")
        assert isinstance(screen_of(app), MainScreen)


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("interrupted", [False, True])
async def test_an_end_at_any_moment_of_the_start_is_no_error(tmp_path: Path, turns: int, interrupted: bool) -> None:
    """So many turns of its loop after the console runs: while its first screen, and the widgets in it, are built."""
    app, _, _ = make_app(tmp_path)
    running = asyncio.create_task(app.run_async(headless=True, size=(120, 40)))
    while not app._running:  # noqa: ASYNC110 - nothing signals it, and turns of the loop are what is counted
        await asyncio.sleep(0)
    for _ in range(turns):
        await asyncio.sleep(0)
    if interrupted:
        running.cancel()  # as asyncio answers SIGINT
    else:
        app.exit()
    await running
    assert (app.failed, app.return_code or 0) == (None, 0)
    assert not (tmp_path / "crash.log").exists()
