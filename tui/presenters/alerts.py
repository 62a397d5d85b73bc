"""Decides which events raise an alert: a new candidate, a large liquidation, a venue that fell silent or is back.

The app passes it every new snapshot and rings with the text that it returns. Off until the user turns it on. Alerts are
throttled to one per `every_s`; events in between are counted in the next one, so a burst is one sound and nothing is
lost. Candidates of a venue raise none until its history has arrived: until then rows pass because more of them is
known, not because the market moved. No clock here: `now_s` is passed in, from any monotonic clock.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.presenters.format import score_text, usd_text
from tui.presenters.view import venue_title

if TYPE_CHECKING:
    from engine.instruments import Instrument
    from engine.snapshot import FeedState, LiquidationLine, Snapshot

QUIET_MS: Final = 900_000
"""A candidate of a preset that returns within this event time is not new."""
SETTLED_MS: Final = 10_000
"""History has arrived once a venue has been live for this event time with no request for candles to go: the answers to
the last requests are still to come, and a gate may want several scans in a row."""
LONGEST_MS: Final = 900_000
"""After this event time since a venue was first live, its candidates are news even if history is still missing: it may
refuse the requests."""
MOST_NAMED: Final = 5
"""Events that one alert names, besides the first, which it tells in full."""
_Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AlertChoice:
    """The alert settings of the configuration."""

    candidate: bool = True
    liquidation: bool = True
    venue: bool = True
    large_usd: float = 100_000.0
    every_s: float = 10.0


class _Event(NamedTuple):
    name: str
    text: str
    size_usd: float = math.inf
    """Of a liquidation: the largest are told first. Candidates and venues come before them."""


class Alerts:
    """What was seen so far, and the alerts not sent yet."""

    def __init__(self, choice: AlertChoice) -> None:
        self._choice = choice
        self._told_s = -math.inf
        self._epoch = -1
        self._settling: dict[str, int] = {}
        self._first_live: dict[str, int] = {}
        self._settled: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Start over: what the next snapshot already contains is not news."""
        self._seen: Snapshot | None = None
        self._preset = ""
        self._candidates: dict[tuple[str, _Name], int] = {}
        """When each was last a candidate, by preset too: one that passes a stricter preset later is news."""
        self._states: dict[str, FeedState] = {}
        self._waiting: deque[_Event] = deque()

    def follow(self, snapshot: Snapshot) -> None:
        """Note which venues' history has arrived; call it with every snapshot, also while alerts are off."""
        if snapshot.epoch != self._epoch:
            self._epoch = snapshot.epoch
            self._settling.clear()
            self._first_live.clear()
            self._settled.clear()
        for feed in snapshot.feeds:
            if feed.venue in self._settled or not snapshot.at_ms:
                continue
            if feed.state != "live":
                self._settling.pop(feed.venue, None)
                continue
            if snapshot.at_ms - self._first_live.setdefault(feed.venue, snapshot.at_ms) >= LONGEST_MS:
                self._settled.add(feed.venue)
            elif feed.backfill:
                self._settling.pop(feed.venue, None)
            elif snapshot.at_ms - self._settling.setdefault(feed.venue, snapshot.at_ms) >= SETTLED_MS:
                self._settled.add(feed.venue)

    def waits(self, snapshot: Snapshot) -> bool:
        """Whether a venue's candidates raise no alert yet because its history has not arrived."""
        return any(feed.venue not in self._settled and feed.state != "down" for feed in snapshot.feeds)

    def look(self, snapshot: Snapshot, preset: str, now_s: float) -> str:
        """The alert to raise now, one sentence, or an empty text."""
        self.follow(snapshot)
        before = self._seen
        if before is not None and before.epoch != snapshot.epoch:
            self.forget()
            before = None
        if snapshot is not before:
            self._seen = snapshot
            first = before is None or not before.at_ms
            self._look_at_candidates(snapshot, preset, first or preset != self._preset)
            self._preset = preset
            self._look_at_venues(snapshot)
            if before is not None:
                self._look_at_liquidations(snapshot, before)
        if not self._waiting or now_s - self._told_s < self._choice.every_s:
            return ""
        self._told_s = now_s
        told = _told(sorted(self._waiting, key=lambda event: -event.size_usd))
        self._waiting.clear()
        return told

    def _look_at_candidates(self, snapshot: Snapshot, preset: str, quietly: bool) -> None:
        ranking = snapshot.rankings.get(preset)
        if ranking is None:
            return
        for row in ranking.candidates.tolist():
            instrument: Instrument = snapshot.instruments[row]
            name = (preset, (instrument.venue, instrument.symbol))
            last = self._candidates.get(name)
            self._candidates[name] = snapshot.at_ms
            if quietly or instrument.venue not in self._settled:
                continue
            if not self._choice.candidate or (last is not None and snapshot.at_ms - last < QUIET_MS):
                continue
            side = "long" if ranking.side[row] > 0 else "short"
            board = snapshot.board if ranking.board is None else ranking.board
            score = score_text(float(board.prism[row]))
            told = f"{instrument.symbol} {venue_title(instrument.venue)} {side} {score} passes {preset}"
            self._waiting.append(_Event(instrument.symbol, told))

    def _look_at_liquidations(self, snapshot: Snapshot, before: Snapshot) -> None:
        if not self._choice.liquidation or snapshot.liquidations is before.liquidations:
            return
        # Newest event time first, across venues: a line that arrives late is not at the top.
        known = Counter(_identity(line) for line in before.liquidations)
        for line in reversed(snapshot.liquidations):
            name = _identity(line)
            if known[name]:
                known[name] -= 1
            elif line.notional_usd >= self._choice.large_usd:
                told = f"{line.symbol} {venue_title(line.venue)} {line.side} liquidated, {usd_text(line.notional_usd)}"
                self._waiting.append(_Event(line.symbol, told, line.notional_usd))

    def _look_at_venues(self, snapshot: Snapshot) -> None:
        for feed in snapshot.feeds:
            was = self._states.get(feed.venue)
            if feed.state in ("live", "stale", "down"):
                self._states[feed.venue] = feed.state
                # From stale to down is the same silence; a venue that was never live cannot fall silent.
                if self._choice.venue and was is not None and (was == "live") != (feed.state == "live"):
                    word = "is back" if feed.state == "live" else f"is {feed.state}"
                    title = venue_title(feed.venue)
                    self._waiting.append(_Event(title, f"{title} {word}"))


def _told(events: list[_Event]) -> str:
    """The first event in full, the next by name, the rest by number."""
    first, others = events[0], events[1:]
    # One symbol may come several times: on four venues, or with one liquidation after the other.
    counted = list(Counter(other.name for other in others).items())
    words = [f"{name} ×{times}" if times > 1 else name for name, times in counted[:MOST_NAMED]]
    if rest := sum(times for _, times in counted[MOST_NAMED:]):
        words.append(f"{rest} more")
    if not words:
        return first.text
    return f"{first.text}; also " + (f"{', '.join(words[:-1])} and {words[-1]}" if words[1:] else words[0])


def _identity(line: LiquidationLine) -> tuple[int, str, str, str, float, float]:
    """What makes two lines the same liquidation; not the notional, which may be NaN, which equals nothing."""
    return line.ts_ms, line.venue, line.symbol, line.side, line.price, line.size_base


def desktop_notice(text: str, tmux: bool) -> str:
    """The control sequence that asks the terminal for a desktop notification (OSC 9). `text` must be free of controls.

    The name `prism` at its start keeps it from being read as a progress report, which begins with a digit. tmux passes
    it on only inside its own escape sequence, and only if `allow-passthrough` is on.
    """
    sequence = f"\x1b]9;prism: {text}\x07"
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if tmux else sequence
