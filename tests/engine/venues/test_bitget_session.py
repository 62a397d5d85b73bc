"""What is sent to Bitget stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venues.bitget import limits, session
from engine.venues.bitget.parse import BitgetParser
from engine.venues.bitget.symbols import infer
from engine.venues.live import Ack

BTC = infer("BTCUSDT")
TOPICS = st.one_of(
    st.just(session.LIQUIDATIONS),
    st.builds(
        "{}:{}".format,
        st.sampled_from(["publicTrade", "ticker", "books", "books1", "kline.1m", "kline.4H"]),
        st.from_regex(r"[A-Z0-9]{1,12}USDT", fullmatch=True) | st.sampled_from(["牛来USDT", "BTCUSDT_260925"]),
    ),
)


def test_channels_of_an_instrument() -> None:
    made = [session.trades(BTC), session.ticker(BTC), session.book(BTC), session.candle(BTC), session.candle(BTC, "4h")]
    assert [one.topic for one in made] == [
        "publicTrade:BTCUSDT",
        "ticker:BTCUSDT",
        "books:BTCUSDT",
        "kline.1m:BTCUSDT",
        "kline.4H:BTCUSDT",
    ]
    assert {(one.symbol, one.path) for one in made} == {("BTCUSDT", "public")}
    assert (session.liquidations().topic, session.liquidations().symbol) == ("liquidation", "")
    with pytest.raises(ValueError, match="not books15"):
        session.book(BTC, "books15")


def test_requests_name_what_the_documentation_names() -> None:
    (request,) = session.requests("subscribe", ["books:BTCUSDT", "kline.4H:ETHUSDT", session.LIQUIDATIONS])
    assert request.text.startswith(
        '{"op":"subscribe","args":[{"instType":"usdt-futures","topic":"books","symbol":"BTCUSDT"},'
    )
    _, kline, liquidations = json.loads(request.text)["args"]
    assert kline == {"instType": "usdt-futures", "topic": "kline", "symbol": "ETHUSDT", "interval": "4H"}
    assert liquidations == {"instType": "usdt-futures", "topic": "liquidation"}
    assert (request.request_id, request.topics) == ("", ("books:BTCUSDT", "kline.4H:ETHUSDT", "liquidation"))


@given(st.lists(TOPICS, unique=True, max_size=60), st.sampled_from(["subscribe", "unsubscribe"]))
def test_requests_are_small_and_lose_nothing(topics: list[str], op: Any) -> None:
    made = session.requests(op, topics)
    sent = [json.loads(one.text) for one in made]
    # An argument named back, in the answer to it or in a push, is the topic that was asked for.
    back = [session.read_ack(json.dumps({"event": op, "arg": arg})) for one in sent for arg in one["args"]]
    assert [topic for ack in back if ack is not None for topic in ack.topics] == topics
    assert [topic for one in made for topic in one.topics] == topics
    assert all(1 <= len(one["args"]) <= 10 for one in sent)
    assert {one["op"] for one in sent} <= {op}
    assert all(len(one.text.encode()) <= 4096 for one in made)


@given(st.lists(TOPICS, unique=True, max_size=120))
def test_a_connection_takes_as_many_as_the_venue_advises(topics: list[str]) -> None:
    held: list[str] = []
    for topic in topics:
        if session.room(held, topic):
            held.append(topic)
    assert held == topics[: limits.CHANNELS_PER_CONNECTION]
    assert limits.CHANNELS_PER_CONNECTION < 50
    requests = len(session.requests("subscribe", held))
    # Twenty times an hour a whole connection could be subscribed anew.
    assert requests * 20 <= limits.REQUESTS_PER_HOUR < limits.REQUESTS_PER_HOUR_MAX


ARG = '"arg":{"instType":"usdt-futures","topic":"kline","symbol":"BTCUSDT","interval":"1m"}'


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ("pong", Ack("pong", True)),
        (f'{{"event":"subscribe",{ARG},"connId":"x"}}', Ack("subscribe", True, "", ("kline.1m:BTCUSDT",))),
        (f'{{"event":"unsubscribe",{ARG}}}', Ack("unsubscribe", True, "", ("kline.1m:BTCUSDT",))),
        (
            f'{{"event":"error",{ARG},"code":30016,"msg":"Param error","op":"subscribe"}}',
            Ack("error", False, "", ("kline.1m:BTCUSDT",), "30016: Param error"),
        ),
        (
            '{"event":"error","code":30001,"msg":"{\\"instType\\":\\"usdt-futures\\",\\"symbol\\":\\"NONEUSDT\\",'
            '\\"topic\\":\\"books\\"} doesn\'t exist","connId":"x"}',
            Ack(
                "error",
                False,
                "",
                ("books:NONEUSDT",),
                '30001: {"instType":"usdt-futures","symbol":"NONEUSDT","topic":"books"} doesn\'t exist',
            ),
        ),
        (
            '{"event":"error","code":"30007","msg":"request over limit, connection close\\u001b"}',
            Ack("error", False, "", (), "30007: request over limit, connection close�", closes=True),
        ),
        ('{"event":"error","code":1,"msg":"{no json} said"}', Ack("error", False, "", (), "1: {no json} said")),
        ('{"event":"login","code":"0"}', Ack("notice", True, "", (), "0: ")),
        (f'{{"data":[],{ARG},"action":"update","ts":1}}', None),
        ("ping!", None),
        ("[]", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert session.read_ack(text) == ack
    assert (session.topic_of(text) is None) is (ack is not None or text in ("ping!", "[]"))


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        # In the order of the wire of 2026-09.
        (
            '{"action":"update","arg":{"instType":"usdt-futures","topic":"books","symbol":"ABCUSDT"},"data":[{"a":[],'
            '"b":[["0.00512","30000.5"]],"seq":400000000559,"pseq":400000000144,"ts":"1789456500452",'
            '"maxdepth":"1000"}],"ts":1789456500454}',
            "books:ABCUSDT",
        ),
        (f'{{"action":"snapshot",{ARG},"data":[],"ts":1}}', "kline.1m:BTCUSDT"),
        # As documented.
        (f'{{"data":[{{"start":"1"}}],{ARG},"action":"snapshot","ts":1736370735556}}', "kline.1m:BTCUSDT"),
        (
            '{"data":[{"symbol":"BTCUSDT","side":"buy"}],"arg":{"instType":"usdt-futures","topic":"liquidation"},'
            '"action":"update","ts":1736371332162}',
            "liquidation",
        ),
        (
            '{"action":"update","arg":{"instType":"usdt-futures","topic":"liquidation","symbol":"default"},"data":[]}',
            "liquidation",
        ),
        (f'{{"ts":1,"action":"update","data":[],{ARG}}}', "kline.1m:BTCUSDT"),
        (f'{{ "ts" : 1, "action" : "update", {ARG.replace(":", " : ")} }}', "kline.1m:BTCUSDT"),
        (f'{{"data":[],{ARG.replace("usdt-futures", "spot")},"action":"update"}}', "spot/kline.1m:BTCUSDT"),
        (
            '{"action":"update","arg":{"instType":"usdt-futures","topic":"ticker","symbol":"\\u725bUSDT"}}',
            "ticker:牛USDT",
        ),
        (f'{{"event":"subscribe",{ARG},"connId":"x"}}', None),
        (f'{{{ARG},"event":"subscribe"}}', None),
        ('{"action":"update","arg":{"instType":"usdt-futures"', None),
        ('{"action":"update","arg":{}}', None),
        ('{"data":[],"arg":{"topic":5},"action":"update"}', None),
        ("pong", None),
    ],
)
def test_the_topic_of_a_frame_wherever_it_stands(text: str, topic: str | None) -> None:
    assert session.topic_of(text) == topic


def test_only_what_is_whole_is_replaced_by_its_newest() -> None:
    for name, replaced in (("ticker", "ticker:BTCUSDT"), ("books", None), ("publicTrade", None), ("kline", None)):
        arg = f'"arg":{{"instType":"usdt-futures","topic":"{name}","symbol":"BTCUSDT"}}'
        assert session.replaced(f'{{"action":"snapshot",{arg},"data":[]}}') == replaced
    assert session.replaced("pong") is None


STARTS = st.sampled_from(
    ["", '{"action":"', '{"action":"update","arg":{', '{"data":[', '{"data":[],"arg":{', '{"event":']
)


@given(STARTS, st.text())
def test_no_text_makes_it_raise(start: str, tail: str) -> None:
    topic = session.topic_of(start + tail)
    assert topic is None or topic
    session.read_ack(start + tail)


def test_a_book_of_the_wire_says_how_deep_it_is() -> None:
    frame = (
        '{"action":"snapshot","arg":{"instType":"usdt-futures","topic":"books","symbol":"ABCUSDT"},"data":[{"a":'
        '[["0.01029","4400.25"]],"b":[["0.01028","4300.5"]],"seq":400000000144,"pseq":0,"ts":"1789456500736",'
        '"maxdepth":"1000"}],"ts":1789456501968}'
    )
    (event,) = BitgetParser().frame(frame, "public", 1_789_456_502_000_000_000).events
    assert getattr(event, "depth", None) == 1000


def test_inferred_instruments() -> None:
    pepe = infer("1000PEPEUSDT")
    assert (pepe.kind, pepe.base, pepe.quote, pepe.asset, pepe.multiplier) == ("perp", "1000PEPE", "USDT", "PEPE", 1e3)
    assert (pepe.inferred, pepe.contract_size, pepe.is_rankable) == (True, 1.0, True)
    assert not infer("BTCPERP").is_rankable
    assert infer("USDT").base == "USDT"
