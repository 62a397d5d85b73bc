"""An event loop without the machine: no sockets, no threads, no timers of its own; time jumps to whatever is due next.

Made by `tests.simulation.run` for each run. When nothing is ready the clock moves to its next sleeper; where nobody
sleeps either, the run can never go on and says so. What wakes at the same instant does so in an order drawn from the
seed, and everybody wakes a little late, as on a real machine.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, TypeVarTuple, Unpack

from tests.faults.rig import START_NS, RigClock

Ts = TypeVarTuple("Ts")

LOOK_MS: Final = 100
"""Between two looks of whoever waits for a condition."""
LATE_NS: Final = 2_000_000
VERY_LATE_NS: Final = 60_000_000
VERY_LATE: Final = 0.002
"""Share of sleepers that are woken very late, as by a busy machine."""


class SimClock(RigClock):
    """Time of one run. Wall time can be made to jump; monotonic time only ever goes on."""

    def __init__(self, seed: int) -> None:
        super().__init__(LOOK_MS)
        self._rng = random.Random(f"clock {seed}")
        self._slept_ns = 0
        self._due: list[tuple[int, float, int, asyncio.Future[None] | Callable[[], None]]] = []

    def now_ns(self) -> int:
        return START_NS + self._passed_ns + self._slept_ns

    def elapsed_ns(self) -> int:
        return self.monotonic_ns() + self._slept_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns <= self.monotonic_ns():
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        chance = self._rng.random()
        late_ns = VERY_LATE_NS if chance < VERY_LATE else LATE_NS
        self._add(monotonic_ns + int(late_ns * self._rng.random()), future)
        await future

    async def step(self) -> None:
        await self.sleep_until(self.monotonic_ns() + self._step_ns)

    def call_at(self, monotonic_ns: int, call: Callable[[], None]) -> None:
        """Have `call` made at that time exactly."""
        self._add(monotonic_ns, call)

    def stall(self, seconds: float) -> None:
        """Let time pass in which nothing of this process runs."""
        self._passed_ns += round(seconds * 1e9)

    def sleep_machine(self, seconds: float) -> None:
        """Let the wall clock go on and the monotonic one stand, as while a machine sleeps."""
        self._slept_ns += round(seconds * 1e9)

    def wake_next(self) -> None:
        """Move to whatever is due next and let it happen. Raises AssertionError where nothing is."""
        self._forget_cancelled()
        if not self._due:
            raise AssertionError("nothing is ready and nobody sleeps: this run can never go on")
        base = self.monotonic_ns()
        self._passed_ns += max(0, self._due[0][0] - base)
        now = self.monotonic_ns()
        while self._due and self._due[0][0] <= now:
            woken = heapq.heappop(self._due)[3]
            if not isinstance(woken, asyncio.Future):
                woken()
            elif not woken.done():
                woken.set_result(None)

    def _add(self, monotonic_ns: int, woken: asyncio.Future[None] | Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._due, (monotonic_ns, self._rng.random(), self._order, woken))

    def _forget_cancelled(self) -> None:
        while self._due and isinstance(self._due[0][3], asyncio.Future) and self._due[0][3].done():
            heapq.heappop(self._due)


class WrongClock:
    """What the engine's machine takes for the time: `off_ns` ahead of what it is, which may change at any moment."""

    def __init__(self, right: SimClock, off_ns: int = 0) -> None:
        self.off_ns = off_ns
        self.frozen_ns = 0
        """For how long it stood still as a whole, without knowing of it."""
        self._right = right

    def now_ns(self) -> int:
        return self._right.now_ns() + self.off_ns

    def monotonic_ns(self) -> int:
        return self._right.monotonic_ns()

    def elapsed_ns(self) -> int:
        return self._right.elapsed_ns() - self.frozen_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        await self._right.sleep_until(monotonic_ns)


class _Idle:
    """Stands where a loop keeps its selector: waiting moves the clock."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._clock.wake_next()
        return []

    def close(self) -> None:
        """Nothing is held."""


class SimLoop(BaseEventLoop):
    """asyncio's own loop over a `SimClock`."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self.clock = clock
        self.complaints: list[str] = []
        """What no task was there to be told of."""
        self._selector = _Idle(clock)
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        return self.clock.monotonic_ns() / 1e9

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        raise AssertionError(f"{callback} waits on the loop's own timer and not on the clock")

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """No other thread is there to wake."""

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")
