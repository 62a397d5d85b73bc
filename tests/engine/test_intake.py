"""What connections that open, break and hand over mean for what is held, and what is not followed any more."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.transport.capture_records import ConnectionEvent, Frame, Response

START_MS = 1_700_000_000_000
VENUE = "binance-usdm"


def ns(ms: int) -> int:
    return (START_MS + ms) * 1_000_000


def event(ms: int, connection: str, what: Literal["open", "close", "error"]) -> ConnectionEvent:
    return ConnectionEvent(ns(ms), VENUE, connection, what)


def trade(ms: int, number: int, symbol: str = "BTCUSDT", connection: str = "market/1") -> Frame:
    data = {"e": "aggTrade", "E": START_MS + ms, "s": symbol, "a": number, "p": "100", "q": "1", "f": number,
            "l": number, "T": START_MS + ms, "m": False, "st": 1}  # fmt: skip
    return Frame(ns(ms), VENUE, connection, json.dumps({"stream": f"{symbol.lower()}@aggTrade", "data": data}))


def depth(ms: int, first: int, last: int, previous: int) -> Frame:
    data = {"e": "depthUpdate", "E": START_MS + ms, "T": START_MS + ms, "s": "BTCUSDT", "U": first, "u": last,
            "pu": previous, "b": [["99", "1"]], "a": [["101", "1"]], "st": 1}  # fmt: skip
    return Frame(ns(ms), VENUE, "public/1", json.dumps({"stream": "btcusdt@depth@100ms", "data": data}))


def snapshot(ms: int, last: int) -> Response:
    body = {"lastUpdateId": last, "E": START_MS + ms, "T": START_MS + ms, "bids": [["99", "2"]], "asks": [["101", "2"]]}
    return Response(ns(ms), VENUE, "GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000", 200, json.dumps(body))


def since_ms(pipeline: Pipeline, symbol: str = "BTCUSDT") -> int:
    row = pipeline.state.universe.row(VENUE, symbol)
    assert row is not None
    return pipeline.state.tape.since_ms[row]


def test_a_break_opens_a_hole_only_for_what_its_connection_carried() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(event(0, "market/2", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(trade(2, 1, "ETHUSDT", "market/2"))
    pipeline.ingest(event(10, "market/2", "error"))
    assert (since_ms(pipeline), since_ms(pipeline, "ETHUSDT")) == (START_MS + 1, -1)
    assert pipeline.notices[0] == "binance-usdm: connection market/2 error"


def test_a_connection_that_is_handed_over_leaves_no_hole() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(event(5, "market/1", "open"))
    pipeline.ingest(trade(6, 2))
    assert since_ms(pipeline) == START_MS + 1
    assert not pipeline.notices


def test_trades_asked_for_after_a_break_fill_it() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(event(2, "market/1", "close"))
    pipeline.ingest(event(100, "market/1", "open"))
    pipeline.ingest(trade(101, 5))
    rows = [{"a": n, "p": "100", "q": "1", "f": n, "l": n, "T": START_MS + t, "m": False}
            for n, t in ((1, 1), (2, 20), (3, 40), (4, 60), (5, 101))]  # fmt: skip
    request = "GET /fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000"
    pipeline.ingest(Response(ns(150), VENUE, request, 200, json.dumps(rows)))
    assert since_ms(pipeline) == START_MS + 1
    assert pipeline.state.tape.view(START_MS + 200).trades.sum() == 5


def test_a_break_before_the_next_trade_is_a_break_too() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(event(2, "market/1", "close"))
    pipeline.ingest(event(100, "market/1", "open"))
    rows = [{"a": n, "p": "100", "q": "1", "f": n, "l": n, "T": START_MS + t, "m": False} for n, t in ((1, 1), (2, 20))]
    pipeline.ingest(Response(ns(150), VENUE, "GET /fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000", 200, json.dumps(rows)))
    assert since_ms(pipeline) == START_MS + 1
    pipeline.ingest(event(200, "market/1", "close"))
    assert since_ms(pipeline) == -1
    pipeline.ingest(event(300, "market/1", "open"))
    pipeline.ingest(trade(400, 9))
    assert since_ms(pipeline) == START_MS + 400


def test_a_symbol_that_moved_is_not_touched_by_breaks_of_where_it_was() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(event(2, "market/1", "close"))
    pipeline.ingest(event(3, "market/2", "open"))
    pipeline.ingest(trade(4, 2, connection="market/2"))
    pipeline.ingest(event(5, "market/1", "open"))
    pipeline.ingest(event(6, "market/1", "close"))
    assert since_ms(pipeline) == START_MS + 4


def test_what_is_given_up_is_neither_shown_nor_scored_even_where_stragglers_come() -> None:
    pipeline = Pipeline(Config(), "live")
    for record in (trade(1, 1), depth(2, 10, 12, 9), snapshot(3, 11), depth(4, 13, 14, 12)):
        pipeline.ingest(record)
    pipeline.scan()
    assert pipeline.snapshot().columns.deep.tolist() == [True]
    for kind in ("trades", "book"):
        pipeline.ingest(event(5, f"{VENUE}#{kind}:BTCUSDT", "close"))
    pipeline.ingest(trade(6, 2))
    pipeline.ingest(depth(7, 15, 16, 14))
    pipeline.scan()
    shot = pipeline.snapshot()
    assert shot.columns.deep.tolist() == [False]
    assert since_ms(pipeline) == -1
    assert pipeline.books.get(VENUE, "BTCUSDT") is None
    for kind in ("trades", "book"):
        pipeline.ingest(event(8, f"{VENUE}#{kind}:BTCUSDT", "open"))
    pipeline.ingest(trade(9, 3))
    for record in (depth(10, 17, 18, 16), snapshot(11, 18)):
        pipeline.ingest(record)
    pipeline.scan()
    assert pipeline.snapshot().columns.deep.tolist() == [True]
    assert since_ms(pipeline) == START_MS + 9


@pytest.mark.parametrize(
    ("lost", "why"),
    [("public/1", "its connection broke"), (f"{VENUE}#book:BTCUSDT", "some of its messages may be missing")],
)
def test_a_book_that_is_lost_says_whether_its_connection_broke_or_messages_may_be_missing(lost: str, why: str) -> None:
    pipeline = Pipeline(Config(), "live")
    for record in (event(0, "public/1", "open"), depth(2, 10, 12, 9), snapshot(3, 11), depth(4, 13, 14, 12)):
        pipeline.ingest(record)
    book = pipeline.books.get(VENUE, "BTCUSDT")
    assert book is not None
    assert (book.status, book.reason) == ("synced", "")
    pipeline.ingest(event(5, lost, "error"))
    assert (book.status, book.reason) == ("resyncing", why)


def test_a_book_waits_for_its_first_snapshot_only_once_changes_wait_for_it() -> None:
    pipeline = Pipeline(Config(), "live")
    assert pipeline.broken_books(VENUE) == []
    pipeline.ingest(depth(2, 10, 12, 9))
    assert pipeline.broken_books(VENUE) == ["BTCUSDT"]
    pipeline.ingest(snapshot(3, 11))
    assert pipeline.broken_books(VENUE) == []
    pipeline.ingest(depth(4, 20, 21, 19))
    assert pipeline.broken_books(VENUE) == ["BTCUSDT"]


def liquidation(ms: int, connection: str = "market/1") -> Frame:
    order = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "1", "p": "100", "ap": "100", "X": "FILLED",
             "l": "1", "z": "1", "T": START_MS + ms}  # fmt: skip
    data = {"e": "forceOrder", "E": START_MS + ms, "o": order, "st": 1}
    return Frame(ns(ms), VENUE, connection, json.dumps({"stream": "!forceOrder@arr", "data": data}))


def liquidations_since(pipeline: Pipeline) -> int:
    return int(pipeline.state.liquidations.view(pipeline.state.at_ms).since_ms[0])


def test_a_confirmed_feed_of_liquidations_is_heard_in_its_silence() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    assert liquidations_since(pipeline) == -1
    pipeline.ingest(event(2, "market/1#liquidations:", "open"))
    assert liquidations_since(pipeline) == START_MS + 2
    pipeline.ingest(event(400_000, "market/2", "error"))
    assert liquidations_since(pipeline) == START_MS + 2, "another connection broke"
    pipeline.ingest(trade(400_001, 2))
    pipeline.scan()
    reading = pipeline.snapshot().board.readings["liquidations"]
    assert reading.notes[0] == "no liquidations in 6 min"
    assert reading.score[0] == 50.0
    pipeline.ingest(event(400_010, "market/1", "error"))
    assert liquidations_since(pipeline) == -1
    pipeline.ingest(event(400_020, "market/1", "open"))
    assert liquidations_since(pipeline) == -1
    pipeline.ingest(event(400_030, "market/1#liquidations:", "open"))
    assert liquidations_since(pipeline) == START_MS + 400_030
    pipeline.ingest(event(400_040, "market/1#liquidations:", "error"))
    assert liquidations_since(pipeline) == -1
    assert since_ms(pipeline) == -1
    pipeline.ingest(trade(400_050, 3))
    pipeline.ingest(event(400_060, "market/1#liquidations:", "error"))
    assert since_ms(pipeline) == START_MS + 400_050, "of trades it says nothing"


def test_without_confirmations_the_first_liquidation_begins_the_feed() -> None:
    pipeline = Pipeline(Config(), "live")
    pipeline.ingest(event(0, "market/1", "open"))
    pipeline.ingest(trade(1, 1))
    pipeline.ingest(liquidation(5))
    assert liquidations_since(pipeline) == START_MS + 5
    pipeline.ingest(event(10, "market/1", "close"))
    assert liquidations_since(pipeline) == -1


def test_changes_that_were_lost_are_told_and_a_book_that_begins_is_not() -> None:
    pipeline, told = Pipeline(Config(), "live"), list[tuple[str, str, int, int]]()
    pipeline.gapped = lambda *what: told.append(what)
    for record in (depth(2, 10, 12, 9), snapshot(3, 11), depth(4, 13, 14, 12)):
        pipeline.ingest(record)
    assert not told
    pipeline.ingest(depth(9, 20, 21, 19))
    assert told == [(VENUE, "BTCUSDT", START_MS + 4, START_MS + 9)]
    pipeline.ingest(depth(10, 22, 23, 21))
    assert len(told) == 1
