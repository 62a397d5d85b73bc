"""Binance frames as events: real frames of this year and of the years before, and everything that must not pass."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import (
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Ratio,
    Ticker,
    Trade,
)
from engine.venues.bars import UNDATED_MS
from engine.venues.base import Parsed, Verdict
from engine.venues.binance.parse import BinanceParser
from tests.recorded import recorded

RECV = 1_790_526_540_000_000_000


def usdm(text: str) -> Parsed:
    return BinanceParser("binance-usdm").frame(text, "market", RECV)


def spot(text: str) -> Parsed:
    return BinanceParser("binance-spot").frame(text, "public", RECV)


def only(parsed: Parsed) -> MarketEvent:
    assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
    (event,) = parsed.events
    return event


def combined(stream: str, **data: Any) -> str:
    return json.dumps({"stream": stream, "data": data}, ensure_ascii=False)


AGG = {
    "e": "aggTrade", "E": 1790526539033, "a": 3466782974, "s": "BTCUSDT", "p": "84551.10", "q": "0.030", "nq": "0.030",
    "f": 1, "l": 1, "T": 1790526538883, "m": False, "st": 1,
}  # fmt: skip
DEPTH = {
    "e": "depthUpdate", "E": 1790526538985, "T": 1790526538981, "s": "BTCUSDT", "ps": "BTCUSDT", "U": 5, "u": 9,
    "pu": 4, "b": [["1000.00", "139.491"]], "a": [["84551.10", "0.000"]], "st": 1,
}  # fmt: skip


def frames(name: str) -> Iterator[str]:
    """Frames of a file of single frames, whatever its layout."""
    for line in recorded("frames", name).read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        yield json.dumps(record["frame"]) if isinstance(record, dict) and "frame" in record else line


def capture(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(recorded("captures", name), "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            yield json.loads(line)


def test_an_aggregate_trade_of_this_year() -> None:
    event = only(usdm(combined("btcusdt@aggTrade", **AGG)))
    assert event == Trade(
        "binance-usdm", "BTCUSDT", 1790526538883, RECV, 84551.10, 0.03, True, "3466782974", 3466782974
    )


def test_a_maker_buyer_means_a_taker_sale_also_in_a_bare_frame() -> None:
    event = only(usdm(json.dumps({**AGG, "m": True})))
    assert isinstance(event, Trade)
    assert not event.taker_buy


@pytest.mark.parametrize(("normal", "in_book"), [("0.030", True), ("0.010", True), ("0", False), ("0.000", False)])
def test_a_trade_filled_by_retail_price_improvement_alone_is_in_no_public_book(normal: str, in_book: bool) -> None:
    event = only(usdm(combined("btcusdt@aggTrade", **{**AGG, "nq": normal})))
    assert isinstance(event, Trade)
    assert (event.size, event.in_book) == (0.03, in_book)


def test_the_trade_wire_before_2020_has_neither_id_nor_origin() -> None:
    old = {k: v for k, v in AGG.items() if k not in ("a", "nq", "st")}
    assert isinstance(only(usdm(combined("btcusdt@aggTrade", **old))), Trade)
    raw = {
        "e": "trade",
        "E": 1574381164089,
        "T": 1574381164086,
        "s": "BTCUSDT",
        "t": 1,
        "p": "7627.6",
        "q": "1",
        "m": True,
    }
    assert isinstance(only(usdm(combined("btcusdt@trade", **raw))), Trade)


def test_transfers_of_the_insurance_fund_are_not_trades() -> None:
    raw = {
        "e": "trade", "E": 1596034530241, "T": 1596034530235, "s": "ETHUSDT", "t": 2, "p": "2366.55", "q": "0.070",
        "X": "INSURANCE_FUND", "m": True,
    }  # fmt: skip
    parsed = usdm(combined("ethusdt@trade", **raw))
    assert (parsed.verdict, list(parsed.events)) == (Verdict.ACCEPTED, [])
    assert isinstance(only(usdm(combined("ethusdt@trade", **{**raw, "X": "MARKET"}))), Trade)


@pytest.mark.parametrize("kind", ["aggTrade", "forceOrder", "bookTicker", "24hrTicker"])
def test_coin_margined_rows_on_shared_streams_are_left_out(kind: str) -> None:
    rows: dict[str, dict[str, Any]] = {
        "aggTrade": {**AGG, "st": 2},
        "forceOrder": {
            "e": "forceOrder", "E": 1791285241233,
            "o": {"s": "BTCUSD_PERP", "S": "BUY", "q": "3", "p": "86499.5", "ap": "86159.1", "X": "FILLED", "z": "3",
                  "T": 1791285240223, "st": 2},
        },
        "bookTicker": {"e": "bookTicker", "s": "BTCUSD_PERP", "b": "1", "B": "1", "a": "2", "A": "1", "st": 2},
        "24hrTicker": {"e": "24hrTicker", "E": 1790526539033, "s": "BTCUSD_PERP", "c": "1", "o": "1", "h": "1",
                       "l": "1", "v": "1", "q": "1", "st": 2},
    }  # fmt: skip
    parsed = usdm(json.dumps(rows[kind]))
    assert (parsed.verdict, list(parsed.events)) == (Verdict.ACCEPTED, [])


def test_a_depth_update_keeps_the_exact_text_and_the_chain() -> None:
    event = only(usdm(combined("btcusdt@depth@100ms", **DEPTH)))
    assert isinstance(event, BookDelta)
    assert (event.first, event.last, event.previous) == (5, 9, 4)
    assert event.bids == [("1000.00", "139.491")]
    assert event.ts_ms == 1790526538981


def test_spot_depth_has_no_previous_id() -> None:
    data = {k: v for k, v in DEPTH.items() if k not in ("pu", "T", "ps", "st")}
    event = only(spot(combined("btcusdt@depth@100ms", **data)))
    assert isinstance(event, BookDelta)
    assert (event.previous, event.ts_ms) == (None, 1790526538985)


def test_partial_depth_shares_the_event_name_but_is_a_whole_picture() -> None:
    event = only(usdm(combined("btcusdt@depth5@100ms", **DEPTH)))
    assert isinstance(event, BookSnapshot)
    assert (event.depth, event.chained) == (5, False)
    data = {"lastUpdateId": 17, "bids": [["1782.0", "6.4"]], "asks": [["1782.1", "1"]]}
    event = only(spot(combined("ethusdt@depth20", **data)))
    assert isinstance(event, BookSnapshot)
    assert (event.symbol, event.depth) == ("ETHUSDT", 20)


def test_spot_best_quotes_have_no_time_so_the_receive_time_stands_in() -> None:
    data = {"u": 1, "s": "BTCUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
    event = only(spot(combined("btcusdt@bookTicker", **data)))
    assert event == Quote("binance-spot", "BTCUSDT", RECV // 1_000_000, RECV, 25.35, 31.21, 25.36, 40.66)


def test_an_empty_side_of_the_best_quotes_is_unknown_not_zero() -> None:
    data = {"u": 1, "s": "BTCUSDT", "b": "0.00", "B": "0.0", "a": "25.36", "A": "40.66"}
    event = only(spot(combined("btcusdt@bookTicker", **data)))
    assert isinstance(event, Quote)
    assert math.isnan(event.bid)


def test_a_mark_price_brings_index_and_the_running_funding_estimate() -> None:
    data = {
        "e": "markPriceUpdate", "E": 1790526539000, "s": "BTCUSDT", "p": "84551.1", "ap": "84551.1", "P": "84559.0",
        "i": "84590.8", "r": "0.00000801", "T": 1790553600000, "st": 1,
    }  # fmt: skip
    mark, funding = usdm(combined("btcusdt@markPrice@1s", **data)).events
    assert isinstance(mark, MarkPrice)
    assert (mark.mark, mark.index) == (84551.1, 84590.8)
    assert isinstance(funding, Funding)
    assert (funding.rate_frac, funding.next_ms, funding.settled) == (0.00000801, 1790553600000, False)
    dated = {**data, "s": "BTCUSDT_260925", "r": "", "T": 0}
    assert [type(e) for e in usdm(combined("btcusdt_260925@markPrice", **dated)).events] == [MarkPrice]
    oldest = {k: v for k, v in data.items() if k not in ("i", "P", "ap", "st")}
    first = usdm(combined("btcusdt@markPrice", **oldest)).events[0]
    assert isinstance(first, MarkPrice)
    assert math.isnan(first.index)


@pytest.mark.recorded
def test_real_liquidations_name_the_position_and_the_fill() -> None:
    parser = BinanceParser("binance-usdm")
    events = [
        (json.loads(record["d"])["data"]["o"], parser.frame(record["d"], "market", record["t"]))
        for record in capture("liquidations-2025-12.jsonl.gz")
    ]
    assert len(events) == 2045
    for order, parsed in events:
        event = only(parsed)
        assert isinstance(event, Liquidation)
        assert event.side == {"SELL": "long", "BUY": "short"}[order["S"]]
        assert event.price * event.size == pytest.approx(float(order["ap"]) * float(order["z"]))
        assert event.sampled


@pytest.mark.recorded
def test_every_frame_of_this_year_is_understood() -> None:
    parser = BinanceParser("binance-usdm")
    kinds: Counter[str] = Counter()
    for record in capture("binance-usdm-2026-09-27.jsonl.gz"):
        parsed = parser.frame(record["d"], record["c"], record["t"])
        assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
        kinds.update(type(event).__name__ for event in parsed.events)
    assert kinds == {
        "Quote": 5, "BookDelta": 2, "Trade": 4, "MarkPrice": 2, "Funding": 2, "Candle": 3, "Liquidation": 21,
    }  # fmt: skip
    assert parser.instrument("牛来USDT").base == "牛来"


@pytest.mark.recorded
def test_frames_of_earlier_years_are_understood_or_named_unknown() -> None:
    verdicts: Counter[tuple[str, str]] = Counter()
    for name in ("binance_usdm.jsonl", "crypto-msg-parser-binance.jsonl", "tardis-node-binance_usdm.jsonl"):
        for text in frames(name):
            parsed = usdm(text)
            verdicts[name, parsed.verdict.name] += 1
            assert parsed.verdict is not Verdict.REJECTED, (parsed.detail, text[:200])
    assert verdicts["binance_usdm.jsonl", "CONTROL"] == 2
    assert verdicts["binance_usdm.jsonl", "ACCEPTED"] >= 12
    assert verdicts["tardis-node-binance_usdm.jsonl", "ACCEPTED"] >= 12


@pytest.mark.recorded
def test_all_market_arrays_yield_every_row() -> None:
    counts = Counter(
        type(event).__name__
        for text in frames("binance_usdm.jsonl")
        if text.startswith("[")
        for event in usdm(text).events
    )
    assert counts["Ticker"] == 128 + 51
    assert counts["MarkPrice"] == 168


@pytest.mark.recorded
def test_real_candles_carry_taker_volume_and_close_once() -> None:
    parser = BinanceParser("binance-usdm")
    closed: Counter[tuple[str, int]] = Counter()
    for record in capture("binance-usdm-2021-07-22.jsonl.gz"):
        if "c" not in record or "d" not in record or '"kline"' not in record["d"]:
            continue
        event = only(parser.frame(record["d"], record["c"], record["t"]))
        wire = json.loads(record["d"])["data"]["k"]
        assert isinstance(event, Candle)
        assert (event.close, event.volume_quote, event.taker_buy_quote) == (
            float(wire["c"]), float(wire["q"]), float(wire["Q"]),
        )  # fmt: skip
        closed[event.symbol, event.open_ms] += event.closed
    assert max(closed.values()) == 1


@pytest.mark.recorded
def test_the_listing_gives_ticks_kinds_and_categories() -> None:
    parser = BinanceParser("binance-usdm")
    record = next(r for r in capture("binance-usdm-2021-04-17.jsonl.gz") if "exchangeInfo" in r.get("r", ""))
    parsed = parser.response(record["r"], record["s"], record["d"], record["t"])
    assert len(parsed.listing) == 113
    btc = parser.instrument("BTCUSDT")
    assert (btc.tick, btc.step, btc.kind, btc.asset, btc.inferred) == (0.01, 0.001, "perp", "BTC", False)
    kinds = Counter(i.kind for i in parsed.listing)
    assert kinds == {"perp": 111, "future": 2}
    assert parser.instrument("1000XYZUSDT").asset == "XYZ"


@pytest.mark.recorded
def test_recorded_rest_bodies_become_events() -> None:
    parser = BinanceParser("binance-usdm")
    seen: Counter[str] = Counter()
    for line in recorded("rest", "binance_rest_public.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["path"].startswith("/api/"):
            continue
        request = f"GET {record['path']}?{record.get('query') or ''}"
        parsed = parser.response(request, 200, json.dumps(record["data"]), RECV)
        if parsed.verdict is Verdict.ACCEPTED:
            seen.update({type(event).__name__ for event in parsed.events})
            seen["listing"] += bool(parsed.listing)
    assert set(seen) >= {"BookSnapshot", "Candle", "OpenInterest", "Ratio", "MarkPrice", "Funding", "Ticker", "listing"}


def test_a_rest_bar_whose_time_is_not_over_is_still_forming() -> None:
    parser = BinanceParser("binance-usdm")
    rows = [
        [t, "1", "2", "0.5", "1.5", "10", t + 299_999, "15", 3, "4", "6", "0"] for t in (1602669900000, 1602670200000)
    ]
    now_ns = (1602670200000 + 100_000) * 1_000_000
    bars = parser.response("GET /fapi/v1/klines?symbol=LTCUSDT&interval=5m", 200, json.dumps(rows), now_ns).events
    assert [bar.closed for bar in bars if isinstance(bar, Candle)] == [True, False]
    # The venue states no time in this answer, so one received shortly after a bar's end may have been made before it.
    for late_ms, closed in ((100, False), (UNDATED_MS - 1, False), (UNDATED_MS, True)):
        now_ns = (1602670500000 + late_ms) * 1_000_000
        bars = parser.response("GET /fapi/v1/klines?symbol=LTCUSDT&interval=5m", 200, json.dumps(rows), now_ns).events
        assert [bar.closed for bar in bars if isinstance(bar, Candle)] == [True, closed]


def test_rest_statistics_carry_their_kind_and_period() -> None:
    parser = BinanceParser("binance-usdm")
    body = '[{"longAccount":"0.6","longShortRatio":"1.5","symbol":"BTCUSDT","timestamp":1602403200000}]'
    request = "GET /futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=15m"
    assert list(parser.response(request, 200, body, RECV).events) == [
        Ratio("binance-usdm", "BTCUSDT", 1602403200000, RECV, "top_positions", 1.5, 900_000)
    ]
    body = '{"openInterest":"83782.317","symbol":"BTCUSDT","time":1702244985273}'
    (event,) = parser.response("GET /fapi/v1/openInterest?symbol=BTCUSDT", 200, body, RECV).events
    assert isinstance(event, OpenInterest)
    assert event.base == 83782.317
    assert math.isnan(event.usd)


def test_an_error_answer_is_control_with_the_venues_words() -> None:
    parsed = BinanceParser("binance-usdm").response(
        "GET /fapi/v1/depth?symbol=X", 400, '{"code":-1121,"msg":"Invalid symbol."}', RECV
    )
    assert parsed.verdict is Verdict.CONTROL
    assert "400" in parsed.detail
    assert "Invalid symbol" in parsed.detail


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"p": "nan"}, "p"),
        ({"p": "inf"}, "p"),
        ({"p": "1e999"}, "p"),
        ({"p": "1_0"}, "p"),
        ({"p": "１２"}, "p"),
        ({"p": "-1"}, "p"),
        ({"p": "0"}, "p"),
        ({"q": "-5"}, "q"),
        ({"q": ""}, "q"),
        ({"q": None}, "q"),
        ({"T": 1_790_526_538}, "T"),
        ({"T": 1_790_526_538_883_000}, "T"),
        ({"s": "A" * 300 + "[red]\x1b[2J"}, "symbol"),
        ({"s": "BTC\x1b]52;c;AAAA\x07"}, "symbol"),
        ({"s": ""}, "symbol"),
        ({"m": "yes"}, "m"),
    ],
)
def test_nonsense_in_a_trade_rejects_the_frame_and_names_the_field(change: dict[str, Any], names: str) -> None:
    parsed = usdm(combined("btcusdt@aggTrade", **{**AGG, **change}))
    assert parsed.verdict is Verdict.REJECTED
    assert names in parsed.detail
    assert "binance-usdm" in parsed.detail
    assert "\x1b" not in parsed.detail
    assert len(parsed.detail) <= 200


@pytest.mark.parametrize(
    "row", [["1.0"], ["1.0", "2.0", "3"], ["1.0", "-2"], ["-1.0", "2"], ["0", "2"], ["nan", "2"],
            ["1_0", "2"], ["１", "2"], ["", "2"], [".", "2"], ["1.2.3", "2"], ["9" * 50, "1"], [None, "2"], "12"],
)  # fmt: skip
def test_a_bad_book_row_rejects_the_frame(row: Any) -> None:
    parsed = usdm(combined("btcusdt@depth", **{**DEPTH, "b": [["1.0", "2"], row]}))
    assert parsed.verdict is Verdict.REJECTED
    assert not parsed.events


@pytest.mark.parametrize("change", [{"c": "nan"}, {"o": "nan"}, {"h": "0.5"}, {"l": "nan"}, {"l": "-1"}, {"q": "inf"}])
def test_a_bar_that_cannot_be_rejects_the_frame(change: dict[str, str]) -> None:
    bar = {"t": 1790526480000, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1, "x": True, "q": "1"}
    kline = {"e": "kline", "E": 1790526539304, "s": "BTCUSDT", "k": {**bar, "Q": "1"}}
    assert only(usdm(combined("btcusdt@kline_1m", **kline)))
    kline["k"] = {**bar, "Q": "1", **change}
    assert usdm(combined("btcusdt@kline_1m", **kline)).verdict is Verdict.REJECTED


def test_unknown_kinds_are_unknown_and_acks_are_control() -> None:
    assert usdm('{"stream":"x@compositeIndex","data":{"e":"compositeIndex","s":"DEFIUSDT"}}').verdict is Verdict.UNKNOWN
    bar = {"t": 1790526480000, "i": "3m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1, "x": True, "q": "1"}
    kline = {"e": "kline", "E": 1790526539304, "s": "BTCUSDT", "k": {**bar, "Q": "1"}}
    assert usdm(combined("btcusdt@kline_3m", **kline)).verdict is Verdict.UNKNOWN
    assert usdm('{"result":null,"id":3}').verdict is Verdict.CONTROL
    refused = usdm('{"code":2,"msg":"Invalid request","id":1}')
    assert refused.verdict is Verdict.CONTROL
    assert "Invalid request" in refused.detail
    assert usdm('"hello"').verdict is Verdict.UNKNOWN


def test_a_stream_name_that_lies_costs_a_second_reading_and_nothing_else() -> None:
    parser = BinanceParser("binance-usdm")
    assert parser.frame(combined("btcusdt@depth@100ms", **DEPTH), "public", RECV).events
    swapped = json.dumps({"data": AGG, "stream": "btcusdt@aggTrade"})
    assert isinstance(parser.frame(swapped, "market", RECV).events[0], Trade)
    lying = parser.frame(combined("btcusdt@depth@100ms", **AGG), "public", RECV)
    assert isinstance(lying.events[0], Trade)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert usdm(text).verdict in Verdict
    assert spot('{"stream":"btcusdt@depth","data":' + text).verdict in Verdict


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([combined("btcusdt@aggTrade", **AGG), combined("btcusdt@depth", **DEPTH)]),
    st.integers(0, 300),
    st.integers(0, 20),
    st.text(max_size=8),
)
def test_no_damage_to_a_real_frame_makes_the_parser_raise(text: str, at: int, cut: int, put: str) -> None:
    parsed = usdm(text[:at] + put + text[at + cut :])
    assert parsed.verdict in Verdict
    for event in parsed.events:
        if isinstance(event, Trade):
            assert event.price > 0
            assert math.isfinite(event.price * event.size)


def test_tickers_carry_quote_volume() -> None:
    data = {"e": "24hrMiniTicker", "E": 1654791723970, "s": "BTCUSDT", "c": "30180.00", "o": "30463.50",
            "h": "30691.90", "l": "29900.00", "v": "315252.128", "q": "9537613226.33"}  # fmt: skip
    event = only(usdm(combined("btcusdt@miniTicker", **data)))
    assert isinstance(event, Ticker)
    assert (event.last, event.open_24h, event.volume_24h_quote) == (30180.0, 30463.5, 9537613226.33)
