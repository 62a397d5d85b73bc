"""The listing of a product: asked for again and again, to its end, and what a failure of it costs and says."""

from __future__ import annotations

import pytest

from engine.feeds.pages import MAX_PAGES
from engine.feeds.trouble import Trouble
from engine.feeds.venue import LISTING_EVERY_S, LISTING_RETRY_S
from engine.transport.net import HttpAnswer
from tests.engine.feeds.feed_bench import FeedBench
from tests.engine.transport.fake_net import answer
from tests.engine.transport.plain_language import FIRST


async def test_the_listing_is_asked_for_at_once_and_again_within_a_minute(bench: FeedBench) -> None:
    began_ns = bench.clock.now_ns()
    bench.feed.start()
    await bench.run(1)
    assert bench.relisted == [("okx", began_ns)]
    assert bench.feed.is_listed
    await bench.run(LISTING_EVERY_S + 1)
    assert len(bench.relisted) == 2
    assert len(bench.asked("/listing")) == 2


async def test_while_no_listing_is_answered_what_the_streams_speak_of_is_followed(bench: FeedBench) -> None:
    bench.net.on_get(FIRST + "/listing", answer({"wrong": 1}, status=400), answer({}))
    bench.feed.start()
    await bench.run(1)
    assert bench.relisted == [("okx", 0)]
    assert bench.announced == ["okx: its listing could not be read: okx: GET /listing: 400 wrong"]
    await bench.run(LISTING_RETRY_S)
    assert bench.feed.is_listed
    assert bench.relisted[1][1] > 0


async def test_a_listing_that_cannot_be_read_whole_replaces_nothing(bench: FeedBench) -> None:
    bench.feed.start()
    await bench.run(1)

    def garbled(url: str) -> HttpAnswer:
        bench.market.refused += 1
        return answer({})

    bench.net.on_get(FIRST + "/listing", garbled)
    await bench.run(LISTING_EVERY_S + 1)
    assert len(bench.relisted) == 1, "the one before it stands"
    assert "could not be read whole" in bench.announced[0]


async def test_all_pages_of_a_listing_are_asked_for(bench: FeedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"GET /listing": "GET /listing?page=2", "GET /listing?page=2": "GET /listing?page=3"}
    monkeypatch.setattr(bench.language, "next_page", lambda request, body: pages.get(request))
    bench.feed.start()
    await bench.run(1)
    assert bench.asked("/listing") == ["/listing", "/listing?page=2", "/listing?page=3"]
    assert len(bench.relisted) == 1


async def test_a_listing_without_an_end_counts_as_unread_and_replaces_nothing(
    bench: FeedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.feed.start()
    await bench.run(1)
    monkeypatch.setattr(
        bench.language, "next_page", lambda request, body: f"GET /listing?page={request.partition('=')[2] + 'i'}"
    )
    before = len(bench.asked("/listing"))
    await bench.run(LISTING_EVERY_S + 10)
    assert len(bench.asked("/listing")) - before == MAX_PAGES
    assert len(bench.relisted) == 1, "the one before it stands"
    assert bench.announced == [
        f"okx: its listing could not be read: okx: GET /listing: more than {MAX_PAGES} pages, "
        "so the answer was not read to its end"
    ]


async def test_a_listing_that_keeps_failing_is_told_when_it_begins_for_each_new_reason_and_when_it_is_over(
    bench: FeedBench,
) -> None:
    refused = answer({"wrong": 1}, status=400)
    other = answer({"wrong": 1}, status=404)
    bench.net.on_get(FIRST + "/listing", *[refused] * 20, *[other] * 20, *[refused] * 5, answer({}))
    bench.feed.start()
    await bench.run(45 * LISTING_RETRY_S + 10)
    begins = "okx: its listing could not be read: okx: GET /listing"
    whole = [f"{begins}: 400 wrong", f"{begins}: 404 wrong", "okx: its listing is read again"]
    assert bench.announced == whole
    bench.net.on_get(FIRST + "/listing", refused)
    await bench.run(4 * LISTING_EVERY_S)
    assert bench.announced == [*whole, f"{begins}: 400 wrong"]


def test_a_wait_that_grows_shorter_is_no_new_reason() -> None:
    told: list[str] = []
    trouble = Trouble("okx: no listing", "okx: listed again", told.append)
    for left_s in (30, 25, 20):
        trouble.failed(f"it rests; asked again in {left_s} s")
    trouble.failed("refused")
    trouble.failed("it rests; asked again in 15 s")
    trouble.over()
    trouble.over()
    assert told == ["okx: no listing: it rests; asked again in 30 s", "okx: no listing: refused", "okx: listed again"]
    trouble.failed("refused")
    assert told[3:] == ["okx: no listing: refused"]
