"""What is sent to Bitget stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json

import pytest

from engine.venues.bitget import limits
from engine.venues.bitget.session import LIQUIDATIONS, Ack, BitgetSession, read_ack
from engine.venues.bitget.symbols import infer


def test_topics_of_an_instrument() -> None:
    session = BitgetSession()
    assert session.topics(infer("BTCUSDT"), intervals=("1m", "4h")) == [
        "publicTrade:BTCUSDT",
        "ticker:BTCUSDT",
        "books:BTCUSDT",
        "kline.1m:BTCUSDT",
        "kline.4H:BTCUSDT",
    ]
    assert session.topics(infer("BTCUSDT"), book="", intervals=()) == ["publicTrade:BTCUSDT", "ticker:BTCUSDT"]
    with pytest.raises(ValueError, match="not books15"):
        session.topics(infer("BTCUSDT"), book="books15")
    assert (session.heartbeat, session.heartbeat_s) == ("ping", 30.0)
    assert session.hosts() == ("wss://ws.bitget.com/v3/ws/public",)


def test_requests_name_what_the_documentation_names() -> None:
    (text,) = BitgetSession().subscribe(["books:BTCUSDT", "kline.4H:ETHUSDT", LIQUIDATIONS])
    assert text.startswith('{"op":"subscribe","args":[{"instType":"usdt-futures","topic":"books","symbol":"BTCUSDT"},')
    _, kline, liquidations = json.loads(text)["args"]
    assert kline == {"instType": "usdt-futures", "topic": "kline", "symbol": "ETHUSDT", "interval": "4H"}
    assert liquidations == {"instType": "usdt-futures", "topic": "liquidation"}


def test_nothing_is_lost_between_requests_and_connections() -> None:
    topics = [f"ticker:A{number}USDT" for number in range(1_111)]
    session = BitgetSession()
    shares = session.connections(topics)
    assert [topic for share in shares for topic in share] == topics
    assert max(map(len, shares)) == limits.CHANNELS_PER_CONNECTION < 50
    assert [len(share) for share in session.connections(topics, 1_000)] == [1_000, 111]
    requests = [json.loads(text) for text in session.subscribe(topics)]
    assert [arg["symbol"] for request in requests for arg in request["args"]] == [
        topic.partition(":")[2] for topic in topics
    ]
    assert max(len(request["args"]) for request in requests) == limits.ARGS_PER_REQUEST
    assert (session.connections([]), session.subscribe([])) == ([], [])
    for count in (0, 1_001):
        with pytest.raises(ValueError, match="1 to 1000"):
            session.connections(topics, count)


def test_resync_subscribes_anew() -> None:
    ops = [json.loads(text)["op"] for text in BitgetSession().resync("books:BTCUSDT")]
    assert ops == ["unsubscribe", "subscribe"]


ARG = '"arg":{"instType":"usdt-futures","topic":"kline","symbol":"BTCUSDT","interval":"1m"}'


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ("pong", Ack("pong", True, "", "")),
        (f'{{"event":"subscribe",{ARG},"connId":"x"}}', Ack("subscribe", True, "kline.1m:BTCUSDT", "")),
        (
            f'{{"event":"error",{ARG},"code":30001,"msg":"no such symbol"}}',
            Ack("error", False, "kline.1m:BTCUSDT", "30001: no such symbol"),
        ),
        ('{"event":"error","code":"30006","msg":"too many\\u001b"}', Ack("error", False, "", "30006: too many�")),
        (f'{{"data":[],{ARG},"action":"update","ts":1}}', None),
        ("ping!", None),
        ("[]", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert read_ack(text) == ack


def test_an_ack_names_the_topic_as_it_was_asked_for() -> None:
    topics = [*BitgetSession().topics(infer("测试USDT"), intervals=("5m",)), LIQUIDATIONS]
    for arg in json.loads(BitgetSession().subscribe(topics)[0])["args"]:
        ack = read_ack(json.dumps({"event": "subscribe", "arg": arg}))
        assert ack is not None
        assert ack.topic == topics.pop(0)


def test_inferred_instruments() -> None:
    pepe = infer("1000PEPEUSDT")
    assert (pepe.kind, pepe.base, pepe.quote, pepe.asset, pepe.multiplier) == ("perp", "1000PEPE", "USDT", "PEPE", 1e3)
    assert (pepe.inferred, pepe.contract_size, pepe.is_rankable) == (True, 1.0, True)
    assert not infer("BTCPERP").is_rankable
    assert infer("USDT").base == "USDT"
