"""OKX as the live side sees it: recorded frames are told apart, refusals understood, and every rate kept."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Funding, MarkPrice, OpenInterest, Ratio, Trade
from engine.instruments import Instrument
from engine.venues.base import Verdict
from engine.venues.live import VenueLive
from engine.venues.okx import limits
from engine.venues.okx.live import OkxLive
from engine.venues.okx.parse import OkxParser
from engine.venues.okx.symbols import infer
from tests.engine.venues.refused_answers import check_refused
from tests.recorded import recorded

LIVE: VenueLive = OkxLive()
NS = 1_789_147_200_000_000_000
MS = NS // 1_000_000
SWAP, PAIR = infer("BTC-USDT-SWAP"), infer("BTC-USDT")


def swaps(count: int) -> list[Instrument]:
    return [replace(infer(f"COIN{number}-USDT-SWAP"), funding_interval_h=4.0) for number in range(count)]


def frames(name: str) -> Iterator[str]:
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("v") == "okx" and "c" in row and "d" in row:
                yield row["d"]


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "pushes", "answers"),
    [
        ("okx-2021-07-22.jsonl.gz", 1_586, 30),
        ("okx-2022-02-27.jsonl.gz", 3_717, 60),
        ("okx-2022-05-13.jsonl.gz", 392, 18),
        ("composite-four-venues.jsonl.gz", 392, 18),
    ],
)
def test_every_recorded_frame_is_of_the_topic_it_states_or_an_answer(name: str, pushes: int, answers: int) -> None:
    told = acks = 0
    asked: set[str] = set()
    carried: set[str] = set()
    for text in frames(name):
        topic = LIVE.topic_of(text)
        if topic is None:
            ack = LIVE.read_ack(text)
            assert ack is not None, text
            assert (ack.op, ack.ok) == ("subscribe", True)
            asked |= set(ack.topics)
            acks += 1
        else:
            arg = json.loads(text)["arg"]
            assert topic == f"{arg['channel']}:{arg.get('instId') or arg['instType']}"
            assert LIVE.read_ack(text) is None
            carried.add(topic)
            told += 1
    assert (told, acks) == (pushes, answers)
    # An answer names a topic just as the pushes do that follow it.
    assert carried
    assert carried <= asked


@pytest.mark.recorded
def test_recorded_liquidations_are_of_the_topic_we_subscribe() -> None:
    found = []
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["venue"] == "okx":
            found.append(LIVE.topic_of(json.dumps(row["frame"], separators=(",", ":"))))
    assert found == ["liquidation-orders:SWAP"] * 4
    assert found[0] in {one.topic for one in LIVE.market_channels()}


def test_channels() -> None:
    assert {one.topic: one.kind for one in LIVE.market_channels()} == {
        "liquidation-orders:SWAP": "liquidations",
        "instruments:SWAP": "listings",
    }
    assert [(one.topic, one.path) for one in LIVE.broad_channels(SWAP)] == [
        ("tickers:BTC-USDT-SWAP", "public"),
        ("candle1m:BTC-USDT-SWAP", "business"),
        ("mark-price:BTC-USDT-SWAP", "public"),
        ("funding-rate:BTC-USDT-SWAP", "public"),
        ("open-interest:BTC-USDT-SWAP", "public"),
    ]
    assert [one.topic for one in LIVE.broad_channels(PAIR)] == ["tickers:BTC-USDT", "candle1m:BTC-USDT"]
    for one in (SWAP, PAIR):
        assert [channel.topic for channel in LIVE.deep_channels(one)] == [f"trades:{one.symbol}", f"books:{one.symbol}"]
        channels = LIVE.broad_channels(one) + LIVE.deep_channels(one)
        assert {channel.path for channel in channels} == set(LIVE.paths)
        assert all(channel.first_s is not None for channel in channels if channel.silence_s is not None)
        for status in ("pending", "ended"):
            quiet = replace(one, status=status)
            assert LIVE.broad_channels(quiet) == LIVE.deep_channels(quiet) == []


def test_the_whole_market_is_subscribed_within_the_hourly_limit() -> None:
    for path in LIVE.paths:
        topics = [one.topic for swap in swaps(400) for one in LIVE.broad_channels(swap) if one.path == path]
        connections: list[list[str]] = [[]]
        for topic in topics:
            if not LIVE.room(path, connections[-1], topic):
                connections.append([])
            connections[-1].append(topic)
        assert 1 < len(connections) <= 6
        hourly = LIVE.stream_limits.requests_per_hour
        assert hourly is not None
        assert max(len(LIVE.subscribe(held, 1)) for held in connections) * 50 <= hourly
        sent = [request for held in connections for request in LIVE.subscribe(held, 1)]
        assert [topic for request in sent for topic in request.topics] == topics


def test_the_venue_never_hears_thirty_seconds_of_silence() -> None:
    assert (LIVE.stream_limits.heartbeat, LIVE.stream_limits.heartbeat_s) == ("ping", 20.0)
    assert LIVE.stream_limits.heartbeat_s < LIVE.stream_limits.cut_s == limits.SILENCE_CUT_S
    assert LIVE.stream_limits.connects_per_5_min <= limits.CONNECTS_PER_SECOND_MAX * 300


@pytest.mark.parametrize("count", [0, 1, 300, 600])
def test_polls_stay_within_each_endpoints_budget(count: int) -> None:
    made = LIVE.polls(swaps(count))
    assert len({one.request for one in made}) == len(made)
    used: Counter[str] = Counter()
    for one in made:
        assert one.every_s >= 30.0
        for pool, weight in LIVE.cost(one.request).pools:
            used[pool] += round(weight / one.every_s * 1e9)
    budgets = {pool.name: pool.capacity / pool.window_s for pool in LIVE.pools}
    for name, rate in used.items():
        assert rate / 1e9 <= 0.6 * budgets[name], name
    market = [one for one in made if not one.symbol]
    assert made[: len(market)] == market
    assert Counter(one.kind for one in market) == {"ticker": 2, "open_interest": 1, "funding": 1, "mark": 4}
    assert len(made) - len(market) == 6 * count


def test_polls_follow_importance_and_leave_out_what_does_not_trade() -> None:
    perps = swaps(200)
    made = {one.symbol: one.every_s for one in LIVE.polls(perps) if one.kind == "taker_volume"}
    assert list(made) == [one.symbol for one in perps]
    assert list(made.values()) == sorted(made.values())
    assert len(set(made.values())) == 2
    gone = [replace(perps[0], status="ended"), replace(perps[1], status="pending"), PAIR]
    assert [one for one in LIVE.polls(gone) if one.symbol] == []


def test_budgets_are_half_of_what_each_endpoint_allows() -> None:
    pools = {pool.name: (pool.capacity, pool.window_s) for pool in LIVE.pools}
    assert pools["okx-klines"] == (20.0, 2.0)
    assert pools["okx-accounts"] == (2.0, 2.0)
    assert set(limits.PATHS) == set(limits.REQUESTS_PER_2_SECONDS)
    for name, count in limits.REQUESTS_PER_2_SECONDS.items():
        (cost,) = LIVE.cost(f"GET {limits.PATHS[name]}?instId=X").pools
        assert cost[1] == 1.0
        assert pools[cost[0]][0] <= count / 2
    ((other, weight),) = LIVE.cost("GET /api/v5/nothing").pools
    assert pools[other][0] >= weight


def test_every_request_has_a_reader() -> None:
    requests = [
        *LIVE.listing_requests(),
        *(one.request for one in LIVE.polls([SWAP])),
        LIVE.candles_request("BTC-USDT-SWAP", "1m", 5),
        LIVE.candles_request("BTC-USDT-SWAP", "1m", 5, end_ms=MS),
        LIVE.depth_request("BTC-USDT-SWAP"),
        LIVE.trades_request("BTC-USDT-SWAP", MS, MS) or "",
        LIVE.time_request(),
    ]
    for request in requests:
        parsed = OkxParser().response(request, 200, '{"code":"0","msg":"","data":7}', NS)
        assert parsed.verdict is not Verdict.UNKNOWN, request


def test_requests() -> None:
    assert LIVE.listing_requests() == [
        "GET /api/v5/public/instruments?instType=SWAP",
        "GET /api/v5/public/instruments?instType=SPOT",
    ]
    assert LIVE.candles_request("BTC-USDT", "4h", 900) == "GET /api/v5/market/candles?instId=BTC-USDT&bar=4H&limit=300"
    # `after` asks for what opened before it.
    assert LIVE.candles_request("BTC-USDT", "1m", 2, end_ms=MS) == (
        f"GET /api/v5/market/history-candles?instId=BTC-USDT&bar=1m&after={MS + 1}&limit=2"
    )
    assert LIVE.trades_request("BTC-USDT-SWAP", MS, MS + 30_000) == (
        "GET /api/v5/market/trades?instId=BTC-USDT-SWAP&limit=500"
    )
    assert LIVE.trades_request("BTC-USDT-SWAP", MS, MS + 600_000) is None
    assert LIVE.trades_request("BTC-USDT-SWAP", MS, MS - 1) is None
    assert LIVE.mend("BTC-USDT-SWAP") is None
    assert LIVE.next_page(LIVE.listing_requests()[0], "{}") is None
    assert LIVE.server_time_ms(f'{{"code":"0","msg":"","data":[{{"ts":"{MS}"}}]}}') == MS
    for body in ('{"code":"0","msg":"","data":[]}', '{"code":"1","data":[{"ts":"9"}]}', "<html>"):
        assert LIVE.server_time_ms(body) is None
    assert LIVE.used_weight({"x-anything": "1"}) == ()


def test_asked_trades_open_interest_and_indices_are_events() -> None:
    parser = OkxParser()
    trade = {"instId": "BTC-USDT", "side": "sell", "sz": "2", "px": "3", "tradeId": "42", "ts": str(MS)}
    request = LIVE.trades_request("BTC-USDT", MS, MS) or ""
    (asked,) = parser.response(request, 200, json.dumps({"code": "0", "data": [trade]}), NS).events
    frame = {"arg": {"channel": "trades", "instId": "BTC-USDT"}, "data": [trade]}
    (pushed,) = parser.frame(json.dumps(frame), "public/1", NS).events
    assert isinstance(asked, Trade)
    assert asked == pushed
    by_kind = {one.kind: one.request for one in LIVE.polls([SWAP])}
    rows = [[str(MS), "100", "1", "90000"], [str(MS - 300_000), "110", "1.1", "95000"]]
    body = json.dumps({"code": "0", "data": rows})
    past = parser.response(by_kind["open_interest_history"], 200, body, NS).events
    assert past == [
        OpenInterest("okx", "BTC-USDT-SWAP", MS - 300_000, NS, 1.1, 95000.0),
        OpenInterest("okx", "BTC-USDT-SWAP", MS, NS, 1.0, 90000.0),
    ]
    short = json.dumps({"code": "0", "data": [["1", "2"]]})
    assert parser.response(by_kind["open_interest_history"], 200, short, NS).verdict is Verdict.REJECTED
    indices = json.dumps({"code": "0", "data": [{"instId": "BTC-USDT", "idxPx": "7", "ts": str(MS)}]})
    (index,) = parser.response("GET /api/v5/market/index-tickers?quoteCcy=USDT", 200, indices, NS).events
    assert isinstance(index, MarkPrice)
    assert (index.symbol, index.index) == ("BTC-USDT-SWAP", 7.0)


@pytest.mark.recorded
def test_recorded_answers_are_read_as_what_is_polled() -> None:
    names = {path: name for name, path in limits.PATHS.items()}
    kinds = {"taker_volume": Ratio, "open_interest": OpenInterest, "funding": Funding}
    asked = {one.kind: one.request for one in LIVE.polls([SWAP])}
    seen = set()
    for line in recorded("rest", "okx_public_2026-09.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        body = json.dumps(row["data"])
        name = names.get(row["path"].partition("?")[0], "")
        assert LIVE.refusal(200, {}, body) is None
        if name in kinds:
            events = OkxParser().response(asked[name], 200, body, NS).events  # type: ignore[index]
            assert events
            assert all(isinstance(one, kinds[name]) for one in events)
            seen.add(name)
    assert seen == set(kinds)


def row(symbol: str, state: str) -> dict[str, str]:
    return {"instId": symbol, "instType": "SWAP", "instFamily": "BTC-USDT", "ctVal": "0.01", "ctMult": "1",
            "tickSz": "0.1", "lotSz": "1", "state": state, "listTime": str(MS), "ctType": "linear"}  # fmt: skip


def test_listings_are_pushed_with_their_state() -> None:
    states = {"live": "trading", "preopen": "pending", "suspend": "ended", "settling": "ended", "expired": "ended",
              "rebase": "trading", "post_only": "trading"}  # fmt: skip
    rows = [row(f"C{number}-USDT-SWAP", state) for number, state in enumerate(states)]
    text = json.dumps({"arg": {"channel": "instruments", "instType": "SWAP"}, "data": rows}, separators=(",", ":"))
    assert LIVE.topic_of(text) == "instruments:SWAP"
    parser = OkxParser()
    parsed = parser.frame(text, "public/1", NS)
    assert (parsed.verdict, [one.status for one in parsed.listing]) == (Verdict.ACCEPTED, list(states.values()))
    asked = parser.response(LIVE.listing_requests()[0], 200, json.dumps({"code": "0", "data": rows}), NS)
    assert list(asked.listing) == list(parsed.listing)
    # What was suspended and opens again is followed again.
    again = json.dumps({"arg": {"channel": "instruments", "instType": "SWAP"}, "data": [row("C2-USDT-SWAP", "live")]})
    parser.frame(again, "public/1", NS)
    assert parser.instrument("C2-USDT-SWAP").status == "trading"


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "rest_s", "words"),
    [
        (429, {}, '{"code":"50011","msg":"Too Many Requests","data":[]}', "limited", 5.0, ("429", "50011")),
        (200, {}, '{"code":"50011","msg":"Too Many Requests","data":[]}', "limited", 5.0, ("50011", "Too Many")),
        (429, {"retry-after": "20"}, "", "limited", 20.0, ("HTTP 429",)),
        (429, {"retry-after": "99999999"}, "", "limited", 3600.0, ()),
        (429, {}, '{"code":"50013","msg":"Systems are busy"}', "busy", 0.0, ("50013",)),
        (200, {}, '{"code":"50001","msg":"Service temporarily unavailable"}', "busy", 0.0, ("50001",)),
        (503, {}, "", "busy", 0.0, ("HTTP 503",)),
        (403, {}, "<html>\x1b[31merror code: 1010", "region", 3600.0, ("HTTP 403", "1010")),
        (451, {}, "", "region", 3600.0, ("HTTP 451",)),
        (200, {}, '{"code":"51001","msg":"Instrument ID doesn\'t exist","data":[]}', "wrong", 0.0, ("51001", "exist")),
        (400, {}, '{"code":"51000","msg":"Parameter instId error"}', "wrong", 0.0, ("HTTP 400", "51000")),
        (404, {}, "", "wrong", 0.0, ("HTTP 404",)),
        (200, {}, "<html>login to the network", "busy", 0.0, ("HTTP 200",)),
    ],
)
def test_refusals(
    status: int, headers: dict[str, str], body: str, kind: str, rest_s: float, words: tuple[str, ...]
) -> None:
    check_refused(LIVE, status, headers, body, (kind, rest_s, words))


def test_a_success_is_none_however_it_is_written() -> None:
    assert LIVE.refusal(200, {}, '{"code":"0","msg":"","data":[]}') is None
    assert LIVE.refusal(200, {}, '{ "msg": "", "data": [], "code": "0" }') is None


@given(st.integers(100, 599), st.dictionaries(st.just("retry-after"), st.text()), st.text())
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: str) -> None:
    found = LIVE.refusal(status, headers, body)
    assert found is not None
    assert found.rest_s >= 0.0
    LIVE.server_time_ms(body)
