"""Status of each REST host: how it answers, why it does not, how far its clock is off.

Kept by the REST client; shown by `doctor` and the status line. It covers requests only; the streams of the same venue
have `stream_status`. Nothing may be decided here.
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
unasked      no request yet
ok           the newest request was answered, or refused only because the host was busy
resting      in a cool-down: it told us to wait, or banned this address
region       it refuses this region or network
unreachable  no connection, or no answer
"""
REGION_S: Final = 3600.0
"""How long a host that refuses this region is not asked."""
UNREACHABLE_S: Final = 30.0
"""How long other hosts of the same venue are preferred to one that could not be reached."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host at one moment; the texts are cleaned, safe to show."""

    host: str
    """`https://host`."""
    state: HostState
    words: str
    """Why it is in this state; empty for `unasked`, and for `ok` unless the host was busy."""
    until_ns: int | None
    """Wall time at which it may be asked again; None if it may be asked now."""
    latency_ms: float | None
    """From sending the newest answered request to its complete answer."""
    last_success_ns: int | None
    """Wall time of the newest answer that was not a refusal."""
    asked: int
    succeeded: int
    refused: int
    """Answers that were refusals."""
    failed: int
    """Requests without an answer."""
    skew_ms: float | None
    """How far the venue's clock is ahead of the receive clock; None before it was measured."""
    round_trip_ms: float | None
    """Of the request that measured `skew_ms`, which is accurate to half of this."""
    measured_ns: int
    """When that was, on the clock's `elapsed_ns`; 0: never."""

    def wait_words(self, now_ns: int) -> str:
        """Such as `asked again in 12 min`, as of the wall time `now_ns`; empty if it may be asked now."""
        if self.until_ns is None or self.until_ns <= now_ns:
            return ""
        return f"asked again in {_span((self.until_ns - now_ns) / NS_PER_S)}"


def _span(seconds: float) -> str:
    """A wait in a suitable unit, rounded up so that a retry is never early."""
    if seconds <= 120:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds <= 7_200 else f"{math.ceil(seconds / 3_600)} h"


class HostRecord:
    """The current state of one host, updated by the REST client."""

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
        """The venue's time less our elapsed time, so that corrections of our wall clock do not change it."""
        self.round_trip_ms: float | None = None
        self._measured_ns = 0

    def measured(self, skew_ns: int, round_trip_ms: float) -> None:
        """Its clock was measured to be `skew_ns` ahead of ours."""
        self._ahead_ns = skew_ns + self._clock.now_ns() - self._clock.elapsed_ns()
        self.round_trip_ms = round_trip_ms
        self._measured_ns = self._clock.elapsed_ns()

    def answered(self, latency_ns: int, refused: bool) -> None:
        """An answer was received."""
        self.latency_ms = latency_ns / 1e6
        if refused:
            self.refused += 1
        else:
            self.succeeded += 1
            self.last_success_ns = self._clock.now_ns()
        if self._state != "resting" or self.left_s == 0:
            self._set("ok", "", 0.0)

    def busy(self, words: str) -> None:
        """It answered that it is busy."""
        self._set("ok", words, 0.0)

    def rests(self, seconds: float, words: str) -> None:
        """It told us to wait: a cool-down of `seconds`."""
        self._set("resting", words, seconds)

    def refuses_region(self, words: str) -> None:
        """It refuses this region or network."""
        self._set("region", words, REGION_S)

    def unreachable(self, words: str) -> None:
        """A request got no answer."""
        self.failed += 1
        self._set("unreachable", words, UNREACHABLE_S)

    @property
    def left_s(self) -> float:
        """Seconds left of its cool-down, refusal or unreachability; 0 if there is none."""
        return max(0.0, (self._until_ns - self._clock.monotonic_ns()) / NS_PER_S)

    @property
    def refusing_region(self) -> bool:
        """Whether the region was refused less than `REGION_S` ago."""
        return self._state == "region" and self.left_s > 0

    @property
    def out_of_reach(self) -> bool:
        """Whether other hosts are preferred."""
        return self._state in ("region", "unreachable") and self.left_s > 0

    def status(self) -> HostStatus:
        """An immutable copy as of now."""
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
            measured_ns=self._measured_ns,
        )

    def _skew_ms(self) -> float | None:
        if self._ahead_ns is None:
            return None
        return (self._ahead_ns - self._clock.now_ns() + self._clock.elapsed_ns()) / 1e6

    def _set(self, state: HostState, words: str, seconds: float) -> None:
        self._state = state
        self._words = clean(words)
        self._until_ns = self._clock.monotonic_ns() + nanoseconds(seconds)
