"""What is sent to Bybit stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venues.bybit import limits, session
from engine.venues.bybit.symbols import infer
from engine.venues.live import Ack

SYMBOLS = st.from_regex(r"[A-Z0-9]{1,12}(USDT|USDC|PERP|USDT-25SEP26)", fullmatch=True)
TOPICS = st.builds(
    "{}.{}".format,
    st.sampled_from(["publicTrade", "tickers", "orderbook.200", "orderbook.1", "kline.1", "allLiquidation"]),
    SYMBOLS,
)


def test_channels_name_what_the_documentation_names() -> None:
    bitcoin = infer("bybit-linear", "BTCUSDT")
    made = [
        session.trades(bitcoin),
        session.ticker(bitcoin),
        session.book(bitcoin, 1000),
        session.quote(bitcoin),
        session.candle(bitcoin),
        session.candle(bitcoin, "4h"),
        session.liquidations(bitcoin),
    ]
    assert [one.topic for one in made] == [
        "publicTrade.BTCUSDT",
        "tickers.BTCUSDT",
        "orderbook.1000.BTCUSDT",
        "orderbook.1.BTCUSDT",
        "kline.1.BTCUSDT",
        "kline.240.BTCUSDT",
        "allLiquidation.BTCUSDT",
    ]
    assert {one.symbol for one in made} == {"BTCUSDT"}
    with pytest.raises(ValueError, match="not 500"):
        session.book(bitcoin, 500)


@given(
    st.lists(TOPICS, unique=True, max_size=60), st.integers(1, 10_000), st.sampled_from(["subscribe", "unsubscribe"])
)
def test_requests_hold_at_most_ten_topics_and_lose_none(topics: list[str], first_id: int, op: Any) -> None:
    made = session.requests(op, topics, first_id)
    sent = [json.loads(one.text) for one in made]
    assert [topic for one in sent for topic in one["args"]] == topics
    assert [topic for one in made for topic in one.topics] == topics
    assert all(1 <= len(one["args"]) <= 10 for one in sent)
    assert {one["op"] for one in sent} <= {op}
    assert [one["req_id"] for one in sent] == [one.request_id for one in made]
    assert [one.request_id for one in made] == [str(first_id + place) for place in range(len(made))]
    assert all(set(one) == {"req_id", "op", "args"} for one in sent)


@given(st.lists(TOPICS, unique=True, min_size=1, max_size=100), st.integers(0, 9_000))
def test_a_connection_is_filled_up_to_its_length_and_not_beyond(topics: list[str], before: int) -> None:
    held = ["x" * before]
    for topic in topics:
        fits = len(json.dumps([*held, topic], separators=(",", ":"))) <= limits.ARGS_CHARS_PER_CONNECTION
        assert session.room(held, topic) is fits
        if fits:
            held.append(topic)
    assert len(json.dumps(held, separators=(",", ":"))) <= limits.ARGS_CHARS_PER_CONNECTION
    assert limits.ARGS_CHARS_PER_CONNECTION < limits.ARGS_CHARS_PER_CONNECTION_MAX


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        (
            '{"success":true,"ret_msg":"","conn_id":"d","req_id":"7","op":"subscribe"}',
            Ack("subscribe", True, "7"),
        ),
        (
            '{"success":true,"ret_msg":"subscribe","conn_id":"d","op":"unsubscribe"}',
            Ack("unsubscribe", True, "", (), "subscribe"),
        ),
        (
            '{"success":true,"ret_msg":"pong","conn_id":"d","req_id":"prism-ping","op":"ping"}',
            Ack("pong", True, "prism-ping", (), "pong"),
        ),
        (
            '{"success":false,"ret_msg":"error:handler not found,topic:orderbook.50.NONEUSDT","conn_id":"d",'
            '"req_id":"e1","op":"subscribe"}',
            Ack(
                "subscribe",
                False,
                "e1",
                ("orderbook.50.NONEUSDT",),
                "error:handler not found,topic:orderbook.50.NONEUSDT",
            ),
        ),
        (
            '{"success":false,"ret_msg":"args size >10","conn_id":"d","req_id":"7","op":"subscribe"}',
            Ack("subscribe", False, "7", (), "args size >10"),
        ),
        (
            '{"success":false,"ret_msg":"error:invalid op\\u001b","conn_id":"d","req_id":"","op":"nope"}',
            Ack("error", False, "", (), "error:invalid op�"),
        ),
        (
            '{"success":false,"ret_code":10001,"ret_msg":"params error","conn_id":"d"}',
            Ack("error", False, "", (), "10001: params error"),
        ),
        ('{"topic":"publicTrade.BTCUSDT","data":[]}', None),
        ("Failed to decode incoming data:readObjectStart: expect { or n, but found h", None),
        ("pong", None),
        ("[]", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert session.read_ack(text) == ack
    if ack is not None:
        assert session.topic_of(text) is None


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ('{"topic":"tickers.BTCUSDT","type":"delta"}', "tickers.BTCUSDT"),
        ('{"type":"snapshot","topic":"kline.1.BTCUSDT","data":[]}', "kline.1.BTCUSDT"),
        ('{"data":{"price":"0.03803","side":"Buy","size":"1637","symbol":"GALAUSDT","updatedTime":1673251091822},'
         '"topic":"liquidation.GALAUSDT","ts":1673251091822,"type":"snapshot"}', "liquidation.GALAUSDT"),
        ('{ "topic" : "tickers.BTCUSDT", "data": {} }', "tickers.BTCUSDT"),
        ('{"topic":"tickers.\\u6d4b\\u8bd5USDT","data":{}}', "tickers.测试USDT"),
        ('{"topic":7,"data":{}}', None),
        ('{"topic":"', None),
        ('{"topic":"tickers.BTC', None),
        ('{"topic":""}', None),
        ('{"op":"subscribe","args":["topic"]}', None),
    ],
)  # fmt: skip
def test_the_topic_of_a_frame_wherever_it_stands(text: str, topic: str | None) -> None:
    assert session.topic_of(text) == topic


INNER = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["topic", "s", "data"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.permutations(["topic", "type", "ts", "data"]), TOPICS | st.text(min_size=1, max_size=12), INNER, st.booleans()
)
def test_the_topic_is_the_one_json_says_whatever_stands_around_it(
    keys: list[str], topic: str, data: object, escaped: bool
) -> None:
    values = {"topic": topic, "type": "delta", "ts": 1, "data": data}
    text = json.dumps({key: values[key] for key in keys}, separators=(",", ":"), ensure_ascii=escaped)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert session.topic_of(text) == topic


def test_only_what_is_whole_is_replaced_by_its_newest() -> None:
    for topic in ("orderbook.1.BTCUSDT", "tickers.BTCUSDT"):
        assert session.replaced_on_spot(f'{{"topic":"{topic}","type":"snapshot"}}') == topic
    for other in ("orderbook.200.BTCUSDT", "publicTrade.BTCUSDT", "kline.1.BTCUSDT", "orderbook.1000.BTCUSDT"):
        assert session.replaced_on_spot(f'{{"topic":"{other}","type":"snapshot"}}') is None
    assert session.replaced_on_spot('{"success":true,"op":"subscribe"}') is None


@given(st.text() | st.text().map(lambda tail: '{"topic":"' + tail) | st.text().map(lambda tail: '{"topic" ' + tail))
def test_no_text_makes_it_raise(text: str) -> None:
    topic = session.topic_of(text)
    assert topic is None or topic
    session.read_ack(text)


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote", "inverse"),
    [
        ("1000PEPEUSDT", "perp", "1000PEPE", "USDT", False),
        ("BTCPERP", "perp", "BTC", "USDC", False),
        ("BTCUSDT-25SEP26", "future", "BTC", "USDT", False),
        ("BTC-01SEP23", "future", "BTC", "USDC", False),
        ("BTCUSD", "perp", "BTC", "USD", True),
        ("BTCUSDU23", "future", "BTC", "USD", True),
    ],
)
def test_inferred_instruments(symbol: str, kind: str, base: str, quote: str, inverse: bool) -> None:
    found = infer("bybit-linear", symbol)
    assert (found.kind, found.base, found.quote, found.inverse, found.inferred) == (kind, base, quote, inverse, True)
    assert infer("bybit-spot", "ETHBTC").quote == "BTC"
