"""What is known of each REST host: how it answers, why it does not, how far its clock is off.

Kept by the REST client, shown by `doctor` and the status line. It speaks of requests alone; how the streams of the same
venue are doing is said elsewhere. Nothing here decides anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from engine.clock import Clock
from engine.text import clean
from engine.transport.tasks import NS_PER_S, nanoseconds

HostState = Literal["unasked", "ok", "resting", "region", "unreachable"]
"""
unasked      nothing was asked yet
ok           the newest request was answered, or the host only had a bad moment
resting      it told us to wait, or banned this address
region       it refuses this place or network
unreachable  no connection, or no answer
"""
REGION_S: Final = 3600.0
"""How long a host that refuses this region is left alone."""
UNREACHABLE_S: Final = 30.0
"""How long other hosts of the same venue are preferred to one that could not be reached."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host at one moment; the texts are cleaned, fit to show."""

    host: str
    """`https://host`."""
    state: HostState
    words: str
    """Why it is in this state; empty for `ok` and `unasked`."""
    until_ns: int | None
    """Wall time at which it may be asked again; None where it may be asked now."""
    latency_ms: float | None
    """From sending the newest answered request to its whole answer."""
    last_success_ns: int | None
    """Wall time of the newest answer that was no refusal."""
    asked: int
    succeeded: int
    refused: int
    """Answers that refused."""
    failed: int
    """Requests without an answer."""
    skew_ms: float | None
    """How far the venue's clock is ahead of the clock that stamps what is received; None before it was measured."""
    round_trip_ms: float | None
    """Of the request that measured `skew_ms`: it is right to half of this."""

    def wait_words(self, now_ns: int) -> str:
        """`asked again in 12 min`, at the wall time `now_ns`; empty where it may be asked now."""
        if self.until_ns is None or self.until_ns <= now_ns:
            return ""
        return f"asked again in {_span((self.until_ns - now_ns) / NS_PER_S)}"


def _span(seconds: float) -> str:
    """A time to wait in the unit that suits it, rounded up so that nobody is early."""
    if seconds <= 120:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds <= 7_200 else f"{math.ceil(seconds / 3_600)} h"


class HostRecord:
    """What one host has shown so far."""

    def __init__(self, host: str, clock: Clock) -> None:
        self.host = host
        self._clock = clock
        self._state: HostState = "unasked"
        self._words = ""
        self._until_ns = 0
        self.latency_ms: float | None = None
        self.last_success_ns: int | None = None
        self.asked = 0
        self.succeeded = 0
        self.refused = 0
        self.failed = 0
        self._ahead_ns: int | None = None
        """The venue's time less elapsed time: what our own clock is set to meanwhile is nothing to it."""
        self.round_trip_ms: float | None = None

    def measured(self, skew_ns: int, round_trip_ms: float) -> None:
        """Its clock is `skew_ns` ahead of ours."""
        self._ahead_ns = skew_ns + self._clock.now_ns() - self._clock.elapsed_ns()
        self.round_trip_ms = round_trip_ms

    def answered(self, latency_ns: int, refused: bool) -> None:
        """An answer came."""
        self.latency_ms = latency_ns / 1e6
        if refused:
            self.refused += 1
        else:
            self.succeeded += 1
            self.last_success_ns = self._clock.now_ns()
        if self._state != "resting" or self.left_s == 0:
            self._set("ok", "", 0.0)

    def busy(self, words: str) -> None:
        """It has a bad moment: it is there, but says so."""
        self._set("ok", words, 0.0)

    def rests(self, seconds: float, words: str) -> None:
        """It told us to wait."""
        self._set("resting", words, seconds)

    def refuses_region(self, words: str) -> None:
        """It refuses this place or network."""
        self._set("region", words, REGION_S)

    def unreachable(self, words: str) -> None:
        """A request got no answer."""
        self.failed += 1
        self._set("unreachable", words, UNREACHABLE_S)

    @property
    def left_s(self) -> float:
        """Seconds for which other hosts are preferred, 0 where none are."""
        return max(0.0, (self._until_ns - self._clock.monotonic_ns()) / NS_PER_S)

    @property
    def refusing_region(self) -> bool:
        """Whether the region was refused less than `REGION_S` ago."""
        return self._state == "region" and self.left_s > 0

    @property
    def out_of_reach(self) -> bool:
        """Whether another host is to be asked first."""
        return self._state in ("region", "unreachable") and self.left_s > 0

    def status(self) -> HostStatus:
        """The picture of now."""
        over = self._state == "resting" and self.left_s == 0
        return HostStatus(
            host=self.host,
            state="ok" if over else self._state,
            words="" if over else self._words,
            until_ns=self._clock.now_ns() + nanoseconds(self.left_s) if self.left_s > 0 else None,
            latency_ms=self.latency_ms,
            last_success_ns=self.last_success_ns,
            asked=self.asked,
            succeeded=self.succeeded,
            refused=self.refused,
            failed=self.failed,
            skew_ms=self._skew_ms(),
            round_trip_ms=self.round_trip_ms,
        )

    def _skew_ms(self) -> float | None:
        if self._ahead_ns is None:
            return None
        return (self._ahead_ns - self._clock.now_ns() + self._clock.elapsed_ns()) / 1e6

    def _set(self, state: HostState, words: str, seconds: float) -> None:
        self._state = state
        self._words = clean(words)
        self._until_ns = self._clock.monotonic_ns() + nanoseconds(seconds)
