"""Binance's streams as rules: what a frame is, what is subscribed where, and within which bounds."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instruments import Instrument
from engine.venues.binance import limits
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from engine.venues.binance.symbols import infer
from engine.venues.live import Ack, VenueLive
from tests.recorded import recorded

USDM: VenueLive = BinanceLive("binance-usdm")
SPOT: VenueLive = BinanceLive("binance-spot")
LIVE = {one.venue: one for one in (USDM, SPOT)}
NS = 1_786_820_700_000_000_000
MS = NS // 1_000_000

CAPTURES = [
    ("binance-2024-08-08.jsonl.gz", 168_607, 74_865),
    ("binance-spot-2021-04-05.jsonl.gz", 0, 11_357),
    ("binance-spot-2021-08-14.jsonl.gz", 0, 1_003),
    ("binance-usdm-2021-04-05.jsonl.gz", 8_421, 0),
    ("binance-usdm-2021-04-17.jsonl.gz", 3_259, 0),
    ("binance-usdm-2021-07-22.jsonl.gz", 1_535, 0),
    ("binance-usdm-2023-04-04.jsonl.gz", 73_764, 0),
    ("binance-usdm-2026-09-27.jsonl.gz", 37, 0),
    ("composite-four-venues.jsonl.gz", 12_815, 13_853),
    ("liquidations-2024-08-17.jsonl.gz", 841, 0),
    ("liquidations-2025-06-23.jsonl.gz", 1_157, 0),
    ("liquidations-2025-12.jsonl.gz", 2_045, 0),
]


def perpetuals(count: int) -> list[Instrument]:
    return [infer("binance-usdm", f"COIN{number}USDT") for number in range(count)]


def frames(name: str) -> Iterator[tuple[str, str]]:
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("v") in LIVE and "c" in row and "d" in row:
                yield row["v"], row["d"]


@pytest.mark.recorded
@pytest.mark.parametrize(("name", "usdm", "spot"), CAPTURES)
def test_every_recorded_frame_has_the_topic_it_states(name: str, usdm: int, spot: int) -> None:
    found: Counter[str] = Counter()
    for venue, text in frames(name):
        topic = LIVE[venue].topic_of(text)
        assert topic is not None, text
        found[venue] += 1
        if not found[venue] % 50 or usdm + spot < 2_000:
            assert topic == json.loads(text)["stream"]
            assert LIVE[venue].read_ack(text) is None
    assert (found["binance-usdm"], found["binance-spot"]) == (usdm, spot)


@pytest.mark.parametrize(
    ("text", "ack"),
    [
        ('{"result":null,"id":1}', Ack("subscribe", True, "1")),
        ('{"id":12,"result":null}', Ack("subscribe", True, "12")),
        (
            '{"error":{"code":3,"msg":"Invalid JSON: expected value"},"id":7}',
            Ack("error", False, "7", message="3: Invalid JSON: expected value"),
        ),
        (
            '{"code":2,"msg":"Invalid request: unknown variant"}',
            Ack("error", False, message="2: Invalid request: unknown variant"),
        ),
        (
            '{"code":-1121,"msg":"Invalid \\u001b[31msymbol","id":4}',
            Ack("error", False, "4", message="-1121: Invalid \ufffd[31msymbol"),
        ),
        (
            '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
            Ack("notice", True, message="serverShutdown: the venue restarts this server", closes=True),
        ),
        (
            '{"e":"serverShutdown","E":1770123456789}',
            Ack("notice", True, message="serverShutdown: the venue restarts this server", closes=True),
        ),
        ('{"e":"aggTrade","E":1}', None),
        ('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}', None),
        ("{}", None),
        ("[]", None),
        ("pong", None),
    ],
)  # fmt: skip
def test_answers(text: str, ack: Ack | None) -> None:
    assert USDM.read_ack(text) == ack
    if ack is not None:
        assert USDM.topic_of(text) is None


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ('{"stream":"测试usdt@depth@100ms","data":{}}', "测试usdt@depth@100ms"),
        ('{"stream":"\\u6d4b\\u8bd5usdt@aggTrade","data":{}}', "测试usdt@aggTrade"),
        ('{"data":{},"stream":"!ticker@arr"}', "!ticker@arr"),
        ('{"stream":"","data":{}}', None),
        ('{"stream":"btcusdt', None),
        ('{"stream":7}', None),
    ],
)
def test_topics(text: str, topic: str | None) -> None:
    assert USDM.topic_of(text) == topic


@given(st.text() | st.text().map('{"stream":"'.__add__) | st.text().map('{"result":'.__add__))
def test_no_frame_makes_it_raise(text: str) -> None:
    for live in (USDM, SPOT):
        live.topic_of(text)
        live.read_ack(text)
        BinanceParser(live.venue).frame(text, "market/1", NS)


def test_channels_are_on_the_path_that_serves_them() -> None:
    usdm, spot = infer("binance-usdm", "BTCUSDT"), infer("binance-spot", "BTCUSDT")
    assert {one.topic: one.path for one in USDM.market_channels()} == dict.fromkeys(
        ("!markPrice@arr@1s", "!ticker@arr", "!forceOrder@arr", "!contractInfo"), "market"
    )
    assert {one.topic: one.path for one in SPOT.market_channels()} == {"!miniTicker@arr": "public"}
    names = ("btcusdt@kline_1m", "btcusdt@bookTicker", "btcusdt@aggTrade", "btcusdt@depth@100ms")
    for live, one, paths in ((USDM, usdm, ("market", "public") * 2), (SPOT, spot, ("public",) * 4)):
        channels = live.broad_channels(one) + live.deep_channels(one)
        assert [(channel.topic, channel.path) for channel in channels] == list(zip(names, paths, strict=True))
        assert [channel.kind for channel in channels] == ["candle", "quote", "trades", "book"]
        assert {channel.path for channel in channels} == set(live.paths)
        assert all(channel.first_s is not None for channel in channels if channel.silence_s is not None)
        for status in ("pending", "ended"):
            quiet = replace(one, status=status)
            assert live.broad_channels(quiet) == live.deep_channels(quiet) == []
    with pytest.raises(ValueError, match="binance-coinm"):
        BinanceLive("binance-coinm")


@given(st.integers(0, 1_500), st.integers(1, 900), st.sampled_from(["market", "public"]), st.sampled_from([USDM, SPOT]))
def test_subscriptions_stay_within_every_bound(count: int, first: int, path: str, live: VenueLive) -> None:
    held: list[str] = []
    for number in range(count):
        topic = f"coin{number}usdt@kline_1m"
        if not live.room(path, held, topic):
            break
        held.append(topic)
    assert len(held) == min(count, {"market": 400, "public": 300}[path]) <= limits.STREAMS_PER_CONNECTION_MAX
    for method, made in (("SUBSCRIBE", live.subscribe(held, first)), ("UNSUBSCRIBE", live.unsubscribe(held, first))):
        assert [topic for request in made for topic in request.topics] == held
        for number, request in enumerate(made, first):
            sent = json.loads(request.text)
            assert sent == {"method": method, "params": list(request.topics), "id": number}
            assert request.request_id == str(number)
            assert len(request.topics) <= 100
