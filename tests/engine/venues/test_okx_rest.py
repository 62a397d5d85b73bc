"""OKX REST answers: listings, candles, books, tickers, statistics; and the requests that ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.events import BookSnapshot, Candle, Funding, Liquidation, OpenInterest, Ratio, Ticker
from engine.venues.base import Parsed, Verdict
from engine.venues.okx import queries
from engine.venues.okx.parse import OkxParser

NS = 1_789_147_200_000_000_000


def answer(request: str, data: Any, status: int = 200, code: str = "0", msg: str = "") -> Parsed:
    return OkxParser().response(request, status, json.dumps({"code": code, "msg": msg, "data": data}), NS)


def test_listing_requests_cover_each_product() -> None:
    assert queries.instruments_requests() == [
        f"GET /api/v5/public/instruments?instType={kind}" for kind in ("SWAP", "SPOT")
    ]


def test_listing_rows_one_by_one() -> None:
    row = {
        "instId": "BTC-USDT",
        "instType": "SPOT",
        "baseCcy": "BTC",
        "quoteCcy": "USDT",
        "tickSz": "0.1",
        "lotSz": "0.00000001",
    }
    rows = [
        row | {"listTime": "1548133413000", "ctVal": "", "category": "3", "lever": "10"},
        row
        | {
            "instId": "GOLD-USDT-SWAP",
            "instType": "SWAP",
            "instFamily": "GOLD-USDT",
            "instCategory": "4",
            "ctVal": "0.1",
            "lever": "50",
        },
        row | {"instId": "X-USDT", "tickSz": "nan"},
        row | {"instId": "T-USDT", "state": "test"},
        row | {"instId": "BTC-USDT", "instType": "MARGIN"},
    ]
    parsed = answer(queries.instruments_requests()[0], rows)
    assert [one.symbol for one in parsed.listing] == ["BTC-USDT", "GOLD-USDT-SWAP"]
    spot, gold = parsed.listing
    assert (spot.kind, spot.step, spot.listed_ms, spot.category, spot.contract_size) == (
        "spot",
        1e-8,
        1548133413000,
        "crypto",
        1.0,
    )
    assert (gold.kind, gold.base, gold.category, gold.contract_size, gold.inverse) == (
        "perp",
        "GOLD",
        "tradfi",
        0.1,
        False,
    )
    assert (spot.max_leverage, gold.max_leverage) == (None, 50.0), "10 is what may be borrowed on margin"
    assert "1 of 5 listed rows refused" in parsed.detail


def test_klines_come_oldest_first_and_trust_confirm() -> None:
    request = queries.klines_request("BTC-USDT-SWAP", "4h", 500)
    assert request == "GET /api/v5/market/candles?instId=BTC-USDT-SWAP&bar=4H&limit=300"
    assert "history-candles" in queries.klines_request("BTC-USDT-SWAP", "4h", 500, before_ms=1)
    rows = [
        ["1789142400000", "1", "2", "0.5", "1.5", "100", "1", "1.2", "0"],
        ["1789128000000", "1", "2", "0.5", "1.5", "100", "1", "1.2", "1"],
    ]
    older, newer = answer(request, rows).events
    assert isinstance(older, Candle)
    assert isinstance(newer, Candle)
    assert (older.open_ms, older.closed, newer.open_ms, newer.closed) == (1789128000000, True, 1789142400000, False)
    assert older.interval_ms == 14_400_000
    old_wire = answer(request, [row[:7] for row in rows]).events
    assert [event.closed for event in old_wire if isinstance(event, Candle)] == [True, False]
    assert answer("GET /api/v5/market/candles?instId=BTC-USDT&bar=1Dutc", rows).verdict is Verdict.UNKNOWN
    assert answer("GET /api/v5/market/candles", rows).verdict is Verdict.UNKNOWN


def test_depth_needs_the_instrument_of_its_request() -> None:
    row = {
        "asks": [["29692.5", "0.1", "0", "5"]],
        "bids": [["29692.4", "0.4", "0", "5"]],
        "ts": "1654328918680",
        "seqId": 5,
    }
    (book,) = answer(queries.depth_request("BTC-USDT", 1000), [row]).events
    assert isinstance(book, BookSnapshot)
    assert (book.symbol, book.depth, book.chained, book.sequence) == ("BTC-USDT", 400, False, 5)
    assert answer("GET /api/v5/market/books", [row]).verdict is Verdict.UNKNOWN


def test_tickers_open_interest_and_funding_of_all_instruments() -> None:
    row = {
        "instId": "BTC-USDT-SWAP",
        "ts": "1654166233877",
        "last": "29963",
        "vol24h": "10854053",
        "volCcy24h": "108540.53",
    }
    tickers = answer(
        queries.tickers_request(), [row, row | {"instId": "ETH-USDT-SWAP", "last": ""}, row | {"last": "-1"}]
    )
    assert [type(event) for event in tickers.events] == [Ticker, Ticker]
    assert "1 of 3 rows refused" in tickers.detail
    interest = {
        "instId": "CHIP-USDT-SWAP",
        "oi": "619814",
        "oiCcy": "61981400",
        "oiUsd": "2973867.572",
        "ts": "1789147120395",
    }
    (event,) = answer(queries.open_interest_request(), [interest]).events
    assert isinstance(event, OpenInterest)
    assert (event.base, event.usd) == (61981400.0, 2973867.572)
    assert queries.funding_request() == "GET /api/v5/public/funding-rate?instId=ANY"
    settled = {
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.1",
        "realizedRate": "0.0002",
        "fundingTime": "1789142400000",
    }
    (paid,) = answer(queries.funding_history_request("BTC-USDT-SWAP", 1), [settled]).events
    assert isinstance(paid, Funding)
    assert (paid.rate_frac, paid.settled, paid.ts_ms) == (0.0002, True, 1789142400000)


def test_ratios() -> None:
    (long_short,) = answer(
        queries.ratio_request("accounts", "BTC-USDT-SWAP", "1H", 1), [["1789659600000", "1.13"]]
    ).events
    assert isinstance(long_short, Ratio)
    assert (long_short.kind, long_short.value, long_short.period_ms) == ("accounts", 1.13, 3_600_000)
    request = queries.ratio_request("taker_volume", "BTC-USDT-SWAP", "5m", 1)
    (taker,) = answer(request, [["1789659600000", "30042511.27575", "20515873.0072"]]).events
    assert isinstance(taker, Ratio)
    # The venue sends sells first; the ratio is buys over sells.
    assert taker.value == pytest.approx(20515873.0072 / 30042511.27575)
    assert answer(request, [["1789659600000", "0", "1"]]).verdict is Verdict.REJECTED


def test_liquidations_of_margin_accounts_are_not_of_a_contract() -> None:
    detail = {"side": "sell", "sz": "3.56", "ts": "1789241986046", "bkPx": "77032.6"}
    rows = [
        {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "details": [detail, detail | {"side": "buy"}]},
        {"instId": "BTC-USDT", "instType": "MARGIN", "details": [detail | {"bkPx": ""}]},
    ]
    events = answer("GET /api/v5/public/liquidation-orders?instType=SWAP", rows).events
    assert [event.side for event in events if isinstance(event, Liquidation)] == ["long", "short"]


def test_errors_of_the_venue_are_control_with_its_words() -> None:
    limited = answer(queries.tickers_request(), [], code="50011", msg="Too Many Requests")
    assert (limited.verdict, "50011" in limited.detail, "Too Many" in limited.detail) == (Verdict.CONTROL, True, True)
    assert answer(queries.tickers_request(), [], status=503).verdict is Verdict.CONTROL
    assert answer("GET /api/v5/public/time", []).verdict is Verdict.CONTROL
    assert answer("GET /api/v5/public/nothing", []).verdict is Verdict.UNKNOWN
    assert OkxParser().response(queries.tickers_request(), 200, "<html>", NS).verdict is Verdict.REJECTED
