"""Supervises a loop: if it fails, the error is logged and announced, and the loop is restarted with backoff.

Used by the venue feeds for each of their loops, and by `engine.live` for its start. A cancelled loop stays ended; no
loop may end silently.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from engine.clock import Clock
from engine.errors import PrismError
from engine.transport.backoff import Rng, delays_s
from engine.transport.tasks import nanoseconds, sleep

LOG: Final = logging.getLogger("prism.feeds")
HEALTHY_S: Final = 60.0
"""A loop that ran this long before it failed starts again at the shortest wait."""


async def persist(
    name: str, loop: Callable[[], Awaitable[None]], clock: Clock, rng: Rng, announce: Callable[[str], None]
) -> None:
    """Run `loop` until it returns; after an error wait with growing, jittered delays and run it again, for ever."""
    delays: Iterator[float] = delays_s(rng)
    while True:
        began = clock.monotonic_ns()
        try:
            await loop()
            return
        except PrismError as error:
            LOG.warning("%s: %s", name, error.message)
            announce(f"{name}: {error.message}")
        except Exception as error:  # a loop of a feed must never end silently, whatever ended it
            LOG.exception("%s failed", name)
            announce(f"{name} failed ({type(error).__name__}, details in the log); starting it again")
        if clock.monotonic_ns() - began > nanoseconds(HEALTHY_S):
            delays = delays_s(rng)
        await sleep(clock, next(delays))
