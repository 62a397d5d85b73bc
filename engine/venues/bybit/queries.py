"""Bybit's REST requests. No I/O: the transport sends what is built here.

Called by `live` and `polls`. Requests are `GET /path?query`, the form that a capture records, so that a replay reads
answers exactly as live does. Answers are read in `rest`. Sources: Bybit v5 documentation `docs/v5/market/*.mdx`
(2026-07-24).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec

from engine.timeframes import INTERVAL_MS, MINUTE_MS
from engine.venues.bybit import limits, wire


def instruments_request(venue: str, cursor: str = "", status: str = "") -> str:
    """One page of the listing; `cursor` from `next_cursor`, `status` one of `limits.LISTED_STATUSES`.

    Without a status the venue answers only with what trades.
    """
    # The venue's cursors are already percent-encoded (`first%3D1%26last%3D26`) and must not be encoded twice.
    return _request("instruments", venue, status=status, limit=limits.INSTRUMENTS_PAGE, cursor=unquote(cursor))


def klines_request(venue: str, symbol: str, interval: str, limit: int, start_ms: int = 0, end_ms: int = 0) -> str:
    """Bars of `interval` (a name of `INTERVAL_MS`), newest first, the forming one included; at most 1000."""
    name = str(INTERVAL_MS[interval] // MINUTE_MS)
    count = min(limit, limits.KLINES_MAX)
    return _request("klines", venue, symbol=symbol, interval=name, start=start_ms, end=end_ms, limit=count)


def depth_request(venue: str, symbol: str, levels: int = limits.DEPTH_MAX) -> str:
    """The current book. The stream sends its own snapshots, so this is only for a one-off look, not for aligning."""
    return _request("depth", venue, symbol=symbol, limit=min(levels, limits.DEPTH_MAX))


def trades_request(venue: str, symbol: str) -> str:
    """The newest trades, as many as the venue offers: `limits.TRADES_MAX`. They repeat trades of the stream, under the
    same `trade_id`."""
    return _request("trades", venue, symbol=symbol, limit=limits.TRADES_MAX[venue])


def tickers_request(venue: str, symbol: str = "") -> str:
    """All symbols in one call, or one: statistics, quote, mark, current open interest and funding."""
    return _request("tickers", venue, symbol=symbol)


def open_interest_request(symbol: str, period: str, limit: int) -> str:
    """History of open interest of a linear symbol; `period` 5min 15min 30min 1h 4h 1d, at most 200 rows."""
    count = min(limit, limits.OPEN_INTEREST_MAX)
    return _request("open_interest_history", "bybit-linear", symbol=symbol, intervalTime=period, limit=count)


def funding_history_request(symbol: str, limit: int) -> str:
    """The newest settlements of a linear symbol, at most 200."""
    return _request("funding_history", "bybit-linear", symbol=symbol, limit=min(limit, limits.FUNDING_MAX))


def accounts_request(symbol: str, period: str, limit: int) -> str:
    """Long and short accounts of a USDT perpetual; `period` as for open interest, at most 500 rows."""
    return _request("accounts", "bybit-linear", symbol=symbol, period=period, limit=min(limit, limits.ACCOUNTS_MAX))


def time_request() -> str:
    """The venue's clock."""
    return f"GET {limits.PATHS['time']}"


def next_cursor(body: str) -> str:
    """Cursor of the listing's next page; empty if this is the last page or the body is not a listing."""
    try:
        return _PAGE.decode(_ENVELOPE.decode(body).result).nextPageCursor or ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def next_page(request: str, body: str) -> str | None:
    """The request for the next page of the listing; None after the last page, and for every other request.

    Histories have cursors too; they are requested as one page and not followed. None also if the venue repeats the
    cursor of the request, which would never end.
    """
    target = request.removeprefix("GET ")
    path, _, query = target.partition("?")
    if path != limits.PATHS["instruments"] or not (cursor := unquote(next_cursor(body))):
        return None
    asked = dict(parse_qsl(query))
    if asked.get("cursor") == cursor:
        return None
    return f"GET {path}?{_encoded(asked | {'cursor': cursor})}"


def _request(name: str, venue: str, **query: str | int) -> str:
    given = {"category": limits.CATEGORY[venue]} | {key: value for key, value in query.items() if value}
    return f"GET {limits.PATHS[name]}?{_encoded(given)}"


def _encoded(query: dict[str, str | int] | dict[str, str]) -> str:
    return urlencode(query, quote_via=quote)


_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)
_PAGE: Final = msgspec.json.Decoder(wire.Page, strict=False)
