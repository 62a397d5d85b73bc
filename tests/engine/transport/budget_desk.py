"""Budgets on a clock that is moved by hand, and a record of who was let go when: for the tests of budgets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine.transport.budgets import Budgets, Priority
from engine.venues.live import Cost, Pool
from tests.engine.transport.stepped_clock import SteppedClock

HOST = "https://api.example"


@dataclass
class Grant:
    """One request that was let go."""

    at_s: float
    name: str
    pools: tuple[tuple[str, float], ...]
    priority: Priority


@dataclass
class PoolUse:
    """How full a pool is now."""

    name: str
    used: float
    """Weight within the present window, that of others included."""
    others: float
    """Weight that the venue counted and nobody here asked for."""
    capacity: float


def uses(budgets: Budgets) -> list[PoolUse]:
    """How full every pool is."""
    for window in budgets._windows.values():
        window.forget(budgets._clock.monotonic_ns())
    return [PoolUse(name, held.used, held.others, held.capacity) for name, held in budgets._windows.items()]


class Desk:
    """Budgets, and a record of who was let go when."""

    def __init__(self, *pools: Pool, scale: float = 1.0) -> None:
        self.clock = SteppedClock()
        self.budgets = Budgets(self.clock, scale=scale)
        self.budgets.add(pools)
        self.granted: list[Grant] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def ask(
        self, name: str, cost: Cost, priority: Priority = Priority.POLL, patience_s: float = 1e9, host: str = HOST
    ) -> asyncio.Task[None]:
        async def asked() -> None:
            await self.budgets.take(host, cost, priority, patience_s=patience_s)
            self.granted.append(Grant(self.clock.seconds, name, cost.pools, priority))

        self.tasks[name] = asyncio.create_task(asked())
        return self.tasks[name]

    @property
    def names(self) -> list[str]:
        return [grant.name for grant in self.granted]


def one(weight: float = 1.0, pool: str = "a") -> Cost:
    return Cost(((pool, weight),))
