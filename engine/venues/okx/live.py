"""The live rules of OKX: swaps and spot, as one product.

Implements `engine.venues.live.VenueLive` from `session` (streams), `queries` and `polls` (REST requests), `refusals`
and `limits`. Driven by the transport and the feeds. Rules only: keep no state here about subscriptions or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.live import Channel, Cost, Poll, Pool, Request, StreamLimits
from engine.venues.okx import limits, polls, queries, refusals, rest, session
from engine.venues.okx.symbols import VENUE


def _pool(name: str) -> str:
    return f"okx-{name.replace('_', '-')}"


_COSTS: Final = {path: Cost(((_pool(name), 1.0),)) for name, path in limits.PATHS.items()}


_OTHER: Final = Cost(((_pool("other"), 1.0),))
"""Cost of an endpoint without a known rate; no request built here uses one."""


class OkxLive:
    """The rules of `okx`."""

    venue = VENUE
    candles_max = limits.KLINES_MAX
    paths: Mapping[str, tuple[str, ...]] = limits.STREAM_HOSTS
    hosts = limits.REST_HOSTS
    pools = (
        *(
            Pool(_pool(name), max(1.0, float(int(count * limits.REST_SHARE))), limits.REST_WINDOW_S)
            for name, count in limits.REQUESTS_PER_2_SECONDS.items()
        ),
        Pool(_pool("other"), 1.0, limits.REST_WINDOW_S),
    )
    stream_limits = StreamLimits(
        messages_per_s=limits.MESSAGES_PER_SECOND,
        requests_per_hour=limits.REQUESTS_PER_HOUR,
        connects_per_5_min=limits.CONNECTIONS_PER_5_MINUTES,
        life_s=None,
        heartbeat=session.PING,
        heartbeat_s=limits.HEARTBEAT_S,
        cut_s=limits.SILENCE_CUT_S,
    )

    def market_channels(self) -> list[Channel]:
        """Liquidations and listings of all swaps."""
        return list(session.MARKET)

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """The ticker, which carries quotes, and 1m candles; for a swap also mark, funding and open interest."""
        if instrument.status != "trading":
            return []
        channels = [session.ticker(instrument), session.candle(instrument)]
        if instrument.kind == "perp":
            channels += [session.mark(instrument), session.funding(instrument), session.open_interest(instrument)]
        return channels

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """Every trade and the book of 400 levels."""
        return [session.trades(instrument), session.book(instrument)] if instrument.status == "trading" else []

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether the connection stays within the bounds of topics and of books."""
        return session.room(held, topic)

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Subscribe requests of at most a hundred topics each; every topic has its own answer."""
        return session.requests("subscribe", topics, first_id)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Unsubscribe requests for `topics`, of at most a hundred topics each."""
        return session.requests("unsubscribe", topics, first_id)

    # Bound directly, without a wrapping call: `topic_of` runs for every frame.
    topic_of = staticmethod(session.topic_of)
    read_ack = staticmethod(session.read_ack)

    def listing_requests(self) -> list[str]:
        """One request for swaps and one for spot; each answer holds everything that is announced or trades."""
        return queries.instruments_requests()

    def next_page(self, request: str, body: str) -> str | None:
        """None: listings have no pages."""
        return None

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Request for up to `limit` bars of `interval` (a name of `INTERVAL_MS`) that open at or before `end_ms`."""
        return queries.klines_request(symbol, interval, limit, before_ms=0 if end_ms is None else end_ms + 1)

    def depth_request(self, symbol: str) -> str:
        """Request for the book, up to 400 levels a side; for a one-off look: the stream sends its own snapshots."""
        return queries.depth_request(symbol, limits.DEPTH_MAX)

    def mend(self, symbol: str) -> str | None:
        """None: resubscribing to the book brings a snapshot."""
        return None

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Request for the newest 500 trades, to fill a short gap that has just ended; None for a longer one.

        The venue's endpoint of older trades answers with 100 at a time, which reaches less far. The caller must check
        whether the oldest trade reaches back to `since_ms`.
        """
        return queries.trades_request(symbol) if 0 <= until_ms - since_ms <= limits.TRADES_SPAN_MS else None

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """Market-wide: tickers, open interest, funding, marks and indices. Per swap: ratios and histories."""
        return polls.polls(instruments)

    time_request = staticmethod(queries.time_request)
    server_time_ms = staticmethod(rest.server_time_ms)

    def cost(self, request: str) -> Cost:
        """One request from the pool of its endpoint."""
        return _COSTS.get(request.removeprefix("GET ").partition("?")[0], _OTHER)

    refusal = staticmethod(refusals.refusal)

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue's headers do not say."""
        return ()

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue announces no limits."""
        return ()
