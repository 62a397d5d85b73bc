"""Bitget as the live side sees it: channels, polls and refusals, each within what the venue documents."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instruments import Instrument
from engine.venues.base import Verdict
from engine.venues.bitget import limits
from engine.venues.bitget.live import BitgetLive
from engine.venues.bitget.parse import BitgetParser
from engine.venues.bitget.symbols import infer
from engine.venues.live import Refusal, VenueLive
from tests.engine.venues.refused_answers import check_refused
from tests.engine.venues.test_bitget_frames import LIQUIDATION, SNAPSHOT, TICKER, TRADE, TRADE_HISTORY, UPDATE

LIVE: VenueLive = BitgetLive()
BTC = infer("BTCUSDT")
NS = 1_786_820_700_000_000_000


def perpetuals(count: int) -> list[Instrument]:
    return [replace(infer(f"COIN{number}USDT"), funding_interval_h=4.0) for number in range(count)]


def test_channels() -> None:
    (market,) = LIVE.market_channels()
    assert (market.topic, market.kind, market.symbol) == ("liquidation", "liquidations", "")
    broad, deep = LIVE.broad_channels(BTC), LIVE.deep_channels(BTC)
    assert [(one.topic, one.kind) for one in broad] == [("ticker:BTCUSDT", "ticker"), ("kline.1m:BTCUSDT", "candle")]
    assert [(one.topic, one.kind) for one in deep] == [("publicTrade:BTCUSDT", "trades"), ("books:BTCUSDT", "book")]
    assert {one.path for one in [market, *broad, *deep]} == set(LIVE.paths)
    # An acknowledged topic may still never speak (a symbol of another product), so every one of a symbol is watched.
    assert all(one.first_s is not None for one in broad + deep)
    for status in ("pending", "ended"):
        quiet = replace(BTC, status=status)
        assert LIVE.broad_channels(quiet) == LIVE.deep_channels(quiet) == []


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        (LIQUIDATION, "liquidation"),
        (TRADE_HISTORY, "publicTrade:BTCUSDT"),
        (TRADE, "publicTrade:BTCUSDT"),
        (SNAPSHOT, "books:BTCUSDT"),
        (UPDATE, "books:BTCUSDT"),
        (TICKER, "ticker:BTCUSDT"),
    ],
)
def test_documented_pushes_are_of_topics_we_subscribe(text: str, topic: str) -> None:
    channels = LIVE.market_channels() + LIVE.broad_channels(BTC) + LIVE.deep_channels(BTC)
    assert LIVE.topic_of(text) == topic
    assert topic in {one.topic for one in channels}
    assert LIVE.read_ack(text) is None
    # The same push as the wire orders its keys.
    message = json.loads(text)
    ordered = {key: message[key] for key in ("action", "arg", "data", "ts")}
    assert LIVE.topic_of(json.dumps(ordered, separators=(",", ":"))) == topic
    assert BitgetParser().frame(json.dumps(ordered), "public", NS).verdict is Verdict.ACCEPTED


def test_the_whole_market_stays_far_below_the_connections_of_an_address() -> None:
    wanted = [one.topic for one in LIVE.market_channels()]
    wanted += [one.topic for perp in perpetuals(800) for one in LIVE.broad_channels(perp)]
    wanted += [one.topic for perp in perpetuals(60) for one in LIVE.deep_channels(perp)]
    connections: list[list[str]] = [[]]
    for topic in wanted:
        if not LIVE.room("public", connections[-1], topic):
            connections.append([])
        connections[-1].append(topic)
    assert len(connections) <= limits.CONNECTIONS_PER_IP // 2
    # All of them anew, four times over, within the venue's five minutes.
    assert 4 * len(connections) <= LIVE.stream_limits.connects_per_5_min
    requests = [LIVE.subscribe(held, 1) for held in connections]
    assert [topic for made in requests for one in made for topic in one.topics] == wanted
    assert max(map(len, requests)) / LIVE.stream_limits.messages_per_s <= 5.0
    assert all(one.request_id == "" for made in requests for one in made)
    assert LIVE.stream_limits.messages_per_s < limits.MESSAGES_PER_SECOND_MAX


def test_the_heartbeat_is_often_enough_for_the_venue() -> None:
    rules = LIVE.stream_limits
    assert (rules.heartbeat, rules.heartbeat_s) == ("ping", 25.0)
    assert rules.heartbeat_s < 30.0
    assert 2 * rules.heartbeat_s <= rules.cut_s < limits.SILENCE_CUT_S
    ack = LIVE.read_ack("pong")
    assert ack is not None
    assert (ack.op, ack.ok) == ("pong", True)


def test_requests() -> None:
    assert LIVE.listing_requests() == ["GET /api/v3/market/instruments?category=USDT-FUTURES"]
    assert LIVE.next_page(LIVE.listing_requests()[0], "{}") is None
    assert LIVE.candles_request("BTCUSDT", "4h", 5_000, end_ms=1_786_820_400_000).endswith(
        "symbol=BTCUSDT&interval=4H&endTime=1786820400001&limit=1000"
    )
    assert "endTime" not in LIVE.candles_request("BTCUSDT", "1m", 10)
    assert LIVE.depth_request("BTCUSDT").endswith("symbol=BTCUSDT&limit=200")
    assert LIVE.mend("BTCUSDT") is None
    fills = LIVE.trades_request("BTCUSDT", 1_786_820_600_000, 1_786_820_610_000)
    assert fills == "GET /api/v3/market/fills?category=USDT-FUTURES&symbol=BTCUSDT&limit=100"
    assert LIVE.trades_request("BTCUSDT", 1_786_820_600_000, 1_786_820_660_000) is None
    assert LIVE.server_time_ms('{"code":"00000","data":{"serverTime":"1786820637599"}}') == 1786820637599
    for request in [
        *LIVE.listing_requests(),
        *(one.request for one in LIVE.polls([BTC])),
        LIVE.candles_request("BTCUSDT", "1m", 5),
        LIVE.depth_request("BTCUSDT"),
        fills,
        LIVE.time_request(),
    ]:
        parsed = BitgetParser().response(request, 200, '{"code":"00000","data":7}', NS)
        assert parsed.verdict is not Verdict.UNKNOWN, request


@pytest.mark.parametrize("count", [0, 1, 600, 900])
def test_polls_stay_within_every_budget(count: int) -> None:
    made = LIVE.polls(perpetuals(count))
    assert len({(one.kind, one.request) for one in made}) == len(made)
    used: Counter[str] = Counter()
    for one in made:
        assert one.every_s >= 60.0
        for pool, weight in LIVE.cost(one.request).pools:
            used[pool] += round(weight / one.every_s * 1e9)
    pools = {pool.name: pool.capacity / pool.window_s for pool in LIVE.pools}
    assert set(used) <= set(pools)
    # The ratios' turns are theirs alone; of the address's budget most stays for what is asked once.
    for name, per_second in pools.items():
        assert used[name] / 1e9 <= (0.35 if name == limits.REST_POOL else 0.9) * per_second
    market = [one for one in made if not one.symbol]
    assert [one.kind for one in market] == ["ticker", "open_interest", "funding"]
    assert made[: len(market)] == market
    assert len(made) - len(market) == 4 * count


def test_polls_follow_importance_and_leave_out_what_does_not_trade() -> None:
    perps = perpetuals(600)
    for kind in ("accounts", "top_positions", "taker_volume"):
        made = {one.symbol: one.every_s for one in LIVE.polls(perps) if one.kind == kind}
        assert list(made) == [one.symbol for one in perps]
        assert list(made.values()) == sorted(made.values())
        assert set(made.values()) == {300.0, 900.0, 3600.0}
    gone = [replace(perps[0], status="ended"), replace(perps[1], status="pending"), replace(perps[2], kind="future")]
    assert [one for one in LIVE.polls(gone) if one.symbol] == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "rest_s", "words"),
    [
        (429, {}, '{"code":"429","msg":"Too Many Requests"}', "limited", 300.0, ("HTTP 429", "Too Many Requests")),
        (429, {"x-mbx-used-remain-limit": "0"}, "", "limited", 2.0, ("HTTP 429",)),
        (429, {"x-mbx-used-remain-limit": "12"}, "", "limited", 300.0, ("HTTP 429",)),
        (200, {}, '{"code":"429","msg":"slow down"}', "limited", 300.0, ("429", "slow down")),
        (200, {}, '{"code":"45001","msg":"System maintenance"}', "busy", 0.0, ("45001", "System maintenance")),
        (400, {}, '{"code":40725,"msg":"service return an error"}', "busy", 0.0, ("HTTP 400", "40725")),
        (400, {}, '{"code":"40200","msg":"Server upgrade"}', "busy", 0.0, ("40200",)),
        (503, {}, "<html>\x1b[31m", "busy", 0.0, ("HTTP 503",)),
        (200, {}, "<html>login to the network", "busy", 0.0, ("HTTP 200",)),
        (403, {}, "<html>blocked", "region", 3600.0, ("HTTP 403", "blocked")),
        (451, {}, "", "region", 3600.0, ("HTTP 451",)),
        (400, {}, '{"code":"40309","msg":"The symbol has been removed"}', "wrong", 0.0, ("40309", "removed")),
        (404, {}, '{"code":"40404","msg":"Request URL NOT FOUND"}', "wrong", 0.0, ("40404",)),
        (200, {}, '{"code":"40034","msg":"Parameter does not exist"}', "wrong", 0.0, ("40034",)),
    ],
)
def test_refusals(
    status: int, headers: dict[str, str], body: str, kind: str, rest_s: float, words: tuple[str, ...]
) -> None:
    check_refused(LIVE, status, headers, body, (kind, rest_s, words))


def test_a_success_is_no_refusal() -> None:
    assert LIVE.refusal(200, {}, '{"code":"00000","msg":"success","requestTime":1,"data":[]}') is None
    assert LIVE.refusal(200, {}, '{ "msg": "success", "code": "00000" }') is None


@given(st.integers(100, 599), st.dictionaries(st.just("x-mbx-used-remain-limit"), st.text()), st.text())
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: str) -> None:
    found = LIVE.refusal(status, headers, body)
    assert isinstance(found, Refusal)
    assert found.message.startswith(f"HTTP {status}")
    assert len(found.message) <= 200
    assert (found.rest_s > 0.0) is (found.kind in ("limited", "region"))
    assert LIVE.used_weight(headers) == ()
    LIVE.server_time_ms(body)
