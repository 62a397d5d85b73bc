"""The simulated Bybit's frames against recorded ones, name by name, and read by our own parser."""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from engine.events import Candle, Funding, Liquidation, MarkPrice, OpenInterest, Quote, Ticker, Trade
from engine.simulator.episodes import Episode
from engine.simulator.exchanges.bybit.exchange import Bybit
from engine.simulator.exchanges.bybit.words import rounded, ticker_delta, trimmed
from engine.simulator.happenings import Trade as Traded
from engine.venues.base import Verdict
from engine.venues.bybit.parse import BybitParser
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import START, found, small
from tests.recorded import recorded

TOPICS = ("orderbook.200", "orderbook.1", "publicTrade", "tickers", "kline.1")
NS = 1_000_000


def talk_of(ms: int, *, assets: int = 2, rate: float = 200.0) -> Talk:
    world = small(assets, rate)
    talk = Talk(world, Bybit(world))
    for number, category in enumerate(("linear", "spot")):
        talk.open(number, f"/v5/public/{category}")
        talk.say(number, {"op": "subscribe", "args": [f"{topic}.BTCUSDT" for topic in TOPICS]})
    talk.run(ms)
    return talk


def named(message: dict[str, Any]) -> tuple[str, str]:
    return message["topic"].rpartition(".")[0], message["type"]


@pytest.mark.recorded
def test_frames_are_made_as_recorded_ones_name_by_name() -> None:
    seen: dict[tuple[str, str, str], Shapes] = defaultdict(Shapes)
    with gzip.open(recorded("captures", "bybit-2026-08-09.jsonl.gz"), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if "d" in row and "r" not in row and "topic" in (message := json.loads(row["d"])):
                seen[row["v"], *named(message)].take(message)
    talk = talk_of(70_000)
    ours: dict[tuple[str, str, str], Shapes] = defaultdict(Shapes)
    for number, venue in enumerate(("bybit-linear", "bybit-spot")):
        for message in talk.pushes(number):
            ours[venue, *named(message)].take(message)
    # Depth 1 was not recorded in 2026; it is a snapshot like that of every depth.
    for venue in ("bybit-linear", "bybit-spot"):
        seen[venue, "orderbook.1", "snapshot"] = seen[venue, "orderbook.200", "snapshot"]
    # A delta has some of a snapshot's fields, in the same order.
    whole = seen["bybit-linear", "tickers", "snapshot"].orders[".data"]
    seen["bybit-linear", "tickers", "delta"].orders[".data"] |= whole
    assert set(seen) == set(ours)
    assert len(seen) == 2 * 5 + 2 + 1
    for key, shapes in ours.items():
        assert seen[key].faults(shapes) == [], key


@pytest.mark.recorded
def test_acknowledgements_are_made_as_recorded_ones() -> None:
    seen: dict[str, Shapes] = defaultdict(Shapes)
    with gzip.open(recorded("captures", "bybit-2026-08-09.jsonl.gz"), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if "d" in row and "r" not in row and "success" in (message := json.loads(row["d"])):
                seen[row["v"]].take(message)
    talk = talk_of(0)
    for number, venue in enumerate(("bybit-linear", "bybit-spot")):
        ours = Shapes()
        ours.take(json.loads(talk.heard[number][0]))
        assert seen[venue].faults(ours) == []


def test_our_parser_reads_every_frame() -> None:
    talk = talk_of(65_000)
    kinds: Counter[type] = Counter()
    for number, venue in enumerate(("bybit-linear", "bybit-spot")):
        parser = BybitParser(venue)
        for text in talk.heard[number]:
            parsed = parser.frame(text, "public", talk.world.now_ms * NS)
            assert parsed.verdict is (Verdict.CONTROL if "success" in text else Verdict.ACCEPTED), text
            kinds.update(type(event) for event in parsed.events)
    assert all(kinds[kind] > 5 for kind in (Trade, Quote, Ticker, MarkPrice, OpenInterest, Candle))
    assert kinds[Funding] > 0


def test_trades_are_all_told_once_those_of_an_order_together() -> None:
    world = small(2, 300.0)
    talk = Talk(world, Bybit(world))
    talk.open(0, "/v5/public/linear")
    talk.say(0, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})
    one = found(world, "bybit-linear", "BTCUSDT")
    began = world.totals(one).trades
    talk.run(60_000)
    count = world.totals(one).trades - began
    told = [[row["i"] for row in message["data"]] for message in talk.pushes(0)]
    truth = world.recent_trades(one, count)
    by_order: dict[int, list[Traded]] = defaultdict(list)
    for trade in truth:
        by_order[trade.order].append(trade)
    assert len(told) == len(by_order) < count
    rows = [row for message in talk.pushes(0) for row in message["data"]]
    assert [(row["T"], row["p"], row["v"], row["S"], row["seq"]) for row in rows] == [
        (
            trade.ms,
            one.price_text(trade.ticks),
            one.size_text(trade.steps),
            "Buy" if trade.buy else "Sell",
            trade.order,
        )
        for trade in truth
    ]
    assert len({row["i"] for row in rows}) == count
    directions = {row["L"] for row in rows}
    assert directions == {"PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"}
    for before, after in itertools.pairwise(rows):
        rise = float(after["p"]) - float(before["p"])
        assert rise == 0 if after["L"].startswith("Zero") else (rise > 0) == (after["L"] == "PlusTick")


def test_ticker_deltas_add_up_to_the_present() -> None:
    talk = talk_of(30_000)
    held: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for message in talk.pushes(0):
        if message["topic"] == "tickers.BTCUSDT":
            kinds[message["type"]] += 1
            held |= message["data"]
    talk.open(7, "/v5/public/linear")
    talk.say(7, {"op": "subscribe", "args": ["tickers.BTCUSDT"]})
    assert talk.pushes(7)[0]["data"] == held
    assert kinds["snapshot"] == 1
    assert kinds["delta"] > 50
    steps = talk.world.open_interest(found(talk.world, "bybit-linear", "BTCUSDT"))
    single, both = (int(held[name].replace(".", "")) for name in ("singleOpenInterest", "openInterest"))
    assert both == 2 * single
    assert abs(single - steps) < steps / 1_000
    spot = [message for message in talk.pushes(1) if message["topic"] == "tickers.BTCUSDT"]
    assert {message["type"] for message in spot} == {"snapshot"}
    assert all(len(message["data"]) == 9 for message in spot)


def test_fields_that_go_together_are_told_together() -> None:
    before = {"symbol": "A", "bid1Price": "1", "bid1Size": "2", "lastPrice": "3"}
    assert ticker_delta(before, before | {"bid1Size": "4"}) == {"bid1Price": "1", "bid1Size": "4"}
    assert ticker_delta(before, before | {"lastPrice": "4"}) == {"lastPrice": "4"}


def test_candles_are_told_as_they_form_and_once_more_when_they_are_closed() -> None:
    talk = talk_of(190_000, rate=100.0)
    for number, venue in enumerate(("bybit-linear", "bybit-spot")):
        one = found(talk.world, venue, "BTCUSDT")
        bars = [message["data"][0] for message in talk.pushes(number) if message["topic"] == "kline.1.BTCUSDT"]
        closed = [bar for bar in bars if bar["confirm"]]
        assert len(closed) == 3
        truth = {bar.open_ms: bar for bar in talk.world.candles(one, "1m", 5)}
        for bar in closed:
            true = truth[bar["start"]]
            assert bar["open"] == trimmed(one.price_text(true.open))
            assert bar["close"] == trimmed(one.price_text(true.close))
            assert bar["volume"] == trimmed(one.size_text(true.steps))
            assert bar["turnover"] == trimmed(one.quote_text(true.quote))
        starts = [bar["start"] for bar in bars]
        assert starts == sorted(starts)


def test_liquidations_are_all_told_within_half_a_second_by_the_side_of_the_position() -> None:
    falls = [Episode("cascade_reversal", "BTC", START + 2_000, 60_000, -1, 2.0)]
    world = small(2, 300.0, episodes=falls)
    talk = Talk(world, Bybit(world))
    talk.open(0, "/v5/public/linear")
    talk.say(0, {"op": "subscribe", "args": ["allLiquidation.BTCUSDT"]})
    talk.run(80_000)
    one = found(world, "bybit-linear", "BTCUSDT")
    totals = world.totals(one)
    rows = [(message["ts"], row) for message in talk.pushes(0) for row in message["data"]]
    assert totals.liquidations_long + totals.liquidations_short == len(rows) > 0
    for side, steps in (("Buy", totals.liquidated_long_steps), ("Sell", totals.liquidated_short_steps)):
        told = sum(int(row["v"].replace(".", "")) for _, row in rows if row["S"] == side)
        assert told == steps * one.step_units
    assert all(0 <= ts - row["T"] <= 510 for ts, row in rows)
    parser = BybitParser("bybit-linear")
    events = [event for text in talk.heard[0][1:] for event in parser.frame(text, "c", world.now_ms * NS).events]
    assert sum(isinstance(event, Liquidation) for event in events) == len(rows)


@pytest.mark.recorded
def test_liquidation_frames_are_made_as_recorded_ones() -> None:
    seen = Shapes()
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["venue"] == "bybit" and "frame" in row:
            seen.take(row["frame"])
    assert seen.orders
    world = small(2, 300.0, episodes=[Episode("cascade_reversal", "BTC", START + 2_000, 60_000, -1, 2.0)])
    talk = Talk(world, Bybit(world))
    talk.open(0, "/v5/public/linear")
    talk.say(0, {"op": "subscribe", "args": ["allLiquidation.BTCUSDT"]})
    talk.until(lambda: len(talk.heard[0]) > 1, 80_000)
    ours = Shapes()
    for message in talk.pushes(0):
        ours.take(message)
    assert seen.faults(ours) == []


def test_decimals() -> None:
    assert [trimmed(text) for text in ("1.50", "1.00", "100", "0.0", "10")] == ["1.5", "1", "100", "0", "10"]
    assert [rounded(text, 4) for text in ("1.00005", "9.99995", "1", "1.23", "0.00004")] == [
        "1.0001",
        "10.0000",
        "1.0000",
        "1.2300",
        "0.0000",
    ]
