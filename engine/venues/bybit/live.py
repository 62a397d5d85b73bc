"""The live rules of Bybit: linear contracts or spot, one object each.

Implements `engine.venues.live.VenueLive` from `session` (streams), `queries` and `polls` (REST requests), `refusals`
and `limits`. Driven by the transport and the feeds. Rules only: keep no state here about subscriptions or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.bybit import limits, polls, queries, refusals, rest, session
from engine.venues.live import Channel, Cost, Poll, Pool, Request, StreamLimits

_ONE: Final = Cost(((limits.REST_POOL, 1.0),))


class BybitLive:
    """The rules of `bybit-linear` or `bybit-spot`; ValueError for another name."""

    candles_max = limits.KLINES_MAX
    hosts = limits.REST_HOSTS
    pools = (Pool(limits.REST_POOL, float(limits.REST_REQUESTS_PER_5_SECONDS), 5.0, limits.REST_RESERVE),)
    stream_limits = StreamLimits(
        messages_per_s=limits.REQUESTS_PER_SECOND,
        requests_per_hour=None,
        connects_per_5_min=limits.CONNECTIONS_PER_5_MINUTES,
        life_s=None,
        heartbeat=session.PING,
        heartbeat_s=limits.HEARTBEAT_S,
        cut_s=limits.DEAD_S,
    )

    def __init__(self, venue: str) -> None:
        if venue not in limits.STREAM_HOSTS:
            raise ValueError(f"bybit has the products {', '.join(limits.STREAM_HOSTS)}, not {venue}")
        self.venue = venue
        self.paths: Mapping[str, tuple[str, ...]] = {session.PATH: limits.STREAM_HOSTS[venue]}

    def market_channels(self) -> list[Channel]:
        """None: every topic belongs to one symbol, and the listing is requested by REST, not pushed."""
        return []

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """The ticker and 1m candles; on linear also liquidations, on spot best quotes, which the spot ticker lacks.

        Best quotes of the busiest contract were 10 to 17 frames a second (measured 2026-09), those of an inactive pair
        are one in 3 s, so the spot legs of all perpetuals cost a few hundred frames a second.
        """
        if instrument.status != "trading":
            return []
        last = session.quote if self.venue == "bybit-spot" else session.liquidations
        return [session.ticker(instrument), session.candle(instrument), last(instrument)]

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """Every trade and the book of 200 levels."""
        if instrument.status != "trading":
            return []
        return [session.trades(instrument), session.book(instrument, limits.BOOK_DEPTH)]

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether the arguments of the connection stay within their length."""
        return session.room(held, topic)

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Subscribe requests of at most ten topics each; one is refused as a whole (see `session.read_ack`)."""
        return session.requests("subscribe", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Unsubscribe requests for `topics`, of at most ten topics each."""
        return session.requests("unsubscribe", topics, first_id)

    # Bound directly, without a wrapping call: `topic_of` runs for every frame.
    topic_of = staticmethod(session.topic_of)
    read_ack = staticmethod(session.read_ack)

    def listing_requests(self) -> list[str]:
        """Requests for what trades; on linear also for what is announced and what is settling, listed separately."""
        return [queries.instruments_request(self.venue, status=part) for part in limits.LISTED_STATUSES[self.venue]]

    def next_page(self, request: str, body: str) -> str | None:
        """The request for the next page of a listing; None after the last page and for every other request."""
        return queries.next_page(request, body)

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Request for up to `limit` bars of `interval` (a name of `INTERVAL_MS`) that open at or before `end_ms`."""
        return queries.klines_request(self.venue, symbol, interval, limit, end_ms=end_ms or 0)

    def depth_request(self, symbol: str) -> str:
        """Request for a book snapshot, up to 1000 levels a side."""
        return queries.depth_request(self.venue, symbol)

    def mend(self, symbol: str) -> str | None:
        """None: resubscribing to the book brings a snapshot."""
        return None

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Request for the newest trades, to fill a short gap that has just ended; None for a longer one.

        The venue accepts no times: it answers with 1000 trades of a contract or 60 of a spot pair. The caller must
        check whether the oldest of them reaches back to `since_ms`.
        """
        short = 0 <= until_ms - since_ms <= limits.TRADES_SPAN_MS[self.venue]
        return queries.trades_request(self.venue, symbol) if short else None

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """Market-wide: tickers. Per perpetual: account ratio, and histories of open interest and funding."""
        return polls.polls(self.venue, instruments)

    time_request = staticmethod(queries.time_request)
    server_time_ms = staticmethod(rest.server_time_ms)

    def cost(self, request: str) -> Cost:
        """One request of the only pool: the venue counts requests per address, whatever the endpoint."""
        return _ONE

    refusal = staticmethod(refusals.refusal)

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue's headers count an account's use of one endpoint, and public answers have none."""
        return ()

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue announces no limits for public requests."""
        return ()
