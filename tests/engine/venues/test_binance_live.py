"""Binance as the live side sees it: recorded frames are told apart, refusals understood, and every budget kept."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import BookSnapshot, Candle, Funding, MarkPrice, OpenInterest, Ratio, Ticker, Trade
from engine.instruments import Instrument
from engine.transport.budgets import LEAST_SHARE
from engine.venues.base import Verdict
from engine.venues.binance import limits
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from engine.venues.binance.symbols import infer
from engine.venues.live import Ack, VenueLive
from tests.recorded import recorded

USDM: VenueLive = BinanceLive("binance-usdm")
SPOT: VenueLive = BinanceLive("binance-spot")
LIVE = {one.venue: one for one in (USDM, SPOT)}
NS = 1_786_820_700_000_000_000
MS = NS // 1_000_000

CAPTURES = [
    ("binance-2024-08-08.jsonl.gz", 168_607, 74_865),
    ("binance-spot-2021-04-05.jsonl.gz", 0, 11_357),
    ("binance-spot-2021-08-14.jsonl.gz", 0, 1_003),
    ("binance-usdm-2021-04-05.jsonl.gz", 8_421, 0),
    ("binance-usdm-2021-04-17.jsonl.gz", 3_259, 0),
    ("binance-usdm-2021-07-22.jsonl.gz", 1_535, 0),
    ("binance-usdm-2023-04-04.jsonl.gz", 73_764, 0),
    ("binance-usdm-2026-09-27.jsonl.gz", 37, 0),
    ("composite-four-venues.jsonl.gz", 12_815, 13_853),
    ("liquidations-2024-08-17.jsonl.gz", 841, 0),
    ("liquidations-2025-06-23.jsonl.gz", 1_157, 0),
    ("liquidations-2025-12.jsonl.gz", 2_045, 0),
]


def perpetuals(count: int) -> list[Instrument]:
    return [infer("binance-usdm", f"COIN{number}USDT") for number in range(count)]


def frames(name: str) -> Iterator[tuple[str, str]]:
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("v") in LIVE and "c" in row and "d" in row:
                yield row["v"], row["d"]


@pytest.mark.recorded
@pytest.mark.parametrize(("name", "usdm", "spot"), CAPTURES)
def test_every_recorded_frame_has_the_topic_it_states(name: str, usdm: int, spot: int) -> None:
    found: Counter[str] = Counter()
    for venue, text in frames(name):
        topic = LIVE[venue].topic_of(text)
        assert topic is not None, text
        found[venue] += 1
        if not found[venue] % 50 or usdm + spot < 2_000:
            assert topic == json.loads(text)["stream"]
            assert LIVE[venue].read_ack(text) is None
    assert (found["binance-usdm"], found["binance-spot"]) == (usdm, spot)


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ('{"result":null,"id":1}', Ack("subscribe", True, "1")),
        ('{"id":12,"result":null}', Ack("subscribe", True, "12")),
        (
            '{"error":{"code":3,"msg":"Invalid JSON: expected value"},"id":7}',
            Ack("error", False, "7", message="3: Invalid JSON: expected value"),
        ),
        (
            '{"code":2,"msg":"Invalid request: unknown variant"}',
            Ack("error", False, message="2: Invalid request: unknown variant"),
        ),
        (
            '{"code":-1121,"msg":"Invalid \\u001b[31msymbol","id":4}',
            Ack("error", False, "4", message="-1121: Invalid \ufffd[31msymbol"),
        ),
        (
            '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
            Ack("notice", True, message="serverShutdown: the venue restarts this server", closes=True),
        ),
        (
            '{"e":"serverShutdown","E":1770123456789}',
            Ack("notice", True, message="serverShutdown: the venue restarts this server", closes=True),
        ),
        ('{"e":"aggTrade","E":1}', None),
        ('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}', None),
        ("{}", None),
        ("[]", None),
        ("pong", None),
    ],
)  # fmt: skip
def test_answers(text: str, ack: Ack | None) -> None:
    assert USDM.read_ack(text) == ack
    if ack is not None:
        assert USDM.topic_of(text) is None


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ('{"stream":"测试usdt@depth@100ms","data":{}}', "测试usdt@depth@100ms"),
        ('{"stream":"\\u6d4b\\u8bd5usdt@aggTrade","data":{}}', "测试usdt@aggTrade"),
        ('{"data":{},"stream":"!ticker@arr"}', "!ticker@arr"),
        ('{"stream":"","data":{}}', None),
        ('{"stream":"btcusdt', None),
        ('{"stream":7}', None),
    ],
)
def test_topics(text: str, topic: str | None) -> None:
    assert USDM.topic_of(text) == topic


@given(st.text() | st.text().map('{"stream":"'.__add__) | st.text().map('{"result":'.__add__))
def test_no_frame_makes_it_raise(text: str) -> None:
    for live in (USDM, SPOT):
        live.topic_of(text)
        live.read_ack(text)
        BinanceParser(live.venue).frame(text, "market/1", NS)


def test_channels_are_on_the_path_that_serves_them() -> None:
    usdm, spot = infer("binance-usdm", "BTCUSDT"), infer("binance-spot", "BTCUSDT")
    assert {one.topic: one.path for one in USDM.market_channels()} == dict.fromkeys(
        ("!markPrice@arr@1s", "!ticker@arr", "!forceOrder@arr", "!contractInfo"), "market"
    )
    assert {one.topic: one.path for one in SPOT.market_channels()} == {"!miniTicker@arr": "public"}
    names = ("btcusdt@kline_1m", "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@depth@100ms")
    for live, one, paths in ((USDM, usdm, ("market", "public") * 2), (SPOT, spot, ("public",) * 4)):
        channels = live.broad_channels(one) + live.deep_channels(one)
        assert [(channel.topic, channel.path) for channel in channels] == list(zip(names, paths, strict=True))
        assert [channel.kind for channel in channels] == ["candle", "quote", "trades", "book"]
        assert {channel.path for channel in channels} == set(live.paths)
        assert all(channel.first_s is not None for channel in channels if channel.silence_s is not None)
        for status in ("pending", "ended"):
            quiet = replace(one, status=status)
            assert live.broad_channels(quiet) == live.deep_channels(quiet) == []
    with pytest.raises(ValueError, match="binance-coinm"):
        BinanceLive("binance-coinm")


@given(st.integers(0, 1_500), st.integers(1, 900), st.sampled_from(["market", "public"]), st.sampled_from([USDM, SPOT]))
def test_subscriptions_stay_within_every_bound(count: int, first: int, path: str, live: VenueLive) -> None:
    held: list[str] = []
    for number in range(count):
        topic = f"coin{number}usdt@kline_1m"
        if not live.room(path, held, topic):
            break
        held.append(topic)
    assert len(held) == min(count, {"market": 400, "public": 300}[path]) <= limits.STREAMS_PER_CONNECTION_MAX
    for method, made in (("SUBSCRIBE", live.subscribe(held, first)), ("UNSUBSCRIBE", live.unsubscribe(held, first))):
        assert [topic for request in made for topic in request.topics] == held
        for number, request in enumerate(made, first):
            sent = json.loads(request.text)
            assert sent == {"method": method, "params": list(request.topics), "id": number}
            assert request.request_id == str(number)
            assert len(request.topics) <= 100


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


GEO = (
    '{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\' in '
    'https://www.binance.com/en/terms."}'
)
BAN = '{"code":-1003,"msg":"Way too many requests; IP banned until 1786820880000. Please use the websocket."}'
DATE = {"date": "Sat, 15 Aug 2026 19:05:00 GMT"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "rest_s", "words"),
    [
        (429, {}, '{"code":-1003,"msg":"Too many requests"}', "limited", 60.0, ("HTTP 429", "-1003", "Too many")),
        (429, {"retry-after": "17"}, "", "limited", 17.0, ("HTTP 429",)),
        (429, {"retry-after": "soon"}, "", "limited", 60.0, ()),
        (418, {"retry-after": "900"}, BAN, "banned", 900.0, ("HTTP 418",)),
        (418, DATE, BAN, "banned", 180.0, ("banned until",)),
        (418, {}, BAN, "banned", 120.0, ()),
        (418, {}, "", "banned", 120.0, ("HTTP 418",)),
        (418, DATE, BAN.replace("1786820880000", "9986820880000"), "banned", 259_200.0, ()),
        (429, DATE, BAN, "banned", 180.0, ()),
        (451, {}, GEO, "region", 3600.0, ("HTTP 451", "restricted location")),
        (403, {}, "<html>\x1b[31mRequest blocked", "region", 3600.0, ("HTTP 403", "blocked")),
        (503, {}, '{"code":-1008,"msg":"Request throttled by system-level protection."}', "busy", 0.0, ("-1008",)),
        (502, {}, "Bad Gateway", "busy", 0.0, ("HTTP 502", "Bad Gateway")),
        (400, {}, '{"code":-1003,"msg":"Too much request weight used"}', "limited", 60.0, ("-1003",)),
        (400, {}, '{"code":-1001,"msg":"Internal error"}', "busy", 0.0, ("-1001",)),
        (400, {}, '{"code":-1121,"msg":"Invalid symbol."}', "wrong", 0.0, ("HTTP 400", "-1121", "Invalid symbol.")),
        (404, {}, "", "wrong", 0.0, ("HTTP 404",)),
        (200, {}, "<html>login to the network", "busy", 0.0, ("HTTP 200",)),
    ],
)
def test_refusals(
    status: int, headers: dict[str, str], body: str, kind: str, rest_s: float, words: tuple[str, ...]
) -> None:
    for live in (USDM, SPOT):
        found = live.refusal(status, headers, body)
        assert found is not None
        assert (found.kind, found.rest_s) == (kind, rest_s)
        assert all(word in found.message for word in words)
        assert "\x1b" not in found.message


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text()), st.text())
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: str) -> None:
    found = USDM.refusal(status, headers, body)
    assert found is None or found.rest_s >= 0.0
    assert found is not None or status == 200
    USDM.next_page("GET /fapi/v1/aggTrades?symbol=A&startTime=1&endTime=9&limit=1", body)
    USDM.server_time_ms(body)


def listing(venue: str, **rows: dict[str, Any]) -> str:
    common = {"baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
    return json.dumps({"symbols": [common | {"symbol": symbol} | row for symbol, row in rows.items()]})


def test_the_status_of_what_is_listed() -> None:
    statuses = {
        "TRADING": "trading", "PENDING_TRADING": "pending", "PRE_TRADING": "pending", "SETTLING": "ended",
        "CLOSE": "ended", "DELIVERED": "ended", "BREAK": "ended", "CANCEL_ONLY": "ended", "TRADING_HALT": "trading",
        "HALT": "trading", "": "trading", "SOMETHING_NEW": "trading",
    }  # fmt: skip
    body = listing("binance-usdm", **{f"C{n}USDT": {"status": said} for n, said in enumerate(statuses)})
    parsed = BinanceParser("binance-usdm").response(USDM.listing_requests()[0], 200, body, NS)
    assert [one.status for one in parsed.listing] == list(statuses.values())


def test_a_bad_row_of_a_listing_costs_only_itself() -> None:
    body = listing("binance-usdm", AUSDT={"status": "TRADING"}, BUSDT={"filters": 7}, CUSDT={"onboardDate": None})
    parsed = BinanceParser("binance-usdm").response(USDM.listing_requests()[0], 200, body, NS)
    assert [one.symbol for one in parsed.listing] == ["AUSDT", "CUSDT"]
    assert "1 of 3 rows refused" in parsed.detail


def test_funding_intervals_refine_what_is_listed_before_and_after() -> None:
    parser = BinanceParser("binance-usdm")
    rows = {"AUSDT": {"contractType": "PERPETUAL"}, "BUSDT": {}, "DUSDT": {"contractType": "CURRENT_QUARTER"}}
    first = parser.response(USDM.listing_requests()[0], 200, listing("binance-usdm", **rows), NS)
    assert {one.funding_interval_h for one in first.listing} == {None}
    request = next(one.request for one in USDM.polls([]) if one.kind == "funding")
    body = json.dumps(
        [{"symbol": "AUSDT", "fundingIntervalHours": 4}, {"symbol": "NEWUSDT", "fundingIntervalHours": 1}]
    )
    refined = parser.response(request, 200, body, NS).listing
    assert {one.symbol: one.funding_interval_h for one in refined} == {"AUSDT": 4.0, "BUSDT": 8.0}
    assert parser.instrument("AUSDT").funding_interval_h == 4.0
    # Nothing new: nothing refined, so nothing of it counts as listed anew.
    assert parser.response(request, 200, body, NS).listing == []
    again = parser.response(USDM.listing_requests()[0], 200, listing("binance-usdm", **rows, NEWUSDT={}), NS).listing
    assert {one.symbol: one.funding_interval_h for one in again} == {
        "AUSDT": 4.0, "BUSDT": 8.0, "DUSDT": None, "NEWUSDT": 1.0,
    }  # fmt: skip


def contract(symbol: str, status: str, **more: Any) -> str:
    data = {"e": "contractInfo", "E": MS, "s": symbol, "ct": "PERPETUAL", "dt": 4133404800000, "ot": MS, "cs": status,
            "bks": [{"bs": 1}], "st": 1} | more  # fmt: skip
    return json.dumps({"stream": "!contractInfo", "data": data})


def test_contracts_are_pushed_as_they_begin_and_end() -> None:
    parser = BinanceParser("binance-usdm")
    tick = [{"filterType": "PRICE_FILTER", "tickSize": "0.1"}]
    parser.response(USDM.listing_requests()[0], 200, listing("x", BTCUSDT={"status": "TRADING", "filters": tick}), NS)
    (ended,) = parser.frame(contract("BTCUSDT", "SETTLING"), "market/1", NS).listing
    assert (ended.status, ended.tick, ended.inferred) == ("ended", 0.1, False)
    (new,) = parser.frame(contract("NEWUSDT", "PENDING_TRADING"), "market/1", NS).listing
    assert (new.symbol, new.kind, new.status, new.listed_ms, new.base) == ("NEWUSDT", "perp", "pending", MS, "NEW")
    (open_,) = parser.frame(contract("NEWUSDT", "TRADING", ct="TRADIFI_PERPETUAL"), "market/1", NS).listing
    assert (open_.status, open_.category) == ("trading", "tradfi")
    coin = parser.frame(contract("BTCUSD_PERP", "TRADING", st=2), "market/1", NS)
    assert (coin.verdict, coin.listing) == (Verdict.ACCEPTED, ())
    assert parser.frame(contract("\x1b[31m", "TRADING"), "market/1", NS).listing == ()


def test_a_notice_before_a_restart_is_no_data() -> None:
    text = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
    assert BinanceParser("binance-spot").frame(text, "public/1", NS).verdict is Verdict.CONTROL


def test_one_bad_row_of_a_frame_of_the_whole_market_costs_only_itself() -> None:
    good = {"e": "markPriceUpdate", "E": MS, "s": "AUSDT", "p": "2", "i": "2", "r": "0.0001", "T": MS, "st": 1}
    text = json.dumps({"stream": "!markPrice@arr@1s", "data": [good, good | {"s": "BUSDT", "p": "0"}]})
    parsed = BinanceParser("binance-usdm").frame(text, "market/1", NS)
    assert (parsed.verdict, {one.symbol for one in parsed.events}) == (Verdict.ACCEPTED, {"AUSDT"})
    assert "1 of 2 rows refused" in parsed.detail
    worse = json.dumps({"stream": "!markPrice@arr@1s", "data": [good | {"p": "0"}]})
    assert BinanceParser("binance-usdm").frame(worse, "market/1", NS).verdict is Verdict.REJECTED
    marks = next(one.request for one in USDM.polls([]) if one.kind == "mark")
    row = {"symbol": "AUSDT", "markPrice": "2", "time": MS, "lastFundingRate": "0.0001", "nextFundingTime": MS}
    found = BinanceParser("binance-usdm").response(marks, 200, json.dumps([row, row | {"markPrice": "0"}]), NS)
    assert [type(one) for one in found.events] == [MarkPrice, Funding]
    assert "1 of 2 rows refused" in found.detail


@pytest.mark.recorded
def test_recorded_answers_are_read_as_what_is_polled() -> None:
    kinds: dict[str, set[type]] = {
        "depth": {BookSnapshot}, "klines": {Candle}, "trades": {Trade}, "open_interest": {OpenInterest},
        "open_interest_history": {OpenInterest}, "accounts": {Ratio}, "top_accounts": {Ratio}, "top_positions": {Ratio},
        "taker_volume": {Ratio}, "funding_history": {Funding},
    }  # fmt: skip
    names = {path: name for name, path in limits.PATHS["binance-usdm"].items()}
    parser = BinanceParser("binance-usdm")
    seen: Counter[str] = Counter()
    for line in recorded("rest", "binance_rest_public.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = names.get(row["path"], "")
        body = json.dumps(row["data"])
        if isinstance(row["data"], dict) and "code" in row["data"]:
            continue
        parsed = parser.response(f"GET {row['path']}?{row['query']}", 200, body, NS)
        if parsed.verdict is Verdict.ACCEPTED and parsed.events and name in kinds:
            assert {type(one) for one in parsed.events} == kinds[name]
            assert USDM.refusal(200, {}, body) is None
            seen[name] += 1
        elif name == "tickers" and parsed.events:
            assert all(isinstance(one, Ticker) for one in parsed.events)
            seen[name] += 1
    assert set(seen) == {*kinds, "tickers"}
