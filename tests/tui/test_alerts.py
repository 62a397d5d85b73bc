"""What rings, how often, and that nothing does until it is asked for."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config.schema import Config, ConsoleSection, EngineSection
from engine.snapshot import Feed, FeedState, LiquidationLine, Snapshot
from tests.tui.fake_source import FakeSource, make_app, scene, settle, text_of
from tui.presenters.alerts import LONGEST_MS, QUIET_MS, SETTLED_MS, AlertChoice, Alerts, desktop_notice
from tui.presenters.format import usd_text

BASE = scene("live")
CANDIDATES = BASE.rankings["relaxed"].candidates
LAST = BASE.instruments[int(CANDIDATES[-1])]


def at(snapshot: Snapshot, ms: int) -> Snapshot:
    return replace(snapshot, at_ms=BASE.at_ms + ms, sequence=snapshot.sequence + 1)


def with_rows(snapshot: Snapshot, count: int) -> Snapshot:
    ranking = replace(snapshot.rankings["relaxed"], candidates=CANDIDATES[:count])
    return replace(snapshot, rankings={**snapshot.rankings, "relaxed": ranking})


def with_state(snapshot: Snapshot, state: FeedState) -> Snapshot:
    first, *rest = snapshot.feeds
    return replace(snapshot, feeds=(replace(first, state=state), *rest))


def with_liquidations(snapshot: Snapshot, *sizes: float) -> Snapshot:
    lines = tuple(
        LiquidationLine(BASE.at_ms + n, "okx", f"L{n}", "long", 1.0, 2.0, size, False) for n, size in enumerate(sizes)
    )
    return replace(snapshot, liquidations=lines[::-1])


def alerts(every_s: float = 0.0) -> Alerts:
    """Of a market whose history has arrived."""
    told = Alerts(AlertChoice(every_s=every_s))
    told.follow(at(BASE, -SETTLED_MS))
    return told


def test_a_new_candidate_is_told_once_in_a_while() -> None:
    told = alerts()
    few = with_rows(BASE, len(CANDIDATES) - 1)
    assert told.look(few, "relaxed", 0.0) == "", "what is so at the start is no news"
    text = told.look(at(BASE, 1), "relaxed", 1.0)
    assert text.startswith(LAST.symbol)
    assert "passes relaxed" in text
    assert ("long" in text) == bool(BASE.rankings["relaxed"].side[CANDIDATES[-1]] > 0)
    assert told.look(at(few, 2), "relaxed", 2.0) == ""
    assert told.look(at(BASE, 3), "relaxed", 3.0) == "", "it was there a moment ago"
    assert told.look(at(few, 4), "relaxed", 4.0) == ""
    assert told.look(at(BASE, 4 + QUIET_MS), "relaxed", 5.0) != ""


def test_a_candidate_of_one_preset_that_later_passes_another_is_news() -> None:
    told = alerts()
    few = with_rows(BASE, len(CANDIDATES) - 1)
    both = dict.fromkeys(("relaxed", "strict"), BASE.rankings["relaxed"])
    wide = replace(BASE, rankings={**both, "strict": few.rankings["relaxed"]})
    assert told.look(wide, "relaxed", 0.0) == ""
    assert told.look(at(wide, 1), "strict", 1.0) == "", "another preset is no news"
    text = told.look(at(replace(BASE, rankings=both), 2), "strict", 2.0)
    assert text.startswith(LAST.symbol)
    assert "passes strict" in text
    assert told.look(at(replace(BASE, rankings=both), 3), "relaxed", 3.0) == ""


def test_candidates_are_no_news_until_their_venues_history_has_arrived() -> None:
    told = Alerts(AlertChoice(every_s=0.0))
    few, ms = with_rows(BASE, len(CANDIDATES) - 1), 0

    def arrives(*feeds: Feed) -> str:
        """A row that leaves for long and comes back, under these feeds."""
        nonlocal ms
        ms += QUIET_MS
        told.look(at(replace(few, feeds=feeds), ms), "relaxed", float(ms))
        return told.look(at(replace(BASE, feeds=feeds), ms + 1), "relaxed", float(ms + 1))

    still = tuple(replace(feed, backfill=7 * (feed.venue == LAST.venue)) for feed in BASE.feeds)
    told.follow(replace(BASE, feeds=(), at_ms=0))
    assert arrives(*(replace(feed, state="connecting") for feed in BASE.feeds)) == ""
    assert arrives(*still) == ""
    assert told.waits(at(replace(BASE, feeds=still), ms))
    told.look(at(few, ms + 2), "relaxed", float(ms))
    assert told.waits(at(BASE, ms + 2)), "the last answers are still to come"
    assert LAST.symbol in arrives(*BASE.feeds)
    assert not told.waits(BASE)
    assert LAST.symbol in arrives(*still), "what is fetched later, after a break, silences nothing"
    again = replace(at(BASE, ms + 3), epoch=BASE.epoch + 1)
    told.look(again, "relaxed", float(ms + 3))
    assert told.waits(again), "a recording that begins anew"


def test_a_venue_that_is_down_or_refuses_its_history_does_not_keep_alerts_waiting_for_ever() -> None:
    told = Alerts(AlertChoice())
    feeds = tuple(replace(feed, state="down") for feed in BASE.feeds)
    told.follow(replace(BASE, feeds=feeds))
    assert not told.waits(replace(BASE, feeds=feeds))
    feeds = tuple(replace(feed, backfill=400) for feed in BASE.feeds)
    for ms, waits in ((0, True), (LONGEST_MS - 1, True), (LONGEST_MS, False)):
        shot = at(replace(BASE, feeds=feeds), ms)
        told.follow(shot)
        assert told.waits(shot) == waits


async def test_the_header_shows_while_alerts_are_on_and_that_they_wait(tmp_path: Path) -> None:
    market = scene("live")
    feeds = tuple(replace(feed, backfill=120) for feed in market.feeds)
    app, source, clock = make_app(tmp_path, FakeSource(replace(market, feeds=feeds)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert "♪" not in text_of(app)
        await pilot.press("b")
        await settle(app, clock, pilot)
        assert "♪ alerts wait for history" in text_of(app).split("\n")[0]
        assert "(once history has arrived)" in [note.message for note in app._notifications][-1]
        for ms in (1, 2 + SETTLED_MS):
            source.snapshot = at(market, ms)
            await settle(app, clock, pilot)
        assert "♪ alerts  " in text_of(app).split("\n")[0]
        await pilot.press("b")
        await settle(app, clock, pilot)
        assert "♪" not in text_of(app).split("\n")[0]


def test_of_many_liquidations_the_largest_are_told_and_candidates_before_them() -> None:
    told = alerts(every_s=10.0)
    sizes = [2e5, 3e5, 4e5, 5e5, 6e5, 7e5, 8e5, 9e6]
    few = with_rows(BASE, len(CANDIDATES) - 1)
    told.look(few, "relaxed", 0.0)
    text = told.look(at(with_liquidations(few, *sizes), 1), "relaxed", 1.0)
    assert text.startswith("L7 OKX long liquidated, $9.00M; also L6, L5, L4, L3, L2 and 2 more")
    told.look(at(with_liquidations(few, *sizes, 1e7), 2), "relaxed", 2.0)
    text = told.look(at(with_liquidations(BASE, *sizes, 1e7), 3), "relaxed", 20.0)
    assert text.startswith(LAST.symbol)
    assert text.endswith("also L8")


async def test_alerts_without_candidates_wait_for_no_history(tmp_path: Path) -> None:
    market = scene("live")
    feeds = tuple(replace(feed, backfill=120) for feed in market.feeds)
    config = Config(console=ConsoleSection(alert_candidate=False))
    app, _, clock = make_app(tmp_path, FakeSource(replace(market, feeds=feeds)), config)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("b")
        await settle(app, clock, pilot)
        assert "♪ alerts  " in text_of(app).split("\n")[0]


def test_another_preset_or_recording_is_no_news() -> None:
    told = alerts()
    told.look(with_rows(BASE, 1), "relaxed", 0.0)
    assert told.look(at(BASE, 1), "strict", 1.0) == ""
    assert told.look(at(BASE, 2), "relaxed", 2.0) == ""
    assert told.look(replace(at(BASE, 3), epoch=BASE.epoch + 1), "relaxed", 3.0) == ""


def test_only_large_liquidations_ring_and_each_once() -> None:
    told = alerts()
    told.look(with_liquidations(BASE, 9e6), "relaxed", 0.0)
    assert told.look(at(with_liquidations(BASE, 9e6, 99_999.0), 1), "relaxed", 1.0) == ""
    text = told.look(at(with_liquidations(BASE, 9e6, 99_999.0, 250_000.0), 2), "relaxed", 2.0)
    assert text == f"L2 OKX long liquidated, {usd_text(250_000.0)}"
    assert told.look(at(with_liquidations(BASE, 9e6, 99_999.0, 250_000.0), 3), "relaxed", 3.0) == ""
    assert told.look(at(with_liquidations(BASE, float("nan")), 4), "relaxed", 4.0) == "", "size in dollars not known"


def test_one_whose_size_in_dollars_is_not_known_does_not_make_older_ones_news_again() -> None:
    told = alerts()
    told.look(with_liquidations(BASE, 1.0), "relaxed", 0.0)
    assert told.look(at(with_liquidations(BASE, 1.0, 250_000.0, float("nan")), 1), "relaxed", 1.0) != ""
    for second in (2, 3):
        # As through the pipe of the engine's process: another object, whose NaN is another too.
        again = pickle.loads(pickle.dumps(with_liquidations(BASE, 1.0, 250_000.0, float("nan")).liquidations))
        later = at(replace(BASE, liquidations=again), second)
        assert told.look(later, "relaxed", float(second)) == ""


def test_one_that_arrives_late_or_twice_alike_rings_too() -> None:
    told = alerts()
    old, new = (LiquidationLine(BASE.at_ms + ms, "okx", "L", "long", 1.0, 2.0, 5e6, False) for ms in (0, 60_000))
    late = replace(old, venue="bybit-linear", symbol="LATE", notional_usd=250_000.0)
    told.look(replace(BASE, liquidations=(new, old)), "relaxed", 0.0)
    text = told.look(at(replace(BASE, liquidations=(new, late, old)), 1), "relaxed", 1.0)
    assert text == f"LATE Bybit long liquidated, {usd_text(250_000.0)}"
    assert told.look(at(replace(BASE, liquidations=(new, late, old)), 2), "relaxed", 2.0) == ""
    twice = told.look(at(replace(BASE, liquidations=(new, late, late, old)), 3), "relaxed", 3.0)
    assert twice == text, "two orders of one size in one millisecond are two liquidations"
    assert told.look(at(replace(BASE, liquidations=(new, late)), 4), "relaxed", 4.0) == "", "the oldest ones leave"


def test_a_venue_rings_when_it_falls_silent_and_when_it_is_back() -> None:
    told = alerts()
    told.look(with_state(BASE, "live"), "relaxed", 0.0)
    assert told.look(at(with_state(BASE, "down"), 1), "relaxed", 1.0).endswith("is down")
    for ms, state in enumerate(("connecting", "syncing", "down", "stale"), start=2):
        assert told.look(at(with_state(BASE, state), ms), "relaxed", ms) == ""  # type: ignore[arg-type]
    assert told.look(at(with_state(BASE, "live"), 9), "relaxed", 9.0).endswith("is back")


def test_a_storm_is_one_sound_and_nothing_of_it_is_lost() -> None:
    told = alerts(every_s=10.0)
    told.look(with_liquidations(BASE, 1.0), "relaxed", 0.0)
    sizes = [1.0]
    heard = []
    for second in range(1, 31):
        sizes.append(1e6)
        heard.append(told.look(at(with_liquidations(BASE, *sizes), second), "relaxed", float(second)))
    rung = [text for text in heard if text]
    assert len(rung) == 3
    assert [re.findall(r"L\d+|\d+ more", text) for text in rung[1:]] == [
        [*(f"L{number}" for number in range(first, first + 6)), "4 more"] for first in (2, 12)
    ]


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (["A"], ""),
        (["A", "B"], "; also B"),
        (["A", "A", "B", "A"], "; also A ×2 and B"),
        (["A", *"BCDEF"], "; also B, C, D, E and F"),
        (["A", *"BCDEFGHH"], "; also B, C, D, E, F and 3 more"),
    ],
)
def test_an_alert_tells_the_first_event_and_names_the_next(symbols: list[str], words: str) -> None:
    told = alerts()
    told.look(replace(BASE, liquidations=()), "relaxed", 0.0)
    lines = tuple(
        LiquidationLine(BASE.at_ms + n, "okx", symbol, "long", 1.0, 2.0, 2e6, False) for n, symbol in enumerate(symbols)
    )
    text = told.look(at(replace(BASE, liquidations=lines[::-1]), 1), "relaxed", 1.0)
    assert text == f"A OKX long liquidated, $2.00M{words}"


@pytest.mark.parametrize(("tmux", "start"), [(False, "\x1b]9;prism: "), (True, "\x1bPtmux;\x1b\x1b]9;prism: ")])
def test_the_sequence_of_a_desktop_notice(tmux: bool, start: str) -> None:
    sequence = desktop_notice("OKX is down", tmux)
    assert sequence.startswith(start)
    assert "OKX is down\x07" in sequence
    assert sequence.endswith("\x1b\\") == tmux


@pytest.mark.parametrize("way", ["bell", "desktop", "both"])
async def test_nothing_rings_until_b_is_pressed_and_then_as_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    section = ConsoleSection(alert_by=way, alert_every_s=0.1)  # type: ignore[arg-type]
    app, source, clock = make_app(tmp_path, config=Config(engine=EngineSection(preset="relaxed"), console=section))
    hostile = np.array([int(CANDIDATES[-1])])
    rung: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        monkeypatch.setattr(app, "bell", lambda: rung.append("bell"))
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", lambda text: rung.append(text) if text.startswith("\x1b]9") else None)

        async def market(rows: int, ms: int) -> None:
            snapshot = at(with_rows(scene(), rows), ms)
            instruments = list(snapshot.instruments)
            for row in hostile:
                instruments[row] = replace(instruments[row], symbol="\x1b]0;X\x07[b]Y")
            source.snapshot = replace(snapshot, instruments=tuple(instruments))
            await settle(app, clock, pilot)

        await market(len(CANDIDATES) - 1, 1)
        await market(len(CANDIDATES), 2)
        assert rung == []
        await pilot.press("b")
        await market(len(CANDIDATES) - 1, 3)
        await market(len(CANDIDATES), 4)
        assert rung == [], "it was a candidate when alerts were turned on"
        await market(len(CANDIDATES) - 1, 5)
        await market(len(CANDIDATES), 6 + QUIET_MS)
        assert ("bell" in rung) == (way != "desktop")
        sequences = [text for text in rung if text != "bell"]
        assert len(sequences) == (way != "bell")
        assert all(text.count("\x1b") == 1 and text.count("\x07") == 1 for text in sequences)
        count = len(rung)
        await pilot.press("b")
        await market(len(CANDIDATES) - 1, 7 + QUIET_MS)
        await market(len(CANDIDATES), 8 + 3 * QUIET_MS)
        assert len(rung) == count
