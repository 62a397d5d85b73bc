"""The live rules of Binance: USD-M futures or spot, one object each.

Implements `engine.venues.live.VenueLive` from `session` (streams), `queries` and `polls` (REST requests), `weights`
(their cost), `refusals` and `limits`. Driven by the transport and the feeds. Rules only: keep no state here about
subscriptions or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.instruments import Instrument
from engine.venues.binance import limits, polls, queries, refusals, rest, session, weights
from engine.venues.live import Channel, Cost, Poll, Pool, Request, StreamLimits


class BinanceLive:
    """The rules of `binance-usdm` or `binance-spot`; ValueError for another name."""

    def __init__(self, venue: str) -> None:
        if venue not in limits.STREAM_HOSTS:
            raise ValueError(f"binance has the products {', '.join(limits.STREAM_HOSTS)}, not {venue}")
        self.venue = venue
        self.paths: Mapping[str, tuple[str, ...]] = limits.STREAM_HOSTS[venue]
        self.hosts = limits.REST_HOSTS[venue]
        self.candles_max = limits.KLINES_MAX[venue]
        self.stream_limits = StreamLimits(
            messages_per_s=limits.MESSAGES_PER_SECOND[venue],
            requests_per_hour=None,
            connects_per_5_min=limits.CONNECTIONS_PER_5_MINUTES,
            life_s=limits.CONNECTION_LIFE_S,
            heartbeat=None,
            heartbeat_s=limits.HEARTBEAT_S,
            cut_s=limits.DEAD_S,
        )
        self.pools: tuple[Pool, ...] = (
            Pool(limits.WEIGHT_POOL[venue], float(limits.WEIGHT_PER_MINUTE[venue]), 60.0, limits.WEIGHT_RESERVE),
        )
        if venue == queries.USDM:
            self.pools += (
                Pool(limits.DATA_POOL, float(limits.DATA_PER_5_MINUTES), 300.0),
                Pool(limits.FUNDING_POOL, float(limits.FUNDING_PER_5_MINUTES), 300.0),
            )

    def market_channels(self) -> list[Channel]:
        """Marks with funding, tickers, liquidations and listings of USD-M; tickers of spot."""
        return list(session.MARKET[self.venue])

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """1m candles and best quotes; everything else comes on `market_channels`."""
        if instrument.status != "trading":
            return []
        return [session.candle(instrument), session.quote(instrument)]

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """Every trade and the updates of the full book."""
        if instrument.status != "trading":
            return []
        return [session.trades(instrument), session.book(instrument)]

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether the connection is below our bound of streams for its path."""
        return session.room(path, held)

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Subscribe requests of at most a hundred streams each; answers name the request."""
        return session.requests("SUBSCRIBE", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Unsubscribe requests for `topics`, of at most a hundred streams each."""
        return session.requests("UNSUBSCRIBE", topics, first_id)

    # Bound directly, without a wrapping call: `topic_of` runs for every frame.
    topic_of = staticmethod(session.topic_of)
    read_ack = staticmethod(session.read_ack)

    def listing_requests(self) -> list[str]:
        """One request: its answer holds every instrument, announced and ended ones included."""
        return [queries.instruments_request(self.venue)]

    def next_page(self, request: str, body: str) -> str | None:
        """The next request after a full answer of trades; None for every other request: the listing has no pages."""
        return queries.more_trades(self.venue, request, body)

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Request for up to `limit` bars of `interval` (a name of `INTERVAL_MS`) that open at or before `end_ms`."""
        return queries.klines_request(self.venue, symbol, interval, limit, end_ms)

    def depth_request(self, symbol: str) -> str:
        """Request for a book snapshot, up to 1000 levels a side."""
        return queries.depth_request(self.venue, symbol)

    def mend(self, symbol: str) -> str | None:
        """The snapshot request: the stream goes on meanwhile and is aligned on the answer."""
        return queries.depth_request(self.venue, symbol)

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Request for the trades of a span of less than an hour; None for a longer span, which the venue refuses.

        An answer holds the oldest 1000 trades of the span; `next_page` continues from there.
        """
        if not 0 <= until_ms - since_ms <= limits.TRADES_SPAN_MS:
            return None
        return queries.trades_request(self.venue, symbol, since_ms, until_ms)

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """Market-wide: tickers, marks and funding intervals. Per contract: open interest, ratios and histories."""
        return polls.polls(self.venue, instruments)

    def time_request(self) -> str:
        """Request for the venue's clock."""
        return queries.time_request(self.venue)

    server_time_ms = staticmethod(rest.server_time_ms)

    def cost(self, request: str) -> Cost:
        """Weight of a request, with the pool that it counts against."""
        return weights.cost(self.venue, request)

    refusal = staticmethod(refusals.refusal)

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Weight used this minute by our address, as counted by the venue."""
        return weights.used(self.venue, headers)

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Our share of the weight per minute that the listing announces."""
        return weights.announced(self.venue, request, body)
