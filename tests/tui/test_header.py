"""The header when room is short or something is wrong: what is kept, what goes, and one clock for a recording."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from engine.config.schema import Config
from engine.playback import Player
from engine.snapshot import Feed, FeedState
from engine.transport.capture_records import ConnectionEvent
from tests.tui.fake_source import recording, scene
from tui.actions import Keymap
from tui.launch import open_engine
from tui.presenters.header import replay_line, top_line, venue_line
from tui.presenters.lines import plain, width_of
from tui.presenters.view import View
from tui.recording import recorder_of

VENUES = ("bybit-linear", "bybit-spot", "okx", "binance-usdm", "binance-spot", "bitget-usdt")


def feed(venue: str, state: FeedState = "live", age_ms: int | None = 100) -> Feed:
    return Feed(venue, state, "", age_ms, 1_000, 0, 0, 40, 0, latency_ms=31.6)


def line(width: int, *feeds: Feed) -> str:
    shot = replace(scene(), feeds=feeds)
    found = venue_line(View(shot, None, shot.at_ms), width)
    assert width_of(found) <= width
    return plain([found])


def test_a_stale_venue_keeps_its_age_and_the_healthy_ones_lose_theirs() -> None:
    held = [feed(venue) for venue in VENUES]
    assert "● OKX 0.1s" in line(140, *held)
    held[2] = feed("okx", "stale", 56_000)
    text = line(110, *held)
    assert "◐ OKX stale 56s" in text
    assert "● Bybit  " in text
    tight = line(80, *held)
    assert "◐ OKX" in tight
    assert "56s" in tight


def test_where_there_is_no_room_for_state_and_age_the_age_stays() -> None:
    held = [feed(venue, "stale", 25_000 + 31_000 * place) for place, venue in enumerate(VENUES[:4])]
    text = line(66, *held)
    for wanted in ("◐ Bybit 25s", "◐ Bybit spot 56s", "◐ OKX 1m", "◐ Binance 1m"):
        assert wanted in text
    assert "stale" not in text
    assert "○ OKX down" in line(62, *held[:2], feed("okx", "down", None), held[3])


def test_where_not_even_that_fits_names_shorten_before_the_age_goes() -> None:
    text = line(80, *(feed(venue, "stale", 34_000) for venue in VENUES))
    for wanted in ("◐ BY 34s", "◐ BY spot 34s", "◐ OK 34s", "◐ BN 34s", "◐ BG 34s"):
        assert wanted in text
    assert "◌ Binance spot" in line(80, *(feed(venue, "connecting", None) for venue in VENUES)), "the light says it"


def test_latency_is_told_where_there_is_room() -> None:
    held = [feed(venue) for venue in VENUES[:4]]
    assert "● OKX 0.1s rtt 32ms" in line(150, *held)
    assert "rtt" not in line(120, *held)
    assert "40 books" in line(200, *held)
    assert "rtt" not in line(200, replace(held[0], latency_ms=None)), "never measured"


def test_a_recording_that_stands_still_or_seeks_has_no_rate() -> None:
    for changes, rated in (({}, True), ({"paused": True}, False), ({"finished": True}, False), ({"seek_ms": 1}, False)):
        shot = scene("replay", replay=recording(**changes))
        assert ("msg/s" in plain([venue_line(View(shot, None, shot.at_ms), 120)])) == rated


def test_a_recording_has_one_clock_and_tells_of_a_gap() -> None:
    shot = scene("replay", replay=recording())
    replay = recording(at_ms=shot.at_ms - 900_000, next_ms=shot.at_ms + 5 * 86_400_000, speed=60.0)
    view = View(replace(shot, replay=replay), None, shot.at_ms, UTC, keys=Keymap({"replay_forward": "f9"}))
    text = plain([replay_line(replay, view, 120)])
    assert "12:32:17" in plain([top_line(view, 120)])
    assert "12:32:17" in text
    assert "gap of 5 d 0 h, F9 skips" in text
    for changes in ({"next_ms": replay.at_ms + 200_000}, {"speed": float("inf")}, {"next_ms": None}):
        assert "gap" not in plain([replay_line(replace(replay, **changes), view, 120)]), changes


def test_a_recording_of_the_simulator_says_so() -> None:
    for simulated in (False, True):
        shot = scene("replay", replay=recording(simulated=simulated))
        text = plain([top_line(View(shot, None, shot.at_ms), 80)])
        assert ("REPLAY DEMO" in text) == simulated
        assert "REPLAY" in text


@pytest.mark.parametrize("demo", [True, False])
def test_what_was_recorded_from_the_simulator_is_known_when_it_is_played(tmp_path: Path, demo: bool) -> None:
    recorder = recorder_of(argparse.Namespace(folder=str(tmp_path), demo=demo, max_size=2**40))
    recorder.take(ConnectionEvent(1_700_000_000_000_000_000, "okx", "public", "open"))
    recorder.close()
    player = open_engine(argparse.Namespace(mode="replay", capture=str(tmp_path), speed=1.0, start=None), Config())
    assert isinstance(player, Player)
    assert player._replay_status().simulated == demo


def test_the_header_shows_that_alerts_are_on() -> None:
    shot = scene("live")
    for width, words in ((80, "♪"), (120, "♪ alerts")):
        assert words in plain([top_line(View(shot, None, shot.at_ms, alerts="alerts"), width)])
        assert "♪" not in plain([top_line(View(shot, None, shot.at_ms), width)])
