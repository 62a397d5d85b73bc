"""Bitget REST answers: listings, candles, tickers, books, statistics, ratios; and the requests that ask for them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import BookSnapshot, Candle, Funding, OpenInterest, Quote, Ratio, Ticker, Trade
from engine.venues.base import Parsed, Verdict
from engine.venues.bitget import limits, queries, rest
from engine.venues.bitget.parse import BitgetParser

NS = 1_786_820_700_000_000_000
STAMP = 1_786_820_637_599


def body(data: Any, code: Any = "00000", msg: str = "success") -> str:
    return json.dumps({"code": code, "msg": msg, "requestTime": STAMP, "data": data})


def answer(request: str, data: Any) -> Parsed:
    return BitgetParser().response(request, 200, body(data), NS)


LISTED = {
    "symbol": "BTCUSDT",
    "category": "USDT-FUTURES",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "priceMultiplier": "0.1",
    "pricePrecision": "1",
    "quantityMultiplier": "0.0001",
    "quantityPrecision": "4",
    "minOrderQty": "0.0001",
    "type": "perpetual",
    "status": "online",
    "launchTime": "1556668800000",
    "fundInterval": "8",
    "maxLeverage": "125",
    "symbolType": "crypto",
}


def test_listing_kinds_categories_and_steps() -> None:
    rows = [
        LISTED,
        LISTED | {"symbol": "TSLAUSDT", "baseCoin": "TSLA", "symbolType": "stock", "launchTime": None},
        LISTED
        | {"symbol": "SHIB1000USDT", "baseCoin": "SHIB1000", "launchTime": "0", "fundInterval": ""}
        | {"maxLeverage": ""},
        LISTED | {"symbol": "NEWUSDT", "baseCoin": "NEW", "status": "listed", "launchTime": "1786906800000"},
        LISTED | {"symbol": "BTCUSDT_260925", "type": "delivery", "fundInterval": "0"},
        LISTED | {"symbol": "GONEUSDT", "status": "offline"},
        LISTED | {"symbol": "LIMITUSDT", "status": "limit_open"},
        LISTED | {"symbol": "BAD\x1b"},
        LISTED | {"symbol": "NANUSDT", "priceMultiplier": "nan"},
        LISTED | {"symbol": "ODDUSDT", "type": "option"},
        LISTED | {"symbol": "YEARUSDT", "fundInterval": "8760"},
    ]
    request = queries.instruments_request()
    assert request == "GET /api/v3/market/instruments?category=USDT-FUTURES"
    parser = BitgetParser()
    parsed = parser.response(request, 200, body(rows), NS)
    assert parsed.verdict is Verdict.ACCEPTED
    assert "4 of 11 listed rows refused" in parsed.detail
    bitcoin, stock, shib, new, future, gone, closing = parsed.listing
    assert [one.status for one in parsed.listing] == [*["trading"] * 3, "pending", "trading", "ended", "trading"]
    assert (gone.symbol, closing.symbol) == ("GONEUSDT", "LIMITUSDT")
    assert (bitcoin.venue, bitcoin.tick, bitcoin.step, bitcoin.contract_size) == ("bitget-usdt", 0.1, 0.0001, 1.0)
    assert (bitcoin.kind, bitcoin.funding_interval_h, bitcoin.listed_ms) == ("perp", 8.0, 1556668800000)
    assert (bitcoin.category, bitcoin.inferred, bitcoin.is_rankable) == ("crypto", False, True)
    assert (stock.category, stock.listed_ms) == ("tradfi", None)
    assert (shib.asset, shib.multiplier, shib.listed_ms, shib.funding_interval_h) == ("SHIB", 1000.0, None, None)
    assert (bitcoin.max_leverage, shib.max_leverage) == (125.0, None)
    assert new.listed_ms == 1786906800000
    assert (future.kind, future.is_rankable, future.funding_interval_h) == ("future", False, None)
    assert parser.instrument("BTCUSDT") is bitcoin
    assert parser.instrument("ELSEUSDT").inferred
    assert answer(request, [LISTED | {"baseCoin": ""}]).verdict is Verdict.REJECTED


CANDLES = [
    ["1786820400000", "63027.8", "63032.3", "63027.7", "63032.3", "4.591", "289363.9178"],
    ["1786820100000", "63044.4", "63089.6", "63000.1", "63027.8", "385.721", "24314058.6517"],
]


@pytest.mark.parametrize("data", [CANDLES, CANDLES[::-1]])
def test_klines_come_oldest_first_and_close_by_the_venues_clock(data: list[list[str]]) -> None:
    request = queries.klines_request("BTCUSDT", "5m", 5000, end_ms=1786820700000)
    assert request == (
        "GET /api/v3/market/candles?category=USDT-FUTURES&symbol=BTCUSDT&interval=5m&endTime=1786820700000&limit=1000"
    )
    older, newer = answer(request, data).events
    assert isinstance(older, Candle)
    assert isinstance(newer, Candle)
    assert (older.open_ms, newer.open_ms) == (1786820100000, 1786820400000)
    # The newer bar ends when the answer is received, but the venue made the answer before.
    assert (older.closed, newer.closed) == (True, False)
    assert (older.volume_base, older.volume_quote, older.ts_ms) == (385.721, 24314058.6517, STAMP)
    for made_ms, closed in ((NS // 1_000_000, True), (NS // 1_000_000 - 1, False), (None, False)):
        text = json.dumps({"code": "00000", "msg": "success", "requestTime": made_ms, "data": data})
        events = BitgetParser().response(request, 200, text, NS).events
        assert [event.closed for event in events if isinstance(event, Candle)] == [True, closed]


def test_older_klines_are_asked_for_within_the_venues_span() -> None:
    start = 1_700_000_100_000
    request = queries.klines_history_request("BTCUSDT", "4h", 500, start, start + 90 * 86_400_000)
    assert request.startswith("GET /api/v3/market/history-candles?")
    assert "interval=4H" in request
    assert "limit=100" in request
    with pytest.raises(ValueError, match="90 days"):
        queries.klines_history_request("BTCUSDT", "4h", 100, start, start + 90 * 86_400_000 + 1)
    assert len(answer(queries.klines_history_request("BTCUSDT", "5m", 2, start, start + 1), CANDLES).events) == 2


def test_klines_of_something_else_are_unknown() -> None:
    path = "GET /api/v3/market/candles"
    for query in ("", "?interval=5m", "?symbol=A", "?symbol=A&interval=1H", "?symbol=A&interval=5m&type=mark"):
        assert answer(path + query, CANDLES).verdict is Verdict.UNKNOWN
    assert answer(f"{path}?category=SPOT&symbol=A&interval=5m", CANDLES).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "row",
    [
        ["1786820400000", "1", "1", "1", "1", "1"],
        ["1786820400000", "1", "1", "1", "nan", "1", "1"],
        ["1786820400001", "1", "1", "1", "1", "1", "1"],
        ["1786820400", "1", "1", "1", "1", "1", "1"],
    ],
)
def test_bad_klines_are_rejected(row: list[str]) -> None:
    parsed = answer(queries.klines_request("BTCUSDT", "5m", 1), [row])
    assert parsed.verdict is Verdict.REJECTED
    assert parsed.detail.startswith("bitget-usdt: GET /api/v3/market/candles")


def test_tickers_of_all_symbols_and_one_bad_row() -> None:
    good = {
        "symbol": "BTCUSDT",
        "lastPrice": "2",
        "bid1Price": "1",
        "ask1Price": "",
        "openInterest": "7",
        "ts": "1786820637000",
    }
    parsed = answer(queries.tickers_request(), [good, good | {"lastPrice": "nan"}, {"lastPrice": "1"}])
    assert parsed.verdict is Verdict.ACCEPTED
    assert "2 of 3 rows refused" in parsed.detail
    ticker, quote, interest = parsed.events
    assert isinstance(ticker, Ticker)
    assert isinstance(quote, Quote)
    assert isinstance(interest, OpenInterest)
    assert (ticker.last, ticker.ts_ms, quote.bid, interest.base) == (2.0, 1786820637000, 1.0, 7.0)
    assert math.isnan(quote.ask)
    assert answer(queries.tickers_request("ETHUSDT"), [good]).verdict is Verdict.REJECTED


def test_depth_has_numbers_and_no_sequence() -> None:
    request = queries.depth_request("BTCUSDT", 1_000)
    assert request.endswith("symbol=BTCUSDT&limit=200")
    data = {"a": [[99756.7, 23.9774]], "b": [[99756.6, 0.0128], [99756, 1]], "ts": str(STAMP)}
    (event,) = answer(request, data).events
    assert isinstance(event, BookSnapshot)
    assert (event.sequence, event.depth, event.chained, event.ts_ms) == (None, 200, False, STAMP)
    assert list(event.bids) == [("99756.6", "0.0128"), ("99756", "1")]
    assert answer("GET /api/v3/market/orderbook", data).verdict is Verdict.UNKNOWN
    assert answer(request, data | {"a": [[0, 1]]}).verdict is Verdict.REJECTED


def test_fills_come_oldest_first() -> None:
    request = queries.trades_request("BTCUSDT", 500)
    assert request.endswith("symbol=BTCUSDT&limit=100")
    row = {"execId": "2", "price": "100", "size": "0.5", "side": "sell", "ts": "1786820637002", "isRPI": "no"}
    newer, older = row, row | {"execId": "1", "side": "buy", "ts": "1786820637001", "isRPI": "yes"}
    events = [event for event in answer(request, [newer, older]).events if isinstance(event, Trade)]
    assert [(event.trade_id, event.taker_buy, event.size) for event in events] == [("1", True, 0.5), ("2", False, 0.5)]
    assert [event.in_book for event in events] == [False, True]
    same = [row | {"execId": name, "ts": "1786820637002"} for name in ("4", "3")]
    assert [one.trade_id for one in answer(request, same).events if isinstance(one, Trade)] == ["3", "4"]
    assert answer("GET /api/v3/market/fills", [row]).verdict is Verdict.UNKNOWN


def test_open_interest_is_taken_as_stated() -> None:
    data = {"list": [{"symbol": "BTCUSDT", "openInterest": "34278.06"}, {"symbol": "ETHUSDT"}], "ts": "1786820637000"}
    parsed = answer(queries.open_interest_request(), data)
    (event,) = parsed.events
    assert isinstance(event, OpenInterest)
    assert (event.symbol, event.base, event.ts_ms) == ("BTCUSDT", 34278.06, 1786820637000)
    assert "1 of 2 rows refused" in parsed.detail


@pytest.mark.parametrize("listed", [True, False])
def test_funding_now_and_settled(listed: bool) -> None:
    row = {"fundingRate": "0.000068", "fundingRateInterval": "4", "nextUpdate": "1786824000000", "cashDividend": ""}
    request = queries.funding_request("BTCUSDT")
    assert request == "GET /api/v3/market/current-fund-rate?symbol=BTCUSDT"
    (now,) = answer(request, [row | {"symbol": "BTCUSDT"}] if listed else row).events
    assert isinstance(now, Funding)
    assert (now.rate_frac, now.next_ms, now.interval_h, now.settled) == (0.000068, 1786824000000, 4.0, False)
    assert not answer(request, [row | {"fundingRate": ""}]).events
    request = queries.funding_history_request("BTCUSDT", 500, page=3)
    assert request.endswith("category=USDT-FUTURES&symbol=BTCUSDT&cursor=3&limit=100")
    rates = [
        {"symbol": "BTCUSDT", "fundingRate": "0.0002", "fundingRateTimestamp": "1786809600000"},
        {"symbol": "BTCUSDT", "fundingRate": "-0.0001", "fundingRateTimestamp": "1786780800000"},
    ]
    older, newer = answer(request, {"resultList": rates}).events
    assert isinstance(older, Funding)
    assert isinstance(newer, Funding)
    assert (older.rate_frac, newer.rate_frac, newer.ts_ms) == (-0.0001, 0.0002, 1786809600000)
    assert (older.settled, older.next_ms) == (True, None)


def test_funding_of_all_symbols_leaves_out_what_is_listed_nowhere() -> None:
    request = queries.funding_request()
    assert request == "GET /api/v3/market/current-fund-rate?category=USDT-FUTURES"
    row = {
        "symbol": "BTCUSDT",
        "fundingRate": "0.0001",
        "fundingRateInterval": "8",
        "nextUpdate": "1789459200000",
        "minFundingRate": "-0.003",
        "maxFundingRate": "0.003",
    }
    parser = BitgetParser()
    parsed = parser.response(request, 200, body([row, row | {"symbol": "BGTESTMEUSDT", "maxFundingRate": None}]), NS)
    (event,) = parsed.events
    assert isinstance(event, Funding)
    assert (event.symbol, event.rate_frac, event.interval_h, event.next_ms) == ("BTCUSDT", 0.0001, 8.0, 1789459200000)
    assert [one.symbol for one in parser.instruments()] == ["BTCUSDT"]


def test_the_documented_ratio() -> None:
    request = queries.ratio_request("accounts", "BTCUSDT", "15m")
    assert request == "GET /api/v2/mix/market/account-long-short?symbol=BTCUSDT&period=15m"
    row = {
        "longAccountRatio": "0.01",
        "shortAccountRatio": "0.12",
        "longShortAccountRatio": "1.2",
        "ts": "1714020600000",
    }
    (event,) = answer(request, [row]).events
    assert isinstance(event, Ratio)
    assert (event.kind, event.value, event.period_ms, event.ts_ms) == ("accounts", 1.2, 900_000, 1714020600000)


def test_ratios_of_positions_and_takers() -> None:
    request = queries.ratio_request("top_positions", "BTCUSDT", "5m")
    rows = [
        {"longPositionRatio": "0.6", "shortPositionRatio": "0.4", "ts": "1714020900000"},
        {"longShortPositionRatio": "1.4", "ts": "1714020600000"},
    ]
    assert [(e.ts_ms, e.value) for e in answer(request, rows).events if isinstance(e, Ratio)] == [
        (1714020600000, 1.4),
        (1714020900000, pytest.approx(1.5)),
    ]
    request = queries.ratio_request("taker_volume", "BTCUSDT", "1h")
    takers = [
        {"buyVolume": "30", "sellVolume": "20", "ts": "1714020600000"},
        {"buyVolume": "30", "sellVolume": "0", "ts": "1714024200000"},
    ]
    (taker,) = answer(request, takers).events
    assert isinstance(taker, Ratio)
    assert (taker.kind, taker.value, taker.period_ms) == ("taker_volume", 1.5, 3_600_000)
    assert answer(request, [{"buyVolume": "1", "sellVolume": "-1", "ts": "1714020600000"}]).verdict is Verdict.REJECTED
    assert answer(queries.ratio_request("accounts", "A", "5m"), [{"ts": "1714020600000"}]).verdict is Verdict.REJECTED
    assert answer("GET /api/v2/mix/market/account-long-short", []).verdict is Verdict.UNKNOWN
    with pytest.raises(ValueError, match="accounts, top_positions, taker_volume"):
        queries.ratio_request("top_accounts", "BTCUSDT", "5m")
    with pytest.raises(ValueError, match="30m"):
        queries.ratio_request("accounts", "BTCUSDT", "1H")
    assert all(limits.REQUESTS_PER_SECOND[kind] == 1.0 for kind in ("accounts", "top_positions", "taker_volume"))


def test_the_venues_clock() -> None:
    text = body({"serverTime": "1786820637599"})
    assert rest.server_time_ms(text) == 1786820637599
    assert BitgetParser().response(queries.time_request(), 200, text, NS).verdict is Verdict.CONTROL
    for wrong in ("", "{}", body(None), body({"serverTime": "1786820637"})):
        assert rest.server_time_ms(wrong) is None


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (429, body(None, "429", "Too Many Requests"), ("HTTP 429", "Too Many Requests")),
        (429, "", ("HTTP 429",)),
        (404, body(None, "40404", "Request URL NOT FOUND"), ("HTTP 404", "40404", "NOT FOUND")),
        (200, body(None, "45001", "System maintenance"), ("45001", "System maintenance")),
        (200, body(None, 40725, "service return an error"), ("40725", "service return")),
        (403, "<html>\x1b[31mblocked", ("HTTP 403", "blocked")),
    ],
)
def test_errors_of_the_venue_are_control_with_its_words(status: int, text: str, words: tuple[str, ...]) -> None:
    parsed = BitgetParser().response(queries.tickers_request(), status, text, NS)
    assert parsed.verdict is Verdict.CONTROL
    assert not parsed.events
    assert "\x1b" not in parsed.detail
    for word in words:
        assert word in parsed.detail


def test_answers_that_nobody_reads_are_unknown() -> None:
    assert answer("GET /api/v3/market/liquidations?category=USDT-FUTURES", {"list": []}).verdict is Verdict.UNKNOWN


def test_symbols_are_escaped_in_requests() -> None:
    assert "symbol=%E6%B5%8B%E8%AF%95USDT" in queries.klines_request("测试USDT", "1m", 1)
    assert "symbol=%E6%B5%8BUSDT" in queries.funding_request("测USDT")
    assert "symbol=%E6%B5%8BUSDT" in queries.ratio_request("accounts", "测USDT", "5m")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(LISTED)), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(limits.PATHS.values())), st.text() | _JSON.map(lambda data: body(data)), st.text())
def test_never_raises(path: str, text: str, query: str) -> None:
    for request in (query, f"GET {path}?{query}", f"GET {path}?symbol=BTCUSDT&interval=5m&period=5m"):
        parsed = BitgetParser().response(request, 200, text, NS)
        assert len(parsed.detail) <= 200
