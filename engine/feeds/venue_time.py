"""Whether the clock that stamps what is received is right, by what the venues' own clocks say.

Made by `engine.live`, which lets nothing of the market begin before `settle`, and asks `is_far` with every scan. Most
of what is received carries the venue's time, some of it carries none and gets ours: a clock of ours that is an hour
ahead would end the present an hour from now, one that is behind would make all that comes a thing of the future. Only
the venues' answers to `time_request` are believed, each to half of its round trip.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

from engine.clock import ReceiveClock
from engine.errors import VenueError
from engine.market.state import SKEW_MS
from engine.transport.rest_client import RestClient
from engine.transport.tasks import Owned, settle, sleep, spawn
from engine.venues.live import VenueLive

LOG: Final = logging.getLogger("prism.feeds")

SETTLE_S: Final = 2.0
"""How long the beginning waits for the venues' time at most; a venue that is there has answered by then."""
RIGHT_MS: Final = 1_000.0
"""A clock that one venue finds this close is right."""
AGREE_MS: Final = 2_000.0
"""Venues this close to one another agree: it is more than a slow answer makes of a right clock."""
FAR_MS: Final = float(SKEW_MS)
"""A clock that is wrong by this much while the market is followed has misdated what was received: it all begins anew.
A smaller error is leaned out."""
LEAN_FROM_MS: Final = 500.0
"""Less than what one measurement may be off by is left alone."""
JUMP_NS: Final = 5_000_000_000
"""The machine's clock was set by this much, or stood still with all else of a virtual machine: one of the two is wrong,
and the venues are asked at once."""


def agreed_ms(measured: Mapping[str, float], machine_ms: float) -> float | None:
    """How far our clock is behind, by what exchanges say of it: one alone is believed, of several more than half must
    say the same. Where they do not, the machine's own clock, `machine_ms` ahead of ours, is right if one of them says
    as much; None where none does."""
    if not measured:
        return None
    middle = median(measured.values())
    near = [value for value in measured.values() if abs(value - middle) <= AGREE_MS]
    if 2 * len(near) > len(measured):
        return median(near)
    return machine_ms if any(abs(value - machine_ms) <= AGREE_MS for value in measured.values()) else None


class VenueTime:
    """The venues' time against ours."""

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
        """Return once it is known whether our clock is right, `SETTLE_S` from now at the latest; set right where it is
        not, by as many nanoseconds as this gives."""
        timer = spawn(self._tasks, sleep(self._clock, SETTLE_S), "venue time deadline")
        asked = self._ask_all()
        while (left := [task for task in asked if not task.done()]) and not timer.done() and not self._is_settled():
            # What is still under way goes on: its connection is wanted in a moment.
            await asyncio.wait([timer, *left], return_when=asyncio.FIRST_COMPLETED)
        off_ms = self._off_ms()
        return self.set_right() if off_ms is not None and abs(off_ms) > RIGHT_MS else 0

    async def close(self) -> None:
        """Give up what is under way."""
        await settle(self._tasks)

    def is_far(self) -> bool:
        """Whether our clock turned out to be far off; a little of it is leaned out."""
        before_ns, self._ahead_ns = self._ahead_ns, self._clock.ahead_ns
        if abs(self._ahead_ns - before_ns) > JUMP_NS:
            self._ask_all()
        off_ms = self._off_ms()
        if off_ms is not None and LEAN_FROM_MS < abs(off_ms) <= FAR_MS:
            self._clock.lean(round(off_ms * 1e6))
        return off_ms is not None and abs(off_ms) > FAR_MS

    def set_right(self) -> int:
        """Let receive times go by what the exchanges agree on; by how many nanoseconds they moved."""
        off_ns = round((self._off_ms() or 0.0) * 1e6)
        self._clock.correct(off_ns)
        self._ahead_ns = self._clock.ahead_ns
        ahead_s = self._ahead_ns / 1e9
        words = (
            f"this machine's clock is {abs(ahead_s):,.0f} s {'behind' if ahead_s > 0 else 'ahead of'} the venues': "
            "receive times go by theirs; set it by NTP"
            if abs(ahead_s) * 1e3 > RIGHT_MS
            else "receive times go by this machine's clock again"
        )
        self._announce(words)
        LOG.warning("%s", words)
        return off_ns

    def _off_ms(self) -> float | None:
        """How far our clock is behind what the exchanges agree on; None where nothing is known or they do not agree."""
        return agreed_ms(self._measured(), -self._clock.ahead_ns / 1e6)

    def _is_settled(self) -> bool:
        measured = self._measured()
        if any(abs(off_ms) <= RIGHT_MS for off_ms in measured.values()):
            return True
        return (len(measured) > 1 or len(self._exchanges) == 1) and self._off_ms() is not None

    def _measured(self) -> dict[str, float]:
        """By exchange, how far our clock is behind its own, of its hosts by the quickest answer."""
        hosts = self._rest.status()
        found: dict[str, tuple[float, float]] = {}
        for language in self._languages:
            for host in language.hosts:
                status = hosts.get(host)
                if status is None or status.skew_ms is None or status.round_trip_ms is None:
                    continue
                told = (status.round_trip_ms, status.skew_ms)
                exchange = _exchange(language)
                found[exchange] = min(told, found.get(exchange, told))
        return {exchange: skew_ms for exchange, (_, skew_ms) in found.items()}

    def _ask_all(self) -> list[asyncio.Task[None]]:
        return [spawn(self._tasks, self._ask(one), f"{one.venue} time") for one in self._languages]

    async def _ask(self, language: VenueLive) -> None:
        try:
            await self._rest.measure_skew(language, samples=1)
        except VenueError as error:
            LOG.info("%s: clock not measured: %s", language.venue, error.message)


def _exchange(language: VenueLive) -> str:
    """Products of one exchange share a clock and are one voice."""
    return language.venue.partition("-")[0]
