"""State of one wanted subscription (`Topic`), and of its subscription on one socket (`Ear`).

Plain records shared by the stream modules. `stream_watch` decides what to do about them; `stream_link` notes what was
sent and answered. No logic belongs here.
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
        "words",
    )

    def __init__(self, channel: Channel, connection: Connection) -> None:
        self.name = channel.topic
        self.channel = channel
        self.connection = connection
        self.ear: Ear | None = None
        """Its state on the current socket; None while there is none."""
        self.state: ChannelState = "pending"
        self.words = ""
        self.step = 0
        """Steps taken against its silence: 0 none, 1 resubscribed, 2 moved, 3 or more reconnected or resubscribed."""
        self.due_ns = 0
        """Before this no further step is taken."""
        self.live_ns = 0
        """Since when it has been live without interruption."""
        self.refusals = 0
        self.renewed_ns = 0
        """When it was last resubscribed by `StreamSet.resubscribe`."""
        self.broken_ms: int | None = None
        """Wall time since which frames may have been missed; None: no gap."""
        self.told = False
        """Whether its confirmation was recorded, if its silence is information; see `Connection.tell_topic`."""


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
        """When it is to be requested again although no deadline has passed."""
