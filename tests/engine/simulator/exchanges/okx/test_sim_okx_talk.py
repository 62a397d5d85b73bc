"""What the simulated OKX answers on a stream: acknowledgements, refusals, pings, limits, and how its books chain."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from engine.events import BookDelta, BookSnapshot
from engine.market.books import BookStore
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.exchange import REQUESTS_PER_HOUR, Okx
from engine.simulator.exchanges.okx.feeds import CADENCE_MS, DEPTH, HEARTBEAT_MS
from engine.venues.okx import session
from engine.venues.okx.parse import OkxParser
from tests.engine.simulator.exchanges.talk import STEP_MS, Talk
from tests.engine.simulator.market.market_worlds import HOUR, found, small

NS = 1_000_000
PUBLIC, BUSINESS = 0, 1
NAME = "BTC-USDT-SWAP"
TICKERS = {"channel": "tickers", "instId": NAME}
BOOKS = {"channel": "books", "instId": NAME}


def talk_of(assets: int = 3, rate: float = 60.0) -> Talk:
    world = small(assets, rate)
    made = Talk(world, Okx(world))
    made.open(PUBLIC, "/ws/v5/public")
    made.open(BUSINESS, "/ws/v5/business")
    return made


@pytest.fixture
def talk() -> Talk:
    return talk_of()


def say(talk: Talk, number: int, *args: Any, op: str = "subscribe", **more: Any) -> list[dict[str, Any]]:
    return [json.loads(text) for text in talk.say(number, {**more, "op": op, "args": list(args)}).texts]


def books(talk: Talk, number: int = PUBLIC) -> list[dict[str, Any]]:
    return [message for message in talk.pushes(number) if message["arg"]["channel"] == "books"]


def test_every_argument_is_acknowledged_by_itself_and_snapshots_come_after(talk: Talk) -> None:
    args = [TICKERS, BOOKS, {"channel": "liquidation-orders", "instType": "SWAP"}]
    *acks, snapshot = say(talk, PUBLIC, *args, id="1512")
    assert [ack["arg"] for ack in acks] == args
    assert all(list(ack) == ["id", "event", "arg", "connId"] for ack in acks)
    assert {(ack["id"], ack["event"], len(ack["connId"])) for ack in acks} == {("1512", "subscribe", 8)}
    assert (snapshot["action"], snapshot["arg"]) == ("snapshot", BOOKS)
    (left,) = say(talk, PUBLIC, TICKERS, op="unsubscribe")
    assert list(left) == ["event", "arg", "connId"]
    assert not talk.wanted["tickers:" + NAME]


def test_our_own_requests_are_understood_and_their_answers_read(talk: Talk) -> None:
    topics = [f"{name}:{NAME}" for name in ("tickers", "trades", "books", "mark-price", "funding-rate")]
    topics += ["liquidation-orders:SWAP", "instruments:SPOT"]
    for op in ("subscribe", "unsubscribe"):
        for request in session.requests(op, topics, 9):
            answers = [session.read_ack(text) for text in talk.say(PUBLIC, request.text).texts]
            acks = [ack for ack in answers if ack is not None]
            assert [ack.topics for ack in acks] == [(topic,) for topic in request.topics]
            assert all(ack.ok and ack.op == op and ack.request_id == request.request_id for ack in acks)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        (PUBLIC, TICKERS | {"instId": "NOPE-USDT"}),
        (PUBLIC, TICKERS | {"channel": "nothing"}),
        (PUBLIC, TICKERS | {"channel": "candle"}),
        (PUBLIC, TICKERS | {"channel": "candle1m"}),
        (PUBLIC, TICKERS | {"channel": "trades-all"}),
        (PUBLIC, {"channel": "mark-price", "instId": "BTC-USDT"}),
        (PUBLIC, {"channel": "funding-rate", "instId": "BTC-USDT"}),
        (PUBLIC, {"channel": "liquidation-orders", "instType": "SPOT"}),
        (PUBLIC, {"channel": "instruments", "instType": "NOPE"}),
        (PUBLIC, {"channel": "tickers"}),
        (PUBLIC, {}),
        (BUSINESS, TICKERS),
        (BUSINESS, BOOKS),
        (BUSINESS, TICKERS | {"channel": "candle7m"}),
        (BUSINESS, {"channel": "liquidation-orders", "instType": "SWAP"}),
    ],
)
def test_what_does_not_exist_on_the_path_is_60018_by_name_and_the_others_stand(
    talk: Talk, number: int, wrong: dict[str, str]
) -> None:
    good = TICKERS if number == PUBLIC else {"channel": "candle1m", "instId": NAME}
    reply = talk.say(number, {"id": "7", "op": "subscribe", "args": [wrong, good]})
    said = json.loads(reply.texts[0])
    assert list(said) == ["id", "event", "code", "msg", "connId"]
    assert (said["event"], said["code"]) == ("error", "60018")
    named = wrong.get("instId") or wrong.get("instType")
    assert said["msg"] == (
        f"Wrong URL or channel:{wrong.get('channel')},instId:{named} doesn't exist. "
        "Please use the correct URL, channel and parameters referring to API document."
    )
    assert len(reply.joined) == 1
    ack = session.read_ack(reply.texts[0])
    assert ack is not None
    assert (ack.op, ack.ok, ack.closes) == ("error", False, False)
    if wrong.get("channel") and named:
        assert ack.topics == (f"{wrong['channel']}:{named}",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "60012"),
        ("nonsense", "60012"),
        ("[]", "60012"),
        ("1", "60012"),
        ('"ping"', "60012"),
        ("{}", "60012"),
        ('{"op":"dance","args":[{}]}', "60012"),
        ('{"op":["subscribe"],"args":[{}]}', "60012"),
        ('{"op":"subscribe"}', "60013"),
        ('{"op":"subscribe","args":[]}', "60013"),
        ('{"op":"subscribe","args":{"channel":"tickers"}}', "60013"),
        ('{"op":"subscribe","args":[1]}', "60013"),
        ('{"op":"unsubscribe","args":["tickers"]}', "60013"),
    ],
)
def test_what_means_nothing_is_refused_and_harms_nothing(talk: Talk, text: str, code: str) -> None:
    said = json.loads(talk.say(PUBLIC, text).texts[0])
    assert (said["event"], said["code"]) == ("error", code)
    assert list(said) == ["event", "code", "msg", "connId"]
    if code == "60012":
        assert said["msg"] == f"Invalid request: {text}"
    assert say(talk, PUBLIC, TICKERS)[0]["event"] == "subscribe"


def test_a_request_of_more_than_64_kib_is_refused(talk: Talk) -> None:
    assert say(talk, PUBLIC, *[TICKERS] * 1_500)[0]["code"] == "60012"


def test_a_ping_is_answered_by_a_pong_and_silence_is_cut(talk: Talk) -> None:
    assert list(talk.say(PUBLIC, "ping").texts) == ["pong"]
    ack = session.read_ack("pong")
    assert ack is not None
    assert ack.op == "pong"
    assert talk.exchange.silence_cut_s == 30.0


def test_480_requests_an_hour(talk: Talk) -> None:
    for _ in range(REQUESTS_PER_HOUR // 2):
        say(talk, PUBLIC, TICKERS, TICKERS)
        say(talk, PUBLIC, TICKERS, op="unsubscribe")
    talk.say(PUBLIC, "ping")
    (refused,) = say(talk, PUBLIC, TICKERS)
    assert (refused["event"], refused["code"]) == ("error", "60014")
    assert say(talk, BUSINESS, {"channel": "candle1m", "instId": NAME})[0]["event"] == "subscribe"
    later = talk.exchange.message(PUBLIC, json.dumps({"op": "subscribe", "args": [TICKERS]}), talk.world.now_ms + HOUR)
    assert '"event":"subscribe"' in later.texts[0]


def test_only_its_paths_are_open(talk: Talk) -> None:
    for path, is_open in (("/ws/v5/public", True), ("/ws/v5/business", True), ("/ws/v5/private", False)):
        assert talk.exchange.path_exists("wss://ws.okx.com:8443", path) is is_open


def test_who_is_gone_gets_nothing_and_costs_nothing(talk: Talk) -> None:
    say(talk, PUBLIC, TICKERS, BOOKS, {"channel": "trades", "instId": NAME})
    talk.run(1_000)
    talk.close(PUBLIC)
    count = len(talk.heard[PUBLIC])
    talk.run(2_100)
    assert len(talk.heard[PUBLIC]) == count
    exchange = talk.exchange
    assert isinstance(exchange, Okx)
    assert not exchange._feeds
    assert not any(exchange._of.values())


def test_updates_chain_on_the_snapshot_and_on_each_other() -> None:
    talk = talk_of(2, 300.0)
    say(talk, PUBLIC, BOOKS)
    talk.run(10_000)
    told = books(talk)
    assert [message["action"] for message in told] == ["snapshot"] + ["update"] * (len(told) - 1)
    rows = [message["data"][0] for message in told]
    assert rows[0]["prevSeqId"] == -1
    assert all(after["prevSeqId"] == before["seqId"] < after["seqId"] for before, after in itertools.pairwise(rows))
    assert {row["checksum"] for row in rows} == {0}
    assert all(row["asks"] or row["bids"] for row in rows)
    prices = [[float(level[0]) for level in rows[0][side]] for side in ("bids", "asks")]
    assert prices == [sorted(prices[0], reverse=True), sorted(prices[1])]
    removed = [level for row in rows[1:] for side in ("bids", "asks") for level in row[side] if level[1] == "0"]
    assert removed
    assert {tuple(level[1:]) for level in removed} == {("0", "0", "0")}
    assert all(len(level) == 4 for row in rows for side in ("bids", "asks") for level in row[side])


def test_one_who_comes_late_gets_a_snapshot_that_the_next_update_continues() -> None:
    talk = talk_of(2, 300.0)
    say(talk, PUBLIC, BOOKS)
    for number in range(5, 13):
        talk.run(130)
        talk.open(number, "/ws/v5/public")
        say(talk, number, BOOKS)
        talk.run(1_000)
        first, second = (message["data"][0] for message in books(talk, number)[:2])
        assert (first["prevSeqId"], second["prevSeqId"]) == (-1, first["seqId"])


def test_who_subscribes_again_gets_a_snapshot_again() -> None:
    """As recorded on 2022-02-27, where every book was subscribed twice and came twice."""
    talk = talk_of(2, 300.0)
    say(talk, PUBLIC, BOOKS)
    talk.run(500)
    say(talk, PUBLIC, BOOKS)
    assert [message["action"] for message in books(talk)].count("snapshot") == 2


def test_a_book_without_changes_says_so_once_a_minute() -> None:
    talk = talk_of(1, 0.01)
    say(talk, PUBLIC, BOOKS)
    talk.run(300_000)
    told = books(talk)
    beats = [row for row in (message["data"][0] for message in told) if not row["asks"] and not row["bids"]]
    assert beats
    assert all(row["prevSeqId"] == row["seqId"] for row in beats)
    rows = [message["data"][0] for message in told]
    assert all(after["prevSeqId"] == before["seqId"] for before, after in itertools.pairwise(rows))
    assert len(told) >= 300_000 // HEARTBEAT_MS


def test_after_a_restart_sequences_begin_anew_below() -> None:
    talk = talk_of(2, 300.0)
    say(talk, PUBLIC, BOOKS)
    talk.run(2_000)
    before = books(talk)[-1]["data"][0]["seqId"]
    talk.exchange.restart(talk.world.now_ms)
    talk.close(PUBLIC)
    talk.open(PUBLIC, "/ws/v5/public")
    say(talk, PUBLIC, BOOKS)
    talk.run(2_000)
    rows = [message["data"][0] for message in books(talk)]
    assert rows[0]["seqId"] < before
    assert all(after["prevSeqId"] == first["seqId"] for first, after in itertools.pairwise(rows))


@pytest.mark.parametrize("channel", list(DEPTH))
@pytest.mark.parametrize("name", [NAME, "ETH-USDT"])
def test_books_are_the_markets_at_every_depth(channel: str, name: str) -> None:
    talk = talk_of(2, 300.0)
    world, parser, store = talk.world, OkxParser(), BookStore(flow=False)
    one = found(world, "okx", name)
    say(talk, PUBLIC, {"channel": channel, "instId": name})
    start, read, compared = world.now_ms, 0, 0
    every = max(STEP_MS, CADENCE_MS[channel]) * 10

    def compare() -> None:
        nonlocal read, compared
        for text in talk.heard[PUBLIC][read:]:
            for event in parser.frame(text, "c", world.now_ms * NS).events:
                if isinstance(event, BookSnapshot | BookDelta):
                    store.apply(event)
        read = len(talk.heard[PUBLIC])
        if (world.now_ms - start - STEP_MS) % every:
            return
        truth = world.book(one, DEPTH[channel])
        if channel == "books":
            book = store.get("okx", name)
            assert book is not None
            assert (book.status, book.gaps, book.resyncs) == ("synced", 0, 0)
            sides = ([(words.price(one, p), words.size(one, s)) for p, s in side] for side in (truth.bids, truth.asks))
            assert book.top(2_000) == tuple(sides)
        else:
            row = [message for message in talk.pushes(PUBLIC) if message["arg"]["channel"] == channel][-1]["data"][0]
            assert [row["bids"], row["asks"]] == [words.rows(one, truth.bids), words.rows(one, truth.asks)]
        compared += 1

    talk.run(5_000, compare)
    assert compared >= 5_000 // every
