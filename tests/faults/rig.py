"""The live engine and simulated exchanges over real loopback sockets, on one clock in the test's hands.

Everything between the exchange's matching engine and the snapshot is the program's own: servers, sockets, streams,
requests, parsers, books, scores. Simulated time runs as fast as the machine allows; nothing is judged by wall time, and
what a test waits for is a condition with a bound in simulated seconds.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.config.schema import Config, EngineSection, VenuesSection
from engine.feeds.market import LiveMarket
from engine.live import LiveEngine
from engine.pipeline import Pipeline
from engine.simulator.episodes import Episode
from engine.simulator.exchanges import make_exchanges
from engine.simulator.faults import Fault, Faults
from engine.simulator.serving.venues import PRODUCT_OF, STEP_NS, SimulatedVenues
from engine.simulator.world import ALL_VENUES, World, WorldSpec
from engine.snapshot import Feed, Snapshot
from engine.wiring import Wiring

START_NS: Final = 1_790_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000
STEP_MS: Final = 20
TURNS: Final = 6
"""Turns of the loop in each step: enough for a frame to cross a loopback socket and be read."""


class RigClock:
    """Time that moves by steps, and wakes whoever waited for it."""

    def __init__(self, step_ms: int = STEP_MS) -> None:
        self._passed_ns = 0
        self._step_ns = step_ms * 1_000_000
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ns(self) -> int:
        return START_NS + self._passed_ns

    def monotonic_ns(self) -> int:
        return 10**9 + self._passed_ns

    def elapsed_ns(self) -> int:
        return self.monotonic_ns()

    @property
    def seconds(self) -> float:
        """Simulated, since the beginning."""
        return self._passed_ns / 1e9

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns <= self.monotonic_ns():
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (monotonic_ns, self._order, future))
        await future

    async def step(self) -> None:
        """Let one step of time pass, and what it wakes come to rest."""
        self._passed_ns += self._step_ns
        now = self.monotonic_ns()
        while self._sleepers and self._sleepers[0][0] <= now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
        for _ in range(TURNS):
            await asyncio.sleep(0)


class Rig:
    """One run. Use as an async context manager; it starts when it is entered and is ready when everything is live."""

    def __init__(
        self, venues: Sequence[str] = ("binance", "bybit", "okx", "bitget"), *, seed: int = 5, assets: int = 6,
        rate: float = 120.0, places: int = 4, listings: bool = False, scan_ms: int = 500,
        episodes: tuple[Episode, ...] = (), step_ms: int = STEP_MS, clock: RigClock | None = None,
        step_ns: int = STEP_NS,
    ) -> None:  # fmt: skip
        self.clock = clock or RigClock(step_ms)
        products = tuple(one for one in ALL_VENUES if PRODUCT_OF[one] in venues)
        spec = WorldSpec(seed, assets, products, rate, episodes, listings=listings)
        self.world = World(spec, self.clock.now_ns() // 1_000_000)
        exchanges = make_exchanges(self.world, venues, 100.0)
        self.sim = SimulatedVenues(self.world, exchanges, self.clock, Faults(seed), step_ns)
        on = {name: name in venues for name in ("binance", "bybit", "okx", "bitget")}
        self.config = Config(
            engine=EngineSection(scan_interval_ms=scan_ms, preset="relaxed"),
            venues=VenuesSection(**on, full_depth=places, keep_candles=False),
        )
        self.engine: LiveEngine
        self._task: asyncio.Task[Any]

    async def __aenter__(self) -> Rig:
        await self._serve()
        self.begin()
        await self.until(self.is_whole, 60.0, "everything live")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.end()
        await self.sim.close()
        if kind is None:
            assert not self.sim.failures, "the simulator met a fault of its own; the log has it"

    async def _serve(self) -> None:
        await self.sim.start()

    def _make_engine(self) -> LiveEngine:
        return LiveEngine(self.config, "demo", Wiring(self.sim.routes, pace=100.0, seed=1), self.clock)

    def begin(self) -> None:
        """Start an engine."""
        self.engine = self._make_engine()
        self._task = asyncio.get_running_loop().create_task(self.engine._run(), name="engine")

    async def end(self) -> None:
        """Close the engine as its user would."""
        self.engine._closing = True
        for _turn in range(3_000):
            if self._task.done():
                break
            await self.clock.step()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def pipeline(self) -> Pipeline:
        return self.engine._pipeline

    @property
    def market(self) -> LiveMarket:
        market = self.engine._market
        assert market is not None
        return market

    @property
    def snapshot(self) -> Snapshot:
        """What the console would show."""
        shot = self.engine.latest()
        assert shot is not None
        return shot

    def feed(self, product: str) -> Feed:
        """How a product does, as the console would show it."""
        return next(feed for feed in self.snapshot.feeds if feed.venue == product)

    def products(self, exchange: str) -> list[str]:
        """The products of an exchange that are followed."""
        return [one for one in self.market.feeds if PRODUCT_OF[one] == exchange]

    def inject(self, **fault: Any) -> None:
        """Let something go wrong from now on."""
        self.sim.inject(Fault(**fault))

    async def run(self, seconds: float) -> None:
        """Let simulated time pass."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            await self.clock.step()
            if self._task.done():
                self._task.result()
                raise AssertionError("the engine ended")

    async def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Run until `condition` holds; how many simulated seconds that took, at most `seconds`."""
        began = self.clock.seconds
        while not condition():
            if self.clock.seconds - began > seconds:
                raise AssertionError(f"not within {seconds:g} simulated seconds: {what}; {self.words()}")
            await self.run(0.1)
        return self.clock.seconds - began

    async def hold(self) -> None:
        """Stop the market and let everything that it did arrive."""
        self.sim.is_held = True
        await self.run(1.5)

    def release(self) -> None:
        """Let the market go on."""
        self.sim.is_held = False

    def words(self) -> str:
        """Every feed's own words, for a failing test."""
        shot = self.engine.latest() if hasattr(self, "engine") else None
        told = [] if shot is None else [f"{f.venue} {f.state} {f.detail} {f.requests}" for f in shot.feeds]
        if shot is not None and self.engine._market is not None:
            told += [self.lacks(product) for product in self.market.feeds if not self.is_well(product)]
        return " | ".join(told)

    def lacks(self, product: str) -> str:
        """What keeps a product from being well."""
        feed = self.market.feeds[product]
        books = {symbol: self.pipeline.books.whole(product, symbol) for symbol in feed.deep}
        told = {symbol: "none" if book is None else f"{book.status} {book.reason}" for symbol, book in books.items()}
        waiting = f"listed {feed.is_listed}, {len(feed.followed)} followed, {feed.backfill.waiting} candles waiting"
        return f"{product}: {waiting}, books {told}"

    def is_whole(self) -> bool:
        """Whether every product is live, every deep book proven, and no candle is missing."""
        shot = self.engine.latest()
        if shot is None or self.engine._market is None or len(shot.feeds) < len(self.market.feeds):
            return False
        return all(self.is_well(product) for product in self.market.feeds)

    def is_well(self, product: str) -> bool:
        """Whether one product is live, its deep books are proven and its history is there."""
        feed = self.market.feeds[product]
        if self.feed(product).state != "live" or not feed.is_listed or not feed.followed or feed.backfill.waiting:
            return False
        books = [self.pipeline.books.whole(product, symbol) for symbol in feed.deep]
        return bool(books) and all(book is not None and book.status == "synced" for book in books)
