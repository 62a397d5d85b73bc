"""Checks the receive clock against the venues' clocks, and corrects it.

Made by `engine.live`, which starts no feed before `settle` returns and calls `is_far` at every scan. Most messages
carry the venue's time, but some carry none and get ours: if our clock is an hour ahead, their events seem an hour newer
than all others; if it is behind, everything else seems to come from the future. Only answers to `time_request` may be
used, each accurate to half its round trip.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from statistics import median, median_low
from typing import Final

from engine.clock import ReceiveClock
from engine.errors import VenueError
from engine.market.state import SKEW_MS
from engine.transport.rest_client import RestClient
from engine.transport.tasks import Owned, settle, sleep, spawn
from engine.venues.live import VenueLive

LOG: Final = logging.getLogger("prism.feeds")

SETTLE_S: Final = 2.0
"""Longest wait for the venues' time at the start; a reachable venue has answered by then."""
RIGHT_MS: Final = 1_000.0
"""Our clock is right if one venue's clock is this close."""
AGREE_MS: Final = 2_000.0
"""Venues whose clocks are this close agree: a slow answer shifts a right clock by less."""
FAR_MS: Final = float(SKEW_MS)
"""An error larger than this while the market is followed has misdated the records received: everything starts over. A
smaller error is slewed away."""
LEAN_FROM_MS: Final = 500.0
"""A smaller offset is ignored: one measurement may be off by as much."""
STALE_NS: Final = 600_000_000_000
"""Older measurements are ignored. A host in use is measured every two minutes; a fallback host that is no longer used
keeps an old one, and a clock that is not synchronised drifts by seconds a day."""
JUMP_NS: Final = 5_000_000_000
"""If our clock and the machine's move apart by this much between scans, the machine's clock was set, or a virtual
machine was suspended. One of the two is wrong, so the venues are asked at once."""


def agreed_ms(measured: Mapping[str, float], machine_ms: float) -> float | None:
    """How far our clock is behind, from the exchanges' measurements: a single one is believed, of several more than
    half must agree. If they do not, the machine's own clock, `machine_ms` ahead of ours, is right if one of them agrees
    with it; None if none does."""
    if not measured:
        return None
    middle = median_low(measured.values())  # one of the measured values: a mean of two may match neither
    near = [value for value in measured.values() if abs(value - middle) <= AGREE_MS]
    if 2 * len(near) > len(measured):
        return median(near)
    return machine_ms if any(abs(value - machine_ms) <= AGREE_MS for value in measured.values()) else None


class VenueTime:
    """Compares the venues' clocks with ours."""

    def __init__(
        self, clock: ReceiveClock, rest: RestClient, languages: Sequence[VenueLive], announce: Callable[[str], None]
    ) -> None:
        """`announce` takes a sentence for the user."""
        self._announce = announce
        self._clock = clock
        self._rest = rest
        self._languages = languages
        self._exchanges = {_exchange(language) for language in languages}
        self._ahead_ns = clock.ahead_ns
        self._tasks: Owned = {}

    async def settle(self) -> int:
        """Wait, at most `SETTLE_S`, until it is known whether our clock is right, and correct it if it is not. Returns
        the correction in nanoseconds."""
        timer = spawn(self._tasks, sleep(self._clock, SETTLE_S), "venue time deadline")
        asked = self._ask_all()
        while (left := [task for task in asked if not task.done()]) and not timer.done() and not self._is_settled():
            # Unanswered requests go on: the listing needs their connections in a moment.
            await asyncio.wait([timer, *left], return_when=asyncio.FIRST_COMPLETED)
        off_ms = self._off_ms()
        return self.set_right() if off_ms is not None and abs(off_ms) > RIGHT_MS else 0

    async def close(self) -> None:
        """Cancel the requests under way."""
        await settle(self._tasks)

    def is_far(self) -> bool:
        """Whether our clock is off by more than `FAR_MS`; a smaller error is slewed away. Call it at every scan."""
        before_ns, self._ahead_ns = self._ahead_ns, self._clock.ahead_ns
        if abs(self._ahead_ns - before_ns) > JUMP_NS:
            self._ask_all()
        off_ms = self._off_ms()
        is_off = off_ms is not None and LEAN_FROM_MS < abs(off_ms) <= FAR_MS
        self._clock.lean(round(off_ms * 1e6) if is_off and off_ms is not None else 0)
        return off_ms is not None and abs(off_ms) > FAR_MS

    def set_right(self) -> int:
        """Correct the receive clock to the time on which the exchanges agree; returns the correction in nanoseconds."""
        off_ns = round((self._off_ms() or 0.0) * 1e6)
        self._clock.correct(off_ns)
        self._ahead_ns = self._clock.ahead_ns
        ahead_s = self._ahead_ns / 1e9
        words = (
            f"this machine's clock is {abs(ahead_s):,.0f} s {'behind' if ahead_s > 0 else 'ahead of'} the venues': "
            "receive times use theirs; synchronise it by NTP"
            if abs(ahead_s) * 1e3 > RIGHT_MS
            else "receive times use this machine's clock again"
        )
        self._announce(words)
        LOG.warning("%s", words)
        return off_ns

    def _off_ms(self) -> float | None:
        """How far our clock is behind the time on which the exchanges agree; None if unknown or they disagree."""
        return agreed_ms(self._measured(), -self._clock.ahead_ns / 1e6)

    def _is_settled(self) -> bool:
        measured = self._measured()
        if any(abs(off_ms) <= RIGHT_MS for off_ms in measured.values()):
            return True
        return (len(measured) > 1 or len(self._exchanges) == 1) and self._off_ms() is not None

    def _measured(self) -> dict[str, float]:
        """By exchange, how far our clock is behind; among its hosts' recent answers the one with the shortest round
        trip counts."""
        hosts = self._rest.status()
        found: dict[str, list[tuple[float, float, int]]] = {}
        for language in self._languages:
            for host in language.hosts:
                status = hosts.get(host)
                if status is None or status.skew_ms is None or status.round_trip_ms is None:
                    continue
                told = (status.round_trip_ms, status.skew_ms, status.measured_ns)
                found.setdefault(_exchange(language), []).append(told)
        quickest: dict[str, float] = {}
        for exchange, answers in found.items():
            newest_ns = max(measured_ns for *_, measured_ns in answers)
            quickest[exchange] = min(told for told in answers if newest_ns - told[2] <= STALE_NS)[1]
        return quickest

    def _ask_all(self) -> list[asyncio.Task[None]]:
        return [spawn(self._tasks, self._ask(one), f"{one.venue} time") for one in self._languages]

    async def _ask(self, language: VenueLive) -> None:
        try:
            await self._rest.measure_skew(language, samples=1)
        except VenueError as error:
            LOG.info("%s: clock not measured: %s", language.venue, error.message)


def _exchange(language: VenueLive) -> str:
    """Products of one exchange share a clock and count once."""
    return language.venue.partition("-")[0]
