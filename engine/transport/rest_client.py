"""The REST client: sends requests within the budgets, retries them, and falls back to other hosts.

Called by the feeds for everything that no stream carries. The venue's `VenueLive` interprets answers,
`engine.transport.budgets` limits the rate, and this module holds the rules for retries. Every answer, refusals
included, goes to the sink before the caller gets it. Bodies must not be parsed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock
from engine.errors import Fatal, Protocol, RegionRefused, Transient, VenueError
from engine.transport.backoff import Rng, delays_s
from engine.transport.budgets import Budgets, Priority, Resting
from engine.transport.capture_records import Record, Response
from engine.transport.host_status import HostRecord, HostStatus
from engine.transport.net import Failed, HttpAnswer, Net
from engine.transport.tasks import NS_PER_S, Owned, passed_on, settle, sleep, spawn
from engine.venues.live import Refusal, VenueLive

DEADLINE_S: Final = 10.0
MAX_ATTEMPTS: Final = 4
"""Attempts at one request, over all hosts; those refused because of the region do not count."""
SKEW_SAMPLES: Final = 3
PATIENCE_S: Final[dict[Priority, float]] = {
    Priority.MEND: 10.0,
    Priority.LISTING: 60.0,
    Priority.FIRST_BACKFILL: 60.0,
    Priority.POLL: 0.0,
    Priority.BACKFILL: 60.0,
}
"""Longest cool-down that a request waits for instead of failing. A poll is repeated anyway."""

Sink = Callable[[Record], None]
_GET: Final = "GET "
_ORIGIN: Final = "https://"


@dataclass(frozen=True, slots=True)
class _Answer:
    """The outcome of one attempt."""

    response: Response
    refusal: Refusal | None
    readable: bool
    """Whether the body is UTF-8."""
    round_trip_ns: int


@dataclass(slots=True)
class _Flight:
    """A request under way, and how many callers wait for it."""

    task: asyncio.Task[Response]
    priority: Priority
    sent: asyncio.Event
    """Set while it is on the network; clear before and between attempts."""
    askers: int = 0


class RestClient:
    """One for the program. Close it before the `Net` it was given. Cool-downs that the budgets restored from an earlier
    run are in force from the start."""

    def __init__(self, net: Net, clock: Clock, rng: Rng, budgets: Budgets, sink: Sink) -> None:
        self._net = net
        self._clock = clock
        self._rng = rng
        self._budgets = budgets
        self._sink = sink
        self._hosts: dict[str, HostRecord] = {}
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._tasks: Owned = {}
        for rest in budgets.rests():
            if rest.name.startswith(_ORIGIN):
                left_s = (rest.until_ns - clock.now_ns()) / NS_PER_S
                self._record(rest.name).rests(left_s, rest.why)

    async def ask(
        self,
        language: VenueLive,
        request: str,
        *,
        priority: Priority,
        deadline_s: float = DEADLINE_S,
        is_fresh: bool = False,
    ) -> Response:
        """The answer to `request` (`GET /path?query`). Callers that ask the same while it is under way share it; with
        `is_fresh` a request that was already sent is not shared.

        `deadline_s` limits each attempt on the network, without the wait for the budget. Raises, each with a message
        for the screen: Transient if the venue was busy or silent in `MAX_ATTEMPTS` attempts, or is in a cool-down that
        lasts longer than the priority's patience; RegionRefused if every host refuses the region, Fatal if the request
        is wrong; Protocol if the answer is not valid HTTP, not UTF-8, or too large.
        """
        key = (language.venue, request)
        flight = self._flights.get(key)
        if flight is None or flight.priority > priority or (is_fresh and flight.sent.is_set()):
            sent = asyncio.Event()
            work = self._asked(language, request, priority, deadline_s, sent)
            flight = _Flight(spawn(self._tasks, work, f"{language.venue} {request}", failed=passed_on), priority, sent)
            self._flights[key] = flight
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        flight.askers += 1
        try:
            await asyncio.wait({flight.task})
        finally:
            flight.askers -= 1
            if flight.askers == 0 and not flight.task.done():
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]
        if flight.task.cancelled():
            raise Transient(language.venue, f"{request} was given up: requests are closed")
        return flight.task.result()

    async def measure_skew(self, language: VenueLive, samples: int = SKEW_SAMPLES) -> tuple[float, float]:
        """How far the venue's clock is ahead of ours and the round trip of that request, both in ms. The sample with
        the shortest round trip counts; the venue's time is taken to be that of its middle. Stored in the host's status.
        Raises as `ask`; Protocol if the answer contains no time."""
        best: tuple[float, float] | None = None
        request = language.time_request()
        for _ in range(samples):
            host, answer = await self._answered(language, request, Priority.LISTING, DEADLINE_S, asyncio.Event())
            server_ms = language.server_time_ms(answer.response.body)
            if server_ms is None:
                raise Protocol(language.venue, f"no time in the answer to {request}")
            round_trip_ms = answer.round_trip_ns / 1e6
            skew_ns = server_ms * 1_000_000 - answer.response.t + answer.round_trip_ns // 2
            if best is None or round_trip_ms < best[1]:
                best = (skew_ns / 1e6, round_trip_ms)
                host.measured(skew_ns, round_trip_ms)
        assert best is not None
        return best

    def status(self) -> dict[str, HostStatus]:
        """Every host that was asked, by origin."""
        return {host: record.status() for host, record in self._hosts.items()}

    async def close(self) -> None:
        """Give up what is under way."""
        await settle(self._tasks)

    async def _asked(
        self, language: VenueLive, request: str, priority: Priority, deadline_s: float, sent: asyncio.Event
    ) -> Response:
        return (await self._answered(language, request, priority, deadline_s, sent))[1].response

    def _landed(self, key: tuple[str, str], task: asyncio.Task[Response]) -> None:
        if (flight := self._flights.get(key)) is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()

    async def _answered(
        self, language: VenueLive, request: str, priority: Priority, deadline_s: float, sent: asyncio.Event
    ) -> tuple[HostRecord, _Answer]:
        """A successful answer and the host that gave it, after up to `MAX_ATTEMPTS` attempts.

        `sent` is set while an attempt is on the network.
        """
        if not request.startswith(_GET):
            raise Fatal(language.venue, f"{request} is not asked: only GET is")
        self._budgets.add(language.pools)
        venue = language.venue
        delays = delays_s(self._rng)
        last: VenueError = Transient(venue, f"{request} was not answered")
        attempts = 0
        while attempts < MAX_ATTEMPTS:
            host = self._host(language)
            await self._let_go(language, host, request, priority)
            attempts += 1
            sent.set()
            try:
                answer = await self._attempt(language, host, request, deadline_s)
            except Failed as failed:
                sent.clear()
                last = _error(venue, request, failed)
                if isinstance(last, Protocol):
                    raise last from failed
                host.unreachable(failed.message)
                if attempts < MAX_ATTEMPTS and not self._has_other(language):
                    await self._pause(delays)
                continue
            refusal = answer.refusal
            if refusal is None:
                if not answer.readable:
                    raise Protocol(venue, f"the answer to {request} is not UTF-8")
                self._budgets.resize(language.announced(request, answer.response.body))
                return host, answer
            sent.clear()
            said = f"{request}: {refusal.message}"
            if refusal.kind == "wrong":
                raise Fatal(venue, said)
            last = Transient(venue, said)
            if refusal.kind == "region":
                host.refuses_region(refusal.message)
                attempts -= 1
            elif refusal.kind == "busy":
                host.busy(refusal.message)
                if attempts < MAX_ATTEMPTS:
                    await self._pause(delays)
            else:
                self._rest(language, host, request, refusal)
        raise last

    def _host(self, language: VenueLive) -> HostRecord:
        """The preferred host: the first that does not refuse the region and is not out of reach, else the first that
        does not refuse the region. Raises RegionRefused if all refuse it."""
        records = [self._record(host) for host in language.hosts]
        if not (allowed := [record for record in records if not record.refusing_region]):
            left_s = min(record.left_s for record in records)
            raise RegionRefused(
                language.venue,
                f"requests from this region or network are refused ({records[0].status().words}); "
                f"asked again in {left_s / 60:.0f} min",
                left_s,
            )
        return next((record for record in allowed if not record.out_of_reach), allowed[0])

    def _has_other(self, language: VenueLive) -> bool:
        return any(not self._record(host).out_of_reach for host in language.hosts)

    def _record(self, host: str) -> HostRecord:
        if host not in self._hosts:
            self._hosts[host] = HostRecord(host, self._clock)
        return self._hosts[host]

    async def _let_go(self, language: VenueLive, host: HostRecord, request: str, priority: Priority) -> None:
        """Wait for the budget."""
        try:
            await self._budgets.take(host.host, language.cost(request), priority, patience_s=PATIENCE_S[priority])
        except Resting as resting:
            raise Transient(
                language.venue, f"{request} waits: {resting.why}; asked again in {resting.left_s:.0f} s"
            ) from resting
        except ValueError as error:
            raise Fatal(language.venue, f"{request} cannot be asked: {error}") from error

    async def _attempt(self, language: VenueLive, host: HostRecord, request: str, deadline_s: float) -> _Answer:
        """Send the request once. Raises Failed if there was no usable answer."""
        host.asked += 1
        began_ns = self._clock.monotonic_ns()
        answer: HttpAnswer = await self._net.get(host.host + request.removeprefix(_GET), timeout_s=deadline_s)
        round_trip_ns = self._clock.monotonic_ns() - began_ns
        body = answer.body.decode("utf-8", "replace")
        response = Response(self._clock.now_ns(), language.venue, request, answer.status, body)
        self._sink(response)
        self._budgets.correct(language.used_weight(answer.headers))
        refusal = language.refusal(answer.status, answer.headers, body)
        host.answered(round_trip_ns, refused=refusal is not None)
        return _Answer(response, refusal, "\ufffd" not in body or _is_utf8(answer.body), round_trip_ns)

    def _rest(self, language: VenueLive, host: HostRecord, request: str, refusal: Refusal) -> None:
        """Over a limit: start a cool-down of the host, and of the pools too, because limits apply to our address and
        not to host names."""
        seconds = max(refusal.rest_s, 1.0)
        host.rests(seconds, refusal.message)
        for name in (host.host, *(name for name, _ in language.cost(request).pools)):
            self._budgets.rest(name, seconds, refusal.message)

    async def _pause(self, delays: Iterator[float]) -> None:
        await sleep(self._clock, next(delays))


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _error(venue: str, request: str, failed: Failed) -> VenueError:
    """The error to raise for a request without a usable answer."""
    message = f"{request}: {failed.message}"
    if failed.kind in ("redirect", "oversize", "protocol", "status"):
        return Protocol(venue, message)
    return Transient(venue, message)
