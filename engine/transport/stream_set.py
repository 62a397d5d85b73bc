"""All stream connections of one product: keeps the wanted topics subscribed and passes every frame to the sink.

Owned by a venue's feed, which sets the wanted channels with `want`. Topics stay on their connection; new ones go to a
connection of their path with room, else to a new one; connections without topics are closed after a while. Connections
are never merged, because new topics fill the first one with room again. All waits use the clock that was passed in.

`stream_overlap` decides which frames are passed on during a hand-over to a new socket. Trades may arrive from both
sockets for a few seconds; the market drops duplicates by their ids.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from engine.clock import Clock
from engine.transport.backoff import Rng
from engine.transport.capture_records import Record
from engine.transport.net import Intake, Net
from engine.transport.stream_connection import Connection
from engine.transport.stream_context import StreamContext
from engine.transport.stream_pace import ConnectPace, host_of
from engine.transport.stream_status import (
    ChannelState,
    ChannelStatus,
    ConnectionState,
    ConnectionStatus,
    Gap,
    StreamStatus,
)
from engine.transport.stream_topic import Topic
from engine.transport.stream_watch import Watch
from engine.transport.tasks import NS_PER_S, Owned, nanoseconds, settle, sleep, spawn
from engine.venues.live import Channel, VenueLive

TICK_S: Final = 1.0
EMPTY_S: Final = 10.0
"""How long a connection is kept without topics, because the wanted topics change often."""
RENEW_EVERY_S: Final = 5.0
"""Least time between two resubscriptions of one topic; calls in between are merged into one at its end."""

MOST_SHORT: Final = 8
"""New topics avoid connections with room that have used half of their requests per hour, up to this many such
connections on a path: venues limit connections too."""

_WELL: Final = frozenset({"live", "quiet"})


class StreamSet:
    """The streams of one product."""

    def __init__(
        self,
        language: VenueLive,
        net: Net,
        clock: Clock,
        rng: Rng,
        sink: Callable[[Record], None],
        connects: ConnectPace,
        on_gap: Callable[[Gap], None] | None = None,
    ) -> None:
        """`on_gap` is called with every gap in trades, once the subscription is up again."""
        self._context = StreamContext(language, net, clock, rng, sink, connects)
        self._watch = Watch(self._context, self._move, on_gap)
        self._connections: dict[str, Connection] = {}
        self._topics: dict[str, Topic] = {}
        self._tasks: Owned = {}
        self._renewals: dict[str, None] = {}
        self._is_started = False
        self._is_closed = False
        self._counts: Counter[ChannelState] = Counter()
        self._unwell: list[Topic] = []
        self._states: dict[str, tuple[ConnectionState, int, int]] = {}
        """By connection: state, since when (wall, ns), silent topics; as of the newest check."""
        self._gone_reconnects = 0
        self._closing: dict[Connection, None] = {}

    @property
    def on_gap(self) -> Callable[[Gap], None] | None:
        """Callback for gaps in trades; may be set at any time."""
        return self._watch.on_gap

    @on_gap.setter
    def on_gap(self, told: Callable[[Gap], None] | None) -> None:
        self._watch.on_gap = told

    def start(self) -> None:
        """Start connecting; returns at once. `want` may be called before."""
        if self._is_started or self._is_closed:
            return
        self._is_started = True
        for connection in self._connections.values():
            connection.start()
        failed = self._context.task_failed
        spawn(self._tasks, self._tick_loop(), f"{self._context.language.venue} streams", failed=failed)

    async def close(self) -> None:
        """End every connection and task. Takes at most a few seconds of the clock, however many there are."""
        self._is_closed = True
        await settle(self._tasks)
        open_ones = dict.fromkeys([*self._connections.values(), *self._closing])
        await asyncio.gather(*(connection.close() for connection in open_ones))
        self._connections.clear()
        self._topics.clear()
        self._look()

    def want(self, channels: Iterable[Channel]) -> None:
        """Keep exactly these subscribed from now on. Cheap if little changed. A topic named twice counts once.

        Raises KeyError for a path that the venue does not have.
        """
        if self._is_closed:
            return
        before = set(self._topics)
        wanted = {channel.topic: channel for channel in channels}
        for name in [name for name in self._topics if name not in wanted]:
            topic = self._topics.pop(name)
            topic.connection.drop(name)
        placed: dict[str, list[Topic]] = {}
        held = {name: list(connection.topics) for name, connection in self._connections.items()}
        for name, channel in wanted.items():
            known = self._topics.get(name)
            if known is not None and known.channel.path == channel.path:
                known.channel = channel
                continue
            if known is not None:
                known.connection.drop(name)
            connection = self._place(channel, held)
            topic = self._topics[name] = Topic(channel, connection)
            placed.setdefault(connection.name, []).append(topic)
        for key, topics in placed.items():
            self._connections[key].add(topics)
        if placed or before - self._topics.keys():
            # Until the next check the topics that are gone would count as delivering.
            self._counts = Counter(topic.state for topic in self._topics.values())
        now = self._context.clock.monotonic_ns()
        for connection in self._connections.values():
            if not connection.topics and connection.empty_ns is None:
                connection.empty_ns = now

    def resubscribe(self, topic: str) -> None:
        """Resubscribe a topic, once `RENEW_EVERY_S` has passed since the last time. No effect if it is not wanted."""
        if topic in self._topics:
            self._renewals[topic] = None
            self._renew_due()

    def unreadable(self, connection: str) -> None:
        """Report that a frame of the connection of this name could not be parsed."""
        found = self._connections.get(connection)
        if found is not None and found.link is not None:
            found.link.unreadable += 1

    @property
    def waiting(self) -> int:
        """Frames received by the sockets that are not yet passed to the sink."""
        return sum(intake.waiting for intake in self._intakes())

    @property
    def paused(self) -> int:
        """How often reading was paused because too much was waiting, summed over the open sockets."""
        return sum(intake.pauses for intake in self._intakes())

    def _intakes(self) -> Iterator[Intake]:
        for connection in self._connections.values():
            for link in (connection.link, connection.heir):
                if link is not None:
                    yield link.socket.intake

    def status(self) -> StreamStatus:
        """Status of all streams as of the newest check (once a second); frames and round trips as of now."""
        connections = tuple(self._connection_status(one) for one in self._connections.values())
        trips = [one.round_trip_ms for one in connections if one.round_trip_ms is not None]
        well = sum(count for state, count in self._counts.items() if state in _WELL)
        return StreamStatus(
            venue=self._context.language.venue,
            state=_overall(connections),
            words=self._words(connections),
            connections=connections,
            channels=len(self._topics),
            channels_live=well,
            counts=tuple(sorted((state, count) for state, count in self._counts.items() if count)),
            round_trip_ms=max(trips, default=None),
            reconnects=self._gone_reconnects + sum(one.reconnects for one in connections),
            sink_errors=self._context.sink_errors,
            task_errors=self._context.task_errors,
        )

    def unwell(self) -> Iterable[ChannelStatus]:
        """The channels that were neither live nor quiet at the newest check."""
        return (self._channel_status(topic) for topic in self._unwell if topic.name in self._topics)

    def channel(self, topic: str) -> ChannelStatus | None:
        """Status of one channel; None if it is not wanted."""
        known = self._topics.get(topic)
        return None if known is None else self._channel_status(known)

    # Where topics go.

    def _place(self, channel: Channel, held: dict[str, list[str]]) -> Connection:
        """The connection for a new topic. `held` is the topics of each connection, including those to be added; the new
        topic is added to it."""
        language = self._context.language
        short: list[Connection] = []
        for name, connection in self._connections.items():
            if connection.path != channel.path or connection.is_full:
                continue
            topics = held.setdefault(name, [])
            if topics and not language.room(channel.path, topics, channel.topic):
                connection.is_full = True
            elif connection.is_short:
                short.append(connection)
            else:
                topics.append(channel.topic)
                return connection
        if short and len(short) >= MOST_SHORT:
            soonest = min(short, key=lambda one: one.request_left_s)
            held[soonest.name].append(channel.topic)
            return soonest
        made = self._new_connection(channel.path)
        held[made.name] = [channel.topic]
        return made

    def _new_connection(self, path: str) -> Connection:
        number = 1
        while (name := f"{self._context.language.venue}/{path}/{number}") in self._connections:
            number += 1
        connection = self._connections[name] = Connection(self._context, name, path, self._watch.refused)
        if self._is_started:
            connection.start()
        return connection

    def _move(self, topic: Topic) -> None:
        """Move a topic to another connection of its path, a new one if none has room."""
        here = topic.connection
        language = self._context.language
        others = [one for one in self._connections.values() if one.path == here.path and one is not here]
        there = next((one for one in others if language.room(one.path, list(one.topics), topic.name)), None)
        if there is None:
            there = self._new_connection(here.path)
        if topic.broken_ms is None:
            topic.broken_ms = self._context.clock.now_ns() // 1_000_000
        here.drop(topic.name)
        there.add([topic])

    # Once a second.

    async def _tick_loop(self) -> None:
        while True:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - an error in one check must not end the checks
                self._context.task_failed(f"{self._context.language.venue} watch", error)
            await sleep(self._context.clock, TICK_S)

    def _look(self) -> None:
        now_wall = self._context.clock.now_ns()
        outdated = self._watch.outdated()
        counts: Counter[ChannelState] = Counter()
        unwell: list[Topic] = []
        for connection in list(self._connections.values()):
            if outdated:
                connection.reconnect(outdated)
            found, silent = self._watch.look(connection)
            counts.update(found)
            unwell += silent
            state = _state(connection, found)
            before = self._states.get(connection.name)
            since = before[1] if before is not None and before[0] == state else now_wall
            self._states[connection.name] = (state, since, found["silent"])
        self._counts, self._unwell = counts, unwell
        if not self._is_closed:
            self._rotate_due()
            self._renew_due()
            self._close_empty()

    def _rotate_due(self) -> None:
        """Start at most one planned hand-over at a time, the oldest due first."""
        now = self._context.clock.monotonic_ns()
        if any(connection.is_rotating for connection in self._connections.values()):
            return
        due = [one for one in self._connections.values() if one.rotate_ns is not None and one.rotate_ns <= now]
        for connection in sorted(due, key=lambda one: one.rotate_ns or 0):
            if connection.topics and connection.rotate("its life is nearly over"):
                return

    def _renew_due(self) -> None:
        now = self._context.clock.monotonic_ns()
        for name in list(self._renewals):
            topic = self._topics.get(name)
            link = None if topic is None else topic.connection.link
            if topic is None or link is None or topic.connection.is_rotating:
                if topic is None or link is None:
                    del self._renewals[name]
                continue
            if topic.renewed_ns and now - topic.renewed_ns < nanoseconds(RENEW_EVERY_S):
                continue
            del self._renewals[name]
            topic.renewed_ns = now
            self._watch.renew(topic, link)

    def _close_empty(self) -> None:
        now = self._context.clock.monotonic_ns()
        for name, connection in list(self._connections.items()):
            if connection.topics:
                connection.empty_ns = None
            elif connection.empty_ns is None:
                connection.empty_ns = now
            elif now - connection.empty_ns > nanoseconds(EMPTY_S):
                del self._connections[name]
                self._states.pop(name, None)
                self._gone_reconnects += connection.reconnects
                self._closing[connection] = None
                spawn(self._tasks, self._close_one(connection), f"{name} closes", failed=self._context.task_failed)

    async def _close_one(self, connection: Connection) -> None:
        await connection.close()
        self._closing.pop(connection, None)

    # In words.

    def _connection_status(self, connection: Connection) -> ConnectionStatus:
        clock = self._context.clock
        link = connection.link
        looked = self._states.get(connection.name)
        state, since, silent = looked if looked is not None else ("connecting", clock.now_ns(), 0)
        trip_s = None
        if link is not None:
            trip_s = link.round_trip_s if link.round_trip_s is not None else link.socket.pulse.round_trip_s
        words = connection.words
        if not words and link is not None:
            words = link.said or (f"handing over: {link.leaving}" if link.leaving else "")
        return ConnectionStatus(
            name=connection.name,
            path=connection.path,
            host=host_of(connection.url if link is None else link.url),
            state=state,
            since_ns=since,
            topics=len(connection.topics),
            silent=silent,
            frames=connection.frames,
            age_s=(clock.now_ns() - link.newest_ns) / NS_PER_S if link is not None and link.frames else None,
            round_trip_ms=None if trip_s is None else trip_s * 1e3,
            reconnects=connection.reconnects,
            rotations=connection.rotations,
            words=words,
        )

    def _channel_status(self, topic: Topic) -> ChannelStatus:
        heard = 0 if topic.ear is None else topic.ear.heard_ns
        age_s = (self._context.clock.monotonic_ns() - heard) / NS_PER_S if heard else None
        return ChannelStatus(topic.channel, topic.connection.name, topic.state, age_s, topic.words)

    def _words(self, connections: tuple[ConnectionStatus, ...]) -> str:
        """The worst problems, in one line; empty if there are none."""
        parts = [f"{one.name}: {one.words}" for one in connections if one.words][:2]
        for state in ("silent", "refused"):
            if count := self._counts[state]:
                first = next((one for one in self._unwell if one.state == state), None)
                example = f" ({first.name}: {first.words})" if first is not None and first.words else ""
                parts.append(f"{count} of {len(self._topics)} channels {state}{example}")
        waiting = self._counts["pending"] + self._counts["subscribed"]
        if waiting and not parts:
            parts.append(f"subscribing, {len(self._topics) - waiting} of {len(self._topics)} channels")
        return "; ".join(parts)


def _state(connection: Connection, found: Counter[ChannelState]) -> ConnectionState:
    """A connection's state, from the states of its channels."""
    if connection.link is None:
        return "down" if connection.failures or connection.reconnects else "connecting"
    speaking, mute = found["live"] + found["quiet"], found["silent"] + found["refused"]
    awaited = found["pending"] + found["subscribed"]
    if mute and mute >= speaking + awaited:
        return "stale"
    return "syncing" if awaited > speaking else "live"


def _overall(connections: tuple[ConnectionStatus, ...]) -> ConnectionState:
    """The product's state: live if at least half of its topics are on live connections, else the commonest state."""
    if not connections:
        return "connecting"
    weights: Counter[ConnectionState] = Counter()
    for one in connections:
        weights[one.state] += max(1, one.topics)
    if 2 * weights["live"] >= weights.total():
        return "live"
    order: tuple[ConnectionState, ...] = ("down", "stale", "connecting", "syncing", "live")
    return max(order, key=lambda state: (weights[state], -order.index(state)))
