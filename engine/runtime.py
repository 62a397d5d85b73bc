"""The running engine: a thread with its own event loop that drives a pipeline and publishes snapshots.

Subclassed by `engine.playback` (recordings) and `engine.live` (venues), which feed the pipeline. The console pulls
`latest()` at its own pace and sends requests (`focus`, `pause`, `seek`, ...), which wait in one queue until this thread
carries them out. Apart from the flag to close, no other thread may write state here. The console and the engine share
no loop, and no lock but that of the queue, so nothing the console does can block the engine, not even a terminal that
stops reading. An error ends the engine: `alive()` turns false and `failure()` says why.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final

from engine.clock import Clock, SystemClock
from engine.config.schema import Config
from engine.errors import PrismError
from engine.gauges import Gauges
from engine.pipeline import Pipeline
from engine.snapshot import Feed, Health, Mode, ReplayStatus, Snapshot
from engine.stall_watch import StallWatch
from engine.wishes import Wishes
from engine.written import Written

LOG: Final = logging.getLogger("prism.engine")

PUBLISH_NS: Final = 100_000_000
"""Least wall time between two published snapshots without a scan between them, and of a replay, whose scans may run
faster than the console draws."""
HEARTBEAT_NS: Final = 1_000_000_000
"""Longest wall time without a new snapshot while the engine is healthy, even if no records arrive."""


class Engine:
    """A pipeline in its own thread. Implements the console's `Source`; subclasses add what drives it, `_run`."""

    def __init__(self, config: Config, mode: Mode, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._pipeline = Pipeline(config, mode)
        self._closing = False
        self._kept: frozenset[tuple[str, str]] = frozenset()
        self._wishes: Wishes[Callable[[], None]] = Wishes()
        """Put in by other threads; carried out by the engine's own thread, in `_obey`."""
        self._latest: Snapshot | None = None
        self.published = threading.Event()
        """Set with every new snapshot, and when the engine ends; the waiting thread clears it."""
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._main, name="prism-engine", daemon=True)
        self._published_ns = 0
        self._gauges = Gauges(self._clock)
        self._stalls = StallWatch(self._clock)

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._thread.start()

    def latest(self) -> Snapshot | None:
        return self._latest

    def focus(self, venue: str, symbol: str) -> None:
        self._wishes.ask("focus", lambda: self._pipeline.focus(venue, symbol))

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        """Keep trades and full depth of these (venue, symbol) streaming, whatever their rank: pins, watch-list, the
        symbol that is open.

        Has no effect on a recording, whose contents are fixed.
        """
        kept = frozenset(keys)
        self._wishes.ask("hold", lambda: self._keep(kept))

    def set_preset(self, name: str) -> None:
        """Unknown names are ignored, so that they do not replace a valid request in the queue."""
        if name in self._pipeline.presets:
            self._wishes.ask("set_preset", lambda: self._pipeline.set_preset(name))

    def pause(self, paused: bool) -> None:
        """Pause or resume a recording; no effect on a live market."""

    def step(self) -> None:
        """Advance a paused recording by one scan."""

    def seek(self, at_ms: int) -> None:
        """Move within a recording."""

    def set_speed(self, speed: float) -> None:
        """Set the speed of a recording."""

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
        """The thread's whole work: `_run`, and in subclasses the tasks beside it."""
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
        except Exception as error:  # the thread's outermost frame: whatever ended it must be reported
            self._failure = f"the engine failed: {type(error).__name__} (details in the log)"
            LOG.exception("engine failed")
        finally:
            self.published.set()
            LOG.info("engine closed: frames=%d scans=%d", self._pipeline.frames, self._pipeline.scans)

    def _obey(self) -> bool:
        """Carry out the console's waiting requests; True if there were any."""
        asked = False
        while (wish := self._wishes.take()) is not None:
            asked = True
            wish()
        return asked

    def _keep(self, keys: frozenset[tuple[str, str]]) -> None:
        self._kept = keys

    def _scan(self) -> None:
        self._obey()
        began = self._clock.monotonic_ns()
        self._pipeline.scan()
        self._gauges.scanned(self._clock.monotonic_ns() - began)

    def _publish(self, *, force: bool = False) -> None:
        now = self._clock.monotonic_ns()
        if not force and now - self._published_ns < PUBLISH_NS:
            return
        self._obey()  # a snapshot reflects every request made before it
        self._published_ns = now
        self._gauges.counted(self._pipeline.frames)
        for words in self._stalls.news():
            self._pipeline.notices.tell(words)
        self._latest = self._picture()
        self.published.set()
        self._gauges.published(self._clock.monotonic_ns() - now)

    def _picture(self) -> Snapshot:
        """The snapshot to publish."""
        return self._pipeline.snapshot(self._health(), self._replay_status(), self._feeds())

    def _health(self) -> Health:
        vitals = self._gauges.vitals(paused=self._paused(), lightened=self._lightened(), stalled=self._stalls.words())
        return Health(
            frames_per_s=self._gauges.frames_per_s,
            scan_ms=self._gauges.scan_ms,
            scan_p99_ms=vitals.scan.p99_ms,
            scans=self._pipeline.scans,
            frames=self._pipeline.frames,
            conflated=self._pipeline.conflated,
            queue=self._waiting(),
            notices=tuple(self._pipeline.notices),
            notice_times_ms=self._pipeline.notices.times_ms,
            vitals=vitals,
            written=self._written(),
        )

    def _waiting(self) -> int:
        """Frames received but not yet read."""
        return 0

    def _paused(self) -> int:
        """How often reading from the sockets that are open was paused because their queues were full."""
        return 0

    def _written(self) -> Written | None:
        """What has been recorded of this engine's records; None: nothing is being recorded."""
        return None

    def _lightened(self) -> str:
        """What is left out because of overload, as text; empty if nothing is."""
        return ""

    def _replay_status(self) -> ReplayStatus | None:
        """The playback position; None if this is no recording."""
        return None

    def _feeds(self) -> tuple[Feed, ...] | None:
        """The state of the venues' connections; None: derive it from their records."""
        return None
