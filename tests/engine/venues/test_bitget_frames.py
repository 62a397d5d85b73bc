"""Bitget frames as its documentation prints them: what each kind becomes, and which verdict it gets."""

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
from engine.market.book import Book
from engine.venues.base import Parsed, Verdict
from engine.venues.bitget.parse import BitgetParser
from engine.venues.instrument_table import MAX_INFERRED

NS = 1_746_698_732_600_000_000

# The four frames below stand in Bitget's UTA v3 documentation, byte for byte.
LIQUIDATION = (
    '{"data":[{"symbol":"BTCUSDT","side":"buy","price":"89000","amount":"37.722858","ts":"1736371332162"}],'
    '"arg":{"instType":"usdt-futures","topic":"liquidation"},"action":"update","ts":1736371332162}'
)
TRADE_HISTORY = (
    '{"data":[{"p":"100000","S":"buy","T":"1736348770627","v":"0.00118","i":"1260903622036942849",'
    '"L":"1234568787787878787","isRPI":"no"}],"arg":{"instType":"usdt-futures","symbol":"BTCUSDT",'
    '"topic":"publicTrade"},"action":"snapshot","ts":1736371104297}'
)
SNAPSHOT = (
    '{"data":[{"a":[["99756.7","23.9774"]],"b":[["99756.6","0.0128"]],"pseq":0,"seq":1304314508780744705,'
    '"maxDepth":"50","ts":"1746698732562"}],"arg":{"instType":"usdt-futures","symbol":"BTCUSDT","topic":"books"},'
    '"action":"snapshot","ts":1746698732563}'
)
SPOT_KLINE = (
    '{"data":[{"volume":"0.423","high":"400005","low":"276670","start":"1710518400000","close":"400005",'
    '"turnover":"148190.38375","open":"276670"}],"arg":{"instType":"spot","symbol":"BTCUSDT","topic":"kline",'
    '"interval":"1D"},"action":"snapshot","ts":1736370735556}'
)

# Made from them and from the documented field names.
TRADE = TRADE_HISTORY.replace('"action":"snapshot"', '"action":"update"')
UPDATE = (
    '{"data":[{"a":[["99756.7","0"],["99757.1","2"]],"b":[["99756.6","1.5"]],"pseq":1304314508780744705,'
    '"seq":1304314508780744709,"ts":"1746698732612"}],"arg":{"instType":"usdt-futures","symbol":"BTCUSDT",'
    '"topic":"books"},"action":"update","ts":1746698732613}'
)
KLINE = SPOT_KLINE.replace('"spot"', '"usdt-futures"').replace('"1D"', '"4H"')
TICKER = (
    '{"data":[{"symbol":"BTCUSDT","lastPrice":"99756.6","openPrice24h":"98000.1","highPrice24h":"100100",'
    '"lowPrice24h":"97500","ask1Price":"99756.7","ask1Size":"23.9774","bid1Price":"99756.6","bid1Size":"0.0128",'
    '"price24hPcnt":"0.01792","volume24h":"30500.5","turnover24h":"3010000000.25","indexPrice":"99800.5",'
    '"markPrice":"99757","fundingRate":"0.0001","nextFundingTime":"1746720000000","openInterest":"61000.25"}],'
    '"arg":{"instType":"usdt-futures","symbol":"BTCUSDT","topic":"ticker"},"action":"snapshot","ts":1746698732563}'
)


def read(text: str) -> Parsed:
    return BitgetParser().frame(text, "public", NS)


def only(parsed: Parsed, kind: type) -> Any:
    """The single event of `kind` in an accepted frame."""
    assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
    found = [event for event in parsed.events if isinstance(event, kind)]
    assert len(found) == 1
    return found[0]


def test_trades_of_one_push_come_oldest_first_though_the_venue_sends_the_newest_first() -> None:
    rows = ",".join(
        f'{{"i":"{name}","p":"100","v":"1","S":"buy","T":"{at}","L":"1","isRPI":"no"}}'
        for name, at in (("5", 1736348770628), ("4", 1736348770627), ("3", 1736348770627))
    )
    arg = '"arg":{"instType":"usdt-futures","topic":"publicTrade","symbol":"BTCUSDT"}'
    parsed = read(f'{{"action":"update",{arg},"data":[{rows}],"ts":1736348770628}}')
    assert [event.trade_id for event in parsed.events if isinstance(event, Trade)] == ["3", "4", "5"]


def test_the_documented_liquidation_is_a_long_and_its_amount_is_quote_currency() -> None:
    event = only(read(LIQUIDATION), Liquidation)
    assert (event.venue, event.symbol, event.side, event.price) == ("bitget-usdt", "BTCUSDT", "long", 89000.0)
    assert event.size == pytest.approx(37.722858 / 89000)
    assert (event.sampled, event.ts_ms, event.recv_ns) == (True, 1736371332162, NS)
    assert only(read(LIQUIDATION.replace('"buy"', '"sell"')), Liquidation).side == "short"


def test_a_liquidation_snapshot_is_history() -> None:
    parsed = read(LIQUIDATION.replace('"update"', '"snapshot"'))
    assert (parsed.verdict, list(parsed.events)) == (Verdict.ACCEPTED, [])


def test_the_documented_trade_is_history_and_the_same_as_an_update_is_a_trade() -> None:
    parsed = read(TRADE_HISTORY)
    assert (parsed.verdict, list(parsed.events)) == (Verdict.ACCEPTED, [])
    trade = only(read(TRADE), Trade)
    assert (trade.price, trade.size, trade.taker_buy, trade.ts_ms) == (100000.0, 0.00118, True, 1736348770627)
    assert trade.trade_id == "1260903622036942849"
    assert not only(read(TRADE.replace('"buy"', '"sell"')), Trade).taker_buy


@pytest.mark.parametrize(("said", "in_book"), [('"no"', True), ('"yes"', False), ("true", False), ("null", True)])
def test_a_fill_of_a_retail_price_improvement_order_is_in_no_public_book(said: str, in_book: bool) -> None:
    assert only(read(TRADE.replace('"isRPI":"no"', f'"isRPI":{said}')), Trade).in_book is in_book


def test_trades_of_one_push_come_oldest_first() -> None:
    row = '{"p":"99999","S":"sell","T":"1736348770600","v":"1","i":"7"}'
    parsed = read(TRADE.replace('"data":[', '"data":[').replace('"isRPI":"no"}]', f'"isRPI":"no"}},{row}]'))
    assert [event.ts_ms for event in parsed.events] == [1736348770600, 1736348770627]


def test_the_documented_book_keeps_exact_text() -> None:
    event = only(read(SNAPSHOT), BookSnapshot)
    assert (list(event.bids), list(event.asks)) == ([("99756.6", "0.0128")], [("99756.7", "23.9774")])
    assert (event.sequence, event.depth, event.chained) == (1304314508780744705, 50, True)
    assert (event.overlaps, event.aligns, event.checksum, event.ts_ms) == (True, False, None, 1746698732562)
    assert only(read(SNAPSHOT.replace('"maxDepth":"50",', "")), BookSnapshot).depth == 0


def test_an_update_chains_on_pseq() -> None:
    event = only(read(UPDATE), BookDelta)
    assert (event.first, event.last, event.previous) == (None, 1304314508780744709, 1304314508780744705)
    assert list(event.asks) == [("99756.7", "0"), ("99757.1", "2")]
    assert (event.bid_values, event.ask_values) == ([99756.6, 1.5], [99756.7, 0.0, 99757.1, 2.0])
    assert not event.restarts
    assert only(read(UPDATE.replace('"pseq":1304314508780744705', '"pseq":0')), BookDelta).restarts


def test_the_books_rules_hold_from_the_wire_to_the_book() -> None:
    parser, book = BitgetParser(), Book()

    def push(text: str) -> bool:
        event = parser.frame(text, "public", NS).events[0]
        if isinstance(event, BookSnapshot):
            return book.apply_snapshot(event)
        assert isinstance(event, BookDelta)
        return book.apply_delta(event)

    assert push(SNAPSHOT)
    # The first update began before the snapshot.
    assert push(UPDATE.replace('"pseq":1304314508780744705', '"pseq":1304314508780744700'))
    assert book.top(5) == ([("99756.6", "1.5")], [("99757.1", "2")])
    following = UPDATE.replace("744705", "744709").replace('"seq":1304314508780744709', '"seq":1304314508780744711')
    assert '"pseq":1304314508780744709' in following
    assert push(following)
    # The server restarts with ids far below those held: no repeat, but a book that is void.
    push(UPDATE.replace('"pseq":1304314508780744705,"seq":1304314508780744709', '"pseq":0,"seq":5'))
    assert (book.status, book.duplicates) == ("resyncing", 0)
    assert push(SNAPSHOT.replace("1304314508780744705", "6"))
    assert book.status == "synced"
    push(UPDATE.replace('"pseq":1304314508780744705,"seq":1304314508780744709', '"pseq":8,"seq":9'))
    assert (book.status, book.gaps) == ("resyncing", 2)


@pytest.mark.parametrize(("topic", "depth"), [("books1", 1), ("books5", 5), ("books50", 50)])
def test_shallow_books_are_complete_in_themselves(topic: str, depth: int) -> None:
    text = SNAPSHOT.replace('"topic":"books"', f'"topic":"{topic}"')
    event = only(read(text), BookSnapshot)
    assert (event.depth, event.chained, event.overlaps, event.sequence) == (depth, False, False, 1304314508780744705)
    without = text.replace('"pseq":0,"seq":1304314508780744705,"maxDepth":"50",', "")
    assert only(read(without), BookSnapshot).sequence is None
    assert "snapshots only" in read(text.replace('"action":"snapshot"', '"action":"update"')).detail


def test_a_ticker_speaks_of_statistics_quote_mark_funding_and_open_interest() -> None:
    parsed = read(TICKER)
    ticker, quote = only(parsed, Ticker), only(parsed, Quote)
    assert (ticker.last, ticker.open_24h, ticker.high_24h, ticker.low_24h) == (99756.6, 98000.1, 100100.0, 97500.0)
    assert (ticker.volume_24h_base, ticker.volume_24h_quote) == (30500.5, 3010000000.25)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (99756.6, 0.0128, 99756.7, 23.9774)
    mark, funding = only(parsed, MarkPrice), only(parsed, Funding)
    assert (mark.mark, mark.index) == (99757.0, 99800.5)
    assert (funding.rate_frac, funding.next_ms, funding.interval_h) == (0.0001, 1746720000000, None)
    interest = only(parsed, OpenInterest)
    assert interest.base == 61000.25
    assert math.isnan(interest.usd)
    assert {event.ts_ms for event in parsed.events} == {1746698732563}


def test_a_ticker_without_a_value_says_nothing_of_it() -> None:
    text = TICKER.replace('"99757"', '""').replace('"0.0001"', '""').replace('"61000.25"', '""')
    parsed = read(text.replace('"bid1Price":"99756.6"', '"bid1Price":"0"'))
    assert not [event for event in parsed.events if isinstance(event, Funding | OpenInterest)]
    assert math.isnan(only(parsed, MarkPrice).mark)
    quote = only(parsed, Quote)
    assert (math.isnan(quote.bid), quote.ask) == (True, 99756.7)
    emptied = msgspec.json.decode(TICKER)
    emptied["data"] = [{"symbol": "BTCUSDT"}]
    bare = read(msgspec.json.encode(emptied).decode())
    assert (bare.verdict, list(bare.events)) == (Verdict.ACCEPTED, [])


def test_funding_takes_its_interval_from_the_listing() -> None:
    parser = BitgetParser()
    body = (
        '{"code":"00000","data":[{"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","type":"perpetual",'
        '"status":"online","fundInterval":"4","symbolType":"crypto"}]}'
    )
    parser.response("GET /api/v3/market/instruments?category=USDT-FUTURES", 200, body, NS)
    assert only(parser.frame(TICKER, "public", NS), Funding).interval_h == 4.0


def test_the_documented_kline_is_of_spot_and_of_days_and_so_is_not_ours() -> None:
    parsed = read(SPOT_KLINE)
    assert parsed.verdict is Verdict.UNKNOWN
    assert "instType spot" in parsed.detail
    assert "interval 1D" in read(KLINE.replace('"4H"', '"1D"')).detail


def test_a_kline_of_ours_is_a_bar_that_is_not_closed() -> None:
    bar = only(read(KLINE), Candle)
    assert (bar.interval_ms, bar.open_ms, bar.closed, bar.trades) == (14_400_000, 1710518400000, False, -1)
    assert (bar.open, bar.high, bar.low, bar.close) == (276670.0, 400005.0, 276670.0, 400005.0)
    assert (bar.volume_base, bar.volume_quote, bar.ts_ms) == (0.423, 148190.38375, 1736370735556)
    assert math.isnan(bar.taker_buy_quote)


def test_control_frames() -> None:
    ack = '{"event":"subscribe","arg":{"instType":"usdt-futures","topic":"books","symbol":"BTCUSDT"},"connId":"a1"}'
    for text in ("pong", ack):
        parsed = read(text)
        assert (parsed.verdict, parsed.detail) == (Verdict.CONTROL, "")
    refused = read(
        '{"event":"error","arg":{"instType":"usdt-futures","topic":"books","symbol":"NOPEUSDT"},"code":30001,'
        '"msg":"instType:usdt-futures,symbol:NOPEUSDT doesn\'t exist","op":"subscribe"}'
    )
    assert refused.verdict is Verdict.CONTROL
    for word in ("30001", "doesn't exist", "(books, NOPEUSDT)"):
        assert word in refused.detail


def test_unknown_frames() -> None:
    assert "topic rpi-books" in read(SNAPSHOT.replace('"books"', '"rpi-books"')).detail
    for text in (SNAPSHOT.replace('"books"', '"rpi-books"'), '{"a":1}', "[]", "1", '{"event":"party"}'):
        assert read(text).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("text", [TRADE, UPDATE, SNAPSHOT, TICKER, KLINE, LIQUIDATION])
def test_other_products_are_not_taken_for_the_perpetual_of_the_same_name(text: str) -> None:
    parsed = read(text.replace("usdt-futures", "spot"))
    assert (parsed.verdict, list(parsed.events)) == (Verdict.UNKNOWN, [])
    assert "instType spot" in parsed.detail


def test_a_name_in_the_data_that_looks_like_a_topic_costs_nothing() -> None:
    text = '{"note":{"topic":"books"},' + TICKER[1:]
    assert only(read(text), Quote).ask == 99756.7


def test_no_more_symbols_than_can_be_true() -> None:
    parser = BitgetParser()
    for number in range(MAX_INFERRED):
        assert parser.frame(TRADE.replace("BTCUSDT", f"A{number}USDT"), "c", NS).verdict is Verdict.ACCEPTED
    assert "more than" in parser.frame(TRADE, "c", NS).detail
    assert len(list(parser.instruments())) == MAX_INFERRED
