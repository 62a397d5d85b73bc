"""What OKX's parser must refuse, and that nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venues.okx.parse import OkxParser
from tests.engine.venues.spoiled_frames import (
    BAD_NUMBERS,
    NO_MESSAGES,
    NOT_EVEN_EMPTY,
    check_hostile_symbols,
    check_survived,
    is_no_data,
    mutated,
    rejected_by,
    with_another_value,
)
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


def rejected(text: str) -> str:
    return rejected_by(OkxParser(), text, NS)


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


@pytest.mark.parametrize("number", NOT_EVEN_EMPTY)
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
    for text in NO_MESSAGES:
        rejected(text)


def test_hostile_symbol_is_refused_and_its_detail_is_clean() -> None:
    check_hostile_symbols(OkxParser(), [SPOT_TRADE], "BTC-USDT", NS, "-USDT")


@given(st.text())
def test_never_raises_on_text(text: str) -> None:
    assert is_no_data(OkxParser(), text, NS)


@settings(max_examples=400)
@given(st.sampled_from(FRAMES), st.data())
def test_never_raises_on_mutated_frames(frame: str, data: st.DataObject) -> None:
    check_survived(OkxParser(), mutated(frame, data), NS)


@settings(max_examples=400)
@given(st.sampled_from([*FRAMES, SPOT_TRADE.replace('"trades"', '"instruments"')]), st.data())
def test_never_raises_on_replaced_values(frame: str, data: st.DataObject) -> None:
    check_survived(OkxParser(), with_another_value(frame, data), NS)


@given(st.text(), st.text())
def test_rest_never_raises(request: str, body: str) -> None:
    OkxParser().response(request, 200, body, NS)
    OkxParser().response("GET /api/v5/market/candles?instId=BTC-USDT", 200, body, NS)
    OkxParser().response("GET /api/v5/market/books?instId=BTC-USDT&sz=4²", 200, '{"code":"0","data":[]}', NS)
