"""What is sent to OKX stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json

import pytest

from engine.venues.okx import limits
from engine.venues.okx.session import Ack, OkxSession, path_of, read_ack
from engine.venues.okx.symbols import infer


def test_topics_of_an_instrument() -> None:
    swap = OkxSession().topics(infer("BTC-USDT-SWAP"), intervals=("1m", "4h"))
    assert swap == [
        "trades:BTC-USDT-SWAP",
        "tickers:BTC-USDT-SWAP",
        "books:BTC-USDT-SWAP",
        "candle1m:BTC-USDT-SWAP",
        "candle4H:BTC-USDT-SWAP",
        "mark-price:BTC-USDT-SWAP",
        "funding-rate:BTC-USDT-SWAP",
        "open-interest:BTC-USDT-SWAP",
        "index-tickers:BTC-USDT",
    ]
    assert "funding-rate:BTC-USDT" not in OkxSession().topics(infer("BTC-USDT"))
    with pytest.raises(ValueError, match="books500"):
        OkxSession().topics(infer("BTC-USDT"), book="books500")


def test_candles_go_to_business_and_books_are_spread() -> None:
    topics = [f"{channel}:A{number}-USDT-SWAP" for number in range(100) for channel in ("books", "trades", "candle1m")]
    shares = OkxSession().connections(topics)
    for path, held in shares:
        assert {path_of(topic) for topic in held} == {path}
        assert sum(topic.startswith("books:") for topic in held) < limits.BOOKS_PER_CONNECTION
        assert len(held) <= limits.TOPICS_PER_CONNECTION
    assert sorted(topic for _, held in shares for topic in held) == sorted(topics)
    assert sum(path == "public" for path, _ in shares) == 4


def test_requests_name_instruments_or_products_and_stay_short() -> None:
    (request,) = OkxSession().subscribe(["books:BTC-USDT-SWAP", "liquidation-orders:SWAP"], first_id=5)
    assert json.loads(request) == {
        "id": "5",
        "op": "subscribe",
        "args": [
            {"channel": "books", "instId": "BTC-USDT-SWAP"},
            {"channel": "liquidation-orders", "instType": "SWAP"},
        ],
    }
    many = OkxSession().subscribe([f"trades:SYMBOL{number}-USDT-SWAP" for number in range(3_000)])
    assert len(many) > 1
    assert all(len(text) <= limits.REQUEST_BYTES for text in many)
    assert sum(len(json.loads(text)["args"]) for text in many) == 3_000


def test_resync_subscribes_anew() -> None:
    ops = [json.loads(text)["op"] for text in OkxSession().resync("books:BTC-USDT")]
    assert ops == ["unsubscribe", "subscribe"]


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ("pong", Ack("pong", True, "", "")),
        (
            '{"id":"1","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a"}',
            Ack("subscribe", True, "books:BTC-USDT", ""),
        ),
        (
            '{"event":"error","code":"60018","msg":"Wrong URL or channel","connId":"a"}',
            Ack("error", False, "", "60018: Wrong URL or channel"),
        ),
        (
            '{"event":"notice","code":"64008","msg":"closing","connId":"a"}',
            Ack("notice", True, "", "64008: closing", closes=True),
        ),
        ('{"arg":{"channel":"books","instId":"BTC-USDT"},"data":[]}', None),
        ("ping", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert read_ack(text) == ack
