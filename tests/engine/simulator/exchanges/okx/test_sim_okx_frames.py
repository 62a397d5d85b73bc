"""The simulated OKX's frames against recorded ones, name by name, and read by our own parser.

Held to the frames of 2021 and 2022 with the fields that the documentation of 2026-07 adds (`SINCE`), and to this year's
where there are any (liquidations; funding and open interest as REST answers them). Channels that were not recorded with
`books` are compared with `books-l2-tbt`, whose form is the same.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from engine.events import Candle, Funding, Liquidation, MarkPrice, OpenInterest, Quote, Ticker, Trade
from engine.simulator.episodes import Episode
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.exchange import Okx
from engine.simulator.world import World
from engine.venues.base import Verdict
from engine.venues.okx import session
from engine.venues.okx.parse import OkxParser
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import START, found, small
from tests.recorded import recorded

NS = 1_000_000
PUBLIC, BUSINESS = 0, 1
SWAP, SPOT = "BTC-USDT-SWAP", "BTC-USDT"
BOTH = ("books", "books5", "bbo-tbt", "trades", "tickers")
SWAPS = ("mark-price", "funding-rate", "open-interest")
SINCE = {
    "books": {".prevSeqId", ".seqId"},
    "books5": {".seqId"},
    "bbo-tbt": {".seqId"},
    "trades": {".count", ".source", ".seqId"},
    "trades-all": {".source"},
}
"""Fields of a row that the recorded frames lack."""


def falling() -> World:
    return small(2, 300.0, episodes=[Episode("cascade_reversal", "BTC", START + 2_000, 60_000, -1, 2.0)])


def talk_of(world: World) -> Talk:
    talk = Talk(world, Okx(world))
    talk.open(PUBLIC, "/ws/v5/public")
    talk.open(BUSINESS, "/ws/v5/business")
    return talk


def subscribe(talk: Talk, number: int, channel: str, *names: str) -> None:
    talk.say(number, {"id": "1", "op": "subscribe", "args": [{"channel": channel, "instId": one} for one in names]})


def pushed(talk: Talk, number: int, channel: str, name: str = SWAP) -> list[dict[str, Any]]:
    return [
        message
        for message in talk.pushes(number)
        if message["arg"] == {"channel": channel, "instId": name} and "data" in message
    ]


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Everything that is pushed, through a fall and the end of a minute."""
    made = talk_of(falling())
    for channel in BOTH:
        subscribe(made, PUBLIC, channel, SWAP, SPOT)
    for channel in SWAPS:
        subscribe(made, PUBLIC, channel, SWAP)
    subscribe(made, PUBLIC, "index-tickers", SPOT)
    products = [{"channel": channel, "instType": "SWAP"} for channel in ("liquidation-orders", "instruments")]
    made.say(PUBLIC, {"op": "subscribe", "args": products})
    for channel in ("candle1m", "trades-all"):
        subscribe(made, BUSINESS, channel, SWAP, SPOT)
    made.run(70_000)
    return made


def told(talk: Talk) -> list[dict[str, Any]]:
    return [*talk.pushes(PUBLIC), *talk.pushes(BUSINESS)]


def named(message: dict[str, Any]) -> tuple[str, str]:
    return str(message["arg"]["channel"]).replace("books-l2-tbt", "books"), str(message.get("action", ""))


def frames_seen() -> dict[tuple[str, str], Shapes]:
    """By channel and action, every recorded push of v5; of whole books, liquidations and singles."""
    seen: dict[tuple[str, str], Shapes] = defaultdict(Shapes)
    for name in ("okx-2021-07-22", "okx-2022-02-27", "okx-2022-05-13"):
        with gzip.open(recorded("captures", f"{name}.jsonl.gz"), "rt") as lines:
            for line in lines:
                row = json.loads(line)
                if "d" in row and "r" not in row and "data" in (message := json.loads(row["d"])):
                    seen[named(message)].take(message)
    for file in ("crypto-msg-parser-okx", "tardis-node-okx_swap", "tardis-node-okx_spot"):
        for line in recorded("frames", f"{file}.jsonl").read_text().splitlines():
            message = json.loads(line)
            if "arg" in message and "data" in message and not message["arg"].get("generated"):
                seen[named(message)].take(message)
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["venue"] == "okx":
            seen["liquidation-orders", ""].take(row["frame"])
    for line in recorded("rest", "okx_public_2026-09.jsonl").read_text().splitlines():
        row = json.loads(line)
        channel = row["path"].rpartition("/")[2]
        if channel in ("open-interest", "funding-rate"):
            # This year's rows in the envelope of a push.
            seen[channel, ""] = seen.pop((channel, ""), Shapes()) if channel == "open-interest" else Shapes()
            arg = {"channel": channel, "instId": SWAP}
            for one in row["data"]["data"]:
                seen[channel, ""].take({"arg": arg, "data": [one]})
    return seen


@pytest.mark.recorded
def test_frames_are_made_as_recorded_ones_name_by_name(talk: Talk) -> None:
    seen = frames_seen()
    ours: dict[tuple[str, str], Shapes] = defaultdict(Shapes)
    since: dict[str, set[str]] = defaultdict(set)
    for message in told(talk):
        channel, action = named(message)
        if channel == "instruments":
            continue
        held = {name for name in seen[channel, action].kinds if name.startswith(".data[].")}
        rows = [dict(row) if isinstance(row, dict) else row for row in message["data"]]
        for row in rows:
            if isinstance(row, dict):
                for name in [name for name in row if f".data[].{name}" not in held]:
                    since[channel].add(f".{name}")
                    del row[name]
        ours[channel, action].take(message | {"data": rows})
    expected = {(channel, "") for channel in (*BOTH[1:], *SWAPS, "index-tickers", "candle1m", "trades-all")}
    assert set(ours) == expected | {("books", "snapshot"), ("books", "update"), ("liquidation-orders", "")}
    for key, shape in ours.items():
        assert seen[key].faults(shape) == [], key
        assert seen[key].padding_faults(shape) == [], key
    # What is not recorded is what the documentation adds, and no more.
    assert since == SINCE


@pytest.mark.recorded
def test_rows_of_listings_are_made_as_recorded_ones_with_what_came_since(talk: Talk) -> None:
    seen: dict[str, Shapes] = defaultdict(Shapes)
    with gzip.open(recorded("captures", "okx-2022-05-13.jsonl.gz"), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("r", "").endswith(("instType=SWAP", "instType=SPOT")):
                for one in json.loads(row["d"])["data"]:
                    seen[one["instType"]].take(one)
    since = {"contTdSwTime", "instCategory", "instFamily", "openType", "preMktSwTime", "ruleType", "upcChg"}
    for product in ("SWAP", "SPOT"):
        ours = Shapes()
        for row in talk.get("/api/v5/public/instruments", instType=product)["data"]:
            assert since <= set(row)
            assert list(row) == sorted(row)
            ours.take({name: value for name, value in row.items() if name not in since})
        assert seen[product].faults(ours) == []
        assert seen[product].padding_faults(ours) == []
    (first,) = [message for message in talk.pushes(PUBLIC) if message["arg"]["channel"] == "instruments"]
    assert first["data"] == talk.get("/api/v5/public/instruments", instType="SWAP")["data"]


@pytest.mark.recorded
def test_acknowledgements_are_made_as_recorded_ones_with_number_and_connection(talk: Talk) -> None:
    with gzip.open(recorded("captures", "okx-2022-05-13.jsonl.gz"), "rt") as lines:
        texts = [row["d"] for row in map(json.loads, lines) if '"event"' in row.get("d", "") and "r" not in row]
    seen, ours = Shapes(), Shapes()
    for text in texts:
        seen.take(json.loads(text))
    for text in talk.heard[PUBLIC]:
        message = json.loads(text)
        if "event" in message and "instId" in message["arg"]:
            assert len(message.pop("connId")) == 8
            assert message.pop("id") == "1"
            ours.take(message)
    assert ours.orders
    assert seen.faults(ours) == []


def test_our_parser_reads_every_frame(talk: Talk) -> None:
    parser, kinds = OkxParser(), Counter[type]()
    for number in (PUBLIC, BUSINESS):
        for text in talk.heard[number]:
            parsed = parser.frame(text, "c", talk.world.now_ms * NS)
            is_answer = '"event"' in text
            assert parsed.verdict in ((Verdict.CONTROL,) if is_answer else (Verdict.ACCEPTED, Verdict.CONTROL)), text
            kinds.update(type(event) for event in parsed.events)
            assert (session.topic_of(text) is None) == is_answer
    assert all(kinds[kind] > 5 for kind in (Trade, Quote, Ticker, MarkPrice, OpenInterest, Candle))
    assert min(kinds[Funding], kinds[Liquidation]) > 0


@pytest.mark.parametrize("name", [SWAP, SPOT])
def test_trades_are_all_told_once_joined_and_one_by_one(name: str) -> None:
    world = small(2, 300.0)
    talk = talk_of(world)
    subscribe(talk, PUBLIC, "trades", name)
    subscribe(talk, BUSINESS, "trades-all", name)
    one = found(world, "okx", name)
    began = world.totals(one)
    talk.run(60_000)
    ended = world.totals(one)
    truth = world.recent_trades(one, ended.trades - began.trades)
    assert len(truth) > 20
    rows = [row for message in pushed(talk, PUBLIC, "trades", name) for row in message["data"]]
    assert [(row["tradeId"], row["px"], row["sz"], row["side"], row["ts"], row["count"]) for row in rows] == [
        (
            str(trade.last),
            words.price(one, trade.ticks),
            words.size(one, trade.steps),
            "buy" if trade.buy else "sell",
            str(trade.ms),
            str(trade.last - trade.first + 1),
        )
        for trade in truth
    ]
    singles = [message["data"] for message in pushed(talk, BUSINESS, "trades-all", name)]
    assert all(len(data) == 1 for data in singles)
    ids = [int(data[0]["tradeId"]) for data in singles]
    assert ids == list(range(truth[0].first, truth[-1].last + 1))
    assert len(ids) == ended.fills - began.fills == sum(int(row["count"]) for row in rows)
    assert sum(float(data[0]["sz"]) for data in singles) == pytest.approx(sum(float(row["sz"]) for row in rows))


@pytest.mark.parametrize("name", [SWAP, SPOT])
def test_candles_are_told_as_they_form_and_once_more_when_they_are_closed(name: str) -> None:
    talk = talk_of(small(2, 100.0))
    subscribe(talk, BUSINESS, "candle1m", name)
    talk.run(190_000)
    one = found(talk.world, "okx", name)
    rows = [message["data"][0] for message in pushed(talk, BUSINESS, "candle1m", name)]
    closed = [row for row in rows if row[8] == "1"]
    assert len(closed) == 3
    truth = {bar.open_ms: bar for bar in talk.world.candles(one, "1m", 5)}
    for row in closed:
        true = truth[int(row[0])]
        assert row[1:6] == [
            *(words.price(one, ticks) for ticks in (true.open, true.high, true.low, true.close)),
            words.size(one, true.steps),
        ]
        # Swaps: contracts, coins, dollars. Spot: coins, dollars, dollars.
        assert row[6:8] == [
            words.base(one, true.steps) if name == SWAP else words.quote(one, true.quote),
            words.quote(one, true.quote),
        ]
    assert [int(row[0]) for row in rows] == sorted(int(row[0]) for row in rows)


def test_liquidations_are_all_told_by_the_side_of_the_closing_order() -> None:
    world = falling()
    talk = talk_of(world)
    talk.say(PUBLIC, {"op": "subscribe", "args": [{"channel": "liquidation-orders", "instType": "SWAP"}]})
    talk.run(80_000)
    one = found(world, "okx", SWAP)
    totals = world.totals(one)
    rows = [
        detail
        for message in talk.pushes(PUBLIC)
        for row in message["data"]
        if row["instId"] == SWAP
        for detail in row["details"]
    ]
    sides = Counter((row["posSide"], row["side"]) for row in rows)
    assert sides["long", "sell"] == totals.liquidations_long > 0
    assert sides["short", "buy"] == totals.liquidations_short
    assert sum(sides.values()) == len(rows)
    contracts = sum(float(row["sz"]) for row in rows if row["posSide"] == "long")
    assert contracts == pytest.approx(totals.liquidated_long_steps * float(one.step))


def test_states_come_at_their_pace_and_at_once_for_who_joins(talk: Talk) -> None:
    for channel, least_ms in (("tickers", 100), ("mark-price", 200), ("open-interest", 3_000)):
        stamps = [int(message["data"][0]["ts"]) for message in pushed(talk, PUBLIC, channel)]
        assert len(stamps) > 5
        assert min(after - before for before, after in itertools.pairwise(stamps)) >= least_ms, channel
    assert len(pushed(talk, PUBLIC, "funding-rate")) == 2
    joined = talk_of(small(2, 100.0))
    for channel in (*BOTH, *SWAPS):
        subscribe(joined, PUBLIC, channel, SWAP)
    joined.run(5_000)
    joined.open(7, "/ws/v5/public")
    for channel in ("books", "books5", "bbo-tbt", "tickers", *SWAPS):
        count = len(joined.heard[7])
        subscribe(joined, 7, channel, SWAP)
        assert len(joined.heard[7]) == count + 2, channel
        if channel != "books":
            assert (
                joined.heard[7][-1]
                == [text for text in joined.heard[PUBLIC] if f'{{"arg":{{"channel":"{channel}"' in text][-1]
            )


def test_tickers_state_the_opens_of_both_days(talk: Talk) -> None:
    for name in (SWAP, SPOT):
        one = found(talk.world, "okx", name)
        row = pushed(talk, PUBLIC, "tickers", name)[-1]["data"][0]
        bars = {bar.open_ms: bar for bar in talk.world.candles(one, "4h", 12)}
        now = int(row["ts"])
        midnight = now // 86_400_000 * 86_400_000
        eastern = max(at for at in bars if at % 86_400_000 == 57_600_000 and at <= now)
        assert row["sodUtc0"] == words.price(one, bars[midnight].open)
        assert row["sodUtc8"] == words.price(one, bars[eastern].open)
        day = talk.world.ticker_24h(one)
        assert row["vol24h"] == words.size(one, day.steps) or float(row["vol24h"]) > 0
        per = float(row["volCcy24h"]) / float(row["vol24h"])
        mean = day.quote / day.steps * one.tick_size
        assert per == pytest.approx(float(one.contract_size) if name == SWAP else mean, rel=1e-3)
