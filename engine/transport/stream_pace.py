"""How fast we connect to a host, and how fast we speak on a connection.

`ConnectPace` is one object for the program, since venues count the connections of an address, whatever product they are
for. `RequestPace` belongs to one socket, since messages are counted on each. Both wait on the clock alone and never let
more through than asked; what waits is served in the order in which it came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final
from urllib.parse import urlsplit

from engine.clock import Clock
from engine.transport.tasks import NS_PER_S, nanoseconds, sleep
from engine.venues.live import StreamLimits

WINDOW_S: Final = 300.0
SPACING_S: Final = 0.4
"""Between two connection attempts to one host. OKX allows three a second (documentation, 2026-08)."""
HOUR_S: Final = 3600.0


def host_of(url: str) -> str:
    """The name whose connections are counted; ports and paths share it."""
    return urlsplit(url).hostname or url


class ConnectPace:
    """Connection attempts to each host; one for the program."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, deque[int]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._resting: dict[str, int] = {}

    def rest(self, host: str, seconds: float) -> None:
        """Nobody connects to `host` for so long: it said that we came too often."""
        until = self._clock.monotonic_ns() + nanoseconds(seconds)
        self._resting[host] = max(until, self._resting.get(host, 0))

    async def take(self, host: str, connects_per_5_min: int) -> None:
        """Return once an attempt may be made; it counts from then on, whatever comes of it."""
        async with self._turns.setdefault(host, asyncio.Lock()):
            made = self._made.setdefault(host, deque())
            while (left_s := self._left_s(host, made, max(1, connects_per_5_min))) > 0:
                await sleep(self._clock, left_s)
            made.append(self._clock.monotonic_ns())

    def _left_s(self, host: str, made: deque[int], most: int) -> float:
        now = self._clock.monotonic_ns()
        window = nanoseconds(WINDOW_S)
        while made and made[0] + window <= now:
            made.popleft()
        free = self._resting.get(host, 0)
        if made:
            free = max(free, made[-1] + nanoseconds(SPACING_S))
        if len(made) >= most:
            free = max(free, made[len(made) - most] + window)
        return max(0, free - now) / NS_PER_S


class RequestPace:
    """What one connection may send.

    Messages are spaced evenly, so that no second ever holds more than allowed. Of the requests of an hour the first
    half may be used at once; the rest is spread, so that there is always one to be had soon.
    """

    def __init__(self, clock: Clock, limits: StreamLimits) -> None:
        if not limits.messages_per_s > 0:
            raise ValueError(f"{limits.messages_per_s} messages a second is no pace")
        self._clock = clock
        self._spacing_ns = nanoseconds(1.0 / limits.messages_per_s)
        self._next_ns = 0
        self._per_hour = limits.requests_per_hour
        self._requests: deque[int] = deque()

    @property
    def request_left_s(self) -> float:
        """Seconds until the next subscribe or unsubscribe request may be made; 0: now."""
        if self._per_hour is None:
            return 0.0
        now = self._clock.monotonic_ns()
        hour = nanoseconds(HOUR_S)
        made = self._of_this_hour()
        if len(made) >= self._per_hour:
            return (made[0] + hour - now) / NS_PER_S
        if self.is_short:
            # Over the time until the oldest is an hour old: the first half may have been used in one moment.
            apart = (made[0] + hour - made[-1]) // (self._per_hour - len(made))
            return max(0, made[-1] + apart - now) / NS_PER_S
        return 0.0

    @property
    def is_short(self) -> bool:
        """Half of the hour's requests are made, so that the rest is spread over it."""
        return self._per_hour is not None and 2 * len(self._of_this_hour()) >= self._per_hour

    @property
    def is_counted(self) -> bool:
        """Requests are counted by the hour."""
        return self._per_hour is not None

    def _of_this_hour(self) -> deque[int]:
        made, since = self._requests, self._clock.monotonic_ns() - nanoseconds(HOUR_S)
        while made and made[0] <= since:
            made.popleft()
        return made

    def count_request(self) -> None:
        """A subscribe or unsubscribe request is made now."""
        if self._per_hour is not None:
            self._requests.append(self._clock.monotonic_ns())

    async def message(self) -> None:
        """Return once a message may be sent; it counts from then on. Called by one task."""
        while (left := self._next_ns - self._clock.monotonic_ns()) > 0:
            await sleep(self._clock, left / NS_PER_S)
        self._next_ns = self._clock.monotonic_ns() + self._spacing_ns
