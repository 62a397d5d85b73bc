"""Bybit as the live side sees it: recorded frames are told apart, refusals understood, and every rate kept."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Candle, Funding, OpenInterest, Ratio, Ticker
from engine.instruments import Instrument
from engine.venues.base import Verdict
from engine.venues.bybit import limits
from engine.venues.bybit.live import BybitLive
from engine.venues.bybit.parse import BybitParser
from engine.venues.bybit.symbols import infer
from engine.venues.live import Refusal, VenueLive
from tests.engine.venues.refused_answers import check_refused
from tests.recorded import recorded

LINEAR: VenueLive = BybitLive("bybit-linear")
SPOT: VenueLive = BybitLive("bybit-spot")
LIVE = {one.venue: one for one in (LINEAR, SPOT)}
NS = 1_786_820_700_000_000_000


def perpetuals(count: int) -> list[Instrument]:
    return [replace(infer("bybit-linear", f"COIN{number}USDT"), funding_interval_h=4.0) for number in range(count)]


def frames(name: str) -> Iterator[tuple[str, str]]:
    """(venue, text) of Bybit's frames in a capture."""
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("v") in LIVE and "c" in row and "d" in row:
                yield row["v"], row["d"]


def subscribed(venue: str, symbol: str) -> set[str]:
    """Topics that the product has for a symbol, and the candles that captures were made of."""
    live, instrument = LIVE[venue], infer(venue, symbol)
    channels = live.broad_channels(instrument) + live.deep_channels(instrument)
    return {one.topic for one in channels} | {f"kline.{minutes}.{symbol}" for minutes in (5, 15)}


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "pushes", "answers"),
    [
        ("bybit-2026-08-09.jsonl.gz", 3_203, 24),
        ("composite-four-venues.jsonl.gz", 3_203, 24),
        ("candles-2025-10-14.jsonl.gz", 29_970, 0),
        ("candles-2025-10-10-crash.jsonl.gz", 24_060, 0),
    ],
)
def test_every_recorded_frame_is_of_a_topic_we_subscribe_or_an_answer(name: str, pushes: int, answers: int) -> None:
    parsers = {venue: BybitParser(venue) for venue in LIVE}
    topics: Counter[tuple[str, str]] = Counter()
    acks = 0
    for venue, text in frames(name):
        topic, ack = LIVE[venue].topic_of(text), None
        if topic is None:
            ack = LIVE[venue].read_ack(text)
            assert ack is not None, text
            assert ack.ok
            acks += 1
        else:
            topics[venue, topic] += 1
        # What carries data has a topic, what the parser calls an answer has none.
        verdict = parsers[venue].frame(text, "public", NS).verdict
        assert verdict is (Verdict.ACCEPTED if topic else Verdict.CONTROL)
    assert (sum(topics.values()), acks) == (pushes, answers)
    for venue, topic in topics:
        assert topic in subscribed(venue, topic.rpartition(".")[2])


@pytest.mark.recorded
@pytest.mark.parametrize(("name", "live"), [("tardis-node-bybit", LINEAR), ("tardis-node-bybit_spot", SPOT)])
def test_single_frames_of_many_years_have_the_topic_they_state(name: str, live: VenueLive) -> None:
    told = 0
    for text in recorded("frames", f"{name}.jsonl").read_text().splitlines():
        stated = json.loads(text).get("topic")
        assert live.topic_of(text) == stated
        told += stated is not None
        assert (live.read_ack(text) is not None) is (stated is None)
    assert told >= 10


@pytest.mark.recorded
def test_recorded_liquidations_are_of_topics_we_subscribe() -> None:
    found = []
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["venue"] == "bybit":
            found.append(LINEAR.topic_of(json.dumps(row["frame"], separators=(",", ":"))))
    assert found == ["allLiquidation.ICPUSDT", "allLiquidation.MARSCOINUSDT", "allLiquidation.BTCUSDT"]
    assert all(topic in subscribed("bybit-linear", topic.rpartition(".")[2]) for topic in found if topic)


def test_channels_by_product() -> None:
    linear, spot = infer("bybit-linear", "BTCUSDT"), infer("bybit-spot", "BTCUSDT")
    assert LINEAR.market_channels() == SPOT.market_channels() == []
    assert [one.kind for one in LINEAR.broad_channels(linear)] == ["ticker", "candle", "liquidations"]
    assert [one.kind for one in SPOT.broad_channels(spot)] == ["ticker", "candle", "quote"]
    for live, one in ((LINEAR, linear), (SPOT, spot)):
        channels = live.broad_channels(one) + live.deep_channels(one)
        assert {channel.kind for channel in live.deep_channels(one)} == {"trades", "book"}
        assert len({channel.topic for channel in channels}) == len(channels) == 5
        assert {channel.path for channel in channels} == set(live.paths)
        # Silence proves something only where the first frame does, and only events may never speak.
        assert {channel.kind for channel in channels if channel.first_s is None} <= {"trades", "liquidations"}
        assert all(channel.first_s is not None for channel in channels if channel.silence_s is not None)
        for status in ("pending", "ended"):
            quiet = replace(one, status=status)
            assert live.broad_channels(quiet) == live.deep_channels(quiet) == []
    with pytest.raises(ValueError, match="bybit-inverse"):
        BybitLive("bybit-inverse")


def test_the_whole_market_fits_on_a_handful_of_connections() -> None:
    topics = [one.topic for perp in perpetuals(800) for one in LINEAR.broad_channels(perp)]
    connections: list[list[str]] = [[]]
    for topic in topics:
        if not LINEAR.room("public", connections[-1], topic):
            connections.append([])
        connections[-1].append(topic)
    assert 4 <= len(connections) <= 8
    sent = [request for held in connections for request in LINEAR.subscribe(held, 1)]
    assert [topic for request in sent for topic in request.topics] == topics
    # Subscribed within half a minute at our own pace.
    longest = max(len(LINEAR.subscribe(held, 1)) for held in connections)
    assert longest / LINEAR.stream_limits.messages_per_s <= 30.0


def test_a_hole_is_filled_only_where_the_newest_trades_reach() -> None:
    since = 1_786_820_600_000
    assert LINEAR.trades_request("BTCUSDT", since, since + 60_000) == (
        "GET /v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
    )
    assert LINEAR.trades_request("BTCUSDT", since, since + 600_000) is None
    assert SPOT.trades_request("BTCUSDT", since, since + 60_000) is None
    assert SPOT.trades_request("BTCUSDT", since, since + 5_000) is not None
    assert LINEAR.trades_request("BTCUSDT", since, since - 1) is None
    assert LINEAR.mend("BTCUSDT") is None


def test_candles_end_where_they_are_asked_to() -> None:
    newest = LINEAR.candles_request("BTCUSDT", "4h", 5_000)
    assert newest == "GET /v5/market/kline?category=linear&symbol=BTCUSDT&interval=240&limit=1000"
    older = SPOT.candles_request("BTCUSDT", "1m", 10, end_ms=1_786_820_400_000)
    assert older == "GET /v5/market/kline?category=spot&symbol=BTCUSDT&interval=1&end=1786820400000&limit=10"
    assert LINEAR.candles_max == 1000
    assert LINEAR.depth_request("BTCUSDT") == "GET /v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=1000"


@pytest.mark.parametrize("count", [0, 1, 600, 1_200])
def test_polls_stay_within_the_budget(count: int) -> None:
    made = LINEAR.polls(perpetuals(count))
    assert len({(one.kind, one.request) for one in made}) == len(made)
    used: Counter[str] = Counter()
    for one in made:
        assert one.every_s >= 60.0
        for pool, weight in LINEAR.cost(one.request).pools:
            used[pool] += round(weight / one.every_s * 1e9)
    (budget,) = LINEAR.pools
    assert set(used) == {budget.name}
    # A fifth at most: the rest is for what is asked once.
    assert used[budget.name] / 1e9 <= 0.2 * budget.capacity / budget.window_s
    market = [one for one in made if not one.symbol]
    assert [one.kind for one in market] == ["ticker"]
    assert made[: len(market)] == market
    assert len(made) - len(market) == 3 * count


def test_polls_follow_importance_and_leave_out_what_does_not_trade() -> None:
    perps = perpetuals(300)
    made = {one.symbol: one.every_s for one in LINEAR.polls(perps) if one.kind == "accounts"}
    assert list(made) == [one.symbol for one in perps]
    assert list(made.values()) == sorted(made.values())
    assert len(set(made.values())) == 2
    gone = [
        replace(perps[0], status="ended"),
        replace(perps[1], status="pending"),
        infer("bybit-linear", "BTC-25SEP26"),
    ]
    assert [one for one in LINEAR.polls(gone) if one.symbol] == []
    dollars = LINEAR.polls([infer("bybit-linear", "BTCPERP")])
    assert [one.kind for one in dollars if one.symbol] == ["open_interest_history", "funding_history"]
    assert [one.kind for one in SPOT.polls([infer("bybit-spot", "BTCUSDT")])] == ["ticker"]


def test_every_request_has_a_reader() -> None:
    for live in (LINEAR, SPOT):
        instrument = infer(live.venue, "BTCUSDT")
        requests = [
            *live.listing_requests(),
            *(one.request for one in live.polls([instrument])),
            live.candles_request("BTCUSDT", "1m", 5),
            live.depth_request("BTCUSDT"),
            live.trades_request("BTCUSDT", 1, 1) or "",
            live.time_request(),
        ]
        for request in requests:
            parsed = BybitParser(live.venue).response(request, 200, '{"retCode":0,"retMsg":"OK","result":7}', NS)
            assert parsed.verdict is not Verdict.UNKNOWN, request
    trading, announced, settling = LINEAR.listing_requests()
    assert trading == "GET /v5/market/instruments-info?category=linear&limit=1000"
    assert "status=PreLaunch" in announced
    assert "status=Delivering" in settling
    assert SPOT.listing_requests() == ["GET /v5/market/instruments-info?category=spot&limit=1000"]


@pytest.mark.recorded
def test_recorded_answers_are_what_the_polls_ask_for() -> None:
    bodies = {
        row["path"]: json.dumps(row["data"], separators=(",", ":"))
        for row in map(json.loads, recorded("rest", "bybit_v5_2026-08.jsonl").read_text().splitlines())
    }
    kinds = {
        "accounts": (limits.PATHS["accounts"], Ratio),
        "open_interest_history": (limits.PATHS["open_interest_history"], OpenInterest),
        "funding_history": (limits.PATHS["funding_history"], Funding),
    }
    asked: dict[str, str] = {one.kind: one.request for one in LINEAR.polls([infer("bybit-linear", "BTCUSDT")])}
    parser = BybitParser("bybit-linear")
    for kind, (path, event) in kinds.items():
        body = bodies[path]
        assert LINEAR.refusal(200, {}, body) is None
        assert path in asked[kind]
        events = parser.response(asked[kind], 200, body, NS).events
        assert events
        assert all(isinstance(one, event) for one in events)
    candles = parser.response(LINEAR.candles_request("BTCUSDT", "4h", 2), 200, bodies[limits.PATHS["klines"]], NS)
    assert all(isinstance(one, Candle) for one in candles.events)
    for line in recorded("rest", "bybit_v5_tickers.jsonl").read_text().splitlines():
        row = json.loads(line)
        body = json.dumps(row["data"])
        assert LINEAR.refusal(200, {}, body) is None
        if row["query"] == "category=linear":
            found = parser.response(asked["ticker"], 200, body, NS).events
            assert sum(isinstance(one, Ticker) for one in found) > 100


@pytest.mark.recorded
def test_recorded_listings_have_no_further_page() -> None:
    pages = 0
    with gzip.open(recorded("captures", "bybit-2026-08-09.jsonl.gz"), "rt") as lines:
        for row in map(json.loads, lines):
            if "r" in row:
                pages += 1
                assert LIVE[row["v"]].next_page(row["r"], row["d"]) is None
                assert LIVE[row["v"]].refusal(row["s"], {}, row["d"]) is None
    assert pages == 2


CLOUDFRONT = (
    "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>The Amazon "
    "CloudFront distribution is configured to block access from your country.\x1b[31m</BODY></HTML>"
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "rest_s", "words"),
    [
        (
            403,
            '{"retCode":10018,"retMsg":"access too frequent"}',
            "limited",
            600.0,
            ("HTTP 403", "access too frequent"),
        ),
        (403, "403, access too frequent", "limited", 600.0, ("HTTP 403", "access too frequent")),
        (403, "", "limited", 600.0, ("HTTP 403",)),
        (403, CLOUDFRONT, "region", 3600.0, ("HTTP 403", "CloudFront")),
        (403, '{"retCode":10009,"retMsg":"Service Restricted"}', "region", 3600.0, ("10009", "Service Restricted")),
        (451, "", "region", 3600.0, ("HTTP 451",)),
        (429, "", "limited", 30.0, ("HTTP 429",)),
        (200, '{"retCode":10006,"retMsg":"Too many visits!"}', "limited", 5.0, ("10006", "Too many visits!")),
        (200, '{"retCode":10018,"retMsg":"ip limit"}', "limited", 600.0, ("10018",)),
        (200, '{"retCode":10429,"retMsg":"System level frequency protection"}', "limited", 30.0, ("10429",)),
        (200, '{"retCode":10009,"retMsg":"banned region"}', "region", 3600.0, ("10009",)),
        (200, '{"retCode":10024,"retMsg":"compliance"}', "region", 3600.0, ("10024", "compliance")),
        (200, '{"retCode":10016,"retMsg":"Server error."}', "busy", 0.0, ("10016", "Server error.")),
        (200, '{"retCode":10001,"retMsg":"params error"}', "wrong", 0.0, ("10001", "params error")),
        (200, "<html>login to the network", "busy", 0.0, ("HTTP 200",)),
        (502, "Bad Gateway", "busy", 0.0, ("HTTP 502", "Bad Gateway")),
        (404, "", "wrong", 0.0, ("HTTP 404",)),
        (400, '{"retCode":10006,"retMsg":"Too many visits!"}', "limited", 5.0, ("HTTP 400", "10006")),
    ],
)
def test_refusals(status: int, body: str, kind: str, rest_s: float, words: tuple[str, ...]) -> None:
    check_refused(LINEAR, status, {}, body, (kind, rest_s, words))


def test_a_stated_wait_is_kept_if_it_is_longer() -> None:
    waits = {"120": 120.0, "5": 30.0, "soon": 30.0, "99999999": 3600.0, "-1": 30.0}
    for said, rest_s in waits.items():
        found = LINEAR.refusal(429, {"retry-after": said}, "")
        assert found is not None
        assert found.rest_s == rest_s


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text()), st.text())
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: str) -> None:
    found = LINEAR.refusal(status, headers, body)
    assert isinstance(found, Refusal)
    assert found.message.startswith(f"HTTP {status}")
    assert len(found.message) <= 200
    assert (found.rest_s > 0.0) is (found.kind in ("limited", "region"))
    assert LINEAR.used_weight(headers) == ()
    LINEAR.next_page("GET /v5/market/instruments-info", body)
    LINEAR.server_time_ms(body)
