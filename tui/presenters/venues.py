"""The state of every venue, of the engine, and the notices, line by line.

Called by the venues screen. Streams and requests are reported separately, because a venue may refuse one of them while
the other works.
"""

from __future__ import annotations

from math import isnan
from typing import Final

from engine.snapshot import Feed, Snapshot, Spread
from engine.written import Written
from tui.presenters.format import age_text, compact_text, mebibytes_text
from tui.presenters.header import LIGHT_STYLES, LIGHTS
from tui.presenters.lines import BLANK, Line, cut, wrapped
from tui.presenters.view import View, count_text, time_text, venue_title

SKEW_WARN_MS: Final = 1_000.0
"""A clock further off than this makes ages wrong enough for a warning."""
INDENT: Final = 4
WHEN: Final = 8
"""Cells of a notice's time."""
LATE_WARN_MS: Final = 250.0
"""An event loop that wakes this late also reads, scans and answers late."""


def venue_lines(view: View, width: int) -> list[Line]:
    """All streams, then the engine, its notices and the console's own, newest first."""
    lines: list[Line] = []
    for feed in view.snapshot.feeds:
        lines += _feed(feed, width)
    if not view.snapshot.feeds:
        lines.append((("no venue connected yet", "warning"),))
    lines += [BLANK, (("The engine", "heading"),), *_engine(view.snapshot, width)]
    lines += [BLANK, (("Engine said, newest first", "heading"),)]
    notices, times = view.snapshot.health.notices, view.snapshot.health.notice_times_ms
    for place, notice in enumerate(notices):
        at_ms = times[place] if place < len(times) else 0
        lines += _noticed(at_ms, notice, view, width)
    if not notices:
        lines.append(((" none", "muted"),))
    return [*lines, *_told_quickly(view, width)]


def _told_quickly(view: View, width: int) -> list[Line]:
    """The quick notices, also those that were displaced before they could be read."""
    lines: list[Line] = [BLANK, (("Console said, newest first", "heading"),)] if view.told else []
    for said in reversed(view.told):
        lines += _noticed(said.at_ms, said.text, view, width, "" if said.severity == "information" else "warning")
    return lines


def _noticed(at_ms: int, text: str, view: View, width: int, style: str = "") -> list[Line]:
    told = _when(at_ms, view) if at_ms else " " * WHEN
    first, *rest = wrapped(text, max(10, width - WHEN - 2), style) or [BLANK]
    return [((f" {told} ", "muted"), *first), *(((" " * (WHEN + 2), ""), *line) for line in rest)]


def _when(at_ms: int, view: View) -> str:
    """The time of day in `WHEN` cells; the date if it was another day."""
    day = "%d %b"
    today = time_text(at_ms, view.zone, day) == time_text(view.now_ms, view.zone, day)
    return f"{time_text(at_ms, view.zone, '%H:%M:%S' if today else day):<{WHEN}}"


def _feed(feed: Feed, width: int) -> list[Line]:
    style = LIGHT_STYLES[feed.state]
    age = "none yet" if feed.age_ms is None else _age(feed.age_ms)
    head: Line = (
        (f"{LIGHTS[feed.state]} ", style),
        (f"{venue_title(feed.venue):<14}", "strong"),
        (f"{feed.state:<11}", style),
        (f"newest {age}  ", "muted"),
        (f"{compact_text(feed.frames)} frames", "muted"),
    )
    lines: list[Line] = [cut(head, width)]
    facts = [f"round trip {_ms(feed.latency_ms)}", _clock(feed.skew_ms)]
    if feed.channels:
        facts.append(f"{feed.channels_live} of {count_text(feed.channels, 'subscription')} deliver")
    facts.append(count_text(feed.books_synced, "book"))
    if feed.books_resyncing:
        facts.append(f"{feed.books_resyncing} resyncing")
    if feed.reconnects:
        facts.append(count_text(feed.reconnects, "reconnect"))
    if feed.trade_holes:
        facts.append(f"{count_text(feed.trade_holes, 'hole')} in trades")
    if feed.withheld:
        facts.append(f"{count_text(feed.withheld, 'message')} implausible, withheld")
    if feed.waiting:
        facts.append(f"{count_text(feed.waiting, 'frame')} waiting")
    if feed.backfill:
        facts.append(f"{count_text(feed.backfill, 'candle request')} to go")
    if feed.rejected or feed.unknown:
        facts.append(f"{feed.rejected} frames refused, {feed.unknown} of unknown kind")
    lines += _told(", ".join(facts), width, "muted")
    if feed.skew_ms is not None and abs(feed.skew_ms) > SKEW_WARN_MS:
        lines += _told(_clocks(feed.skew_ms, feed.off_ms), width, "warning")
    if feed.detail:
        lines += _told(feed.detail, width, "warning" if feed.state != "live" else "")
    if feed.requests:
        lines += _told(f"requests: {feed.requests}", width, "warning")
    return lines


def _engine(snapshot: Snapshot, width: int) -> list[Line]:
    """Its load, queue, conflated messages, timings and memory."""
    health, vitals = snapshot.health, snapshot.health.vitals
    lines: list[Line] = []
    if health.written is not None:
        lines += _written(health.written, width)
    if vitals is not None and vitals.lightened:
        lines += _told(f"overloaded: {vitals.lightened}", width, "warning")
    if vitals is not None and vitals.stalled:
        lines += _told(vitals.stalled, width, "warning")
    facts = [f"{compact_text(health.frames_per_s)} messages a second", f"{count_text(health.queue, 'frame')} waiting"]
    facts.append(f"{_count(health.conflated)} replaced by a newer one before a scan")
    if vitals is not None and vitals.paused and snapshot.mode != "replay":
        facts.append(f"reading paused {_times(vitals.paused)}")
    lines += _told(", ".join(facts), width, "warning" if health.queue > 1000 else "muted")
    if vitals is None:
        return [*lines, *_told(f"scan {_some_ms(health.scan_ms)}, p99 {_some_ms(health.scan_p99_ms)}", width, "muted")]
    lines += _told(f"scan {_spread(vitals.scan)}; snapshot {_spread(vitals.publish)}", width, "muted")
    late = vitals.loop_late
    style = "warning" if late.p99_ms > LATE_WARN_MS else "muted"
    lines += _told(f"event loop late {_spread(late)}{_most(late)}", width, style)
    longest = _most(vitals.collection) if vitals.collections else ""
    lines += _told(f"{count_text(vitals.collections, 'garbage collection pause')}{longest}", width, "muted")
    # Live, the engine has its own process; a replay runs in the console's.
    whose = "memory" if snapshot.mode == "replay" else "memory of the engine's process"
    memory = f"{whose} {_mib(vitals.memory_bytes)}, peak {_mib(vitals.memory_peak_bytes)}"
    return [*lines, *_told(memory, width, "muted")]


def _written(written: Written, width: int) -> list[Line]:
    """The progress of a recording being made."""
    done = f"{count_text(written.records, 'record')}, {mebibytes_text(written.bytes)}"
    done = f"{done} in {count_text(written.files, 'file')}"
    if not written.ended:
        return _told(f"recorded so far: {done}", width, "muted")
    return _told(f"recording has stopped: {written.ended}; recorded before: {done}", width, "warning")


def _most(spread: Spread) -> str:
    return "" if isnan(spread.most_ms) else f", at most {_some_ms(spread.most_ms)}"


def _spread(spread: Spread) -> str:
    if isnan(spread.p50_ms) and isnan(spread.p99_ms):
        return "not measured"
    return f"p50 {_some_ms(spread.p50_ms)}, p99 {_some_ms(spread.p99_ms)}"


def _some_ms(value: float) -> str:
    return "not measured" if value != value else f"{value:.1f} ms" if value < 10.0 else f"{value:.0f} ms"


def _mib(value: float) -> str:
    return "not known" if value != value else f"{value / 2**20:.0f} MiB"


def _count(count: int) -> str:
    return str(count) if count < 1_000 else compact_text(count)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _told(text: str, width: int, style: str) -> list[Line]:
    return [((" " * INDENT, ""), *line) for line in wrapped(text, max(10, width - INDENT), style)]


def _age(age_ms: int) -> str:
    return f"{age_ms / 1000:.1f} s ago" if age_ms < 10_000 else f"{age_text(age_ms / 1000)} ago"


def _ms(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.0f} ms"


def _clocks(skew_ms: float, off_ms: float | None) -> str:
    """What a difference between a venue's clock and this machine's means."""
    if off_ms is not None and abs(off_ms) <= SKEW_WARN_MS < abs(skew_ms):
        return "this machine's clock is wrong: receive times use the venues' clocks; synchronise it by NTP"
    return "the clocks disagree: ages are wrong by that much; synchronise this machine's clock by NTP"


def _clock(skew_ms: float | None) -> str:
    return "its clock not measured" if skew_ms is None else f"its clock {skew_ms:+.0f} ms from ours"
