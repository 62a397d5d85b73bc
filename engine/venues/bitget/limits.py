"""Bitget's hosts, paths, endpoints and limits, each with its source.

Data only; the transport enforces these budgets. Sources: Bitget UTA v3 documentation (early 2026), a second reading of
the same pages with anonymous calls on 2026-08-08, the classic v2 pages for the ratios, and the classic change log
(2026-01-29). Figures "measured on 2026-09-15" were taken from the live streams and answers and published by others;
they have not been measured again for this project.
"""

from __future__ import annotations

from typing import Final

REST_HOSTS: Final[tuple[str, ...]] = ("https://api.bitget.com",)
STREAM_HOSTS: Final[dict[str, tuple[str, ...]]] = {"public": ("wss://ws.bitget.com/v3/ws/public",)}
"""One path serves every public topic."""

REST_CATEGORY: Final = "USDT-FUTURES"
STREAM_CATEGORY: Final = "usdt-futures"
"""The same product: REST writes it in upper case, the stream in lower case."""

PATHS: Final[dict[str, str]] = {
    "instruments": "/api/v3/market/instruments",
    "klines": "/api/v3/market/candles",
    "klines_history": "/api/v3/market/history-candles",
    "depth": "/api/v3/market/orderbook",
    "trades": "/api/v3/market/fills",
    "tickers": "/api/v3/market/tickers",
    "open_interest": "/api/v3/market/open-interest",
    "funding": "/api/v3/market/current-fund-rate",
    "funding_history": "/api/v3/market/history-fund-rate",
    "accounts": "/api/v2/mix/market/account-long-short",
    "top_positions": "/api/v2/mix/market/position-long-short",
    "taker_volume": "/api/v2/mix/market/taker-buy-sell",
    "time": "/api/v2/public/time",
}
"""Ratios and the clock exist on v2 only. v3 offers no history of open interest. Its `liquidations` of the last three
days are not used: the documentation at hand does not list their fields."""

REQUESTS_PER_SECOND: Final[dict[str, float]] = {
    "instruments": 20.0,
    "klines": 20.0,
    "klines_history": 20.0,
    "depth": 20.0,
    "trades": 20.0,
    "tickers": 20.0,
    "open_interest": 20.0,
    "funding": 20.0,
    "funding_history": 20.0,
    "accounts": 1.0,
    "top_positions": 1.0,
    "taker_volume": 1.0,
    "time": 20.0,
}
"""Per address and endpoint. For trades and time no figure was found; the 20 of most endpoints is assumed."""
REQUESTS_PER_MINUTE: Final = 6000
"""Per address, all endpoints together, since 2025-08-11 (change log)."""
REST_BAN_S: Final = 300.0
"""Cool-down after `REQUESTS_PER_MINUTE` is exceeded (change log)."""
ENDPOINT_REST_S: Final = 2.0
"""Cool-down after an endpoint's rate is exceeded, which has a window of one second."""
REMAINING_HEADER: Final = "x-mbx-used-remain-limit"
"""Requests left of the endpoint's rate in the current second (the venue's FAQ; seen counting down from 19 in
2026-09)."""
REST_POOL: Final = "bitget-rest"
REST_BUDGET_PER_SECOND: Final = 8.0
"""Our own pace over all endpoints, well below the venue's."""
REST_RESERVE: Final = 0.125
"""Our own: one request of each second is kept for missed trades and the listing. Books resync through their
streams."""
RATIO_SPACING_S: Final = 1.2
"""Our own pace on each ratio endpoint, below its limit of one per second."""

SUCCESS_CODE: Final = "00000"
RATE_LIMIT_CODES: Final = frozenset({"429", "30014"})
"""`code` in the body of HTTP 429; inferred, not documented."""
BUSY_CODES: Final = frozenset({"45001", "40725", "40808", "40015", "40200"})
"""`code` of answers that mean try again later: the first three during a release, Tuesday to Thursday 14:00-17:00 UTC+8
(change log), then a system fault and a server upgrade (error code page)."""
REGION_REST_S: Final = 3600.0
"""Our own cool-down of a host that refuses our region."""
CLOSING_CODES: Final = frozenset({"30007"})
"""`code` on a stream before the venue disconnects a client that sent too much."""

HEARTBEAT_S: Final = 25.0
"""Interval of the text `ping`, answered by the text `pong`; the venue requires one every 30 s."""
SILENCE_CUT_S: Final = 120.0
"""The venue closes a connection that has sent no ping for two minutes, even while data flows (measured: 127 and 142 s).
"""
DEAD_S: Final = 60.0
"""Our own: two pings unanswered and a margin, with nothing else received either."""

CONNECTIONS_PER_5_MINUTES_MAX: Final = 300
"""New connections, per address."""
CONNECTIONS_PER_5_MINUTES: Final = 150
"""Our own bound."""
CONNECTIONS_PER_IP: Final = 100
"""Held at once."""
REQUESTS_PER_HOUR_MAX: Final = 240
"""Subscribe requests on one connection; we count unsubscribe requests too."""
REQUESTS_PER_HOUR: Final = 200
"""Our own bound."""
MESSAGES_PER_SECOND_MAX: Final = 10
"""Everything we send on one connection, pings included; above this the venue disconnects."""
MESSAGES_PER_SECOND: Final = 2.0
"""Our own: with `ARGS_PER_REQUEST` this is 20 topics a second, so that a full connection is subscribed in 2.5 s."""
CHANNELS_PER_CONNECTION_MAX: Final = 1000
"""The venue refuses more."""
CHANNELS_PER_CONNECTION: Final = 49
"""The documentation advises fewer than 50 for a stable connection, and we follow it: 800 perpetuals with two topics
each take 33 of the 100 connections that an address may hold, each connection is subscribed with 5 of its 240 requests
an hour, and one that breaks costs 24 symbols. (150 on one connection worked in 2026-09; we need no more.)"""
ARGS_PER_REQUEST: Final = 10
"""Topics in one request. On 2026-09-15 v3 dropped connections right after requests of 25 and more, while 20 worked; the
documented 4096 bytes of a request would be about 50 topics."""

KLINES_MAX: Final = 1000
"""The page says "Default 1000 Maximum 100"; 1000 were answered on 2026-08-08."""
KLINES_HISTORY_MAX: Final = 100
KLINES_HISTORY_SPAN_MS: Final = 90 * 86_400_000
"""Longest span of one history request; the endpoint serves bars older than that many days."""
DEPTH_MAX: Final = 200
"""One page says 200, another 1000: the smaller one is safe."""
TRADES_MAX: Final = 100
TRADES_SPAN_MS: Final = 15_000
"""Longest gap that the newest `TRADES_MAX` trades are expected to cover: 6 trades a second."""
FUNDING_MAX: Final = 100
"""Most rows on one page of settled funding; there are at most 100 pages."""

BOOK_TOPICS: Final[dict[str, tuple[int, bool]]] = {
    "books": (0, True),
    "books50": (50, False),
    "books5": (5, False),
    "books1": (1, False),
}
"""Levels per side (0: all), and whether updates follow the snapshot. Pushed every 50, 20, 10 and 1 ms."""
