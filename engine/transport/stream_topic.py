"""One wanted subscription, and one subscription as it stands on one socket.

Plain records shared by the modules of the streams; what to do about them is decided in `stream_watch`, what was sent
and answered is noted in `stream_link`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.transport.stream_status import ChannelState
from engine.venues.live import Channel

if TYPE_CHECKING:
    from engine.transport.stream_connection import Connection


class Topic:
    """One wanted subscription, for as long as it is wanted. Times are monotonic nanoseconds, 0 for never."""

    __slots__ = (
        "broken_ms",
        "channel",
        "connection",
        "due_ns",
        "ear",
        "live_ns",
        "name",
        "refusals",
        "renewed_ns",
        "state",
        "step",
        "told",
        "wants_renewal",
        "words",
    )

    def __init__(self, channel: Channel, connection: Connection) -> None:
        self.name = channel.topic
        self.channel = channel
        self.connection = connection
        self.ear: Ear | None = None
        """On the socket that counts; None while there is none."""
        self.state: ChannelState = "pending"
        self.words = ""
        self.step = 0
        """How far its silence was taken: 0 nothing done, 1 subscribed anew, 2 moved, 3 connected anew."""
        self.due_ns = 0
        """Before this nothing more is done about its silence."""
        self.live_ns = 0
        """Since when it has been live without a break."""
        self.refusals = 0
        self.renewed_ns = 0
        """When `resubscribe` was last obeyed."""
        self.wants_renewal = False
        self.broken_ms: int | None = None
        """Wall time since which frames may have been missed; None: none were."""
        self.told = False
        """Whether it is on record that it stands: of a topic whose silence is news, see `Connection.tell_topic`."""


class Ear:
    """A topic on one socket. Times are monotonic nanoseconds, 0 for never."""

    __slots__ = ("acked", "asked_ns", "heard_ns", "retry_ns", "topic")

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.asked_ns = 0
        """When the newest subscribe request was sent."""
        self.acked = False
        self.heard_ns = 0
        """When its newest frame was received; reset by each subscribe request."""
        self.retry_ns = 0
        """When it is to be asked for again although no deadline has passed."""
