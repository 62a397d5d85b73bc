"""The simulated Binance's books: changes chain and align with the answers of REST as recorded ones do, and what our own
parser and book make of them is the matching engine's book, to the last level."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import pytest

from engine.events import BookDelta, BookSnapshot
from engine.market.books import BookStore
from engine.simulator.exchanges.binance import amounts
from engine.simulator.exchanges.binance.streams import DEPTH_MS
from engine.simulator.world import World
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from tests.engine.simulator.exchanges.binance.talks import (
    MARKET,
    PUBLIC,
    SPOT,
    SPOT_REST,
    SPOT_STREAMS,
    VENUES,
    pushed,
    subscribe,
    talk_of,
)
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import found, small
from tests.recorded import recorded

NS = 1_000_000
PATHS = {PUBLIC: ("https://fapi.binance.com", "/fapi/v1/depth"), SPOT: (SPOT_REST, "/api/v3/depth")}


def snapshot(talk: Talk, number: int, symbol: str = "BTCUSDT", limit: int = 1000) -> dict[str, Any]:
    talk.rest_origin, path = PATHS[number]
    body: dict[str, Any] = talk.get(path, symbol=symbol, limit=limit)
    return body


def chained(events: list[dict[str, Any]]) -> None:
    """Every change follows the one before it."""
    for before, after in itertools.pairwise(events):
        if "pu" in after:
            assert after["pu"] == before["u"]
        assert before["u"] < after["U"] <= after["u"]
        if "pu" not in after:
            assert after["U"] == before["u"] + 1


def aligned(events: list[dict[str, Any]], last_id: int) -> list[dict[str, Any]]:
    """The changes to apply on a snapshot, by the venue's rules; they hold the snapshot's id or begin right after it."""
    if "pu" in events[0]:
        left = [event for event in events if event["u"] >= last_id]
        assert left[0]["U"] <= last_id <= left[0]["u"]
    else:
        left = [event for event in events if event["u"] > last_id]
        assert left[0]["U"] <= last_id + 1 <= left[0]["u"]
    return left


@pytest.mark.recorded
@pytest.mark.parametrize("venue", ["binance-usdm", "binance-spot"])
def test_the_rules_hold_on_recorded_books(venue: str) -> None:
    """So that what is asked of the simulated venue below is what the real one did."""
    events: list[dict[str, Any]] = []
    last_id = 0
    with gzip.open(recorded("captures", "binance-2024-08-08.jsonl.gz"), "rt") as lines:
        for line in itertools.islice(lines, 30_000):
            row = json.loads(line)
            if row.get("v") != venue:
                continue
            if "r" in row and "BTCUSDT" in row["r"]:
                last_id = json.loads(row["d"])["lastUpdateId"]
            elif "d" in row and row["d"].startswith('{"stream":"btcusdt@depth'):
                events.append(json.loads(row["d"])["data"])
    assert len(events) > 100
    chained(events)
    aligned(events, last_id)


@pytest.mark.parametrize("number", [PUBLIC, SPOT])
@pytest.mark.parametrize("speed", ["", "@100ms", "@500ms", "@0ms"])
def test_changes_chain_and_align_with_the_answer_of_rest(number: int, speed: str) -> None:
    known = DEPTH_MS[VENUES[number]]  # type: ignore[index]
    if speed.removeprefix("@") not in known:
        return
    cadence_ms = known[speed.removeprefix("@")]
    talk = talk_of(small(2, 300.0))
    stream = f"btcusdt@depth{speed}"
    subscribe(talk, number, [stream])
    talk.run(5_130)
    held = snapshot(talk, number)
    talk.run(10_000)
    events = pushed(talk, number, stream)
    chained(events)
    gaps = [after["E"] - before["E"] for before, after in itertools.pairwise(events)]
    assert min(gaps) >= cadence_ms
    assert all(event["T"] <= event["E"] for event in events if "T" in event)
    bids, asks = dict(held["bids"]), dict(held["asks"])
    for event in aligned(events, held["lastUpdateId"]):
        for side, rows in ((bids, event["b"]), (asks, event["a"])):
            for price, size in rows:
                side[price] = size
    one = found(talk.world, VENUES[number], "BTCUSDT")
    if events[-1]["u"] == talk.world.best(one).update_id:
        compare(talk.world, number, bids, asks)
    else:
        talk.until(lambda: pushed(talk, number, stream)[-1]["u"] == talk.world.best(one).update_id, 30_000)
        for event in pushed(talk, number, stream)[len(events) :]:
            for side, rows in ((bids, event["b"]), (asks, event["a"])):
                side.update(rows)
        compare(talk.world, number, bids, asks)


def compare(world: World, number: int, bids: dict[str, str], asks: dict[str, str]) -> None:
    one = found(world, VENUES[number], "BTCUSDT")
    truth = world.book(one)
    for side, levels in ((bids, truth.bids), (asks, truth.asks)):
        left = {price: size for price, size in side.items() if float(size)}
        assert {price: left[price] for price, _ in amounts.levels(one, levels)} == dict(amounts.levels(one, levels))
        assert len(left) == len(levels)


@pytest.mark.parametrize("number", [PUBLIC, SPOT])
def test_our_book_is_the_markets(number: int) -> None:
    talk = talk_of(small(2, 300.0))
    venue = VENUES[number]
    live, parser, store = BinanceLive(venue), BinanceParser(venue), BookStore(flow=False)
    subscribe(talk, number, ["btcusdt@depth@100ms", "ethusdt@depth@100ms"])
    read = compared = 0

    def take() -> None:
        nonlocal read
        for text in talk.heard[number][read:]:
            for event in parser.frame(text, "c", talk.world.now_ms * NS).events:
                if isinstance(event, BookSnapshot | BookDelta):
                    store.apply(event)
        read = len(talk.heard[number])

    talk.run(1_000, take)
    talk.rest_origin = PATHS[number][0]
    for symbol in ("BTCUSDT", "ETHUSDT"):
        request = live.depth_request(symbol)
        path, _, query = request.removeprefix("GET ").partition("?")
        answer = talk.ask(path, **dict(pair.split("=") for pair in query.split("&")))
        for event in parser.response(request, answer.status, answer.body.decode(), talk.world.now_ms * NS).events:
            assert isinstance(event, BookSnapshot)
            store.apply(event)

    def at_every_push() -> None:
        nonlocal compared
        take()
        for symbol in ("BTCUSDT", "ETHUSDT"):
            one, book = found(talk.world, venue, symbol), store.get(venue, symbol)
            assert book is not None
            last = pushed(talk, number, f"{symbol.lower()}@depth@100ms")[-1]
            if last["E"] != talk.world.now_ms or last["u"] != talk.world.best(one).update_id:
                continue
            assert (book.status, book.gaps) == ("synced", 0)
            truth = talk.world.book(one, 200)
            sides = ([(float(p), float(s)) for p, s in side] for side in book.top(200))
            theirs = ([(float(p), float(s)) for p, s in amounts.levels(one, side)] for side in (truth.bids, truth.asks))
            assert list(sides) == list(theirs)
            compared += 1

    talk.run(5_000, at_every_push)
    assert compared > 40


@pytest.mark.parametrize("number", [PUBLIC, SPOT])
def test_best_quotes_are_those_of_the_book_and_come_when_they_change(number: int) -> None:
    talk = talk_of(small(2, 300.0))
    subscribe(talk, number, ["btcusdt@bookTicker"])
    one = found(talk.world, VENUES[number], "BTCUSDT")
    checked = 0

    def compare_now() -> None:
        nonlocal checked
        told = pushed(talk, number, "btcusdt@bookTicker")
        if not told:
            return
        best = talk.world.best(one)
        wanted = (amounts.price(one, best.bid), amounts.size(one, best.bid_steps), amounts.price(one, best.ask))
        assert (told[-1]["b"], told[-1]["B"], told[-1]["a"]) == wanted
        checked += 1

    talk.run(5_000, compare_now)
    told = pushed(talk, number, "btcusdt@bookTicker")
    assert checked > 400
    assert 20 < len(told) < checked
    ids = [message["u"] for message in told]
    assert ids == sorted(set(ids))
    assert all(
        (before["b"], before["B"], before["a"], before["A"]) != (after["b"], after["B"], after["a"], after["A"])
        for before, after in itertools.pairwise(told)
    )


@pytest.mark.parametrize("number", [PUBLIC, SPOT])
@pytest.mark.parametrize("levels", [5, 10, 20])
def test_tops_of_books_are_whole(number: int, levels: int) -> None:
    talk = talk_of(small(2, 300.0))
    stream = f"btcusdt@depth{levels}@100ms"
    subscribe(talk, number, [stream])
    one = found(talk.world, VENUES[number], "BTCUSDT")
    names = ("b", "a") if number == PUBLIC else ("bids", "asks")
    compared = 0

    def compare_now() -> None:
        nonlocal compared
        told = pushed(talk, number, stream)
        truth = talk.world.book(one, levels)
        if told and told[-1]["u" if number == PUBLIC else "lastUpdateId"] == truth.update_id:
            assert told[-1][names[0]] == amounts.levels(one, truth.bids)
            assert told[-1][names[1]] == amounts.levels(one, truth.asks)
            compared += 1

    talk.run(3_000, compare_now)
    told = pushed(talk, number, stream)
    assert compared > 20
    assert all(len(message[name]) == levels for message in told for name in names)
    if number == PUBLIC:
        assert all(after["pu"] == before["u"] for before, after in itertools.pairwise(told))


def test_after_a_restart_the_changes_go_on_above() -> None:
    talk = talk_of(small(2, 300.0))
    for number, origin in ((PUBLIC, ""), (SPOT, SPOT_STREAMS)):
        subscribe(talk, number, ["btcusdt@depth@100ms"])
        talk.run(1_000)
        before = pushed(talk, number, "btcusdt@depth@100ms")[-1]["u"]
        talk.exchange.restart(talk.world.now_ms)
        talk.close(number)
        talk.open(number, "/public/stream" if number == PUBLIC else "/stream", origin)
        subscribe(talk, number, ["btcusdt@depth@100ms"])
        talk.run(1_000)
        after = pushed(talk, number, "btcusdt@depth@100ms")
        assert after[0]["U"] > before
        chained(after)
        aligned(after, after[0]["u"])


def test_one_who_comes_late_chains_from_the_next_change_on() -> None:
    talk = talk_of(small(2, 300.0))
    subscribe(talk, PUBLIC, ["btcusdt@depth@100ms"])
    for number in range(5, 12):
        talk.run(130)
        talk.open(number, "/public/stream")
        subscribe(talk, number, ["btcusdt@depth@100ms"])
        held = snapshot(talk, PUBLIC)
        talk.run(1_000)
        events = pushed(talk, number, "btcusdt@depth@100ms")
        chained(events)
        # The snapshot was asked after subscribing, so it is not older than what came first. Where nothing happened in
        # between it is what the first change goes on from, and the event that holds it came before.
        assert events[0]["pu"] <= held["lastUpdateId"]
        if events[0]["pu"] < held["lastUpdateId"]:
            aligned(events, held["lastUpdateId"])
    assert not talk.pushes(MARKET)
