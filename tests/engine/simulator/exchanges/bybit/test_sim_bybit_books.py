"""The simulated Bybit's books, read by our own parser and book: they are the matching engine's, to the last level."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from engine.events import BookDelta, BookSnapshot
from engine.market.books import BookStore
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.bybit.exchange import Bybit
from engine.simulator.exchanges.bybit.feeds import BOOK_MS
from engine.simulator.world import World
from engine.venues.bybit.parse import BybitParser
from tests.engine.simulator.exchanges.talk import STEP_MS, Talk
from tests.engine.simulator.market.market_worlds import found, small

NS = 1_000_000


class Reader:
    """What a connection got, as books."""

    def __init__(self, talk: Talk, number: int, venue: str) -> None:
        self.talk = talk
        self.number = number
        self.venue = venue
        self.store = BookStore(flow=False)
        self.compared = 0
        self._parser = BybitParser(venue)
        self._read = 0

    def read(self) -> None:
        for text in self.talk.heard[self.number][self._read :]:
            for event in self._parser.frame(text, "c", self.talk.world.now_ms * NS).events:
                if isinstance(event, BookSnapshot | BookDelta):
                    self.store.apply(event)
        self._read = len(self.talk.heard[self.number])

    def compare(self, symbol: str, depth: int) -> None:
        """The held book is the world's, cut at `depth`, text for text."""
        self.read()
        one = found(self.talk.world, self.venue, symbol)
        book = self.store.get(self.venue, symbol)
        assert book is not None
        assert book.status == "synced"
        assert (book.gaps, book.resyncs) == (0, 0)
        truth = self.talk.world.book(one, depth)
        bids, asks = ([tuple(row) for row in words.levels(one, side)] for side in (truth.bids, truth.asks))
        assert book.top(2_000) == (bids, asks)
        self.compared += 1


def talk_of(world: World) -> Talk:
    talk = Talk(world, Bybit(world))
    talk.open(0, "/v5/public/linear")
    talk.open(1, "/v5/public/spot")
    return talk


def books(talk: Talk, number: int, topic: str) -> list[dict[str, Any]]:
    return [message for message in talk.pushes(number) if message["topic"] == topic]


@pytest.mark.parametrize("depth", sorted(BOOK_MS))
def test_books_are_the_markets_at_every_depth(depth: int) -> None:
    talk = talk_of(small(2, 300.0))
    readers = [Reader(talk, number, venue) for number, venue in enumerate(("bybit-linear", "bybit-spot"))]
    for number in (0, 1):
        talk.say(number, {"op": "subscribe", "args": [f"orderbook.{depth}.{base}USDT" for base in ("BTC", "ETH")]})

    def at_the_end_of_a_cadence() -> None:
        # Books were asked for before the first step, and are pushed with it.
        if (talk.world.now_ms - start - STEP_MS) % (10 * BOOK_MS[depth]) == 0:
            for reader in readers:
                for symbol in ("BTCUSDT", "ETHUSDT"):
                    reader.compare(symbol, depth)

    start = talk.world.now_ms
    talk.run(20_000, at_the_end_of_a_cadence)
    assert all(reader.compared >= 2 * 20_000 // (10 * BOOK_MS[depth]) for reader in readers)


def test_updates_count_by_one_and_sequences_rise() -> None:
    talk = talk_of(small(2, 300.0))
    talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
    talk.run(20_000)
    pushed = books(talk, 0, "orderbook.50.BTCUSDT")
    assert [message["type"] for message in pushed[:2]] == ["snapshot", "delta"]
    assert {message["type"] for message in pushed[1:]} == {"delta"}
    updates = [message["data"]["u"] for message in pushed]
    assert updates == list(range(updates[0], updates[0] + len(updates)))
    assert updates[0] > 1
    sequences = [message["data"]["seq"] for message in pushed]
    assert sequences == sorted(set(sequences))
    assert all(message["cts"] <= message["ts"] for message in pushed)
    gaps = [after["ts"] - before["ts"] for before, after in itertools.pairwise(pushed)]
    assert min(gaps) >= BOOK_MS[50]


def test_one_who_comes_late_gets_a_snapshot_that_the_next_delta_continues() -> None:
    talk = talk_of(small(2, 300.0))
    talk.say(0, {"op": "subscribe", "args": ["orderbook.1000.BTCUSDT"]})
    late = []
    for number in range(5, 15):
        talk.run(130)
        talk.open(number, "/v5/public/linear")
        talk.say(number, {"op": "subscribe", "args": ["orderbook.1000.BTCUSDT"]})
        late.append(Reader(talk, number, "bybit-linear"))
    talk.run(2_000)
    talk.until(lambda: bool(talk.heard[0]) and _is_told(talk), 5_000)
    for reader in late:
        reader.compare("BTCUSDT", 1_000)


def _is_told(talk: Talk) -> bool:
    """Whether the last push came after the last change."""
    best = talk.world.best(found(talk.world, "bybit-linear", "BTCUSDT"))
    return bool(json.loads(talk.heard[0][-1])["data"]["seq"] == best.update_id)


def test_a_connection_that_subscribes_anew_gets_a_snapshot_anew() -> None:
    talk = talk_of(small(2, 300.0))
    for _ in range(2):
        talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
        talk.run(3_000)
        talk.say(0, {"op": "unsubscribe", "args": ["orderbook.50.BTCUSDT"]})
        count = len(talk.heard[0])
        talk.run(1_500)
        assert len(talk.heard[0]) == count
    kinds = [message["type"] for message in books(talk, 0, "orderbook.50.BTCUSDT")]
    assert kinds.count("snapshot") == 2
    updates = [message["data"]["u"] for message in books(talk, 0, "orderbook.50.BTCUSDT")]
    assert updates == sorted(updates)


def test_depth_1_is_snapshots_only_and_sent_again_with_the_same_update_after_three_seconds() -> None:
    talk = talk_of(small(1, 0.5))
    talk.say(0, {"op": "subscribe", "args": ["orderbook.1.BTCUSDT"]})
    talk.run(60_000)
    pushed = books(talk, 0, "orderbook.1.BTCUSDT")
    assert {message["type"] for message in pushed} == {"snapshot"}
    assert all(len(message["data"][side]) <= 1 for message in pushed for side in "ab")
    again = 0
    for before, after in itertools.pairwise(pushed):
        assert after["ts"] - before["ts"] <= 3_010
        if after["data"]["u"] == before["data"]["u"]:
            again += 1
            assert after["ts"] - before["ts"] >= 3_000
            assert after["data"] == before["data"]
        else:
            assert after["data"]["u"] == before["data"]["u"] + 1
    assert again > 3


def test_after_a_restart_updates_begin_at_one() -> None:
    talk = talk_of(small(2, 300.0))
    talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
    talk.run(2_000)
    talk.exchange.restart(talk.world.now_ms)
    talk.close(0)
    talk.open(0, "/v5/public/linear")
    talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
    talk.run(2_000)
    pushed = books(talk, 0, "orderbook.50.BTCUSDT")
    assert (pushed[0]["type"], pushed[0]["data"]["u"]) == ("snapshot", 1)
    assert [message["data"]["u"] for message in pushed[1:]] == list(range(2, len(pushed) + 1))
    talk.say(0, {"op": "unsubscribe", "args": ["orderbook.50.BTCUSDT"]})
    talk.run(1_500)
    talk.say(0, {"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]})
    assert books(talk, 0, "orderbook.50.BTCUSDT")[-1]["data"]["u"] > len(pushed)


def test_a_coming_listing_says_nothing_until_it_trades_and_then_begins_with_snapshots() -> None:
    world = small(2, 60.0, listings=True)
    talk = talk_of(world)
    coming = next(one for one in world.instruments if one.venue == "bybit-linear" and one.listed_ms > world.now_ms)
    refused = talk.say(0, {"op": "subscribe", "args": [f"tickers.{coming.symbol}"]})
    assert not json.loads(refused.texts[0])["success"]
    for _ in world.advance(coming.listed_ms - 5_000):
        pass
    assert world.status(coming) == "pending"
    topics = [f"{name}.{coming.symbol}" for name in ("orderbook.50", "tickers", "publicTrade", "kline.1")]
    said = talk.say(0, {"op": "subscribe", "args": topics})
    assert len(said.texts) == 1
    talk.run(4_000)
    assert not talk.pushes(0)
    talk.run(20_000)
    for topic in topics[:2]:
        assert [message["type"] for message in books(talk, 0, topic)][:2] == ["snapshot", "delta"]
    talk.until(lambda: bool(talk.pushes(0)) and talk.pushes(0)[-1]["topic"] == topics[0], 20_000)
    reader = Reader(talk, 0, "bybit-linear")
    reader.compare(coming.symbol, 50)
