"""The live interface of a venue: subscriptions, requests, limits and how to read its answers. No I/O.

Implemented by `engine.venues.<venue>.live`, one object per product (`binance-usdm`, `bybit-spot`, ...), from that
venue's `session`, `rest` and `limits`. Driven by `engine.transport` (sockets, requests, budgets) and `engine.feeds`
(which subscriptions are wanted). It holds rules and no state: the driver keeps track of what is subscribed, since when,
and what was received. A topic is a subscription in our own text form, unique within a product. No venue message is
decoded outside its venue's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from engine.instruments import Instrument

ChannelKind = Literal[
    "trades", "book", "quote", "ticker", "candle", "mark", "funding", "open_interest", "liquidations", "listings"
]
PollKind = Literal[
    "listing", "ticker", "open_interest", "open_interest_history", "funding", "funding_history", "accounts",
    "top_accounts", "top_positions", "taker_volume", "mark",
]  # fmt: skip


class Channel(msgspec.Struct, frozen=True, gc=False):
    """One wanted subscription."""

    topic: str
    path: str
    """Which stream address of the venue serves it: a key of `VenueLive.paths`."""
    kind: ChannelKind
    symbol: str = ""
    """Empty for a subscription that carries the whole market."""
    first_s: float | None = None
    """Seconds within which a healthy subscription delivers its first frame; None: it sends only when events occur."""
    silence_s: float | None = None
    """Longest silence of a healthy subscription after its first frame; None: silence proves nothing."""


class StreamLimits(msgspec.Struct, frozen=True):
    """Limits of the venue's streams, already reduced to the part we use."""

    messages_per_s: float
    """Everything we send on one connection, pings included."""
    requests_per_hour: int | None
    """Subscribe and unsubscribe requests on one connection; None: no such limit."""
    connects_per_5_min: int
    """New connections from one address, to one host."""
    life_s: float | None
    """The venue closes a connection after this long; None: not documented."""
    heartbeat: str | None
    """Text to send every `heartbeat_s`; None: the venue pings by protocol frames and so do we."""
    heartbeat_s: float
    cut_s: float
    """A connection that receives nothing for this long, not even a pong, is dead."""


class Ack(msgspec.Struct, frozen=True, gc=False):
    """A frame that is not market data: an answer to something we sent, or a notice."""

    op: Literal["subscribe", "unsubscribe", "pong", "error", "notice"]
    ok: bool
    request_id: str = ""
    """Id of the request it answers, if the venue repeats it."""
    topics: tuple[str, ...] = ()
    """The topics it names, if any, in our form."""
    message: str = ""
    """The venue's message, cleaned, with its code in front; a refusal names what was refused."""
    closes: bool = False
    """The venue announces that it is about to close this connection: open its replacement now."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One message to send, with the id and topics that its answer may name."""

    text: str
    request_id: str
    """Empty if the venue's answers carry none."""
    topics: tuple[str, ...]


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a REST request costs: weight by pool name."""

    pools: tuple[tuple[str, float], ...]


class Pool(msgspec.Struct, frozen=True):
    """A request budget of one host: `capacity` weight per `window_s`, already reduced to the part we use."""

    name: str
    """Unique across venues; products that share a pool name the same one (`binance-fapi`)."""
    capacity: float
    window_s: float
    reserve: float = 0.0
    """Share of `capacity`, from 0 to below 1, kept for what cannot wait: books and trades with a gap, and the listing.
    0 for a pool that serves one purpose, or whose window is too short for a wait to matter."""


class Poll(msgspec.Struct, frozen=True, gc=False):
    """A REST request to repeat, because no stream pushes its answer."""

    kind: PollKind
    request: str
    """`GET /path?query`."""
    every_s: float
    """Seconds between two requests. Of "funding_history" it is the interval between two settlements, and the request is
    sent after each of them."""
    symbol: str = ""
    """Empty if one answer covers the whole market."""


class Refusal(msgspec.Struct, frozen=True):
    """What a failed REST answer means."""

    kind: Literal["busy", "limited", "banned", "region", "wrong"]
    """
    busy     temporary failure at the venue (5xx, maintenance): repeat with backoff
    limited  over a limit: cool-down of `rest_s` for that host
    banned   our address is banned: cool-down of `rest_s` for that host
    region   the host refuses this region or network: try another host, and this one again in an hour
    wrong    the request itself is refused (unknown symbol): never repeat it
    """
    rest_s: float
    """Cool-down: seconds during which nothing may be sent to that host; 0 for busy and wrong."""
    message: str
    """The venue's message, cleaned, with status and code in front."""


class VenueLive(Protocol):
    """The rules of one product of one venue."""

    @property
    def venue(self) -> str:
        """Name of the product, as in `VENUES` of the capture format."""

    @property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """Stream addresses by path, first choice first."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """REST origins (`https://host`), first choice first."""

    @property
    def stream_limits(self) -> StreamLimits:
        """The limits of its stream connections."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The budgets of its requests."""

    @property
    def candles_max(self) -> int:
        """Most bars in one answer."""

    # What to subscribe.

    def market_channels(self) -> list[Channel]:
        """Market-wide subscriptions: marks, tickers, liquidations, listings."""

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """What every instrument gets besides `market_channels`: 1m candles, quotes or a shallow book if that is cheap,
        and its ticker, mark or liquidations if no market-wide stream carries them."""

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """What a candidate, a pin or the open symbol gets in addition: trades and the full book."""

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether `topic` still fits on a connection of `path` that already holds `held`, within the limits."""

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Messages that subscribe to `topics`, all of one path, each within the venue's size and count limits."""

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Messages that unsubscribe from `topics`."""

    # What a frame is. `topic_of` runs for every frame received, so it should decode no more than it needs.

    def topic_of(self, text: str) -> str | None:
        """Topic of a frame of market data; None if it is not one (the driver then calls `read_ack`)."""

    def read_ack(self, text: str) -> Ack | None:
        """The answer or notice in a frame without a topic; None if it is neither."""

    # What to request by REST. Every request is `GET /path?query`.

    def listing_requests(self) -> list[str]:
        """Requests for the first page of each part of the instrument listing."""

    def next_page(self, request: str, body: str) -> str | None:
        """The request for the next page after an answer; None after the last page."""

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Request for up to `limit` bars (at most `candles_max`) that open at or before `end_ms`; None: the newest."""

    def depth_request(self, symbol: str) -> str:
        """Request for a book snapshot, as deep as the venue offers for aligning a stream or for a one-off look."""

    def mend(self, symbol: str) -> str | None:
        """The request that resyncs a book after a gap (Binance: the stream goes on and is aligned on the answer); None:
        resubscribe to the book channel, which then sends a snapshot."""

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Request for the trades of a short span, to fill a gap; None if no request of the venue reaches back to
        `since_ms` reliably."""

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """The requests to repeat for these instruments; market-wide polls appear once."""

    def time_request(self) -> str:
        """Request for the venue's clock."""

    def server_time_ms(self, body: str) -> int | None:
        """The time in the answer to `time_request`; None if it holds none."""

    def cost(self, request: str) -> Cost:
        """What a request costs, by pool of `pools`."""

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
        """What a failed answer means; None for a success. Venues also refuse with status 200 and a code."""

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Weight used in the current window by the venue's own count, by pool; empty if its headers do not say."""

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Our share of the pool capacities that the venue announces in a successful answer, by pool; mostly empty."""
