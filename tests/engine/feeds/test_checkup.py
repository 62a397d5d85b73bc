"""The look that `prism doctor` takes at a venue: what is found, in which order, and what it advises."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from engine.feeds.checkup import FRAME_S, SKEW_LIMIT_MS, Finding, check
from engine.instruments import Instrument
from engine.transport.budgets import Rest
from engine.transport.net import Failed, HttpAnswer
from engine.transport.rest_client import RestClient
from engine.venues.base import Parsed, Verdict
from tests.engine.feeds.feed_bench import FeedBench, perp
from tests.engine.transport.fake_net import OPEN, Outcome, answer
from tests.engine.transport.plain_language import FIRST, SECOND
from tests.engine.transport.stream_language import FIRST as STREAM
from tests.engine.transport.stream_language import SECOND as OTHER_STREAM


class FakeParser:
    """Lists what it is told to."""

    venue = "okx"

    def __init__(self, *listed: Instrument) -> None:
        self.listed = listed
        self.answers: list[str] = []

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        raise AssertionError("no frame is read")

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        self.answers.append(request)
        return Parsed(Verdict.CONTROL)

    def instrument(self, symbol: str) -> Instrument:
        return perp(symbol)

    def instruments(self) -> Iterable[Instrument]:
        return self.listed


class Checkup:
    """One look at a venue that answers as scripted; its clock is `skew_ms` ahead of ours."""

    def __init__(self, *listed: Instrument, skew_ms: float = 0.0) -> None:
        self.bench = FeedBench()
        self.parser = FakeParser(*(listed or (perp("BTC"), perp("ETH"))))
        self.net = self.bench.net

        def now(url: str) -> HttpAnswer:
            return answer({"time": int(self.bench.clock.now_ns() / 1e6 + skew_ms)})

        for host in (FIRST, SECOND):
            self.net.on_get(host, answer({}))
            self.net.on_get(host + "/time", now)

    async def run(self, sends: bool = True) -> list[Finding]:
        bench = self.bench

        async def look() -> list[Finding]:
            found = check(bench.language, self.parser, self.net, bench.rest, bench.clock)
            return [finding async for finding in found]

        task = asyncio.create_task(look())
        for _ in range(600):
            if task.done():
                break
            await bench.clock.advance(0.25)
            bench.venue.answer()
            if sends:
                bench.venue.send()
        assert task.done()
        assert all(socket.ended is not None for socket in self.net.sockets), "nothing is left open"
        return task.result()


async def test_a_venue_that_is_well() -> None:
    look = Checkup(perp("BTC"), perp("ETH"), Instrument("okx", "BTC-USDT", "spot", "BTC", "USDT", "BTC"))
    found = await look.run()
    assert [one.subject for one in found] == ["okx requests", "okx listing", "okx stream public"]
    assert all(one.ok and not one.advice for one in found)
    assert "its clock is +0 ms from ours" in found[0].words
    assert found[1].words == "2 perpetuals in dollars, 1 spot pairs"
    assert "first frame of" in found[2].words
    assert look.parser.answers == ["GET /listing"]


async def test_the_stream_of_the_most_traded_asset_is_listened_to() -> None:
    found = await Checkup(perp("ZZZ"), perp("BTC")).run()
    assert ":BTC after" in found[2].words


async def test_a_listing_without_an_end_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Checkup()
    monkeypatch.setattr(look.bench.language, "next_page", lambda request, body: f"{request}+")
    found = {one.subject: one for one in await look.run()}
    assert not found["okx listing"].ok
    assert "more than 50 pages" in found["okx listing"].words


@pytest.mark.parametrize("skew_ms", [-SKEW_LIMIT_MS - 50, SKEW_LIMIT_MS + 50])
async def test_a_clock_that_is_off_is_told_with_what_to_do(skew_ms: float) -> None:
    found = await Checkup(skew_ms=skew_ms).run()
    assert not found[0].ok
    assert f"{skew_ms:+.0f} ms" in found[0].words
    assert "NTP" in found[0].advice


async def test_requests_that_are_refused_here_leave_the_streams_to_be_looked_at() -> None:
    look = Checkup()
    for host in (FIRST, SECOND):
        look.net.on_get(host + "/time", answer({"region": 1}, status=451))
        look.net.on_get(host + "/listing", answer({"region": 1}, status=451))
    found = await look.run()
    assert [one.ok for one in found[:2]] == [False, False]
    assert "REST host refuses your network or country" in found[0].advice
    assert [(one.subject, one.ok) for one in found[2:]] == [("okx stream public", True)], "as the advice promises"
    assert "BTC-USDT-SWAP" in found[2].words, "every venue lists it, also one that would not say so"


async def test_a_broken_encryption_is_not_called_a_missing_network() -> None:
    look = Checkup()
    for host in (FIRST, SECOND):
        look.net.on_get(host + "/time", Failed("tls", f"{host}: TLS failed: certificate expired"))
    found = await look.run()
    assert "breaks the encryption" in found[0].advice


async def test_a_venue_that_banned_this_address_is_not_asked_and_the_rest_is_told() -> None:
    look = Checkup()
    bench = look.bench
    bench.budgets.restore([Rest(FIRST, bench.clock.now_ns() + 3_000 * 10**9, "HTTP 418: banned until")])
    bench.rest = RestClient(bench.net, bench.clock, bench.feed._rng, bench.budgets, bench.records.append)
    found = await look.run()
    assert [one.subject for one in found] == ["okx requests", "okx stream public"], "its streams are no requests"
    assert found[1].ok
    assert not found[0].ok
    assert found[0].words == f"{FIRST} told this address to wait: HTTP 418: banned until; asked again in 50 min"
    assert "prolong" in found[0].advice
    assert look.net.gets == []


async def test_a_listing_that_holds_nothing_is_no_success() -> None:
    look = Checkup()
    look.parser.listed = ()
    found = await look.run()
    assert (found[1].ok, found[1].words) == (False, "0 perpetuals in dollars, 0 spot pairs")


@pytest.mark.parametrize(
    ("outcomes", "advice"),
    [
        ((Failed("status", "one: answered 451 instead of opening a stream"),), "refuses your network or country"),
        ((Failed("refused", "one: no connection"),), "firewall or proxy"),
    ],
)
async def test_a_stream_that_cannot_be_opened_is_told_with_all_that_was_tried(
    outcomes: tuple[Outcome, ...], advice: str
) -> None:
    look = Checkup()
    look.net.on_connect("wss://", *outcomes)
    found = await look.run()
    assert not found[2].ok
    assert STREAM in found[2].words
    assert OTHER_STREAM in found[2].words
    assert advice in found[2].advice


async def test_the_second_address_is_tried_and_why_is_told() -> None:
    look = Checkup()
    look.net.on_connect(STREAM, Failed("refused", "nobody listens"))
    look.net.on_connect(OTHER_STREAM, OPEN)
    found = await look.run()
    assert found[2].ok
    assert "before that" in found[2].words
    assert "nobody listens" in found[2].words


async def test_a_stream_that_opens_and_stays_silent_is_no_success() -> None:
    look = Checkup()
    found = await look.run(sends=False)
    assert not found[2].ok
    assert look.bench.clock.seconds < 2 * FRAME_S + 2, "each of its two addresses gets as long as is said"
    assert f"within {FRAME_S:.0f} s" in found[2].words


async def test_a_subscription_that_is_refused_is_told_in_the_venues_words() -> None:
    look = Checkup()
    look.bench.venue.unknown = {"ticker:BTC", "trades:BTC", "book:BTC"}
    found = await look.run()
    assert not found[2].ok
    assert "was refused: 60018 no such channel" in found[2].words
