"""Watchdog for the engine's event loop: a thread that checks four times a second whether the loop still beats.

Entered by `engine.runtime` around the loop, in the loop's own thread; a task of the loop calls `beat`. After three
checks on time without a beat, it logs the loop's stack; when the stall is over, its length is logged and reported to
the user. A check that is itself late proves nothing: the whole process was stopped, or the machine slept. Code that
holds the GIL throughout stops this thread too and goes unnoticed; pure Python never holds it for long.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Final, Self

from engine.clock import Clock
from engine.text import clean

LOG: Final = logging.getLogger("prism.engine")

EVERY_S: Final = 0.25
LATE_NS: Final = 500_000_000
"""Longest time between two checks; one that comes later was held up with everything else."""
LOOKS: Final = 3
"""Checks in a row without a beat that make a stall; the loop beats ten times a second."""
DEEPEST: Final = 24
"""Innermost stack frames that are logged."""
LOG_AGAIN_NS: Final = 60_000_000_000
"""Least time between two stacks in the log; stalls in between are counted."""
TOLD_NS: Final = 600_000_000_000
"""How long the newest stall is shown."""
JOIN_S: Final = 1.0


class StallWatch:
    """The watchdog of one engine. As a context manager it watches the thread that enters it, from its first beat on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched = 0
        self._beat_ns = 0
        """Monotonic time of the newest beat; 0: no beat is expected now."""
        self._seen_ns = 0
        self._looked_ns = 0
        self._missed = 0
        self._where = ""
        """The function in which the loop is stalled; empty if it is not."""
        self._unlogged = 0
        self._logged_ns: int | None = None
        self._news: deque[str] = deque(maxlen=8)
        self._newest: tuple[int, str] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="prism-stall-watch", daemon=True)

    def __enter__(self) -> Self:
        self._watched = threading.get_ident()
        self._looked_ns = self._clock.monotonic_ns()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(JOIN_S)

    def beat(self) -> None:
        """Report that the loop is running."""
        self._beat_ns = self._clock.monotonic_ns()

    def rest(self) -> None:
        """Report that the loop ends: expect no more beats."""
        self._beat_ns = 0

    def news(self) -> list[str]:
        """Stalls that ended since the last call, as text, oldest first."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def words(self) -> str:
        """The newest stall of the last ten minutes, as text; empty if there was none."""
        newest = self._newest
        return newest[1] if newest is not None and self._clock.monotonic_ns() - newest[0] < TOLD_NS else ""

    def look(self) -> None:
        """Check once; called by the watchdog's thread."""
        now_ns, beat_ns = self._clock.monotonic_ns(), self._beat_ns
        is_late = now_ns - self._looked_ns > LATE_NS
        self._looked_ns = now_ns
        if beat_ns != self._seen_ns:
            if self._where and beat_ns:
                self._ended(now_ns, (beat_ns - self._seen_ns) / 1e9)
            self._seen_ns, self._missed, self._where = beat_ns, 0, ""
        elif is_late:
            self._missed = 0
        elif beat_ns and not self._where:
            self._missed += 1
            if self._missed >= LOOKS:
                self._caught(now_ns)

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            self.look()

    def _caught(self, now_ns: int) -> None:
        """The loop is stalled: note where, before it goes on."""
        stack = _stack(sys._current_frames().get(self._watched))
        self._where = _function(stack)
        if self._logged_ns is not None and now_ns - self._logged_ns < LOG_AGAIN_NS:
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more since the last one logged)" if self._unlogged else ""
        self._logged_ns, self._unlogged = now_ns, 0
        LOG.warning("the engine stands still%s in:\n  %s", more, "\n  ".join(stack))

    def _ended(self, now_ns: int, seconds: float) -> None:
        LOG.info("the engine stood still for %.1f s in %s", seconds, self._where)
        # The function goes to the log only: it means nothing to a trader.
        words = f"the engine stalled for {seconds:.1f} s: nothing was read or scored meanwhile"
        self._newest = (now_ns, words)
        self._news.append(words)


def _stack(frame: FrameType | None) -> list[str]:
    """Function, file and line of each stack frame, innermost first."""
    found: list[str] = []
    while frame is not None and len(found) < DEEPEST:
        parts = PurePath(frame.f_code.co_filename).parts
        # Files of the engine are shown from its folder on, however deep they lie in it.
        depth = parts[::-1].index("engine") + 1 if "engine" in parts[-5:] else 3
        found.append(clean(f"{frame.f_code.co_qualname} ({'/'.join(parts[-depth:])}:{frame.f_lineno})"))
        frame = frame.f_back
    return found


def _function(stack: list[str]) -> str:
    """The innermost function of the engine's own; functions below it only do what it called them for."""
    return next((words for words in stack if "engine/" in words), stack[0] if stack else "an unknown function")
