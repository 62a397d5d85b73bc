"""One stream connection with a stable name: connects, reconnects, and hands over to a new socket before the old ends.

Made by `stream_set`; judged by `stream_watch`. It has one socket, or two during a hand-over, and always the same name,
so that readers of its frames see one stream. To the sink, an `open` while open means a hand-over without a gap; `close`
and `error` mean that frames may be missing from then on. The same events are recorded for single subscriptions whose
silence is information (liquidations), as `connection#kind:symbol`, because they may send no frame for hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Literal

from engine.text import clean
from engine.transport.backoff import delays_s
from engine.transport.capture_records import ConnectionEvent
from engine.transport.net import Failed
from engine.transport.stream_context import LOG, StreamContext
from engine.transport.stream_link import Link
from engine.transport.stream_overlap import Overlap
from engine.transport.stream_pace import host_of
from engine.transport.stream_topic import Topic
from engine.transport.tasks import NS_PER_S, Owned, nanoseconds, settle, sleep, spawn, within

HEALTHY_S: Final = 60.0
"""After a socket that lived this long the backoff starts again at the shortest wait."""
REGION_CAP_S: Final = 300.0
"""Longest wait if every address refuses this region or network."""
TLS_S: Final = 60.0
"""Added to the wait after a TLS failure, which does not repair itself in seconds."""
LOCAL_CAP_S: Final = 5.0
"""Longest wait if this machine lacks a resource: a retry then costs no host anything."""
LIFE_MARGIN: Final = 0.04
"""The hand-over starts before the end of a socket's life, by one to two times this share of it."""
READY_EVERY_S: Final = 0.25
LINGER_S: Final = 1.0
"""How long both sockets continue together once the new one carries everything."""
OVERLAP_S: Final = 60.0
"""Longest wait for the new socket to carry everything."""
AGAIN_S: Final = 5.0
"""Wait after a failed hand-over: one to two times this."""
ACK_S: Final = 10.0
CLOSE_S: Final = 2.0


class Connection:
    """Topics of one path that share a socket."""

    def __init__(self, context: StreamContext, name: str, path: str, refused: Callable[[Link, str, str], None]) -> None:
        """`refused` is called with the link, the topic and the venue's message."""
        self.name = name
        self.path = path
        self.topics: dict[str, Topic] = {}
        self.is_full = False
        """A topic did not fit; reset once a topic has left."""
        self.link: Link | None = None
        self.heir: Link | None = None
        """The new socket during a hand-over."""
        self.url = context.language.paths[path][0]
        self.words = ""
        """What is wrong with the socket or with connecting, as text; empty if nothing is."""
        self.failures = 0
        """Failed connection attempts in a row."""
        self.reconnects = 0
        self.rotations = 0
        self.empty_ns: int | None = None
        """Since when it has had no topics; None if it has some."""
        self.rotate_ns: int | None = None
        """When its socket is old enough to be replaced."""
        self.reset_due_ns = 0
        """Before this it is not replaced again because of silent or refused topics."""
        self.resets = 0
        """Times in a row that it was replaced because of silent or refused topics."""
        self.garbled = 0
        """Times in a row that it was replaced because of unreadable frames."""
        self.garbled_due_ns = 0
        """Before this it is not replaced again because of unreadable frames."""
        self._context = context
        self._refused = refused
        self._frames = 0
        self._closing = False
        self._again_ns = 0
        """After a failed hand-over, no other starts before this."""
        self._retiring: dict[Link, None] = {}
        self._overlap: Overlap | None = None
        self._rotation: asyncio.Task[None] | None = None
        self._was_open = False
        self._tasks: Owned = {}

    def start(self) -> None:
        """Start connecting; the task lives until `close`."""
        spawn(self._tasks, self._persist(), self.name, failed=self._context.task_failed)

    async def close(self) -> None:
        """End everything, the sockets within `CLOSE_S` of the clock. May be called again after a cancel."""
        self._closing = True
        await settle(self._tasks)
        if self.link is not None:
            self._tell("close")
        self._retiring |= {link: None for link in (self.link, self.heir) if link is not None}
        self.link = self.heir = self._overlap = None
        self._listen()
        await asyncio.gather(*(self._close_link(link) for link in self._retiring))

    @property
    def frames(self) -> int:
        """Frames received so far on all its sockets."""
        return self._frames + sum(link.frames for link in (self.link, self.heir) if link is not None)

    # Topics.

    @property
    def is_short(self) -> bool:
        """Half of its socket's requests per hour are used."""
        return self.link is not None and self.link.is_short

    @property
    def request_left_s(self) -> float:
        """Seconds until its socket may subscribe; 0: now, or as soon as there is a socket."""
        return 0.0 if self.link is None else self.link.request_left_s

    def add(self, topics: list[Topic]) -> None:
        """Add these topics; they are subscribed as soon as there is a socket."""
        for topic in topics:
            self.topics[topic.name] = topic
            topic.connection = self
            if self._overlap is not None:
                self._overlap.add(topic)
        self.empty_ns = None
        for link in (self.link, self.heir):
            if link is not None:
                link.add(topics)
        self._listen()

    def drop(self, name: str) -> None:
        """Remove this topic and unsubscribe it."""
        topic = self.topics.pop(name, None)
        if topic is not None and topic.told:
            self.tell_topic(topic, "close")
        self.is_full = False
        for link in (self.link, self.heir):
            if link is not None:
                link.drop(name)

    # One socket after the other.

    def reconnect(self, why: str) -> None:
        """Close the current socket and open another."""
        if self.link is not None:
            self.link.end(why)

    def rotate(self, why: str) -> bool:
        """Start a hand-over to a new socket; False if one is under way or failed just now, or there is no socket."""
        if self.link is None or self.is_rotating or self._context.clock.monotonic_ns() < self._again_ns:
            return False
        work = self._hand_over(self.link, why)
        self._rotation = spawn(self._tasks, work, f"{self.name} hands over", failed=self._hand_over_failed)
        return True

    @property
    def is_rotating(self) -> bool:
        """Whether a hand-over is under way."""
        return self._rotation is not None and not self._rotation.done()

    async def _persist(self) -> None:
        """Stay connected, for ever, whatever fails."""
        while True:
            try:
                await self._keep()
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the connection for good
                self.words = self._context.task_failed(self.name, error)
                await self._give_up_links()
            await sleep(self._context.clock, 1.0 + self._context.rng.random())

    async def _keep(self) -> None:
        delays = delays_s(self._context.rng)
        while True:
            link = await self._open()
            self.failures, self.words = 0, ""
            self._take(link)
            while (held := self.link) is not None:
                await held.over.wait()
                if self.link is not held:
                    continue
                if self.heir is not None and not self.heir.over.is_set():
                    self._switch(self.heir, broke=held)
                    continue
                break
            assert held is not None
            lived_ns = self._context.clock.monotonic_ns() - held.opened_ns
            await self._broke(held)
            if lived_ns > nanoseconds(HEALTHY_S):
                delays = delays_s(self._context.rng)
            delay_s = next(delays)
            self.words = clean(f"{held.why}, reconnecting in {delay_s:.0f} s")
            await sleep(self._context.clock, delay_s)

    async def _open(self) -> Link:
        """A socket, after as many attempts as it takes."""
        context = self._context
        urls = context.language.paths[self.path]
        delays = delays_s(context.rng)
        cautious = delays_s(context.rng, first_s=REGION_CAP_S / 4, cap_s=REGION_CAP_S)
        while True:
            try:
                return await self._attempt(urls)
            except Failed as failed:
                self.failures += 1
                words = context.connect_failed(self.url, failed)
                if self.failures == 1:
                    LOG.warning("%s: %s", self.name, words)
                    if not self._was_open and self.link is None:
                        self._tell("error")
                following = context.addresses.pick(urls)
                where = "" if following == self.url else f" at {host_of(following)}"
                if failed.kind == "status" and self.failures < len(urls) and context.addresses.has_better(urls):
                    self.words = clean(f"{words}; attempt {self.failures + 1}{where}")
                    continue
                delay_s = next(cautious if context.addresses.all_refuse(urls) else delays)
                if failed.kind == "tls":
                    delay_s += TLS_S
                elif failed.kind == "local":
                    delay_s = min(delay_s, LOCAL_CAP_S)
                self.words = clean(f"{words}; attempt {self.failures + 1}{where} in {delay_s:.0f} s")
                await sleep(context.clock, delay_s)

    async def _attempt(self, urls: tuple[str, ...]) -> Link:
        context = self._context
        url = self.url = context.addresses.pick(urls)
        await context.connects.take(host_of(url), context.language.stream_limits.connects_per_5_min)
        socket = await context.net.connect(url)
        context.addresses.worked(url)
        return Link(context, self.name, url, socket, self._refused)

    def _take(self, link: Link) -> None:
        """Make `link` the current socket, and subscribe all topics on it."""
        self.link = link
        self._was_open = True
        self._age(link)
        self._tell("open")
        link.add(self.topics.values())
        self._listen()
        link.start()

    def _age(self, link: Link) -> None:
        life_s = self._context.language.stream_limits.life_s
        if life_s is None:
            self.rotate_ns = None
            return
        margin_s = life_s * LIFE_MARGIN * (1 + self._context.rng.random())
        self.rotate_ns = link.opened_ns + nanoseconds(life_s - margin_s)

    def _listen(self) -> None:
        for name, topic in self.topics.items():
            topic.ear = self.link.ears.get(name) if self.link is not None else None

    async def _broke(self, link: Link) -> None:
        """The socket ended, and there is no other."""
        self.reconnects += 1
        LOG.info("%s: %s", self.name, link.why)
        self._missed(link, self.topics.values())
        await self._give_up_links()

    def _missed(self, link: Link, topics: Iterable[Topic]) -> None:
        for topic in topics:
            if topic.broken_ms is None and topic.ear is not None and (topic.ear.acked or topic.ear.heard_ns):
                topic.broken_ms = link.newest_ns // 1_000_000
            topic.ear = None

    async def _give_up_links(self) -> None:
        if self._rotation is not None and not self._rotation.done():
            self._rotation.cancel()
        links = [link for link in (self.link, self.heir) if link is not None]
        if self.link is not None:
            self._tell("close" if self.link.clean_end else "error")
        self.link = self.heir = self._overlap = None
        for link in links:
            self._retire(link)

    def _retire(self, link: Link) -> None:
        """Close a socket in the background, so that the next does not wait for its close handshake."""
        link.route = _nothing
        self._frames += link.frames
        link.frames = 0
        self._retiring[link] = None
        spawn(self._tasks, self._close_link(link), f"{self.name} closes", failed=self._context.task_failed)

    async def _close_link(self, link: Link) -> None:
        try:
            await within(self._context.clock, CLOSE_S, link.close(), f"{self.name} close")
        except TimeoutError:
            LOG.warning("%s: its socket did not close within %g s", self.name, CLOSE_S)
        self._retiring.pop(link, None)

    # Handing over.

    async def _hand_over(self, old: Link, why: str) -> None:
        LOG.info("%s: handing over to a new socket: %s", self.name, why)
        new = await self._attempt_until(old)
        if new is None:
            return
        self.heir = new
        overlap: Overlap | None = None
        try:
            overlap = self._overlap = Overlap(self._context.language, old, new, self.topics.values())
            new.add(self.topics.values())
            new.start()
            done = await self._carries(old, new)
            if self.link is old and self.heir is new and done:
                self._switch(new)
                return
        finally:
            # If the old one just broke, `_keep` continues with the new one.
            if self.heir is new and not self._closing and (new.over.is_set() or not old.over.is_set()):
                self.heir = self._overlap = None
                if overlap is not None:
                    overlap.abandon()
                    for name in overlap.switched:
                        old.renew(name)
                self._retire(new)
                self._put_off()

    def _hand_over_failed(self, name: str, error: BaseException) -> None:
        self._context.task_failed(name, error)
        self._put_off()

    def _put_off(self) -> None:
        """Delay the next hand-over."""
        wait_s = AGAIN_S * (1 + self._context.rng.random())
        self._again_ns = self._context.clock.monotonic_ns() + nanoseconds(wait_s)

    async def _attempt_until(self, old: Link) -> Link | None:
        """A second socket; None if the first one ended before there was one."""
        delays = delays_s(self._context.rng)
        urls = self._context.language.paths[self.path]
        while self.link is old and not old.over.is_set():
            try:
                return await self._attempt(urls)
            except Failed as failed:
                words = self._context.connect_failed(self.url, failed)
                LOG.warning("%s: no second socket to hand over to: %s", self.name, words)
                await sleep(self._context.clock, next(delays))
        return None

    async def _carries(self, old: Link, new: Link) -> bool:
        """Wait until the new socket carries everything that the old one does; returns whether to switch.

        After `OVERLAP_S`, half of the topics is enough, or any number if the venue is about to close the old socket.
        """
        clock = self._context.clock
        limit_ns = clock.monotonic_ns() + nanoseconds(OVERLAP_S)
        while not new.over.is_set() and not old.over.is_set():
            lacking, expected = self._lacking(old, new)
            if lacking == 0 and not new.unsent:
                await sleep(clock, LINGER_S)
                return not new.over.is_set()
            if clock.monotonic_ns() >= limit_ns:
                if new.unsent:
                    limit_ns += nanoseconds(READY_EVERY_S)
                else:
                    return 2 * lacking <= expected or bool(old.leaving)
            await sleep(clock, READY_EVERY_S)
        return False

    def _lacking(self, old: Link, new: Link) -> tuple[int, int]:
        """How many of the topics that are up on the old socket the new one does not carry yet, and how many are up."""
        now = self._context.clock.monotonic_ns()
        lacking = expected = 0
        for name, topic in self.topics.items():
            before, after = old.ears.get(name), new.ears.get(name)
            if before is None or after is None or not (before.acked or before.heard_ns):
                continue
            expected += 1
            if after.heard_ns:
                continue
            first_s = topic.channel.first_s
            waited_s = (now - after.asked_ns) / NS_PER_S if after.asked_ns else 0.0
            if first_s is None:
                lacking += not after.acked and waited_s < ACK_S
            elif before.heard_ns:
                lacking += waited_s < first_s
        return lacking, expected

    def _switch(self, new: Link, broke: Link | None = None) -> None:
        """Make `new` the current socket; without a gap unless the old one broke before the new one carried all."""
        old = self.link
        assert old is not None
        if self._overlap is not None:
            self._overlap.end()
        self._rotation = None
        self.heir = self._overlap = None
        if broke is not None:
            self._missed(broke, [one for one in self.topics.values() if not _carried(new, one)])
            if any(one.broken_ms is not None for one in self.topics.values()):
                self._tell("error")
        self.link = new
        self.rotations += 1
        self._age(new)
        self._tell("open")
        self._listen()
        old.end("handed over")  # wakes `_keep`, which waits for the end of the old socket
        self._retire(old)

    def tell_topic(self, topic: Topic, what: Literal["open", "close", "error"]) -> None:
        """Record that the venue confirmed a subscription, or that its frames may be missing from now on."""
        topic.told = what == "open"
        self._say(f"{self.name}#{topic.channel.kind}:{topic.channel.symbol}", what)

    def _tell(self, what: Literal["open", "close", "error"]) -> None:
        if what != "open":
            # All its subscriptions ended with it; those confirmed later are recorded again.
            for topic in self.topics.values():
                topic.told = False
        self._say(self.name, what)

    def _say(self, name: str, what: Literal["open", "close", "error"]) -> None:
        context = self._context
        context.tell(ConnectionEvent(context.clock.now_ns(), context.language.venue, name, what))


def _carried(link: Link, topic: Topic) -> bool:
    ear = link.ears.get(topic.name)
    return ear is not None and (ear.acked or ear.heard_ns > 0)


def _nothing(link: Link, topic: str | None, text: str) -> bool:
    return False
