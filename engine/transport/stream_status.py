"""Status of a product's streams, as immutable records.

Made by `engine.transport.stream_set` on request, from what its watch found at its check once a second; read by
`engine.feeds`. Nothing may be decided or kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.venues.live import Channel

ConnectionState = Literal["connecting", "syncing", "live", "stale", "down"]
"""
connecting  no socket yet
syncing     open, and most subscriptions still wait for their first frame
live        open, and most subscriptions deliver
stale       open, and at least half of the subscriptions are silent or refused
down        no socket, after a failed attempt or a break
"""
ChannelState = Literal["pending", "subscribed", "live", "quiet", "silent", "refused"]
"""
pending     not requested yet, or requested and not answered
subscribed  acknowledged, first frame awaited
live        has sent a frame, and is within its longest silence
quiet       acknowledged; it sends only events, and there was none yet
silent      a frame is overdue
refused     the venue refused it several times; requested again much later
"""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection at one moment. Texts are cleaned, safe to show."""

    name: str
    path: str
    host: str
    """The host it is connected to, or that was last tried."""
    state: ConnectionState
    since_ns: int
    """Wall time since which it has been in this state."""
    topics: int
    silent: int
    """Topics whose frames are overdue."""
    frames: int
    """Received since it was made, on all its sockets."""
    age_s: float | None
    """Since its newest frame; None before the first."""
    round_trip_ms: float | None
    """Of the newest answered ping."""
    reconnects: int
    """Number of breaks; a hand-over without a gap does not count."""
    rotations: int
    """Number of hand-overs to a new socket."""
    words: str
    """What is wrong and what is being done about it; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One wanted subscription at one moment."""

    channel: Channel
    connection: str
    state: ChannelState
    age_s: float | None
    """Since its newest frame on the current subscription; None before the first."""
    words: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """All streams of one product at one moment."""

    venue: str
    state: ConnectionState
    words: str
    connections: tuple[ConnectionStatus, ...]
    channels: int
    """Channels wanted."""
    channels_live: int
    """Live or quiet."""
    counts: tuple[tuple[ChannelState, int], ...]
    """Channels by state; states with none are left out."""
    round_trip_ms: float | None
    """The largest of the connections."""
    reconnects: int
    sink_errors: int
    """Records on which the sink raised."""
    task_errors: int
    """Failures of our own tasks."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which frames of a channel may have been missed."""

    channel: Channel
    from_ms: int
    """Wall time of the newest frame of the connection before the break."""
    until_ms: int
    """Wall time at which the subscription was confirmed again."""
