"""The loops of one product: what is asked when, what is put on record, and what a failure of any of it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from engine.errors import PrismError
from engine.feeds import venue as rules
from engine.feeds.mending import FIRST_MS
from engine.feeds.venue import (
    AT_ONCE,
    DOUBT_MS,
    OVERLAP_MS,
    POLLS_AT_ONCE,
    SKEW_EVERY_S,
)
from engine.transport import host_status
from engine.transport.budgets import Priority
from engine.transport.capture_records import Frame, Response
from engine.transport.net import Failed, HttpAnswer
from engine.venues.live import Poll
from tests.engine.feeds.feed_bench import FeedBench, perp
from tests.engine.transport.fake_net import After, answer
from tests.engine.transport.plain_language import FIRST

A, B = perp("A"), perp("B")


@pytest.fixture
async def bench() -> AsyncIterator[FeedBench]:
    made = FeedBench()
    yield made
    await made.close()


def full(bench: FeedBench, *symbols: str) -> None:
    """Nothing of these symbols' candles is missing for the next hours."""
    for symbol in symbols:
        for interval in ("1m", "5m", "15m", "4h"):
            bench.market.runs[symbol, interval] = (bench.clock.now_ns() // 1_000_000 + 10**8, 10_000, False)


async def test_the_clock_is_measured_again_and_again_whatever_it_answers(bench: FeedBench) -> None:
    bench.net.on_get(FIRST + "/time", answer({"time": "no"}))
    bench.feed.start()
    await bench.run(1)
    once = len(bench.asked("/time"))
    await bench.run(SKEW_EVERY_S + 1)
    assert once > 0
    assert len(bench.asked("/time")) == 2 * once


# What is subscribed, and what is put on record of it.


async def test_the_market_is_subscribed_before_the_listing_and_then_what_is_followed(bench: FeedBench) -> None:
    bench.net.on_get(FIRST + "/listing", After(30, answer({})))
    bench.feed.start()
    await bench.run(5)
    assert bench.subscribed() == {"liquidations:ALL"}
    full(bench, "A", "B")
    bench.feed.follow([A, B])
    await bench.run(5)
    assert bench.subscribed() == {"liquidations:ALL", "ticker:A", "ticker:B"}
    bench.feed.follow([B])
    await bench.run(5)
    assert bench.subscribed() == {"liquidations:ALL", "ticker:B"}


async def test_who_gets_and_loses_depth_is_put_on_record_and_only_the_difference(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A])
    await bench.run(5)
    assert bench.events("open") == ["trades:A", "book:A"]
    assert {"trades:A", "book:A"} <= bench.subscribed()
    bench.feed.deepen([B, A])
    bench.feed.deepen([A, B])
    assert bench.events("open") == ["trades:A", "book:A", "trades:B", "book:B"]
    assert bench.events("close") == []
    bench.feed.deepen([B])
    assert bench.events("close") == ["trades:A", "book:A"]
    assert bench.feed.deep == {"B"}


async def test_a_symbol_that_ended_loses_its_depth_too(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A, B])
    bench.feed.follow([B])
    assert bench.events("close") == ["trades:A", "book:A"]
    assert bench.feed.deep == {"B"}


# What a break swallowed.


async def test_missed_trades_are_asked_for_with_an_overlap_and_only_of_what_is_deep(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A])
    bench.feed.fill_trades("A", 50_000, 60_000)
    bench.feed.fill_trades("B", 50_000, 60_000)
    await bench.run(1)
    assert bench.asked("/trades") == [f"/trades?symbol=A&since={50_000 - OVERLAP_MS}&until={60_000 + OVERLAP_MS}"]
    bench.language.offers_trades = False
    bench.feed.fill_trades("A", 70_000, 80_000)
    await bench.run(1)
    assert len(bench.asked("/trades")) == 1


async def test_a_stream_that_loses_trades_all_the_time_costs_few_requests(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A])
    for second in range(60):
        for symbol in ("A", "B"):
            bench.feed.fill_hole(symbol, 1_000 * second, 1_000 * second + 500)
        await bench.run(1)
    asked = bench.asked("/trades")
    assert 4 <= len(asked) <= 8
    assert all(one.startswith("/trades?symbol=A&") for one in asked)
    spans = [one.split("&since=")[1].split("&until=") for one in asked]
    for (_, until), (since, _) in pairwise(spans):
        assert int(since) + OVERLAP_MS <= int(until) - OVERLAP_MS + 500, "a hole was left out"


async def test_holes_of_what_is_deep_no_more_are_not_asked_for(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A, B])
    await bench.run(1)
    bench.feed.fill_hole("A", 1_000, 2_000)
    bench.feed.fill_hole("B", 1_000, 2_000)
    bench.feed.deepen([B])
    await bench.run(5)
    assert [one.partition("&")[0] for one in bench.asked("/trades")] == ["/trades?symbol=B"]


async def test_work_that_fails_by_a_fault_of_ours_is_announced_and_logged(
    bench: FeedBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: str, body: str) -> str | None:
        raise KeyError(request)

    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    await bench.run(3)
    bench.net.on_get(FIRST + "/trades", answer({}))
    monkeypatch.setattr(bench.language, "next_page", broken)
    bench.feed.fill_trades("A", 50_000, 60_000)
    await bench.run(2)
    assert bench.announced == ["okx trades A failed (KeyError, details in the log)"]
    assert [one.getMessage() for one in caplog.records if one.exc_info] == ["okx trades A failed"]


async def test_missed_trades_are_asked_for_page_by_page(bench: FeedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    full(bench, "A")
    monkeypatch.setattr(
        bench.language, "next_page", lambda request, body: f"{request}+" if request.count("+") < 2 else None
    )
    bench.net.on_get(FIRST + "/listing", Failed("refused", "no"))
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    bench.feed.fill_trades("A", 50_000, 60_000)
    await bench.run(1)
    assert [one.count("+") for one in bench.asked("/trades")] == [0, 1, 2]


async def test_a_frame_of_trades_that_cannot_be_read_puts_them_in_doubt_and_others_do_not(bench: FeedBench) -> None:
    full(bench, "A")
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    await bench.run(5)
    at_ns = bench.clock.now_ns()
    for text in ("ticker:A|x", "trades:COIN|x", "nonsense", "trades:A|x"):
        bench.feed.doubt_frame(Frame(at_ns, "okx", "okx/public/1", text))
    await bench.run(1)
    assert bench.events("error") == ["trades:A"]
    since, until = at_ns // 1_000_000 - DOUBT_MS - OVERLAP_MS, at_ns // 1_000_000 + OVERLAP_MS
    assert bench.asked("/trades") == [f"/trades?symbol=A&since={since}&until={until}"]


async def test_what_is_doubted_while_trades_are_asked_for_is_doubted_again_and_asked_for_after_it(
    bench: FeedBench,
) -> None:
    full(bench, "A")
    bench.net.on_get(FIRST + "/trades", After(3, answer({})), answer({}))
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    await bench.run(5)
    bench.feed.fill_trades("A", 1_000, 2_000)
    # The answer comes after the doubt and was perhaps made before it: it must not settle it.
    await bench.run(2.5)
    bench.feed.doubt_trades("A", 3_000, 4_000)
    assert bench.events("error") == ["trades:A"]
    await bench.run(0.75)
    assert bench.events("error") == ["trades:A", "trades:A"]
    assert len(bench.asked("/trades")) == 1
    await bench.run(1)
    assert len(bench.asked("/trades")) == 2
    await bench.run(20)
    assert len(bench.events("error")) == 2
    assert len(bench.asked("/trades")) == 2


async def test_a_frame_whose_topic_is_damaged_puts_the_trades_in_doubt_of_those_it_names(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A, B])
    await bench.run(5)
    at_ns = bench.clock.now_ns()
    for connection, text in (("okx/public/1", "tr\x01des:A|x"), ("okx/business/9", "tr\x01des:B|x")):
        bench.feed.doubt_frame(Frame(at_ns, "okx", connection, text))
    await bench.run(1)
    assert bench.events("error") == ["trades:A"], "the other connection carries no trades of B"


async def test_a_frame_whose_topic_names_nobody_any_more_is_known_by_what_is_left_of_it(bench: FeedBench) -> None:
    coins = [perp(symbol) for symbol in ("WIFUSDT", "WIFUSDC", "PEPEUSDT")]
    full(bench, *(one.symbol for one in coins))
    bench.feed.start()
    bench.feed.follow(coins)
    bench.feed.deepen(coins)
    await bench.run(5)
    at_ns = bench.clock.now_ns()
    for named in ("WI\x01}USDT", "WI", "XYZUSDT", "WIFU\x01}T", ""):
        bench.feed.doubt_frame(Frame(at_ns, "okx", "okx/public/1", f'{{"topic":"trades","symbol":"{named}"'))
    assert bench.events("error") == ["trades:WIFUSDT"]


async def test_after_a_silence_trades_are_asked_for_only_once_every_subscription_stands(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A, B])
    assert not bench.feed.fill_all_trades(1_000, 2_000)
    await bench.run(5)
    assert bench.feed.fill_all_trades(1_000, 2_000)
    await bench.run(1)
    assert [one.partition("&")[0] for one in bench.asked("/trades")] == ["/trades?symbol=A", "/trades?symbol=B"]


async def test_a_doubt_of_the_whole_product_names_trades_and_books_of_all_that_is_deep(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([B])
    bench.feed.doubt()
    assert bench.events("error") == ["trades:B", "book:B"]


# Books that broke.


async def test_a_broken_book_is_mended_by_a_request_where_the_stream_goes_on(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.language.mends_by_request = True
    bench.feed.start()
    bench.feed.follow([A, B])
    bench.feed.deepen([A])
    bench.market.broken = ["A", "B"]
    await bench.run(1)
    assert bench.asked("/depth") == ["/depth?symbol=A"], "what is not deep has no book"
    await bench.run(FIRST_MS / 1000)
    assert len(bench.asked("/depth")) == 2
    bench.market.broken = []
    await bench.run(20)
    assert len(bench.asked("/depth")) == 2
    assert bench.answers("/depth") == 2


async def test_no_book_is_asked_for_while_nothing_comes_that_would_go_on_from_it(bench: FeedBench) -> None:
    full(bench, "A")
    bench.language.mends_by_request = True
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    bench.feed.doubt()
    bench.market.broken = ["A"]
    await bench.run(30)
    assert bench.asked("/depth") == []
    bench.feed.speaks()
    await bench.run(1)
    assert bench.asked("/depth") == ["/depth?symbol=A"]


async def test_a_broken_book_is_mended_by_a_new_subscription_where_it_sends_a_snapshot(bench: FeedBench) -> None:
    full(bench, "A")
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    await bench.run(5)
    before = [text for socket in bench.net.sockets for text in socket.sent]
    bench.market.broken = ["A"]
    await bench.run(2)
    after = [text for socket in bench.net.sockets for text in socket.sent][len(before) :]
    assert sum('"unsub"' in text and '"book:A"' in text for text in after) == 1
    assert not any('"trades:A"' in text for text in after), "its trades go on"
    assert bench.asked("/depth") == []


async def test_a_book_that_cannot_be_asked_for_stops_nothing(bench: FeedBench) -> None:
    full(bench, "A")
    bench.language.mends_by_request = True
    bench.net.on_get(FIRST + "/depth", answer({"wrong": 1}, status=400), answer({}))
    bench.feed.start()
    bench.feed.follow([A])
    bench.feed.deepen([A])
    bench.market.broken = ["A"]
    await bench.run(5)
    assert len(bench.asked("/depth")) == 2
    assert bench.announced == []


# Polls and candles.


async def test_what_a_venue_refuses_for_what_it_is_is_not_polled_again_and_the_rest_is(bench: FeedBench) -> None:
    full(bench, "A")
    bench.language.polled = [
        Poll("open_interest", "GET /oi?symbol=A", 4.0, "A"), Poll("funding", "GET /funding?symbol=A", 4.0, "A"),
        Poll("ticker", "GET /tickers", 4.0),
    ]  # fmt: skip
    bench.net.on_get(FIRST + "/oi", answer({"wrong": 1}, status=400))
    bench.net.on_get(FIRST + "/tickers", answer("x", status=200))
    bench.feed.start()
    bench.feed.follow([A])
    await bench.run(20)
    assert len(bench.asked("/oi")) == 1
    assert len(bench.asked("/funding")) >= 4
    assert len(bench.asked("/tickers")) >= 4


async def test_settled_rates_are_asked_for_at_the_start_and_after_each_settlement(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.language.polled = [Poll("funding_history", f"GET /settled?symbol={name}", 28_800.0, name) for name in "AB"]
    bench.market.settles = {"A": bench.clock.now_ns() // 1_000_000 + 100_000}
    bench.net.on_get(FIRST + "/settled?symbol=B", answer({"busy": 1}, status=500))
    bench.feed.start()
    bench.feed.follow([A, B])
    await bench.run(10)
    assert len(bench.asked("/settled?symbol=A")) == 1
    failed = len(bench.asked("/settled?symbol=B"))
    assert failed >= 1
    await bench.run(140, every=1.0)
    assert len(bench.asked("/settled?symbol=A")) == 1
    await bench.run(30, every=1.0)
    assert len(bench.asked("/settled?symbol=A")) == 2
    # What was not answered is asked for again in five minutes, not after one interval.
    await bench.run(150, every=1.0)
    assert len(bench.asked("/settled?symbol=B")) > failed


async def test_a_settled_rate_that_is_published_late_is_asked_for_again(bench: FeedBench) -> None:
    full(bench, "A")
    bench.language.polled = [Poll("funding_history", "GET /settled?symbol=A", 28_800.0, "A")]
    settles_ms = bench.clock.now_ns() // 1_000_000 + 10_000
    bench.market.settles, bench.market.settled = {"A": settles_ms}, {"A": settles_ms - 28_800_000}
    bench.feed.start()
    bench.feed.follow([A])
    await bench.run(100, every=1.0)
    assert len(bench.asked("/settled")) == 2
    await bench.run(300, every=1.0)
    assert len(bench.asked("/settled")) == 3
    bench.market.settled = {"A": settles_ms}
    await bench.run(1_300, every=5.0)
    assert len(bench.asked("/settled")) == 4


async def test_settled_rates_that_wait_hold_back_no_other_poll(bench: FeedBench) -> None:
    full(bench, "A")
    bench.language.polled = [
        *(Poll("funding_history", f"GET /settled?symbol=S{number}", 28_800.0, f"S{number}") for number in range(9)),
        Poll("ticker", "GET /tickers", 1.0),
    ]
    bench.net.on_get(FIRST + "/settled", After(8, answer({})))
    bench.feed.start()
    bench.feed.follow([A])
    await bench.run(20)
    assert len(bench.asked("/settled")) <= 3
    assert len(bench.asked("/tickers")) >= 15


async def test_candles_of_the_most_important_are_asked_for_first_and_few_at_once(bench: FeedBench) -> None:
    many = [perp(f"S{number:03}") for number in range(rules.FIRST + 10)]
    full(bench, *(one.symbol for one in many[1:]))
    bench.market.runs[many[-1].symbol, "1m"] = (-1, 0, False)
    at_once = 0

    def slowly(url: str) -> HttpAnswer:
        nonlocal at_once
        at_once = max(at_once, bench.net.open_gets)
        return answer({})

    bench.net.on_get(FIRST + "/candles", After(1, slowly))
    bench.feed.start()
    bench.feed.follow(many)
    await bench.run(10)
    first = bench.asked("/candles")
    assert [one.partition("&limit")[0] for one in first] == [
        "/candles?symbol=S000&interval=4h", "/candles?symbol=S000&interval=15m", "/candles?symbol=S000&interval=5m",
        "/candles?symbol=S000&interval=1m", f"/candles?symbol={many[-1].symbol}&interval=1m",
    ]  # fmt: skip
    assert at_once <= AT_ONCE + POLLS_AT_ONCE


async def test_candles_that_were_not_answered_are_asked_for_again_and_refused_ones_are_not(bench: FeedBench) -> None:
    full(bench, "A", "B")
    bench.market.runs["A", "1m"] = bench.market.runs["B", "1m"] = (-1, 0, False)
    bench.net.on_get(FIRST + "/candles?symbol=A", Failed("protocol", "no proper answer"))
    bench.net.on_get(FIRST + "/candles?symbol=B", answer({"wrong": 1}, status=400))
    bench.feed.start()
    bench.feed.follow([A, B])
    await bench.run(130)
    assert len(bench.asked("/candles?symbol=A")) >= 2
    assert len(bench.asked("/candles?symbol=B")) == 1


REGION_REFUSED = answer({"region": 1}, status=403)


async def test_everything_is_polled_again_once_the_region_is_no_longer_refused(
    bench: FeedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_status, "REGION_S", 300.0)
    full(bench, "A", "B")
    bench.language.hosts = (FIRST,)
    bench.language.polled = [
        *(Poll("open_interest", f"GET /oi?symbol={name}", 60.0, name) for name in "AB"),
        *(Poll("funding_history", f"GET /settled?symbol={name}", 28_800.0, name) for name in "AB"),
    ]
    bench.net.on_get(FIRST, REGION_REFUSED)
    bench.feed.start()
    bench.feed.follow([A, B])
    await bench.run(200, every=5.0)
    assert len(bench.net.gets) <= AT_ONCE + POLLS_AT_ONCE + 3, "a venue that refuses the region is left alone"
    bench.net.on_get(FIRST, answer({}))
    began = len(bench.net.gets)
    await bench.run(500, every=5.0)
    again = {url.removeprefix(FIRST) for url in bench.net.gets[began:]}
    assert again >= {f"/{path}?symbol={name}" for path in ("oi", "settled") for name in "AB"}


async def test_candles_are_asked_for_once_the_region_is_no_longer_refused(
    bench: FeedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_status, "REGION_S", 300.0)
    full(bench, "A", "B")
    bench.language.hosts = (FIRST,)
    length_ms = 900_000
    newest_ms = bench.clock.now_ns() // 1_000_000 // length_ms * length_ms + 10 * length_ms
    # Of A the bars before those of a full answer are missing, of B all.
    bench.market.runs["A", "15m"] = (newest_ms, bench.language.candles_max - 1, False)
    bench.market.runs["B", "15m"] = (-1, 0, False)
    bench.net.on_get(FIRST, REGION_REFUSED)
    bench.feed.start()
    bench.feed.follow([A, B])
    await bench.run(200, every=5.0)
    bench.net.on_get(FIRST, answer({}))
    began = len(bench.net.gets)
    await bench.run(500, every=5.0)
    again = [url.removeprefix(FIRST) for url in bench.net.gets[began:] if "/candles" in url]
    assert {one.partition("&limit")[0] for one in again} >= {f"/candles?symbol={name}&interval=15m" for name in "AB"}


async def test_requests_that_the_region_forbids_do_not_fail_in_a_row(
    bench: FeedBench, caplog: pytest.LogCaptureFixture
) -> None:
    many = [perp(f"S{number:03}") for number in range(100)]
    bench.language.hosts = (FIRST,)
    bench.net.on_get(FIRST, REGION_REFUSED)
    bench.feed.start()
    bench.feed.follow(many)
    with caplog.at_level("INFO", "prism.feeds"):
        await bench.run(200, every=5.0)
    # 400 jobs are waiting, and a plan is made every minute.
    assert len([one for one in caplog.records if "refused" in one.getMessage()]) < 50
    assert bench.feed.backfill.waiting > 300


# Faults of our own.


async def test_a_worker_that_fails_is_started_again_and_never_doubled(
    bench: FeedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(bench, "A")
    bench.language.polled = [Poll("ticker", f"GET /slow?n={number}", 1.0) for number in range(30)]
    bench.net.on_get(FIRST + "/slow", After(2, answer({})))
    ask, asked, under_way, most = bench.feed._ask, 0, 0, 0

    async def failing(request: str, priority: Priority) -> Response:
        nonlocal asked, under_way, most
        if not request.startswith("GET /slow"):
            return await ask(request, priority)
        asked += 1
        if asked % 7 == 0:
            raise PrismError("a fault of ours")
        under_way += 1
        most = max(most, under_way)
        try:
            return await ask(request, priority)
        finally:
            under_way -= 1

    monkeypatch.setattr(bench.feed._polls, "_ask", failing)
    bench.feed.start()
    bench.feed.follow([A])
    await bench.run(100)
    assert sum("a fault of ours" in words for words in bench.announced) >= 5
    assert most == POLLS_AT_ONCE
