"""What OKX's parser must refuse, and that nothing makes it raise."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venues.base import Verdict
from engine.venues.okx.parse import OkxParser
from tests.engine.venues.test_okx_frames import (
    CANDLE,
    LIQUIDATION,
    NS,
    OLD_SNAPSHOT,
    SPOT_TRADE,
    SWAP_TICKER,
    SWAP_TRADE,
    UPDATE,
    push,
)

FRAMES = (SPOT_TRADE, SWAP_TRADE, UPDATE, OLD_SNAPSHOT, SWAP_TICKER, CANDLE, LIQUIDATION)
BAD_NUMBERS = ('"nan"', '"inf"', '"-Infinity"', "1e999", '"1_0"', '"１２"', '"0x1"', '"-1"', '""', "null", "true", "[]")


def rejected(text: str) -> str:
    parsed = OkxParser().frame(text, "public", NS)
    assert parsed.verdict is Verdict.REJECTED, text
    assert not parsed.events
    assert parsed.detail.startswith("okx: ")
    assert len(parsed.detail) <= 200
    assert parsed.detail.isprintable()
    return parsed.detail


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"', '"1e15"'])
def test_bad_prices(number: str) -> None:
    assert "px" in rejected(SPOT_TRADE.replace('"42219.9"', number))
    rejected(LIQUIDATION.replace('"82655.7"', number))
    rejected(CANDLE.replace('"82550"', number))
    rejected(
        push("mark-price", {"instId": "BTC-USDT-SWAP", "markPx": "@", "ts": "1640140200600"}).replace('"@"', number)
    )


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"'])
def test_bad_sizes(number: str) -> None:
    assert "sz" in rejected(SWAP_TRADE.replace('"7"', number))
    rejected(LIQUIDATION.replace('"8.55"', number))


@pytest.mark.parametrize("number", [text for text in BAD_NUMBERS if text not in ('""', "null")])
def test_bad_ticker_and_open_interest_numbers(number: str) -> None:
    rejected(SWAP_TICKER.replace('"29963"', number))
    rejected(SWAP_TICKER.replace('"108540.53"', number))
    row = {"instId": "BTC-USDT-SWAP", "oi": "1", "oiCcy": "@", "ts": "1640140200600"}
    rejected(push("open-interest", row).replace('"@"', number))


@pytest.mark.parametrize("rate", ["0.51", "-0.51", "nan", "inf"])
def test_bad_funding(rate: str) -> None:
    row = {"instId": "BTC-USDT-SWAP", "fundingRate": rate, "fundingTime": "1744590349506", "ts": "1744590349506"}
    assert "fundingRate" in rejected(push("funding-rate", row))


@pytest.mark.parametrize(
    "row", ['["1","2"]', '["1","2","0"]', '["1","2","0","1","9"]', "[]", '["1",2,"0","1"]', '["0","1","0","1"]']
)
def test_bad_level_rows(row: str) -> None:
    rejected(UPDATE.replace('["8476.98","415","0","13"]', row))


@pytest.mark.parametrize("level", ["nan", "1e5", "1_0", "１２", " 1", "1.2.3", "+1", "", "1" * 41, "-0.1"])
def test_bad_level_texts(level: str) -> None:
    rejected(UPDATE.replace('"8476.98"', f'"{level}"'))
    rejected(OLD_SNAPSHOT.replace('"43739.3"', f'"{level}"'))


@pytest.mark.parametrize("stamp", ['"1786310819"', '"1786310819680000"', "-1", '""', '"x"'])
def test_times_that_are_not_milliseconds(stamp: str) -> None:
    rejected(SPOT_TRADE.replace('"1630048897897"', stamp))
    rejected(UPDATE.replace('"1597026383085"', stamp))
    rejected(CANDLE.replace('"1791565500000"', stamp))


def test_other_contradictions() -> None:
    rejected(SPOT_TRADE.replace('"data":[{"instId":"BTC-USDT"', '"data":[{"instId":"ETH-USDT"'))
    rejected(SPOT_TRADE.replace('"buy"', '"Buy"'))
    rejected(CANDLE.replace('"82600.5"', '"82000"'))
    rejected(CANDLE.replace(',"1"]', "]"))
    rejected(UPDATE.replace('"action":"update",', ""))
    rejected(UPDATE.replace('"seqId":123457', '"seqId":-2'))
    rejected(OLD_SNAPSHOT.replace("-2127111983", "99999999999"))
    rejected(UPDATE.replace(',"instId":"BTC-USDT"', ""))
    rejected(SPOT_TRADE[:-1])
    rejected("")
    rejected("[" * 100_000)
    rejected('"\ud800"')


def test_hostile_symbol_is_refused_and_its_detail_is_clean() -> None:
    for symbol in ("[red]" + "A" * 295, "A\\u001b[31mB-USDT", "A\\u202eB-USDT", ""):
        detail = rejected(SPOT_TRADE.replace("BTC-USDT", symbol))
        assert "\x1b" not in detail
    parser = OkxParser()
    parser.frame(SPOT_TRADE.replace("BTC-USDT", "A\\u001bB"), "c", NS)
    assert not list(parser.instruments())


@given(st.text())
def test_never_raises_on_text(text: str) -> None:
    parsed = OkxParser().frame(text, "c", NS)
    assert parsed.verdict in (Verdict.REJECTED, Verdict.UNKNOWN, Verdict.CONTROL)


@settings(max_examples=400)
@given(st.sampled_from(FRAMES), st.data())
def test_never_raises_on_mutated_frames(frame: str, data: st.DataObject) -> None:
    text = frame
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(max_size=8)) + text[stop:]
    assert len(OkxParser().frame(text, "c", NS).detail) <= 200


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.sampled_from([*FRAMES, SPOT_TRADE.replace('"trades"', '"instruments"')]), st.data())
def test_never_raises_on_replaced_values(frame: str, data: st.DataObject) -> None:
    message = msgspec.json.decode(frame)
    rows = [row for row in message["data"] if isinstance(row, dict)]
    target = data.draw(st.sampled_from([message, message["arg"], *rows]))
    key = data.draw(st.sampled_from(sorted(target)))
    original = msgspec.json.encode(target[key]).decode()
    text = msgspec.json.encode(message).decode().replace(original, json.dumps(data.draw(_VALUES)))
    OkxParser().frame(text, "c", NS)


@given(st.text(), st.text())
def test_rest_never_raises(request: str, body: str) -> None:
    OkxParser().response(request, 200, body, NS)
    OkxParser().response("GET /api/v5/market/candles?instId=BTC-USDT", 200, body, NS)
    OkxParser().response("GET /api/v5/market/books?instId=BTC-USDT&sz=4²", 200, '{"code":"0","data":[]}', NS)
