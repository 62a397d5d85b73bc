"""What is sent to Bybit stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json

import pytest

from engine.venues.bybit import limits
from engine.venues.bybit.session import Ack, BybitSession, book_topic, read_ack
from engine.venues.bybit.symbols import infer


def test_topics_of_an_instrument() -> None:
    linear = BybitSession("bybit-linear").topics(infer("bybit-linear", "BTCUSDT"), 200, ("1m", "4h"))
    assert linear == [
        "publicTrade.BTCUSDT",
        "tickers.BTCUSDT",
        "orderbook.200.BTCUSDT",
        "kline.1.BTCUSDT",
        "kline.240.BTCUSDT",
        "allLiquidation.BTCUSDT",
    ]
    assert not any(
        "allLiquidation" in topic for topic in BybitSession("bybit-spot").topics(infer("bybit-spot", "BTCUSDT"))
    )
    with pytest.raises(ValueError, match="not 500"):
        book_topic("BTCUSDT", 500)


def test_spot_requests_hold_at_most_ten_topics() -> None:
    topics = [f"tickers.A{number}USDT" for number in range(25)]
    requests = [json.loads(text) for text in BybitSession("bybit-spot").subscribe(topics, first_id=7)]
    assert [len(request["args"]) for request in requests] == [10, 10, 5]
    assert [request["req_id"] for request in requests] == ["7", "8", "9"]
    assert [topic for request in requests for topic in request["args"]] == topics
    assert len(BybitSession("bybit-linear").subscribe(topics)) == 1


def test_connections_stay_under_the_length_limit_and_lose_nothing() -> None:
    topics = [f"orderbook.200.SYMBOL{number}USDT" for number in range(3_000)]
    shares = BybitSession("bybit-linear").connections(topics)
    assert len(shares) > 1
    assert [topic for share in shares for topic in share] == topics
    assert all(len(json.dumps(share, separators=(",", ":"))) <= limits.ARGS_CHARS_PER_CONNECTION for share in shares)
    assert BybitSession("bybit-linear").connections([]) == []


def test_resync_subscribes_anew() -> None:
    ops = [json.loads(text)["op"] for text in BybitSession("bybit-linear").resync("orderbook.200.BTCUSDT")]
    assert ops == ["unsubscribe", "subscribe"]


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ('{"success":true,"ret_msg":"","conn_id":"d","req_id":"7","op":"subscribe"}', Ack("subscribe", True, "7", "")),
        ('{"success":true,"ret_msg":"pong","conn_id":"d","req_id":"","op":"ping"}', Ack("ping", True, "", "pong")),
        (
            '{"success":false,"ret_msg":"error:handler not found","req_id":"7","op":"subscribe"}',
            Ack("subscribe", False, "7", "error:handler not found"),
        ),
        ('{"topic":"publicTrade.BTCUSDT","data":[]}', None),
        ("pong", None),
        ("[]", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert read_ack(text) == ack


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
