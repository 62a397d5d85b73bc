"""How every venue does, line by line, and what the engine has to tell: the words behind the lights of the header.

Called by the venues screen. Streams and requests stand apart, since one of them may be refused while the other works.
"""

from __future__ import annotations

from typing import Final

from engine.snapshot import Feed
from tui.presenters.format import MISSING, age_text, compact_text
from tui.presenters.header import LIGHT_STYLES, LIGHTS
from tui.presenters.lines import BLANK, Line, cut, wrapped
from tui.presenters.view import View, count_text, venue_title

SKEW_WARN_MS: Final = 1_000.0
"""A clock further off than this makes ages wrong enough to be told loudly."""
INDENT: Final = 4


def venue_lines(view: View, width: int) -> list[Line]:
    """All products, then the engine's notices, newest first."""
    lines: list[Line] = []
    for feed in view.snapshot.feeds:
        lines += _feed(feed, width)
    if not view.snapshot.feeds:
        lines.append((("no venue connected yet", "warning"),))
    lines += [BLANK, (("Notices, newest first", "heading"),)]
    notices = view.snapshot.health.notices
    for notice in notices:
        first, *rest = wrapped(notice, max(10, width - 3)) or [BLANK]
        lines.append(((" ", ""), *first))
        lines += [(("   ", ""), *line) for line in rest]
    if not notices:
        lines.append(((" none", "muted"),))
    return lines


def _feed(feed: Feed, width: int) -> list[Line]:
    style = LIGHT_STYLES[feed.state]
    age = MISSING if feed.age_ms is None else _age(feed.age_ms)
    head: Line = (
        (f"{LIGHTS[feed.state]} ", style),
        (f"{venue_title(feed.venue):<14}", "strong"),
        (f"{feed.state:<11}", style),
        (f"newest {age}  ", "muted"),
        (f"{compact_text(feed.frames)} frames", "muted"),
    )
    lines: list[Line] = [cut(head, width)]
    facts = [f"round trip {_ms(feed.latency_ms)}", f"its clock {_ms(feed.skew_ms, signed=True)} from ours"]
    if feed.channels:
        facts.append(f"{feed.channels_live} of {count_text(feed.channels, 'subscription')} deliver")
    facts.append(count_text(feed.books_synced, "book"))
    if feed.books_resyncing:
        facts.append(f"{feed.books_resyncing} resyncing")
    if feed.reconnects:
        facts.append(count_text(feed.reconnects, "reconnect"))
    if feed.backfill:
        facts.append(f"{count_text(feed.backfill, 'request')} for candles to go")
    if feed.rejected or feed.unknown:
        facts.append(f"{feed.rejected} frames refused, {feed.unknown} not known")
    lines += _told(", ".join(facts), width, "muted")
    if feed.skew_ms is not None and abs(feed.skew_ms) > SKEW_WARN_MS:
        lines += _told("the clocks disagree: ages are wrong by that; set this machine's clock by NTP", width, "warning")
    if feed.detail:
        lines += _told(feed.detail, width, "warning" if feed.state != "live" else "")
    if feed.requests:
        lines += _told(f"requests: {feed.requests}", width, "warning")
    return lines


def _told(text: str, width: int, style: str) -> list[Line]:
    return [((" " * INDENT, ""), *line) for line in wrapped(text, max(10, width - INDENT), style)]


def _age(age_ms: int) -> str:
    return f"{age_ms / 1000:.1f} s ago" if age_ms < 10_000 else f"{age_text(age_ms / 1000)} ago"


def _ms(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "not measured" if not signed else "(not measured)"
    return f"{value:+.0f} ms" if signed else f"{value:.0f} ms"
