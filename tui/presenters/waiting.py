"""What stands on screen before the first event: what is being waited for, and offline what can be done meanwhile.

Called by the app; the table shows the whole of it, the other panes its first line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.snapshot import Feed, Snapshot
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


def _advice(venues_key: str) -> tuple[str, ...]:
    first, *rest = OFFLINE_ADVICE
    return (f"{first}; {venues_key} follows it venue by venue", *rest)


def _state(feed: Feed) -> str:
    return f"{venue_title(feed.venue)} {feed.state}" + (f" ({feed.detail})" if feed.detail else "")
