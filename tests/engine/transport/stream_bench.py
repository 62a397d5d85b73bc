"""A set of streams over a scripted network and clock, with a venue on the other side."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable

from engine.transport.stream_pace import ConnectPace
from engine.transport.stream_set import StreamSet
from engine.transport.stream_status import Gap
from tests.engine.transport.fake_net import FakeNet
from tests.engine.transport.stepped_clock import SteppedClock
from tests.engine.transport.stream_language import Sink, StreamLanguage, Venue


class Bench:
    """A set of streams over a scripted network, and a venue on the other side."""

    def __init__(self, language: StreamLanguage | None = None, seed: int = 1) -> None:
        self.clock = SteppedClock()
        self.net = FakeNet(self.clock)
        self.language = language or StreamLanguage()
        self.sink = Sink()
        self.gaps: list[Gap] = []
        self.pace = ConnectPace(self.clock)
        self.streams = StreamSet(
            self.language, self.net, self.clock, random.Random(seed), self.sink, self.pace, self.gaps.append
        )
        self.venue = Venue(self.net)

    async def run(self, seconds: float, *, every: float = 0.5, sends: bool = True) -> None:
        """Let time pass with the venue answering and, unless told otherwise, sending on every topic."""
        for _ in range(round(seconds / every)):
            await self.clock.advance(every)
            self.venue.answer()
            if sends:
                self.venue.send()
        await self.clock.advance(0)

    async def until(self, done: Callable[[], bool], limit_s: float) -> float:
        """Run until `done()`; gives the seconds it took."""
        began = self.clock.seconds
        while not done():
            assert self.clock.seconds - began < limit_s, f"not within {limit_s} s: {self.streams.status()}"
            await self.run(0.5)
        return self.clock.seconds - began

    def state(self, topic: str) -> str:
        found = self.streams.channel(topic)
        assert found is not None
        return found.state

    def sent(self, op: str) -> list[list[str]]:
        """Topics of every request of `op`, on whatever socket."""
        return [
            said["topics"]
            for socket in self.net.sockets
            for said in (json.loads(text) for text in socket.sent if text != "ping")
            if said["op"] == op
        ]

    def subscribed(self) -> set[str]:
        """What the venue now sends us on open sockets."""
        held: set[str] = set()
        for index, topics in self.venue.held.items():
            if self.net.sockets[index].ended is None:
                held |= topics
        return held


async def close(bench: Bench) -> None:
    """Close, letting the clock run, and see that nothing is left."""
    task = asyncio.create_task(bench.streams.close())
    await bench.clock.advance(5)
    assert task.done()
    left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task() and "okx" in one.get_name()]
    assert left == []
    assert all(socket.ended is not None for socket in bench.net.sockets)
