"""What Bybit's parser must refuse, and that nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venues.bybit.parse import BybitParser
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
from tests.engine.venues.test_bybit_frames import DELTA, KLINE, LIQUIDATION, NS, SNAPSHOT, SPOT_TRADE, TICKER, TRADE

FRAMES = (TRADE, SPOT_TRADE, DELTA, SNAPSHOT, TICKER, KLINE, LIQUIDATION)


def rejected(text: str) -> str:
    return rejected_by(BybitParser("bybit-linear"), text, NS)


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"', '"1e15"'])
def test_bad_prices(number: str) -> None:
    assert "p" in rejected(TRADE.replace('"65114.20"', number))
    rejected(LIQUIDATION.replace('"82394.30"', number))
    rejected(KLINE.replace('"65114.2"', number))


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"'])
def test_bad_sizes(number: str) -> None:
    rejected(TRADE.replace('"0.004"', number))
    rejected(LIQUIDATION.replace('"0.006"', number))


@pytest.mark.parametrize("number", NOT_EVEN_EMPTY)
def test_bad_ticker_numbers(number: str) -> None:
    rejected(TICKER.replace('"65117.44"', number))
    rejected(TICKER.replace('"29945.866"', number))
    rejected(TICKER.replace('"65114.20"', number))


@pytest.mark.parametrize("rate", ['"0.51"', '"-0.51"', '"nan"', '"inf"'])
def test_bad_funding(rate: str) -> None:
    assert "fundingRate" in rejected(TICKER.replace('"fundingRate":"0.0001"', f'"fundingRate":{rate}'))


@pytest.mark.parametrize("row", ['["1"]', '["1","2","3"]', "[]", '["1",2]', '["1",""]', '["-1","2"]', '["0","2"]'])
def test_bad_level_rows(row: str) -> None:
    rejected(DELTA.replace('["65116.60","0"]', row))


@pytest.mark.parametrize("level", ["nan", "1e5", "1_0", "１２", " 1", "1.2.3", "+1", "0x1", "1" * 41, "1\\n2", "-0.1"])
def test_bad_level_texts(level: str) -> None:
    rejected(DELTA.replace('"65116.60"', f'"{level}"'))
    rejected(SNAPSHOT.replace('"6.054"', f'"{level}"'))


@pytest.mark.parametrize("stamp", ["1786310819", "1786310819680000", "-1", "0", '"x"', "1e30"])
def test_times_that_are_not_milliseconds(stamp: str) -> None:
    rejected(TRADE.replace("1786310819680", stamp))
    rejected(DELTA.replace("1786310818130", stamp))
    rejected(KLINE.replace('"start":1786310700000', f'"start":{stamp}'))


def test_other_contradictions() -> None:
    rejected(TRADE.replace('"s":"BTCUSDT"', '"s":"ETHUSDT"'))
    rejected(TRADE.replace('"Sell"', '"sell"'))
    rejected(KLINE.replace('"high":"65119.9"', '"high":"65000"'))
    rejected(KLINE.replace('"interval":"5"', '"interval":"15"'))
    rejected(DELTA.replace('"u":15076953', '"u":-1'))
    rejected(DELTA.replace('"type":"delta"', '"type":"other"'))
    rejected(TRADE[:-1])
    for text in NO_MESSAGES:
        rejected(text)
    rejected("pong")


def test_hostile_symbol_is_refused_and_its_detail_is_clean() -> None:
    check_hostile_symbols(BybitParser("bybit-linear"), [TRADE], "BTCUSDT", NS)


@given(st.text())
def test_never_raises_on_text(text: str) -> None:
    assert is_no_data(BybitParser("bybit-spot"), text, NS)


@settings(max_examples=400)
@given(st.sampled_from(FRAMES), st.data())
def test_never_raises_on_mutated_frames(frame: str, data: st.DataObject) -> None:
    check_survived(BybitParser("bybit-linear"), mutated(frame, data), NS)


@settings(max_examples=400)
@given(st.sampled_from(FRAMES), st.data())
def test_never_raises_on_replaced_values(frame: str, data: st.DataObject) -> None:
    check_survived(BybitParser("bybit-linear"), with_another_value(frame, data), NS)
