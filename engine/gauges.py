"""What a running engine measures of itself: scans, publishing, how late its loop wakes, garbage collection, memory.

Held by `engine.runtime`. Measuring is cheap and never waits; the figures of the newest few hundred measurements are put
together when a snapshot is made. Shown beside the venues and never part of what is scored.
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
TICK_NS: Final = 100_000_000
"""How often the loop's lateness is measured."""
MEMORY_EVERY_NS: Final = 1_000_000_000
_STATUS: Final = Path("/proc/self/status")


class Gauges:
    """The measurements of one engine. As a context manager it measures garbage collection of the whole process."""

    def __init__(self, clock: Clock, memory: Callable[[], tuple[float, float]] | None = None) -> None:
        """`memory`: resident bytes now and at most so far, NaN where not known; None: this process's."""
        self._clock = clock
        self._memory_of = memory or memory_bytes
        self._scans: deque[int] = deque(maxlen=SAMPLES)
        self._published: deque[int] = deque(maxlen=SAMPLES)
        self._late: deque[int] = deque(maxlen=SAMPLES)
        self._pauses: deque[int] = deque(maxlen=SAMPLES)
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
        """A scan has ended."""
        self._scans.append(took_ns)

    def published(self, took_ns: int) -> None:
        """A snapshot was made and published."""
        self._published.append(took_ns)

    async def watch(self, beat: Callable[[], None] | None = None) -> None:
        """Measure how late the loop wakes, until cancelled; `beat` is called each time that it does."""
        while True:
            if beat is not None:
                beat()
            due_ns = self._clock.monotonic_ns() + TICK_NS
            await self._clock.sleep_until(due_ns)
            self._late.append(max(0, self._clock.monotonic_ns() - due_ns))

    @property
    def scan_ms(self) -> float:
        """Of the newest scan; 0 before the first."""
        return self._scans[-1] / 1e6 if self._scans else 0.0

    def vitals(self, *, paused: int = 0, lightened: str = "", stalled: str = "") -> Vitals:
        """The figures now. `paused`: how often reading stopped; `lightened`, `stalled`: as in `Vitals`."""
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
        """Called by the collector, in whichever thread it runs: all of them stand still meanwhile."""
        now_ns = self._clock.monotonic_ns()
        if phase == "start":
            self._collecting_ns = now_ns
        elif self._collecting_ns is not None:
            self._pauses.append(now_ns - self._collecting_ns)
            self._collections += 1
            self._collecting_ns = None


def spread_of(measured_ns: Iterable[int]) -> Spread:
    """Half, nearly all, and the largest of what was measured, milliseconds; NaN where nothing was."""
    ordered = sorted(measured_ns)
    if not ordered:
        return Spread(math.nan, math.nan, math.nan)
    last = len(ordered) - 1
    return Spread(ordered[last // 2] / 1e6, ordered[int(0.99 * last)] / 1e6, ordered[-1] / 1e6)


def memory_bytes() -> tuple[float, float]:
    """Resident memory of this process now and at most so far, bytes; NaN where the system does not tell."""
    try:
        told = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="ascii").splitlines() if line[:2] == "Vm")
        return _kib(told["VmRSS"]), _kib(told["VmHWM"])
    except (OSError, KeyError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return math.nan, math.nan
    # In KiB, but for macOS, where it is bytes (getrusage(2) of both).
    return math.nan, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def _kib(text: str) -> float:
    return float(text.removesuffix("kB")) * 1024.0
