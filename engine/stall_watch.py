"""Catches the engine's loop in the act of standing still: a thread that looks four times a second whether it beats.

Held by `engine.runtime` around the loop, in the loop's own thread; a task of the loop calls `beat`. Where no beat came
for three looks, each on time, the loop's stack is taken, logged once, and told with the stall's length when it is over.
A look that is late itself proves nothing: the whole process was stopped, or the machine slept. What holds the
interpreter's lock all the while stops this thread too, and so goes unseen; pure Python never does for long.
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
"""Between two looks; one that comes later was held up with everything else."""
LOOKS: Final = 3
"""So many looks in a row without a beat, and the loop, which beats ten times a second, stands still."""
DEEPEST: Final = 24
"""Frames of a stack that are logged, the innermost."""
LOG_AGAIN_NS: Final = 60_000_000_000
"""Between two stacks in the log; stalls in between are counted."""
TOLD_NS: Final = 600_000_000_000
"""How long the newest stall is shown."""
JOIN_S: Final = 1.0


class StallWatch:
    """Of one engine. As a context manager it watches the thread that enters it, from its first beat on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched = 0
        self._beat_ns = 0
        """Of the newest beat; 0: it need not beat now."""
        self._seen_ns = 0
        self._looked_ns = 0
        self._missed = 0
        self._where = ""
        """In which function it stands; empty while it does not."""
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
        """The loop runs."""
        self._beat_ns = self._clock.monotonic_ns()

    def rest(self) -> None:
        """The loop ends: no beat will come, and none is missed."""
        self._beat_ns = 0

    def news(self) -> list[str]:
        """Stalls that ended since this was last asked, in words, oldest first."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def words(self) -> str:
        """The newest stall of the last ten minutes; empty where there was none."""
        newest = self._newest
        return newest[1] if newest is not None and self._clock.monotonic_ns() - newest[0] < TOLD_NS else ""

    def look(self) -> None:
        """One look; the thread's own."""
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
        """It stands: note where, before it goes on."""
        stack = _stack(sys._current_frames().get(self._watched))
        self._where = _function(stack)
        if self._logged_ns is not None and now_ns - self._logged_ns < LOG_AGAIN_NS:
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more since the last one logged)" if self._unlogged else ""
        self._logged_ns, self._unlogged = now_ns, 0
        LOG.warning("the engine stands still%s in:\n  %s", more, "\n  ".join(stack))

    def _ended(self, now_ns: int, seconds: float) -> None:
        words = f"engine stalled {seconds:.1f} s in {self._where}"
        self._newest = (now_ns, words)
        self._news.append(words)


def _stack(frame: FrameType | None) -> list[str]:
    """Function, file and line of each frame, the innermost first."""
    found: list[str] = []
    while frame is not None and len(found) < DEEPEST:
        place = "/".join(PurePath(frame.f_code.co_filename).parts[-3:])
        found.append(clean(f"{frame.f_code.co_qualname} ({place}:{frame.f_lineno})"))
        frame = frame.f_back
    return found


def _function(stack: list[str]) -> str:
    """The innermost that is the engine's own: what is below it does what it was told."""
    return next((words for words in stack if "engine/" in words), stack[0] if stack else "an unknown function")
