"""What the simulated Bybit answers on a stream: acknowledgements, refusals, pings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.simulator.exchanges.bybit.exchange import ARGS_CHARS, Bybit
from engine.venues.bybit import session
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import small


@pytest.fixture
def talk() -> Talk:
    world = small(3, 60.0)
    made = Talk(world, Bybit(world))
    made.open(0, "/v5/public/linear")
    made.open(1, "/v5/public/spot")
    return made


def answer(talk: Talk, number: int, message: Any) -> dict[str, Any]:
    reply = talk.say(number, message)
    assert reply.close is None
    said: dict[str, Any] = json.loads(reply.texts[0])
    return said


def test_subscriptions_are_acknowledged_with_the_number_of_the_request(talk: Talk) -> None:
    said = answer(talk, 0, {"req_id": "7", "op": "subscribe", "args": ["tickers.BTCUSDT"]})
    assert list(said) == ["success", "ret_msg", "conn_id", "req_id", "op"]
    assert (said["success"], said["ret_msg"], said["req_id"], said["op"]) == (True, "", "7", "subscribe")
    spot = answer(talk, 1, {"op": "subscribe", "args": ["tickers.BTCUSDT"]})
    assert list(spot) == ["success", "ret_msg", "conn_id", "op"]
    assert spot["ret_msg"] == "subscribe"
    assert spot["conn_id"] != said["conn_id"]
    left = answer(talk, 0, {"req_id": "8", "op": "unsubscribe", "args": ["tickers.BTCUSDT"]})
    assert (left["success"], left["op"], left["req_id"]) == (True, "unsubscribe", "8")
    assert not talk.wanted["linear:tickers.BTCUSDT"]


@pytest.mark.parametrize(
    "wrong", ["tickers.NOPEUSDT", "orderbook.500.BTCUSDT", "kline.7.BTCUSDT", "liquidation.BTCUSDT", "tickers", ""]
)
def test_one_wrong_topic_refuses_the_whole_request_by_name(talk: Talk, wrong: str) -> None:
    reply = talk.say(0, {"op": "subscribe", "args": ["tickers.BTCUSDT", wrong]})
    (text,) = reply.texts
    said = json.loads(text)
    assert said["success"] is False
    assert said["ret_msg"] == f"error:handler not found,topic:{wrong}"
    assert not reply.joined
    ack = session.read_ack(text)
    assert ack is not None
    assert (ack.ok, ack.topics) == (False, (wrong,) if wrong else ())


def test_liquidations_are_of_contracts_only(talk: Talk) -> None:
    topic = {"op": "subscribe", "args": ["allLiquidation.BTCUSDT"]}
    assert answer(talk, 0, topic)["success"] is True
    assert answer(talk, 1, topic)["success"] is False


def test_what_is_subscribed_already_is_refused(talk: Talk) -> None:
    request = {"op": "subscribe", "args": ["tickers.BTCUSDT"]}
    assert answer(talk, 0, request)["success"] is True
    assert answer(talk, 0, request)["ret_msg"] == "error:already subscribed,topic:tickers.BTCUSDT"


def test_spot_takes_ten_topics_a_request_and_linear_any_number(talk: Talk) -> None:
    topics = [f"{kind}.BTCUSDT" for kind in ("tickers", "publicTrade", "orderbook.1", "orderbook.50", "orderbook.200")]
    topics += [f"kline.{interval}.BTCUSDT" for interval in ("1", "3", "5", "15", "30", "60")]
    assert len(topics) == 11
    assert "10" in answer(talk, 1, {"op": "subscribe", "args": topics})["ret_msg"]
    assert answer(talk, 1, {"op": "subscribe", "args": topics[:10]})["success"] is True
    assert answer(talk, 0, {"op": "subscribe", "args": topics})["success"] is True


def test_the_topics_of_a_connection_are_limited_in_length(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ARGS_CHARS == 21_000
    first, second = ["tickers.BTCUSDT"], ["tickers.ETHUSDT"]
    both = len(json.dumps(first + second, separators=(",", ":")))
    monkeypatch.setattr("engine.simulator.exchanges.bybit.exchange.ARGS_CHARS", both - 1)
    assert answer(talk, 0, {"op": "subscribe", "args": first})["success"] is True
    assert "exceeds" in answer(talk, 0, {"op": "subscribe", "args": second})["ret_msg"]
    monkeypatch.setattr("engine.simulator.exchanges.bybit.exchange.ARGS_CHARS", both)
    assert answer(talk, 0, {"op": "subscribe", "args": second})["success"] is True


def test_pings(talk: Talk) -> None:
    linear = answer(talk, 0, {"req_id": "p1", "op": "ping"})
    assert list(linear) == ["success", "ret_msg", "conn_id", "req_id", "op"]
    assert (linear["ret_msg"], linear["req_id"], linear["op"]) == ("pong", "p1", "ping")
    spot = answer(talk, 1, {"op": "ping"})
    assert list(spot) == ["success", "ret_msg", "conn_id", "op"]
    for said in (linear, spot):
        ack = session.read_ack(json.dumps(said))
        assert ack is not None
        assert (ack.op, ack.ok) == ("pong", True)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "1", '"ping"', "{}", '{"op":"dance"}', '{"op":"subscribe","args":"tickers.BTCUSDT"}']
)
def test_what_means_nothing_is_refused_and_harms_nothing(talk: Talk, text: str) -> None:
    assert answer(talk, 0, text)["success"] is False
    assert answer(talk, 0, {"op": "subscribe", "args": ["tickers.BTCUSDT"]})["success"] is True


def test_only_its_paths_are_open(talk: Talk) -> None:
    for path, is_open in (("/v5/public/linear", True), ("/v5/public/spot", True), ("/v5/public/option", False)):
        assert talk.exchange.path_exists("wss://stream.bybit.com", path) is is_open


def test_who_is_gone_gets_nothing_and_costs_nothing(talk: Talk) -> None:
    talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT", "tickers.BTCUSDT"]})
    talk.run(1_000)
    talk.close(0)
    count = len(talk.heard[0])
    talk.run(2_100)
    assert len(talk.heard[0]) == count
    exchange = talk.exchange
    assert isinstance(exchange, Bybit)
    assert not exchange._feeds
    assert not any(exchange._of.values())
