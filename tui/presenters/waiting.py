"""What stands on screen before the first event: what is being waited for, and offline what can be done meanwhile; and
over a table without candidates, that no venue sends anything any more.

Called by the app and the table's model; the table shows the whole of it, the other panes its first line. Where candles
of an earlier run can be shown instead, the status line says what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.snapshot import Feed, Snapshot
from tui.presenters.format import long_age_text
from tui.presenters.lines import Line
from tui.presenters.view import count_text, venue_title

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
        """All of it."""
        return (self.headline, *self.details)


def waiting(snapshot: Snapshot | None, venues_key: str) -> Waiting:
    """For the newest snapshot, which holds no event yet, or None; `venues_key` is what opens the venues screen."""
    feeds = snapshot.feeds if snapshot is not None else ()
    if not feeds:
        return Waiting(STARTING)
    down = [feed for feed in feeds if feed.state == "down"]
    if not down:
        return Waiting("waiting for the first event", tuple(_state(feed) for feed in feeds))
    headline = f"nothing received: {len(down)} of {count_text(len(feeds), 'stream')} down"
    return Waiting(headline, (*_advice(venues_key), *(_state(feed) for feed in feeds)))


def lost_words(feeds: Sequence[Feed]) -> str:
    """That no venue sends anything any more; empty while one does, or none ever did."""
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
    """The status line while cached candles are shown, for `width` cells; nothing where the data is live."""
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
