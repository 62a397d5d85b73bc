"""Binance's REST requests. No I/O: the transport sends what is built here.

Called by `live` and `polls`. Requests are `GET /path?query`, the form that a capture records, so that a replay reads
answers exactly as live does. Answers are read in `rest`, costs are in `weights`. Symbols may be outside ASCII and are
percent-encoded.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from engine.venues.binance import limits, wire

USDM: Final = "binance-usdm"
History = Literal["open_interest_history", "accounts", "top_accounts", "top_positions", "taker_volume"]

_TRADES: Final = msgspec.json.Decoder(list[wire.AggTradeRow], strict=False)


def instruments_request(venue: str) -> str:
    """Listing of all instruments, of every status."""
    return f"GET {limits.PATHS[venue]['instruments']}"


def time_request(venue: str) -> str:
    """The venue's clock."""
    return f"GET {limits.PATHS[venue]['time']}"


def depth_request(venue: str, symbol: str, levels: int = limits.DEPTH_LEVELS) -> str:
    """Book snapshot that the diff stream is aligned on."""
    return _request(venue, "depth", symbol=symbol, limit=levels)


def klines_request(venue: str, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
    """Bars that open at or before `end_ms`, oldest first, the open one included; at most `limits.KLINES_MAX`."""
    rows = min(limit, limits.KLINES_MAX[venue])
    return _request(venue, "klines", symbol=symbol, interval=interval, endTime=end_ms or 0, limit=rows)


def trades_request(venue: str, symbol: str, since_ms: int, until_ms: int) -> str:
    """Aggregate trades from `since_ms` to `until_ms`, both included, oldest first; the first 1000 of them."""
    return _request(venue, "trades", symbol=symbol, startTime=since_ms, endTime=until_ms, limit=limits.TRADES_MAX)


def more_trades(venue: str, request: str, body: str) -> str | None:
    """The request that continues after a full answer to `trades_request`; None if the answer was not full."""
    path, _, text = request.removeprefix("GET ").partition("?")
    query = dict(parse_qsl(text))
    until, rows = query.get("endTime", ""), query.get("limit", "")
    if path != limits.PATHS[venue]["trades"] or not (until.isdigit() and rows.isdigit()):
        return None
    try:
        found = _TRADES.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if len(found) < int(rows) or not found:
        return None
    # Trades of one millisecond may lie on both sides of the cut, so the last millisecond is requested again.
    since_ms = found[-1].T
    if since_ms <= int(query.get("startTime", "0") or 0) or since_ms >= int(until):
        return None
    return trades_request(venue, query.get("symbol", ""), since_ms, int(until))


def tickers_request(venue: str) -> str:
    """24 h statistics of every symbol."""
    return f"GET {limits.PATHS[venue]['tickers']}"


def marks_request() -> str:
    """Current mark, index and funding of every contract; USD-M only."""
    return f"GET {limits.PATHS[USDM]['mark']}"


def funding_config_request() -> str:
    """Funding intervals of the contracts whose interval or bounds were adjusted; all others settle every 8 h."""
    return f"GET {limits.PATHS[USDM]['funding_config']}"


def funding_history_request(symbol: str, limit: int) -> str:
    """The newest settlements of a contract, oldest first, at most 1000."""
    return _request(USDM, "funding_history", symbol=symbol, limit=min(limit, limits.FUNDING_MAX))


def open_interest_request(symbol: str) -> str:
    """Current open interest; one symbol per call."""
    return _request(USDM, "open_interest", symbol=symbol)


def history_request(kind: History, symbol: str, period: str, limit: int) -> str:
    """Statistics of the last 30 days in steps of `period`, oldest first, at most 500."""
    return _request(USDM, kind, symbol=symbol, period=period, limit=min(limit, limits.HISTORY_MAX))


def _request(venue: str, name: str, **query: str | int) -> str:
    given = {key: value for key, value in query.items() if value}
    return f"GET {limits.PATHS[venue][name]}?{urlencode(given, quote_via=quote)}"
