"""OKX frames, today's and older ones: what each kind becomes, and which verdict it gets."""

from __future__ import annotations

import json
import math
from typing import Any

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
from engine.venues.instrument_table import MAX_INFERRED
from engine.venues.okx.parse import OkxParser

NS = 1_791_565_601_482_000_000

SPOT_TRADE = (
    '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9",'
    '"sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3","source":"0","seqId":1234}]}'
)
SWAP_TRADE = (
    '{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","tradeId":"219066264",'
    '"px":"43568.8","sz":"7","side":"sell","ts":"1646312440645"}]}'
)
UPDATE = (
    '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"]],'
    '"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"prevSeqId":123456,"seqId":123457}]}'
)
OLD_SNAPSHOT = (
    '{"arg":{"channel":"books-l2-tbt","instId":"BTC-USDT-220325"},"action":"snapshot","data":[{"asks":[["43741.9","4","0",'
    '"1"]],"bids":[["43741.8","2","0","1"],["43739.3","4","0","1"]],"ts":"1646314548269","checksum":-2127111983}]}'
)
SWAP_TICKER = (
    '{"arg":{"channel":"tickers","instId":"BTC-USDT-SWAP"},"data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","last":'
    '"29963","lastSz":"2","askPx":"29960","askSz":"12","bidPx":"29959.9","bidSz":"431","open24h":"31589.3","high24h":'
    '"31907.2","low24h":"29302","sodUtc0":"29805","sodUtc8":"30753.7","volCcy24h":"108540.53","vol24h":"10854053",'
    '"ts":"1654166233877"}]}'
)
INVERSE_TICKER = (
    '{"arg":{"channel":"tickers","instId":"BTC-USD-SWAP"},"data":[{"instType":"SWAP","instId":"BTC-USD-SWAP","last":'
    '"29937.6","lastSz":"2","askPx":"29933","askSz":"34","bidPx":"29932.9","bidSz":"66","open24h":"31572.7","high24h":'
    '"31885.6","low24h":"29277.5","volCcy24h":"17799.3208","vol24h":"5412510","ts":"1654166220361"}]}'
)
CANDLE = (
    '{"arg":{"channel":"candle5m","instId":"BTC-USDT-SWAP"},"data":[["1791565500000","82500","82600.5","82400","82550",'
    '"4070","40.7","3360000.5","1"]]}'
)
LIQUIDATION = (
    '{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"82655.7","ccy":'
    '"","posSide":"long","side":"sell","sz":"8.55","ts":"1791565600771"}],"instFamily":"BTC-USDT","instId":'
    '"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT"}]}'
)


def push(channel: str, row: Any, symbol: str = "BTC-USDT-SWAP") -> str:
    return json.dumps({"arg": {"channel": channel, "instId": symbol}, "data": [row]}, separators=(",", ":"))


def read(text: str) -> Parsed:
    return OkxParser().frame(text, "public", NS)


def only(parsed: Parsed, kind: type) -> Any:
    """The single event of `kind` in an accepted frame."""
    assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
    found = [event for event in parsed.events if isinstance(event, kind)]
    assert len(found) == 1
    return found[0]


def listed_parser(**changes: Any) -> OkxParser:
    """A parser that knows the contracts of a linear and an inverse swap and of an option."""
    base = {"state": "live", "tickSz": "0.1", "lotSz": "1", "listTime": "1611916828000", "baseCcy": "", "quoteCcy": ""}
    linear = {"ctMult": "1", "ctType": "linear", "ctVal": "0.01", "ctValCcy": "BTC", "settleCcy": "USDT"}
    inverse = {"ctMult": "1", "ctType": "inverse", "ctVal": "100", "ctValCcy": "USD", "settleCcy": "BTC"}
    option = {"ctMult": "0.1", "ctType": "", "ctVal": "1", "ctValCcy": "BTC", "settleCcy": "BTC"}
    rows = [
        base | linear | {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "uly": "BTC-USDT"} | changes,
        base | inverse | {"instId": "BTC-USD-SWAP", "instType": "SWAP", "instFamily": "BTC-USD"},
        base | option | {"instId": "BTC-USD-220304-32000-P", "instType": "OPTION", "uly": "BTC-USD"},
    ]
    parser = OkxParser()
    body = json.dumps({"code": "0", "msg": "", "data": rows})
    parsed = parser.response("GET /api/v5/public/instruments?instType=SWAP", 200, body, NS)
    assert (parsed.verdict, parsed.detail, len(parsed.listing)) == (Verdict.ACCEPTED, "", 3)
    return parser


def test_spot_trade_is_in_base_currency() -> None:
    trade = only(read(SPOT_TRADE), Trade)
    assert (trade.venue, trade.symbol, trade.price, trade.size) == ("okx", "BTC-USDT", 42219.9, 0.12060306)
    assert (trade.taker_buy, trade.trade_id, trade.ts_ms) == (True, "130639474", 1630048897897)
    assert (trade.number, trade.joined) == (130639474, 3)


def test_a_trade_that_is_told_alone_has_one_number_and_an_id_that_is_none_proves_nothing() -> None:
    alone = only(read(SWAP_TRADE), Trade)
    assert (alone.number, alone.joined) == (219066264, 1)
    for ident in ("", "x17", "9" * 30):
        odd = only(read(SWAP_TRADE.replace("219066264", ident)), Trade)
        assert (odd.trade_id, odd.number) == (ident, -1)
    for count in ("0", "-1", "99999999999"):
        assert read(SPOT_TRADE.replace('"count":"3"', f'"count":"{count}"')).verdict is Verdict.REJECTED


@pytest.mark.parametrize(
    ("source", "in_book"), [('"0"', True), ('"1"', False), ("0", True), ("1", False), (None, True)]
)
def test_a_fill_of_the_liquidity_program_is_in_no_public_book(source: str | None, in_book: bool) -> None:
    told = "" if source is None else f'"source":{source},'
    assert only(read(SWAP_TRADE.replace('"tradeId"', f'{told}"tradeId"')), Trade).in_book is in_book


def test_contract_sizes_linear_inverse_and_option() -> None:
    parser = listed_parser()
    linear = only(parser.frame(SWAP_TRADE, "c", NS), Trade)
    assert (linear.size, linear.taker_buy) == (pytest.approx(0.07), False)
    inverse = only(parser.frame(SWAP_TRADE.replace("BTC-USDT-SWAP", "BTC-USD-SWAP"), "c", NS), Trade)
    assert inverse.size == pytest.approx(7 * 100 / 43568.8)
    option = only(
        parser.frame(
            SWAP_TRADE.replace("BTC-USDT-SWAP", "BTC-USD-220304-32000-P").replace('"43568.8"', '"0.001"'), "c", NS
        ),
        Trade,
    )
    assert option.size == pytest.approx(0.7)
    multiplied = only(listed_parser(ctMult="10").frame(SWAP_TRADE, "c", NS), Trade)
    assert multiplied.size == pytest.approx(0.7)


def test_size_is_unknown_until_a_ticker_tells_the_contract() -> None:
    parser = OkxParser()
    assert math.isnan(only(parser.frame(SWAP_TRADE, "c", NS), Trade).size)
    quote = only(parser.frame(SWAP_TICKER, "c", NS), Quote)
    assert (quote.bid_size, quote.ask_size) == (pytest.approx(4.31), pytest.approx(0.12))
    assert only(parser.frame(SWAP_TRADE, "c", NS), Trade).size == pytest.approx(0.07)
    instrument = parser.instrument("BTC-USDT-SWAP")
    assert (instrument.contract_size, instrument.inferred, instrument.inverse) == (0.01, True, False)


def test_inverse_contract_is_told_by_ticker_candle_or_dollars() -> None:
    by_ticker = OkxParser()
    by_ticker.frame(INVERSE_TICKER, "c", NS)
    by_candle = OkxParser()
    by_candle.frame(
        push(
            "candle1m", ["1662716640000", "20713.4", "20721.5", "20711.1", "20721.5", "1400", "6.7561"], "BTC-USD-SWAP"
        ),
        "c",
        NS,
    )
    by_dollars = OkxParser()
    row = {"instId": "BTC-USD-SWAP", "oi": "4999185.99999999953", "oiCcy": "6427.5478", "oiUsd": "499918599.999999953"}
    by_dollars.frame(push("open-interest", row | {"ts": "1789147120395"}, "BTC-USD-SWAP"), "c", NS)
    for parser in (by_ticker, by_candle, by_dollars):
        instrument = parser.instrument("BTC-USD-SWAP")
        assert (instrument.contract_size, instrument.inverse, instrument.quote) == (100.0, True, "USD")


def test_open_interest_tells_a_linear_contract() -> None:
    parser = OkxParser()
    row = {"instId": "FIL-USDT-220325", "instType": "FUTURES", "oi": "236870", "oiCcy": "23687", "ts": "1640131202886"}
    event = only(parser.frame(push("open-interest", row, "FIL-USDT-220325"), "c", NS), OpenInterest)
    assert event.base == 23687.0
    assert math.isnan(event.usd)
    assert parser.instrument("FIL-USDT-220325").contract_size == 0.1


def test_ticker_volumes_by_kind() -> None:
    linear = only(listed_parser().frame(SWAP_TICKER, "c", NS), Ticker)
    assert (linear.volume_24h_base, linear.volume_24h_quote) == (108540.53, pytest.approx(108540.53 * 29963))
    inverse = only(listed_parser().frame(INVERSE_TICKER, "c", NS), Ticker)
    assert (inverse.volume_24h_base, inverse.volume_24h_quote) == (17799.3208, 541251000.0)
    spot = only(read(SWAP_TICKER.replace("BTC-USDT-SWAP", "BTC-USDT")), Ticker)
    assert (spot.volume_24h_base, spot.volume_24h_quote) == (10854053.0, 108540.53)
    empty = read(SWAP_TICKER.replace('"29960"', '""').replace('"12"', '""'))
    assert math.isnan(only(empty, Quote).ask)
    assert only(empty, Quote).bid == 29959.9


def test_books_of_today_chain_by_sequence_and_ignore_a_zero_checksum() -> None:
    delta = only(read(UPDATE), BookDelta)
    assert (delta.first, delta.last, delta.previous, delta.checksum) == (None, 123457, 123456, None)
    assert delta.bids == [("8476.97", "256")]
    snapshot = only(read(UPDATE.replace("update", "snapshot").replace("123456", "-1")), BookSnapshot)
    assert (snapshot.sequence, snapshot.depth, snapshot.chained) == (123457, 400, True)
    heartbeat = UPDATE.replace('[["8476.98","415","0","13"]]', "[]").replace('[["8476.97","256","0","12"]]', "[]")
    assert only(read(heartbeat), BookDelta).bids == []


def test_books_of_2022_carry_a_checksum_and_no_sequence() -> None:
    snapshot = only(read(OLD_SNAPSHOT), BookSnapshot)
    assert (snapshot.sequence, snapshot.checksum, snapshot.chained) == (None, -2127111983, True)
    # Sizes stay in contracts, as text.
    assert snapshot.bids == [("43741.8", "2"), ("43739.3", "4")]
    assert only(read(OLD_SNAPSHOT.replace("-l2-tbt", "50-l2-tbt")), BookSnapshot).depth == 50


@pytest.mark.parametrize(("channel", "depth"), [("books5", 5), ("bbo-tbt", 1)])
def test_shallow_books_are_complete_in_themselves(channel: str, depth: int) -> None:
    row = {"asks": [["38632.4", "727", "0", "22"]], "bids": [], "ts": "1651761120004", "seqId": 9}
    book = only(read(push(channel, row)), BookSnapshot)
    assert (book.depth, book.chained, book.sequence, book.bids) == (depth, False, 9, [])


def test_several_rows_in_one_push_are_several_events() -> None:
    message = json.loads(UPDATE)
    message["data"].append(message["data"][0] | {"prevSeqId": 123457, "seqId": 123460})
    parsed = read(json.dumps(message, separators=(",", ":")))
    assert [event.last for event in parsed.events if isinstance(event, BookDelta)] == [123457, 123460]


def test_candles_today_and_in_2022() -> None:
    candle = only(read(CANDLE), Candle)
    assert (candle.interval_ms, candle.open_ms, candle.closed) == (300_000, 1791565500000, True)
    assert (candle.open, candle.high, candle.low, candle.close) == (82500.0, 82600.5, 82400.0, 82550.0)
    assert (candle.volume_base, candle.volume_quote, candle.trades) == (40.7, 3360000.5, -1)
    assert not only(read(CANDLE.replace('"1"]', '"0"]')), Candle).closed
    spot = only(read(CANDLE.replace("BTC-USDT-SWAP", "BTC-USDT")), Candle)
    assert (spot.volume_base, spot.volume_quote) == (4070.0, 40.7)
    old = only(read(CANDLE.replace(',"3360000.5","1"', "")), Candle)
    assert (old.volume_base, old.closed) == (40.7, False)
    assert math.isnan(old.volume_quote)


def test_funding_interval_is_the_distance_of_settlements() -> None:
    row = {
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.0001",
        "nextFundingRate": "",
        "fundingTime": "1744590349506",
        "nextFundingTime": "1744619149506",
        "ts": "1744590340000",
    }
    event = only(read(push("funding-rate", row)), Funding)
    assert (event.rate_frac, event.next_ms, event.interval_h, event.ts_ms) == (
        0.0001,
        1744590349506,
        8.0,
        1744590340000,
    )
    old = only(
        read(push("funding-rate", {k: v for k, v in row.items() if k not in ("ts", "nextFundingTime")})), Funding
    )
    assert (old.interval_h, old.ts_ms) == (None, NS // 1_000_000)
    without = read(push("funding-rate", {"instId": "BTC-USDT-SWAP", "fundingTime": "1640851200000"}))
    assert (without.verdict, list(without.events)) == (Verdict.ACCEPTED, [])


def test_mark_and_index_meet() -> None:
    parser = OkxParser()
    index = push("index-tickers", {"instId": "FIL-USDT", "idxPx": "35.583", "ts": "1640140200581"}, "FIL-USDT")
    mark = push("mark-price", {"instId": "FIL-USDT-SWAP", "markPx": "36.2", "ts": "1640140200600"}, "FIL-USDT-SWAP")
    first = only(parser.frame(index, "c", NS), MarkPrice)
    assert (first.symbol, first.index) == ("FIL-USDT-SWAP", 35.583)
    assert math.isnan(first.mark)
    second = only(parser.frame(mark, "c", NS), MarkPrice)
    assert (second.mark, second.index) == (36.2, 35.583)
    assert only(parser.frame(index, "c", NS), MarkPrice).mark == 36.2
    # With a listing, an index without a perpetual speaks of no instrument.
    assert not listed_parser().frame(index, "c", NS).events


def test_liquidation_side_and_size() -> None:
    long = only(listed_parser().frame(LIQUIDATION, "c", NS), Liquidation)
    assert (long.side, long.price, long.size, long.sampled) == ("long", 82655.7, pytest.approx(0.0855), True)
    short = only(listed_parser().frame(LIQUIDATION.replace('"sell"', '"buy"'), "c", NS), Liquidation)
    assert short.side == "short"
    inverse = only(listed_parser().frame(LIQUIDATION.replace("BTC-USDT-SWAP", "BTC-USD-SWAP"), "c", NS), Liquidation)
    assert inverse.size == pytest.approx(855 / 82655.7)
    assert math.isnan(only(read(LIQUIDATION), Liquidation).size)


def test_instruments_channel_is_a_listing() -> None:
    parser = OkxParser()
    row = {
        "instId": "NEW-USDT-SWAP",
        "instType": "SWAP",
        "ctVal": "",
        "tickSz": "",
        "state": "preopen",
        "instFamily": "",
    }
    parsed = parser.frame(push("instruments", row | {"instCategory": "3", "ctType": "linear"}), "c", NS)
    (one,) = parsed.listing
    assert (one.kind, one.base, one.quote, one.category, one.contract_size) == ("perp", "NEW", "USDT", "tradfi", None)
    assert parser.instrument("NEW-USDT-SWAP") is one


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote", "inverse", "size"),
    [
        ("BTC-USDT", "spot", "BTC", "USDT", False, 1.0),
        ("BTC-USDT-SWAP", "perp", "BTC", "USDT", False, None),
        ("BTC-USD-SWAP", "perp", "BTC", "USD", True, None),
        ("BTC-USD-220624", "future", "BTC", "USD", True, None),
        ("BTC-USD_UM-SWAP", "perp", "BTC", "USD", False, None),
        ("BTC-USD-220304-32000-P", "option", "BTC", "BTC", False, None),
    ],
)
def test_inferred_instruments(symbol: str, kind: str, base: str, quote: str, inverse: bool, size: float | None) -> None:
    one = OkxParser().instrument(symbol)
    assert (one.kind, one.base, one.quote, one.inverse, one.contract_size) == (kind, base, quote, inverse, size)
    assert one.inferred


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("pong", ""),
        ('{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}', ""),
        ('{"id":"1","event":"unsubscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a"}', ""),
        (
            '{"id":"1512","event":"error","code":"60012","msg":"Invalid request: {}","connId":"a4d3ae55"}',
            "okx: error 60012: Invalid request: {}",
        ),
        (
            '{"event":"notice","code":"64008","msg":"The connection will soon be closed","connId":"a"}',
            "okx: notice 64008: The connection will soon be closed",
        ),
    ],
)
def test_control(text: str, detail: str) -> None:
    assert read(text) == Parsed(Verdict.CONTROL, detail=detail)


@pytest.mark.parametrize(
    "text",
    [
        '{"table":"spot/trade","data":[{"instrument_id":"BCH-USDT","price":"328.74","side":"sell","size":"0.12"}]}',
        UPDATE.replace('"books"', '"books-rpi"'),
        UPDATE.replace('"books"', '"books-elp"'),
        CANDLE.replace("candle5m", "candle1D"),
        CANDLE.replace("candle5m", "mark-price-candle5m"),
        '{"arg":{"channel":"price-limit","instId":"XRP-USD-211231"},"data":[{"buyLmt":"0.98122"}]}',
        '{"code":"0","msg":"","data":[]}',
        '{"event":"something-new"}',
        "[]",
        '"ping"',
        "1",
    ],
)
def test_unknown(text: str) -> None:
    parsed = read(text)
    assert (parsed.verdict, list(parsed.events)) == (Verdict.UNKNOWN, [])
    assert parsed.detail.startswith("okx: not handled")


def test_wrong_hint_costs_a_second_reading_only() -> None:
    decoy = UPDATE.replace('{"arg":', '{"note":{"channel":"trades"},"arg":', 1)
    assert only(read(decoy), BookDelta).last == 123457
    message = json.loads(SPOT_TRADE)
    assert only(read(json.dumps(dict(reversed(message.items())), indent=2)), Trade).price == 42219.9


def test_instruments_inferred_are_capped() -> None:
    parser = OkxParser()
    for number in range(MAX_INFERRED):
        parser.contracts.known(f"A{number}-USDT")
    refused = parser.frame(SPOT_TRADE, "c", NS)
    assert refused.verdict is Verdict.REJECTED
    assert "listing lacks" in refused.detail
