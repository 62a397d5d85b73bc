"""What keeping a live picture of a venue takes, said by the venue, without any I/O.

Implemented by `engine.venues.<venue>.live`, one object per product (`binance-usdm`, `bybit-spot`, ...), from that
venue's `session`, `rest` and `limits`; driven by `engine.transport` (sockets, requests, budgets) and `engine.feeds`
(what is wanted). It holds rules and no state: what is subscribed, when, and what was heard of it is the driver's
business. A topic is a subscription in our own text form, unique within a product; no venue message is ever taken apart
outside its folder.
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
    """One subscription that is wanted."""

    topic: str
    path: str
    """Which of the venue's stream addresses serves it: a key of `VenueLive.paths`."""
    kind: ChannelKind
    symbol: str = ""
    """Empty for a subscription that carries the whole market."""
    first_s: float | None = None
    """Seconds within which the first frame comes on a healthy subscription; None: it speaks only of events."""
    silence_s: float | None = None
    """Longest silence of a healthy subscription after its first frame; None: silence proves nothing."""


class StreamLimits(msgspec.Struct, frozen=True):
    """What the venue allows on its streams, already reduced to what we mean to use."""

    messages_per_s: float
    """All that we send on one connection, pings included."""
    requests_per_hour: int | None
    """Subscribe and unsubscribe requests on one connection; None: no such limit."""
    connects_per_5_min: int
    """New connections from one address, to one host."""
    life_s: float | None
    """The venue ends a connection after this long; None: not documented."""
    heartbeat: str | None
    """Text to send every `heartbeat_s`; None: the venue pings by protocol frames and so do we."""
    heartbeat_s: float
    cut_s: float
    """Without anything from the other side for this long, pongs included, a connection is dead."""


class Ack(msgspec.Struct, frozen=True, gc=False):
    """A frame that is no market data: an answer to something we sent, or a notice."""

    op: Literal["subscribe", "unsubscribe", "pong", "error", "notice"]
    ok: bool
    request_id: str = ""
    """Of the request it answers, where the venue repeats it."""
    topics: tuple[str, ...] = ()
    """The topics it speaks of, where it names them, in our form."""
    message: str = ""
    """The venue's words, cleaned, its code in front; a refusal names what was refused."""
    closes: bool = False
    """The venue announces that it is about to close this connection: open another one now."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One message to send, and what an answer to it will name."""

    text: str
    request_id: str
    """Empty where the venue's answers carry none."""
    topics: tuple[str, ...]


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a REST request takes from the budgets: weight by pool name."""

    pools: tuple[tuple[str, float], ...]


class Pool(msgspec.Struct, frozen=True):
    """A budget of one host: `capacity` weight within `window_s`, already reduced to what we mean to use."""

    name: str
    """Unique across venues; products that share a pool name the same one (`binance-fapi`)."""
    capacity: float
    window_s: float
    reserve: float = 0.0
    """Part of `capacity`, 0 to below 1, kept for what cannot wait: books and trades with a gap, and the listing. 0 for
    a pool that serves one purpose, or whose window is over sooner than anybody minds."""


class Poll(msgspec.Struct, frozen=True, gc=False):
    """A REST request to be repeated, because no stream pushes its answer."""

    kind: PollKind
    request: str
    """`GET /path?query`."""
    every_s: float
    symbol: str = ""
    """Empty where one answer serves the whole market."""


class Refusal(msgspec.Struct, frozen=True):
    """What an answer that is no success means."""

    kind: Literal["busy", "limited", "banned", "region", "wrong"]
    """
    busy     the venue has a bad moment (5xx, maintenance): repeat with backoff
    limited  over a limit: that host rests for `rest_s`
    banned   the address is banned: that host rests for `rest_s`
    region   this host refuses this place or network: another host may answer, this one is asked again in an hour
    wrong    the request itself is refused (unknown symbol): never repeated
    """
    rest_s: float
    """Seconds for which nothing may be asked of that host; 0 for busy and wrong."""
    message: str
    """The venue's words, cleaned, with status and code in front."""


class VenueLive(Protocol):
    """The rules of one product of one venue."""

    @property
    def venue(self) -> str:
        """As in `VENUES` of the capture format."""

    @property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """Stream addresses by path, first choice first."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """REST origins (`https://host`), first choice first."""

    @property
    def stream_limits(self) -> StreamLimits:
        """What its connections bear."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The budgets of its requests."""

    @property
    def candles_max(self) -> int:
        """Bars in one answer."""

    # What to subscribe.

    def market_channels(self) -> list[Channel]:
        """Subscriptions that carry the whole market: marks, tickers, liquidations, listings."""

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """What every instrument has beyond `market_channels`: 1m candles, quotes or a shallow book where that is cheap,
        and its ticker, mark or liquidations where no market-wide stream has them."""

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """What a candidate, a pin or the open symbol has in addition: trades and the full book."""

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether `topic` still fits on a connection of `path` that holds `held`, by the venue's limits."""

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Messages that subscribe `topics`, all of one path, each within the venue's size and count limits."""

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Messages that end the subscription of `topics`."""

    # What a frame is. Both are called for every frame received, so both only look at its beginning.

    def topic_of(self, text: str) -> str | None:
        """Topic of a frame of market data; None where it is none (then `read_ack` is asked)."""

    def read_ack(self, text: str) -> Ack | None:
        """What a frame without a topic says; None where it is neither."""

    # What to ask by REST. Every request is `GET /path?query`.

    def listing_requests(self) -> list[str]:
        """First pages of the listing of all instruments."""

    def next_page(self, request: str, body: str) -> str | None:
        """The request for the page that follows an answer; None at the end."""

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Up to `limit` bars (at most `candles_max`) that open at or before `end_ms`; None: the newest."""

    def depth_request(self, symbol: str) -> str:
        """The book now, as deep as the venue gives it for aligning a stream or for a look."""

    def mend(self, symbol: str) -> str | None:
        """The request that mends a book after a gap (Binance: the stream goes on and is aligned on the answer); None:
        the book channel is to be subscribed anew, and sends a snapshot."""

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Trades of a short span, to fill a hole; None where the venue offers none that reaches `since_ms` reliably."""

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """What must be asked again and again for these instruments; market-wide polls come once."""

    def time_request(self) -> str:
        """The venue's clock."""

    def server_time_ms(self, body: str) -> int | None:
        """The time in the answer to `time_request`; None where it holds none."""

    def cost(self, request: str) -> Cost:
        """What a request takes from which of `pools`."""

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
        """What a refused answer means; None where it is a success. Venues also refuse with status 200 and a code."""

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """What the venue itself says was used of its pools in the present window, where its headers say so."""

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Our part of what the venue announces that its pools hold, where a successful answer says so; by pool."""
