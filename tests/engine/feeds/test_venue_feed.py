"""The loops of one product: what is asked when, what is put on record, and what a failure of any of it costs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.errors import PrismError
from engine.feeds.mending import FIRST_MS
from engine.feeds.venue import (
    DOUBT_MS,
    OVERLAP_MS,
    POLLS_AT_ONCE,
    SKEW_EVERY_S,
)
from engine.transport.budgets import Priority
from engine.transport.capture_records import Frame, Response
from engine.transport.net import Failed
from engine.venues.live import Poll
from tests.engine.feeds.feed_bench import FeedBench, full, perp
from tests.engine.transport.fake_net import After, answer
from tests.engine.transport.plain_language import FIRST

A, B = perp("A"), perp("B")


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
