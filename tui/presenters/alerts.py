"""Which events are worth a sound: a new candidate, a large liquidation, a venue that fell silent or is back.

The app hands it every newer snapshot and rings with what it returns. Off until the user asks for it. At most one
alert in so many seconds; what happened in between is counted in the next one, so that nothing is lost and a storm
is one sound. No clock: `now_s` is passed in, from any monotonic clock.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from engine.instruments import Instrument
from engine.snapshot import FeedState, LiquidationLine, Snapshot
from tui.presenters.format import score_text, usd_text
from tui.presenters.view import venue_title

QUIET_MS: Final = 900_000
"""Event time for which a candidate that came back is not new."""
_Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AlertChoice:
    """What the configuration asks for."""

    candidate: bool = True
    liquidation: bool = True
    venue: bool = True
    large_usd: float = 100_000.0
    every_s: float = 10.0


class Alerts:
    """What was seen so far, and what waits to be told."""

    def __init__(self, choice: AlertChoice) -> None:
        self._choice = choice
        self._told_s = -math.inf
        self.forget()

    def forget(self) -> None:
        """Begin anew: what is so already is no news."""
        self._seen: Snapshot | None = None
        self._preset = ""
        self._candidates: dict[_Name, int] = {}
        self._states: dict[str, FeedState] = {}
        self._waiting: deque[str] = deque()

    def look(self, snapshot: Snapshot, preset: str, now_s: float) -> str:
        """The one sentence to alert with now, or an empty text."""
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
        first_text, more = self._waiting[0], len(self._waiting) - 1
        self._waiting.clear()
        return f"{first_text}, and {more} more" if more else first_text

    def _look_at_candidates(self, snapshot: Snapshot, preset: str, quietly: bool) -> None:
        ranking = snapshot.rankings.get(preset)
        if ranking is None:
            return
        for row in ranking.candidates.tolist():
            instrument: Instrument = snapshot.instruments[row]
            name = (instrument.venue, instrument.symbol)
            last = self._candidates.get(name)
            self._candidates[name] = snapshot.at_ms
            if quietly or not self._choice.candidate or (last is not None and snapshot.at_ms - last < QUIET_MS):
                continue
            side = "long" if ranking.side[row] > 0 else "short"
            board = snapshot.board if ranking.board is None else ranking.board
            score = score_text(float(board.prism[row]))
            self._waiting.append(f"{instrument.symbol} {venue_title(instrument.venue)} {side} {score} passes {preset}")

    def _look_at_liquidations(self, snapshot: Snapshot, before: Snapshot) -> None:
        newest = before.liquidations[0] if before.liquidations else None
        fresh: list[LiquidationLine] = []
        for line in snapshot.liquidations:
            if line is newest or line == newest:
                break
            fresh.append(line)
        for line in reversed(fresh if self._choice.liquidation else ()):
            if line.notional_usd >= self._choice.large_usd:
                told = f"{line.symbol} {venue_title(line.venue)} {line.side} liquidated, {usd_text(line.notional_usd)}"
                self._waiting.append(told)

    def _look_at_venues(self, snapshot: Snapshot) -> None:
        for feed in snapshot.feeds:
            was = self._states.get(feed.venue)
            if feed.state in ("live", "stale", "down"):
                self._states[feed.venue] = feed.state
                # From stale to down is the same silence; what was never live has not fallen silent.
                if self._choice.venue and was is not None and (was == "live") != (feed.state == "live"):
                    word = "is back" if feed.state == "live" else f"is {feed.state}"
                    self._waiting.append(f"{venue_title(feed.venue)} {word}")


def desktop_notice(text: str, tmux: bool) -> str:
    """The control sequence that asks the terminal for a desktop notification (OSC 9). `text` holds no control.

    The leading name keeps it from being read as a progress report, which begins with a digit. tmux passes it on only
    in an envelope, and only where `allow-passthrough` is on.
    """
    sequence = f"\x1b]9;prism: {text}\x07"
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if tmux else sequence
