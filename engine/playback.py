"""Plays a recording through the engine: `prism replay`, at any speed, forwards and back.

Used by the command line and the tests. Market time is the receive times in the recording; the clock only paces it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock
from engine.config.schema import Config
from engine.replay import ScanCadence
from engine.runtime import HEARTBEAT_NS, Engine
from engine.snapshot import Mode, ReplayStatus
from engine.transport.capture_records import Record

SLICE_NS: Final = 5_000_000
"""Longest stretch of work before other tasks of the event loop get their turn."""
PATIENCE_NS: Final = 50_000_000
"""Longest sleep before the console's requests are read again."""
SETTLE_MS: Final = 1_000
"""Market time of each repetition before it is shown, so that the table does not blink empty."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Records that can be read again from the start."""

    name: str
    """Cleaned, safe to show."""
    records: Callable[[], Iterator[Record]]
    loops: bool = False
    """Start again at the end, in a new epoch."""
    preroll_ms: int = 0
    """Market time at the start that is played at full speed, so that readings are warm when the first is shown."""
    bad_lines: Callable[[], int] = lambda: 0
    end_ns: Callable[[], int | None] = lambda: None
    """Receive time of the last record; None: not known yet."""
    simulated: bool = False
    """It was recorded from the built-in exchange simulator."""


@dataclass(slots=True)
class _Steering:
    """How to play it. Only the engine's thread reads and writes this; the console's requests wait in the queue."""

    paused: bool = False
    steps: int = 0
    """Scans to go on for while paused."""
    seek_ms: int | None = None
    speed: float = 1.0


class Player(Engine):
    """Plays a recording in its own thread."""

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
        super().__init__(config, mode, clock)
        self._recording = recording
        self._interval_ms = config.engine.scan_interval_ms
        self._steering = _Steering(speed=speed, seek_ms=start_ms)
        self._round = 1
        self._start_ms = 0
        self._end_ms: int | None = None
        self._reached_ms = 0
        """Time up to which the newest scan shows the recording, silence after the last record included."""
        self._finished = False
        self._anchor: tuple[int, int] | None = None
        self._next_ms: int | None = None

    def pause(self, paused: bool) -> None:
        self._wishes.ask("pause", lambda: self._pause(paused))

    def step(self) -> None:
        self._wishes.ask("step", self._step, adds=True)

    def seek(self, at_ms: int) -> None:
        self._wishes.ask("seek", lambda: self._seek(at_ms))

    def set_speed(self, speed: float) -> None:
        if speed > 0:
            self._wishes.ask("set_speed", lambda: self._set_speed(speed))

    def _pause(self, paused: bool) -> None:
        self._steering.paused = paused

    def _step(self) -> None:
        self._steering.steps += 1

    def _seek(self, at_ms: int) -> None:
        self._steering.seek_ms = at_ms

    def _set_speed(self, speed: float) -> None:
        self._steering.speed = speed
        self._anchor = None

    async def _run(self) -> None:
        while not self._closing:
            restart = await self._play()
            if restart:
                self._pipeline.clear()
                continue
            self._end_ms = self._pipeline.clock_ms
            self._obey()
            if self._steering.seek_ms is not None and not self._goes_back():
                self._steering.seek_ms = None  # a seek beyond the end goes to the end
            if self._recording.loops:
                self._round += 1
                self._pipeline.clear()
                continue
            self._finished = True
            self._scan()
            self._publish(force=True)
            await self._hold_finished()
            self._finished = False
            self._pipeline.clear()

    async def _play(self) -> bool:
        """Play the recording once. True: play again from the start, because of a seek backwards."""
        cadence = ScanCadence(self._interval_ms)
        self._anchor = None
        self._reached_ms = 0
        first_ns: int | None = None
        worked_since = self._clock.monotonic_ns()
        for record in self._recording.records():
            if first_ns is None:
                first_ns = record.t
                self._start_ms = first_ns // 1_000_000
            if cadence.due(record.t):
                # The scan shows the silence before this record, so that has to pass first.
                await self._until_due(record.t)
                is_step = self._is_stepping()
                self._reached_ms = record.t // 1_000_000
                self._pipeline.quiet_until(self._reached_ms)
                self._scan()
                if is_step:
                    self._steering.steps -= 1
                if self._pipeline.clock_ms - self._start_ms >= SETTLE_MS or self._round == 1:
                    self._publish()
                await self._while_paused()
                if self._closing:
                    return False
                if self._goes_back():
                    return True
            await self._until_due(record.t)
            if self._closing:
                return False
            self._pipeline.ingest(record)
            now = self._clock.monotonic_ns()
            if now - worked_since > SLICE_NS:
                await asyncio.sleep(0)
                worked_since = self._clock.monotonic_ns()
        return self._goes_back()

    async def _until_due(self, t_ns: int) -> None:
        """Wait until the record received at `t_ns` is due at the present speed."""
        steering = self._steering
        if steering.seek_ms is not None:
            if t_ns // 1_000_000 < steering.seek_ms:
                self._anchor = None
                return
            if self._goes_back():
                return  # requested since the last scan; the next scan restarts the recording
            steering.seek_ms = None
            self._anchor = None  # it has arrived: this record is due at once
        if self._is_stepping():
            self._anchor = None
            return
        if steering.speed == float("inf"):
            return
        if t_ns // 1_000_000 < self._start_ms + self._recording.preroll_ms:
            return
        if self._anchor is None:
            self._anchor = (t_ns, self._clock.monotonic_ns())
        while self._anchor is not None and not self._closing and not self._goes_back():
            due = self._anchor[1] + int((t_ns - self._anchor[0]) / steering.speed)
            now = self._clock.monotonic_ns()
            if due <= now or steering.seek_ms is not None:
                return
            self._next_ms = t_ns // 1_000_000
            await self._clock.sleep_until(min(due, now + PATIENCE_NS))
            asked = self._obey()
            self._publish(force=asked or now - self._published_ns > HEARTBEAT_NS)
            if steering.paused:
                await self._while_paused()
            self._next_ms = None
            if self._is_stepping():
                return

    async def _while_paused(self) -> None:
        """Wait while the replay is paused; single steps, each as far as the next scan, and seeks still go through."""
        steering = self._steering
        shown = False
        asked = self._obey()
        while steering.paused and not self._closing:
            if steering.steps > 0:
                return
            if steering.seek_ms is not None and steering.seek_ms != self._pipeline.clock_ms:
                return
            if asked or not shown or self._clock.monotonic_ns() - self._published_ns > HEARTBEAT_NS:
                self._publish(force=True)
                shown = True
            self._anchor = None
            await self._clock.sleep_until(self._clock.monotonic_ns() + PATIENCE_NS)
            asked = self._obey()
        steering.steps = 0

    def _is_stepping(self) -> bool:
        """Whether records go by without a wait until the next scan, which completes a step."""
        steering = self._steering
        return steering.paused and steering.steps > 0 and steering.seek_ms is None

    async def _hold_finished(self) -> None:
        """The recording has ended: keep carrying out requests until a seek or the close."""
        while not self._closing and self._steering.seek_ms is None:
            asked = self._obey()
            if asked or self._clock.monotonic_ns() - self._published_ns > HEARTBEAT_NS:
                self._publish(force=True)
            await self._clock.sleep_until(self._clock.monotonic_ns() + PATIENCE_NS)

    def _goes_back(self) -> bool:
        seek_ms = self._steering.seek_ms
        return seek_ms is not None and seek_ms < self._pipeline.clock_ms

    def _known_end_ms(self) -> int | None:
        """Time of the recording's end: as reached in playback, else as `Recording.end_ns` knows it."""
        if self._end_ms is None and (end_ns := self._recording.end_ns()) is not None:
            return end_ns // 1_000_000
        return self._end_ms

    def _replay_status(self) -> ReplayStatus:
        return ReplayStatus(
            name=self._recording.name,
            start_ms=self._start_ms,
            end_ms=self._known_end_ms(),
            at_ms=max(self._pipeline.clock_ms, self._reached_ms),
            speed=self._steering.speed,
            paused=self._steering.paused,
            finished=self._finished,
            loop=self._round,
            bad_lines=self._recording.bad_lines(),
            seek_ms=self._steering.seek_ms,
            next_ms=self._next_ms,
            simulated=self._recording.simulated,
        )
