"""The language of one simulated exchange, from the server's side, without any I/O.

Implemented by `engine.simulator.exchanges.<venue>`: they turn requests into answers and happenings into frames, from
nothing but the `World`; driven by `engine.simulator.serving`, which owns sockets, rates, pings and faults. An exchange
holds what the real one holds per connection (subscriptions, book cuts), never a socket and never a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from engine.simulator.happenings import Happening


class Answer(msgspec.Struct, frozen=True):
    """What a REST request is answered with."""

    status: int
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/json"


class Reply(msgspec.Struct, frozen=True):
    """What a message on a stream does to its connection."""

    texts: Sequence[str] = ()
    """To send back at once, in order: acks, pongs, errors, first snapshots."""
    joined: Sequence[str] = ()
    """Topics that the connection now receives."""
    left: Sequence[str] = ()
    close: tuple[int, str] | None = None
    """Close the connection with this code and reason (over a limit, not JSON, ...)."""


class Exchange(Protocol):
    """One venue with all its products. `now_ms` is always the world's time."""

    name: str
    """`binance`, `bybit`, `okx` or `bitget`."""
    rest_origins: tuple[str, ...]
    """The real origins that this exchange answers for (`https://fapi.binance.com`, ...)."""
    stream_origins: tuple[str, ...]
    """The real origins of its streams (`wss://fstream.binance.com`, ...)."""
    pings_s: float | None
    """The server pings by protocol frames this often; None: it does not."""
    silence_cut_s: float | None
    """It closes a connection that sent nothing for this long (no text ping, no pong); None: it does not."""
    messages_per_s: float | None
    """It closes a connection that sends more than this; None: it does not."""

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        """Answer `GET path?query` at a real origin, limits included; `client` tells addresses apart."""

    def path_exists(self, origin: str, path: str) -> bool:
        """Whether a stream may be opened there; where not the upgrade is answered with 404."""

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        """A connection was opened; streams named in its address are joined at once."""

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        """A client said something."""

    def closed(self, connection: int) -> None:
        """A connection is gone."""

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        """(topic, frame) of what happened, only for topics that are keys of `wanted` (topic to subscriber count).

        May hold things back until `tick`: books and candles are pushed at the venue's own cadence.
        """

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        """(topic, frame) of what is due by the clock: conflated books, candles, tickers, marks. Called every 50 ms or
        more often of the world's time."""

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        """(connection, frame) that only one connection gets, due since the last call: a snapshot after subscribing
        that could not be in the reply. Usually empty."""

    def restart(self, now_ms: int) -> None:
        """The exchange was restarted: its sequence numbers begin anew, as the real one's would."""
