"""What is sent to OKX stays within its limits, and its answers are recognised."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venues.live import Ack
from engine.venues.okx import limits
from engine.venues.okx.session import path_of, read_ack, requests, room, topic_of


def test_requests_name_instruments_or_products_and_stay_short() -> None:
    (request,) = requests("subscribe", ["books:BTC-USDT-SWAP", "liquidation-orders:SWAP"], 5)
    assert json.loads(request.text) == {
        "id": "5",
        "op": "subscribe",
        "args": [
            {"channel": "books", "instId": "BTC-USDT-SWAP"},
            {"channel": "liquidation-orders", "instType": "SWAP"},
        ],
    }
    assert (request.request_id, request.topics) == ("5", ("books:BTC-USDT-SWAP", "liquidation-orders:SWAP"))


@given(st.lists(st.sampled_from(["books", "trades", "tickers"]), max_size=400), st.integers(1, 900), st.booleans())
def test_every_topic_is_asked_for_once_and_within_the_bounds(kinds: list[str], first: int, long: bool) -> None:
    topics = [f"{kind}:COIN{number}{'X' * 900 * long}-USDT-SWAP" for number, kind in enumerate(kinds)]
    made = requests("unsubscribe", topics, first)
    assert [topic for request in made for topic in request.topics] == topics
    assert [request.request_id for request in made] == [str(first + number) for number in range(len(made))]
    for request in made:
        sent = json.loads(request.text)
        assert len(request.text.encode()) <= limits.REQUEST_BYTES
        assert len(sent["args"]) == len(request.topics) <= limits.TOPICS_PER_REQUEST
        assert tuple(f"{arg['channel']}:{arg['instId']}" for arg in sent["args"]) == request.topics
        assert (sent["id"], sent["op"]) == (request.request_id, "unsubscribe")


@given(st.lists(st.sampled_from(["books", "trades", "tickers"]), max_size=500))
def test_a_connection_has_fewer_than_thirty_books_and_no_more_than_three_hundred_topics(kinds: list[str]) -> None:
    held: list[str] = []
    for number, kind in enumerate(kinds):
        topic = f"{kind}:COIN{number}-USDT-SWAP"
        books = sum(one.startswith("books:") for one in held)
        fits = room(held, topic)
        assert fits is (len(held) < 300 and (kind != "books" or books < 29))
        if fits:
            held.append(topic)


def test_candles_go_to_business() -> None:
    assert [path_of(f"{name}:BTC-USDT-SWAP") for name in ("candle1m", "trades-all", "books", "tickers")] == [
        "business",
        "business",
        "public",
        "public",
    ]


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ("pong", Ack("pong", True)),
        (
            '{"id":"1","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a"}',
            Ack("subscribe", True, "1", ("books:BTC-USDT",)),
        ),
        (
            '{"event":"unsubscribe","arg":{"channel":"liquidation-orders","instType":"SWAP"},"connId":"a"}',
            Ack("unsubscribe", True, "", ("liquidation-orders:SWAP",)),
        ),
        (
            '{"id":"7","event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:NONE-USDT doesn\'t '
            'exist. Please use the correct URL.","connId":"a"}',
            Ack(
                "error",
                False,
                "7",
                ("books:NONE-USDT",),
                "60018: Wrong URL or channel:books,instId:NONE-USDT doesn't exist. Please use the correct URL.",
            ),
        ),
        (
            '{"event":"error","code":"60012","msg":"Invalid request","connId":"a"}',
            Ack("error", False, message="60012: Invalid request"),
        ),
        (
            '{"event":"notice","code":"64008","msg":"closing","connId":"a"}',
            Ack("notice", True, message="64008: closing", closes=True),
        ),
        ('{"event":"surprise"}', None),
        ('{"arg":{"channel":"books","instId":"BTC-USDT"},"data":[]}', None),
        ("ping", None),
    ],
)
def test_answers(text: str, ack: Ack | None) -> None:
    assert read_ack(text) == ack
    if ack is not None:
        assert topic_of(text) is None


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ('{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[]}', "books:BTC-USDT"),
        ('{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[]}', "liquidation-orders:SWAP"),
        ('{"arg":{"instId":"BTC-USDT","channel":"trades"},"data":[]}', "trades:BTC-USDT"),
        ('{"data":[],"arg":{"channel":"trades","instId":"BTC-USDT"}}', "trades:BTC-USDT"),
        ('{"arg":{"channel":"instruments","instType":"SWAP"},"data":[]}', "instruments:SWAP"),
        ('{"arg":{"channel":"trades","instId":"B\\u0054C-USDT"},"data":[]}', "trades:BTC-USDT"),
        ('{"arg":{"channel":"books","instId":"BTC-USDT"},"event":"subscribe"}', None),
        ('{"arg":{"channel":"books","instId":"BTC', None),
        ('{"arg":7}', None),
        ("pong", None),
    ],
)
def test_topics_are_told_from_the_beginning(text: str, topic: str | None) -> None:
    assert topic_of(text) == topic


@given(st.text() | st.text().map(lambda tail: '{"arg":{"channel":"' + tail) | st.text().map('{"event":"'.__add__))
def test_no_frame_makes_it_raise(text: str) -> None:
    topic_of(text)
    read_ack(text)
