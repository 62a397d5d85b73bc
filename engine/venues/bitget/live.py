"""The live rules of Bitget's USDT perpetuals.

Implements `engine.venues.live.VenueLive` from `session` (streams), `queries` and `polls` (REST requests), `refusals`
and `limits`. Driven by the transport and the feeds. Rules only: keep no state here about subscriptions or answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.instruments import Instrument
from engine.venues.bitget import limits, polls, queries, ratios, refusals, rest, session
from engine.venues.bitget.symbols import VENUE
from engine.venues.live import Channel, Cost, Poll, Pool, Request, StreamLimits

_ONE: Final = Cost(((limits.REST_POOL, 1.0),))
_RATIOS: Final = {
    limits.PATHS[kind]: Cost(((limits.REST_POOL, 1.0), (f"bitget-{kind.replace('_', '-')}", 1.0)))
    for kind in ratios.KINDS
}


class BitgetLive:
    """The rules of `bitget-usdt`."""

    venue = VENUE
    candles_max = limits.KLINES_MAX
    paths: Mapping[str, tuple[str, ...]] = limits.STREAM_HOSTS
    hosts = limits.REST_HOSTS
    pools = (
        Pool(limits.REST_POOL, limits.REST_BUDGET_PER_SECOND, 1.0, limits.REST_RESERVE),
        *(Pool(f"bitget-{kind.replace('_', '-')}", 1.0, limits.RATIO_SPACING_S) for kind in ratios.KINDS),
    )
    stream_limits = StreamLimits(
        messages_per_s=limits.MESSAGES_PER_SECOND,
        requests_per_hour=limits.REQUESTS_PER_HOUR,
        connects_per_5_min=limits.CONNECTIONS_PER_5_MINUTES,
        life_s=None,
        heartbeat=session.PING,
        heartbeat_s=limits.HEARTBEAT_S,
        cut_s=limits.DEAD_S,
    )

    def market_channels(self) -> list[Channel]:
        """The liquidations of all symbols, the only market-wide topic."""
        return [session.liquidations()]

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        """1m candles, and the ticker, which carries quotes, mark, index, funding and open interest."""
        return [session.ticker(instrument), session.candle(instrument)] if instrument.status == "trading" else []

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        """Every trade and the full book."""
        return [session.trades(instrument), session.book(instrument)] if instrument.status == "trading" else []

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        """Whether the connection has fewer topics than the venue advises (see `limits.CHANNELS_PER_CONNECTION`)."""
        return session.room(held, topic)

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Subscribe requests of at most ten topics each; `first_id` is unused, because requests carry no id."""
        return session.requests("subscribe", topics)

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        """Unsubscribe requests for `topics`, of at most ten topics each."""
        return session.requests("unsubscribe", topics)

    # Bound directly, without a wrapping call: `topic_of` runs for every frame.
    topic_of = staticmethod(session.topic_of)
    read_ack = staticmethod(session.read_ack)

    def listing_requests(self) -> list[str]:
        """One request: its answer holds every instrument, announced and ended ones included."""
        return [queries.instruments_request()]

    def next_page(self, request: str, body: str) -> str | None:
        """None: the listing has no pages."""
        return None

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        """Request for up to `limit` bars of `interval` (a name of `INTERVAL_MS`) that open at or before `end_ms`.

        The documentation does not say whether `endTime` includes a bar that opens at that moment, so a millisecond is
        added.
        """
        return queries.klines_request(symbol, interval, limit, end_ms=0 if end_ms is None else end_ms + 1)

    def depth_request(self, symbol: str) -> str:
        """Request for the book, up to 200 levels a side; it has no sequence, so only for a one-off look."""
        return queries.depth_request(symbol, limits.DEPTH_MAX)

    def mend(self, symbol: str) -> str | None:
        """None: resubscribing to the book brings a snapshot."""
        return None

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        """Request for the newest 100 trades, to fill a short gap that has just ended; None for a longer one.

        The venue accepts no times. The caller must check whether the oldest trade reaches back to `since_ms`.
        """
        return queries.trades_request(symbol) if 0 <= until_ms - since_ms <= limits.TRADES_SPAN_MS else None

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        """Market-wide: tickers, open interest and funding. Per perpetual: ratios and past settlements."""
        return polls.polls(instruments)

    time_request = staticmethod(queries.time_request)
    server_time_ms = staticmethod(rest.server_time_ms)

    def cost(self, request: str) -> Cost:
        """One request from the pool of the address; a ratio also takes one from the pool of its endpoint."""
        return _RATIOS.get(request.removeprefix("GET ").partition("?")[0], _ONE)

    refusal = staticmethod(refusals.refusal)

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue's only header counts down an endpoint's second without naming the endpoint."""
        return ()

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        """Nothing: the venue announces no limits."""
        return ()
