"""Bybit frames, today's and older ones: what each kind becomes, and which verdict it gets."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from engine.events import (
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarkPrice,
    OpenInterest,
    Quote,
    Ticker,
    Trade,
)
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit.parse import BybitParser
from engine.venues.instrument_table import MAX_INFERRED

NS = 1_786_310_820_000_000_000

TRADE = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786310819681,"data":[{"T":1786310819680,"s":"BTCUSDT",'
    '"S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,'
    '"RPI":false,"seq":753843954913}]}'
)
SPOT_TRADE = (
    '{"topic":"publicTrade.ETHUSDT","ts":1786310821917,"type":"snapshot","data":[{"i":"2280000001739247417",'
    '"T":1786310821917,"p":"1923.28","v":"0.04537","S":"Buy","seq":178477362706,"s":"ETHUSDT","BT":false,"RPI":false}]}'
)
DELTA = (
    '{"topic":"orderbook.200.BTCUSDT","type":"delta","ts":1786310818130,"data":{"s":"BTCUSDT","b":[["65095.30","0.005"],'
    '["65093.10","0"]],"a":[["65116.60","0"]],"u":15076953,"seq":753843913870},"cts":1786310818129}'
)
SNAPSHOT = (
    '{"topic":"orderbook.200.BTCUSDT","type":"snapshot","ts":1786310818129,"data":{"s":"BTCUSDT",'
    '"b":[["65114.20","6.054"],["65114.10","0.002"]],"a":[["65114.30","1.5"]],"u":1,"seq":753843913800}}'
)
TICKER = (
    '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"ZeroPlusTick",'
    '"price24hPcnt":"0.001624","lastPrice":"65114.30","prevPrice24h":"65008.70","highPrice24h":"65282.30",'
    '"lowPrice24h":"64694.40","markPrice":"65117.44","indexPrice":"65137.76","openInterest":"59891.732",'
    '"openInterestValue":"3899996265.01","turnover24h":"1142118412.9021","volume24h":"17573.9120",'
    '"fundingIntervalHour":"8","singleOpenInterest":"29945.866","singleOpenInterestValue":"1949998132.50",'
    '"nextFundingTime":"1786320000000","fundingRate":"0.0001","bid1Price":"65114.20","bid1Size":"5.954",'
    '"ask1Price":"65114.30","ask1Size":"10.470","preOpenPrice":"","curPreListingPhase":""},"cs":1,"ts":1786310817500}'
)
KLINE = (
    '{"topic":"kline.5.BTCUSDT","data":[{"start":1786310700000,"end":1786310999999,"interval":"5","open":"65119.9",'
    '"close":"65114.3","high":"65119.9","low":"65114.2","volume":"1.576","turnover":"102627.995","confirm":false,'
    '"timestamp":1786310818440}],"ts":1786310818440,"type":"snapshot"}'
)
LIQUIDATION = (
    '{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791565601482,"data":[{"T":1791565600992,"s":"BTCUSDT",'
    '"S":"Buy","v":"0.006","p":"82396.90"},{"T":1791565601058,"s":"BTCUSDT","S":"Sell","v":"0.038","p":"82394.30"}]}'
)


def read(text: str, venue: str = "bybit-linear") -> Parsed:
    return BybitParser(venue).frame(text, "public", NS)


def only(parsed: Parsed, kind: type) -> Any:
    """The single event of `kind` in an accepted frame."""
    assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
    found = [event for event in parsed.events if isinstance(event, kind)]
    assert len(found) == 1
    return found[0]


def test_trade_sides_are_the_takers() -> None:
    sold = only(read(TRADE), Trade)
    assert (sold.price, sold.size, sold.taker_buy, sold.ts_ms) == (65114.2, 0.004, False, 1786310819680)
    assert sold.trade_id == "a9188a0a-82bc-50de-be60-03eedbe3cdd7"
    bought = only(read(SPOT_TRADE, "bybit-spot"), Trade)
    assert (bought.venue, bought.size, bought.taker_buy) == ("bybit-spot", 0.04537, True)


def test_a_fill_of_a_retail_price_improvement_order_is_in_no_public_book() -> None:
    assert only(read(TRADE), Trade).in_book
    assert not only(read(TRADE.replace('"RPI":false', '"RPI":true')), Trade).in_book
    assert only(read(TRADE.replace('"RPI":false,', "")), Trade).in_book


def test_inverse_trade_of_2023_is_converted_to_base() -> None:
    text = TRADE.replace("BTCUSDT", "BTCUSD").replace('"0.004"', '"5823"')
    assert only(read(text), Trade).size == pytest.approx(5823 / 65114.2)


def test_book_snapshot_and_delta_keep_exact_text_and_chain_by_one() -> None:
    snapshot = only(read(SNAPSHOT), BookSnapshot)
    assert snapshot.bids == [("65114.20", "6.054"), ("65114.10", "0.002")]
    assert (snapshot.sequence, snapshot.depth, snapshot.chained, snapshot.checksum) == (1, 200, True, None)
    delta = only(read(DELTA), BookDelta)
    assert delta.asks == [("65116.60", "0")]
    assert (delta.first, delta.last, delta.previous) == (15076953, 15076953, 15076952)


def test_depth_1_is_complete_in_itself_and_deltas_of_2023_are_completed() -> None:
    parser = BybitParser("bybit-linear")
    top = (
        SNAPSHOT.replace("orderbook.200", "orderbook.1")
        .replace(',["65114.10","0.002"]', "")
        .replace('"u":1,', '"u":7,')
    )
    first = only(parser.frame(top, "c", NS), BookSnapshot)
    assert (first.depth, first.chained, first.sequence) == (1, False, 7)
    change = (
        '{"topic":"orderbook.1.BTCUSDT","type":"delta","ts":1682092584425,"data":{"s":"BTCUSDT","b":[["65114.20","0"],'
        '["65113.00","0.777"]],"a":[],"u":8,"seq":11155892580}}'
    )
    second = only(parser.frame(change, "c", NS), BookSnapshot)
    assert (second.bids, second.asks) == ([("65113.00", "0.777")], [("65114.30", "1.5")])
    after_gap = parser.frame(change.replace('"u":8', '"u":10'), "c", NS)
    assert (after_gap.verdict, list(after_gap.events)) == (Verdict.ACCEPTED, [])


def test_ticker_snapshot_yields_every_statistic_and_open_interest_once() -> None:
    parsed = read(TICKER)
    ticker, quote = only(parsed, Ticker), only(parsed, Quote)
    assert (ticker.last, ticker.open_24h, ticker.volume_24h_base, ticker.volume_24h_quote) == (
        65114.3,
        65008.7,
        17573.912,
        1142118412.9021,
    )
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (65114.2, 5.954, 65114.3, 10.47)
    mark, funding = only(parsed, MarkPrice), only(parsed, Funding)
    assert (mark.mark, mark.index) == (65117.44, 65137.76)
    assert (funding.rate_frac, funding.next_ms, funding.interval_h) == (0.0001, 1786320000000, 8.0)
    interest = only(parsed, OpenInterest)
    assert (interest.base, interest.usd) == (29945.866, 1949998132.5)


def test_two_sided_open_interest_of_older_wire_is_halved() -> None:
    text = TICKER.replace('"singleOpenInterest":"29945.866","singleOpenInterestValue":"1949998132.50",', "")
    interest = only(read(text), OpenInterest)
    assert (interest.base, interest.usd) == (59891.732 / 2, 3899996265.01 / 2)


def test_ticker_delta_yields_only_what_it_carries_completed_from_before() -> None:
    parser = BybitParser("bybit-linear")
    parser.frame(TICKER, "c", NS)
    delta = '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT",%s},"cs":2,"ts":1786310817883}'
    quote = parser.frame(delta % '"bid1Price":"65114.10","bid1Size":"6.054"', "c", NS)
    assert len(quote.events) == 1
    held = only(quote, Quote)
    assert (held.bid, held.bid_size, held.ask, held.ask_size) == (65114.1, 6.054, 65114.3, 10.47)
    index = only(parser.frame(delta % '"indexPrice":"65140.00"', "c", NS), MarkPrice)
    assert (index.mark, index.index) == (65117.44, 65140.0)
    funding = only(parser.frame(delta % '"nextFundingTime":"1786348800000"', "c", NS), Funding)
    assert (funding.rate_frac, funding.next_ms) == (0.0001, 1786348800000)
    value = only(parser.frame(delta % '"openInterestValue":"2","singleOpenInterestValue":"1"', "c", NS), OpenInterest)
    assert (value.base, value.usd) == (29945.866, 1.0)
    last = only(parser.frame(delta % '"lastPrice":"65114.00"', "c", NS), Ticker)
    assert last.last == 65114.0
    assert math.isnan(last.volume_24h_base)
    assert not parser.frame(delta % '"price24hPcnt":"0.1"', "c", NS).events


def test_delta_before_its_snapshot_claims_nothing_of_the_other_side() -> None:
    delta = (
        '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Price":"1","bid1Size":"2"},"ts":%d}'
    )
    parsed = read(delta % 1786310817883)
    assert (parsed.verdict, list(parsed.events)) == (Verdict.ACCEPTED, [])


def test_empty_fields_of_a_dated_future_are_no_values() -> None:
    text = TICKER.replace(
        '"nextFundingTime":"1786320000000","fundingRate":"0.0001"', '"nextFundingTime":"","fundingRate":""'
    )
    parsed = read(text.replace('"bid1Price":"65114.20","bid1Size":"5.954"', '"bid1Price":"","bid1Size":""'))
    assert not [event for event in parsed.events if isinstance(event, Funding)]
    quote = only(parsed, Quote)
    assert math.isnan(quote.bid)
    assert quote.ask == 65114.3


def test_a_refused_ticker_does_not_complete_the_next_one() -> None:
    parser = BybitParser("bybit-linear")
    parser.frame(TICKER, "c", NS)
    bad = TICKER.replace('"snapshot"', '"delta"').replace('"ask1Size":"10.470"', '"ask1Size":"-1"')
    assert parser.frame(bad, "c", NS).verdict is Verdict.REJECTED
    delta = '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","bid1Size":"3"},"ts":1786310817883}'
    assert not parser.frame(delta, "c", NS).events


def test_inverse_ticker_swaps_base_and_dollars() -> None:
    text = (
        '{"topic":"tickers.BTCUSD","type":"snapshot","data":{"symbol":"BTCUSD","lastPrice":"28560.00","openInterest":'
        '"449736676","openInterestValue":"15747.08","turnover24h":"23389.1894","volume24h":"661543991"},'
        '"ts":1680673822577}'
    )
    parsed = read(text)
    assert only(parsed, Ticker).volume_24h_base == 23389.1894
    interest = only(parsed, OpenInterest)
    assert (interest.base, interest.usd) == (15747.08 / 2, 449736676 / 2)


@pytest.mark.parametrize("confirm", [True, False])
def test_candle_is_closed_when_the_venue_says_so(confirm: bool) -> None:
    candle = only(read(KLINE.replace('"confirm":false', f'"confirm":{str(confirm).lower()}')), Candle)
    assert (candle.interval_ms, candle.open_ms, candle.closed) == (300_000, 1786310700000, confirm)
    assert (candle.open, candle.high, candle.low, candle.close) == (65119.9, 65119.9, 65114.2, 65114.3)
    assert (candle.volume_base, candle.volume_quote, candle.trades) == (1.576, 102627.995, -1)
    assert math.isnan(candle.taker_buy_quote)


def test_liquidation_side_is_the_position() -> None:
    parsed = read(LIQUIDATION)
    first, second = parsed.events
    assert isinstance(first, Liquidation)
    assert isinstance(second, Liquidation)
    assert (first.side, first.price, first.size, first.sampled) == ("long", 82396.9, 0.006, False)
    assert (second.side, second.ts_ms) == ("short", 1791565601058)


def test_liquidation_topic_of_2023_is_sampled() -> None:
    text = (
        '{"data":{"price":"0.03803","side":"Buy","size":"1637","symbol":"GALAUSDT","updatedTime":1673251091822},'
        '"topic":"liquidation.GALAUSDT","ts":1673251091822,"type":"snapshot"}'
    )
    event = only(read(text), Liquidation)
    assert (event.side, event.size, event.sampled) == ("long", 1637.0, True)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('{"success":true,"ret_msg":"","conn_id":"d8bu","req_id":"","op":"subscribe"}', ""),
        ('{"success":true,"ret_msg":"pong","conn_id":"d8bu","req_id":"1","op":"ping"}', ""),
        ('{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"c"}', ""),
        (
            '{"success":false,"ret_msg":"error:handler not found,topic:orderbook.500.BTCUSDT","conn_id":"d",'
            '"req_id":"","op":"subscribe"}',
            "bybit-linear: error:handler not found,topic:orderbook.500.BTCUSDT",
        ),
    ],
)
def test_control(text: str, detail: str) -> None:
    assert read(text) == Parsed(Verdict.CONTROL, detail=detail)


@pytest.mark.parametrize(
    "text",
    [
        '{"topic":"trade.BTCUSDT","data":[{"symbol":"BTCUSDT","price":"9452.00","size":0.001,"side":"Sell"}]}',
        '{"topic":"orderBookL2_25.BTCUSD","type":"delta","data":{"delete":[],"update":[],"insert":[]}}',
        '{"topic":"liquidation.BTCUSDT","data":{"symbol":"BTCUSDT","side":"Sell","price":"1","qty":"2","time":1632123952732}}',
        '{"topic":"depth","params":{"symbol":"BITBTC"},"data":{"s":"BITBTC"}}',
        KLINE.replace("kline.5.", "kline.3."),
        DELTA.replace("orderbook.200.", "orderbook.rpi."),
        DELTA.replace("orderbook.200.", "orderbook.full."),
        '{"topic":"orderbook.rpi.BTCUSDT","type":"delta","ts":1786310818130,"data":{"s":"BTCUSDT","b":[["1","2","3"]]}}',
        '{"topic":"insurance.USDT","data":[]}',
        "[]",
        "123",
        '{"hello":1}',
    ],
)
def test_unknown(text: str) -> None:
    parsed = read(text)
    assert (parsed.verdict, list(parsed.events)) == (Verdict.UNKNOWN, [])
    assert parsed.detail.startswith("bybit-linear: not handled")


def test_wrong_hint_costs_a_second_reading_only() -> None:
    """The topic's text inside another field, keys in any order, spaces between them."""
    decoy = DELTA.replace('{"topic":', '{"note":{"topic":"publicTrade.X"},"topic":', 1)
    assert only(read(decoy), BookDelta).last == 15076953
    message = msgspec.json.decode(TRADE)
    spaced = msgspec.json.format(msgspec.json.encode(dict(reversed(message.items()))), indent=2).decode()
    assert only(read(spaced), Trade).price == 65114.2


def test_instruments_inferred_are_capped() -> None:
    parser = BybitParser("bybit-linear")
    for number in range(MAX_INFERRED):
        parser.known(f"A{number}USDT")
    refused = parser.frame(TRADE, "c", NS)
    assert refused.verdict is Verdict.REJECTED
    assert "listing lacks" in refused.detail
