"""What the simulated Binance answers on a stream: acknowledgements, errors, properties, the two paths of USD-M."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.simulator.exchanges.binance.exchange import METHODS, STREAMS, Binance
from engine.venues.binance import session
from tests.engine.simulator.exchanges.binance.talks import (
    MARKET,
    PUBLIC,
    SPOT,
    SPOT_STREAMS,
    VENUES,
    pushed,
    subscribe,
    talk_of,
)
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import small

NUMBERS = list(VENUES)


@pytest.fixture
def talk() -> Talk:
    return talk_of(small(3, 60.0))


def answer(talk: Talk, number: int, message: Any) -> dict[str, Any]:
    reply = talk.say(number, message)
    assert reply.close is None
    (text,) = reply.texts
    said: dict[str, Any] = json.loads(text)
    return said


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("method", ["SUBSCRIBE", "UNSUBSCRIBE"])
@pytest.mark.parametrize("given", [1, 312, 0, "a1"])
def test_requests_are_acknowledged_by_their_number(talk: Talk, number: int, method: str, given: int | str) -> None:
    said = answer(talk, number, {"method": method, "params": ["btcusdt@aggTrade"], "id": given})
    assert said == {"result": None, "id": given}
    assert list(said) == ["result", "id"]
    ack = session.read_ack(json.dumps(said))
    assert ack is not None
    assert (ack.ok, ack.request_id) == (True, str(given))


def test_what_was_subscribed_is_listed_and_left(talk: Talk) -> None:
    names = ["btcusdt@aggTrade", "btcusdt@markPrice@1s", "btcusdt@nothing"]
    subscribe(talk, MARKET, names)
    assert answer(talk, MARKET, {"method": "LIST_SUBSCRIPTIONS", "id": 3}) == {"result": names, "id": 3}
    talk.run(3_000)
    assert pushed(talk, MARKET, names[1])
    left = talk.say(MARKET, {"method": "UNSUBSCRIBE", "params": names[1:], "id": 4})
    assert len(left.left) == 2
    count = len(pushed(talk, MARKET, names[1]))
    talk.run(3_000)
    assert len(pushed(talk, MARKET, names[1])) == count
    assert answer(talk, MARKET, {"method": "LIST_SUBSCRIPTIONS", "id": 5})["result"] == names[:1]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("nonsense", 3, "Invalid JSON"),
        ("", 3, "Invalid JSON"),
        ("[]", 2, "Invalid request"),
        ("1", 2, "Invalid request"),
        ("{}", 2, "missing field `method`"),
        ({"method": 1, "id": 1}, 2, "missing field `method`"),
        ({"method": "subscribe", "params": [], "id": 1}, 2, "unknown variant subscribe, expected one of `SUBSCRIBE`"),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade"]}, 2, "request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": -1}, 2, "request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": True}, 2, "request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": [1]}, 2, "request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBE", "params": "btcusdt@aggTrade", "id": 1}, 2, "Invalid request"),
        ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2, "Invalid request"),
        ({"method": "SUBSCRIBE", "params": [["a"]], "id": 1}, 2, "Invalid request"),
        ({"method": "GET_PROPERTY", "params": [], "id": 1}, 2, "property name must be a string"),
        ({"method": "GET_PROPERTY", "params": ["other"], "id": 1}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}, 1, "expected Boolean"),
    ],
)
def test_errors_have_the_documented_codes_and_harm_nothing(
    talk: Talk, number: int, message: Any, code: int, words: str
) -> None:
    said = answer(talk, number, message)
    assert said["error"]["code"] == code
    assert words in said["error"]["msg"]
    ack = session.read_ack(json.dumps(said))
    assert ack is not None
    assert not ack.ok
    assert len(METHODS) == 5
    subscribe(talk, number, ["btcusdt@bookTicker", "btcusdt@markPrice@1s"])
    talk.run(3_000)
    assert talk.pushes(number)


def test_our_own_requests_are_understood_and_their_answers_read(talk: Talk) -> None:
    for method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        for request in session.requests(method, [f"btcusdt@{kind}" for kind in ("bookTicker", "depth@100ms")], 7):
            ack = session.read_ack(talk.say(PUBLIC, request.text).texts[0])
            assert ack is not None
            assert (ack.ok, ack.request_id) == (True, request.request_id)


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (PUBLIC, {"bookTicker", "depth", "depth@100ms", "depth@500ms", "depth@0ms", "depth20@100ms", "trade"}),
        (MARKET, {"aggTrade", "kline_1m", "markPrice", "markPrice@1s", "ticker", "miniTicker"}),
        (
            SPOT,
            {"bookTicker", "depth", "depth@100ms", "depth20@100ms", "trade", "aggTrade", "kline_1m"}
            | {"ticker", "miniTicker"},
        ),
    ],
)
def test_each_path_speaks_of_its_own_kinds_and_is_silent_of_the_others(
    talk: Talk, number: int, spoken: set[str]
) -> None:
    kinds = {
        "bookTicker", "depth", "depth@100ms", "depth@500ms", "depth@0ms", "depth20@100ms", "trade", "aggTrade",
        "kline_1m", "markPrice", "markPrice@1s", "ticker", "miniTicker",
    }  # fmt: skip
    wrong = {"depth7", "depthx", "depth@1ms", "depth20@0ms", "kline_7m", "kline", "bookTicker@1s", "nothing", "",
             "kline_1m@1s", "markPrice@2s", "aggTrade5"}  # fmt: skip
    names = [f"btcusdt@{kind}" for kind in sorted(kinds | wrong)]
    names += ["BTCUSDT@trade", "BTCUSDT@aggTrade", "nopeusdt@trade", "nopeusdt@aggTrade", "btcusdt", "!nothing@arr"]
    subscribe(talk, number, names)
    talk.run(60_000)
    assert {message["stream"].removeprefix("btcusdt@") for message in talk.pushes(number)} == spoken


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (PUBLIC, set()),
        (MARKET, {"!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr"}),
        # `!ticker@arr` of spot was retired on 2026-03-26.
        (SPOT, {"!miniTicker@arr"}),
    ],
)
def test_streams_of_all_symbols(talk: Talk, number: int, spoken: set[str]) -> None:
    subscribe(talk, number, ["!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr", "!bookTicker"])
    talk.run(10_000)
    assert {message["stream"] for message in talk.pushes(number)} == spoken


def test_a_path_without_a_part_has_what_public_has(talk: Talk) -> None:
    talk.open(9, "/stream", streams="btcusdt@bookTicker/btcusdt@aggTrade")
    talk.run(5_000)
    assert {message["stream"] for message in talk.pushes(9)} == {"btcusdt@bookTicker"}


@pytest.mark.parametrize(
    ("path", "origin", "stream"),
    [
        ("/public/ws/btcusdt@bookTicker", "", "bookTicker"),
        ("/market/ws/btcusdt@aggTrade/ethusdt@aggTrade", "", "aggTrade"),
        ("/ws/btcusdt@aggTrade", SPOT_STREAMS, "aggTrade"),
    ],
)
def test_streams_in_the_address_are_joined_and_come_bare(talk: Talk, path: str, origin: str, stream: str) -> None:
    talk.open(9, path, origin)
    talk.run(5_000)
    frames = [json.loads(text) for text in talk.heard[9]]
    assert frames
    assert {frame["e"] for frame in frames} == {stream}
    assert {frame["s"] for frame in frames} == {f"{part.partition('usdt')[0].upper()}USDT" for part in
                                                path.rpartition("ws/")[2].split("/")}  # fmt: skip


def test_the_envelope_can_be_left_off_and_asked_for(talk: Talk) -> None:
    subscribe(talk, MARKET, ["btcusdt@markPrice@1s"])
    talk.run(2_000)
    assert "stream" in json.loads(talk.heard[MARKET][-1])
    assert answer(talk, MARKET, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1})["result"] is True
    assert answer(talk, MARKET, {"method": "SET_PROPERTY", "params": ["combined", False], "id": 2})["result"] is None
    talk.run(2_000)
    assert "stream" not in json.loads(talk.heard[MARKET][-1])
    assert answer(talk, MARKET, {"method": "GET_PROPERTY", "params": ["combined"], "id": 3})["result"] is False
    talk.say(MARKET, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 4})
    talk.run(2_000)
    assert "stream" in json.loads(talk.heard[MARKET][-1])


def test_a_connection_has_1024_streams() -> None:
    talk = talk_of(small(1, 1.0))
    assert STREAMS == 1024
    assert talk.say(PUBLIC, {"method": "SUBSCRIBE", "params": [f"a{n}@trade" for n in range(1024)], "id": 1}).texts
    # What is subscribed already counts once.
    assert talk.say(PUBLIC, {"method": "SUBSCRIBE", "params": ["a1@trade"], "id": 2}).close is None
    assert talk.say(PUBLIC, {"method": "SUBSCRIBE", "params": ["b@trade"], "id": 3}).close is not None


def test_only_its_paths_are_open(talk: Talk) -> None:
    for origin, path, is_open in (
        ("wss://fstream.binance.com", "/public/stream", True),
        ("wss://fstream.binance.com", "/market/ws/btcusdt@aggTrade", True),
        ("wss://fstream.binance.com", "/stream", True),
        ("wss://fstream.binance.com", "/private/stream", False),
        (SPOT_STREAMS, "/stream", True),
        (SPOT_STREAMS, "/ws/btcusdt@trade", True),
        (SPOT_STREAMS, "/public/stream", False),
    ):
        assert talk.exchange.path_exists(origin, path) is is_open, path


def test_who_is_gone_gets_nothing_and_costs_nothing(talk: Talk) -> None:
    subscribe(talk, PUBLIC, ["btcusdt@depth@100ms", "btcusdt@bookTicker"])
    subscribe(talk, MARKET, ["!ticker@arr", "btcusdt@kline_1m"])
    talk.run(1_000)
    for number in NUMBERS:
        talk.close(number)
    count = len(talk.heard[PUBLIC])
    talk.run(2_100)
    assert len(talk.heard[PUBLIC]) == count
    exchange = talk.exchange
    assert isinstance(exchange, Binance)
    assert not exchange._feeds
    assert not any(exchange._of.values())
    assert not exchange._all_due
    assert not exchange._changed


def test_a_contract_that_is_coming_is_told_as_its_status_changes() -> None:
    world = small(2, 60.0, listings=True)
    talk = talk_of(world)
    subscribe(talk, MARKET, ["!contractInfo"])
    coming = next(one for one in world.instruments if one.venue == "binance-usdm" and one.listed_ms > world.now_ms)
    for happening in world.advance(coming.listed_ms + 1_000):
        talk._put(talk.exchange.happened(happening, talk.wanted))
    told = [row for row in pushed(talk, MARKET, "!contractInfo") if row["s"] == coming.symbol]
    assert [row["cs"] for row in told] == ["PENDING_TRADING", "TRADING"]
    kind = "TRADIFI_PERPETUAL" if coming.tradfi else "PERPETUAL"
    assert all((row["ct"], row["ot"], row["st"]) == (kind, coming.listed_ms, 1) for row in told)
