"""Bybit's hosts, paths, endpoints and limits, each with its source.

Data only; the transport enforces these budgets. Source of every figure: Bybit's own documentation repository
(`docs/v5/guide.mdx`, `docs/v5/rate-limit/rate-limit.mdx`, `docs/v5/websocket/wss-authentication.mdx`,
`docs/v5/market/*.mdx`, `docs/v5/websocket/public/*.mdx`), read 2026-07-24, unless a line says otherwise. Figures
"measured in 2026-09" were taken from its live streams, or a relay of them, and published by others; they have not been
measured again for this project.
"""

from __future__ import annotations

from typing import Final

from engine.timeframes import INTERVAL_MS, MINUTE_MS

REST_HOSTS: Final[tuple[str, ...]] = ("https://api.bybit.com", "https://api.bytick.com")
"""First choice first. A REST host may refuse a region (403) while the streams work: measured 2026-09."""

STREAM_HOSTS: Final[dict[str, tuple[str, ...]]] = {
    "bybit-linear": ("wss://stream.bybit.com/v5/public/linear",),
    "bybit-spot": ("wss://stream.bybit.com/v5/public/spot",),
}
"""Public market data by product; the linear host carries USDT and USDC perpetuals and USDT futures."""

CATEGORY: Final[dict[str, str]] = {"bybit-linear": "linear", "bybit-spot": "spot"}

INTERVALS: Final = {str(length // MINUTE_MS): length for length in INTERVAL_MS.values()}
"""The venue's name of each interval prism keeps (`240` for four hours), in milliseconds."""

PATHS: Final[dict[str, str]] = {
    "instruments": "/v5/market/instruments-info",
    "klines": "/v5/market/kline",
    "depth": "/v5/market/orderbook",
    "trades": "/v5/market/recent-trade",
    "tickers": "/v5/market/tickers",
    "open_interest_history": "/v5/market/open-interest",
    "funding_history": "/v5/market/funding/history",
    "accounts": "/v5/market/account-ratio",
    "time": "/v5/market/time",
}
"""Current open interest and funding come with the tickers: one call for all symbols."""

LISTED_STATUSES: Final[dict[str, tuple[str, ...]]] = {
    "bybit-linear": ("", "PreLaunch", "Delivering"),
    "bybit-spot": ("",),
}
"""The parts of the listing that are followed, each with a request of its own; "" is what trades. Spot lists nothing
else. `Closed` is left out: it holds a thousand past contracts, and what vanishes from the other parts has ended."""

ARGS_CHARS_PER_CONNECTION_MAX: Final = 21_000
"""Limit on the total length of a connection's topics, in characters."""
ARGS_CHARS_PER_CONNECTION: Final = 10_500
"""Our own bound, about 420 topics: a lost connection then costs only a part of the market, and no socket carries so
much that a short delay on our side makes the venue drop it."""
ARGS_PER_REQUEST: Final = 10
"""Topics in one subscribe request. The venue's limit on spot; our own on linear, because the venue refuses a whole
request for one bad topic and names only the first bad one (measured 2026-09: of two topics, one of them unknown, the
other never delivered)."""
REQUESTS_PER_SECOND: Final = 10.0
"""Our own pace of messages on one connection; the venue documents no limit. 18 at once were accepted (2026-09)."""

HEARTBEAT_S: Final = 20.0
"""Ping interval, as the documentation recommends. Pings are answered, so even a connection without trades is not
silent."""
SILENCE_CUT_S: Final = 600.0
"""The venue closes a connection without ping and data for ten minutes."""
DEAD_S: Final = 45.0
"""Our own: two pings unanswered and a margin, with nothing else received either."""

CONNECTIONS_PER_5_MINUTES_MAX: Final = 500
"""New connections, per domain: both products share one."""
CONNECTIONS_PER_5_MINUTES: Final = 100
"""Our own bound for one product."""
CONNECTIONS_PER_IP: Final = 1000
"""Held at once, counted per product."""

REST_REQUESTS_PER_5_SECONDS_MAX: Final = 600
"""Per address; beyond it HTTP 403 "access too frequent", after which no request may be sent for `REST_BAN_S`."""
REST_REQUESTS_PER_5_SECONDS: Final = 100
"""Our own: 20 a second, to leave room for other programs on the same address."""
REST_POOL: Final = "bybit-rest"
"""Shared by both products: the limit is per address."""
REST_RESERVE: Final = 0.2
"""Our own: the share kept for missed trades and the listing, 20 requests per 5 seconds. Books resync through their
streams."""
REST_BAN_S: Final = 600.0
VISITS_REST_S: Final = 5.0
"""Cool-down after `retCode` 10006, which has a window of one second."""
PROTECTION_REST_S: Final = 30.0
"""Cool-down after HTTP 429 or `retCode` 10429, the venue's overload protection; no figure is documented."""
VISITS_CODES: Final = frozenset({10006})
"""`retCode` too many visits."""
PROTECTION_CODES: Final = frozenset({10429})
BAN_CODES: Final = frozenset({10018})
"""`retCode` address over its limit."""
REGION_CODES: Final = frozenset({10009, 10024})
"""`retCode` of a refused region or a compliance block: trying again does not help."""
REGION_REST_S: Final = 3600.0
"""Our own cool-down of a host that refuses our region."""
BUSY_CODES: Final = frozenset({10000, 10016, 10019})
"""`retCode` server timeout, internal error, service restarting."""

INSTRUMENTS_PAGE: Final = 1000
"""Rows of one instruments-info page (default 500; linear lists more, so `nextPageCursor` must be followed)."""
KLINES_MAX: Final = 1000
DEPTH_MAX: Final = 1000
TRADES_MAX: Final[dict[str, int]] = {"bybit-linear": 1000, "bybit-spot": 60}
TRADES_SPAN_MS: Final[dict[str, int]] = {"bybit-linear": 120_000, "bybit-spot": 10_000}
"""Longest gap that the newest `TRADES_MAX` trades are expected to cover: 8 and 6 trades a second."""
OPEN_INTEREST_MAX: Final = 200
FUNDING_MAX: Final = 200
ACCOUNTS_MAX: Final = 500

BOOK_DEPTHS: Final = (1, 50, 200, 1000)
"""Depths of `orderbook.N`: 500 removed 2025-09-11, 1000 added 2025-08-14; depth 1 has been snapshots only since then.
Pushed every 10, 20, 100 and 200 ms."""
BOOK_DEPTH: Final = 200
"""The depth we subscribe to: the state keeps 200 levels a side, 1000 levels are pushed half as often, and `u` rose by
one per message over every recorded delta of this depth."""
