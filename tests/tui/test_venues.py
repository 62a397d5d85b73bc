"""The venues screen: what it says of each venue, and that it follows the market while it is open."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.snapshot import Feed, Spread, Vitals
from engine.written import Written
from tests.tui.fake_source import make_app, scene, settle, text_of
from tui.presenters.header import top_line, venue_line
from tui.presenters.lines import plain, width_of
from tui.presenters.venues import venue_lines
from tui.presenters.view import View
from tui.screens.venues import VenuesScreen

LIVE = Feed(
    "binance-usdm", "live", "", 120, 12_345, 0, 0, 40, 1, latency_ms=31.6, skew_ms=-4.2, channels=400, channels_live=398
)
DOWN = Feed(
    "okx", "down", "okx/public/1: refused, attempt 3 in 8 s", None, 0, 2, 1, 0, 0,
    skew_ms=2_500.0, requests="openapi.okx.com region: 451", reconnects=3, backfill=77,
)  # fmt: skip


def lines(*feeds: Feed, notices: tuple[str, ...] = (), width: int = 100) -> str:
    shot = scene()
    shot = replace(shot, feeds=feeds, health=replace(shot.health, notices=notices))
    found = venue_lines(View(shot, None, shot.at_ms), width)
    assert all(width_of(line) <= width for line in found)
    return " ".join(plain(found).split())


def test_a_venue_that_is_well_tells_its_figures_with_units() -> None:
    text = lines(LIVE)
    for wanted in (
        "● Binance", "live", "newest 0.1 s ago", "12.3K frames", "round trip 32 ms", "its clock -4 ms from ours",
        "398 of 400 subscriptions deliver", "40 books, 1 resyncing",
    ):  # fmt: skip
        assert wanted in text
    assert "none" in text


def test_streams_and_requests_that_fail_are_told_apart() -> None:
    text = lines(DOWN, notices=("okx: connection okx/public/1 error", "bybit-linear: NEWUSDT listed"))
    for wanted in (
        "○ OKX", "down", "newest none yet", "round trip not measured", "okx/public/1: refused, attempt 3 in 8 s",
        "requests: openapi.okx.com region: 451", "the clocks disagree", "3 reconnects", "77 candle requests to go",
        "2 frames refused, 1 of unknown kind", "bybit-linear: NEWUSDT listed",
    ):  # fmt: skip
        assert wanted in text


def test_how_a_recording_does_is_told_and_that_it_ended_loudly() -> None:
    shot = scene()
    view = View(replace(shot, health=replace(shot.health, written=Written(12_345, 3_300_000, 2))), None, shot.at_ms)
    assert "recorded so far: 12,345 records, 3.1 MiB in 2 files" in plain(venue_lines(view, 100))
    assert "● REC 3.1 MiB" in plain([top_line(view, 80)])
    ended = Written(12_345, 3_300_000, 1, "the recording in DIR ended: No space left on device")
    view = View(replace(shot, health=replace(shot.health, written=ended)), None, shot.at_ms)
    told = " ".join(plain(venue_lines(view, 100)).split())
    assert f"recording has stopped: {ended.ended}; recorded before: 12,345 records, 3.1 MiB in 1 file" in told
    assert "NOT RECORDED" in plain([top_line(view, 80)])
    assert "REC" not in plain([top_line(View(shot, None, shot.at_ms), 80)])


def test_a_clock_of_our_own_that_is_wrong_is_told_from_one_of_the_venues() -> None:
    text = lines(replace(LIVE, skew_ms=-3_600_000.0, off_ms=-20.0))
    assert "its clock -3600000 ms from ours" in text
    assert "this machine's clock is wrong: receive times use the venues' clocks; synchronise it by NTP" in text
    assert "the clocks disagree" in lines(replace(LIVE, skew_ms=2_500.0, off_ms=2_500.0))
    assert "by NTP" not in lines(replace(LIVE, off_ms=-4.2))


def test_holes_in_trades_are_counted() -> None:
    assert "holes" not in lines(LIVE)
    assert "1 hole in trades" in lines(replace(LIVE, trade_holes=1))
    assert "12 holes in trades" in lines(replace(LIVE, trade_holes=12))


def test_an_engine_that_stood_still_is_told() -> None:
    words = "the engine stalled for 5.1 s: nothing was read or scored meanwhile"
    assert words in engine_lines(replace(VITALS, stalled=words))
    assert "stalled" not in engine_lines(VITALS)


def test_what_is_not_believed_is_counted() -> None:
    assert "withheld" not in lines(LIVE)
    assert "3 messages implausible, withheld" in lines(replace(LIVE, withheld=3))


def test_long_words_wrap_at_every_width() -> None:
    for width in (30, 60, 118):
        lines(replace(DOWN, detail="word " * 60), notices=("notice " * 40,), width=width)


VITALS = Vitals(
    scan=Spread(8.25, 41.0, 60.0), publish=Spread(1.5, 3.0, 4.0), loop_late=Spread(0.2, 12.4, 310.0),
    collection=Spread(2.0, 5.0, 7.5), collections=17, memory_bytes=180 * 2**20, memory_peak_bytes=201 * 2**20,
    paused=2, lightened="",
)  # fmt: skip


def engine_lines(vitals: Vitals | None, width: int = 100, **health: Any) -> str:
    shot = scene()
    shot = replace(shot, mode="live", health=replace(shot.health, vitals=vitals, **health))
    found = venue_lines(View(shot, None, shot.at_ms), width)
    assert all(width_of(line) <= width for line in found)
    return " ".join(plain(found).split())


def test_the_engines_own_figures_stand_there_with_units() -> None:
    text = engine_lines(VITALS)
    for wanted in (
        "1.83K messages a second, 0 frames waiting, 55 replaced by a newer one before a scan, reading paused 2 times",
        "scan p50 8.2 ms, p99 41 ms; snapshot p50 1.5 ms, p99 3.0 ms",
        "event loop late p50 0.2 ms, p99 12 ms, at most 310 ms", "17 garbage collection pauses, at most 7.5 ms",
        "memory of the engine's process 180 MiB, peak 201 MiB",
    ):  # fmt: skip
        assert wanted in text
    assert "overloaded" not in text


def test_an_overloaded_engine_is_told_here_and_in_the_header() -> None:
    vitals = replace(VITALS, lightened="whole books and trades of 10 instead of 40 a venue until the engine keeps up")
    assert f"overloaded: {vitals.lightened}" in engine_lines(vitals)
    shot = scene()
    shot = replace(shot, feeds=(LIVE,), health=replace(shot.health, vitals=vitals))
    assert "overloaded: fewer books" in plain([venue_line(View(shot, None, shot.at_ms), 140)])


def test_what_was_not_measured_is_said_to_be() -> None:
    nothing = Spread(math.nan, math.nan, math.nan)
    bare = Vitals(nothing, nothing, nothing, nothing, 0, math.nan, math.nan, 0, "")
    text = engine_lines(bare)
    assert "event loop late not measured" in text
    assert "at most" not in text, "of nothing there is no most"
    assert "reading paused" not in text, "what never happened is not told"
    assert "0 garbage collection pauses memory of the engine's process not known, peak not known" in text
    assert "scan 11 ms, p99 25 ms" in engine_lines(None)
    for width in (30, 60):
        engine_lines(VITALS, width)


async def test_the_screen_opens_with_its_key_follows_the_market_and_closes(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("V")
        await settle(app, clock, pilot)
        assert isinstance(app.screen, VenuesScreen)
        assert "Engine said, newest first" in text_of(app)
        assert source.snapshot is not None
        source.snapshot = replace(source.snapshot, feeds=(DOWN,), sequence=source.snapshot.sequence + 1)
        await settle(app, clock, pilot)
        assert "attempt 3 in 8 s" in text_of(app)
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert not isinstance(app.screen, VenuesScreen)


async def test_pins_and_the_watch_list_are_held_in_full_depth(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert source.held == frozenset()
        key = app.key
        assert key is not None
        await pilot.press("space")
        await settle(app, clock, pilot)
        assert source.held == {(key.venue, key.symbol)}
        await pilot.press("space", "w")
        await settle(app, clock, pilot)
        assert source.held == {(key.venue, key.symbol)}
        await pilot.press("w")
        await settle(app, clock, pilot)
        assert source.held == frozenset()


def test_notices_say_when() -> None:
    shot = scene()
    day = 86_400_000
    times = (shot.at_ms - 3_725_000, shot.at_ms - 3 * day, 0)
    notices = ("okx: connection okx/public/1 error", "bybit-linear: NEWUSDT listed", "before the first record")
    health = replace(shot.health, notices=notices, notice_times_ms=times)
    told = plain(venue_lines(View(replace(shot, health=health), None, shot.at_ms, UTC), 100)).split("\n")
    first = next(line for line in told if "okx/public/1 error" in line)
    assert first.split()[0] == f"{datetime.fromtimestamp(times[0] / 1000, UTC):%H:%M:%S}"
    second = next(line for line in told if "NEWUSDT" in line)
    assert second.startswith(f" {datetime.fromtimestamp(times[1] / 1000, UTC):%d %b} ")
    assert any(line.strip() == "before the first record" for line in told)


def test_the_right_corner_of_the_header_holds_its_place_while_figures_change_their_width() -> None:
    """What is left out is left out from the end: a shorter piece never takes the place of a longer one."""
    shot = replace(scene(), feeds=(LIVE,))
    told = []
    for rate in (9.0, 99.6, 996.0, 1_830.0, 12_300.0):
        health = replace(shot.health, frames_per_s=rate, scan_ms=43.0, scan_p99_ms=457.0)
        view = View(replace(shot, health=health), None, shot.at_ms)
        for width in range(20, 100):
            line = plain([venue_line(view, width)])
            shown = [name for name in ("msg/s", "scan", "p99") if name in line]
            assert shown == ["msg/s", "scan", "p99"][: len(shown)], (width, line)
            told.append(len(shown))
    assert set(told) == {0, 1, 2, 3}


def test_breadth_says_that_it_counts_perpetuals() -> None:
    shot = scene()
    assert f"of {shot.mood.rows_with_change} perps" in plain([top_line(View(shot, None, shot.at_ms), 200)])


def test_what_was_not_measured_yet_is_no_figure_in_the_header() -> None:
    shot = scene()
    health = replace(shot.health, frames_per_s=math.nan, scan_ms=math.nan, scan_p99_ms=math.nan)
    text = plain([venue_line(View(replace(shot, health=health, feeds=()), None, shot.at_ms), 120)])
    assert "· msg/s  scan ·  p99 ·" in text
