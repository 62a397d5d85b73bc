"""Keeps the candles and instruments of a running engine: saves them beside its work, holds on to them while it cannot.

Fed by `engine.live` after its scans. A save runs in a task of its own, so that a database that is locked or a disk that
is slow holds up no scan. What could not be saved waits, up to a bound, for the next time; that it waits is said once,
and once when it is kept again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.errors import StoreUnusable
from engine.events import Candle
from engine.instruments import Instrument
from engine.transport.tasks import spawn

if TYPE_CHECKING:
    from engine.storage.candle_store import CandleStore

LOG: Final = logging.getLogger("prism.engine")

MOST_WAITING: Final = 50_000
"""Candles that wait for a database that cannot be written: about 20 MB, and half an hour of a thousand instruments."""


class CandleKeeping:
    """The way of closed candles into one store, which it owns."""

    def __init__(self, store: CandleStore, announce: Callable[[str], None], most: int = MOST_WAITING) -> None:
        """`announce` takes a sentence for the user."""
        self._store = store
        self._announce = announce
        self._waiting: deque[Candle] = deque()
        self._most = most
        self._given_up = 0
        """Of those that waited since saving failed, how many had to make room."""
        self._said: set[str] = set()
        """What was said of the present trouble; empty while all is well."""
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._followed: dict[str, tuple[Instrument, ...]] = {}
        self._listings: dict[str, tuple[Instrument, ...]] = {}
        """By venue, what of `_followed` is kept."""

    @property
    def waiting(self) -> int:
        """Candles that are not saved yet."""
        return len(self._waiting)

    def save(self, closed: Iterable[Candle]) -> None:
        """Take these candles and begin to save what waits, unless a save is under way; returns at once."""
        self._waiting.extend(closed)
        if not self._tasks:
            spawn(self._tasks, self._save(), "candles")

    def know(self, followed: Mapping[str, Iterable[Instrument]]) -> None:
        """Take by venue what is followed; the next save keeps what is new about it. An empty listing replaces none."""
        for venue, instruments in followed.items():
            if held := tuple(sorted(instruments, key=lambda one: one.symbol)):
                self._followed[venue] = held

    async def close(self, closed: Iterable[Candle]) -> None:
        """Take the last candles, save what waits, and close the store."""
        try:
            for task in list(self._tasks):
                await asyncio.wait([task])
            self._waiting.extend(closed)
            await self._save()
        finally:
            await self._store.close()

    async def _save(self) -> None:
        batch = list(self._waiting)
        try:
            await self._store.save(batch)
            for venue, held in list(self._followed.items()):
                if self._listings.get(venue) != held:
                    await self._store.save_listing(venue, held)
                    self._listings[venue] = held
        except StoreUnusable as error:
            # What was kept before may lie in a file that is set aside now.
            self._listings.clear()
            self._failed(error.message)
            return
        for _ in batch:
            self._waiting.popleft()
        if self._said:
            lost = f"; {self._given_up} had to be given up meanwhile" if self._given_up else ""
            self._given_up = 0
            self._said.clear()
            self._tell(f"candles are kept again{lost}")

    def _failed(self, words: str) -> None:
        """Keep what waits, the newest of it where there is too much; say what is new about the trouble."""
        for _ in range(len(self._waiting) - self._most):
            self._waiting.popleft()
            self._given_up += 1
        if words not in self._said:
            self._said.add(words)
            self._tell(words)

    def _tell(self, words: str) -> None:
        LOG.warning("%s", words)
        self._announce(words)
