"""Sends the polls of one venue: periodic ones at even intervals, requests for settled funding rates after settlements.

Owned by `engine.feeds.venue`, which supervises the two loops. When a request is due is decided in
`engine.feeds.polling` and `engine.feeds.settlements`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from engine.clock import Clock
from engine.errors import Fatal, VenueError
from engine.feeds.polling import Polling
from engine.feeds.settlements import SPACING_S, Settlements
from engine.transport.budgets import Priority
from engine.transport.tasks import sleep
from engine.venues.live import Poll

LOG: Final = logging.getLogger("prism.feeds")

IDLE_S: Final = 0.5


class Polls:
    """The polls of one product and the loops that send them."""

    def __init__(
        self,
        ask: Callable[[str, Priority], Awaitable[object]],
        settles_ms: Callable[[str], int],
        settled_ms: Callable[[str], int],
        first: Callable[[], Collection[str] | None],
        clock: Clock,
    ) -> None:
        """`ask` sends a request and raises VenueError if it is not answered; `settles_ms`, `settled_ms` and what
        `first` returns are as for `Settlements`."""
        self._ask = ask
        self._first = first
        self._clock = clock
        self._polling = Polling()
        self._settlements = Settlements(settles_ms, settled_ms)

    def set(self, polls: Sequence[Poll]) -> None:
        """Poll exactly these from now on, the most important first."""
        self._polling.set((poll for poll in polls if poll.kind != "funding_history"), self._now_ms())
        self._settlements.set((poll for poll in polls if poll.kind == "funding_history"), self._now_ms())

    async def periodic(self) -> None:
        """Send what is due at even intervals, for ever; several may run at once."""
        while True:
            poll = self._polling.take(self._now_ms())
            if poll is None:
                await sleep(self._clock, IDLE_S)
                continue
            try:
                await self._ask(poll.request, Priority.POLL)
            except Fatal as error:
                self._polling.drop(poll)
                LOG.warning("not asked again: %s", error.message)
            except VenueError as error:
                LOG.info("%s", error.message)

    async def settled(self) -> None:
        """Send what is due after settlements, for ever. A loop of its own, because the many requests after a settlement
        may use up a budget, and must not hold back the other polls meanwhile."""
        while True:
            poll = self._settlements.take(self._now_ms(), self._first())
            if poll is not None:
                try:
                    await self._ask(poll.request, Priority.BACKFILL)
                except Fatal as error:
                    self._settlements.drop(poll)
                    LOG.warning("not asked again: %s", error.message)
                except VenueError as error:
                    self._settlements.failed(poll, self._now_ms())
                    LOG.info("%s", error.message)
                else:
                    self._settlements.answered(poll, self._now_ms())
            await sleep(self._clock, SPACING_S)

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000
