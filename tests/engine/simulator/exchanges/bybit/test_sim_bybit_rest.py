"""The simulated Bybit's REST answers: as recorded, as our parser reads them, within the venue's limits."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.events import BookSnapshot, Candle, Funding, OpenInterest, Ratio, Ticker, Trade
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.bybit.exchange import Bybit
from engine.simulator.exchanges.bybit.requests import BAN_MS
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit.live import BybitLive
from engine.venues.bybit.parse import BybitParser
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, found, small
from tests.recorded import recorded

NS = 1_000_000
MARKET = "/v5/market"


@pytest.fixture
def talk() -> Talk:
    world = small(4, 100.0)
    made = Talk(world, Bybit(world))
    made.run(5_000)
    return made


def rows(talk: Talk, path: str, **query: str | int) -> list[Any]:
    body = talk.get(f"{MARKET}/{path}", **query)
    assert (body["retCode"], body["retMsg"]) == (0, "OK")
    listed: list[Any] = body["result"]["list"]
    return listed


def read(talk: Talk, venue: str, request: str) -> Parsed:
    """What our parser makes of the answer to one of our own requests."""
    path, _, query = request.removeprefix("GET ").partition("?")
    answer = talk.ask(path, **dict(parse_qsl(query)))
    return BybitParser(venue).response(request, answer.status, answer.body.decode(), talk.world.now_ms * NS)


@pytest.mark.recorded
def test_listings_are_made_as_recorded_ones(talk: Talk) -> None:
    seen = {"linear": Shapes(), "spot": Shapes()}
    with gzip.open(recorded("captures", "bybit-2026-08-09.jsonl.gz"), "rt") as lines:
        for line in lines:
            if '"r":' in line and "instruments-info" in line:
                body = json.loads(json.loads(line)["d"])
                seen[body["result"]["category"]].take(body)
    for category, shapes in seen.items():
        ours = Shapes()
        ours.take(talk.get(f"{MARKET}/instruments-info", category=category, limit=1000))
        assert shapes.faults(ours) == []


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("path", "query", "new"),
    [
        ("kline", {"interval": "60", "limit": 2}, ()),
        ("funding/history", {"limit": 2}, ()),
        # Of one side, since 2026-06-11; the recorded answer was copied without it.
        ("open-interest", {"intervalTime": "1h", "limit": 2}, ("singleOpenInterest",)),
        ("account-ratio", {"period": "5min", "limit": 1}, ()),
    ],
)
def test_histories_are_made_as_recorded_ones(
    talk: Talk, path: str, query: dict[str, str | int], new: tuple[str, ...]
) -> None:
    seen = Shapes()
    for line in recorded("rest", "bybit_v5_2026-08.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["path"] == f"{MARKET}/{path}":
            seen.take(row["data"])
    assert seen.orders
    body = talk.get(f"{MARKET}/{path}", category="linear", symbol="BTCUSDT", **query)
    for row in body["result"]["list"]:
        for name in new:
            assert row.pop(name)
    # The cursor of a full page was cut out of one recorded answer and is empty in the other.
    body["result"]["nextPageCursor" if "nextPageCursor" in body["result"] else "list"] = (
        "" if path == "open-interest" else "..." if path == "account-ratio" else body["result"]["list"]
    )
    ours = Shapes()
    ours.take(body)
    assert seen.faults(ours) == []


@pytest.mark.recorded
def test_tickers_have_every_field_of_recorded_ones(talk: Talk) -> None:
    """Recorded in 2023; order and newer fields are those of the documentation."""
    for line in recorded("rest", "bybit_v5_tickers.jsonl").read_text().splitlines():
        row = json.loads(line)
        category = row["data"]["result"]["category"]
        if category == "inverse":
            continue
        ours = {one["symbol"]: one for one in rows(talk, "tickers", category=category)}
        seen = next(one for one in row["data"]["result"]["list"] if one["symbol"] == "BTCUSDT")
        assert set(seen) <= set(ours["BTCUSDT"])
        assert all(isinstance(value, str) for value in ours["BTCUSDT"].values())
        assert len(ours) == 4


def test_our_parser_reads_every_answer(talk: Talk) -> None:
    now_ms = talk.world.now_ms
    for venue in ("bybit-linear", "bybit-spot"):
        live = BybitLive(venue)
        kinds = set()
        listed = read(talk, venue, live.listing_requests()[0])
        assert len(listed.listing) == 4
        asked = [live.candles_request("BTCUSDT", "1m", 100), live.depth_request("BTCUSDT")]
        asked += [poll.request for poll in live.polls(listed.listing)]
        trades = live.trades_request("BTCUSDT", now_ms - 3_000, now_ms)
        assert trades is not None
        for request in (*asked, trades):
            parsed = read(talk, venue, request)
            assert parsed.verdict is Verdict.ACCEPTED, (request, parsed.detail)
            kinds |= {type(event) for event in parsed.events}
        assert kinds >= {Candle, BookSnapshot, Ticker, Trade}
        if venue == "bybit-linear":
            assert kinds >= {Funding, OpenInterest, Ratio}
        answer = talk.ask(live.time_request().removeprefix("GET "))
        assert live.server_time_ms(answer.body.decode()) == now_ms


def test_a_listing_comes_in_pages(talk: Talk) -> None:
    whole = [row["symbol"] for row in rows(talk, "instruments-info", category="linear")]
    assert whole == sorted(whole)
    assert len(whole) == 4
    pages, cursor = [], ""
    for _ in range(3):
        result = talk.get(f"{MARKET}/instruments-info", category="linear", limit=2, cursor=cursor)["result"]
        pages.append([row["symbol"] for row in result["list"]])
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert pages == [whole[:2], whole[2:]]
    assert "nextPageCursor" not in talk.get(f"{MARKET}/instruments-info", category="spot", limit=2)["result"]
    live = BybitLive("bybit-linear")
    first = live.listing_requests()[0].replace("limit=1000", "limit=3")
    body = talk.ask(MARKET + "/instruments-info", **dict(parse_qsl(first.partition("?")[2]))).body.decode()
    second = live.next_page(first, body)
    assert second is not None
    assert [row["symbol"] for row in rows(talk, "instruments-info", **dict(parse_qsl(second.partition("?")[2])))] == [
        whole[3]
    ]


def test_what_is_coming_and_what_is_gone_are_listed_apart() -> None:
    world = small(2, 60.0, listings=True)
    talk = Talk(world, Bybit(world))
    coming = next(one for one in world.instruments if one.venue == "bybit-linear" and one.listed_ms > world.now_ms)
    assert rows(talk, "instruments-info", category="linear", status="PreLaunch") == []
    for _ in world.advance(coming.listed_ms - 1_000):
        pass
    (row,) = rows(talk, "instruments-info", category="linear", status="PreLaunch")
    assert (row["symbol"], row["status"], row["isPreListing"]) == (coming.symbol, "PreLaunch", True)
    assert row["preListingInfo"]["phases"]
    assert coming.symbol not in {one["symbol"] for one in rows(talk, "instruments-info", category="linear")}
    assert coming.symbol not in {one["symbol"] for one in rows(talk, "tickers", category="linear")}
    for _ in world.advance(coming.listed_ms + 1_000):
        pass
    assert coming.symbol in {one["symbol"] for one in rows(talk, "instruments-info", category="linear")}
    assert rows(talk, "instruments-info", category="linear", status="PreLaunch") == []


def test_candles_are_newest_first_and_keep_to_the_times_asked_for(talk: Talk) -> None:
    one = found(talk.world, "bybit-linear", "BTCUSDT")
    query: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT", "interval": "5"}
    newest = rows(talk, "kline", **query, limit=10)
    starts = [int(row[0]) for row in newest]
    assert starts == sorted(starts, reverse=True)
    assert starts[0] == talk.world.now_ms // (5 * MINUTE) * 5 * MINUTE
    assert len(rows(talk, "kline", **query)) == 200
    assert 200 < len(rows(talk, "kline", **query, limit=5_000)) <= 1_000
    assert rows(talk, "kline", **query, limit=3, end=starts[4]) == newest[4:7]
    assert rows(talk, "kline", **query, start=starts[6], end=starts[4]) == newest[4:7]
    # From a start alone it is the first bars after it, not the newest.
    assert rows(talk, "kline", **query, start=starts[6], limit=3) == newest[4:7]
    truth = talk.world.candles(one, "5m", 10)
    assert newest == [words.kline_row(one, bar) for bar in reversed(truth)]


def test_books_of_rest_are_the_markets(talk: Talk) -> None:
    one = found(talk.world, "bybit-linear", "BTCUSDT")
    body = talk.get(f"{MARKET}/orderbook", category="linear", symbol="BTCUSDT", limit=1000)
    truth = talk.world.book(one, 1_000)
    assert list(body["result"]) == ["s", "b", "a", "ts", "u", "seq", "cts"]
    assert body["result"]["b"] == words.levels(one, truth.bids)
    assert body["result"]["a"] == words.levels(one, truth.asks)
    for category, levels in (("linear", 25), ("spot", 1)):
        usual = talk.get(f"{MARKET}/orderbook", category=category, symbol="BTCUSDT")["result"]
        assert (len(usual["b"]), len(usual["a"])) == (levels, levels)


def test_open_interest_counts_both_sides_and_one_and_comes_in_pages(talk: Talk) -> None:
    query: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "5min"}
    whole = rows(talk, "open-interest", **query, limit=20)
    assert len(whole) == 20
    assert all(float(row["openInterest"]) == pytest.approx(2 * float(row["singleOpenInterest"])) for row in whole)
    stamps = [int(row["timestamp"]) for row in whole]
    assert stamps == sorted(stamps, reverse=True)
    page = talk.get(f"{MARKET}/open-interest", **query, limit=8)["result"]
    assert page["list"] == whole[:8]
    after = talk.get(f"{MARKET}/open-interest", **query, limit=8, cursor=page["nextPageCursor"])["result"]
    assert after["list"] == whole[8:16]
    assert rows(talk, "open-interest", **query, startTime=stamps[5], endTime=stamps[2]) == whole[2:6]


def test_funding_needs_an_end_where_it_has_a_start(talk: Talk) -> None:
    query: dict[str, str | int] = {"category": "linear", "symbol": "BTCUSDT"}
    whole = rows(talk, "funding/history", **query, limit=5)
    stamps = [int(row["fundingRateTimestamp"]) for row in whole]
    assert [before - after for before, after in itertools.pairwise(stamps)] == [8 * HOUR] * 4
    assert talk.get(f"{MARKET}/funding/history", **query, startTime=stamps[3])["retCode"] == 10001
    assert rows(talk, "funding/history", **query, startTime=stamps[3], endTime=stamps[1]) == whole[1:4]


def test_recent_trades_are_newest_first_and_those_of_the_stream(talk: Talk) -> None:
    talk.open(0, "/v5/public/linear")
    talk.say(0, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})
    talk.run(5_000)
    told = [row["i"] for message in talk.pushes(0) for row in message["data"]]
    assert len(told) > 5
    newest = rows(talk, "recent-trade", category="linear", symbol="BTCUSDT", limit=len(told))
    assert [row["execId"] for row in reversed(newest)] == told
    assert len(rows(talk, "recent-trade", category="spot", symbol="BTCUSDT", limit=1000)) <= 60


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("kline", {"category": "linear", "symbol": "NOPEUSDT", "interval": "1"}),
        ("kline", {"category": "linear", "symbol": "BTCUSDT", "interval": "7"}),
        ("kline", {"category": "linear", "symbol": "BTCUSDT", "interval": "1", "limit": "many"}),
        ("tickers", {"category": "nothing"}),
        ("tickers", {"category": "linear", "symbol": "NOPEUSDT"}),
        ("instruments-info", {}),
        ("open-interest", {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "7min"}),
        ("account-ratio", {"category": "linear", "symbol": "BTCUSDT"}),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_the_body(talk: Talk, path: str, query: dict[str, str | int]) -> None:
    answer = talk.ask(f"{MARKET}/{path}", **query)
    body = json.loads(answer.body)
    assert (answer.status, body["retCode"], body["result"]) == (200, 10001, {})
    assert list(body) == ["retCode", "retMsg", "result", "retExtInfo", "time"]
    assert body["time"] == talk.world.now_ms


def test_600_requests_in_5_seconds_and_then_ten_minutes_of_403() -> None:
    world = small(1, 10.0)
    talk = Talk(world, Bybit(world))
    path = f"{MARKET}/time"
    answers = [talk.ask(path) for _ in range(602)]
    assert [answer.status for answer in answers] == [200] * 600 + [403] * 2
    assert b"access too frequent" in answers[-1].body
    assert answers[0].headers["X-Bapi-Limit-Status"] == "599"
    assert answers[599].headers["X-Bapi-Limit-Status"] == "0"
    assert talk.ask_as("other", path).status == 200
    refusal = BybitLive("bybit-linear").refusal(403, {}, answers[-1].body.decode())
    assert refusal is not None
    exchange = talk.exchange
    origin = exchange.rest_origins[0]
    for after_ms, status in ((BAN_MS - 1, 403), (BAN_MS, 200)):
        assert exchange.rest(origin, path, {}, "one", world.now_ms + after_ms).status == status


def test_a_scale_multiplies_the_limit() -> None:
    world = small(1, 10.0)
    talk = Talk(world, Bybit(world, 2.0))
    assert [talk.ask(f"{MARKET}/time").status for _ in range(1_201)] == [200] * 1_200 + [403]
