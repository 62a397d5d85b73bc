"""OKX's hosts, paths, endpoints and limits, each with its source.

Data only; the transport spends these budgets. Sources: okx.com/docs-v5/en (pages of 2026-06-29 to 2026-07-22), the OKX
change log (2026-07-03), and where said so a live check of 2026-08-26.
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
    "accounts": 5,
    "top_accounts": 5,
    "top_positions": 5,
    "taker_volume": 5,
    "time": 10,
}
"""Per address and endpoint; instruments also per product, open interest, funding and ratios also per instrument."""

CONNECTS_PER_SECOND: Final = 3
"""New connections, per address."""
REQUESTS_PER_HOUR: Final = 480
"""Subscribe, unsubscribe and login requests of one connection; one with many arguments counts once (2026-08-26)."""
REQUEST_BYTES: Final = 65_536
"""Longest request (documentation as read 2026-08-03)."""
BOOKS_PER_CONNECTION: Final = 30
"""Books of 50 or 400 levels on one connection: the documentation asks for fewer than 30."""
TOPICS_PER_CONNECTION: Final = 300
"""Our own bound on the rest; the venue states none."""

HEARTBEAT_S: Final = 20.0
"""Silence after which we ask; the venue closes a connection that has been silent for 30 s."""
SILENCE_CUT_S: Final = 30.0

KLINES_MAX: Final = 300
DEPTH_MAX: Final = 400
FUNDING_MAX: Final = 400
RATIOS_MAX: Final = 100

RATE_LIMIT_CODES: Final = frozenset({"50011", "50013"})
"""50011 over the limit (HTTP 429 or 200), 50013 system busy."""
NOTICE_CLOSING: Final = "64008"
"""Code of the notice that the venue closes the connection in about 60 s (on business since 2026-06-11)."""

BOOK_CHANNELS: Final[dict[str, tuple[int, bool]]] = {
    "books": (400, True),
    "books-l2-tbt": (400, True),
    "books50-l2-tbt": (50, True),
    "books5": (5, False),
    "bbo-tbt": (1, False),
}
"""Levels a side, and whether deltas follow the snapshot. The -l2-tbt channels need a login of tier VIP4 or more."""
