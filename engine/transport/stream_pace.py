"""Throttles connection attempts to a host, and messages on a connection.

Used by the stream modules. There is one `ConnectPace` for the program, because venues count the connections of an IP
address for all products together. `RequestPace` belongs to one socket, because messages are counted per socket. Both
wait on the clock alone, never exceed their limits, and serve in order of arrival.
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
"""Least time between two connection attempts to one host. OKX allows three a second (documentation, 2026-08)."""
HOUR_S: Final = 3600.0


def host_of(url: str) -> str:
    """The host name by which connections are counted; ports and paths share it."""
    return urlsplit(url).hostname or url


class ConnectPace:
    """Throttles connection attempts per host; one for the program."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, deque[int]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._resting: dict[str, int] = {}

    def rest(self, host: str, seconds: float) -> None:
        """Start a cool-down: no connection to `host` for `seconds`, because it refused us as too frequent."""
        until = self._clock.monotonic_ns() + nanoseconds(seconds)
        self._resting[host] = max(until, self._resting.get(host, 0))

    async def take(self, host: str, connects_per_5_min: int) -> None:
        """Return once an attempt may be made; it counts from then on, whether or not it succeeds."""
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
    """Throttles messages on one connection.

    Messages are spaced evenly, so that no second contains more than allowed. The first half of an hour's requests may
    be used at once; the rest is spread over the hour, so that one is always available soon.
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
            # Spread until the oldest is an hour old, because the first half may have been used all at once.
            apart = (made[0] + hour - made[-1]) // (self._per_hour - len(made))
            return max(0, made[-1] + apart - now) / NS_PER_S
        return 0.0

    @property
    def is_short(self) -> bool:
        """Half of the hour's requests are used, so the rest is spread."""
        return self._per_hour is not None and 2 * len(self._of_this_hour()) >= self._per_hour

    @property
    def is_counted(self) -> bool:
        """The venue limits requests per hour."""
        return self._per_hour is not None

    def _of_this_hour(self) -> deque[int]:
        made, since = self._requests, self._clock.monotonic_ns() - nanoseconds(HOUR_S)
        while made and made[0] <= since:
            made.popleft()
        return made

    def count_request(self) -> None:
        """Count a subscribe or unsubscribe request made now."""
        if self._per_hour is not None:
            self._requests.append(self._clock.monotonic_ns())

    async def message(self) -> None:
        """Return once a message may be sent; it counts from then on. Called by one task."""
        while (left := self._next_ns - self._clock.monotonic_ns()) > 0:
            await sleep(self._clock, left / NS_PER_S)
        self._next_ns = self._clock.monotonic_ns() + self._spacing_ns
