"""The two header lines and a recording's status line: where the data comes from, how old it is, what is wrong.

Called by the header and status widgets. On a narrow terminal the least important pieces are dropped, those of healthy
venues first; the mode, the clock and every venue's light are always shown.
"""

from __future__ import annotations

from enum import IntEnum
from math import isfinite
from typing import TYPE_CHECKING, Final

from tui.presenters.columns import VENUE_MARKS
from tui.presenters.format import MISSING, age_text, compact_text, long_age_text, mebibytes_text, percent_text
from tui.presenters.lines import Line, width_of
from tui.presenters.view import View, count_text, time_text, venue_title, zone_text

if TYPE_CHECKING:
    from engine.snapshot import Feed, ReplayStatus, Snapshot

LIGHTS: Final = {"live": "●", "connecting": "◌", "syncing": "◔", "stale": "◐", "down": "○"}
LIGHT_STYLES: Final = {"live": "up", "connecting": "muted", "syncing": "warning", "stale": "warning", "down": "down"}

GAP_S: Final = 5.0
"""A recording in which nothing comes for this long as played says how long the gap is."""
RATES_WIDTH: Final = 26
"""Cells kept free for the engine's rates while healthy venues tell more than their names."""


class Detail(IntEnum):
    """How much the header says of the venues, least first."""

    MARKS = 0
    """Light, whose shape is the state, and the two letters of the table."""
    LIGHTS = 1
    """Light and name."""
    MARKS_BRIEFLY = 2
    """As `BRIEFLY`, with the letters for the name."""
    BRIEFLY = 3
    """Beside light and name, the age of those that are stale, and the state of the others that are not live."""
    SICK = 4
    """State and age of those that are not live."""
    AGES = 5
    """The age of every venue."""
    LATENCY = 6
    """The round trip to it."""
    BOOKS = 7
    """How many books are verified."""


def _filled(left: Line, pieces: list[Line], width: int) -> Line:
    """`left`, then at the right edge as many of `pieces` as fit, in order."""
    kept: list[Line] = []
    room = width - width_of(left) - 1
    for piece in pieces:
        needed = width_of(piece) + 2
        if needed > room:
            # Stop here: a shorter piece further on would appear and vanish as figures change their width.
            break
        room -= needed
        kept.append(piece)
    joined = tuple(span for piece in kept for span in (("  ", ""), *piece))
    return (*left, (" " * (room + 1), ""), *joined)


def top_line(view: View, width: int) -> Line:
    """Mode, clock, preset, market mood."""
    snapshot = view.snapshot
    now = (
        (f" {time_text(view.now_ms, view.zone)} ", "strong"),
        (zone_text(view.now_ms, view.zone), "muted"),
    )
    left: Line = (
        ("▌", "brand"),
        ("prism ", "strong"),
        *_mode(snapshot),
        *(now if view.now_ms > 0 else ((" waiting for the first event", "muted"),)),
        (f"  {time_text(view.now_ms, view.zone, '%a %d %b')}" if view.now_ms > 0 and width >= 100 else "", "muted"),
        *((("  ♪", "accent strong"), (f" {view.alerts}" if width >= 100 else "", "muted")) if view.alerts else ()),
    )
    return _filled(left, [((("preset ", "muted"), (snapshot.preset, "accent"))), *_mood(snapshot)], width)


def _mode(snapshot: Snapshot) -> Line:
    """Where the data comes from; cached data is never called live."""
    if snapshot.cached_age_ms is not None:
        age = long_age_text(snapshot.cached_age_ms / 1000)
        return ((" CACHED ", "warning strong reverse"), (f" {age} old ", "warning strong"))
    made_up = " DEMO" if snapshot.replay is not None and snapshot.replay.simulated else ""
    mode = (f" {snapshot.mode.upper()}{made_up} ", f"mode-{snapshot.mode} reverse")
    written = snapshot.health.written
    if written is None:
        return (mode,)
    if written.ended:
        return (mode, (" NOT RECORDED ", "warning strong reverse"))
    return (mode, (f" ● REC {mebibytes_text(written.bytes)} ", "down strong"))


def _mood(snapshot: Snapshot) -> list[Line]:
    if snapshot.cached_age_ms is not None:
        return []
    mood = snapshot.mood
    btc, breadth = mood.btc_change_24h_frac, mood.breadth_frac
    pieces: list[Line] = []
    if isfinite(btc):
        pieces.append((("BTC 24h ", "muted"), (percent_text(btc), "up" if btc >= 0 else "down")))
    else:
        pieces.append((("BTC 24h not known", "muted"),))
    if isfinite(breadth):
        style = "up" if breadth >= 0.5 else "down"
        pieces.append(
            (("up in 1h ", "muted"), (f"{breadth * 100:.0f}%", style), (f" of {mood.rows_with_change} perps", "muted"))
        )
    return pieces


def _venue(feed: Feed, detail: Detail) -> Line:
    live = feed.state == "live"
    name = _mark(feed.venue) if detail in (Detail.MARKS, Detail.MARKS_BRIEFLY) else venue_title(feed.venue)
    trip = f" rtt {_ms(feed.latency_ms)}" if detail >= Detail.LATENCY and feed.latency_ms is not None else ""
    books = f" {count_text(feed.books_synced, 'book')}" if detail >= Detail.BOOKS and feed.books_synced else ""
    resyncing = f" {feed.books_resyncing} resyncing" if detail >= Detail.BOOKS and feed.books_resyncing else ""
    word, age = _state(feed, detail)
    return (
        (f"{LIGHTS[feed.state]} ", LIGHT_STYLES[feed.state]),
        (name + word, "" if live else LIGHT_STYLES[feed.state]),
        (age + trip + books, "muted"),
        (resyncing, "warning"),
    )


def _state(feed: Feed, detail: Detail) -> tuple[str, str]:
    """What is said of its state, and the age beside it."""
    age = "" if feed.age_ms is None else f" {_age(feed.age_ms)}"
    if feed.state == "live":
        return "", age if detail >= Detail.AGES else ""
    if detail >= Detail.SICK:
        return f" {feed.state}", age
    if detail < Detail.MARKS_BRIEFLY:
        return "", ""
    # The light tells a stale venue from the others: its age says more than the word.
    return (age if feed.state == "stale" and age else f" {feed.state}"), ""


def _mark(venue: str) -> str:
    """The venue's two letters as in the table, where spot markets, which share them, have no rows."""
    mark = VENUE_MARKS.get(venue, venue[:2].upper())
    return f"{mark} spot" if venue.endswith("-spot") else mark


def _age(age_ms: int) -> str:
    return f"{age_ms / 1000:.1f}s" if age_ms < 10_000 else age_text(age_ms / 1000)


def venue_line(view: View, width: int) -> Line:
    """Light, name, state and age of every venue, or as much of that as fits; the engine's rates at the right."""
    health = view.snapshot.health
    replay = view.snapshot.replay
    # Of a recording that stands still, or is searched for another place, there is no rate.
    stands = replay is not None and (replay.paused or replay.finished or replay.seek_ms is not None)
    rates: list[Line] = [
        *([] if stands else [((f"{compact_text(health.frames_per_s)} msg/s", ""),)]),
        (("scan ", "muted"), (_ms(health.scan_ms), "warning" if health.scan_ms > 100 else "")),
        (("p99 ", "muted"), (_ms(health.scan_p99_ms), "")),
    ]
    if health.queue > 1000:
        rates.insert(0, ((f"{compact_text(health.queue)} frames waiting", "warning"),))
    if health.vitals is not None and health.vitals.lightened:
        rates.insert(0, (("overloaded: fewer books", "warning"),))
    least: Line = ()
    for detail in reversed(Detail):
        lights = [_venue(feed, detail) for feed in view.snapshot.feeds]
        least = ((" ", ""), *(span for light in lights for span in (*light, ("  ", ""))))
        if width_of(least) + (RATES_WIDTH if detail >= Detail.AGES else 0) <= width:
            break
    if not view.snapshot.feeds:
        least = ((" no venue connected yet", "warning"),)
    return _filled(least, rates, width)


def replay_line(replay: ReplayStatus, view: View, width: int) -> Line:
    """The playback of a recording: paused or running, speed, position, a gap."""
    speed = "max" if not isfinite(replay.speed) else f"{replay.speed:g}x"
    state = "ended" if replay.finished else "paused" if replay.paused else "▶"
    if replay.seek_ms is not None:
        state = f"goes to {time_text(replay.seek_ms, view.zone)}"
    left: Line = (
        (f" {state} {speed} ", "mode-replay reverse" if replay.paused or replay.finished else "mode-replay"),
        # The same clock as in the first line, which is the market's; the recording's own is that of its receiver.
        (f" {time_text(view.now_ms or replay.at_ms, view.zone, '%d %b %H:%M:%S')}", ""),
    )
    told = f"  loop {replay.loop}" if replay.loop > 1 else ""
    gap_s = 0.0 if replay.next_ms is None else (replay.next_ms - replay.at_ms) / 1000
    if gap_s / replay.speed >= GAP_S and replay.seek_ms is None:
        told += f"  gap of {long_age_text(gap_s)}, {view.keys.text('replay_forward')} skips"
    if replay.bad_lines:
        told += f"  {count_text(replay.bad_lines, 'bad line')}"
    if replay.end_ms is None or replay.end_ms <= replay.start_ms:
        return (*left, (told + "  " + replay.name, "muted"))
    share = min(1.0, max(0.0, (replay.at_ms - replay.start_ms) / (replay.end_ms - replay.start_ms)))
    room = min(60, width - width_of(left) - len(told) - 10)
    if room < 8:
        return (*left, (told, "muted"))
    full = round(share * room)
    return (
        *left,
        ("  ", ""),
        ("━" * full, "mode-replay"),
        ("─" * (room - full), "track"),
        (f" {share * 100:.0f}%{told}", "muted"),
    )


def _ms(duration: float) -> str:
    return f"{duration:.0f}ms" if duration == duration else MISSING
