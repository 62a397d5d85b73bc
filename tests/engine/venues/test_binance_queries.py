"""What is asked of Binance by REST, what each request takes from which budget, and what the venue announces of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from engine.events import Trade
from engine.instruments import Instrument
from engine.transport.budgets import LEAST_SHARE
from engine.venues.base import Verdict
from engine.venues.binance import limits
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from engine.venues.binance.symbols import infer
from engine.venues.live import VenueLive

USDM: VenueLive = BinanceLive("binance-usdm")
SPOT: VenueLive = BinanceLive("binance-spot")
LIVE = {one.venue: one for one in (USDM, SPOT)}
NS = 1_786_820_700_000_000_000
MS = NS // 1_000_000


def perpetuals(count: int) -> list[Instrument]:
    return [infer("binance-usdm", f"COIN{number}USDT") for number in range(count)]


def test_an_hour_of_trades_can_be_asked_for_and_goes_on_where_an_answer_is_full() -> None:
    request = USDM.trades_request("BTCUSDT", MS, MS + 60_000)
    assert request == f"GET /fapi/v1/aggTrades?symbol=BTCUSDT&startTime={MS}&endTime={MS + 60_000}&limit=1000"
    assert USDM.trades_request("BTCUSDT", MS, MS + 3_600_000) is None
    assert USDM.trades_request("BTCUSDT", MS, MS - 1) is None
    spot = SPOT.trades_request("BTCUSDT", MS, MS)
    assert spot is not None
    assert spot.startswith("GET /api/v3/aggTrades?")
    rows = [{"a": 7 + n, "p": "2", "q": "3", "f": n, "l": n, "T": MS + n, "m": n % 2 == 0} for n in range(1_000)]
    body = json.dumps(rows)
    trades = BinanceParser("binance-usdm").response(request, 200, body, NS).events
    assert len(trades) == 1_000
    first = trades[0]
    assert isinstance(first, Trade)
    assert (first.symbol, first.trade_id, first.ts_ms, first.price, first.size, first.taker_buy) == (
        "BTCUSDT", "7", MS, 2.0, 3.0, False,
    )  # fmt: skip
    assert USDM.next_page(request, body) == USDM.trades_request("BTCUSDT", MS + 999, MS + 60_000)
    assert USDM.next_page(request, json.dumps(rows[:999])) is None
    assert USDM.next_page(request, "[{") is None
    assert USDM.next_page(USDM.listing_requests()[0], body) is None
    # A thousand trades in one millisecond must not ask for the same again.
    assert USDM.next_page(request, json.dumps([row | {"T": MS} for row in rows])) is None


def test_a_stream_and_a_request_name_a_trade_alike() -> None:
    parser = BinanceParser("binance-usdm")
    data = {"e": "aggTrade", "E": MS, "s": "BTCUSDT", "a": 99, "p": "2", "q": "3", "T": MS, "m": True, "st": 1}
    (pushed,) = parser.frame(json.dumps({"stream": "btcusdt@aggTrade", "data": data}), "market/1", NS).events
    request = USDM.trades_request("BTCUSDT", MS, MS) or ""
    (asked,) = parser.response(request, 200, json.dumps([{"a": 99, "p": "2", "q": "3", "T": MS, "m": True}]), NS).events
    assert asked == pushed


def test_a_requested_trade_says_whether_the_public_book_has_it() -> None:
    parser, row = BinanceParser("binance-usdm"), {"a": 99, "p": "2", "q": "3", "T": MS, "m": True}
    request = USDM.trades_request("BTCUSDT", MS, MS) or ""
    body = json.dumps([row, row | {"nq": "3"}, row | {"nq": "0"}])
    told = [event.in_book for event in parser.response(request, 200, body, NS).events if isinstance(event, Trade)]
    assert told == [True, True, False]


def test_requests() -> None:
    assert USDM.candles_request("BTCUSDT", "4h", 9_000) == "GET /fapi/v1/klines?symbol=BTCUSDT&interval=4h&limit=1500"
    assert SPOT.candles_request("测试USDT", "1m", 5, end_ms=MS) == (
        f"GET /api/v3/klines?symbol=%E6%B5%8B%E8%AF%95USDT&interval=1m&endTime={MS}&limit=5"
    )
    assert (USDM.candles_max, SPOT.candles_max) == (1500, 1000)
    for live in (USDM, SPOT):
        mended = live.mend("BTCUSDT")
        assert mended == live.depth_request("BTCUSDT")
        assert mended is not None
        assert mended.endswith("/depth?symbol=BTCUSDT&limit=1000")
        assert live.server_time_ms(f'{{"serverTime":{MS}}}') == MS
        assert live.server_time_ms('{"serverTime":7}') is None
        assert live.server_time_ms("<html>") is None


@pytest.mark.parametrize("count", [0, 1, 600, 1_200])
def test_polls_leave_most_of_every_budget_to_what_is_asked_once(count: int) -> None:
    made = USDM.polls(perpetuals(count))
    assert len({(one.kind, one.request) for one in made}) == len(made)
    used: Counter[str] = Counter()
    for one in made:
        assert one.every_s >= 60.0
        for pool, weight in USDM.cost(one.request).pools:
            used[pool] += round(weight / one.every_s * 1e9)
    budgets = {pool.name: pool.capacity / pool.window_s for pool in USDM.pools}
    assert set(used) <= set(budgets)
    for name, rate in used.items():
        assert rate / 1e9 <= 0.85 * budgets[name], name
    assert used["binance-fapi"] / 1e9 <= 0.5 * budgets["binance-fapi"]
    market = [one for one in made if not one.symbol]
    assert [one.kind for one in market] == ["ticker", "mark", "funding"]
    assert made[:3] == market
    assert len(made) - 3 == 7 * count


def test_polls_follow_importance_and_leave_out_what_does_not_trade() -> None:
    perps = perpetuals(300)
    made = {one.symbol: one.every_s for one in USDM.polls(perps) if one.kind == "accounts"}
    assert list(made) == [one.symbol for one in perps]
    assert list(made.values()) == sorted(made.values())
    assert len(set(made.values())) == 2
    gone = [
        replace(perps[0], status="ended"),
        replace(perps[1], status="pending"),
        infer("binance-usdm", "BTCUSDT_261225"),
    ]
    assert [one for one in USDM.polls(gone) if one.symbol] == []
    assert [one.kind for one in SPOT.polls([infer("binance-spot", "BTCUSDT")])] == ["ticker"]


def test_every_request_has_a_reader_and_a_price() -> None:
    for live in (USDM, SPOT):
        requests = [
            *live.listing_requests(),
            *(one.request for one in live.polls([infer(live.venue, "BTCUSDT")])),
            live.candles_request("BTCUSDT", "1m", 5),
            live.depth_request("BTCUSDT"),
            live.trades_request("BTCUSDT", 1, 1) or "",
            live.time_request(),
        ]
        pools = {pool.name: pool.capacity for pool in live.pools}
        for request in requests:
            assert BinanceParser(live.venue).response(request, 200, "7", NS).verdict is not Verdict.UNKNOWN, request
            assert all(0.0 < weight <= pools[name] for name, weight in live.cost(request).pools)


@pytest.mark.parametrize(
    ("live", "request_text", "pool", "weight"),
    [
        (USDM, "/fapi/v1/depth?symbol=A&limit=1000", "binance-fapi", 20.0),
        (USDM, "/fapi/v1/depth?symbol=A&limit=50", "binance-fapi", 2.0),
        (USDM, "/fapi/v1/depth?symbol=A", "binance-fapi", 10.0),
        (USDM, "/fapi/v1/klines?symbol=A&interval=1m&limit=99", "binance-fapi", 1.0),
        (USDM, "/fapi/v1/klines?symbol=A&interval=1m&limit=100", "binance-fapi", 2.0),
        (USDM, "/fapi/v1/klines?symbol=A&interval=1m&limit=500", "binance-fapi", 5.0),
        (USDM, "/fapi/v1/klines?symbol=A&interval=1m&limit=1500", "binance-fapi", 10.0),
        (USDM, "/fapi/v1/aggTrades?symbol=A", "binance-fapi", 20.0),
        (USDM, "/fapi/v1/ticker/24hr", "binance-fapi", 40.0),
        (USDM, "/fapi/v1/ticker/24hr?symbol=A", "binance-fapi", 1.0),
        (USDM, "/fapi/v1/premiumIndex", "binance-fapi", 10.0),
        (USDM, "/fapi/v1/exchangeInfo", "binance-fapi", 1.0),
        (USDM, "/fapi/v1/fundingRate?symbol=A&limit=100", "binance-funding", 1.0),
        (USDM, "/fapi/v1/fundingInfo", "binance-funding", 1.0),
        (USDM, "/futures/data/openInterestHist?symbol=A&period=5m", "binance-futures-data", 1.0),
        (SPOT, "/api/v3/depth?symbol=A&limit=1000", "binance-spot", 50.0),
        (SPOT, "/api/v3/depth?symbol=A&limit=5000", "binance-spot", 250.0),
        (SPOT, "/api/v3/klines?symbol=A&interval=1m&limit=1000", "binance-spot", 2.0),
        (SPOT, "/api/v3/exchangeInfo", "binance-spot", 20.0),
        (SPOT, "/api/v3/ticker/24hr", "binance-spot", 80.0),
        (SPOT, "/api/v3/aggTrades?symbol=A", "binance-spot", 4.0),
    ],
)
def test_costs(live: VenueLive, request_text: str, pool: str, weight: float) -> None:
    assert live.cost(f"GET {request_text}").pools == ((pool, weight),)


def test_budgets_are_below_what_the_venue_allows() -> None:
    assert {pool.name: (pool.capacity, pool.window_s) for live in (USDM, SPOT) for pool in live.pools} == {
        "binance-fapi": (1200.0, 60.0),
        "binance-futures-data": (600.0, 300.0),
        "binance-funding": (250.0, 300.0),
        "binance-spot": (2000.0, 60.0),
    }
    for venue, live in LIVE.items():
        assert live.stream_limits.messages_per_s <= limits.MESSAGES_PER_SECOND_MAX[venue] / 2
        assert live.stream_limits.connects_per_5_min <= limits.CONNECTIONS_PER_5_MINUTES_MAX
        assert (live.stream_limits.heartbeat, live.stream_limits.life_s) == (None, 86_400.0)


def test_the_venues_own_count_is_read() -> None:
    assert USDM.used_weight({"x-mbx-used-weight-1m": "321"}) == (("binance-fapi", 321.0),)
    assert SPOT.used_weight({"x-mbx-used-weight-1m": "4"}) == (("binance-spot", 4.0),)
    for odd in ("", "-1", "x", "1e9", "٣", "9" * 12):
        assert USDM.used_weight({"x-mbx-used-weight-1m": odd}) == ()
    assert USDM.used_weight({}) == ()


INFO = "GET /fapi/v1/exchangeInfo"


def info(*announced: object) -> str:
    """A listing that announces these limits: (type, interval, number of intervals, limit)."""
    keys = ("rateLimitType", "interval", "intervalNum", "limit")
    rows = [dict(zip(keys, one, strict=True)) if isinstance(one, tuple) else one for one in announced]
    return json.dumps({"timezone": "UTC", "rateLimits": rows, "symbols": [{"symbol": "BTCUSDT"}]})


def test_of_the_weight_that_the_listing_announces_our_part_is_taken() -> None:
    orders, weight = ("ORDERS", "MINUTE", 1, 1200), ("REQUEST_WEIGHT", "MINUTE", 1, 2400)
    assert USDM.announced(INFO, info(orders, weight)) == (("binance-fapi", 1200.0),)
    assert USDM.announced(INFO, info(("REQUEST_WEIGHT", "MINUTE", 1, 600), weight)) == (("binance-fapi", 300.0),)
    assert USDM.announced(INFO, info(("REQUEST_WEIGHT", "MINUTE", 5, 6000))) == (("binance-fapi", 600.0),)
    spot = info(("RAW_REQUESTS", "MINUTE", 5, 61000), ("REQUEST_WEIGHT", "MINUTE", 1, 6000))
    ((pool, held),) = SPOT.announced("GET /api/v3/exchangeInfo?showPermissionSets=false", spot)
    assert pool == "binance-spot"
    assert held == pytest.approx(2000.0)


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{}", "x", '{"rateLimits":null}', info(), info({"limit": "many"}), info(("ORDERS", "MINUTE", 1, 9)),
        info(("REQUEST_WEIGHT", "SECOND", 10, 100)), info(("REQUEST_WEIGHT", "MINUTE", 0, 100)),
        info(("REQUEST_WEIGHT", "MINUTE", 1, -1)), info(("REQUEST_WEIGHT", "MINUTE", 1, 0)),
    ],
)  # fmt: skip
def test_what_announces_no_weight_changes_nothing(body: str) -> None:
    assert USDM.announced(INFO, body) == ()


def test_only_a_listing_announces() -> None:
    body = info(("REQUEST_WEIGHT", "MINUTE", 1, 100))
    assert USDM.announced("GET /fapi/v1/time", body) == ()
    assert SPOT.announced(INFO, body) == ()


@pytest.mark.parametrize("live", [USDM, SPOT], ids=["usdm", "spot"])
def test_whatever_is_announced_every_request_still_fits(live: VenueLive) -> None:
    heaviest = [live.depth_request("BTCUSDT"), live.candles_request("BTCUSDT", "1m", 1500), *live.listing_requests()]
    heaviest += [poll.request for poll in live.polls([])]
    pools = {pool.name: pool for pool in live.pools}
    for request in heaviest:
        for name, weight in live.cost(request).pools:
            assert weight <= LEAST_SHARE * pools[name].capacity, request
