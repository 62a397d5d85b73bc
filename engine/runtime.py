"""The engine as a running thing: a thread with an event loop of its own around a pipeline, publishing snapshots.

Subclassed by what feeds the pipeline: `engine.playback` (recordings) and `engine.live` (venues). The console pulls
`latest()` at its own pace and sends wishes (`focus`, `hold`, `set_preset`, ...); nothing it does, not even a terminal
that stops reading, can hold the loop here, because the two share no loop and no lock but the one of a wish queue. An
error ends the engine loudly: `alive()` turns false and `failure()` says why.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final

from engine.clock import Clock, SystemClock
from engine.config.schema import Config
from engine.errors import PrismError
from engine.gauges import Gauges
from engine.pipeline import Pipeline
from engine.snapshot import Feed, Health, Mode, ReplayStatus, Snapshot
from engine.stall_watch import StallWatch

LOG: Final = logging.getLogger("prism.engine")

PUBLISH_NS: Final = 100_000_000
"""Least wall time between two published snapshots of a replay, whose scans may come faster than anybody looks."""
HEARTBEAT_NS: Final = 1_000_000_000
"""Longest wall time without a snapshot while the engine is well, even if nothing comes in."""
SAMPLES: Final = 256


class Engine:
    """A pipeline in a thread of its own. Implements the console's `Source`, but for what drives it: `_run`."""

    def __init__(self, config: Config, mode: Mode, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._pipeline = Pipeline(config, mode)
        self._closing = False
        self._kept: frozenset[tuple[str, str]] = frozenset()
        self._calls: deque[Callable[[], None]] = deque()
        self._latest: Snapshot | None = None
        self.published = threading.Event()
        """Set with every new picture, and when the engine ends; whoever waits for it clears it."""
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._main, name="prism-engine", daemon=True)
        self._published_ns = 0
        self._gauges = Gauges(self._clock)
        self._stalls = StallWatch(self._clock)
        self._rate: deque[tuple[int, int]] = deque(maxlen=SAMPLES)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def latest(self) -> Snapshot | None:
        return self._latest

    def focus(self, venue: str, symbol: str) -> None:
        self._calls.append(lambda: self._pipeline.focus(venue, symbol))

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        """Keep trades and full depth of these (venue, symbol) coming, whatever their rank: pins, watch-list, open one.

        Nothing to do for a recording, which holds what it holds.
        """
        self._kept = frozenset(keys)

    def set_preset(self, name: str) -> None:
        self._calls.append(lambda: self._pipeline.set_preset(name))

    def pause(self, paused: bool) -> None:
        """Hold a recording; a live market is never held."""

    def step(self) -> None:
        """One scan of a held recording."""

    def seek(self, at_ms: int) -> None:
        """Move within a recording."""

    def set_speed(self, speed: float) -> None:
        """Of a recording."""

    def close(self, timeout_s: float) -> None:
        self._closing = True
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def alive(self) -> bool:
        return self._thread.is_alive()

    def failure(self) -> str | None:
        return self._failure

    async def _run(self) -> None:
        """Feed the pipeline, scan and publish until `_closing`."""
        raise NotImplementedError

    async def _work(self) -> None:
        """What the thread does: the run, and what is to go on beside it."""
        await self._run()

    def _loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in an event loop of this thread."""
        asyncio.run(work)

    def _main(self) -> None:
        try:
            with self._gauges, self._stalls:
                self._loop(self._work())
        except PrismError as error:
            self._failure = error.message
            LOG.error("engine ended: %s", error.message)
        except Exception as error:  # the last frame of a thread: whatever ended it must be said
            self._failure = f"the engine failed: {type(error).__name__} (details in the log)"
            LOG.exception("engine failed")
        finally:
            self.published.set()
            LOG.info("engine closed: frames=%d scans=%d", self._pipeline.frames, self._pipeline.scans)

    def _obey(self) -> bool:
        """Carry out what the console asked for; True where something was asked."""
        asked = bool(self._calls)
        while self._calls:
            self._calls.popleft()()
        return asked

    def _scan(self) -> None:
        self._obey()
        began = self._clock.monotonic_ns()
        self._pipeline.scan()
        self._gauges.scanned(self._clock.monotonic_ns() - began)

    def _publish(self, *, force: bool = False) -> None:
        now = self._clock.monotonic_ns()
        if not force and now - self._published_ns < PUBLISH_NS:
            return
        self._published_ns = now
        self._rate.append((now, self._pipeline.frames))
        self._latest = self._picture()
        self.published.set()
        self._gauges.published(self._clock.monotonic_ns() - now)

    def _picture(self) -> Snapshot:
        """What is to be published."""
        return self._pipeline.snapshot(self._health(), self._replay_status(), self._feeds())

    def _health(self) -> Health:
        first_ns, first_frames = self._rate[0]
        last_ns, last_frames = self._rate[-1]
        while len(self._rate) > 2 and last_ns - self._rate[0][0] > 3_000_000_000:
            self._rate.popleft()
        elapsed_s = (last_ns - first_ns) / 1e9
        for words in self._stalls.news():
            self._pipeline.notices.appendleft(words)
        vitals = self._gauges.vitals(paused=self._paused(), lightened=self._lightened(), stalled=self._stalls.words())
        return Health(
            frames_per_s=(last_frames - first_frames) / elapsed_s if elapsed_s > 0 else 0.0,
            scan_ms=self._gauges.scan_ms,
            scan_p99_ms=vitals.scan.p99_ms,
            scans=self._pipeline.scans,
            frames=self._pipeline.frames,
            conflated=self._pipeline.conflated,
            queue=self._waiting(),
            notices=tuple(self._pipeline.notices),
            vitals=vitals,
        )

    def _waiting(self) -> int:
        """Frames received and not read yet."""
        return 0

    def _paused(self) -> int:
        """How often reading the sockets that are open had to stop."""
        return 0

    def _lightened(self) -> str:
        """In words what is done without because there is too much to do."""
        return ""

    def _replay_status(self) -> ReplayStatus | None:
        """Where a recording stands; None: it is none."""
        return None

    def _feeds(self) -> tuple[Feed, ...] | None:
        """How the venues do; None: as their records tell."""
        return None
