"""Binance's hosts, paths, endpoints and limits, each with its source.

Data only; the transport spends these budgets. Sources: the official SDK binance-connector-python 17.2.0
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
"""USD-M streams are split by path since 2026-04-23; a stream subscribed on the wrong one is acknowledged and silent."""

PUBLIC_STREAMS: Final = frozenset({"depth", "bookTicker", "rpiDepth", "trade"})
"""Kinds served on USD-M `/public`; every other kind is on `/market`."""

STREAMS_PER_CONNECTION: Final = 1024
"""Both products (USD-M raised from 200 on 2025-07-02)."""
MESSAGES_PER_SECOND: Final[dict[str, int]] = {"binance-usdm": 10, "binance-spot": 5}
"""Subscribe, ping and pong together; more than that and the venue disconnects."""
CONNECTIONS_PER_5_MINUTES: Final = 300
"""Documented for spot, per address; applied to USD-M too, where none is documented."""
CONNECTION_LIFE_H: Final = 24
WEIGHT_PER_MINUTE: Final[dict[str, int]] = {"binance-usdm": 2400, "binance-spot": 6000}
"""Request weight per address; USD-M shares its pool with COIN-M."""

DEPTH_SNAPSHOT_LEVELS: Final[dict[str, int]] = {"binance-usdm": 1000, "binance-spot": 5000}
KLINES_MAX: Final[dict[str, int]] = {"binance-usdm": 1500, "binance-spot": 1000}

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
