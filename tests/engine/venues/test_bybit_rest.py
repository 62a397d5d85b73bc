"""Bybit REST answers: listings, candles, tickers, books, statistics; and the requests that ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import BookSnapshot, Candle, Funding, OpenInterest, Ratio
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit import rest
from engine.venues.bybit.parse import BybitParser

NS = 1_786_820_700_000_000_000


def answer(request: str, result: Any, status: int = 200, code: int = 0) -> Parsed:
    body = json.dumps(
        {"retCode": code, "retMsg": "OK" if not code else "Too many visits!", "result": result, "time": 1786820637599}
    )
    return BybitParser("bybit-linear").response(request, status, body, NS)


KLINES = {
    "symbol": "BTCUSDT",
    "category": "linear",
    "list": [
        ["1786820400000", "63027.8", "63032.3", "63027.7", "63032.3", "4.591", "289363.9178"],
        ["1786820100000", "63044.4", "63089.6", "63000.1", "63027.8", "385.721", "24314058.6517"],
    ],
}


def test_klines_come_oldest_first_and_close_by_the_clock() -> None:
    request = rest.klines_request("bybit-linear", "BTCUSDT", "5m", 5000)
    assert request == "GET /v5/market/kline?category=linear&symbol=BTCUSDT&interval=5&limit=1000"
    older, newer = answer(request, KLINES).events
    assert isinstance(older, Candle)
    assert isinstance(newer, Candle)
    assert (older.open_ms, newer.open_ms) == (1786820100000, 1786820400000)
    # The newer bar ends exactly when it is received.
    assert (older.closed, newer.closed) == (True, True)
    assert (older.volume_base, older.volume_quote) == (385.721, 24314058.6517)
    body = json.dumps({"retCode": 0, "result": KLINES})
    early = BybitParser("bybit-linear").response(request, 200, body, NS - 1_000_000)
    assert [event.closed for event in early.events if isinstance(event, Candle)] == [True, False]


def test_klines_without_a_known_interval_are_unknown() -> None:
    assert answer("GET /v5/market/kline", KLINES).verdict is Verdict.UNKNOWN
    assert answer("GET /v5/market/kline?interval=60", KLINES).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "row", [["1786820400000", "1", "1", "1", "1", "1"], ["1786820400000", "1", "1", "1", "nan", "1", "1"]]
)
def test_bad_klines_are_rejected(row: list[str]) -> None:
    parsed = answer("GET /v5/market/kline?interval=5", {"symbol": "BTCUSDT", "list": [row]})
    assert parsed.verdict is Verdict.REJECTED
    assert parsed.detail.startswith("bybit-linear: GET /v5/market/kline")


def test_listing_kinds_categories_and_steps() -> None:
    row = {
        "symbol": "TSLAUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "TSLA",
        "quoteCoin": "USDT",
        "launchTime": "1758175736000",
        "priceFilter": {"tickSize": "0.01"},
        "lotSizeFilter": {"qtyStep": "0.1"},
        "fundingInterval": 240,
        "symbolType": "stock",
    }
    rows = [
        row,
        row | {"symbol": "SHIB1000USDT", "baseCoin": "SHIB1000", "symbolType": "innovation", "launchTime": ""},
        row | {"symbol": "BTC-25SEP26", "contractType": "LinearFutures", "baseCoin": "BTC", "fundingInterval": 0},
        row | {"symbol": "GONEUSDT", "status": "Closed"},
        row | {"symbol": "BAD\x1b"},
        row | {"symbol": "NANUSDT", "priceFilter": {"tickSize": "nan"}},
    ]
    request = rest.instruments_request("bybit-linear")
    assert request == "GET /v5/market/instruments-info?category=linear&limit=1000"
    parser = BybitParser("bybit-linear")
    body = json.dumps({"retCode": 0, "result": {"list": rows, "nextPageCursor": "page2"}})
    parsed = parser.response(request, 200, body, NS)
    assert [one.symbol for one in parsed.listing] == ["TSLAUSDT", "SHIB1000USDT", "BTC-25SEP26"]
    stock, shib, future = parsed.listing
    assert (stock.category, stock.kind, stock.tick, stock.step) == ("tradfi", "perp", 0.01, 0.1)
    assert (stock.funding_interval_h, stock.listed_ms, stock.inferred) == (4.0, 1758175736000, False)
    assert (shib.category, shib.asset, shib.multiplier, shib.listed_ms) == ("crypto", "SHIB", 1000.0, None)
    assert (future.kind, future.funding_interval_h) == ("future", None)
    assert "2 of 6 listed rows refused" in parsed.detail
    assert rest.next_cursor(body) == "page2"
    assert "cursor=page2" in rest.instruments_request("bybit-linear", "page2")
    assert parser.instrument("TSLAUSDT") is stock


def test_depth_open_interest_funding_and_accounts() -> None:
    book = {
        "s": "BTCUSDT",
        "b": [["65485.47", "47.081829"]],
        "a": [["65557.7", "16.606555"]],
        "ts": 1716863719031,
        "u": 230704,
    }
    snapshot = answer(rest.depth_request("bybit-linear", "BTCUSDT", 50), book).events[0]
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.sequence, snapshot.depth, snapshot.chained) == (230704, 50, False)
    interest = answer(
        rest.open_interest_request("BTCUSDT", "5min", 50),
        {"symbol": "BTCUSDT", "list": [{"openInterest": "64992.054", "timestamp": "1786820400000"}]},
    ).events[0]
    assert isinstance(interest, OpenInterest)
    assert interest.base == 64992.054 / 2
    funding = answer(
        rest.funding_history_request("BTCUSDT", 10),
        {"list": [{"symbol": "BTCUSDT", "fundingRate": "0.00004403", "fundingRateTimestamp": "1786809600000"}]},
    ).events[0]
    assert isinstance(funding, Funding)
    assert (funding.settled, funding.ts_ms, funding.rate_frac) == (True, 1786809600000, 0.00004403)
    ratio = answer(
        rest.accounts_request("BTCUSDT", "15min", 10),
        {"list": [{"symbol": "BTCUSDT", "buyRatio": "0.5395", "sellRatio": "0.4605", "timestamp": "1787372700000"}]},
    ).events[0]
    assert isinstance(ratio, Ratio)
    assert (ratio.kind, ratio.value, ratio.period_ms) == ("accounts", 0.5395 / 0.4605, 900_000)


def test_errors_of_the_venue_are_control_with_its_words() -> None:
    limited = answer(rest.tickers_request("bybit-linear"), {}, code=10006)
    assert limited.verdict is Verdict.CONTROL
    assert "10006" in limited.detail
    assert "Too many visits!" in limited.detail
    blocked = BybitParser("bybit-linear").response("GET /v5/market/time", 403, "<html>\x1b[31mCloudFront", NS)
    assert blocked.verdict is Verdict.CONTROL
    assert "HTTP 403" in blocked.detail
    assert "\x1b" not in blocked.detail


def test_one_bad_ticker_costs_only_itself() -> None:
    good = {"symbol": "BTCUSDT", "lastPrice": "1", "bid1Price": "", "fundingRate": ""}
    parsed = answer(rest.tickers_request("bybit-linear"), {"list": [good, good | {"lastPrice": "nan"}]})
    assert parsed.verdict is Verdict.ACCEPTED
    assert len(parsed.events) == 1
    assert "1 of 2 rows refused" in parsed.detail


@given(st.text(), st.text())
def test_never_raises(request: str, body: str) -> None:
    BybitParser("bybit-linear").response(request, 200, body, NS)
    BybitParser("bybit-linear").response("GET /v5/market/kline?interval=5", 200, body, NS)
