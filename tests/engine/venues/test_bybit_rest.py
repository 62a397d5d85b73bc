"""Bybit REST answers: listings, candles, tickers, books, statistics; and the requests that ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import BookSnapshot, Candle, Funding, OpenInterest, Ratio, Trade
from engine.market.state import MarketState
from engine.venues import bars
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit import limits, queries, rest
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


def test_klines_come_oldest_first_and_close_by_the_venues_clock() -> None:
    request = queries.klines_request("bybit-linear", "BTCUSDT", "5m", 5000)
    assert request == "GET /v5/market/kline?category=linear&symbol=BTCUSDT&interval=5&limit=1000"
    older, newer = answer(request, KLINES).events
    assert isinstance(older, Candle)
    assert isinstance(newer, Candle)
    assert (older.open_ms, newer.open_ms) == (1786820100000, 1786820400000)
    # The newer bar ends when the answer is received, but the venue made the answer before.
    assert (older.closed, newer.closed) == (True, False)
    assert (older.volume_base, older.volume_quote) == (385.721, 24314058.6517)


@pytest.mark.parametrize(
    ("made_ms", "received_ms", "closed"),
    [(0, 0, True), (0, 150, True), (-1, 150, False), (-400, 9_000, False), (1, -1, False)],
)
def test_a_bar_is_closed_if_the_answer_was_made_after_its_end(made_ms: int, received_ms: int, closed: bool) -> None:
    request = queries.klines_request("bybit-linear", "BTCUSDT", "5m", 2)
    body = json.dumps({"retCode": 0, "result": KLINES, "time": NS // 1_000_000 + made_ms})
    events = BybitParser("bybit-linear").response(request, 200, body, NS + received_ms * 1_000_000).events
    assert [event.closed for event in events if isinstance(event, Candle)] == [True, closed]


def test_an_answer_without_a_time_may_have_been_under_way_for_long() -> None:
    request = queries.klines_request("bybit-linear", "BTCUSDT", "5m", 2)
    body = json.dumps({"retCode": 0, "result": KLINES})
    for later_ms, closed in ((0, False), (bars.UNDATED_MS - 1, False), (bars.UNDATED_MS, True)):
        events = BybitParser("bybit-linear").response(request, 200, body, NS + later_ms * 1_000_000).events
        assert [event.closed for event in events if isinstance(event, Candle)] == [True, closed]


def test_a_bar_in_doubt_is_taken_from_the_finer_ones() -> None:
    parser, state = BybitParser("bybit-linear"), MarketState()
    request = queries.klines_request("bybit-linear", "BTCUSDT", "5m", 2)
    one, start_ms = parser.instrument("BTCUSDT"), 1786820400000
    body = json.dumps({"retCode": 0, "result": KLINES, "time": NS // 1_000_000 - 400})
    for event in parser.response(request, 200, body, NS + 150_000_000).events:
        state.apply(event, one)
    for minute in range(5):
        open_ms = start_ms + minute * 60_000
        end_ms = open_ms + 60_000
        bar = (63000.0, 63100.0, 62900.0, 63050.0, 1.0, 63000.0)
        state.apply(bars.candle(one, end_ms, end_ms * 1_000_000, 60_000, open_ms, bar, closed=True), one)
    kept = state.candles.window("5m")
    assert (kept.open_ms[0, -1], kept.high[0, -1], kept.close[0, -1]) == (start_ms, 63100.0, 63050.0)


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
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "12.50", "leverageStep": "0.01"},
        "fundingInterval": 240,
        "symbolType": "stock",
    }
    rows = [
        row,
        row
        | {"symbol": "SHIB1000USDT", "baseCoin": "SHIB1000", "symbolType": "innovation", "launchTime": ""}
        | {"leverageFilter": {"maxLeverage": "0"}},
        row | {"symbol": "BTC-25SEP26", "contractType": "LinearFutures", "baseCoin": "BTC", "fundingInterval": 0},
        row | {"symbol": "GONEUSDT", "status": "Closed"},
        row | {"symbol": "LASTUSDT", "status": "Delivering"},
        row | {"symbol": "NEWUSDT", "status": "PreLaunch", "preListingInfo": {"curAuctionPhase": "CallAuction"}},
        row | {"symbol": "SOONUSDT", "status": "PreLaunch", "preListingInfo": None},
        row | {"symbol": "PREUSDT", "status": "PreLaunch", "preListingInfo": {"curAuctionPhase": "ContinuousTrading"}},
        row | {"symbol": "NEVERUSDT", "status": "PreLaunch", "preListingInfo": {"curAuctionPhase": "Finished"}},
        row | {"symbol": "BAD\x1b"},
        row | {"symbol": "NANUSDT", "priceFilter": {"tickSize": "nan"}},
    ]
    request = queries.instruments_request("bybit-linear")
    assert request == "GET /v5/market/instruments-info?category=linear&limit=1000"
    parser = BybitParser("bybit-linear")
    body = json.dumps({"retCode": 0, "result": {"list": rows, "nextPageCursor": "page2"}})
    parsed = parser.response(request, 200, body, NS)
    stock, shib, future = parsed.listing[:3]
    assert {one.symbol: one.status for one in parsed.listing} == {
        "TSLAUSDT": "trading",
        "SHIB1000USDT": "trading",
        "BTC-25SEP26": "trading",
        "GONEUSDT": "ended",
        "LASTUSDT": "ended",
        "NEWUSDT": "pending",
        "SOONUSDT": "pending",
        "PREUSDT": "trading",
        "NEVERUSDT": "ended",
    }
    assert (stock.category, stock.kind, stock.tick, stock.step) == ("tradfi", "perp", 0.01, 0.1)
    assert (stock.funding_interval_h, stock.listed_ms, stock.inferred) == (4.0, 1758175736000, False)
    assert (shib.category, shib.asset, shib.multiplier, shib.listed_ms) == ("crypto", "SHIB", 1000.0, None)
    assert (stock.max_leverage, shib.max_leverage) == (12.5, None)
    assert (future.kind, future.funding_interval_h) == ("future", None)
    assert "2 of 11 listed rows refused" in parsed.detail
    assert queries.next_cursor(body) == "page2"
    assert "cursor=page2" in queries.instruments_request("bybit-linear", "page2")
    assert parser.instrument("TSLAUSDT") is stock


def test_depth_open_interest_funding_and_accounts() -> None:
    book = {
        "s": "BTCUSDT",
        "b": [["65485.47", "47.081829"]],
        "a": [["65557.7", "16.606555"]],
        "ts": 1716863719031,
        "u": 230704,
    }
    snapshot = answer(queries.depth_request("bybit-linear", "BTCUSDT", 50), book).events[0]
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.sequence, snapshot.depth, snapshot.chained) == (230704, 50, False)
    interest = answer(
        queries.open_interest_request("BTCUSDT", "5min", 50),
        {"symbol": "BTCUSDT", "list": [{"openInterest": "64992.054", "timestamp": "1786820400000"}]},
    ).events[0]
    assert isinstance(interest, OpenInterest)
    assert interest.base == 64992.054 / 2
    funding = answer(
        queries.funding_history_request("BTCUSDT", 10),
        {"list": [{"symbol": "BTCUSDT", "fundingRate": "0.00004403", "fundingRateTimestamp": "1786809600000"}]},
    ).events[0]
    assert isinstance(funding, Funding)
    assert (funding.settled, funding.ts_ms, funding.rate_frac) == (True, 1786809600000, 0.00004403)
    ratio = answer(
        queries.accounts_request("BTCUSDT", "15min", 10),
        {"list": [{"symbol": "BTCUSDT", "buyRatio": "0.5395", "sellRatio": "0.4605", "timestamp": "1787372700000"}]},
    ).events[0]
    assert isinstance(ratio, Ratio)
    assert (ratio.kind, ratio.value, ratio.period_ms) == ("accounts", 0.5395 / 0.4605, 900_000)


def test_a_contract_that_ended_does_not_end_a_younger_one_of_its_name() -> None:
    row = {
        "symbol": "LUNAUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "LUNA",
        "quoteCoin": "USDT",
        "launchTime": "1758175736000",
    }
    parser = BybitParser("bybit-linear")

    def listing(part: str, **fields: str) -> list[tuple[str, str]]:
        body = json.dumps({"retCode": 0, "result": {"list": [row | fields]}})
        parsed = parser.response(queries.instruments_request("bybit-linear", status=part), 200, body, NS)
        assert parsed.verdict is Verdict.ACCEPTED
        return [(one.symbol, one.status) for one in parsed.listing]

    assert listing("Closed", status="Closed", launchTime="1600000000000") == [("LUNAUSDT", "ended")]
    assert listing("") == [("LUNAUSDT", "trading")]
    assert listing("Closed", status="Closed", launchTime="1600000000000") == []
    assert parser.instrument("LUNAUSDT").status == "trading"
    # The same contract, once it is settled.
    assert listing("Delivering", status="Delivering") == [("LUNAUSDT", "ended")]
    assert parser.instrument("LUNAUSDT").status == "ended"


def test_pages_of_the_listing_are_followed_to_their_end() -> None:
    first = queries.instruments_request("bybit-linear", status="PreLaunch")
    page = json.dumps({"retCode": 0, "result": {"list": [], "nextPageCursor": "first%3D0GUSDT%26last%3DZROUSDT"}})
    second = queries.next_page(first, page)
    # The cursor comes encoded, and is encoded once in the request too.
    assert second == first + "&cursor=first%3D0GUSDT%26last%3DZROUSDT"
    assert queries.instruments_request(
        "bybit-linear", "first%3D0GUSDT%26last%3DZROUSDT", "PreLaunch"
    ) == second.replace("&limit=1000", "").replace("&cursor", "&limit=1000&cursor")
    assert queries.next_page(second, page) is None
    assert queries.next_page(first, page.replace("first%3D0GUSDT%26last%3DZROUSDT", "")) is None
    assert queries.next_page(first, "<html>") is None
    assert queries.next_page(queries.open_interest_request("BTCUSDT", "5min", 5), page) is None


def test_the_documented_trade_and_more_come_oldest_first() -> None:
    rows: list[dict[str, Any]] = [
        {"execId": "2", "symbol": "BTCUSDT", "price": "101", "size": "0.5", "side": "Sell", "time": "1672052955759"},
        {
            "execId": "2100000000007764263",
            "symbol": "BTCUSDT",
            "price": "16618.49",
            "size": "0.00012",
            "side": "Buy",
            "time": "1672052955758",
            "isBlockTrade": False,
            "isRPITrade": True,
        },
    ]
    request = queries.trades_request("bybit-linear", "BTCUSDT")
    assert request == "GET /v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
    assert queries.trades_request("bybit-spot", "BTCUSDT").endswith("limit=60")
    first, second = answer(request, {"category": "linear", "list": rows}).events
    assert isinstance(first, Trade)
    assert isinstance(second, Trade)
    assert (first.trade_id, first.price, first.size, first.taker_buy) == (
        "2100000000007764263",
        16618.49,
        0.00012,
        True,
    )
    assert (second.ts_ms, second.taker_buy) == (1672052955759, False)
    assert (first.in_book, second.in_book) == (False, True)
    assert answer(request, {"list": [rows[0] | {"size": "0"}]}).verdict is Verdict.REJECTED


def test_the_venues_clock() -> None:
    body = json.dumps(
        {"retCode": 0, "retMsg": "OK", "result": {"timeSecond": "1688639403", "timeNano": "1688639403423213947"}}
    )
    assert rest.server_time_ms(body) == 1688639403423
    assert BybitParser("bybit-linear").response(queries.time_request(), 200, body, NS).verdict is Verdict.CONTROL
    for wrong in (
        "",
        "[]",
        "{}",
        body.replace("1688639403423213947", "5"),
        body.replace('"retCode": 0', '"retCode": 1'),
    ):
        assert rest.server_time_ms(wrong) is None


def test_errors_of_the_venue_are_control_with_its_words() -> None:
    limited = answer(queries.tickers_request("bybit-linear"), {}, code=10006)
    assert limited.verdict is Verdict.CONTROL
    assert "10006" in limited.detail
    assert "Too many visits!" in limited.detail
    blocked = BybitParser("bybit-linear").response("GET /v5/market/time", 403, "<html>\x1b[31mCloudFront", NS)
    assert blocked.verdict is Verdict.CONTROL
    assert "HTTP 403" in blocked.detail
    assert "\x1b" not in blocked.detail


def test_one_bad_ticker_costs_only_itself() -> None:
    good = {"symbol": "BTCUSDT", "lastPrice": "1", "bid1Price": "", "fundingRate": ""}
    parsed = answer(queries.tickers_request("bybit-linear"), {"list": [good, good | {"lastPrice": "nan"}]})
    assert parsed.verdict is Verdict.ACCEPTED
    assert len(parsed.events) == 1
    assert "1 of 2 rows refused" in parsed.detail


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["list", "symbol", "s", "b", "a", "ts", "u", "time", "price"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(limits.PATHS.values())),
    st.text() | _JSON.map(lambda result: json.dumps({"retCode": 0, "result": result})),
    st.text(),
)
def test_never_raises(path: str, body: str, query: str) -> None:
    for request in (query, f"GET {path}?{query}", f"GET {path}?symbol=BTCUSDT&interval=5&period=5min"):
        parsed = BybitParser("bybit-linear").response(request, 200, body, NS)
        assert len(parsed.detail) <= 200
