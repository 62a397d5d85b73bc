"""What to say on a Binance stream connection: subscriptions within the limits, and how a lost book is mended.

Sans-IO: the transport opens the sockets these plans name and sends the texts they hold. Binance pings by protocol
frame, so there is no heartbeat message of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.venues.binance import rest
from engine.venues.binance.limits import DEPTH_SNAPSHOT_LEVELS, PUBLIC_STREAMS, STREAMS_PER_CONNECTION

STREAMS_PER_MESSAGE: Final = 200
"""Stream names in one SUBSCRIBE, so that a message stays small; the venue's limit is on messages, not on names."""

ALL_MARKET: Final = ("!forceOrder@arr", "!markPrice@arr@1s", "!ticker@arr", "!contractInfo")
"""Streams of USD-M that carry every symbol. Since 2026-06-30 they carry COIN-M too, which the parser leaves out."""


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """One socket: which path, and the messages to send once it is open."""

    path: str
    """`public` or `market`; key of `limits.STREAM_HOSTS`."""
    streams: tuple[str, ...]
    messages: tuple[str, ...]


def path_of(venue: str, stream: str) -> str:
    """Which connection serves a stream. On the wrong one Binance acknowledges it and sends nothing."""
    if venue == "binance-spot":
        return "public"
    kind = stream.lstrip("!").partition("@")[0] if stream.startswith("!") else stream.partition("@")[2]
    name = kind.partition("@")[0].rstrip("0123456789")
    return "public" if name in PUBLIC_STREAMS else "market"


def plan(venue: str, streams: Iterable[str]) -> list[ConnectionPlan]:
    """Connections for `streams`, each within the venue's limit, in the order given."""
    by_path: dict[str, list[str]] = {}
    for stream in streams:
        by_path.setdefault(path_of(venue, stream), []).append(stream)
    plans: list[ConnectionPlan] = []
    for path, names in by_path.items():
        for start in range(0, len(names), STREAMS_PER_CONNECTION):
            chunk = tuple(names[start : start + STREAMS_PER_CONNECTION])
            plans.append(ConnectionPlan(path, chunk, tuple(subscribe(chunk))))
    return plans


def subscribe(streams: tuple[str, ...], first_id: int = 1, method: str = "SUBSCRIBE") -> list[str]:
    """The messages that subscribe (or with `UNSUBSCRIBE` drop) `streams`."""
    return [
        msgspec.json.encode(
            {"method": method, "params": streams[start : start + STREAMS_PER_MESSAGE], "id": first_id + number}
        ).decode()
        for number, start in enumerate(range(0, len(streams), STREAMS_PER_MESSAGE))
    ]


def resync(venue: str, symbol: str) -> str:
    """The REST request that mends a book after a gap; the stream goes on meanwhile and is aligned on the answer."""
    return rest.depth(venue, symbol, DEPTH_SNAPSHOT_LEVELS[venue])
