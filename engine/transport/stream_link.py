"""One open socket: its subscriptions, what is sent, what is received.

Made by `stream_connection`, a new one for each reconnect and each hand-over. A link throttles requests to the venue's
limits, reads acknowledgements and passes frames on. It must not know other links or decide anything about silence.

The receiving loop runs for every frame of the venue: one call of `topic_of`, one lookup, one store, the record, the
sink. Nothing else may be added to it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.transport.capture_records import Frame
from engine.transport.net import Closed, NetError, Socket
from engine.transport.stream_context import LOG, StreamContext
from engine.transport.stream_pace import RequestPace
from engine.transport.stream_topic import Ear, Topic
from engine.transport.tasks import Owned, nanoseconds, settle, sleep, spawn
from engine.venues.live import Ack

GATHER_S: Final = 0.25
"""Changes are collected for this long before they are put into requests."""
RETRY_S: Final = 3.0
"""If a refusal names only some topics of its request, the others are requested again after this unless they were
acknowledged by then: some venues refuse the request as a whole."""
ANSWER_S: Final = 120.0
"""Requests without an answer are forgotten after this long."""
AT_ONCE: Final = 500
"""Frames handled before other tasks get a turn."""
BATCH: Final = 400
"""Topics offered to the `VenueLive` at a time; it splits them into requests."""
SHARE_S: Final = 30.0
"""Window over which the share of unreadable frames is measured."""
MAX_LEFT: Final = 4096
END_AGAIN_S: Final = 60.0
"""If frames of a topic still arrive this long after its unsubscribe request, the request is sent again: a half-open
connection or an overloaded venue lost it."""
END_AGAIN_COUNTED_S: Final = 600.0
"""The same if the venue limits requests per hour."""

Route = Callable[["Link", str | None, str], bool]
"""Decides whether a frame is passed on while two sockets carry the same topics."""


@dataclass(slots=True)
class _Asked:
    """A request that was sent."""

    op: Literal["subscribe", "unsubscribe"]
    topics: tuple[str, ...]
    sent_ns: int


class Link:
    """One socket, under the stable name of its connection."""

    def __init__(
        self,
        context: StreamContext,
        name: str,
        url: str,
        socket: Socket,
        refused: Callable[[Link, str, str], None],
    ) -> None:
        """`refused` is called with the link, the topic and the venue's message."""
        self.name = name
        self.url = url
        self.socket = socket
        self.opened_ns = context.clock.monotonic_ns()
        self.next_beat_ns = self.opened_ns + nanoseconds(context.language.stream_limits.heartbeat_s)
        self.frames = 0
        self.unreadable = 0
        """Of those, how many could not be parsed."""
        self._looks: deque[tuple[int, int, int]] = deque()
        """Time, frames and unreadable frames at each check within the last `SHARE_S`."""
        self.newest_ns = context.clock.now_ns()
        """Receive time of the newest frame handled: everything sent before was received; at first the opening."""
        self.ears: dict[str | None, Ear] = {}
        self.route: Route | None = None
        self.over = asyncio.Event()
        self.why = ""
        """Why it ended."""
        self.clean_end = False
        self.leaving = ""
        """The venue's message if it announced that it will close this socket."""
        self.said = ""
        """The venue's newest error that names no topic."""
        self.round_trip_s: float | None = None
        self._context = context
        self._refused = refused
        self._pace = RequestPace(context.clock, context.language.stream_limits)
        self._asks: dict[str, None] = {}
        self._drops: dict[str, Ear | None] = {}
        """Topics to unsubscribe. The ear if the topic can be taken back while the request is unsent, else None."""
        self._apart: deque[tuple[str, ...]] = deque()
        """Halves of a refused request, to be sent separately because the refusal named no topic."""
        self._end_again_ns = nanoseconds(END_AGAIN_COUNTED_S if self._pace.is_counted else END_AGAIN_S)
        self._left: dict[str, int] = {}
        """Topics that were dropped, and when their unsubscribe request was last queued. Late frames are not passed on,
        because another socket may carry the topic now."""
        self._asked: dict[str, _Asked] = {}
        self._ends_are_next = False
        """A subscribe request went before waiting unsubscribe requests."""
        self._due: tuple[str, ...] = ()
        """Topics just unsubscribed in order to resubscribe: they go at once and first, even if requests are short."""
        self._id = 0
        self._beat_due = False
        self._beat_ns = 0
        self._wake = asyncio.Event()
        self._tasks: Owned = {}

    def start(self) -> None:
        """Start receiving and sending."""
        failed = self._context.task_failed
        spawn(self._tasks, self._guard(self._receive()), f"{self.name} receives", failed=failed)
        spawn(self._tasks, self._guard(self._send()), f"{self.name} sends", failed=failed)

    def end(self, why: str, *, clean: bool = False) -> None:
        """Mark it as ended, by our own decision or by a fault; its owner closes it."""
        if not self.over.is_set():
            self.why, self.clean_end = why, clean
            self.over.set()

    async def close(self) -> None:
        """Stop, and close the socket, within the socket's own deadline."""
        await settle(self._tasks)
        await self.socket.close()

    # What is wanted on it.

    def add(self, topics: Iterable[Topic]) -> None:
        """Subscribe these topics. If an unsubscribe request is still unsent, it is cancelled instead."""
        for topic in topics:
            self._left.pop(topic.name, None)
            ear = self._drops.pop(topic.name, None)
            if ear is None:
                ear = Ear(topic)
                self._asks[topic.name] = None
            ear.topic = topic
            self.ears[topic.name] = ear
        self._wake.set()

    def drop(self, name: str) -> None:
        """Unsubscribe; nothing is sent if the subscribe request is still unsent."""
        ear = self.ears.pop(name, None)
        waiting = name in self._asks
        self._asks.pop(name, None)
        if ear is None or (waiting and ear.asked_ns == 0):
            return
        self._drops[name] = None if waiting else ear
        self._left[name] = self._context.clock.monotonic_ns()
        if len(self._left) > MAX_LEFT:
            del self._left[next(iter(self._left))]
        self._wake.set()

    def ask(self, name: str) -> None:
        """Send the subscribe request again, without unsubscribing."""
        if name in self.ears:
            self._asks[name] = None
            self.ears[name].retry_ns = 0
            self._wake.set()

    def renew(self, name: str) -> None:
        """Unsubscribe and subscribe again."""
        if name in self.ears:
            if self.ears[name].asked_ns:
                self._drops[name] = None
            self.ask(name)

    def beat(self) -> None:
        """Send a heartbeat as soon as the message rate allows."""
        self._beat_due = True
        self._wake.set()

    def unreadable_of(self, now_ns: int) -> tuple[int, int]:
        """Unreadable frames and all frames of the last `SHARE_S`; (0, 0) while younger. Call it once a second."""
        looks = self._looks
        looks.append((now_ns, self.frames, self.unreadable))
        while len(looks) > 1 and looks[1][0] <= now_ns - nanoseconds(SHARE_S):
            looks.popleft()
        since_ns, frames, unreadable = looks[0]
        if now_ns - since_ns < nanoseconds(SHARE_S):
            return 0, 0
        return self.unreadable - unreadable, self.frames - frames

    def is_asking(self, name: str) -> bool:
        """Whether a subscribe request for this topic waits to be sent."""
        return name in self._asks or any(name in part for part in self._apart)

    @property
    def unsent(self) -> int:
        """Number of changes that wait to be sent."""
        return len(self._asks) + len(self._drops) + len(self._apart)

    def forget_unanswered(self, now_ns: int) -> None:
        """Forget requests that were not answered within `ANSWER_S`."""
        limit = now_ns - nanoseconds(ANSWER_S)
        while self._asked and (first := next(iter(self._asked))) and self._asked[first].sent_ns < limit:
            del self._asked[first]

    # Receiving.

    async def _receive(self) -> None:
        context, ears, venue, name = self._context, self.ears, self._context.language.venue, self.name
        topic_of, sink, now_of = context.language.topic_of, context.sink, context.clock.monotonic_ns
        recv = self.socket.recv
        while True:
            arrivals = await recv()
            self.frames += len(arrivals)
            for start in range(0, len(arrivals), AT_ONCE):
                if start:
                    await asyncio.sleep(0)
                now, route = now_of(), self.route
                for arrival in arrivals[start : start + AT_ONCE] if len(arrivals) > AT_ONCE else arrivals:
                    text = arrival.text
                    topic = topic_of(text)
                    ear = ears.get(topic)
                    if ear is not None:
                        ear.heard_ns = now
                    elif not self._no_topic(topic, text, now):
                        continue
                    if route is not None and not route(self, topic, text):
                        continue
                    try:
                        sink(Frame(arrival.t_ns, venue, name, text))
                    except Exception as error:  # noqa: BLE001 - a sink's fault must not end a feed
                        context.sink_failed(error)
            self.newest_ns = arrivals[-1].t_ns

    def _no_topic(self, topic: str | None, text: str, now: int) -> bool:
        """Handle a frame of none of our topics; returns whether it is passed on."""
        if topic is not None:
            left_ns = self._left.get(topic)
            if left_ns is not None and now - left_ns >= self._end_again_ns and topic not in self._drops:
                self._left[topic] = now
                self._drops[topic] = None
                self._wake.set()
            return left_ns is None
        ack = self._context.language.read_ack(text)
        if ack is not None:
            self._answered(ack)
        return True

    def _answered(self, ack: Ack) -> None:
        if ack.closes:
            self.leaving = ack.message or "the venue is about to close it"
        if ack.op == "pong":
            if self._beat_ns:
                self.round_trip_s = (self._context.clock.monotonic_ns() - self._beat_ns) / 1e9
                self._beat_ns = 0
            self.said = ""
            return
        if ack.op == "notice" and ack.ok:
            return
        asked = self._asked.get(ack.request_id) if ack.request_id else None
        if ack.ok:
            if ack.op == "subscribe":
                for topic in ack.topics or (asked.topics if asked is not None else ()):
                    if (ear := self.ears.get(topic)) is not None:
                        ear.acked = True
            if asked is not None and not ack.topics:
                del self._asked[ack.request_id]
            return
        if ack.op == "unsubscribe" or (asked is not None and asked.op == "unsubscribe"):
            LOG.info("%s: an unsubscribe request was refused: %s", self.name, ack.message)
            return
        self._refusal(ack, asked)

    def _refusal(self, ack: Ack, asked: _Asked | None) -> None:
        LOG.info("%s: refused: %s", self.name, ack.message)
        topics = asked.topics if asked is not None else ()
        named = ack.topics or (topics if len(topics) == 1 else ())
        if not named:
            open_topics = [one for one in topics if (ear := self.ears.get(one)) is not None and not ear.acked]
            if open_topics:
                del self._asked[ack.request_id]
                half = (len(open_topics) + 1) // 2
                self._apart.append(tuple(open_topics[:half]))
                if open_topics[half:]:
                    self._apart.append(tuple(open_topics[half:]))
                self._wake.set()
            else:
                self.said = ack.message
            return
        for topic in named:
            if topic in self.ears:
                self._refused(self, topic, ack.message)
        retry_ns = self._context.clock.monotonic_ns() + nanoseconds(RETRY_S)
        for topic in topics:
            if topic not in named and (ear := self.ears.get(topic)) is not None and not ear.acked:
                ear.retry_ns = ear.retry_ns or retry_ns

    # Sending.

    async def _send(self) -> None:
        gathered = False
        while True:
            if self._beat_due:
                await self._heartbeat()
            elif not self.unsent:
                gathered = False
                self._wake.clear()
                await self._wake.wait()
            elif not gathered:
                await sleep(self._context.clock, GATHER_S)
                gathered = True
            elif not self._due and (left_s := self._pace.request_left_s) > 0:
                await sleep(self._context.clock, min(left_s, 1.0))
            else:
                await self._request()

    async def _heartbeat(self) -> None:
        await self._pace.message()
        self._beat_due = False
        text = self._context.language.stream_limits.heartbeat
        if text is None:
            await self.socket.ping()
        else:
            if self._beat_ns:
                self.round_trip_s = None  # the previous heartbeat was not answered
            self._beat_ns = self._context.clock.monotonic_ns()
            await self.socket.send(text)

    @property
    def is_short(self) -> bool:
        """Half of the hour's requests are used."""
        return self._pace.is_short

    @property
    def request_left_s(self) -> float:
        """Seconds until it may subscribe or unsubscribe; 0: now."""
        return self._pace.request_left_s

    async def _request(self) -> None:
        """Send one request. Unsubscribe requests go before subscribe requests, because they make room. If the venue
        limits requests per hour, a subscribe request goes first and then they alternate, so that many unsubscribe
        requests do not delay new subscriptions."""
        await self._pace.message()
        # Topics to resubscribe are unsubscribed first.
        waiting = tuple(name for name in self._asks if name not in self._drops)
        begins = self._pace.is_counted and not self._ends_are_next and bool(waiting or self._apart)
        ends = bool(self._drops) and not begins
        op: Literal["subscribe", "unsubscribe"] = "unsubscribe" if ends else "subscribe"
        self._ends_are_next = not ends and bool(self._drops)
        language = self._context.language
        if ends:
            names = tuple(self._drops)[:BATCH]
            made = language.unsubscribe(names, self._id + 1)
        else:
            # Topics just unsubscribed in order to resubscribe come first: their frames are missing.
            due = tuple(name for name in self._due if name in self._asks)
            part = () if due or not self._apart else self._apart.popleft()
            names = part or (*due, *(name for name in waiting if name not in due))[:BATCH]
            names = tuple(name for name in names if name in self.ears)
            made = language.subscribe(names, self._id + 1) if names else []
        share = made[0].topics if made else names
        self._due = tuple(name for name in share if name in self._asks) if ends else ()
        now = self._context.clock.monotonic_ns()
        for name in share:
            self._drops.pop(name, None) if op == "unsubscribe" else self._asks.pop(name, None)
            ear = self.ears.get(name)
            if ear is not None and op == "subscribe":
                ear.asked_ns, ear.acked, ear.heard_ns, ear.retry_ns = now, False, 0, 0
        if op == "subscribe":
            self._asks.update((name, None) for name in names[len(share) :] if name in self.ears)
        if not made:
            return
        self._id += 1
        if made[0].request_id:
            self._asked[made[0].request_id] = _Asked(op, share, now)
        self._pace.count_request()
        await self.socket.send(made[0].text)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`; the link ends if it fails."""
        try:
            await work
        except NetError as error:
            self.end(error.message, clean=isinstance(error, Closed) and error.clean)
        except Exception as error:  # noqa: BLE001 - any failure of a link must lead to a new one
            self.end(self._context.task_failed(self.name, error))
