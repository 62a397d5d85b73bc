"""Rate limits for REST requests: one budget per weight pool, shared by all requests.

Called by the REST client before every attempt; connections are throttled by `stream_pace`. A pool is a sliding window:
in any window of its length no more than its capacity is granted. Nothing here may send anything or know a venue.

Order: by priority, then by arrival. A request that cannot go yet holds back those behind it that need the same pools,
so that light requests do not overtake a heavy one for ever. Every `TURN_OF_OLDEST`-th grant of a pool goes to the
request that has waited longest, whatever its priority, so that none starves.

Reserve: if a pool has a reserve, lower priorities never hold more than the remainder in any window, neither each by
itself nor together, so that a broken book or a new listing finds room however much history is being requested. A
request that waits for its priority's share holds back only those that share it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from engine.clock import Clock
from engine.errors import PrismError
from engine.text import clean
from engine.transport.tasks import NS_PER_S, Owned, nanoseconds, settle, spawn
from engine.transport.window import OTHERS, Window
from engine.venues.live import Cost, Pool

LOG: Final = logging.getLogger("prism.transport")

TURN_OF_OLDEST: Final = 8
LEAST_SHARE: Final = 0.25
"""An announcement by the venue can reduce a pool to no less than this share of its declared capacity."""
FOR_EVER_S: Final = 1e9


class Priority(IntEnum):
    """Order of requests when not all can be sent at once."""

    MEND = 0
    """Repair of a book or of trades that have a gap now."""
    LISTING = 1
    """The venue's instruments and its clock."""
    FIRST_BACKFILL = 2
    """History of the most important instruments and of those with full depth."""
    POLL = 3
    """Data that no stream pushes."""
    BACKFILL = 4
    """History of all others."""


RESERVED: Final[dict[Priority, float]] = {
    Priority.MEND: 0.0,
    Priority.LISTING: 0.25,
    Priority.FIRST_BACKFILL: 0.75,
    Priority.POLL: 0.875,
    Priority.BACKFILL: 1.0,
}
"""Share of a pool's reserve that a priority and those after it must leave free: more for lower priorities."""


class Resting(PrismError):
    """A host or pool is in a cool-down for longer than the request may wait."""

    def __init__(self, name: str, left_s: float, why: str) -> None:
        super().__init__(f"{name} rests for {left_s:.0f} s: {why}")
        self.name = name
        self.left_s = left_s
        self.why = why


@dataclass(frozen=True, slots=True)
class Rest:
    """The cool-down of a host or pool."""

    name: str
    until_ns: int
    """Wall time, so that it can be kept across a restart."""
    why: str


@dataclass(slots=True)
class _Asker:
    order: int
    priority: Priority
    host: str
    pools: tuple[tuple[str, float], ...]
    patience_s: float
    go: asyncio.Future[None]


class Budgets:
    """All budgets of the program. `scale` multiplies the capacities: our own simulator allows more."""

    def __init__(self, clock: Clock, *, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ValueError(f"budgets are scaled by a number above 0, not by {scale}")
        self._clock = clock
        self._scale = scale
        self._windows: dict[str, Window] = {}
        self._pools: dict[str, Pool] = {}
        self._rests: dict[str, tuple[int, str]] = {}
        self.on_rest: Callable[[], None] | None = None
        """Called after a cool-down began; `rests` lists all of them."""
        self._lanes: dict[tuple[Priority, str, tuple[str, ...]], deque[_Asker]] = {}
        """Waiting requests that differ only in weight and order; the first of a lane holds back the others."""
        self._order = 0
        self._tasks: Owned = {}
        self._timer: tuple[int, asyncio.Task[None]] | None = None

    def add(self, pools: Iterable[Pool]) -> None:
        """Add pools; known ones are left unchanged. Raises ValueError if one differs from a known one of its name or
        its reserve is not in [0, 1)."""
        for pool in pools:
            if not 0.0 <= pool.reserve < 1.0:
                raise ValueError(f"the reserve of the pool {pool.name} is a part from 0 to below 1, not {pool.reserve}")
            known = self._pools.setdefault(pool.name, pool)
            if known != pool:
                raise ValueError(f"the pool {pool.name} is declared twice: {known} and {pool}")
            if pool.name not in self._windows:
                kept = [pool.reserve * RESERVED[priority] for priority in Priority]
                self._windows[pool.name] = Window(pool.capacity * self._scale, nanoseconds(pool.window_s), kept)

    async def take(self, host: str, cost: Cost, priority: Priority, *, patience_s: float = FOR_EVER_S) -> None:
        """Return once `cost` was taken from its pools. Raises Resting, at once or while waiting, if the host or a pool
        is in a cool-down that lasts longer than `patience_s`; ValueError if a pool is unknown or can never hold it."""
        for name, _ in cost.pools:
            if name not in self._windows:
                raise ValueError(f"no pool named {name}")
        if (error := self._too_heavy(cost.pools)) is not None:
            raise error
        self._order += 1
        asker = _Asker(self._order, priority, host, cost.pools, patience_s, asyncio.get_running_loop().create_future())
        if (rest := self._rest_of(asker)) is not None and rest.left_s > patience_s:
            raise rest
        self._lanes.setdefault((priority, host, tuple(name for name, _ in cost.pools)), deque()).append(asker)
        self._grant()
        try:
            await asker.go
        except asyncio.CancelledError:
            self._grant()
            raise

    def rest(self, name: str, seconds: float, why: str) -> None:
        """Start a cool-down: nothing of the host or pool `name` is granted for `seconds`. Of several cool-downs the one
        that ends last counts. Waiting requests without the patience for it get Resting."""
        until_ns = self._clock.monotonic_ns() + nanoseconds(seconds)
        if name in self._rests and self._rests[name][0] >= until_ns:
            return
        self._rests[name] = (until_ns, clean(why))
        if self.on_rest is not None:
            self.on_rest()
        for lane in self._lanes.values():
            for asker in lane:
                rest = self._rest_of(asker)
                if rest is not None and rest.left_s > asker.patience_s and not asker.go.done():
                    asker.go.set_exception(rest)
        self._grant()

    def restore(self, rests: Iterable[Rest]) -> None:
        """Take over the cool-downs of an earlier run; call it before the first request."""
        now_ns, wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()
        for rest in rests:
            if rest.until_ns > max(wall_ns, wall_ns - now_ns + self._rests.get(rest.name, (0, ""))[0]):
                self._rests[rest.name] = (now_ns + rest.until_ns - wall_ns, rest.why)

    def rests(self) -> list[Rest]:
        """Every cool-down in force."""
        now_ns, wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()
        return [
            Rest(name, wall_ns + until_ns - now_ns, why)
            for name, (until_ns, why) in self._rests.items()
            if until_ns > now_ns
        ]

    def correct(self, used: Iterable[tuple[str, float]]) -> None:
        """Take over the weight that the venue counted in its current window, if it is more than ours."""
        now_ns = self._clock.monotonic_ns()
        for name, weight in used:
            if (window := self._windows.get(name)) is not None:
                window.forget(now_ns)
                if weight > window.used:
                    window.add(now_ns, weight - window.used, OTHERS)

    def resize(self, announced: Iterable[tuple[str, float]]) -> None:
        """Take over the capacities that venues announce for their pools: never more than declared, which is known to be
        safe, and never less than `LEAST_SHARE` of it, with which prism could not work. Changes are logged."""
        changed = False
        for name, capacity in announced:
            if (pool := self._pools.get(name)) is None:
                continue
            bounded = max(min(capacity, pool.capacity), LEAST_SHARE * pool.capacity) * self._scale
            window = self._windows[name]
            if bounded != window.capacity:
                LOG.info("the budget %s is %g now, not %g: the venue announced it", name, bounded, window.capacity)
                window.capacity = bounded
                changed = True
        if changed:
            self._refuse_too_heavy()
            self._grant()

    def _refuse_too_heavy(self) -> None:
        """Fail waiting requests that are heavier than their pool's new capacity."""
        for lane in self._lanes.values():
            for asker in lane:
                if (error := self._too_heavy(asker.pools)) is not None and not asker.go.done():
                    asker.go.set_exception(error)

    def _too_heavy(self, pools: Iterable[tuple[str, float]]) -> ValueError | None:
        for name, weight in pools:
            if weight > (most := self._windows[name].capacity):
                return ValueError(f"{weight:g} is more than the pool {name} may ever hold, {most:g}")
        return None

    async def close(self) -> None:
        """Cancel all waiting requests; no `take` may follow."""
        for lane in self._lanes.values():
            for asker in lane:
                asker.go.cancel()
        self._lanes.clear()
        await settle(self._tasks)

    def _rest_of(self, asker: _Asker) -> Resting | None:
        """The longest cool-down that applies to a waiting request; None if none does."""
        now_ns = self._clock.monotonic_ns()
        found: Resting | None = None
        for name in (asker.host, *(name for name, _ in asker.pools)):
            until_ns, why = self._rests.get(name, (0, ""))
            left_s = (until_ns - now_ns) / NS_PER_S
            if left_s > 0 and (found is None or left_s > found.left_s):
                found = Resting(name, left_s, why)
        return found

    def _grant(self) -> None:
        """Grant everything that may go now, and set the timer for the next grant."""
        now_ns = self._clock.monotonic_ns()
        for window in self._windows.values():
            window.forget(now_ns)
        while self._grant_one(now_ns):
            pass
        self._set_timer()

    def _grant_one(self, now_ns: int) -> bool:
        held_back: dict[str, int] = {}
        lanes, oldest = self._in_order()
        for lane in lanes:
            asker = lane[0]
            if self._rest_of(asker) is not None:
                continue
            barrier = self._barrier(asker, held_back)
            if barrier is None:
                for name, weight in asker.pools:
                    self._windows[name].add(now_ns, weight, asker.priority)
                    # The turn of the oldest stays due until the oldest is granted.
                    self._windows[name].turns += oldest.get(name, asker.order) == asker.order
                lane.popleft()
                asker.go.set_result(None)
                return True
            _hold_back(held_back, asker, barrier)
        return False

    def _barrier(self, asker: _Asker, held_back: dict[str, int]) -> int | None:
        """The first priority that must wait until this request was granted; None: it may go now."""
        if any(held_back.get(name, len(Priority)) <= asker.priority for name, _ in asker.pools):
            return asker.priority
        barriers = [self._windows[name].barrier(weight, asker.priority) for name, weight in asker.pools]
        return min((barrier for barrier in barriers if barrier is not None), default=None)

    def _in_order(self) -> tuple[list[deque[_Asker]], dict[str, int]]:
        """The lanes that are not empty, in the order of granting; and by pool, if it is the oldest's turn, the `order`
        of the request that has waited longest."""
        heads: list[tuple[int, int, deque[_Asker]]] = []
        for key in list(self._lanes):
            lane = self._lanes[key]
            while lane and lane[0].go.done():
                lane.popleft()
            if lane:
                heads.append((key[0], lane[0].order, lane))
            else:
                del self._lanes[key]
        oldest: dict[str, int] = {}
        for _, order, lane in heads:
            for name, _ in lane[0].pools:
                if self._windows[name].turns % TURN_OF_OLDEST == TURN_OF_OLDEST - 1 and self._rest_of(lane[0]) is None:
                    oldest[name] = min(order, oldest.get(name, order))
        first = set(oldest.values())
        heads.sort(key=lambda head: (head[1] not in first, head[0], head[1]))
        return [lane for _, _, lane in heads], oldest

    def _set_timer(self) -> None:
        due_ns: int | None = None
        held_back: dict[str, int] = {}
        for lane in self._in_order()[0]:
            asker = lane[0]
            if self._rest_of(asker) is not None:
                names = (asker.host, *(name for name, _ in asker.pools))
                at_ns = max(self._rests.get(name, (0, ""))[0] for name in names)
                due_ns = at_ns if due_ns is None else min(due_ns, at_ns)
                continue
            held = any(held_back.get(name, len(Priority)) <= asker.priority for name, _ in asker.pools)
            if not held:
                at_ns = max(self._windows[name].room_ns(weight, asker.priority) for name, weight in asker.pools)
                due_ns = at_ns if due_ns is None else min(due_ns, at_ns)
            _hold_back(held_back, asker, asker.priority if held else self._barrier(asker, held_back))
        if self._timer is not None and self._timer[0] != due_ns:
            self._timer[1].cancel()
            self._timer = None
        if due_ns is not None and self._timer is None:
            self._timer = (due_ns, spawn(self._tasks, self._wake(due_ns), "budgets"))

    async def _wake(self, due_ns: int) -> None:
        await self._clock.sleep_until(due_ns)
        self._timer = None
        self._grant()


def _hold_back(held_back: dict[str, int], asker: _Asker, barrier: int | None) -> None:
    """Grant nothing from this request's pools to the priority `barrier` and those after it before this request."""
    if barrier is not None:
        for name, _ in asker.pools:
            held_back[name] = min(barrier, held_back.get(name, barrier))
