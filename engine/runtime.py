"""The engine as a running thing: a thread with an event loop of its own, feeding a pipeline and publishing snapshots.

The console pulls `latest()` at its own pace and sends wishes (`focus`, `pause`, `seek`, ...); nothing it does, not
even a terminal that stops reading, can hold the loop here, because the two share no loop and no lock but the one of
a wish queue. Implements the console's `Source`. An error ends the engine loudly: `alive()` turns false and
`failure()` says why.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock, SystemClock
from engine.config.schema import Config
from engine.errors import PrismError
from engine.pipeline import Pipeline
from engine.replay import ScanCadence
from engine.snapshot import Health, Mode, ReplayStatus, Snapshot
from engine.transport.capture_records import Record

LOG: Final = logging.getLogger("prism.engine")

PUBLISH_NS: Final = 100_000_000
"""Least wall time between two published snapshots; scans may come faster in a fast replay."""
SLICE_NS: Final = 5_000_000
"""Longest stretch of work before other tasks of the loop get their turn."""
PATIENCE_NS: Final = 50_000_000
"""Longest sleep before wishes are looked at again."""
HEARTBEAT_NS: Final = 1_000_000_000
"""Longest wall time without a snapshot while the engine is well, even if the recording is silent."""
SETTLE_MS: Final = 1_000
"""Market time of a new round of a loop before it is shown, so that the table does not blink empty."""
SAMPLES: Final = 256


@dataclass(frozen=True, slots=True)
class Recording:
    """Records that can be read again from the start."""

    name: str
    """Cleaned, fit to show."""
    records: Callable[[], Iterator[Record]]
    loops: bool = False
    """Begin again at the end, in a new epoch."""
    preroll_ms: int = 0
    """Market time at its beginning that is passed through at once, so that what follows is warm when it is seen."""
    bad_lines: Callable[[], int] = lambda: 0


@dataclass(slots=True)
class _Wishes:
    """What the console asked for; written by its thread, read by the engine's."""

    paused: bool = False
    steps: int = 0
    seek_ms: int | None = None
    speed: float = 1.0
    closing: bool = False


class Engine:
    """Plays a recording in a thread of its own."""

    def __init__(
        self,
        config: Config,
        recording: Recording,
        mode: Mode,
        *,
        speed: float = 1.0,
        start_ms: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._recording = recording
        self._clock = clock or SystemClock()
        self._pipeline = Pipeline(config, mode)
        self._interval_ms = config.engine.scan_interval_ms
        self._wishes = _Wishes(speed=speed, seek_ms=start_ms)
        self._calls: deque[Callable[[], None]] = deque()
        self._latest: Snapshot | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._main, name="prism-engine", daemon=True)
        self._loop = 1
        self._start_ms = 0
        self._end_ms: int | None = None
        self._finished = False
        self._published_ns = 0
        self._scan_ns: deque[int] = deque(maxlen=SAMPLES)
        self._rate: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._anchor: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def latest(self) -> Snapshot | None:
        return self._latest

    def focus(self, venue: str, symbol: str) -> None:
        self._calls.append(lambda: self._pipeline.focus(venue, symbol))

    def set_preset(self, name: str) -> None:
        self._calls.append(lambda: self._pipeline.set_preset(name))

    def pause(self, paused: bool) -> None:
        self._wishes.paused = paused

    def step(self) -> None:
        self._wishes.steps += 1

    def seek(self, at_ms: int) -> None:
        self._wishes.seek_ms = at_ms

    def set_speed(self, speed: float) -> None:
        if speed > 0:
            self._wishes.speed = speed
            self._anchor = None

    def close(self, timeout_s: float) -> None:
        self._wishes.closing = True
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def alive(self) -> bool:
        return self._thread.is_alive()

    def failure(self) -> str | None:
        return self._failure

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except PrismError as error:
            self._failure = error.message
            LOG.error("engine ended: %s", error.message)
        except Exception as error:  # the last frame of a thread: whatever ended it must be said
            self._failure = f"the engine failed: {type(error).__name__} (details in the log)"
            LOG.exception("engine failed")
        finally:
            LOG.info("engine closed: frames=%d scans=%d", self._pipeline.frames, self._pipeline.scans)

    async def _run(self) -> None:
        while not self._wishes.closing:
            restart = await self._play()
            if restart:
                self._pipeline.clear()
                continue
            self._end_ms = self._pipeline.clock_ms
            if self._recording.loops:
                self._loop += 1
                self._pipeline.clear()
                continue
            self._finished = True
            self._scan()
            self._publish(force=True)
            await self._hold_finished()
            self._finished = False
            self._pipeline.clear()

    async def _play(self) -> bool:
        """Play the recording once. True: begin again from the start, because a seek goes back."""
        cadence = ScanCadence(self._interval_ms)
        self._anchor = None
        first_ns: int | None = None
        worked_since = self._clock.monotonic_ns()
        for record in self._recording.records():
            if first_ns is None:
                first_ns = record.t
                self._start_ms = first_ns // 1_000_000
            if cadence.due(record.t):
                self._scan()
                if self._pipeline.clock_ms - self._start_ms >= SETTLE_MS or self._loop == 1:
                    self._publish()
                await self._held()
                if self._wishes.closing:
                    return False
                if self._goes_back():
                    return True
            await self._until_due(record.t)
            if self._wishes.closing:
                return False
            self._pipeline.ingest(record)
            now = self._clock.monotonic_ns()
            if now - worked_since > SLICE_NS:
                await asyncio.sleep(0)
                worked_since = self._clock.monotonic_ns()
        return self._goes_back()

    async def _until_due(self, t_ns: int) -> None:
        """Wait until the record received at `t_ns` is due at the present speed."""
        wishes = self._wishes
        if wishes.speed == float("inf"):
            return
        if wishes.seek_ms is not None:
            if t_ns // 1_000_000 < wishes.seek_ms:
                self._anchor = None
                return
            wishes.seek_ms = None
        if t_ns // 1_000_000 < self._start_ms + self._recording.preroll_ms:
            return
        if self._anchor is None:
            self._anchor = (t_ns, self._clock.monotonic_ns())
        while self._anchor is not None and not wishes.closing and not self._goes_back():
            due = self._anchor[1] + int((t_ns - self._anchor[0]) / wishes.speed)
            now = self._clock.monotonic_ns()
            if due <= now or wishes.seek_ms is not None:
                return
            await self._clock.sleep_until(min(due, now + PATIENCE_NS))
            asked = self._obey()
            self._publish(force=asked or now - self._published_ns > HEARTBEAT_NS)
            if wishes.paused:
                await self._held()

    async def _held(self) -> None:
        """Wait while the replay is paused, letting single steps and seeks through."""
        wishes = self._wishes
        shown = False
        while wishes.paused and not wishes.closing:
            if wishes.steps > 0:
                wishes.steps -= 1
                return
            if wishes.seek_ms is not None and wishes.seek_ms != self._pipeline.clock_ms:
                return
            asked = self._obey()
            if asked or not shown or self._clock.monotonic_ns() - self._published_ns > HEARTBEAT_NS:
                self._publish(force=True)
                shown = True
            self._anchor = None
            await self._clock.sleep_until(self._clock.monotonic_ns() + PATIENCE_NS)
        wishes.steps = 0

    async def _hold_finished(self) -> None:
        """The recording has ended: keep answering wishes until it is to be played again or to close."""
        while not self._wishes.closing and self._wishes.seek_ms is None:
            asked = self._obey()
            if asked or self._clock.monotonic_ns() - self._published_ns > HEARTBEAT_NS:
                self._publish(force=True)
            await self._clock.sleep_until(self._clock.monotonic_ns() + PATIENCE_NS)

    def _goes_back(self) -> bool:
        seek_ms = self._wishes.seek_ms
        return seek_ms is not None and seek_ms < self._pipeline.clock_ms

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
        self._scan_ns.append(self._clock.monotonic_ns() - began)

    def _publish(self, *, force: bool = False) -> None:
        now = self._clock.monotonic_ns()
        if not force and now - self._published_ns < PUBLISH_NS:
            return
        self._published_ns = now
        self._rate.append((now, self._pipeline.frames))
        self._latest = self._pipeline.snapshot(self._health(), self._status())

    def _health(self) -> Health:
        first_ns, first_frames = self._rate[0]
        last_ns, last_frames = self._rate[-1]
        while len(self._rate) > 2 and last_ns - self._rate[0][0] > 3_000_000_000:
            self._rate.popleft()
        elapsed_s = (last_ns - first_ns) / 1e9
        durations = sorted(self._scan_ns) or [0]
        return Health(
            frames_per_s=(last_frames - first_frames) / elapsed_s if elapsed_s > 0 else 0.0,
            scan_ms=self._scan_ns[-1] / 1e6 if self._scan_ns else 0.0,
            scan_p99_ms=durations[int(0.99 * (len(durations) - 1))] / 1e6,
            scans=self._pipeline.scans,
            frames=self._pipeline.frames,
            conflated=self._pipeline.conflated,
            queue=0,
            notices=tuple(self._pipeline.notices),
        )

    def _status(self) -> ReplayStatus:
        return ReplayStatus(
            name=self._recording.name,
            start_ms=self._start_ms,
            end_ms=self._end_ms,
            at_ms=self._pipeline.clock_ms,
            speed=self._wishes.speed,
            paused=self._wishes.paused,
            finished=self._finished,
            loop=self._loop,
            bad_lines=self._recording.bad_lines(),
        )
