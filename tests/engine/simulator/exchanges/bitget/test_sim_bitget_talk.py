"""What the simulated Bitget answers on a stream: acknowledgements, refusals, pings, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.simulator.exchanges.bitget.exchange import CHANNELS, REQUESTS_PER_HOUR, Bitget
from engine.venues.bitget import session
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import HOUR, small

TICKER = {"instType": "usdt-futures", "topic": "ticker", "symbol": "BTCUSDT"}


@pytest.fixture
def talk() -> Talk:
    world = small(3, 60.0)
    made = Talk(world, Bitget(world))
    made.open(0, "/v3/ws/public")
    return made


def test_every_argument_is_acknowledged_by_itself(talk: Talk) -> None:
    args = [TICKER, TICKER | {"topic": "kline", "interval": "1m"}, {"instType": "usdt-futures", "topic": "liquidation"}]
    reply = talk.say(0, {"op": "subscribe", "args": args})
    acks = [json.loads(text) for text in reply.texts if '"event"' in text]
    assert [ack["arg"] for ack in acks] == args
    assert all(list(ack) == ["event", "arg", "connId"] and ack["event"] == "subscribe" for ack in acks)
    assert list(reply.joined) == ["ticker:BTCUSDT", "kline.1m:BTCUSDT", "liquidation"]
    # Snapshots come after all the answers.
    kinds = ['"event"' in text for text in reply.texts]
    assert kinds == sorted(kinds, reverse=True)
    left = talk.say(0, {"op": "unsubscribe", "args": args[:1]})
    assert json.loads(left.texts[0])["event"] == "unsubscribe"
    assert list(left.left) == ["ticker:BTCUSDT"]
    count = len(talk.heard[0])
    talk.run(2_000)
    assert not any('"topic":"ticker"' in text for text in talk.heard[0][count:])


def test_our_own_requests_are_understood_and_their_answers_read(talk: Talk) -> None:
    topics = [f"{name}:BTCUSDT" for name in ("ticker", "publicTrade", "books", "kline.1m")] + ["liquidation"]
    for op in ("subscribe", "unsubscribe"):
        for request in session.requests(op, topics):
            answers = [session.read_ack(text) for text in talk.say(0, request.text).texts]
            acks = [ack for ack in answers if ack is not None]
            assert [ack.topics for ack in acks] == [(topic,) for topic in request.topics]
            assert all(ack.ok and ack.op == op for ack in acks)


@pytest.mark.parametrize(
    "wrong",
    [
        TICKER | {"symbol": "NOPEUSDT"},
        TICKER | {"topic": "books500"},
        TICKER | {"instType": "spot"},
        TICKER | {"topic": "kline", "interval": "7m"},
        TICKER | {"topic": "kline"},
        {"instType": "usdt-futures", "topic": "ticker"},
        {},
    ],
)
def test_a_wrong_argument_is_refused_by_name_and_the_others_stand(talk: Talk, wrong: dict[str, str]) -> None:
    reply = talk.say(0, {"op": "subscribe", "args": [wrong, TICKER]})
    said = json.loads(reply.texts[0])
    assert (said["event"], said["code"]) == ("error", 30001)
    assert said["msg"] == json.dumps(wrong, separators=(",", ":")) + " doesn't exist"
    assert list(reply.joined) == ["ticker:BTCUSDT"]
    ack = session.read_ack(reply.texts[0])
    assert ack is not None
    assert (ack.op, ack.ok, ack.closes) == ("error", False, False)
    assert len(ack.topics) == (1 if "topic" in wrong else 0)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "1", "{}", '{"op":"dance","args":[]}', '{"op":"subscribe"}', '{"op":"subscribe","args":1}'],
)
def test_what_means_nothing_is_refused_and_harms_nothing(talk: Talk, text: str) -> None:
    said = json.loads(talk.say(0, text).texts[0])
    assert said["event"] == "error"
    assert talk.say(0, {"op": "subscribe", "args": [TICKER]}).joined


def test_arguments_that_are_none_are_refused(talk: Talk) -> None:
    args: list[Any] = [None, "ticker", 1, [TICKER]]
    reply = talk.say(0, {"op": "subscribe", "args": args})
    assert [json.loads(text)["event"] for text in reply.texts] == ["error"] * 4
    assert not reply.joined


def test_a_ping_is_answered_by_a_pong(talk: Talk) -> None:
    assert list(talk.say(0, "ping").texts) == ["pong"]
    assert talk.exchange.silence_cut_s == 120.0
    assert talk.exchange.messages_per_s == 10.0


def test_240_requests_an_hour_and_then_the_connection_is_closed(talk: Talk) -> None:
    request = {"op": "subscribe", "args": [TICKER]}
    for _ in range(REQUESTS_PER_HOUR):
        assert talk.say(0, request).close is None
    talk.say(0, "ping")
    refused = talk.say(0, request)
    assert refused.close is not None
    ack = session.read_ack(refused.texts[0])
    assert ack is not None
    assert ack.closes
    talk.open(1, "/v3/ws/public")
    assert talk.say(1, request).close is None
    exchange = talk.exchange
    exchange.opened(2, exchange.stream_origins[0], "/v3/ws/public", {}, 0)
    for number in range(REQUESTS_PER_HOUR + 1):
        text = json.dumps(request)
        # One after an hour stands in the place of the first.
        assert exchange.message(2, text, talk.world.now_ms + (HOUR if number == REQUESTS_PER_HOUR else 0)).close is None


def test_a_connection_has_a_thousand_channels(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CHANNELS == 1_000
    monkeypatch.setattr("engine.simulator.exchanges.bitget.exchange.CHANNELS", 2)
    args = [TICKER, TICKER | {"topic": "books1"}, TICKER | {"topic": "books5"}]
    reply = talk.say(0, {"op": "subscribe", "args": args})
    assert list(reply.joined) == ["ticker:BTCUSDT", "books1:BTCUSDT"]
    assert sum('"event":"error"' in text for text in reply.texts) == 1


def test_only_its_path_is_open(talk: Talk) -> None:
    assert talk.exchange.path_exists("wss://ws.bitget.com", "/v3/ws/public")
    assert not talk.exchange.path_exists("wss://ws.bitget.com", "/v2/ws/public")


def test_who_is_gone_gets_nothing_and_costs_nothing(talk: Talk) -> None:
    talk.say(0, {"op": "subscribe", "args": [TICKER, TICKER | {"topic": "books"}]})
    talk.run(1_000)
    talk.close(0)
    count = len(talk.heard[0])
    talk.run(2_100)
    assert len(talk.heard[0]) == count
    exchange = talk.exchange
    assert isinstance(exchange, Bitget)
    assert not exchange._feeds
    assert not any(exchange._of.values())
