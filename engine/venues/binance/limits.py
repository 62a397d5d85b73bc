"""Binance's hosts, paths, endpoints and limits, each with its source.

Data only; the transport enforces these budgets. Sources: the official SDK binance-connector-python 17.2.0
(2026-08-21), developers.binance.com "USD-M websocket market streams" (2026-05-28), binance-spot-api-docs
(2026-07-21).
"""

from __future__ import annotations

from typing import Final

REST_HOSTS: Final[dict[str, tuple[str, ...]]] = {
    "binance-usdm": ("https://fapi.binance.com",),
    "binance-spot": ("https://data-api.binance.vision", "https://api.binance.com"),
}
"""First choice first. data-api.binance.vision serves public spot data and answers where api.binance.com is blocked."""

STREAM_HOSTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "binance-usdm": {
        "public": ("wss://fstream.binance.com/public/stream",),
        "market": ("wss://fstream.binance.com/market/stream",),
    },
    "binance-spot": {
        "public": ("wss://data-stream.binance.vision/stream", "wss://stream.binance.com:9443/stream"),
    },
}
"""USD-M streams are split by path since 2026-04-23; a stream subscribed on the wrong one is acknowledged but silent."""

PUBLIC_STREAMS: Final = frozenset({"depth", "bookTicker", "rpiDepth", "trade"})
"""Kinds served on USD-M `/public`; every other kind is on `/market`."""

STREAMS_PER_CONNECTION_MAX: Final = 1024
"""Both products (USD-M raised from 200 on 2025-07-02)."""
STREAMS_PER_CONNECTION: Final[dict[str, int]] = {"market": 400, "public": 300}
"""Our own bound by path, so that a lost connection costs only a part of the market."""
STREAMS_PER_REQUEST: Final = 100
"""Our own bound on the names in one SUBSCRIBE; the venue limits messages, not names."""
MESSAGES_PER_SECOND_MAX: Final[dict[str, int]] = {"binance-usdm": 10, "binance-spot": 5}
"""Subscribe requests, pings and pongs together; above this the venue disconnects."""
MESSAGES_PER_SECOND: Final[dict[str, float]] = {"binance-usdm": 5.0, "binance-spot": 2.0}
"""Our own pace; below the limit because our pongs to the venue's pings count too."""
CONNECTIONS_PER_5_MINUTES_MAX: Final = 300
"""Documented for spot, per address; applied to USD-M too, where none is documented."""
CONNECTIONS_PER_5_MINUTES: Final = 100
"""Our own bound for one product."""
CONNECTION_LIFE_S: Final = 86_400.0
HEARTBEAT_S: Final = 20.0
"""Our own interval of pings by protocol frame."""
DEAD_S: Final = 60.0
"""Our own: two pings unanswered and a margin, with nothing else received either."""

WEIGHT_PER_MINUTE_MAX: Final[dict[str, int]] = {"binance-usdm": 2400, "binance-spot": 6000}
"""Request weight per address; USD-M shares its pool with COIN-M."""
WEIGHT_PER_MINUTE: Final[dict[str, int]] = {"binance-usdm": 1200, "binance-spot": 2000}
"""Our own: half and a third, to leave room for other programs on the same address."""
WEIGHT_RESERVE: Final = 0.3
"""Our own: the share of the weight kept for books, missed trades and the listing. Three quarters of it are closed even
to the first backfill. That leaves 13 book snapshots a minute on USD-M and 9 on spot, however much history is requested;
in return a first start takes half as long again."""
WEIGHT_POOL: Final[dict[str, str]] = {"binance-usdm": "binance-fapi", "binance-spot": "binance-spot"}
DATA_POOL: Final = "binance-futures-data"
DATA_PER_5_MINUTES: Final = 600
"""Requests to `/futures/data/*`; the venue allows 1000 per address, and they have no weight."""
FUNDING_POOL: Final = "binance-funding"
FUNDING_PER_5_MINUTES: Final = 250
"""Requests for funding history and configuration; the venue allows 500 per address for both together."""
USED_WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"

LIMIT_REST_S: Final = 60.0
"""Cool-down after HTTP 429 without a `Retry-After`: the window of the weights."""
BAN_REST_S: Final = 120.0
"""Cool-down after HTTP 418 without a time: the shortest ban the venue documents (2 minutes, rising to 3 days)."""
BAN_REST_MAX_S: Final = 259_200.0
"""The longest ban the venue documents, 3 days: a longer one is cut to this."""
REGION_REST_S: Final = 3600.0
"""Our own cool-down of a host that refuses our region."""
LIMIT_CODES: Final = frozenset({-1003, -1015})
"""Too many requests; too many orders."""
BUSY_CODES: Final = frozenset({-1000, -1001, -1006, -1007, -1008, -1016})
"""Unknown fault, disconnected, unexpected response, timeout, protection of the system, service shutting down."""

DEPTH_LEVELS: Final = 1000
"""Levels per side of the snapshot that a book is aligned on: the maximum on USD-M; spot offers 5000 for five times the
weight."""
KLINES_MAX: Final[dict[str, int]] = {"binance-usdm": 1500, "binance-spot": 1000}
TRADES_MAX: Final = 1000
TRADES_SPAN_MS: Final = 3_540_000
"""Longest span of one aggTrades request: start and end must be less than an hour apart."""
HISTORY_MAX: Final = 500
"""Most rows in one answer of `/futures/data/*`."""
FUNDING_MAX: Final = 1000
PERIOD: Final = "5m"
"""Finest period of the venue's statistics."""

PATHS: Final[dict[str, dict[str, str]]] = {
    "binance-usdm": {
        "instruments": "/fapi/v1/exchangeInfo",
        "klines": "/fapi/v1/klines",
        "depth": "/fapi/v1/depth",
        "trades": "/fapi/v1/aggTrades",
        "tickers": "/fapi/v1/ticker/24hr",
        "quotes": "/fapi/v1/ticker/bookTicker",
        "mark": "/fapi/v1/premiumIndex",
        "funding_history": "/fapi/v1/fundingRate",
        "funding_config": "/fapi/v1/fundingInfo",
        "open_interest": "/fapi/v1/openInterest",
        "open_interest_history": "/futures/data/openInterestHist",
        "accounts": "/futures/data/globalLongShortAccountRatio",
        "top_accounts": "/futures/data/topLongShortAccountRatio",
        "top_positions": "/futures/data/topLongShortPositionRatio",
        "taker_volume": "/futures/data/takerlongshortRatio",
        "time": "/fapi/v1/time",
    },
    "binance-spot": {
        "instruments": "/api/v3/exchangeInfo",
        "klines": "/api/v3/klines",
        "depth": "/api/v3/depth",
        "trades": "/api/v3/aggTrades",
        "tickers": "/api/v3/ticker/24hr",
        "quotes": "/api/v3/ticker/bookTicker",
        "time": "/api/v3/time",
    },
}
