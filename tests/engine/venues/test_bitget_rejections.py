"""What Bitget's parser must refuse, and that nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venues.bitget.parse import BitgetParser
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
from tests.engine.venues.test_bitget_frames import (
    KLINE,
    LIQUIDATION,
    NS,
    SNAPSHOT,
    SPOT_KLINE,
    TICKER,
    TRADE,
    TRADE_HISTORY,
    UPDATE,
)

FRAMES = (TRADE, TRADE_HISTORY, SNAPSHOT, UPDATE, TICKER, KLINE, SPOT_KLINE, LIQUIDATION)


def rejected(text: str) -> str:
    return rejected_by(BitgetParser(), text, NS)


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"', '"1e15"'])
def test_bad_prices(number: str) -> None:
    rejected(TRADE.replace('"100000"', number))
    rejected(TRADE_HISTORY.replace('"100000"', number))
    rejected(LIQUIDATION.replace('"89000"', number))
    rejected(KLINE.replace('"276670"', number))


@pytest.mark.parametrize("number", [*BAD_NUMBERS, '"0"'])
def test_bad_sizes(number: str) -> None:
    rejected(TRADE.replace('"0.00118"', number))
    rejected(LIQUIDATION.replace('"37.722858"', number))


@pytest.mark.parametrize("number", NOT_EVEN_EMPTY)
def test_bad_ticker_numbers(number: str) -> None:
    for field in ("99757", "61000.25", "98000.1", "23.9774", "3010000000.25"):
        rejected(TICKER.replace(f'"{field}"', number))


@pytest.mark.parametrize("rate", ['"0.51"', '"-0.51"', '"nan"', '"inf"'])
def test_bad_funding(rate: str) -> None:
    assert "fundingRate" in rejected(TICKER.replace('"0.0001"', rate))


@pytest.mark.parametrize("row", ['["1"]', '["1","2","3"]', "[]", '["1",""]', '["-1","2"]', '["0","2"]', '"12"', "{}"])
def test_bad_level_rows(row: str) -> None:
    rejected(UPDATE.replace('["99757.1","2"]', row))
    rejected(SNAPSHOT.replace('["99756.6","0.0128"]', row))


@pytest.mark.parametrize("level", ["nan", "1_0", "１２", " 1", "1.2.3", "+1", "0x1", "1\\n2", "-0.1", "1e15"])
def test_bad_level_texts(level: str) -> None:
    rejected(UPDATE.replace('"99757.1"', f'"{level}"'))


@pytest.mark.parametrize("stamp", ["1736371332", "1736371332162000", "-1", "0", '"x"', "1e30", '""', "null"])
def test_times_that_are_not_milliseconds(stamp: str) -> None:
    rejected(TRADE.replace('"1736348770627"', stamp))
    rejected(UPDATE.replace('"1746698732612"', stamp))
    rejected(LIQUIDATION.replace('"1736371332162"', stamp))
    rejected(KLINE.replace('"1710518400000"', stamp))
    rejected(TICKER.replace('"ts":1746698732563', f'"ts":{stamp}'))


@pytest.mark.parametrize("number", ["-1", '"x"', "1.5", "9223372036854775808", '""', "null", "true"])
def test_ids_that_cannot_chain(number: str) -> None:
    rejected(UPDATE.replace('"seq":1304314508780744709', f'"seq":{number}'))
    rejected(UPDATE.replace('"pseq":1304314508780744705', f'"pseq":{number}'))
    rejected(SNAPSHOT.replace('"seq":1304314508780744705', f'"seq":{number}'))


def test_other_contradictions() -> None:
    rejected(TICKER.replace('[{"symbol":"BTCUSDT"', '[{"symbol":"ETHUSDT"'))
    rejected(TRADE.replace('"buy"', '"Buy"'))
    rejected(TRADE.replace('"update"', '"other"'))
    rejected(TRADE.replace('"symbol":"BTCUSDT",', ""))
    rejected(KLINE.replace('"high":"400005"', '"high":"300000"'))
    rejected(SNAPSHOT.replace('"maxDepth":"50"', '"maxDepth":"-1"'))
    rejected(SNAPSHOT.replace('"action":"snapshot",', ""))
    rejected(TRADE[:-1])
    for text in NO_MESSAGES:
        rejected(text)
    rejected("ping pong")


def test_hostile_symbol_is_refused_and_its_detail_is_clean() -> None:
    check_hostile_symbols(BitgetParser(), (TRADE, LIQUIDATION, UPDATE), "BTCUSDT", NS)


@given(st.text())
def test_never_raises_on_text(text: str) -> None:
    assert is_no_data(BitgetParser(), text, NS)


@settings(max_examples=500)
@given(st.lists(st.sampled_from(FRAMES), min_size=1, max_size=3), st.data())
def test_never_raises_on_mutated_frames(frames: list[str], data: st.DataObject) -> None:
    parser = BitgetParser()
    for frame in frames:
        check_survived(parser, mutated(frame, data), NS)


@settings(max_examples=400)
@given(st.sampled_from(FRAMES), st.data())
def test_never_raises_on_replaced_values(frame: str, data: st.DataObject) -> None:
    check_survived(BitgetParser(), with_another_value(frame, data), NS)
