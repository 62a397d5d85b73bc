"""The two header lines and the status line: where the data comes from, how old it is, what is wrong.

Called by the header and status widgets. Pieces give way by importance when the terminal is narrow; the mode, the
clock and every venue's state are always there.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

from engine.snapshot import Feed, ReplayStatus, Snapshot
from tui.presenters.format import MISSING, age_text, compact_text, long_age_text, percent_text
from tui.presenters.lines import Line, width_of
from tui.presenters.view import View, count_text, time_text, venue_title, zone_text

LIGHTS: Final = {"live": "●", "connecting": "◌", "syncing": "◔", "stale": "◐", "down": "○"}
LIGHT_STYLES: Final = {"live": "up", "connecting": "muted", "syncing": "warning", "stale": "warning", "down": "down"}


def _spread(left: Line, pieces: list[Line], width: int) -> Line:
    """`left`, then as many of `pieces` from the first as fit, at the right edge."""
    kept: list[Line] = []
    room = width - width_of(left) - 1
    for piece in pieces:
        needed = width_of(piece) + 2
        if needed > room:
            continue
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
    )
    return _spread(left, [((("preset ", "muted"), (snapshot.preset, "accent"))), *_mood(snapshot)], width)


def _mode(snapshot: Snapshot) -> Line:
    """Where the data comes from; what is cached is not called live."""
    if snapshot.cached_age_ms is not None:
        age = long_age_text(snapshot.cached_age_ms / 1000)
        return ((" CACHED ", "warning strong reverse"), (f" {age} old ", "warning strong"))
    return ((f" {snapshot.mode.upper()} ", f"mode-{snapshot.mode} reverse"),)


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
            (("up in 1h ", "muted"), (f"{breadth * 100:.0f}%", style), (f" of {mood.rows_with_change}", "muted"))
        )
    return pieces


def _venue(feed: Feed, detail: int) -> Line:
    live = feed.state == "live"
    word = "" if live else f" {feed.state}"
    age = f" {_age(feed.age_ms)}" if detail > 0 and feed.age_ms is not None else ""
    books = f" {count_text(feed.books_synced, 'book')}" if detail > 1 and feed.books_synced else ""
    resyncing = f" {feed.books_resyncing} resyncing" if detail > 1 and feed.books_resyncing else ""
    return (
        (f"{LIGHTS[feed.state]} ", LIGHT_STYLES[feed.state]),
        (venue_title(feed.venue) + word, "" if live else LIGHT_STYLES[feed.state]),
        (age + books, "muted"),
        (resyncing, "warning"),
    )


def _age(age_ms: int) -> str:
    return f"{age_ms / 1000:.1f}s" if age_ms < 10_000 else age_text(age_ms / 1000)


def venue_line(view: View, width: int) -> Line:
    """A light, a name, a state and an age for every venue; rates of the engine at the right."""
    health = view.snapshot.health
    rates: list[Line] = [
        ((f"{compact_text(health.frames_per_s)} msg/s", ""),),
        (("scan ", "muted"), (_ms(health.scan_ms), "warning" if health.scan_ms > 100 else "")),
        (("p99 ", "muted"), (_ms(health.scan_p99_ms), "")),
    ]
    if health.queue > 1000:
        rates.insert(0, ((f"{compact_text(health.queue)} frames waiting", "warning"),))
    if health.vitals is not None and health.vitals.lightened:
        rates.insert(0, (("overloaded: fewer books", "warning"),))
    least: Line = ()
    for detail in (2, 1, 0):
        lights = [_venue(feed, detail) for feed in view.snapshot.feeds]
        least = ((" ", ""), *(span for light in lights for span in (*light, ("  ", ""))))
        if width_of(least) + 26 <= width:
            break
    if not view.snapshot.feeds:
        least = ((" no venue connected yet", "warning"),)
    return _spread(least, rates, width)


def replay_line(replay: ReplayStatus, view: View, width: int) -> Line:
    """Where a recording stands: held or running, speed, position."""
    speed = "max" if not isfinite(replay.speed) else f"{replay.speed:g}x"
    state = "ended" if replay.finished else "held" if replay.paused else "▶"
    left: Line = (
        (f" {state} {speed} ", "mode-replay reverse" if replay.paused or replay.finished else "mode-replay"),
        (f" {time_text(replay.at_ms, view.zone, '%d %b %H:%M:%S')}", ""),
    )
    told = f"  loop {replay.loop}" if replay.loop > 1 else ""
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
