"""Messages while there is no data: before the first event, offline, or after every venue fell silent.

Before the first event they say what the console is waiting for and, if streams are down, what the user can do. Called
by the app and the table's model; the table shows all of it, the other panes the first line. If candles of an earlier
run are shown instead, the status line says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.presenters.format import long_age_text
from tui.presenters.lines import Line
from tui.presenters.view import count_text, venue_title

if TYPE_CHECKING:
    from engine.snapshot import Feed, Snapshot

STARTING: Final = "starting the engine"
OFFLINE_ADVICE: Final = (
    "prism keeps trying by itself",
    "`prism doctor` says what to do about each venue",
    "`prism demo` needs no network, `prism replay CAPTURE` shows a recording",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why there is nothing to show yet."""

    headline: str
    details: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The headline and the details."""
        return (self.headline, *self.details)


def waiting(snapshot: Snapshot | None, venues_key: str) -> Waiting:
    """The message for a snapshot without any event yet, or None; `venues_key` is the key of the venues screen."""
    feeds = snapshot.feeds if snapshot is not None else ()
    if not feeds:
        return Waiting(STARTING)
    down = [feed for feed in feeds if feed.state == "down"]
    if not down:
        return Waiting("waiting for the first event", tuple(_state(feed) for feed in feeds))
    headline = f"nothing received: {len(down)} of {count_text(len(feeds), 'stream')} down"
    return Waiting(headline, (*_advice(venues_key), *(_state(feed) for feed in feeds)))


def lost_words(feeds: Sequence[Feed]) -> str:
    """Says that no venue sends data any more; empty while one does, or while all are still connecting."""
    count = Counter(feed.state for feed in feeds)
    if count["live"] or count["syncing"] or not (count["down"] or count["stale"]):
        return ""
    if not count["down"]:
        return f"no venue sends anything: {count_text(count['stale'], 'stream')} stale"
    if count["down"] == len(feeds):
        told = f"no venue is connected: {len(feeds)} of {count_text(len(feeds), 'stream')} down"
    else:
        told = f"no venue sends anything: {count_text(count['down'], 'stream')} down"
        told += f", {count['stale']} stale" if count["stale"] else ""
    return f"{told}; prism keeps trying"


def cached_line(snapshot: Snapshot, venues_key: str, width: int) -> Line:
    """The status line in `width` cells while cached candles are shown; empty if the data is live."""
    if snapshot.cached_age_ms is None:
        return ()
    down = sum(feed.state == "down" for feed in snapshot.feeds)
    text = f" CACHED candles, {long_age_text(snapshot.cached_age_ms / 1000)} old, nothing here is live"
    more = (
        f": {down} of {count_text(len(snapshot.feeds), 'stream')} down",
        f"; prism keeps trying, {venues_key} says why",
        "; `prism demo` needs no network",
    )
    for piece in more:
        if len(text) + len(piece) < width:
            text += piece
    return ((text.ljust(width), "warning strong reverse"),)


def _advice(venues_key: str) -> tuple[str, ...]:
    first, *rest = OFFLINE_ADVICE
    return (f"{first}; {venues_key} follows it venue by venue", *rest)


def _state(feed: Feed) -> str:
    return f"{venue_title(feed.venue)} {feed.state}" + (f" ({feed.detail})" if feed.detail else "")
