"""What one product asks its venue for in turn: polls, settled rates and candles, and what refusals of these cost."""

from __future__ import annotations

import pytest

from engine.feeds import venue as rules
from engine.feeds.venue import (
    AT_ONCE,
    POLLS_AT_ONCE,
)
from engine.transport import host_status
from engine.transport.net import Failed, HttpAnswer
from engine.venues.live import Poll
from tests.engine.feeds.feed_bench import FeedBench, full, perp
from tests.engine.transport.fake_net import After, answer
from tests.engine.transport.plain_language import FIRST

A, B = perp("A"), perp("B")


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
