"""The simulated Binance's frames against recorded ones, name by name, and read by our own parser.

Held to the wire of 2026 where it was recorded (`NOW`), else to older frames (`BEFORE`) with the two fields that every
message of USD-M but `kline` and `trade` has got since (`ps`, `st`). Amounts of a contract have the decimals of its own
steps, which the recorded contracts have too; those of spot and marks have eight.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from engine.events import Candle, Funding, Liquidation, MarkPrice, Quote, Ticker, Trade
from engine.simulator.episodes import Episode
from engine.simulator.exchanges.binance import amounts
from engine.simulator.world import World
from engine.venues.base import Verdict
from engine.venues.binance import session
from engine.venues.binance.parse import BinanceParser
from tests.engine.simulator.exchanges.binance.talks import (
    MARKET,
    PUBLIC,
    SPOT,
    VENUES,
    pushed,
    subscribe,
    talk_of,
)
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import START, found, small
from tests.recorded import recorded

NS = 1_000_000
STREAMS = {
    PUBLIC: ("bookTicker", "depth@100ms", "depth5", "trade"),
    MARKET: ("aggTrade", "kline_1m", "markPrice@1s", "ticker", "miniTicker", "forceOrder"),
    SPOT: ("bookTicker", "depth@100ms", "depth20", "trade", "aggTrade", "kline_1m", "ticker", "miniTicker"),
}
WHOLE = {
    PUBLIC: (),
    MARKET: ("!markPrice@arr", "!ticker@arr", "!miniTicker@arr", "!forceOrder@arr"),
    SPOT: ("!miniTicker@arr",),
}
NOW = {"bookTicker", "depth@100ms", "aggTrade", "markPrice@1s", "kline_1m", "!forceOrder@arr"}
BEFORE = {"trade", "depth5", "ticker", "miniTicker", "forceOrder", "!ticker@arr", "!miniTicker@arr", "!markPrice@arr"}
SINCE = ("ps", "st")
"""Fields of USD-M that older frames lack."""
ARRAYS = {"24hrTicker": "!ticker@arr", "24hrMiniTicker": "!miniTicker@arr", "markPriceUpdate": "!markPrice@arr"}


def falling() -> World:
    return small(3, 300.0, episodes=[Episode("cascade_reversal", "BTC", START + 2_000, 60_000, -1, 2.0)])


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Everything that is pushed, through a fall and the end of a minute."""
    made = talk_of(falling())
    for number, kinds in STREAMS.items():
        names = [f"{base}usdt@{kind}" for kind in kinds for base in ("btc", "eth")]
        subscribe(made, number, [*names, *WHOLE[number]])
    made.run(70_000)
    return made


def named(stream: str) -> str:
    return stream if stream.startswith("!") else stream.partition("@")[2]


def captured(name: str, venue: str, most: int = 6_000) -> dict[str, Shapes]:
    """By stream, the first frames of a recording."""
    seen: dict[str, Shapes] = defaultdict(Shapes)
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in itertools.islice(lines, most):
            row = json.loads(line)
            if row.get("v") == venue and "r" not in row and "d" in row:
                message = json.loads(row["d"])
                seen[named(message["stream"])].take(message["data"])
    return seen


def single(*files: str) -> dict[str, Shapes]:
    """By stream, single frames of a file; those of all symbols are there without their envelope."""
    seen: dict[str, Shapes] = defaultdict(Shapes)
    for file in files:
        for line in recorded("frames", file).read_text().splitlines():
            message = json.loads(line)
            if isinstance(message, list):
                seen[ARRAYS[message[0]["e"]]].take(message)
            elif "stream" in message and not message.get("generated"):
                seen[named(message["stream"])].take(message["data"])
    return seen


def without(message: Any, names: tuple[str, ...]) -> Any:
    """`message` without some fields, at whatever depth; a mark also without its moving average (`ap`)."""
    if isinstance(message, list):
        return [without(one, names) for one in message]
    if isinstance(message, dict):
        new = (*names, "ap") if names and message.get("e") == "markPriceUpdate" else names
        return {name: without(value, names) for name, value in message.items() if name not in new}
    return message


def shapes(talk: Talk, numbers: tuple[int, ...], left_out: tuple[str, ...] = ()) -> dict[str, Shapes]:
    ours: dict[str, Shapes] = defaultdict(Shapes)
    for number in numbers:
        for message in talk.pushes(number):
            ours[named(message["stream"])].take(without(message["data"], left_out))
    return ours


@pytest.mark.recorded
def test_frames_of_contracts_are_made_as_those_of_this_year(talk: Talk) -> None:
    seen = captured("binance-usdm-2026-09-27.jsonl.gz", "binance-usdm")
    ours = shapes(talk, (PUBLIC, MARKET))
    assert set(seen) == NOW
    for kind in NOW:
        assert seen[kind].faults(ours[kind]) == [], kind
        assert seen[kind].kinds.keys() == ours[kind].kinds.keys(), kind
    assert seen["markPrice@1s"].decimal_faults(ours["markPrice@1s"]) == []


@pytest.mark.recorded
def test_frames_of_contracts_that_were_not_recorded_this_year_are_made_as_older_ones(talk: Talk) -> None:
    seen = single("binance_usdm.jsonl")
    seen["trade"] = captured("binance-2024-08-08.jsonl.gz", "binance-usdm")["trade"]
    ours = shapes(talk, (PUBLIC, MARKET), SINCE)
    for kind in BEFORE:
        assert seen[kind].faults(ours[kind]) == [], kind
        assert seen[kind].kinds.keys() == ours[kind].kinds.keys(), kind
    assert seen["!markPrice@arr"].decimal_faults(ours["!markPrice@arr"]) == []
    assert seen["ticker"].decimal_faults(ours["ticker"], ".P") == []
    since = shapes(talk, (PUBLIC, MARKET))
    for kind, paths in (
        ("depth5", (".ps", ".st")),
        ("ticker", (".ps", ".st")),
        ("miniTicker", (".ps", ".st")),
        ("!ticker@arr", ("[].ps", "[].st")),
        ("!markPrice@arr", ("[].ap", "[].st")),
    ):
        assert since[kind].kinds.keys() == ours[kind].kinds.keys() | set(paths), kind


@pytest.mark.recorded
def test_frames_of_spot_are_made_as_recorded_ones_with_eight_decimals(talk: Talk) -> None:
    seen = captured("binance-2024-08-08.jsonl.gz", "binance-spot")
    for kind, shape in captured("binance-spot-2021-08-14.jsonl.gz", "binance-spot").items():
        seen.setdefault(kind, shape)
    for kind, shape in single("binance_spot.jsonl").items():
        seen.setdefault(kind, shape)
    for line in recorded("frames", "crypto-msg-parser-binance.jsonl").read_text().splitlines():
        message = json.loads(line)
        if message.get("stream") == "ethusdt@depth20" and "lastUpdateId" in message["data"]:
            seen["depth20"].take(message["data"])
    ours = shapes(talk, (SPOT,))
    assert set(ours) == {*STREAMS[SPOT], *WHOLE[SPOT]}
    for kind, shape in ours.items():
        if kind == "trade":
            # Ids of the two orders were sent until 2023.
            assert set(seen[kind].kinds) == set(shape.kinds)
        assert seen[kind].faults(shape) == [], kind
        assert seen[kind].kinds.keys() == shape.kinds.keys(), kind
        assert seen[kind].decimal_faults(shape) == [], kind


@pytest.mark.recorded
def test_no_recorded_liquidation_was_filled_beyond_its_limit() -> None:
    """What `test_liquidations_are_the_largest_of_each_contract_and_second` asks of ours."""
    compared = 0
    for name in ("riftfern_binance.csv", "bands_binance.csv"):
        for line in recorded("tables", name).read_text().splitlines():
            side, limit, fill = (line.split(",")[column] for column in (1, 5, 6))
            assert float(fill) >= float(limit) if side == "SELL" else float(fill) <= float(limit), line
            compared += 1
    assert compared > 2_000


@pytest.mark.recorded
def test_acknowledgements_are_made_as_recorded_ones(talk: Talk) -> None:
    acks = [json.loads(line) for line in recorded("frames", "binance_usdm.jsonl").read_text().splitlines()]
    (recorded_ack,) = [message for message in acks if isinstance(message, dict) and "result" in message]
    for number in STREAMS:
        ours = json.loads(talk.heard[number][0])
        assert list(ours) == list(recorded_ack)
        assert ours["result"] is recorded_ack["result"] is None
        assert type(ours["id"]) is type(recorded_ack["id"])


def test_our_parser_reads_every_frame(talk: Talk) -> None:
    kinds: Counter[type] = Counter()
    silent: Counter[str] = Counter()
    for number, venue in VENUES.items():
        parser = BinanceParser(venue)
        for text in talk.heard[number]:
            parsed = parser.frame(text, "c", talk.world.now_ms * NS)
            if parsed.verdict is not Verdict.ACCEPTED:
                silent[f"{number} {session.topic_of(text)} {parsed.verdict.name}"] += 1
            kinds.update(type(event) for event in parsed.events)
    assert all(name.partition(" ")[2] in ("None CONTROL",) for name in silent), silent
    assert all(kinds[kind] > 5 for kind in (Trade, Quote, Ticker, MarkPrice, Funding, Candle, Liquidation))


def test_rows_of_coin_margined_contracts_come_among_those_of_the_market_and_are_left_out(talk: Talk) -> None:
    parser = BinanceParser("binance-usdm")
    for stream in ("!ticker@arr", "!miniTicker@arr", "!markPrice@arr"):
        messages = pushed(talk, MARKET, stream)
        assert len(messages) > 20
        for message in messages:
            by_product = Counter(row["st"] for row in message)
            assert by_product[2] == 1, stream
            assert by_product[1] > 0
    for text in talk.heard[MARKET]:
        parsed = parser.frame(text, "c", talk.world.now_ms * NS)
        assert all(event.symbol != "BTCUSD_PERP" for event in parsed.events)


@pytest.mark.parametrize(("number", "part"), [(PUBLIC, "trade"), (SPOT, "trade"), (MARKET, "agg"), (SPOT, "agg")])
def test_trades_are_all_told_once(number: int, part: str) -> None:
    world = small(2, 300.0)
    talk = talk_of(world)
    subscribe(talk, number, ["btcusdt@trade" if part == "trade" else "btcusdt@aggTrade"])
    one = found(world, VENUES[number], "BTCUSDT")
    began = world.totals(one)
    talk.run(60_000)
    ended = world.totals(one)
    truth = world.recent_trades(one, ended.trades - began.trades)
    rows = [message["data"] for message in talk.pushes(number)]
    assert len(truth) > 20
    if part == "trade":
        assert [row["t"] for row in rows] == list(range(truth[0].first, truth[-1].last + 1))
        assert len(rows) == ended.fills - began.fills > len(truth)
        # Fills of a trade have its price, its side and its time, and add up to it.
        left = iter(rows)
        for trade in truth:
            inside = [next(left) for _ in range(trade.first, trade.last + 1)]
            assert {(row["p"], row["m"], row["T"]) for row in inside} == {
                (amounts.price(one, trade.ticks), not trade.buy, trade.ms)
            }
            sizes = [int(row["q"].replace(".", "")) for row in inside]
            assert min(sizes) > 0
            assert sum(sizes) == int(amounts.size(one, trade.steps).replace(".", ""))
    else:
        assert [(row["a"], row["f"], row["l"], row["p"], row["q"], row["m"], row["T"]) for row in rows] == [
            (
                trade.id,
                trade.first,
                trade.last,
                amounts.price(one, trade.ticks),
                amounts.size(one, trade.steps),
                not trade.buy,
                trade.ms,
            )
            for trade in truth
        ]


def test_candles_are_told_as_they_form_and_once_more_when_they_are_closed() -> None:
    talk = talk_of(small(2, 100.0))
    for number in (MARKET, SPOT):
        subscribe(talk, number, ["btcusdt@kline_1m", "btcusdt@aggTrade"])
    talk.run(190_000)
    for number in (MARKET, SPOT):
        one = found(talk.world, VENUES[number], "BTCUSDT")
        bars = [(message["E"], message["k"]) for message in pushed(talk, number, "btcusdt@kline_1m")]
        assert [bar["t"] for _, bar in bars] == sorted(bar["t"] for _, bar in bars)
        closed = [bar for _, bar in bars if bar["x"]]
        truth = {bar.open_ms: bar for bar in talk.world.candles(one, "1m", 5)}
        assert len(closed) == 3
        for bar in closed:
            true = truth[bar["t"]]
            assert (bar["o"], bar["c"]) == (amounts.price(one, true.open), amounts.price(one, true.close))
            assert (bar["v"], bar["q"]) == (amounts.size(one, true.steps), amounts.value(one, true.quote))
            assert (bar["V"], bar["n"]) == (amounts.size(one, true.buy_steps), true.trades)
        # Ids of the first and the last fill are those that the trades of the minute told.
        told = pushed(talk, number, "btcusdt@aggTrade")
        for bar in closed[1:]:
            inside = [row for row in told if bar["t"] <= row["T"] <= bar["T"]]
            assert (bar["f"], bar["L"]) == (inside[0]["f"], inside[-1]["l"])
            assert bar["n"] == bar["L"] - bar["f"] + 1
        least_ms = 250 if number == MARKET else 2_000
        forming = [at for at, bar in bars if not bar["x"]]
        ends = {bar["t"] for bar in closed}
        gaps = [after - before for before, after in itertools.pairwise(forming) if before // 60_000 == after // 60_000]
        assert min(gaps) >= least_ms, ends


def test_a_bar_without_fills_has_no_ids() -> None:
    talk = talk_of(small(1, 0.2))
    subscribe(talk, SPOT, ["btcusdt@kline_1m"])
    talk.run(190_000)
    empty = [message["k"] for message in pushed(talk, SPOT, "btcusdt@kline_1m") if message["k"]["n"] == 0]
    assert empty
    assert all((bar["f"], bar["L"]) == (-1, -1) for bar in empty)
    assert all(len({bar["o"], bar["h"], bar["l"], bar["c"]}) == 1 for bar in empty)


def test_liquidations_are_the_largest_of_each_contract_and_second() -> None:
    world = falling()
    talk = talk_of(world)
    talk.run(20_000)
    # What happened before anybody listened is not told.
    subscribe(talk, MARKET, ["!forceOrder@arr", "btcusdt@forceOrder"])
    began_ms = world.now_ms
    one = found(world, "binance-usdm", "BTCUSDT")
    before = world.totals(one)
    talk.run(60_000)
    after = world.totals(one)
    told = [message for message in pushed(talk, MARKET, "!forceOrder@arr") if message["o"]["s"] == "BTCUSDT"]
    assert told == pushed(talk, MARKET, "btcusdt@forceOrder")
    assert min(second["E"] - first["E"] for first, second in itertools.pairwise(told)) >= 1_000
    assert all(0 <= message["E"] - message["o"]["T"] <= 1_010 for message in told)
    assert all(message["o"]["T"] > began_ms - 1_010 for message in told)
    happened = after.liquidations_long - before.liquidations_long
    assert 0 < sum(message["o"]["S"] == "SELL" for message in told) < happened
    # A closing order never fetches less than its limit.
    for message in told:
        limit, fill = float(message["o"]["p"]), float(message["o"]["ap"])
        assert fill >= limit if message["o"]["S"] == "SELL" else fill <= limit
    # What is told is no sum: the largest stands for its second.
    steps = {int(message["o"]["z"].replace(".", "")) for message in told if message["o"]["S"] == "SELL"}
    assert sum(steps) < (after.liquidated_long_steps - before.liquidated_long_steps) * one.step_units


def test_all_markets_are_told_where_they_traded_and_each_stream_for_itself() -> None:
    world = small(3, 60.0)
    talk = talk_of(world)
    subscribe(talk, MARKET, ["!ticker@arr", "!miniTicker@arr"])
    talk.run(30_000)
    rows, small_rows = (
        [[row["s"] for row in message if row["st"] == 1] for message in pushed(talk, MARKET, stream)]
        for stream in ("!ticker@arr", "!miniTicker@arr")
    )
    assert rows == small_rows
    assert {name for message in rows for name in message} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert any(len(message) < 3 for message in rows)
    last = {row["s"]: row for message in pushed(talk, MARKET, "!ticker@arr") for row in message if row["st"] == 1}
    for symbol, row in last.items():
        assert float(row["q"]) / float(row["v"]) == pytest.approx(float(row["w"]), rel=1e-4), symbol
        assert float(row["c"]) - float(row["o"]) == pytest.approx(float(row["p"]))
        assert 100 * float(row["p"]) / float(row["o"]) == pytest.approx(float(row["P"]), abs=6e-4)
        assert row["L"] - row["F"] + 1 == row["n"]
