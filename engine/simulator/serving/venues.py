"""All simulated exchanges on the loopback, driven by one clock. The demo runs on them and tests connect to them.

Created by `engine.simulator.__main__` in its own process, and by tests in theirs. Binds 127.0.0.1 and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.clock import Clock
from engine.simulator.exchange import Exchange
from engine.simulator.faults import Fault, Faults
from engine.simulator.serving.requests import Requests
from engine.simulator.serving.streams import Streams
from engine.simulator.serving.time import WorldTime
from engine.simulator.world import World

LOG: Final = logging.getLogger("prism.simulator")

STEP_NS: Final = 10_000_000
"""Time between two steps of the world; everything within one step reaches the clients together."""
PRODUCT_OF: Final[Mapping[str, str]] = {
    "binance-usdm": "binance",
    "binance-spot": "binance",
    "bybit-linear": "bybit",
    "bybit-spot": "bybit",
    "okx": "okx",
    "bitget-usdt": "bitget",
}


class SimulatedVenues:
    """The servers of several exchanges over one world."""

    def __init__(
        self,
        world: World,
        exchanges: Sequence[Exchange],
        clock: Clock,
        faults: Faults | None = None,
        step_ns: int = STEP_NS,
    ) -> None:
        self.world = world
        self._step_ns = step_ns
        self.faults = faults or Faults()
        self.routes: dict[str, str] = {}
        """Loopback origins by real origin; filled by `start`."""
        self.happenings = 0
        self.is_held = False
        """The market is stopped, but frames already due are still pushed, so that it can be compared with a client's
        view of it."""
        self._clock = clock
        self._time = WorldTime(clock)
        self.streams = {one.name: Streams(one, self.faults, self._time) for one in exchanges}
        self.requests = {one.name: Requests(one, self.faults, self._time) for one in exchanges}
        self._driver: asyncio.Task[Any] | None = None
        self.failure: BaseException | None = None
        """The error that stopped the market."""

    @property
    def failures(self) -> int:
        """Errors of the simulator itself so far: failed connections, failed requests, and a stopped market. Injected
        faults do not count."""
        connections = sum(one.failures for one in self.streams.values())
        return connections + sum(one.failures for one in self.requests.values()) + (self.failure is not None)

    async def start(self, *, drive: bool = True, listen: bool = True) -> None:
        """Listen, and move the world with the clock. Without `drive` a test calls `step` itself; without `listen` it
        connects its clients to `streams` and `requests` itself."""
        for streams in self.streams.values() if listen else ():
            self.routes |= await streams.open()
        for requests in self.requests.values() if listen else ():
            self.routes |= await requests.open()
        if drive:
            self._driver = asyncio.get_running_loop().create_task(self._drive(), name="simulated venues")

    async def close(self) -> None:
        """Stop everything."""
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self.streams.values()))
        await asyncio.gather(*(one.close() for one in self.requests.values()))

    def step(self) -> None:
        """Move the world to the current time and write what happened."""
        now_ms = self._time.now_ms()
        if now_ms > self.world.now_ms and not self.is_held:
            for happening in self.world.advance(now_ms):
                self.happenings += 1
                streams = self.streams.get(PRODUCT_OF[happening.instrument.venue])
                if streams is not None:
                    streams.put(streams.exchange.happened(happening, streams.wanted), happening.ms)
        for streams in self.streams.values():
            streams.put(streams.exchange.tick(now_ms, streams.wanted), now_ms)
            streams.put_private(streams.exchange.private(now_ms))
            streams.step(now_ms)

    def inject(self, fault: Fault) -> None:
        """Apply a fault from now on. Raises ValueError for an unknown exchange, or nothing to delist."""
        streams = self.streams.get(fault.exchange)
        if streams is None:
            raise ValueError(f"no exchange {fault.exchange!r}; there are {', '.join(self.streams)}")
        now_ms = self._time.now_ms()
        match fault.kind:
            case "drop":
                streams.break_all()
            case "kick":
                streams.kick_all()
            case "restart":
                streams.exchange.restart(now_ms)
                streams.break_all()
            case "delist":
                product, _, symbol = fault.match.partition(":")
                found = self.world.find(product, symbol)
                if found is None:
                    raise ValueError(f"nothing to delist: {fault.match!r} is no product:symbol that trades")
                self.world.delist(found)
            case _:
                self.faults.inject(fault, now_ms)
                if fault.kind == "half_open":
                    streams.half_open_all(True)
                elif fault.kind == "refuse":
                    streams.break_all()

    def lift(self, exchange: str = "", kind: str = "") -> None:
        """Remove the faults that match; all of them if nothing is named."""
        self.faults.lift(exchange, kind)
        if kind in ("", "half_open"):
            for name, streams in self.streams.items():
                if exchange in ("", name):
                    streams.half_open_all(False)

    async def _drive(self) -> None:
        due_ns = self._clock.monotonic_ns()
        while True:
            try:
                self.step()
            except Exception as error:
                # Nothing awaits this task while it runs, so an error must be logged at once and kept in `failure`.
                self.failure = error
                LOG.exception("the simulated market stopped")
                raise
            due_ns = max(due_ns + self._step_ns, self._clock.monotonic_ns())
            await self._clock.sleep_until(due_ns)
