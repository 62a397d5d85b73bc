"""Saves the candles and instruments of a running engine in the background, and holds them while saving fails.

Fed by `engine.live` after its scans. A save must run in its own task, so that a locked database or a slow disk delays
no scan. Candles that could not be saved wait, up to a limit, for the next save. Each reason is announced once, and so
is the recovery.
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
from engine.transport.tasks import log_failure, spawn

if TYPE_CHECKING:
    from engine.storage.candle_store import CandleStore

LOG: Final = logging.getLogger("prism.engine")

MOST_WAITING: Final = 50_000
"""Most candles that wait while the database cannot be written: about 20 MB, half an hour of a thousand instruments."""


class CandleKeeping:
    """Saves closed candles to one store, which it owns."""

    def __init__(self, store: CandleStore, announce: Callable[[str], None], most: int = MOST_WAITING) -> None:
        """`announce` takes a sentence for the user."""
        self._store = store
        self._announce = announce
        self._waiting: deque[Candle] = deque()
        self._most = most
        self._given_up = 0
        """Waiting candles dropped to make room since saving failed."""
        self._said: set[str] = set()
        """Messages announced about the current failure; empty if there is none."""
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._followed: dict[str, tuple[Instrument, ...]] = {}
        self._listings: dict[str, tuple[Instrument, ...]] = {}
        """The instruments that are saved, by venue."""

    @property
    def waiting(self) -> int:
        """Number of candles not saved yet."""
        return len(self._waiting)

    def save(self, closed: Iterable[Candle]) -> None:
        """Take these candles and start to save all that wait, unless a save is under way; returns at once."""
        self._waiting.extend(closed)
        if not self._tasks:
            spawn(self._tasks, self._save(), "candles", failed=self._broke)

    def know(self, followed: Mapping[str, Iterable[Instrument]]) -> None:
        """Take the instruments followed, by venue; the next save stores what changed. An empty list is ignored."""
        for venue, instruments in followed.items():
            if held := tuple(sorted(instruments, key=lambda one: one.symbol)):
                self._followed[venue] = held

    async def flush(self, closed: Iterable[Candle]) -> None:
        """Take these candles; return once all that wait were saved, or saving failed."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        self.save(closed)
        await asyncio.wait(list(self._tasks))

    async def close(self, closed: Iterable[Candle]) -> None:
        """Take the last candles, save all that wait, and close the store."""
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
            # The file with the listings saved before may have been set aside just now.
            self._listings.clear()
            self._failed(error.message)
            return
        for _ in batch:
            self._waiting.popleft()
        if self._said:
            lost = f"; {self._given_up} were dropped meanwhile" if self._given_up else ""
            self._given_up = 0
            self._said.clear()
            self._tell(f"candles are kept again{lost}")

    def _broke(self, name: str, error: BaseException) -> None:
        log_failure(name, error)
        self._failed(f"candles could not be kept ({type(error).__name__}, details in the log); they go on waiting")

    def _failed(self, words: str) -> None:
        """Keep the waiting candles, the newest if there are too many; announce the reason if it is new."""
        for _ in range(len(self._waiting) - self._most):
            self._waiting.popleft()
            self._given_up += 1
        if words not in self._said:
            self._said.add(words)
            self._tell(words)

    def _tell(self, words: str) -> None:
        LOG.warning("%s", words)
        self._announce(words)
