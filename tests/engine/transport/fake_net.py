"""A network without a network: a `Net` that does what a test scripted, on the test's clock.

Used by the tests of everything above `engine.transport.net`. Nothing in here waits in real time.

    clock = SteppedClock()
    net = FakeNet(clock)
    net.on_connect("wss://stream.example", Failed("refused", "nobody listens"), OPEN, HANG)
    net.on_get("https://api.example/time", answer({"serverTime": 1}), After(0.2, answer({}, status=429)))

    socket = await net.connect("wss://stream.example/ws")     # first Failed, then a FakeSocket, then never
    socket = await net.opened(1)                              # the test's hand on the first socket that was opened
    socket.push('{"a":1}', '{"a":2}')                         # both arrive in one read
    socket.sent                                               # what was sent to the other side
    await socket.wait_sent(3)                                 # until three texts were sent in all
    socket.end(1001, "going away")                            # a close frame from the other side
    socket.drop()                                             # the connection breaks

Scripts are chosen by the longest prefix of the URL. Outcomes of one prefix are used up in order; the last one stays.
Without a script, connecting succeeds and a GET fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from engine.clock import Clock
from engine.transport.net import (
    CONNECT_DEADLINE_S,
    MAX_FRAME_BYTES,
    NO_HEADERS,
    Arrival,
    Closed,
    Failed,
    HttpAnswer,
    Intake,
    Pulse,
)
from engine.transport.tasks import sleep

OPEN: Final = "open"
"""The connection is made."""
HANG: Final = "hang"
"""Nothing is ever answered: the deadline passes."""


@dataclass(frozen=True)
class After:
    """An outcome that comes after `seconds` on the clock."""

    seconds: float
    outcome: Outcome


Answering = Callable[[str], HttpAnswer]
"""Makes the answer to a URL when it is asked for."""
Outcome = str | Failed | HttpAnswer | Answering | After


def answer(body: object, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
    """An answer whose body is `body` as it stands (str, bytes) or as JSON."""
    if isinstance(body, str):
        body = body.encode()
    return HttpAnswer(status, dict(headers), body if isinstance(body, bytes) else msgspec.json.encode(body))


class FakeSocket:
    """Both ends of one socket: what the code under test holds, and what the test makes of the other side."""

    def __init__(self, clock: Clock, url: str, max_size: int, headers: Mapping[str, str]) -> None:
        self.url = url
        self.max_size = max_size
        self.headers = dict(headers)
        self.sent: list[str] = []
        self.closed_by_us = False
        self.answers_pings = True
        self.pulse = Pulse(heard_ns=clock.monotonic_ns())
        self.intake = Intake()
        self._clock = clock
        self._waiting: list[Arrival] = []
        self._ended: Closed | None = None
        self._changed = asyncio.Event()

    # The other side.

    def push(self, *texts: str) -> None:
        """These messages arrive now, in one read."""
        assert self._ended is None, f"{self.url} is closed"
        now_ns = self._clock.now_ns()
        self._waiting += [Arrival(now_ns, text) for text in texts]
        self.intake.messages += len(texts)
        self.intake.bytes += sum(len(text.encode()) for text in texts)
        self.intake.waiting = len(self._waiting)
        self.intake.most_waiting = max(self.intake.most_waiting, self.intake.waiting)
        self.hear()

    def hear(self) -> None:
        """Something came that is no message: a ping, a pong."""
        self.pulse.heard_ns = self._clock.monotonic_ns()
        self._change()

    def end(self, code: int = 1000, reason: str = "") -> None:
        """A close frame came."""
        self._end(Closed(code, reason, True))

    def drop(self, reason: str = "") -> None:
        """The connection broke."""
        self._end(Closed(None, reason, False))

    @property
    def ended(self) -> Closed | None:
        """How it ended; None while open."""
        return self._ended

    async def wait_sent(self, count: int) -> list[str]:
        """Everything sent so far, once that is `count` texts or more."""
        while len(self.sent) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.sent

    # The code under test.

    async def send(self, text: str) -> None:
        await asyncio.sleep(0)
        if self._ended is not None:
            raise self._ended
        self.sent.append(text)
        self._change()

    async def recv(self) -> list[Arrival]:
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._changed.clear()
            await self._changed.wait()
        taken, self._waiting = self._waiting, []
        self.intake.waiting = self.intake.waiting_bytes = 0
        return taken

    async def ping(self) -> None:
        await asyncio.sleep(0)
        if self._ended is not None:
            raise self._ended
        if self.pulse.pings_sent > self.pulse.pongs_received:
            self.pulse.round_trip_s = None
        self.pulse.pings_sent += 1
        if self.answers_pings:
            self.pulse.pongs_received += 1
            self.pulse.round_trip_s = 0.0
            self.hear()

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed_by_us = True
        self._end(Closed(1000, "", False))

    def _end(self, how: Closed) -> None:
        if self._ended is None:
            self._ended = how
            self._change()

    def _change(self) -> None:
        self._changed.set()


@dataclass
class Script:
    """Outcomes in order; the last one stays."""

    outcomes: list[Outcome] = field(default_factory=list)

    def next(self) -> Outcome:
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


class FakeNet:
    """See the module's example."""

    def __init__(self, clock: Clock) -> None:
        self.connects: list[str] = []
        """Every URL that was to be connected to, in order, whatever came of it."""
        self.gets: list[str] = []
        """Every URL that was asked for, in order, whatever came of it."""
        self.sockets: list[FakeSocket] = []
        """Every socket that was opened."""
        self.open_gets = 0
        """Requests under way."""
        self.closed = False
        self._clock = clock
        self._connecting: dict[str, Script] = {}
        self._answering: dict[str, Script] = {}
        self._changed = asyncio.Event()

    def on_connect(self, prefix: str, *outcomes: Outcome) -> None:
        """What comes of connecting to URLs that begin with `prefix`: OPEN, HANG, Failed, or one of them After."""
        self._connecting[prefix] = Script(list(outcomes))

    def on_get(self, prefix: str, *outcomes: Outcome) -> None:
        """What comes of asking for URLs that begin with `prefix`: an answer, what makes one, HANG, Failed, or After."""
        self._answering[prefix] = Script(list(outcomes))

    async def opened(self, count: int) -> FakeSocket:
        """The `count`-th socket that was opened, counted from 1, once there is one."""
        while len(self.sockets) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.sockets[count - 1]

    async def connect(
        self, url: str, *, max_size: int = MAX_FRAME_BYTES, headers: Mapping[str, str] = NO_HEADERS
    ) -> FakeSocket:
        self.connects.append(url)
        await asyncio.sleep(0)
        script = _script(self._connecting, url)
        outcome = OPEN if script is None else await self._due(script.next(), CONNECT_DEADLINE_S)
        if outcome != OPEN:
            raise AssertionError(f"{outcome!r} is no outcome of connecting to {url}")
        socket = FakeSocket(self._clock, url, max_size, headers)
        self.sockets.append(socket)
        self._changed.set()
        return socket

    async def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
        self.gets.append(url)
        self.open_gets += 1
        try:
            await asyncio.sleep(0)
            script = _script(self._answering, url)
            if script is None:
                raise Failed("refused", f"nothing is scripted for {url}")
            outcome = await self._due(script.next(), timeout_s)
        finally:
            self.open_gets -= 1
        if isinstance(outcome, HttpAnswer):
            return outcome
        if callable(outcome):
            return outcome(url)
        raise AssertionError(f"{outcome!r} is no outcome of asking for {url}")

    async def close(self) -> None:
        self.closed = True

    async def _due(self, outcome: Outcome, deadline_s: float) -> Outcome:
        """The outcome itself once its time has come; raises what it is to raise."""
        left_s = deadline_s
        while isinstance(outcome, After):
            await sleep(self._clock, min(outcome.seconds, left_s))
            left_s -= outcome.seconds
            outcome = outcome.outcome if left_s > 0 else HANG
        if outcome == HANG:
            await sleep(self._clock, max(left_s, 0.0))
            raise Failed("timeout", f"no answer within {deadline_s:g} s")
        if isinstance(outcome, Failed):
            raise outcome
        return outcome


def _script(scripts: Mapping[str, Script], url: str) -> Script | None:
    fitting = [prefix for prefix in scripts if url.startswith(prefix)]
    return scripts[max(fitting, key=len)] if fitting else None
