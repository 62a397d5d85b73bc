"""The simulated OKX's REST answers: as recorded, as our parser reads them, within the venue's limits."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.events import BookSnapshot, Candle, Funding, MarkPrice, OpenInterest, Ratio, Ticker, Trade
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.exchange import Okx
from engine.venues.base import Parsed, Verdict
from engine.venues.okx.live import OkxLive
from engine.venues.okx.parse import OkxParser
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, found, small
from tests.recorded import recorded

NS = 1_000_000
V5 = "/api/v5"
NAME = "BTC-USDT-SWAP"
RUBIK = f"{V5}/rubik/stat/contracts"


@pytest.fixture(scope="module")
def talk() -> Talk:
    world = small(4, 300.0)
    made = Talk(world, Okx(world))
    made.run(20_000)
    return made


def data(talk: Talk, path: str, **query: str | int) -> Any:
    """The rows; no address asks too often."""
    answer = talk.ask_as(f"{path}{query}", path, **query)
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["msg"]) == (200, "0", ""), body
    return body["data"]


def read(talk: Talk, request: str) -> Parsed:
    """What our parser makes of the answer to one of our own requests."""
    path, _, query = request.removeprefix("GET ").partition("?")
    answer = talk.ask_as(request, path, **dict(parse_qsl(query)))
    return OkxParser().response(request, answer.status, answer.body.decode(), talk.world.now_ms * NS)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/public/open-interest", {"instType": "SWAP"}),
        ("/public/funding-rate", {"instId": "ANY"}),
        ("/rubik/stat/taker-volume-contract", {"instId": NAME, "unit": 2}),
    ],
)
def test_answers_are_made_as_those_of_this_year(talk: Talk, path: str, query: dict[str, str | int]) -> None:
    seen, ours = Shapes(), Shapes()
    for line in recorded("rest", "okx_public_2026-09.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["path"] == V5 + path:
            seen.take(row["data"])
    ours.take(json.loads(talk.ask_as(path, V5 + path, **query).body))
    assert seen.orders
    assert seen.faults(ours) == []
    assert seen.kinds.keys() == ours.kinds.keys()
    assert seen.padding_faults(ours) == []


@pytest.mark.recorded
def test_books_are_made_as_recorded_ones_with_their_sequence(talk: Talk) -> None:
    seen, ours = Shapes(), Shapes()
    for line in recorded("frames", "crypto-msg-parser-okx.jsonl").read_text().splitlines():
        body = json.loads(line)
        if "code" in body and "asks" in body["data"][0]:
            seen.take(body)
    body = talk.get(f"{V5}/market/books", instId=NAME, sz=400)
    one, row = found(talk.world, "okx", NAME), body["data"][0]
    truth = talk.world.book(one, 400)
    assert row.pop("seqId") == truth.update_id
    assert [row["bids"], row["asks"]] == [words.rows(one, truth.bids), words.rows(one, truth.asks)]
    ours.take(body)
    assert seen.faults(ours) == []
    assert seen.padding_faults(ours) == []
    assert len(data(talk, f"{V5}/market/books", instId=NAME)[0]["asks"]) == 1


def test_our_parser_reads_every_answer(talk: Talk) -> None:
    now_ms, live = talk.world.now_ms, OkxLive()
    instruments = [one for request in live.listing_requests() for one in read(talk, request).listing]
    assert len(instruments) == len(talk.world.listed("okx"))
    trades = live.trades_request(NAME, now_ms - 3_000, now_ms)
    assert trades is not None
    asked = [live.candles_request(NAME, "1m", 100), live.depth_request(NAME), trades]
    asked += [poll.request for poll in live.polls(instruments)]
    kinds = set()
    for request in asked:
        parsed = read(talk, request)
        assert parsed.verdict is Verdict.ACCEPTED, (request, parsed.detail)
        kinds |= {type(event) for event in parsed.events}
    assert kinds >= {Candle, BookSnapshot, Trade, Ticker, OpenInterest, Funding, Ratio, MarkPrice}
    answer = talk.ask(live.time_request().removeprefix("GET "))
    assert live.server_time_ms(answer.body.decode()) == now_ms


def test_candles_are_newest_first_and_come_in_pages(talk: Talk) -> None:
    one = found(talk.world, "okx", NAME)
    for path in ("candles", "history-candles"):
        newest = data(talk, f"{V5}/market/{path}", instId=NAME, bar="5m", limit=10)
        assert newest == [words.candle(one, bar) for bar in reversed(talk.world.candles(one, "5m", 10))]
        stamps = [int(row[0]) for row in newest]
        assert stamps == sorted(stamps, reverse=True)
        assert stamps[0] == talk.world.now_ms // (5 * MINUTE) * 5 * MINUTE
        assert all(len(row) == 9 for row in newest)
        assert [row[8] for row in newest] == ["0"] + ["1"] * 9
        query: dict[str, str | int] = {"instId": NAME, "bar": "5m"}
        # `after` and `before` leave out the time that they name.
        assert data(talk, f"{V5}/market/{path}", **query, after=stamps[4], limit=3) == newest[5:8]
        assert data(talk, f"{V5}/market/{path}", **query, before=stamps[4]) == newest[:4]
        assert data(talk, f"{V5}/market/{path}", **query, after=stamps[1], before=stamps[4]) == newest[2:4]
        assert len(data(talk, f"{V5}/market/{path}", **query)) == 100
        assert len(data(talk, f"{V5}/market/{path}", **query, limit=5_000)) == 300


def test_settlements_are_newest_first_and_come_in_pages(talk: Talk) -> None:
    path = f"{V5}/public/funding-rate-history"
    whole = data(talk, path, instId=NAME)
    stamps = [int(row["fundingTime"]) for row in whole]
    assert {before - after for before, after in itertools.pairwise(stamps)} == {8 * HOUR}
    assert len(whole) <= 400
    names = ["formulaType", "fundingRate", "fundingTime", "instId", "instType", "method", "realizedRate"]
    assert all(list(row) == names for row in whole)
    assert data(talk, path, instId=NAME, after=stamps[3], limit=2) == whole[4:6]
    assert data(talk, path, instId=NAME, before=stamps[3]) == whole[:3]
    (now,) = data(talk, f"{V5}/public/funding-rate", instId=NAME)
    assert int(now["prevFundingTime"]) == stamps[0]
    assert int(now["nextFundingTime"]) - int(now["fundingTime"]) == 8 * HOUR
    assert now["settFundingRate"] == whole[0]["realizedRate"]


@pytest.mark.parametrize(
    ("path", "width"),
    [
        (f"{RUBIK}/open-interest-history", 4),
        (f"{RUBIK}/long-short-account-ratio-contract", 2),
        (f"{RUBIK}/long-short-account-ratio-contract-top-trader", 2),
        (f"{RUBIK}/long-short-position-ratio-contract-top-trader", 2),
        (f"{V5}/rubik/stat/taker-volume-contract", 3),
    ],
)
def test_statistics_are_newest_first_and_keep_to_the_times_asked_for(talk: Talk, path: str, width: int) -> None:
    whole = data(talk, path, instId=NAME, period="5m", limit=20)
    stamps = [int(row[0]) for row in whole]
    assert [before - after for before, after in itertools.pairwise(stamps)] == [5 * MINUTE] * 19
    assert all(len(row) == width and all(isinstance(value, str) for value in row) for row in whole)
    assert len(data(talk, path, instId=NAME, period="5m", limit=5_000)) == 100
    assert data(talk, path, instId=NAME, period="5m", begin=stamps[6], end=stamps[2]) == whole[2:7]


def test_taker_volumes_are_sold_first_in_contracts_coins_or_dollars(talk: Talk) -> None:
    path, one = f"{V5}/rubik/stat/taker-volume-contract", found(talk.world, "okx", NAME)
    bars = [bar for bar in reversed(talk.world.candles(one, "5m", 5)) if bar.closed]
    for unit, text in ((None, words.size), (1, words.size), (0, words.base)):
        query: dict[str, str | int] = {} if unit is None else {"unit": unit}
        rows = data(talk, path, instId=NAME, period="5m", limit=4, **query)
        assert rows == [
            [str(bar.open_ms), text(one, bar.steps - bar.buy_steps), text(one, bar.buy_steps)] for bar in bars
        ]
    rows = data(talk, path, instId=NAME, period="5m", limit=4, unit=2)
    assert [row[2] for row in rows] == [words.quote(one, bar.buy_quote) for bar in bars]


def test_trades_of_rest_are_those_of_the_streams(talk: Talk) -> None:
    talk.open(0, "/ws/v5/public")
    talk.open(1, "/ws/v5/business")
    talk.say(0, {"op": "subscribe", "args": [{"channel": "trades", "instId": NAME}]})
    talk.say(1, {"op": "subscribe", "args": [{"channel": "trades-all", "instId": NAME}]})
    talk.run(10_000)
    joined, singles = ([row for message in talk.pushes(number) for row in message["data"]] for number in (0, 1))
    assert len(joined) > 10
    newest = data(talk, f"{V5}/market/trades", instId=NAME, limit=len(joined))
    assert list(newest[0]) == ["instId", "side", "sz", "source", "px", "tradeId", "ts"]
    assert list(reversed(newest)) == [{name: row[name] for name in newest[0]} for row in singles[-len(joined) :]]
    last = data(talk, f"{V5}/market/history-trades", instId=NAME, limit=10)
    assert list(reversed(last)) == [{name: row[name] for name in last[0]} for row in singles[-10:]]
    older = data(talk, f"{V5}/market/history-trades", instId=NAME, limit=5, after=last[3]["tradeId"])
    assert older == last[4:9]


def test_what_is_coming_is_listed_before_it_trades() -> None:
    world = small(2, 60.0, listings=True)
    talk = Talk(world, Okx(world))
    talk.open(0, "/ws/v5/public")
    talk.say(0, {"op": "subscribe", "args": [{"channel": "instruments", "instType": "SWAP"}]})
    coming = next(
        one for one in world.instruments if one.venue == "okx" and one.kind == "perp" and one.listed_ms > world.now_ms
    )

    def state() -> str | None:
        rows = data(talk, f"{V5}/public/instruments", instType="SWAP")
        return next((row["state"] for row in rows if row["instId"] == coming.symbol), None)

    assert state() is None
    states = []
    for happening in world.advance(coming.listed_ms + 1_000):
        for _, text in talk.exchange.happened(happening, talk.wanted):
            (row,) = json.loads(text)["data"]
            if row["instId"] == coming.symbol:
                states.append(row["state"])
    assert states == ["preopen", "live"]
    assert state() == "live"


@pytest.mark.parametrize(
    ("path", "query", "status", "code", "message"),
    [
        ("market/candles", {"instId": "NOPE"}, 200, "51001", "Instrument ID, Instrument ID code, or Spread ID doesn't"),
        ("market/candles", {}, 400, "50014", "Parameter instId can not be empty."),
        ("market/candles", {"instId": NAME, "bar": "7m"}, 400, "51000", "Parameter bar error"),
        ("market/candles", {"instId": NAME, "limit": "many"}, 400, "51000", "Parameter limit error"),
        ("market/books", {"instId": NAME, "sz": "-1"}, 400, "51000", "Parameter sz error"),
        ("public/instruments", {}, 400, "50014", "Parameter instType can not be empty."),
        ("public/instruments", {"instType": "NOPE"}, 400, "51000", "Parameter instType error"),
        ("public/funding-rate", {"instId": "BTC-USDT"}, 400, "51000", "Parameter instId error"),
        ("rubik/stat/taker-volume-contract", {"instId": NAME, "period": "7m"}, 400, "51000", "Parameter period error"),
        ("rubik/stat/taker-volume-contract", {"instId": NAME, "unit": "3"}, 400, "51000", "Parameter unit error"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_the_body(
    talk: Talk, path: str, query: dict[str, str | int], status: int, code: str, message: str
) -> None:
    answer = talk.ask_as(f"{path}{query}", f"{V5}/{path}", **query)
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["data"]) == (status, code, [])
    assert body["msg"].startswith(message)
    refusal = OkxLive().refusal(answer.status, answer.headers, answer.body.decode())
    assert refusal is not None
    assert refusal.kind == "wrong"


def test_products_without_instruments_are_empty(talk: Talk) -> None:
    assert data(talk, f"{V5}/public/instruments", instType="FUTURES") == []


def test_what_is_not_there_is_404(talk: Talk) -> None:
    assert talk.ask_as("x", f"{V5}/public/nothing").status == 404


@pytest.mark.parametrize(
    ("path", "query", "most"),
    [
        ("market/candles", {"instId": NAME}, 40),
        ("market/history-candles", {"instId": NAME}, 20),
        ("market/trades", {"instId": NAME}, 100),
        ("public/funding-rate", {"instId": NAME}, 10),
        ("rubik/stat/taker-volume-contract", {"instId": NAME}, 5),
        ("public/time", {}, 10),
    ],
)
def test_each_endpoint_has_its_own_count_in_two_seconds(path: str, query: dict[str, str | int], most: int) -> None:
    world = small(2, 10.0)
    talk = Talk(world, Okx(world))
    answers = [talk.ask(f"{V5}/{path}", **query) for _ in range(most + 1)]
    assert [answer.status for answer in answers] == [200] * most + [429]
    assert json.loads(answers[-1].body)["code"] == "50011"
    refusal = OkxLive().refusal(429, {}, answers[-1].body.decode())
    assert refusal is not None
    assert refusal.kind == "limited"
    assert talk.ask_as("other", f"{V5}/{path}", **query).status == 200
    assert talk.ask(f"{V5}/market/tickers", instType="SWAP").status == 200
    if ("public" in path and query) or "rubik" in path:
        # These count by instrument.
        assert talk.ask(f"{V5}/{path}", instId="ETH-USDT-SWAP").status == 200
    talk.run(2_000)
    assert talk.ask(f"{V5}/{path}", **query).status == 200
