"""The simulated Bitget's frames against documented ones, and read by our own parser: they say what happened, exactly.

No frame of Bitget was recorded. The frames below stand in its UTA v3 documentation, or (books) were published from a
live connection in 2025; ours have their names and kinds. Where the live order of the keys is known (2026-09-15: the
action first, then the argument), ours have that too.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import pairwise
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
from engine.market.books import BookStore
from engine.simulator.episodes import Episode
from engine.simulator.exchanges.bitget.exchange import Bitget
from engine.simulator.exchanges.bitget.feeds import BOOK_MS, DEPTH, HISTORY
from engine.simulator.happenings import Trade as Traded
from engine.simulator.world import World
from engine.venues.base import Verdict
from engine.venues.bitget import session
from engine.venues.bitget.parse import BitgetParser
from tests.engine.simulator.exchanges.shape import kind_of
from tests.engine.simulator.exchanges.talk import STEP_MS, Talk
from tests.engine.simulator.market.market_worlds import START, found, small

NS = 1_000_000
VENUE = "bitget-usdt"
DOCUMENTED = {
    "liquidation": '{"symbol":"BTCUSDT","side":"buy","price":"89000","amount":"37.722858","ts":"1736371332162"}',
    "publicTrade": '{"p":"100000","S":"buy","T":"1736348770627","v":"0.00118","i":"1260903622036942849",'
    '"L":"1234568787878787878","isRPI":"no"}',
    "books": '{"a":[["99756.7","23.9774"]],"b":[["99756.6","0.0128"]],"pseq":0,"seq":1304314508780744705,'
    '"maxdepth":"50","ts":"1746698732562"}',
    "kline": '{"volume":"0.423","high":"400005","low":"276670","start":"1710518400000","close":"400005",'
    '"turnover":"148190.38375","open":"276670"}',
    "ticker": '{"highPrice24h":"120255.61","lowPrice24h":"116145.88","openPrice24h":"118919.38",'
    '"lastPrice":"119818.83","turnover24h":"215859996.272276","volume24h":"1819.756798","bid1Price":"119811.26",'
    '"ask1Price":"119831.18","bid1Size":"0.008732","ask1Size":"0.004297","price24hPcnt":"0.02002"}',
}
MORE = {"ticker": {"symbol", "indexPrice", "markPrice", "fundingRate", "nextFundingTime", "openInterest", "ts"}}
"""Fields that only futures have; the documented example is one of spot."""


def arg(topic: str, symbol: str = "BTCUSDT") -> dict[str, str]:
    """`kline.1m` is the topic kline with its interval."""
    name, _, interval = topic.partition(".")
    made = {"instType": "usdt-futures", "topic": name, "symbol": symbol}
    return made | ({"interval": interval} if interval else {})


ALL = [arg(topic) for topic in ("ticker", "publicTrade", "books", "books50", "books5", "books1", "kline.1m")]
ALL.append({"instType": "usdt-futures", "topic": "liquidation"})


def talk_of(world: World, args: list[dict[str, str]]) -> Talk:
    talk = Talk(world, Bitget(world))
    talk.open(0, "/v3/ws/public")
    talk.say(0, {"op": "subscribe", "args": args})
    return talk


def pushed(talk: Talk, topic: str, number: int = 0) -> list[dict[str, Any]]:
    return [message for message in talk.pushes(number) if message["arg"]["topic"] == topic]


def falling() -> World:
    return small(2, 300.0, episodes=[Episode("cascade_reversal", "BTC", START + 2_000, 60_000, -1, 2.0)])


def test_rows_have_the_documented_names_and_kinds() -> None:
    talk = talk_of(falling(), ALL)
    talk.run(70_000)
    for topic, text in DOCUMENTED.items():
        documented = json.loads(text)
        messages = pushed(talk, topic)
        assert messages, topic
        for message in messages:
            assert list(message) == ["action", "arg", "data", "ts"]
            assert kind_of(message["ts"]) == "int"
            for row in message["data"]:
                assert set(row) == set(documented) | MORE.get(topic, set())
                for name, value in documented.items():
                    numbers = {"whole text", "decimal text"}
                    kinds = {kind_of(value), kind_of(row[name])}
                    assert len(kinds) == 1 or kinds <= numbers, (topic, name, row[name])
    for topic in ("books50", "books5", "books1"):
        assert {message["action"] for message in pushed(talk, topic)} == {"snapshot"}


def test_our_parser_reads_every_frame() -> None:
    talk = talk_of(falling(), ALL)
    talk.run(70_000)
    parser, kinds = BitgetParser(), Counter[type]()
    topics = {one["topic"] for one in ALL}
    for text in talk.heard[0]:
        parsed = parser.frame(text, "public", talk.world.now_ms * NS)
        is_answer = '"event"' in text
        assert parsed.verdict is (Verdict.CONTROL if is_answer else Verdict.ACCEPTED), text
        kinds.update(type(event) for event in parsed.events)
        topic = session.topic_of(text)
        assert (topic is None) == is_answer
        if topic is not None:
            assert topic.partition(":")[0].partition(".")[0] in topics
    assert all(kinds[kind] > 5 for kind in (Trade, Quote, Ticker, MarkPrice, OpenInterest, Funding, Candle))
    assert min(kinds[kind] for kind in (BookSnapshot, BookDelta, Liquidation)) > 0


@pytest.mark.parametrize("topic", list(DEPTH))
def test_books_are_the_markets_at_every_depth(topic: str) -> None:
    world = small(2, 300.0)
    symbols = ("BTCUSDT", "ETHUSDT")
    talk = talk_of(world, [arg(topic, symbol) for symbol in symbols])
    parser, store = BitgetParser(), BookStore(flow=False)
    start, read, compared = world.now_ms, 0, 0
    every = max(STEP_MS, BOOK_MS[topic]) * 10

    def compare() -> None:
        nonlocal read, compared
        for text in talk.heard[0][read:]:
            for event in parser.frame(text, "c", world.now_ms * NS).events:
                if isinstance(event, BookSnapshot | BookDelta):
                    store.apply(event)
        read = len(talk.heard[0])
        if (world.now_ms - start - STEP_MS) % every:
            return
        for symbol in symbols:
            one, book = found(world, VENUE, symbol), store.get(VENUE, symbol)
            assert book is not None
            assert (book.status, book.gaps, book.resyncs) == ("synced", 0, 0)
            truth = world.book(one, DEPTH[topic])
            sides = ([(one.price_text(p), one.size_text(s)) for p, s in side] for side in (truth.bids, truth.asks))
            assert book.top(2_000) == tuple(sides)
            compared += 1

    talk.run(15_000, compare)
    assert compared >= 2 * 15_000 // every


def test_updates_of_a_book_chain_on_the_snapshot_and_on_each_other() -> None:
    talk = talk_of(small(2, 300.0), [arg("books")])
    talk.run(10_000)
    told = pushed(talk, "books")
    assert [message["action"] for message in told] == ["snapshot"] + ["update"] * (len(told) - 1)
    rows = [message["data"][0] for message in told]
    assert rows[0]["pseq"] == 0
    assert all(after["pseq"] == before["seq"] < after["seq"] for before, after in pairwise(rows))
    assert min(after["ts"] - before["ts"] for before, after in pairwise(told)) >= BOOK_MS["books"]


def test_one_who_comes_late_gets_a_snapshot_that_the_next_update_continues() -> None:
    talk = talk_of(small(2, 300.0), [arg("books")])
    for number in range(1, 9):
        talk.run(130)
        talk.open(number, "/v3/ws/public")
        talk.say(number, {"op": "subscribe", "args": [arg("books")]})
        talk.run(1_000)
        first, second = (message["data"][0] for message in pushed(talk, "books", number)[:2])
        assert (first["pseq"], second["pseq"]) == (0, first["seq"])


def test_after_a_restart_sequences_begin_anew_below() -> None:
    talk = talk_of(small(2, 300.0), [arg("books")])
    talk.run(2_000)
    before = pushed(talk, "books")[-1]["data"][0]["seq"]
    talk.exchange.restart(talk.world.now_ms)
    talk.close(0)
    talk.open(0, "/v3/ws/public")
    talk.say(0, {"op": "subscribe", "args": [arg("books")]})
    talk.run(2_000)
    after = [message["data"][0] for message in pushed(talk, "books")]
    assert after[0]["seq"] < before
    assert all(second["pseq"] == first["seq"] for first, second in pairwise(after))


def test_trades_come_after_a_snapshot_of_the_past_newest_first_and_those_of_an_order_together() -> None:
    world = small(2, 300.0)
    for _ in world.advance(world.now_ms + 30_000):
        pass
    one = found(world, VENUE, "BTCUSDT")
    began = world.totals(one).trades
    talk = talk_of(world, [arg("publicTrade")])
    talk.run(60_000)
    count = world.totals(one).trades - began
    past, *told = pushed(talk, "publicTrade")
    assert (past["action"], {message["action"] for message in told}) == ("snapshot", {"update"})
    assert 0 < len(past["data"]) <= HISTORY
    for message in (past, *told):
        ids = [int(row["i"]) for row in message["data"]]
        assert ids == sorted(ids, reverse=True)
    truth = world.recent_trades(one, count)
    by_order: dict[int, list[Traded]] = defaultdict(list)
    for trade in truth:
        by_order[trade.order].append(trade)
    assert len(told) == len(by_order) < count
    rows = [row for message in told for row in reversed(message["data"])]
    assert [(row["T"], row["p"], row["v"], row["S"]) for row in rows] == [
        (str(trade.ms), one.price_text(trade.ticks), one.size_text(trade.steps), "buy" if trade.buy else "sell")
        for trade in truth
    ]


def test_liquidations_are_the_largest_long_and_short_of_each_second_in_quote_currency() -> None:
    world = falling()
    talk = talk_of(world, [{"instType": "usdt-futures", "topic": "liquidation"}])
    talk.run(80_000)
    told = pushed(talk, "liquidation")
    assert told
    one = found(world, VENUE, "BTCUSDT")
    for message in told:
        assert message["arg"] == {"instType": "usdt-futures", "topic": "liquidation"}
        sides = [(row["symbol"], row["side"]) for row in message["data"]]
        assert len(sides) == len(set(sides))
        assert all(0 <= message["ts"] - int(row["ts"]) <= 1_010 for row in message["data"])
    assert min(after["ts"] - before["ts"] for before, after in pairwise(told)) >= 1_000
    totals = world.totals(one)
    assert totals.liquidations_long > sum(
        row["side"] == "buy" and row["symbol"] == "BTCUSDT" for message in told for row in message["data"]
    )
    row = next(row for message in told for row in message["data"] if row["symbol"] == "BTCUSDT")
    steps = float(row["amount"]) / float(row["price"]) / one.step_base
    assert steps == pytest.approx(round(steps), abs=1e-6)


def test_a_bar_is_pushed_as_it_ends_before_the_next_one_begins() -> None:
    world = small(2, 100.0)
    talk = talk_of(world, [arg("kline.1m")])
    talk.run(190_000)
    one = found(world, VENUE, "BTCUSDT")
    messages = pushed(talk, "kline")
    assert [message["action"] for message in messages] == ["snapshot"] + ["update"] * (len(messages) - 1)
    last = {int(message["data"][0]["start"]): message["data"][0] for message in messages}
    starts = sorted(last)
    assert len(starts) == 4
    truth = {bar.open_ms: bar for bar in world.candles(one, "1m", 5)}
    for start in starts[:-1]:
        bar, told = truth[start], last[start]
        assert (told["open"], told["close"]) == (one.price_text(bar.open), one.price_text(bar.close))
        assert (told["volume"], told["turnover"]) == (one.size_text(bar.steps), one.quote_text(bar.quote))
    parser = BitgetParser()
    events = [event for text in talk.heard[0] for event in parser.frame(text, "c", world.now_ms * NS).events]
    closed = [event for event in events if isinstance(event, Candle) and event.closed]
    assert [event.open_ms for event in closed] == starts[:-1]
    talk.open(1, "/v3/ws/public")
    talk.say(1, {"op": "subscribe", "args": [arg("kline.1m")]})
    assert pushed(talk, "kline", 1)[0]["action"] == "snapshot"


def test_a_ticker_is_whole_and_comes_though_nothing_trades() -> None:
    world = small(1, 0.5)
    talk = talk_of(world, [arg("ticker")])
    talk.run(30_000)
    told = pushed(talk, "ticker")
    assert {message["action"] for message in told} == {"snapshot"}
    assert max(after["ts"] - before["ts"] for before, after in pairwise(told)) <= 1_010
    one = found(world, VENUE, "BTCUSDT")
    row, best = told[-1]["data"][0], world.best(one)
    assert (row["bid1Price"], row["ask1Price"]) == (one.price_text(best.bid), one.price_text(best.ask))
    assert row["openInterest"] == one.size_text(world.open_interest(one))


def test_a_coming_listing_says_nothing_until_it_trades() -> None:
    world = small(2, 60.0, listings=True)
    coming = next(one for one in world.instruments if one.venue == VENUE and one.listed_ms > world.now_ms)
    for _ in world.advance(coming.listed_ms - 3_000):
        pass
    topics = ("books", "ticker", "publicTrade", "kline.1m")
    talk = talk_of(world, [arg(topic, coming.symbol) for topic in topics])
    talk.run(2_500)
    assert not talk.pushes(0)
    talk.run(20_000)
    assert pushed(talk, "books")[0]["action"] == "snapshot"
    assert pushed(talk, "ticker")
