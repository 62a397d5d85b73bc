"""The interface of a simulated exchange: the server side of one venue's protocol. No I/O.

Implemented by `engine.simulator.exchanges.<venue>`, which turn requests into answers and happenings into frames, from
the `World` alone. Driven by `engine.simulator.serving`, which owns sockets, rates, pings and faults. An exchange holds
what the real one holds per connection (subscriptions, book cuts), never a socket or a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from engine.simulator.happenings import Happening


class Answer(msgspec.Struct, frozen=True):
    """The answer to a REST request."""

    status: int
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/json"


class Reply(msgspec.Struct, frozen=True):
    """The effect of a stream message on its connection."""

    texts: Sequence[str] = ()
    """To send back at once, in order: acks, pongs, errors, first snapshots."""
    joined: Sequence[str] = ()
    """Topics that the connection receives from now on."""
    left: Sequence[str] = ()
    close: tuple[int, str] | None = None
    """Close the connection with this code and reason (over a limit, not JSON, ...)."""


class Exchange(Protocol):
    """One venue with all its products. `now_ms` is always the world's time."""

    name: str
    """`binance`, `bybit`, `okx` or `bitget`."""
    rest_origins: tuple[str, ...]
    """The real REST origins that this exchange stands in for (`https://fapi.binance.com`, ...)."""
    stream_origins: tuple[str, ...]
    """The real origins of its streams (`wss://fstream.binance.com`, ...)."""
    pings_s: float | None
    """Interval of the server's pings by protocol frame; None: no pings."""
    silence_cut_s: float | None
    """A connection that sends nothing for this long (no text ping, no pong) is closed; None: never."""
    messages_per_s: float | None
    """A connection that sends more than this is closed; None: never."""

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        """Answer `GET path?query` at a real origin, rate limits included; `client` identifies the client's address."""

    def path_exists(self, origin: str, path: str) -> bool:
        """Whether a stream may be opened there; if not, the upgrade is answered with 404."""

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        """A connection was opened; it is subscribed at once to streams named in its address."""

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        """A client sent a message."""

    def closed(self, connection: int) -> None:
        """A connection was closed."""

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        """(topic, frame) for a happening, only for topics that are keys of `wanted` (topic to subscriber count).

        May hold frames back until `tick`: books and candles are pushed at the venue's own cadence.
        """

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        """(topic, frame) of everything due by the clock: conflated books, candles, tickers, marks. Called at least
        every 50 ms of the world's time."""

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        """(connection, frame) for single connections, due since the last call: a snapshot after a subscription that
        could not be in the reply. Usually empty."""

    def restart(self, now_ms: int) -> None:
        """The exchange was restarted: its sequence numbers start over, as the real one's would."""
