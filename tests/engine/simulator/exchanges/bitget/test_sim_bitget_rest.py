"""The simulated Bitget's REST answers: as documented, as our parser reads them, within the venue's limits."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.events import BookSnapshot, Candle, Funding, OpenInterest, Ratio, Ticker, Trade
from engine.simulator.exchanges.bitget import words
from engine.simulator.exchanges.bitget.exchange import Bitget
from engine.simulator.exchanges.bitget.requests import BAN_MS, PER_MINUTE
from engine.venues.base import Parsed, Verdict
from engine.venues.bitget.limits import ENDPOINT_REST_S
from engine.venues.bitget.live import BitgetLive
from engine.venues.bitget.parse import BitgetParser
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, found, small

NS = 1_000_000
VENUE = "bitget-usdt"
V3, V2 = "/api/v3/market", "/api/v2/mix/market"
PERP: dict[str, str | int] = {"category": "USDT-FUTURES", "symbol": "BTCUSDT"}


@pytest.fixture
def talk() -> Talk:
    world = small(4, 100.0)
    made = Talk(world, Bitget(world, 50.0))
    made.run(5_000)
    return made


def data(talk: Talk, path: str, **query: str | int) -> Any:
    body = talk.get(path, **query)
    assert list(body) == ["code", "msg", "requestTime", "data"]
    assert (body["code"], body["msg"], body["requestTime"]) == ("00000", "success", talk.world.now_ms)
    return body["data"]


def read(talk: Talk, request: str) -> Parsed:
    """What our parser makes of the answer to one of our own requests."""
    path, _, query = request.removeprefix("GET ").partition("?")
    answer = talk.ask(path, **dict(parse_qsl(query)))
    return BitgetParser().response(request, answer.status, answer.body.decode(), talk.world.now_ms * NS)


def test_our_parser_reads_every_answer(talk: Talk) -> None:
    now_ms, live = talk.world.now_ms, BitgetLive()
    listed = read(talk, live.listing_requests()[0])
    assert len(listed.listing) == 4
    trades = live.trades_request("BTCUSDT", now_ms - 3_000, now_ms)
    assert trades is not None
    asked = [live.candles_request("BTCUSDT", "1m", 100), live.depth_request("BTCUSDT"), trades]
    asked += [poll.request for poll in live.polls(listed.listing)]
    kinds = set()
    for request in asked:
        parsed = read(talk, request)
        assert parsed.verdict is Verdict.ACCEPTED, (request, parsed.detail)
        kinds |= {type(event) for event in parsed.events}
    assert kinds >= {Candle, BookSnapshot, Trade, Ticker, OpenInterest, Funding, Ratio}
    answer = talk.ask(live.time_request().removeprefix("GET "))
    assert live.server_time_ms(answer.body.decode()) == now_ms


def test_rows_have_the_documented_names(talk: Talk) -> None:
    (instrument,) = [
        row for row in data(talk, f"{V3}/instruments", category="USDT-FUTURES") if row["symbol"] == "BTCUSDT"
    ]
    assert {"symbol", "category", "baseCoin", "quoteCoin", "priceMultiplier", "quantityMultiplier", "type"} <= set(
        instrument
    )
    assert {"status", "launchTime", "offTime", "limitOpenTime", "fundInterval", "symbolType", "isRwa"} <= set(
        instrument
    )
    assert all(isinstance(value, str) for value in instrument.values())
    (fill, *_) = data(talk, f"{V3}/fills", **PERP)
    assert list(fill) == ["execId", "price", "size", "side", "ts", "isRPI"]
    (funding,) = data(talk, f"{V3}/current-fund-rate", symbol="BTCUSDT")
    assert list(funding)[:4] == ["symbol", "fundingRate", "fundingRateInterval", "nextUpdate"]
    interest = data(talk, f"{V3}/open-interest", **PERP)
    assert [list(interest), list(interest["list"][0])] == [["list", "ts"], ["symbol", "openInterest"]]
    (settled, *_) = data(talk, f"{V3}/history-fund-rate", **PERP)["resultList"]
    assert list(settled) == ["symbol", "fundingRate", "fundingRateTimestamp"]
    for path, names in (
        ("account-long-short", ["longAccountRatio", "shortAccountRatio", "longShortAccountRatio", "ts"]),
        ("position-long-short", ["longPositionRatio", "shortPositionRatio", "longShortPositionRatio", "ts"]),
        ("taker-buy-sell", ["buyVolume", "sellVolume", "ts"]),
    ):
        rows = data(talk, f"{V2}/{path}", symbol="BTCUSDT", period="5m")
        assert len(rows) > 5
        assert all(list(row) == names and all(isinstance(value, str) for value in row.values()) for row in rows)
    assert data(talk, "/api/v2/public/time") == {"serverTime": str(talk.world.now_ms)}


def test_the_book_is_the_markets_in_numbers_and_without_a_sequence(talk: Talk) -> None:
    one = found(talk.world, VENUE, "BTCUSDT")
    answer = talk.ask(f"{V3}/orderbook", **PERP, limit=1_000)
    body, truth = json.loads(answer.body)["data"], talk.world.book(one, 200)
    assert list(body) == ["a", "b", "ts"]
    assert body["b"] == [[float(one.price_text(p)), float(one.size_text(s))] for p, s in truth.bids]
    assert body["a"] == [[float(one.price_text(p)), float(one.size_text(s))] for p, s in truth.asks]
    assert f"[{one.price_text(truth.bids[0][0])},{one.size_text(truth.bids[0][1])}]" in answer.body.decode()


def test_candles_are_newest_first_and_keep_to_the_times_asked_for(talk: Talk) -> None:
    one = found(talk.world, VENUE, "BTCUSDT")
    query = PERP | {"interval": "5m"}
    newest = data(talk, f"{V3}/candles", **query, limit=10)
    truth = talk.world.candles(one, "5m", 10)
    assert newest == [words.kline_row(one, bar) for bar in reversed(truth)]
    assert all(len(row) == 7 for row in newest)
    starts = [int(row[0]) for row in newest]
    assert starts[0] == talk.world.now_ms // (5 * MINUTE) * 5 * MINUTE
    assert len(data(talk, f"{V3}/candles", **query)) == 100
    assert len(data(talk, f"{V3}/history-candles", **query, limit=1_000)) == 100
    assert data(talk, f"{V3}/candles", **query, limit=3, endTime=starts[4]) == newest[4:7]
    assert data(talk, f"{V3}/candles", **query, startTime=starts[6], endTime=starts[4]) == newest[4:7]
    assert data(talk, f"{V3}/candles", **query, startTime=starts[6], limit=3) == newest[4:7]
    assert data(talk, f"{V3}/candles", **query, type="MARKET", limit=10) == newest


def test_settlements_come_in_pages_newest_first(talk: Talk) -> None:
    def page(number: int) -> list[int]:
        rows = data(talk, f"{V3}/history-fund-rate", **PERP, cursor=number, limit=4)["resultList"]
        return [int(row["fundingRateTimestamp"]) for row in rows]

    stamps = page(1) + page(2)
    assert [before - after for before, after in itertools.pairwise(stamps)] == [8 * HOUR] * 7


def test_trades_of_rest_are_those_of_the_stream(talk: Talk) -> None:
    talk.open(0, "/v3/ws/public")
    talk.say(
        0, {"op": "subscribe", "args": [{"instType": "usdt-futures", "topic": "publicTrade", "symbol": "BTCUSDT"}]}
    )
    talk.run(5_000)
    told = [row["i"] for message in talk.pushes(0)[1:] for row in reversed(message["data"])]
    assert len(told) > 5
    newest = data(talk, f"{V3}/fills", **PERP, limit=min(100, len(told)))
    assert [row["execId"] for row in reversed(newest)] == told[-100:]


def test_what_is_coming_is_listed_before_it_trades() -> None:
    world = small(2, 60.0, listings=True)
    talk = Talk(world, Bitget(world))
    coming = next(one for one in world.instruments if one.venue == VENUE and one.listed_ms > world.now_ms)

    def status() -> str | None:
        rows = data(talk, f"{V3}/instruments", category="USDT-FUTURES")
        return next((row["status"] for row in rows if row["symbol"] == coming.symbol), None)

    assert status() is None
    for _ in world.advance(coming.listed_ms - 1_000):
        pass
    assert status() == "listed"
    assert read(talk, BitgetLive().listing_requests()[0]).listing[-1].status in ("pending", "trading")
    tickers = data(talk, f"{V3}/tickers", category="USDT-FUTURES")
    assert coming.symbol not in {row["symbol"] for row in tickers}
    for _ in world.advance(coming.listed_ms + 1_000):
        pass
    assert status() == "online"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"{V3}/candles", {"category": "USDT-FUTURES", "symbol": "NOPEUSDT", "interval": "1m"}),
        (f"{V3}/candles", {"category": "USDT-FUTURES", "symbol": "BTCUSDT", "interval": "7m"}),
        (f"{V3}/candles", {"category": "USDT-FUTURES", "symbol": "BTCUSDT", "interval": "1m", "limit": "many"}),
        (f"{V3}/candles", {"category": "USDT-FUTURES", "symbol": "BTCUSDT", "interval": "1m", "type": "mark"}),
        (f"{V3}/orderbook", {"category": "USDT-FUTURES"}),
        (f"{V2}/account-long-short", {"symbol": "BTCUSDT", "period": "7m"}),
    ],
)
def test_what_is_asked_wrongly_is_refused(talk: Talk, path: str, query: dict[str, str | int]) -> None:
    answer = talk.ask(path, **query)
    body = json.loads(answer.body)
    assert answer.status == 400
    assert body["code"] != "00000"
    assert body["data"] is None


def test_what_is_not_there_is_said_so(talk: Talk) -> None:
    answer = talk.ask("/api/v3/public/instruments")
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "40404")


def test_twenty_a_second_of_each_endpoint_and_one_of_a_ratio() -> None:
    world = small(1, 10.0)
    talk = Talk(world, Bitget(world))
    path = "/api/v2/public/time"
    answers = [talk.ask(path) for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert [answer.headers["x-mbx-used-remain-limit"] for answer in answers[:20:19]] == ["19", "0"]
    assert json.loads(answers[-1].body)["code"] == "429"
    # An endpoint over its second says that nothing is left of it; the client then rests for no more than that.
    refusal = BitgetLive().refusal(429, answers[-1].headers, answers[-1].body.decode())
    assert refusal is not None
    assert refusal.rest_s == ENDPOINT_REST_S
    ratio = [talk.ask(f"{V2}/account-long-short", symbol="BTCUSDT").status for _ in range(2)]
    assert ratio == [200, 429]
    talk.run(1_000)
    assert talk.ask(path).status == 200


def test_6000_a_minute_and_then_five_minutes_of_rest() -> None:
    world = small(1, 10.0)
    exchange = Bitget(world)
    now_ms = world.now_ms // MINUTE * MINUTE

    def ask(at_ms: int, address: str = "one") -> int:
        return exchange.rest("https://api.bitget.com", "/api/v2/public/time", {}, address, at_ms).status

    assert [ask(now_ms + number * 9) for number in range(PER_MINUTE)].count(429) > 0
    over_ms = now_ms + PER_MINUTE * 9
    assert ask(over_ms) == 429
    assert ask(over_ms, "other") == 200
    for after_ms, status in ((MINUTE, 429), (BAN_MS - 1, 429), (BAN_MS, 200)):
        assert ask(over_ms + after_ms) == status
