"""One run of the engine in simulated time, all from one seed: the same seed gives the same run, to the last byte.

Called by the tests beside it and by `python -m bench.simulate`. A run has two phases: in the first, things go wrong as
its plan says; then nothing does any more, and everything must become well within a bound and equal the market. Nothing
here is judged by the machine's time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.clock import Clock
from engine.config.schema import Config, EngineSection, VenuesSection
from engine.documents import encode, scan_document
from engine.live import LiveEngine
from engine.simulator.serving.venues import PRODUCT_OF
from engine.storage.candle_store import CandleStore
from engine.transport.capture_records import ConnectionEvent, Frame, Record
from engine.transport.net import Net
from engine.wiring import Wiring
from engine.written import Written
from tests.faults.rig import Rig
from tests.faults.truth import check_books, check_candles, check_derivatives, check_trades, lacks_funding
from tests.simulation.disk import Disk
from tests.simulation.loop import SimClock, SimLoop, WrongClock
from tests.simulation.net import SimNet, Weather
from tests.simulation.plan import Act, Plan, plan_of

STEP_NS: Final = 50_000_000
"""Of the simulated world."""
CALM_S: Final = 5.0
BOUND_S: Final = 330.0
"""Until all is well again once nothing goes wrong any more: the five minutes for which Bitget is left alone after a 429
are the longest wait of the engine's own, and an engine that was opened anew meanwhile begins with its listing then."""
CLOSES_S: Final = 10.0
SERVED_S: Final = 120.0
"""A connection whose certificate could not be checked is tried again after a minute and the longest pause of others."""
FUNDING_S: Final = 90.0
"""OKX says a funding rate every 30 to 90 s: where its first words on a subscription were lost, the next are these."""
LATE_MS: Final = 1_500
"""A book may be as far behind its market: what happened since may still be on its way."""
NET_FAILURES: Final = frozenset({"resolve", "refused", "timeout", "tls"})
SPOT: Final = frozenset({"binance-spot", "bybit-spot"})


class Broken(AssertionError):
    """Something that must always hold did not."""


class EventLog:
    """A hash over everything that the engines were told, in order and with its time. Their recorder."""

    def __init__(self, clock: Clock) -> None:
        self.records = 0
        self._hash = hashlib.sha256()
        self._clock = clock

    def take(self, record: Record) -> None:
        """One record of an engine."""
        match record:
            case Frame():
                words = f"{record.t} {record.venue} {record.connection} {record.text}"
            case ConnectionEvent():
                words = f"{record.t} {record.venue} {record.connection} {record.what}"
            case _:
                words = f"{record.t} {record.venue} {record.request} {record.status} {record.body}"
        self.note(words)

    def written(self) -> Written:
        """Nothing reaches a disk."""
        return Written(self.records, 0, 0)

    def note(self, words: str) -> None:
        """Something else that happened."""
        self.records += 1
        self._hash.update(f"{self._clock.monotonic_ns()} {words}\n".encode())

    def digest(self) -> str:
        """Of everything so far."""
        return self._hash.hexdigest()


@dataclass
class Outcome:
    """What came of a run."""

    plan: Plan
    log: str = ""
    """Hash of all that the engine was told."""
    board: str = ""
    """Hash of the last ranking, scores and books."""
    records: int = 0
    simulated_s: float = 0.0
    recovery_s: float = 0.0
    """From the end of the last fault until all was well."""
    compared: dict[str, int] = field(default_factory=dict)
    """By what was compared with the market, how many."""
    applied: dict[str, int] = field(default_factory=dict)
    """By kind of fault, how often it did something."""


class SimEngine(LiveEngine):
    """The live engine with the network and the disk of a run."""

    def __init__(self, config: Config, wiring: Wiring, clock: Clock, net: SimNet, disk: Disk) -> None:
        super().__init__(config, "demo", wiring, clock)
        self._net, self._disk = net, disk
        net.stamp = self._clock.now_ns

    def make_net(self) -> Net:
        return self._net

    async def open_candles(self, path: Path) -> CandleStore:
        return await self._disk.open()


class SimRig(Rig):
    """The rig of the fault tests without sockets."""

    def __init__(self, plan: Plan, clock: SimClock) -> None:
        super().__init__(
            plan.venues, seed=plan.seed, assets=plan.assets, rate=plan.rate, places=plan.places,
            scan_ms=plan.scan_ms, clock=clock, step_ns=STEP_NS,
        )  # fmt: skip
        self.plan = plan
        self.sim_clock = clock
        self.machine_clock = WrongClock(clock)
        """As the machine that the engine is on has it."""
        self.config = Config(
            engine=EngineSection(scan_interval_ms=plan.scan_ms, preset="relaxed"),
            venues=VenuesSection(
                **{name: name in plan.venues for name in ("binance", "bybit", "okx", "bitget")},
                full_depth=plan.places,
                keep_candles=plan.keeps_candles,
            ),
        )
        self.log = EventLog(clock)
        self.disk = Disk(clock, plan.seed)
        self.weather = {name: Weather() for name in plan.venues}
        self.nets: list[SimNet] = []

    async def _serve(self) -> None:
        await self.sim.start(listen=False)

    def _make_engine(self) -> LiveEngine:
        net = SimNet(self.sim_clock, self.sim, self.weather, self.plan.seed + 1_000_000 * len(self.nets))
        self.nets.append(net)
        candles = Path("memory") if self.plan.keeps_candles else None
        wiring = Wiring(pace=100.0, seed=self.plan.seed, candles=candles, recorder=self.log)
        return SimEngine(self.config, wiring, self.machine_clock, net, self.disk)

    async def end(self) -> None:
        """Close the engine; it must leave nothing behind."""
        began = self.clock.seconds
        await super().end()
        if (took := self.clock.seconds - began) > CLOSES_S:
            raise Broken(f"closing took {took:.1f} s")
        net = self.nets[-1]
        if net.under_way:
            raise Broken(f"{net.under_way} requests or connections go on after the engine closed")
        if open_ones := [one for one in net.sockets if one.ended is None]:
            raise Broken(f"{len(open_ones)} sockets are open after the engine closed")
        await self.clock.sleep_until(self.clock.monotonic_ns() + 5_000_000_000)
        far = {task for net in self.nets for task in net.far}
        far |= {task for streams in self.sim.streams.values() for task in streams._tasks}
        if left := [task.get_name() for task in _tasks() if task not in self.kept and task not in far]:
            raise Broken(f"tasks go on after the engine closed: {sorted(left)[:8]}")

    kept: frozenset[asyncio.Task[Any]] = frozenset()
    """Tasks of the rig itself."""

    # What goes wrong.

    async def act(self, act: Act) -> None:
        """Let it begin."""
        self.log.note(act.words())
        until_ns = self.clock.monotonic_ns() + round(act.for_s * 1e9)
        weather = self.weather.get(act.exchange)
        match act.room, act.kind:
            case "machine", "stall":
                self.sim_clock.stall(act.value)
            case "machine", "sleep":
                self.sim_clock.sleep_machine(act.value)
            case "machine", "full":
                self.disk.is_full = True
                self.sim_clock.call_at(until_ns, self._room_again)
            case "machine", _:
                await self.end()
                self.begin()
            case "exchange", kind:
                self.inject(
                    kind=kind, exchange=act.exchange, match=act.match, for_ms=round(act.for_s * 1000), count=act.count,
                    value=act.value,
                )  # fmt: skip
            case "net", "dark":
                assert weather is not None
                weather.dark_until_ns = until_ns
            case "net", "resets":
                assert weather is not None
                weather.resets = act.value
            case "net", "far":
                assert weather is not None
                weather.most_ms = act.value
            case "net", kind:
                assert weather is not None
                assert kind in NET_FAILURES
                weather.fails, weather.fails_until_ns = kind, until_ns  # type: ignore[assignment]
                # A way that fails also breaks what goes over it.
                self.inject(kind="drop", exchange=act.exchange)

    def _room_again(self) -> None:
        self.disk.is_full = False

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.log.note("healed")
        self.sim.lift()
        self.disk.is_full = False
        for weather in self.weather.values():
            weather.dark_until_ns = weather.fails_until_ns = 0
            weather.resets, weather.most_ms = 0.0, Weather().most_ms

    # What must hold.

    def has_caught_up(self) -> bool:
        """Whether every deep book has taken its market's newest change, or that one has only just happened.

        A message that was taken away shows by the next of its book alone, for which a quiet one may take a while.
        """
        for product, feed in self.market.feeds.items():
            for symbol in feed.deep:
                one, book = self.world.find(product, symbol), self.pipeline.books.whole(product, symbol)
                if one is None or book is None:
                    return False
                changed_ms = self.world.book(one, 1).ms
                settled_ms = self.world.now_ms - LATE_MS
                if changed_ms - book.updated_ms > LATE_MS or book.updated_ms < changed_ms < settled_ms:
                    return False
        return True

    def check_truth(self, deep: dict[str, set[str]]) -> dict[str, int]:
        """Everything against the market, which is held; how much was compared."""
        compared = dict.fromkeys(("books", "trades", "candles", "derivatives"), 0)
        for product in self.market.feeds:
            compared["books"] += check_books(self, product, deep[product])
            if not self.plan.hides_trades(PRODUCT_OF[product]):
                compared["trades"] += check_trades(self, product, 60)
            compared["candles"] += check_candles(self, product, 12)
            if product not in SPOT:
                compared["derivatives"] += check_derivatives(self, product)
        return compared

    def is_served(self) -> bool:
        """Whether every exchange serves as many topics as are wanted of it."""
        for exchange, streams in self.sim.streams.items():
            served = sum(len(topics) for topics in streams.subscriptions().values())
            if served != sum(self.feed(product).channels for product in self.products(exchange)):
                return False
        return True

    def knows_funding(self) -> bool:
        """Whether the rate of every followed perpetual is known."""
        return not any(lacks_funding(self, product) for product in self.market.feeds if product not in SPOT)

    def words(self) -> str:
        """Every feed's own words and what is served, for a failing run."""
        served = {
            exchange: [sorted(topics) for topics in streams.subscriptions().values()]
            for exchange, streams in self.sim.streams.items()
        }
        return f"{super().words()}; {served}"

    def check_undisturbed(self) -> None:
        """Venues with which nothing was wrong never lost a connection or a book; no task ever failed."""
        hurt = {act.exchange for act in self.plan.acts if act.room != "machine"}
        is_calm = not any(act.room == "machine" and act.kind != "full" for act in self.plan.acts)
        for product, feed in self.market.feeds.items():
            status = feed.streams.status()
            if status.sink_errors or status.task_errors:
                raise Broken(f"{product}: {status.sink_errors} faults of the sink, {status.task_errors} of tasks")
            if is_calm and not any(product.startswith(exchange) for exchange in hurt):
                if status.reconnects:
                    raise Broken(f"{product} connected anew, and nothing was wrong with it")
                if gaps := self.pipeline.books.counts(product).resyncs:
                    raise Broken(f"{product} lost {gaps} books, and nothing was wrong with it")

    def board(self) -> str:
        """A hash of what the console would show."""
        shot = self.snapshot
        digest = hashlib.sha256(encode(scan_document(shot)))
        for values in (shot.board.raw, shot.board.score, shot.board.face_score, shot.board.prism, shot.board.status):
            digest.update(values.tobytes())
        for product, feed in sorted(self.market.feeds.items()):
            for symbol in sorted(feed.deep):
                book = self.pipeline.books.whole(product, symbol)
                digest.update(f"{product} {symbol} {None if book is None else book.top(50)}".encode())
        digest.update(repr(self.disk.rows()).encode())
        return digest.hexdigest()


class _Errors(logging.Handler):
    """What was logged as an error or worse: nothing that the outside does may be one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        raised = record.exc_info[1] if record.exc_info else None
        self.lines.append(f"{record.getMessage()} {raised!r}")


def simulate(seed: int, longest_s: float = 60.0) -> Outcome:
    """Run one seed. Raises Broken, with the plan, where something did not hold."""
    return played(plan_of(seed, longest_s))


def played(plan: Plan) -> Outcome:
    """Run one plan."""
    clock = SimClock(plan.seed)
    loops: list[SimLoop] = []
    errors = _Errors()
    logger = logging.getLogger("prism")

    def make() -> SimLoop:
        loops.append(SimLoop(clock))
        return loops[0]

    logger.addHandler(errors)
    try:
        with asyncio.Runner(loop_factory=make) as runner:
            outcome = runner.run(_whole_run(plan, clock))
        if found := loops[0].complaints + errors.lines:
            raise Broken("; ".join(found[:5]))
    except AssertionError as error:
        raise Broken(f"{error}\n{plan.words()}") from error
    finally:
        logger.removeHandler(errors)
    return outcome


async def _whole_run(plan: Plan, clock: SimClock) -> Outcome:
    rig = SimRig(plan, clock)
    outcome = Outcome(plan)
    try:
        await rig._serve()
        rig.kept = frozenset(_tasks())
        rig.begin()
        await rig.until(rig.is_whole, 60.0, "everything live")
        await rig.run(CALM_S)
        begun = clock.seconds
        for act in plan.acts:
            await rig.run(max(0.0, begun + act.at_s - clock.seconds))
            await rig.act(act)
        await rig.run(max(0.0, begun + plan.lasts_s - clock.seconds))
        rig.heal()
        outcome.recovery_s = await rig.until(rig.is_whole, BOUND_S, "all is well again")
        await rig.run(2.0)
        await rig.until(lambda: rig.is_whole() and rig.has_caught_up(), BOUND_S, "all is well for good")
        await rig.until(rig.is_served, SERVED_S, "what is wanted is served, and nothing else")
        await rig.until(rig.knows_funding, FUNDING_S, "the funding of every perpetual is known")
        deep = {product: set(feed.deep) for product, feed in rig.market.feeds.items()}
        await rig.hold()
        outcome.compared = rig.check_truth(deep)
        rig.check_undisturbed()
        outcome.board = rig.board()
        if rig.sim.failures:
            raise Broken(
                f"the simulator met {rig.sim.failures} faults of its own, the log has them: {rig.sim.failure!r}"
            )
        await rig.end()
    finally:
        for net in rig.nets:
            await net.leave()
        await rig.sim.close()
        rig.disk.close()
    outcome.log, outcome.records = rig.log.digest(), rig.log.records
    outcome.simulated_s = clock.seconds
    outcome.applied = dict(rig.sim.faults.applied)
    return outcome


def _tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if not task.done()]
