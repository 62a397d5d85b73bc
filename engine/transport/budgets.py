"""What may be asked when: one budget for each pool of weight, shared by everything that asks.

Called by the REST client before every attempt and by connections before they are opened. A pool is a sliding window:
whatever window of its length one looks at, no more than its capacity was granted in it. Nothing here sends anything,
and nothing here knows a venue.

Who goes first: by priority, in order of arrival within one, and whoever cannot go yet holds back those behind it that
want the same pools, so that a heavy request is not overtaken for ever by light ones. Every `TURN_OF_OLDEST`-th grant of
a pool goes to whoever waits longest, whatever its priority, so that nobody starves.

What is kept: of a pool with a reserve the lower priorities never hold more than the rest in any window, neither each by
itself nor together, so that a book that broke or a new listing finds room however much of the past is asked for. Who
waits for its own share holds back only those that share it.
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
from engine.venues.live import Cost, Pool, StreamLimits

LOG: Final = logging.getLogger("prism.transport")

TURN_OF_OLDEST: Final = 8
LEAST_SHARE: Final = 0.25
"""Of what a pool was declared to hold, the least that an announcement can leave of it."""
CONNECT_WINDOW_S: Final = 300.0
FOR_EVER_S: Final = 1e9


class Priority(IntEnum):
    """What comes first when not everything can be asked at once."""

    MEND = 0
    """A book or a candle that has a gap now."""
    LISTING = 1
    """Which instruments there are, and the venue's clock."""
    FIRST_BACKFILL = 2
    """The past of the most liquid instruments and of what is on the screen."""
    POLL = 3
    """What no stream pushes."""
    BACKFILL = 4
    """The past of all others."""


RESERVED: Final[dict[Priority, float]] = {
    Priority.MEND: 0.0,
    Priority.LISTING: 0.25,
    Priority.FIRST_BACKFILL: 0.75,
    Priority.POLL: 0.875,
    Priority.BACKFILL: 1.0,
}
"""The part of a pool's reserve that a priority, and those after it, leave alone: the lower, the more."""


class Resting(PrismError):
    """Nothing may be asked of a host or from a pool for longer than the asker wants to wait."""

    def __init__(self, name: str, left_s: float, why: str) -> None:
        super().__init__(f"{name} rests for {left_s:.0f} s: {why}")
        self.name = name
        self.left_s = left_s
        self.why = why


@dataclass(frozen=True, slots=True)
class Rest:
    """A host or pool of which nothing may be asked for a while."""

    name: str
    until_ns: int
    """Wall time, fit to be kept across a restart."""
    why: str


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How full a pool is."""

    name: str
    used: float
    """Weight within the present window, that of others included."""
    others: float
    """Weight that the venue counted and we did not ask for: another program on the same address."""
    capacity: float
    window_s: float


@dataclass(slots=True)
class _Asker:
    order: int
    priority: Priority
    host: str
    pools: tuple[tuple[str, float], ...]
    patience_s: float
    go: asyncio.Future[None]


class Budgets:
    """All budgets of the program. `scale` multiplies what may be used: a simulator of our own may be asked more."""

    def __init__(self, clock: Clock, *, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ValueError(f"budgets are scaled by a number above 0, not by {scale}")
        self._clock = clock
        self._scale = scale
        self._windows: dict[str, Window] = {}
        self._pools: dict[str, Pool] = {}
        self._rests: dict[str, tuple[int, str]] = {}
        self.on_rest: Callable[[], None] | None = None
        """Called after a host or pool was told to rest; `rests` says which do."""
        self._lanes: dict[tuple[Priority, str, tuple[str, ...]], deque[_Asker]] = {}
        """Askers that differ in weight and order only; the first of a lane holds back the others."""
        self._order = 0
        self._tasks: Owned = {}
        self._timer: tuple[int, asyncio.Task[None]] | None = None

    def add(self, pools: Iterable[Pool]) -> None:
        """Make pools known; known ones are left as they are. Raises ValueError where one differs from its namesake or
        its reserve is no part of it."""
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
        """Return once `cost` was taken from its pools. Raises Resting, at once or when told so while waiting, where the
        host or a pool rests for longer than `patience_s`; ValueError where a pool is unknown or can never hold it."""
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

    async def take_connect(self, host: str, limits: StreamLimits) -> None:
        """Return once one more connection to `host` may be attempted."""
        name = f"connections to {host}"
        self.add([Pool(name, limits.connects_per_5_min, CONNECT_WINDOW_S)])
        await self.take(host, Cost(((name, 1.0),)), Priority.MEND)

    def rest(self, name: str, seconds: float, why: str) -> None:
        """Nothing of the host or pool `name` is granted for `seconds`; of several rests the one that ends last holds.
        Askers that do not want to wait so long are told."""
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
        """Take over what rested when an earlier run ended; call it before anything is asked."""
        now_ns, wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()
        for rest in rests:
            if rest.until_ns > max(wall_ns, wall_ns - now_ns + self._rests.get(rest.name, (0, ""))[0]):
                self._rests[rest.name] = (now_ns + rest.until_ns - wall_ns, rest.why)

    def rests(self) -> list[Rest]:
        """Every host and pool that rests now."""
        now_ns, wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()
        return [
            Rest(name, wall_ns + until_ns - now_ns, why)
            for name, (until_ns, why) in self._rests.items()
            if until_ns > now_ns
        ]

    def correct(self, used: Iterable[tuple[str, float]]) -> None:
        """Take over what the venue counted in its present window, where that is more than we know of."""
        now_ns = self._clock.monotonic_ns()
        for name, weight in used:
            if (window := self._windows.get(name)) is not None:
                window.forget(now_ns)
                if weight > window.used:
                    window.add(now_ns, weight - window.used, OTHERS)

    def resize(self, announced: Iterable[tuple[str, float]]) -> None:
        """Take over what venues announce that their pools hold: never more than was declared, which is what is known to
        be borne, and never less than `LEAST_SHARE` of it, which nobody could live on. Changes are logged."""
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
        """Tell those who wait for more than their pool may hold by now."""
        for lane in self._lanes.values():
            for asker in lane:
                if (error := self._too_heavy(asker.pools)) is not None and not asker.go.done():
                    asker.go.set_exception(error)

    def _too_heavy(self, pools: Iterable[tuple[str, float]]) -> ValueError | None:
        for name, weight in pools:
            if weight > (most := self._windows[name].capacity):
                return ValueError(f"{weight:g} is more than the pool {name} may ever hold, {most:g}")
        return None

    def uses(self) -> list[PoolUse]:
        """How full every pool is."""
        now_ns = self._clock.monotonic_ns()
        found = []
        for name, window in self._windows.items():
            window.forget(now_ns)
            found.append(PoolUse(name, window.used, window.others, window.capacity, window.window_ns / NS_PER_S))
        return found

    def waiting(self) -> int:
        """How many wait to be let go."""
        return sum(not asker.go.done() for lane in self._lanes.values() for asker in lane)

    async def close(self) -> None:
        """Give up what is waiting."""
        for lane in self._lanes.values():
            for asker in lane:
                asker.go.cancel()
        self._lanes.clear()
        await settle(self._tasks)

    def _rest_of(self, asker: _Asker) -> Resting | None:
        """The longest rest that concerns an asker."""
        now_ns = self._clock.monotonic_ns()
        found: Resting | None = None
        for name in (asker.host, *(name for name, _ in asker.pools)):
            until_ns, why = self._rests.get(name, (0, ""))
            left_s = (until_ns - now_ns) / NS_PER_S
            if left_s > 0 and (found is None or left_s > found.left_s):
                found = Resting(name, left_s, why)
        return found

    def _grant(self) -> None:
        """Let go whoever may, and set the timer for the next one."""
        now_ns = self._clock.monotonic_ns()
        for window in self._windows.values():
            window.forget(now_ns)
        while self._grant_one(now_ns):
            pass
        self._set_timer(now_ns)

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
                    # A turn that is due waits for whoever it belongs to.
                    self._windows[name].turns += oldest.get(name, asker.order) == asker.order
                lane.popleft()
                asker.go.set_result(None)
                return True
            _hold_back(held_back, asker, barrier)
        return False

    def _barrier(self, asker: _Asker, held_back: dict[str, int]) -> int | None:
        """The first priority that may not be granted anything of the asker's pools before it was; None: it may go."""
        if any(held_back.get(name, len(Priority)) <= asker.priority for name, _ in asker.pools):
            return asker.priority
        barriers = [self._windows[name].barrier(weight, asker.priority) for name, weight in asker.pools]
        return min((barrier for barrier in barriers if barrier is not None), default=None)

    def _in_order(self) -> tuple[list[deque[_Asker]], dict[str, int]]:
        """The lanes that hold somebody, first to go first; and by pool the order of who waits longest, where it is that
        one's turn."""
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

    def _set_timer(self, now_ns: int) -> None:
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
    """Nothing of the asker's pools goes to the priority `barrier` and those after it before the asker went."""
    if barrier is not None:
        for name, _ in asker.pools:
            held_back[name] = min(barrier, held_back.get(name, barrier))
