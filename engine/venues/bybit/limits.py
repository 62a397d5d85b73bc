"""Bybit's hosts, paths, endpoints and limits, each with its source.

Data only; the transport spends these budgets. Source of every figure: Bybit's own documentation repository
(`docs/v5/guide.mdx`, `docs/v5/rate-limit/rate-limit.mdx`, `docs/v5/websocket/wss-authentication.mdx`,
`docs/v5/market/*.mdx`, `docs/v5/websocket/public/*.mdx`), read 2026-07-24, unless a line says otherwise.
"""

from __future__ import annotations

from typing import Final

REST_HOSTS: Final[tuple[str, ...]] = ("https://api.bybit.com", "https://api.bytick.com")
"""First choice first. A REST host may refuse a region (403) while the streams work: measured 2026-09."""

STREAM_HOSTS: Final[dict[str, tuple[str, ...]]] = {
    "bybit-linear": ("wss://stream.bybit.com/v5/public/linear",),
    "bybit-spot": ("wss://stream.bybit.com/v5/public/spot",),
}
"""Public market data by product; the linear host carries USDT and USDC perpetuals and USDT futures."""

CATEGORY: Final[dict[str, str]] = {"bybit-linear": "linear", "bybit-spot": "spot"}

PATHS: Final[dict[str, str]] = {
    "instruments": "/v5/market/instruments-info",
    "klines": "/v5/market/kline",
    "depth": "/v5/market/orderbook",
    "tickers": "/v5/market/tickers",
    "open_interest_history": "/v5/market/open-interest",
    "funding_history": "/v5/market/funding/history",
    "accounts": "/v5/market/account-ratio",
    "time": "/v5/market/time",
}
"""Open interest and funding of now come with the tickers: one call for all symbols."""

ARGS_CHARS_PER_CONNECTION: Final = 21_000
"""Longest sum of a connection's topics, in characters."""
SPOT_ARGS_PER_REQUEST: Final = 10
"""Topics in one subscribe request on spot; linear has no such limit."""
LINEAR_ARGS_PER_REQUEST: Final = 200
"""Our own bound, to keep one request well under any frame limit; the venue states none for linear."""

HEARTBEAT_S: Final = 20.0
"""A ping this often, as the documentation recommends."""
SILENCE_CUT_S: Final = 600.0
"""The venue cuts a connection without ping and data for ten minutes."""

CONNECTIONS_PER_5_MINUTES: Final = 500
"""New connections, per domain."""
CONNECTIONS_PER_IP: Final = 1000
"""Held at once, counted per product."""

REST_REQUESTS_PER_5_SECONDS: Final = 600
"""Per address; beyond it HTTP 403 "access too frequent", after which everything must rest for `REST_BAN_S`."""
REST_BAN_S: Final = 600.0
RATE_LIMIT_CODES: Final = frozenset({10006, 10018})
"""`retCode` 10006 too many visits, 10018 address over its limit."""
REGION_CODES: Final = frozenset({10009, 10024})
"""`retCode` of a refused region or a compliance block: trying again cannot help."""

INSTRUMENTS_PAGE: Final = 1000
"""Rows of one instruments-info page (default 500; linear lists more, so `nextPageCursor` must be followed)."""
KLINES_MAX: Final = 1000
DEPTH_MAX: Final = 1000
OPEN_INTEREST_MAX: Final = 200
FUNDING_MAX: Final = 200
ACCOUNTS_MAX: Final = 500

BOOK_DEPTHS: Final = (1, 50, 200, 1000)
"""Depths of `orderbook.N`: 500 removed 2025-09-11, 1000 added 2025-08-14; depth 1 has been snapshots only since then.
Pushed every 10, 20, 100 and 200 ms."""
