"""The engine's own metrics: scan and publish times, event loop lateness, garbage collection, memory.

Held by `engine.runtime`. Measuring is cheap and never waits; figures over the newest few hundred measurements are
computed when a snapshot is made. They are shown beside the venues and must never enter a score.
"""

from __future__ import annotations

import gc
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from engine.clock import Clock
from engine.snapshot import Spread, Vitals

SAMPLES: Final = 256
RATE_NS: Final = 3_000_000_000
"""Window of the frame rate; it always reaches back to the count before the newest, ..."""
APART_NS: Final = 10_000_000_000
"""... unless that is older than this: the rate before a pause says nothing about now."""
TICK_NS: Final = 100_000_000
"""How often the loop's lateness is measured."""
MEMORY_EVERY_NS: Final = 1_000_000_000
_STATUS: Final = Path("/proc/self/status")


class Gauges:
    """The metrics of one engine. As a context manager it measures garbage collection of the whole process."""

    def __init__(self, clock: Clock, memory: Callable[[], tuple[float, float]] | None = None) -> None:
        """`memory`: resident bytes now and at peak, NaN if not known; None: this process's."""
        self._clock = clock
        self._memory_of = memory or memory_bytes
        self._scans: deque[int] = deque(maxlen=SAMPLES)
        self._published: deque[int] = deque(maxlen=SAMPLES)
        self._late: deque[int] = deque(maxlen=SAMPLES)
        self._pauses: deque[int] = deque(maxlen=SAMPLES)
        self._counts: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        """Monotonic time of each count and the total number of frames."""
        self._collections = 0
        self._collecting_ns: int | None = None
        self._memory = (math.nan, math.nan)
        self._memory_ns: int | None = None

    def __enter__(self) -> Self:
        gc.callbacks.append(self._collected)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        gc.callbacks.remove(self._collected)

    def scanned(self, took_ns: int) -> None:
        """A scan ended after `took_ns`."""
        self._scans.append(took_ns)

    def published(self, took_ns: int) -> None:
        """A snapshot was made and published in `took_ns`."""
        self._published.append(took_ns)

    async def watch(self, beat: Callable[[], None] | None = None) -> None:
        """Measure how late the event loop wakes, until cancelled; `beat` is called at every wake-up."""
        while True:
            if beat is not None:
                beat()
            due_ns = self._clock.monotonic_ns() + TICK_NS
            await self._clock.sleep_until(due_ns)
            self._late.append(max(0, self._clock.monotonic_ns() - due_ns))

    @property
    def scan_ms(self) -> float:
        """Of the newest scan; NaN before the first."""
        return self._scans[-1] / 1e6 if self._scans else math.nan

    def counted(self, frames: int) -> None:
        """`frames` have arrived in total so far."""
        now_ns, counts = self._clock.monotonic_ns(), self._counts
        counts.append((now_ns, frames))
        while len(counts) > 2 and now_ns - counts[0][0] > RATE_NS:
            counts.popleft()
        if now_ns - counts[0][0] > APART_NS:
            counts.popleft()

    @property
    def frames_per_s(self) -> float:
        """Rate between the counts of the last seconds; NaN while there are fewer than two."""
        (first_ns, first), (last_ns, last) = (self._counts[0], self._counts[-1]) if self._counts else ((0, 0), (0, 0))
        return (last - first) / ((last_ns - first_ns) / 1e9) if last_ns > first_ns else math.nan

    def vitals(self, *, paused: int = 0, lightened: str = "", stalled: str = "") -> Vitals:
        """The figures now. `paused`, `lightened`, `stalled`: as in `Vitals`."""
        now_ns = self._clock.monotonic_ns()
        if self._memory_ns is None or now_ns - self._memory_ns >= MEMORY_EVERY_NS:
            self._memory_ns, self._memory = now_ns, self._memory_of()
        return Vitals(
            scan=spread_of(self._scans),
            publish=spread_of(self._published),
            loop_late=spread_of(self._late),
            collection=spread_of(self._pauses),
            collections=self._collections,
            memory_bytes=self._memory[0],
            memory_peak_bytes=self._memory[1],
            paused=paused,
            lightened=lightened,
            stalled=stalled,
        )

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        """Called by the garbage collector, in whichever thread it runs; all threads are stopped meanwhile."""
        now_ns = self._clock.monotonic_ns()
        if phase == "start":
            self._collecting_ns = now_ns
        elif self._collecting_ns is not None:
            self._pauses.append(now_ns - self._collecting_ns)
            self._collections += 1
            self._collecting_ns = None


def spread_of(measured_ns: Iterable[int]) -> Spread:
    """Median, 99th percentile and maximum, milliseconds; NaN if nothing was measured."""
    ordered = sorted(measured_ns)
    if not ordered:
        return Spread(math.nan, math.nan, math.nan)
    last = len(ordered) - 1
    return Spread(ordered[last // 2] / 1e6, ordered[int(0.99 * last)] / 1e6, ordered[-1] / 1e6)


def memory_bytes() -> tuple[float, float]:
    """Resident memory of this process now and at peak, bytes; NaN if the system does not report it."""
    try:
        told = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="ascii").splitlines() if line[:2] == "Vm")
        return _kib(told["VmRSS"]), _kib(told["VmHWM"])
    except (OSError, KeyError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return math.nan, math.nan
    # In KiB on Linux and in bytes on macOS (getrusage(2) of each).
    return math.nan, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def _kib(text: str) -> float:
    return float(text.removesuffix("kB")) * 1024.0
