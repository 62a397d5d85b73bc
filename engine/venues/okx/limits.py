"""OKX's hosts, paths, endpoints and limits, each with its source.

Data only; the transport enforces these budgets. Sources: okx.com/docs-v5/en (pages of 2026-06-29 to 2026-07-22), the
OKX change log (2026-07-03), and, if a line says so, a live check of 2026-08-26.
"""

from __future__ import annotations

from typing import Final

REST_HOSTS: Final[tuple[str, ...]] = ("https://openapi.okx.com", "https://www.okx.com")
"""First choice first; openapi.okx.com is recommended since 2026-05-20 (change log), www.okx.com stays."""

STREAM_HOSTS: Final[dict[str, tuple[str, ...]]] = {
    "public": ("wss://ws.okx.com:8443/ws/v5/public", "wss://ws.okx.com/ws/v5/public"),
    "business": ("wss://ws.okx.com:8443/ws/v5/business", "wss://ws.okx.com/ws/v5/business"),
}
"""Candles and trades-all are served on business, the rest on public. Port 443 answered in 2026-09 (live check)."""

PATHS: Final[dict[str, str]] = {
    "instruments": "/api/v5/public/instruments",
    "klines": "/api/v5/market/candles",
    "klines_history": "/api/v5/market/history-candles",
    "depth": "/api/v5/market/books",
    "tickers": "/api/v5/market/tickers",
    "ticker": "/api/v5/market/ticker",
    "open_interest": "/api/v5/public/open-interest",
    "funding": "/api/v5/public/funding-rate",
    "funding_history": "/api/v5/public/funding-rate-history",
    "mark": "/api/v5/public/mark-price",
    "liquidations": "/api/v5/public/liquidation-orders",
    "accounts": "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract",
    "top_accounts": "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract-top-trader",
    "top_positions": "/api/v5/rubik/stat/contracts/long-short-position-ratio-contract-top-trader",
    "taker_volume": "/api/v5/rubik/stat/taker-volume-contract",
    "open_interest_history": "/api/v5/rubik/stat/contracts/open-interest-history",
    "trades": "/api/v5/market/trades",
    "trades_history": "/api/v5/market/history-trades",
    "index_tickers": "/api/v5/market/index-tickers",
    "time": "/api/v5/public/time",
}

REQUESTS_PER_2_SECONDS: Final[dict[str, int]] = {
    "instruments": 20,
    "klines": 40,
    "klines_history": 20,
    "depth": 40,
    "tickers": 20,
    "ticker": 20,
    "open_interest": 20,
    "funding": 10,
    "funding_history": 10,
    "mark": 10,
    "liquidations": 40,
    "open_interest_history": 10,
    "trades": 100,
    "trades_history": 20,
    "index_tickers": 20,
    "accounts": 5,
    "top_accounts": 5,
    "top_positions": 5,
    "taker_volume": 5,
    "time": 10,
}
"""Per address and endpoint; instruments also per product; open interest, funding and ratios also per instrument."""

REST_WINDOW_S: Final = 2.0
REST_SHARE: Final = 0.5
"""Our own share of each of these, to leave room for other programs on the same address."""

CONNECTS_PER_SECOND_MAX: Final = 3
"""New connections, per address."""
CONNECTIONS_PER_5_MINUTES: Final = 60
"""Our own bound."""
MESSAGES_PER_SECOND: Final = 3.0
"""Our own pace of messages on one connection; the venue documents only the hourly limit."""
REQUESTS_PER_HOUR: Final = 480
"""Subscribe, unsubscribe and login requests on one connection; one with many arguments counts once (2026-08-26)."""
REQUEST_BYTES: Final = 65_536
"""Longest request (documentation as read 2026-08-03)."""
TOPICS_PER_REQUEST: Final = 100
"""Our own bound: each topic has its own answer, so a bad one costs only itself."""
BOOKS_PER_CONNECTION: Final = 30
"""Books of 50 or 400 levels on one connection: the documentation asks for fewer than 30."""
TOPICS_PER_CONNECTION: Final = 300
"""Our own bound on all topics of a connection; the venue documents none."""

HEARTBEAT_S: Final = 20.0
"""Interval of our pings; the venue closes a connection that has been silent for 30 s."""
SILENCE_CUT_S: Final = 30.0
"""A connection that receives nothing for this long, not even the answer to our ping, is dead."""

KLINES_MAX: Final = 300
DEPTH_MAX: Final = 400
TRADES_MAX: Final = 500
TRADES_SPAN_MS: Final = 60_000
"""Longest gap that the newest `TRADES_MAX` trades are expected to cover: 8 trades a second."""
FUNDING_MAX: Final = 400
RATIOS_MAX: Final = 100

LIMIT_CODES: Final = frozenset({"50011", "50061"})
"""Over the limit of an endpoint or of all (HTTP 429 or 200)."""
LIMIT_REST_S: Final = 5.0
"""Our own cool-down: two windows and a margin. The venue documents neither a ban nor a longer cool-down."""
BUSY_CODES: Final = frozenset({"50000", "50001", "50004", "50013", "50026"})
"""Empty body, service unavailable, timeout of the endpoint, system busy, system error."""
REGION_REST_S: Final = 3600.0
"""Our own cool-down of a host that refuses our region."""
NOTICE_CLOSING: Final = "64008"
"""Code of the notice that the venue will close the connection in about 60 s (on business since 2026-06-11)."""

BOOK_CHANNELS: Final[dict[str, tuple[int, bool]]] = {
    "books": (400, True),
    "books-l2-tbt": (400, True),
    "books50-l2-tbt": (50, True),
    "books5": (5, False),
    "bbo-tbt": (1, False),
}
"""Levels per side, and whether deltas follow the snapshot. The -l2-tbt channels need a login of tier VIP4 or higher."""
