"""Simulated exchanges on the loopback for clients that others wrote, on a clock in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from engine.clock import ManualClock
from engine.simulator.exchanges import make_exchanges
from engine.simulator.serving.venues import SimulatedVenues
from engine.simulator.world import World
from tests.engine.simulator.market.market_worlds import START, small

T = TypeVar("T")

STEP_NS: Final = 10_000_000
STEPS: Final = 60_000
"""Ten minutes of the world's time: longer than anything that a client waits for."""


class Served:
    """Servers over a small world. Time stands still but in `while_moving`."""

    def __init__(self, names: Sequence[str], assets: int = 3, rate: float = 100.0) -> None:
        self.world: World = small(assets, rate)
        self.clock = ManualClock(START * 1_000_000)
        self.venues = SimulatedVenues(self.world, make_exchanges(self.world, names, 100.0), self.clock)

    async def __aenter__(self) -> Self:
        await self.venues.start(drive=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.venues.close()

    async def while_moving(self, awaited: Awaitable[T]) -> T:
        """Let time pass until `awaited` has come; its result."""
        task = asyncio.ensure_future(awaited)
        for _ in range(STEPS):
            if task.done():
                return task.result()
            self.clock.advance(STEP_NS)
            self.venues.step()
            for _ in range(4):
                await asyncio.sleep(0)
        task.cancel()
        raise AssertionError("it did not come within ten minutes of the world")
