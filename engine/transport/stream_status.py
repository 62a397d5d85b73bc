"""What the streams of a product say of themselves, as immutable records for the screen and for `doctor`.

Made by `engine.transport.stream_set` once a second from what its watch found; nothing here decides or keeps anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.venues.live import Channel

ConnectionState = Literal["connecting", "syncing", "live", "stale", "down"]
"""
connecting  no socket yet
syncing     open, and what was subscribed has not all spoken
live        open, and what must speak does
stale       open, and most of what must speak is silent
down        no socket, and the newest attempt failed
"""
ChannelState = Literal["pending", "subscribed", "live", "quiet", "silent", "refused"]
"""
pending     not asked for yet, or asked and not answered
subscribed  acknowledged, its first frame is awaited
live        it spoke, and is within its longest silence
quiet       acknowledged; it speaks only of events, and there was none
silent      it should have spoken
refused     the venue refused it several times; asked for again much later
"""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection at one moment. Texts are cleaned, fit to show."""

    name: str
    path: str
    host: str
    """Where it is connected to, or was last tried."""
    state: ConnectionState
    since_ns: int
    """Wall time since which it is in this state."""
    topics: int
    silent: int
    """Topics that should have spoken."""
    frames: int
    """Received since the program began, whatever socket they came on."""
    age_s: float | None
    """Since its newest frame; None before the first."""
    round_trip_ms: float | None
    """Of the newest answered ping."""
    reconnects: int
    """Breaks it came back from or is coming back from; handing over without a break is none."""
    rotations: int
    """Times it was handed over to a new socket without a break."""
    words: str
    """What is wrong and what is being done; empty while all is well."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One wanted subscription at one moment."""

    channel: Channel
    connection: str
    state: ChannelState
    age_s: float | None
    """Since its newest frame on the present subscription; None before the first."""
    words: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """All streams of one product at one moment."""

    venue: str
    state: ConnectionState
    words: str
    connections: tuple[ConnectionStatus, ...]
    channels: int
    """Wanted."""
    channels_live: int
    """Live or quiet."""
    counts: tuple[tuple[ChannelState, int], ...]
    """Channels by state, states without one left out."""
    round_trip_ms: float | None
    """Largest of the connections'."""
    reconnects: int
    sink_errors: int
    """Records that the sink failed on."""
    task_errors: int
    """Times one of our own tasks failed and was started again."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which frames of a channel may have been missed."""

    channel: Channel
    from_ms: int
    """Wall time of the newest frame of the connection before the break."""
    until_ms: int
    """Wall time at which the subscription was known to stand again."""
