"""Detects silent connections and topics, and acts on them.

Called once a second by `stream_set` for each connection. A connection is judged by any data from the other side; a
topic must be judged by its own frames, so that pongs never make it look alive. A silent topic is resubscribed, then
moved to another connection, then its connection is replaced, unless a healthy topic is on it; each step waits longer
than the last, with jitter, without end. If most topics of a connection are silent, the connection is at fault and is
replaced at once. The same if most are refused, because a venue that refuses nearly everything has reasons unrelated to
the topics; live topics are then kept by a hand-over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from engine.text import clean
from engine.transport.stream_connection import Connection
from engine.transport.stream_context import LOG, StreamContext
from engine.transport.stream_link import SHARE_S, Link
from engine.transport.stream_status import ChannelState, Gap
from engine.transport.stream_topic import Ear, Topic
from engine.transport.tasks import NS_PER_S, nanoseconds
from engine.venues.live import ChannelKind

ACK_S: Final = 10.0
"""A subscribe request without an answer and without a frame is overdue after this."""
FIRST_WAIT_S: Final = 10.0
CAP_WAIT_S: Final = 300.0
"""Shortest and longest wait between two steps against the silence of one topic, before jitter."""
SETTLED_S: Final = 60.0
"""A topic that was live for this long starts again at the first step."""
MOST: Final = 0.5
"""Share of silent topics from which on their connection is at fault."""
UNREADABLE_FRAC: Final = 0.01
"""Share of unreadable frames of the last 30 s from which on a connection is at fault."""
UNREADABLE_LEAST: Final = 10
"""Fewer unreadable frames than this prove nothing, whatever their share."""
CAP_UNREADABLE_S: Final = 3600.0
"""Longest wait between two replacements because of unreadable frames: if a venue changed its messages, it sends them on
every connection."""
FEWEST: Final = 4
"""With fewer topics on a connection no share is computed: each topic takes its own steps."""
REFUSALS: Final = 3
"""A refused topic is requested again until it was refused this often in a row."""
REFUSAL_WAIT_S: Final = 4.0
REFUSED_REST_S: Final = 1800.0
"""After this a refused topic is requested once more: a symbol may open, a venue may be repaired."""
TOLD: Final[frozenset[ChannelKind]] = frozenset({"liquidations"})
"""Kinds whose silence is information: whether their subscriptions are up is recorded."""
MOST_REFUSED_REST_S: Final = 60.0
"""Instead of `REFUSED_REST_S` if most of its connection is refused too: then the topic is not the reason."""
HELD_UP_S: Final = 3.0
"""If a check comes later than this, we were held up ourselves; silence then proves nothing for `GRACE_S`."""
GRACE_S: Final = 5.0
SLEPT_S: Final = 30.0
"""If the wall clock ran ahead of the monotonic one by this much, the machine slept and its sockets are dead. If a check
comes this late, prism was stopped (`ctrl+z`, a frozen virtual machine): what its sockets still hold is from before, and
the venues' pings were not answered meanwhile."""
DOZED_S: Final = 1.0
"""If the machine slept for less than `SLEPT_S` but more than this, the sockets live, but a heartbeat is due at once."""


class Watch:
    """The watch over one product's connections."""

    def __init__(
        self, context: StreamContext, move: Callable[[Topic], None], told: Callable[[Gap], None] | None
    ) -> None:
        """`move` puts a topic on another connection; `told` is called with every gap in trades."""
        self.on_gap = told
        self._context = context
        self._move = move
        self._grace_ns = 0
        self._looked_ns: int | None = None
        self._ahead_ns = 0
        self._has_dozed = False

    def outdated(self) -> str:
        """Why every socket must be replaced; empty if none must. Call it once before each round: it also notes whether
        we were held up, and whether the machine slept so briefly that a heartbeat is enough."""
        clock = self._context.clock
        now = clock.monotonic_ns()
        ahead = clock.now_ns() - now
        if self._looked_ns is None:
            self._looked_ns, self._ahead_ns = now, ahead
        stood_ns = now - self._looked_ns
        slept_ns = ahead - self._ahead_ns
        slept = slept_ns > nanoseconds(SLEPT_S)
        self._has_dozed = slept_ns > nanoseconds(DOZED_S)
        if stood_ns > nanoseconds(HELD_UP_S) or slept:
            self._grace_ns = now + nanoseconds(GRACE_S)
        self._looked_ns, self._ahead_ns = now, ahead
        if slept:
            return "this machine slept"
        return f"prism was stopped for {stood_ns / NS_PER_S:.0f} s" if stood_ns > nanoseconds(SLEPT_S) else ""

    def look(self, connection: Connection) -> tuple[Counter[ChannelState], list[Topic]]:
        """Check one connection and act; returns its channels by state and the topics that are neither live nor quiet.
        Call it once a second."""
        link = connection.link
        now = self._context.clock.monotonic_ns()
        if link is not None:
            self._socket(connection, link, now)
        overdue: list[tuple[Topic, str]] = []
        expected = 0
        counts: Counter[ChannelState] = Counter()
        unwell: list[Topic] = []
        for topic in connection.topics.values():
            if topic.channel.first_s is not None or topic.channel.silence_s is not None:
                expected += 1
            why = self._topic(topic, link, now)
            if topic.channel.kind in TOLD:
                ear = topic.ear
                stands = ear is not None and (ear.acked or ear.heard_ns > 0)
                if stands != topic.told:
                    connection.tell_topic(topic, "open" if stands else "error")
            if why is not None:
                overdue.append((topic, why))
            counts[topic.state] += 1
            if topic.state not in ("live", "quiet"):
                unwell.append(topic)
        if link is None or now < self._grace_ns or link.socket.intake.waiting or connection.is_rotating:
            return counts, unwell
        if self._replaced_garbled(connection, link, now):
            return counts, unwell
        held = len(connection.topics)
        if expected >= FEWEST and len(overdue) > MOST * expected:
            self._reset(connection, f"{len(overdue)} of {expected} subscriptions are silent", now)
        elif held >= FEWEST and counts["refused"] > MOST * held:
            why = f"{counts['refused']} of {held} subscriptions are refused"
            self._reset(connection, why, now, gently=counts["live"] > 0)
        else:
            connection.words = ""
            if counts["live"] > MOST * expected:
                connection.resets = 0
            for topic, why in overdue:
                self._step(connection, topic, link, why, counts, now)
        return counts, unwell

    def refused(self, link: Link, name: str, words: str) -> None:
        """The venue refused a topic."""
        ear = link.ears.get(name)
        if ear is None:
            return
        topic = ear.topic
        topic.refusals += 1
        now = self._context.clock.monotonic_ns()
        if topic.refusals < REFUSALS:
            wait_s = REFUSAL_WAIT_S * 2**topic.refusals * self._jitter()
            topic.words = clean(f"refused ({words}), asking again in {wait_s:.0f} s")
        else:
            beside = topic.connection.topics.values()
            is_one_of_most = sum(one.refusals > 0 for one in beside) > MOST * len(beside) and len(beside) >= FEWEST
            wait_s = (MOST_REFUSED_REST_S if is_one_of_most else REFUSED_REST_S) * self._jitter()
            topic.state = "refused"
            topic.words = clean(f"refused: {words}")
            LOG.warning("%s: %s %s", link.name, name, topic.words)
        ear.retry_ns = now + nanoseconds(wait_s)

    def _jitter(self) -> float:
        return 0.75 + 0.5 * self._context.rng.random()

    def _socket(self, connection: Connection, link: Link, now: int) -> None:
        limits = self._context.language.stream_limits
        for one in (link, connection.heir):
            if one is None:
                continue
            one.forget_unanswered(now)
            if now >= one.next_beat_ns or self._has_dozed:
                one.next_beat_ns = now + nanoseconds(limits.heartbeat_s)
                one.beat()
            silent_s = (now - one.socket.pulse.heard_ns) / NS_PER_S
            if silent_s > limits.cut_s and not one.socket.intake.paused and now >= self._grace_ns:
                one.end(f"nothing came for {silent_s:.0f} s")
        if link.leaving:
            connection.rotate(link.leaving)

    def _topic(self, topic: Topic, link: Link | None, now: int) -> str | None:
        """Update the state of a topic; returns why it is overdue, None if it is not."""
        ear = topic.ear
        if ear is None or link is None:
            if topic.state != "refused":
                topic.state = "pending"
            topic.live_ns = 0
            return None
        if topic.broken_ms is not None and (ear.acked or ear.heard_ns):
            self._tell_gap(topic, topic.broken_ms)
        if ear.heard_ns:
            return self._heard(topic, ear, now)
        topic.live_ns = 0
        return self._unheard(topic, ear, link, now)

    def _heard(self, topic: Topic, ear: Ear, now: int) -> str | None:
        silence_s = topic.channel.silence_s
        silent_s = (now - ear.heard_ns) / NS_PER_S
        if silence_s is not None and silent_s > silence_s:
            topic.state = "silent"
            topic.live_ns = 0
            return f"silent {silent_s:.0f} s"
        topic.state = "live"
        topic.words = ""
        topic.refusals = 0
        if not topic.live_ns:
            topic.live_ns = now
        elif topic.step and now - topic.live_ns > nanoseconds(SETTLED_S):
            topic.step = topic.due_ns = 0
        return None

    def _unheard(self, topic: Topic, ear: Ear, link: Link, now: int) -> str | None:
        if ear.retry_ns and now >= ear.retry_ns:
            link.ask(topic.name)
        if topic.state == "refused" and ear.retry_ns and not ear.acked:
            return None
        if ear.acked and topic.refusals:
            topic.refusals, topic.words = 0, ""
        waited_s = (now - ear.asked_ns) / NS_PER_S
        if not ear.asked_ns or ear.retry_ns or link.is_asking(topic.name):
            topic.state = "pending"
            return None
        first_s = topic.channel.first_s
        if not ear.acked:
            topic.state = "pending" if waited_s <= ACK_S else "silent"
            return None if waited_s <= ACK_S else f"no answer to its subscription for {waited_s:.0f} s"
        if first_s is None:
            topic.state, topic.words = "quiet", ""
            return None
        topic.state = "subscribed" if waited_s <= first_s else "silent"
        return None if waited_s <= first_s else f"subscribed {waited_s:.0f} s ago and silent"

    def _step(
        self, connection: Connection, topic: Topic, link: Link, why: str, counts: Counter[ChannelState], now: int
    ) -> None:
        """Take the next step against the silence of one topic, if it is due."""
        if now < topic.due_ns:
            return
        step, topic.step = topic.step, topic.step + 1
        wait_s = min(CAP_WAIT_S, FIRST_WAIT_S * 2 ** min(step, 10)) * self._jitter()
        topic.due_ns = now + nanoseconds(wait_s + (topic.channel.first_s or ACK_S))
        if step == 1:
            topic.words = f"{why}, moving it to another connection"
            self._move(topic)
        elif step > 1 and not counts["live"]:
            topic.words = f"{why}, connecting anew"
            connection.reconnect(f"{topic.name} {why}")
        else:
            topic.words = f"{why}, resubscribing"
            self.renew(topic, link)
        LOG.info("%s: %s: %s", connection.name, topic.name, topic.words)

    def renew(self, topic: Topic, link: Link) -> None:
        """Resubscribe a topic; its frames may be missing meanwhile."""
        if topic.broken_ms is None:
            topic.broken_ms = self._context.clock.now_ns() // 1_000_000
        if topic.told:
            topic.connection.tell_topic(topic, "error")
        if topic.ear is not None:
            topic.ear.acked, topic.ear.heard_ns = False, 0
        link.renew(topic.name)

    def _reset(self, connection: Connection, why: str, now: int, *, gently: bool = False) -> None:
        """Replace the socket, at growing intervals, because most of its topics are silent or refused. `gently`: by a
        hand-over, so that the others lose nothing."""
        connection.words = why
        if now < connection.reset_due_ns:
            return
        connection.resets += 1
        wait_s = min(CAP_WAIT_S, 2 * FIRST_WAIT_S * 2 ** min(connection.resets, 10)) * self._jitter()
        connection.reset_due_ns = now + nanoseconds(wait_s)
        if gently:
            connection.rotate(why)
            return
        if connection.resets > 1:
            self._context.addresses.silent(connection.url)
        connection.reconnect(why)

    def _replaced_garbled(self, connection: Connection, link: Link, now: int) -> bool:
        """Replace the socket, at growing intervals, if too many of its frames cannot be read; True if that was done."""
        unreadable, frames = link.unreadable_of(now)
        if unreadable < UNREADABLE_LEAST or unreadable <= UNREADABLE_FRAC * frames:
            if frames and not unreadable:
                connection.garbled = 0
            return False
        if now < connection.garbled_due_ns:
            return False
        connection.garbled += 1
        wait_s = min(CAP_UNREADABLE_S, 2 * FIRST_WAIT_S * 2 ** min(connection.garbled, 10)) * self._jitter()
        connection.garbled_due_ns = now + nanoseconds(wait_s)
        if connection.garbled > 1:
            self._context.addresses.silent(connection.url)
        connection.reconnect(f"{unreadable} of {frames} frames in {SHARE_S:.0f} s could not be read")
        return True

    def _tell_gap(self, topic: Topic, from_ms: int) -> None:
        topic.broken_ms = None
        if self.on_gap is None or topic.channel.kind != "trades":
            return
        try:
            self.on_gap(Gap(topic.channel, from_ms, self._context.clock.now_ns() // 1_000_000))
        except Exception as error:  # noqa: BLE001 - an error in the callback must not end the watch
            self._context.sink_failed(error)
