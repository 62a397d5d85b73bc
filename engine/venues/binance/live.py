"""What keeping a live picture of Binance takes: USD-M futures or spot, one object each.

Implements `engine.venues.live.VenueLive` out of `session` (streams), `queries` and `polls` (what to ask), `weights`
(what it takes), `refusals` and `limits`. Driven by the transport and the feeds. Rules only: nothing here remembers what
was subscribed or answered.
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
        """1m candles and the best quotes; everything else of the market comes on `market_channels`."""
        if instrument.status != "trading":
            return []
        return [session.candle(instrument), session.quote(instrument)]

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """Every trade and the changes of the whole book."""
        if instrument.status != "trading":
            return []
        return [session.trades(instrument), session.book(instrument)]

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether the connection has fewer streams than we put on one of its path."""
        return session.room(path, held)

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Requests of at most a hundred streams each; answers name the request."""
        return session.requests("SUBSCRIBE", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Requests that end the subscription of `topics`."""
        return session.requests("UNSUBSCRIBE", topics, first_id)

    # Called for every frame, so without a call in between.
    topic_of = staticmethod(session.topic_of)
    read_ack = staticmethod(session.read_ack)

    def listing_requests(self) -> list[str]:
        """One request: it answers with every instrument, announced and gone ones included."""
        return [queries.instruments_request(self.venue)]

    def next_page(self, request: str, body: str) -> str | None:
        """Where a full answer of trades goes on; None for every other request: the listing has no pages."""
        return queries.more_trades(self.venue, request, body)

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Up to `limit` bars of `interval` (a name of `INTERVAL_MS`) that open at or before `end_ms`."""
        return queries.klines_request(self.venue, symbol, interval, limit, end_ms)

    def depth_request(self, symbol: str) -> str:
        """The book now, up to 1000 levels a side."""
        return queries.depth_request(self.venue, symbol)

    def mend(self, symbol: str) -> str | None:
        """The book now: the stream goes on meanwhile and is aligned on the answer."""
        return queries.depth_request(self.venue, symbol)

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """The trades of a span of less than an hour; None for a longer one, which the venue refuses.

        1000 trades are answered, the oldest of the span; `next_page` goes on from there.
        """
        if not 0 <= until_ms - since_ms <= limits.TRADES_SPAN_MS:
            return None
        return queries.trades_request(self.venue, symbol, since_ms, until_ms)

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """Tickers, marks and funding intervals of the market; of each contract open interest, ratios and histories."""
        return polls.polls(self.venue, instruments)

    def time_request(self) -> str:
        """The venue's clock."""
        return queries.time_request(self.venue)

    server_time_ms = staticmethod(rest.server_time_ms)

    def cost(self, request: str) -> Cost:
        """Weight of a request in the pool it is counted in."""
        return weights.cost(self.venue, request)

    refusal = staticmethod(refusals.refusal)

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Weight of this minute as the venue counted it for the address."""
        return weights.used(self.venue, headers)

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Our part of the weight a minute that the listing announces."""
        return weights.announced(self.venue, request, body)
